//! Notices that time brings: each once, after a pause as well, and to nobody who does not want it.

use super::support::{Bench as Holding, EMAIL, at as then};
use crate::holders::credential::tests::support::{Bench, HOLDER, USER, at};
use crate::holders::credential::{self, Event, RevocationCause};
use crate::holders::messages::{Content, MessageRecord, Template};
use crate::holders::notices;
use crate::holders::otp::Purpose;
use crate::holders::tables::{MESSAGE, SIGNING_CREDENTIAL};
use crate::holders::{CredentialId, HolderId, Holders, MessageId, SignatureNotices};
use crate::testing::block_on;
use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

/// The end of the certificate of `Bench::active`.
fn end() -> DateTime<Utc> {
    at(1) + TimeDelta::days(1_095)
}

fn before(days: i64) -> DateTime<Utc> {
    end() - TimeDelta::days(days)
}

fn tick(holders: &Holders, now: DateTime<Utc>) -> usize {
    block_on(holders.notices_tick(now)).unwrap()
}

/// What stands in the notices about the end of the certificate, oldest first.
fn told(bench: &Bench) -> Vec<(u32, i64)> {
    let due = |content: Content| match content.template {
        Template::RenewalDue { days, until, .. } => Some((days, until)),
        _ => None,
    };
    contents(&bench.holders, &bench.store.contents()).into_iter().filter_map(due).collect()
}

type Rows = std::collections::BTreeMap<(u8, Vec<u8>), Vec<u8>>;

fn contents(holders: &Holders, rows: &Rows) -> Vec<Content> {
    let messages = rows.iter().filter(|((t, key), _)| *t == MESSAGE.number() && key.len() == 8);
    let content = |((_, key), value): (&(u8, Vec<u8>), &Vec<u8>)| {
        let id = MessageId::new(u64::from_be_bytes(key.as_slice().try_into().unwrap()));
        let record: MessageRecord = minicbor::decode(value).unwrap();
        record.open(&holders.inner().pepper, id).unwrap()
    };
    messages.filter_map(content).collect()
}

/// Rows of notices about ends of certificates.
fn waiting(bench: &Bench) -> usize {
    let rows = bench.store.contents();
    rows.keys().filter(|(t, key)| *t == SIGNING_CREDENTIAL.number() && key[0] == 4).count()
}

#[test]
fn an_end_is_told_four_times_and_each_once() {
    let bench = Bench::active();
    let until = end().timestamp_millis();
    assert_eq!(tick(&bench.holders, before(90) - TimeDelta::seconds(1)), 0);
    let mut expected = Vec::new();
    for days in [90, 30, 7, 1] {
        assert_eq!(tick(&bench.holders, before(i64::from(days))), 1, "{days} days before");
        expected.push((days, until));
        assert_eq!(told(&bench), expected);
        let later = before(i64::from(days)) + TimeDelta::hours(12);
        assert_eq!(tick(&bench.holders, later), 0);
        assert_eq!(tick(&bench.restarted(), later), 0);
    }
    assert_eq!((tick(&bench.holders, end()), waiting(&bench)), (0, 0));
}

#[test]
fn after_a_pause_only_what_is_still_so_is_told() {
    let bench = Bench::active();
    let until = end().timestamp_millis();
    assert_eq!(tick(&bench.holders, before(5)), 1);
    // The list has 7; five are left.
    assert_eq!(told(&bench), [(5, until)]);
    assert_eq!(tick(&bench.holders, before(1)), 1);
    assert_eq!(told(&bench), [(5, until), (1, until)]);
}

#[test]
fn the_end_of_what_is_over_is_not_told() {
    let bench = Bench::active();
    assert_eq!(tick(&bench.holders, end() + TimeDelta::seconds(1)), 0);
    assert!(told(&bench).is_empty());
    assert_eq!(waiting(&bench), 0);
}

#[test]
fn a_credential_that_waits_or_was_revoked_has_no_notice() {
    assert_eq!(waiting(&Bench::waiting()), 0);
    let bench = Bench::active();
    assert_eq!(waiting(&bench), 1);
    let (otp, cause) = (bench.otp(Purpose::Revoke), RevocationCause::Cessation);
    let revoke = bench.holders.revoke((HOLDER, bench.id), cause, otp, &bench.issuer, at(50));
    block_on(revoke).unwrap();
    assert_eq!(waiting(&bench), 0);
    assert_eq!(tick(&bench.holders, before(90)), 0);
}

#[test]
fn a_suspended_credential_is_told_of_as_well() {
    let bench = Bench::active();
    bench.suspend(None).unwrap();
    assert_eq!(tick(&bench.holders, before(90)), 1);
}

#[test]
fn a_new_certificate_is_told_of_anew() {
    let bench = Bench::active();
    assert_eq!(tick(&bench.holders, before(30)), 1);
    let (id, days) = (bench.id, TimeDelta::days(1_000));
    block_on(bench.holders.transact(move |_, tx| {
        let mut record = credential::load(tx, id)?;
        let not_after = (end() + days).timestamp_millis();
        record.life = record.life.apply(Event::Renew { not_after }, before(29))?;
        record.version += 1;
        credential::save(tx, id, &record)
    }))
    .unwrap();
    assert_eq!((tick(&bench.holders, before(1)), waiting(&bench)), (0, 1));
    for (told, left) in [90, 30, 7, 1].into_iter().enumerate() {
        assert_eq!(tick(&bench.holders, before(left) + days), 1, "{left} days, {told} told");
    }
}

