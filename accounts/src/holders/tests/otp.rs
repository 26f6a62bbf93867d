//! One-time codes: asked for, sent again, tried, and used up.

use super::support::*;
use crate::holders::messages::{Delivery, Template};
use crate::holders::otp::{
    ChallengeEvent, ChallengeState, OtpAsked, OtpChannel, OtpRefusal, OtpRequest, OtpVerified,
    Purpose,
};
use crate::holders::{HolderError, HolderId, OperationId, otp};
use crate::testing::block_on;
use chrono::TimeDelta;

const BOUND: [u8; 32] = [7; 32];

pub(super) fn refused<T: std::fmt::Debug>(outcome: Result<T, HolderError>) -> OtpRefusal {
    match outcome.unwrap_err() {
        HolderError::Otp(refusal) => refusal,
        other => panic!("{other}"),
    }
}

fn seconds(seconds: u64) -> std::time::Duration {
    std::time::Duration::from_secs(seconds)
}

impl Bench {
    pub(super) fn ask(
        &self,
        id: HolderId,
        purpose: Purpose,
        s: i64,
    ) -> Result<OtpAsked, HolderError> {
        block_on(self.holders.begin_otp(id, OtpRequest::new(purpose, BOUND), at(s)))
    }

    pub(super) fn again(
        &self,
        id: HolderId,
        it: &OtpAsked,
        s: i64,
    ) -> Result<OtpAsked, HolderError> {
        block_on(self.holders.resend_otp(id, it.operation, at(s)))
    }

    pub(super) fn try_code(
        &self,
        id: HolderId,
        it: &OtpAsked,
        code: &str,
        s: i64,
    ) -> Result<OtpVerified, HolderError> {
        let (holders, purpose) = (&self.holders, it.purpose);
        block_on(holders.verify_otp(id, it.operation, code, purpose, BOUND, at(s)))
    }

    /// The codes that were sent, oldest first.
    pub(super) fn codes(&self) -> Vec<String> {
        let code = |sent: Sent| match sent.content.template {
            Template::OtpCode { code, .. } if sent.record.delivery == Delivery::Sms => Some(code),
            _ => None,
        };
        self.sent().into_iter().filter_map(code).collect()
    }

    pub(super) fn newest_code(&self) -> String {
        self.codes().pop().unwrap()
    }
}

/// A code that is not this one.
pub(super) fn other_than(code: &str) -> &'static str {
    if code == "314159" { "271828" } else { "314159" }
}

#[test]
fn a_code_is_sent_and_taken_once() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    let asked = bench.ask(id, Purpose::StepUp, 10).unwrap();
    assert_eq!((asked.channel, asked.to.as_deref()), (OtpChannel::Sms, Some("+39 … 67")));
    assert_eq!((asked.made_at, asked.expires_at), (at(10), at(190)));
    assert_eq!((asked.resend_at, asked.tries_left), (Some(at(40)), 3));
    let sent = bench.sent().pop().unwrap();
    assert!(sent.record.secret && sent.content.to == "+393471234567");
    let Template::OtpCode { purpose, requested_at, made_at, code, .. } = sent.content.template
    else {
        panic!("no code");
    };
    assert_eq!((purpose, requested_at, made_at), (Purpose::StepUp, millis(10), millis(10)));

    let proof = bench.try_code(id, &asked, &code, 20).unwrap();
    assert_eq!((proof.holder(), proof.operation(), proof.bound()), (id, asked.operation, BOUND));
    proof.consume(id, asked.operation, Purpose::StepUp, &BOUND).unwrap();
    assert_eq!(refused(bench.try_code(id, &asked, &code, 21)), OtpRefusal::Void);
    assert_eq!(refused(bench.again(id, &asked, 60)), OtpRefusal::Void);
    assert!(bench.history(id).ends_with(&["otp-sent"]));
}