#[test]
fn a_holder_who_is_erased_leaves_no_notice() {
    let bench = Bench::active();
    block_on(bench.holders.transact(|_, tx| credential::erase(tx, HOLDER, 10).map(drop))).unwrap();
    assert_eq!(waiting(&bench), 0);
    assert_eq!(tick(&bench.holders, before(1)), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whenever the timer runs, in whatever steps: never two notices of one number of days, never
    /// one whose days are past, and each that fell due before the next one is told.
    #[test]
    fn whenever_the_timer_runs_each_is_told_once(
        steps in proptest::collection::vec(1_i64..400, 1..60),
    ) {
        let bench = Bench::active();
        let mut now = before(100);
        let mut expected = Vec::new();
        let mut last = None;
        for hours in steps {
            now += TimeDelta::hours(hours);
            tick(&bench.holders, now);
            let passed = [90, 30, 7, 1].into_iter().rfind(|days| before(*days) <= now);
            if passed != last && now <= end() {
                expected.push(passed.unwrap());
                last = passed;
            }
            let told: Vec<_> = told(&bench).into_iter().map(|(days, _)| i64::from(days)).collect();
            prop_assert_eq!(told.len(), expected.len(), "{:?} at {}", &expected, now);
            for (told, expected) in told.iter().zip(&expected) {
                prop_assert!(told <= expected);
            }
            prop_assert!(told.is_sorted_by(|one, two| one > two), "{:?}", told);
        }
    }
}

/// A credential of nobody's: only its name is told.
fn credential() -> CredentialId {
    CredentialId::new([0xab; 16])
}

fn sign(bench: &Holding, id: HolderId, count: u32, seconds: i64) {
    block_on(bench.holders.transact(move |inner, tx| {
        notices::signed(inner, tx, (id, credential()), count, then(seconds))
    }))
    .unwrap();
}

fn choose(bench: &Holding, id: HolderId, notices: SignatureNotices) {
    block_on(bench.holders.set_notices(id, notices, then(5))).unwrap();
}

fn summaries(bench: &Holding) -> Vec<(String, usize, Option<u32>)> {
    let summary = |content: Content| match content.template {
        Template::SignatureSummary { day, times, count } => Some((day, times.len(), count)),
        _ => None,
    };
    contents(&bench.holders, &bench.store.contents()).into_iter().filter_map(summary).collect()
}

const DAY: i64 = 86_400;

#[test]
fn the_signatures_of_a_day_are_told_on_the_next() {
    let bench = Holding::new();
    let id = bench.holder(EMAIL);
    sign(&bench, id, 1, 10);
    sign(&bench, id, 3, DAY - 1);
    sign(&bench, id, 1, DAY);
    assert_eq!(tick(&bench.holders, then(DAY - 1)), 0);
    assert_eq!(tick(&bench.holders, then(DAY)), 1);
    assert_eq!(summaries(&bench), [("2026-01-01".to_owned(), 4, Some(4))]);
    assert_eq!(tick(&bench.reopened().holders, then(2 * DAY - 1)), 0);
    assert_eq!(tick(&bench.holders, then(9 * DAY)), 1);
    assert_eq!(summaries(&bench)[1], ("2026-01-02".to_owned(), 1, Some(1)));
    assert_eq!(tick(&bench.holders, then(10 * DAY)), 0);
}

#[test]
fn a_summary_of_thousands_lists_the_first() {
    let bench = Holding::new();
    let id = bench.holder(EMAIL);
    for n in 0..30 {
        sign(&bench, id, 100, n);
    }
    tick(&bench.holders, then(DAY));
    assert_eq!(summaries(&bench), [("2026-01-01".to_owned(), 200, Some(3_000))]);
}

#[test]
fn whoever_wants_each_is_told_at_once_and_whoever_wants_none_never() {
    let bench = Holding::new();
    let id = bench.holder(EMAIL);
    choose(&bench, id, SignatureNotices::Each);
    sign(&bench, id, 2, 10);
    assert_eq!(bench.mails_to(EMAIL).last(), Some(&"signature-made"));
    choose(&bench, id, SignatureNotices::None);
    assert_eq!(bench.mails_to(EMAIL).last(), Some(&"notices-changed"));
    let sent = bench.sent().len();
    sign(&bench, id, 2, 11);
    assert_eq!((tick(&bench.holders, then(2 * DAY)), bench.sent().len()), (0, sent));
}

#[test]
fn what_was_noted_is_not_told_to_whoever_wants_none_any_more() {
    let bench = Holding::new();
    let id = bench.holder(EMAIL);
    sign(&bench, id, 2, 10);
    choose(&bench, id, SignatureNotices::None);
    assert_eq!(tick(&bench.holders, then(DAY)), 0);
    let left = bench.store.contents();
    assert!(left.keys().all(|(t, key)| *t != MESSAGE.number() || key[0] != b's'));
}

#[test]
fn notices_of_signatures_go_to_their_own_address_alone() {
    let bench = Bench::active();
    block_on(bench.holders.transact(|inner, tx| {
        let mut record = crate::holders::holder::load(tx, HOLDER)?;
        record.notice_email = Some("office@example.org".to_owned());
        crate::holders::holder::save(tx, HOLDER, &record);
        notices::signed(inner, tx, (HOLDER, credential()), 1, at(50))
    }))
    .unwrap();
    let signed: Vec<_> = contents(&bench.holders, &bench.store.contents())
        .into_iter()
        .filter(|content| content.template.kind() == "signature-made")
        .map(|content| content.to)
        .collect();
    assert_eq!(signed, ["office@example.org"]);
    assert_ne!(USER, "office@example.org");
}