fn millis(seconds: i64) -> i64 {
    at(seconds).timestamp_millis()
}

#[test]
fn three_wrong_codes_and_the_right_one_comes_too_late() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    let asked = bench.ask(id, Purpose::StepUp, 10).unwrap();
    let code = bench.newest_code();
    let wrong = other_than(&code);
    assert_eq!(refused(bench.try_code(id, &asked, wrong, 11)), OtpRefusal::Wrong { left: 2 });
    assert_eq!(refused(bench.try_code(id, &asked, wrong, 12)), OtpRefusal::Wrong { left: 1 });
    assert_eq!(refused(bench.try_code(id, &asked, wrong, 13)), OtpRefusal::Spent);
    assert_eq!(refused(bench.try_code(id, &asked, &code, 14)), OtpRefusal::Spent);
    assert_eq!(refused(bench.reopened().try_code(id, &asked, &code, 15)), OtpRefusal::Spent);
    assert_eq!(bench.history(id).iter().filter(|word| **word == "otp-failed").count(), 3);
}

#[test]
fn what_is_no_code_takes_no_try() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    let asked = bench.ask(id, Purpose::StepUp, 10).unwrap();
    let code = bench.newest_code();
    for text in ["", "12345", "1234567", "12345a", "١٢٣٤٥٦", "-1234 "] {
        assert_eq!(refused(bench.try_code(id, &asked, text, 11)), OtpRefusal::Malformed, "{text}");
    }
    let spaced = format!(" {} {}", &code[..3], &code[3..]);
    assert_eq!(bench.try_code(id, &asked, &spaced, 12).unwrap().operation(), asked.operation);
}

#[test]
fn a_code_is_for_one_holder_operation_purpose_and_thing() {
    let bench = Bench::new();
    let (ada, bea) = (bench.holder(EMAIL), bench.holder("bea@example.org"));
    let asked = bench.ask(ada, Purpose::Sign, 10).unwrap();
    let code = bench.newest_code();
    let holders = &bench.holders;
    let attempt = |id, operation, purpose, bound| {
        block_on(holders.verify_otp(id, operation, &code, purpose, bound, at(20)))
    };
    let (sign, operation) = (Purpose::Sign, asked.operation);
    let unknown = OperationId::new([9; 16]);
    assert_eq!(refused(attempt(ada, unknown, sign, BOUND)), OtpRefusal::Unknown);
    assert_eq!(refused(attempt(bea, operation, sign, BOUND)), OtpRefusal::Unknown);
    assert_eq!(refused(bench.again(bea, &asked, 60)), OtpRefusal::Unknown);
    for other in
        [attempt(ada, operation, Purpose::Revoke, BOUND), attempt(ada, operation, sign, [8; 32])]
    {
        assert!(matches!(other, Err(HolderError::OtpForOther)), "{other:?}");
    }
    // None of these took a try.
    assert!(attempt(ada, operation, sign, BOUND).is_ok());
}

#[test]
fn the_code_of_another_operation_is_wrong_here() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    let first = bench.ask(id, Purpose::StepUp, 10).unwrap();
    let second = bench.ask(id, Purpose::Sign, 11).unwrap();
    let codes = bench.codes();
    assert_ne!(codes[0], codes[1]);
    assert_eq!(refused(bench.try_code(id, &second, &codes[0], 12)), OtpRefusal::Wrong { left: 2 });
    assert!(bench.try_code(id, &first, &codes[0], 12).is_ok());
    assert!(bench.try_code(id, &second, &codes[1], 12).is_ok());
}

#[test]
fn a_newer_operation_for_a_purpose_voids_the_older() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    let older = bench.ask(id, Purpose::StepUp, 10).unwrap();
    let newer = bench.ask(id, Purpose::StepUp, 11).unwrap();
    let codes = bench.codes();
    assert_eq!(refused(bench.try_code(id, &older, &codes[0], 12)), OtpRefusal::Void);
    assert_eq!(refused(bench.again(id, &older, 60)), OtpRefusal::Void);
    assert!(bench.try_code(id, &newer, &codes[1], 12).is_ok());
}

#[test]
fn a_code_ends_at_its_last_instant() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    let asked = bench.ask(id, Purpose::StepUp, 10).unwrap();
    let code = bench.newest_code();
    assert_eq!(refused(bench.try_code(id, &asked, &code, 190)), OtpRefusal::Expired);
    assert_eq!(bench.try_code(id, &asked, &code, 189).unwrap().operation(), asked.operation);
}

#[test]
fn the_same_code_is_sent_again_while_it_lives_and_then_another() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    let asked = bench.ask(id, Purpose::StepUp, 10).unwrap();
    let refusal = refused(bench.again(id, &asked, 39));
    assert_eq!(refusal, OtpRefusal::TooSoon { retry_after: seconds(1) });
    let again = bench.again(id, &asked, 40).unwrap();
    assert_eq!((again.made_at, again.expires_at), (at(10), at(190)));
    let anew = bench.again(id, &asked, 190).unwrap();
    assert_eq!((anew.made_at, anew.expires_at), (at(190), at(370)));
    let codes = bench.codes();
    assert_eq!(codes[0], codes[1]);
    assert_ne!(codes[1], codes[2]);
    assert_eq!(refused(bench.try_code(id, &asked, &codes[1], 191)), OtpRefusal::Wrong { left: 2 });
    assert!(bench.try_code(id, &asked, &codes[2], 191).is_ok());
}

#[test]
fn a_code_that_was_tried_out_is_replaced_by_another() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    let asked = bench.ask(id, Purpose::StepUp, 10).unwrap();
    let wrong = other_than(&bench.newest_code());
    for _ in 0..3 {
        refused(bench.try_code(id, &asked, wrong, 11));
    }
    let again = bench.again(id, &asked, 40).unwrap();
    assert_eq!((again.tries_left, again.made_at), (3, at(40)));
    assert!(bench.try_code(id, &asked, &bench.newest_code(), 41).is_ok());
}

#[test]
fn an_operation_has_five_messages_and_a_quarter_of_an_hour() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    let asked = bench.ask(id, Purpose::StepUp, 0).unwrap();
    for n in 1..=3 {
        assert!(bench.again(id, &asked, 30 * n).unwrap().resend_at.is_some());
    }
    assert_eq!(bench.again(id, &asked, 120).unwrap().resend_at, None);
    assert_eq!(refused(bench.again(id, &asked, 150)), OtpRefusal::Sendings);
    assert_eq!(bench.codes().len(), 5);

    let asked = bench.ask(id, Purpose::Sign, 1_000).unwrap();
    assert!(bench.again(id, &asked, 1_899).is_ok());
    assert_eq!(refused(bench.again(id, &asked, 1_930)), OtpRefusal::Expired);
}

#[test]
fn a_recovery_has_the_operation_of_its_link() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    block_on(bench.holders.request_recovery(EMAIL, HOME, at(10))).unwrap();
    let token = bench.token(EMAIL);
    let link = bench.holders.link(&token, at(11)).unwrap();
    let ask = |s| block_on(bench.holders.begin_recovery_otp(&token, None, at(s)));
    let asked = ask(12).unwrap();
    assert_eq!(asked.operation, link.operation);
    // Asked again it is sent again, under the same limits.
    assert!(matches!(refused(ask(13)), OtpRefusal::TooSoon { .. }));
    ask(42).unwrap();
    let codes = bench.codes();
    assert_eq!(codes[0], codes[1]);
    let purpose = Purpose::RecoverPassword;
    let verify = |code: &str, s| {
        let (operation, bound) = (link.operation, link.bound);
        block_on(bench.holders.verify_otp(id, operation, code, purpose, bound, at(s)))
    };
    let proof = verify(&codes[0], 43).unwrap();
    let weak = crate::holders::TypedTwice { new: "weak", repeat: "weak" };
    block_on(bench.holders.recover_password(&token, bench.in_room(proof), &weak, at(44)))
        .unwrap_err();
    // The code is used up; another one comes.
    ask(72).unwrap();
    let proof = verify(&bench.newest_code(), 73).unwrap();
    let typed = crate::holders::TypedTwice { new: OTHER, repeat: OTHER };
    block_on(bench.holders.recover_password(&token, bench.in_room(proof), &typed, at(74))).unwrap();
    bench.login(EMAIL, OTHER, 75).unwrap();
    let again = block_on(bench.holders.begin_recovery_otp(&token, None, at(120)));
    assert!(matches!(again, Err(HolderError::LinkInvalid)));
}

#[test]
fn who_may_not_log_in_gets_no_code() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    let asked = bench.ask(id, Purpose::StepUp, 10).unwrap();
    block_on(bench.holders.block(id, "a reason", operator(), at(11))).unwrap();
    assert_eq!(slug(bench.ask(id, Purpose::StepUp, 12)), "wrong-state");
    assert_eq!(slug(bench.again(id, &asked, 60)), "wrong-state");
}

#[test]
fn what_is_over_is_forgotten() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    let rows = |bench: &Bench| {
        bench.store.contents().keys().filter(|(table, _)| matches!(table, 14 | 15)).count()
    };
    let asked = bench.ask(id, Purpose::StepUp, 0).unwrap();
    refused(bench.try_code(id, &asked, other_than(&bench.newest_code()), 1));
    assert_eq!(rows(&bench), 7);
    assert_eq!(block_on(bench.holders.otp_tick(at(1_000))).unwrap(), 0);
    assert_eq!(block_on(bench.holders.otp_tick(at(3_780))).unwrap(), 3);
    assert_eq!(rows(&bench), 3);
    let later = at(3_780) + TimeDelta::days(1);
    assert_eq!(block_on(bench.holders.otp_tick(later)).unwrap(), 3);
    assert_eq!(rows(&bench), 0);
}

#[test]
fn a_code_is_found_nowhere_but_in_its_message() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    bench.ask(id, Purpose::StepUp, 10).unwrap();
    let code = bench.newest_code();
    for ((table, key), value) in bench.store.contents() {
        for row in [&key, &value] {
            assert!(!row.windows(6).any(|part| part == code.as_bytes()), "table {table}");
            let number = b"3471234567";
            let known = matches!(table, 8 | 10);
            assert!(known || !row.windows(10).any(|part| part == number), "table {table}");
        }
    }
}

#[test]
fn there_is_no_other_transition() {
    use {ChallengeEvent as Event, ChallengeState as State};
    let drawn = |state, event| match (state, event) {
        (State::Waiting, Event::Use) => Some(State::Used),
        (State::Waiting, Event::Spend) => Some(State::Spent),
        (State::Waiting | State::Spent, Event::Replace) => Some(State::Replaced),
        (State::Waiting | State::Spent, Event::Renew) => Some(State::Waiting),
        _ => None,
    };
    for state in State::ALL {
        for event in Event::ALL {
            assert_eq!(state.apply(event).ok(), drawn(state, event), "{state:?} {event:?}");
        }
    }
    assert_eq!(State::Used.apply(Event::Use), Err(OtpRefusal::Void));
    assert_eq!(State::Spent.apply(Event::Use), Err(OtpRefusal::Spent));
}

#[test]
fn what_a_code_is_bound_to_depends_on_every_part() {
    assert_eq!(otp::bound(&[b"a", b"b"]), otp::bound(&[b"a", b"b"]));
    assert_ne!(otp::bound(&[b"ab"]), otp::bound(&[b"a", b"b"]));
    assert_ne!(otp::bound(&[]), otp::bound(&[b""]));
}
