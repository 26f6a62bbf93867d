//! Another phone number.

use super::support::*;
use crate::encoding::decode;
use crate::holders::messages::{Delivery, Template};
use crate::holders::otp::{OtpAsked, OtpRequest, OtpVerified, Purpose};
use crate::holders::phone::{PhoneProofs, PhoneState, phone_bound};
use crate::holders::sessions::Access;
use crate::holders::tables::PHONE_CHANGE;
use crate::holders::{HolderError, HolderId, OperationId, PhoneNumber, TypedTwice};
use crate::testing::block_on;

pub(super) const OLD: &str = "+393471234567";
pub(super) const NEW: &str = "+393498765432";
pub(super) const DAY: i64 = 86_400;

pub(super) fn number(text: &str) -> PhoneNumber {
    PhoneNumber::parse("number", text).unwrap()
}

pub(super) fn begin(
    bench: &Bench,
    access: &Access,
    new: &str,
    s: i64,
) -> Result<OtpAsked, HolderError> {
    let new = number(new);
    let proof = bench.proof(access.holder, Purpose::ChangePhone, phone_bound(&new));
    begin_with(bench, access, &new, (proof, None), s)
}

pub(super) fn begin_with(
    bench: &Bench,
    access: &Access,
    new: &PhoneNumber,
    (number, app): (OtpVerified, Option<OtpVerified>),
    s: i64,
) -> Result<OtpAsked, HolderError> {
    let proofs = PhoneProofs { number, app };
    block_on(bench.holders.begin_phone_change(access, new, proofs, at(s)))
}

/// As if the code that went to the new number had been right.
fn proof(access: &Access, new: &str) -> OtpVerified {
    let (operation, bound) = (OperationId::new([2; 16]), phone_bound(&number(new)));
    OtpVerified::for_tests(access.holder, operation, Purpose::ProvePhone, bound)
}

pub(super) fn confirm(
    bench: &Bench,
    access: &Access,
    new: &str,
    s: i64,
) -> Result<PhoneState, HolderError> {
    let confirm = bench.holders.confirm_phone_change(access, proof(access, new), at(s));
    block_on(confirm).map(|view| view.state)
}

pub(super) fn cancel(bench: &Bench, access: &Access, s: i64) -> Result<(), HolderError> {
    block_on(bench.holders.cancel_phone_change(access, at(s)))
}

pub(super) fn tick(bench: &Bench, s: i64) -> usize {
    block_on(bench.holders.phone_tick(at(s))).unwrap()
}

pub(super) fn phone(bench: &Bench, id: HolderId) -> String {
    bench.holders.holder(id).unwrap().phone
}

/// The short messages to a number, oldest first.
pub(super) fn short(bench: &Bench, to: &str) -> Vec<&'static str> {
    let sent = bench.sent();
    let short = sent.iter().filter(|m| m.record.delivery == Delivery::Sms && m.content.to == to);
    short.map(|m| m.content.template.kind()).collect()
}

/// The code that was sent to a number last.
fn code(bench: &Bench, to: &str) -> String {
    let code = |sent: Sent| match sent.content.template {
        Template::OtpCode { code, .. } if sent.content.to == to => Some(code),
        _ => None,
    };
    bench.sent().into_iter().filter_map(code).next_back().unwrap()
}

#[test]
fn with_the_old_number_a_new_one_counts_at_once() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    let access = bench.logged_in(EMAIL, 2);
    let asked = begin(&bench, &access, NEW, 10).unwrap();
    assert_eq!(asked.purpose, Purpose::ProvePhone);
    assert_eq!(asked.to.as_deref(), Some(number(NEW).masked().as_str()));
    assert_eq!((short(&bench, NEW), short(&bench, OLD)), (vec!["otp"], vec![]));
    assert_eq!(phone(&bench, id), OLD);
    let view = bench.holders.phone_change(id, at(11)).unwrap().unwrap();
    assert_eq!((view.state, view.counts_at), (PhoneState::Agreed, None));
    assert_eq!(view.prove_until, Some(at(10 + 1_800)));
    assert_eq!(view.number, number(NEW).masked());
    // The whole way: the code that was sent proves it.
    let code = code(&bench, NEW);
    let verify = bench.holders.verify_otp(
        id,
        asked.operation,
        &code,
        Purpose::ProvePhone,
        view.bound,
        at(12),
    );
    let proof = block_on(verify).unwrap();
    let confirm = bench.holders.confirm_phone_change(&access, proof, at(12));
    assert_eq!(block_on(confirm).unwrap().state, PhoneState::Counted);
    assert_eq!(phone(&bench, id), NEW);
    assert_eq!(bench.holders.phone_change(id, at(13)).unwrap(), None);
    assert_eq!(bench.mails_to(EMAIL).last(), Some(&"phone-changed"));
    assert_eq!(short(&bench, OLD), ["phone-changed"]);
    assert!(bench.history(id).contains(&"phone-change-requested"));
    assert_eq!(bench.history(id).last(), Some(&"phone-changed"));
    // Codes go to the new number from now on.
    let ask = OtpRequest::new(Purpose::StepUp, [0; 32]);
    let asked = block_on(bench.holders.begin_otp(id, ask, at(60))).unwrap();
    assert_eq!(asked.to.as_deref(), Some(number(NEW).masked().as_str()));
    assert_eq!(short(&bench, NEW), ["otp", "otp"]);
}

#[test]
fn codes_that_went_to_the_old_number_are_dead() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    let access = bench.logged_in(EMAIL, 2);
    let ask = OtpRequest::new(Purpose::StepUp, [7; 32]);
    let asked = block_on(bench.holders.begin_otp(id, ask, at(9))).unwrap();
    let old = code(&bench, OLD);
    begin(&bench, &access, NEW, 10).unwrap();
    confirm(&bench, &access, NEW, 11).unwrap();
    let verify =
        bench.holders.verify_otp(id, asked.operation, &old, Purpose::StepUp, [7; 32], at(12));
    assert!(block_on(verify).is_err());
}

#[test]
fn only_the_right_proofs_do() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    let access = bench.logged_in(EMAIL, 2);
    let (new, other) = (number(NEW), number("+393330001112"));
    for proof in [
        bench.proof(id, Purpose::ChangePhone, phone_bound(&other)),
        bench.proof(id, Purpose::ProvePhone, phone_bound(&new)),
        bench.proof(HolderId::new(9), Purpose::ChangePhone, phone_bound(&new)),
    ] {
        let begun = begin_with(&bench, &access, &new, (proof, None), 10);
        assert_eq!(slug(begun), "otp-for-other-operation");
    }
    assert_eq!(slug(confirm(&bench, &access, NEW, 10)), "no-phone-change");
    begin(&bench, &access, NEW, 11).unwrap();
    for proof in [
        bench.proof(id, Purpose::ProvePhone, phone_bound(&other)),
        bench.proof(id, Purpose::ChangePhone, phone_bound(&new)),
        bench.proof(HolderId::new(9), Purpose::ProvePhone, phone_bound(&new)),
    ] {
        let confirm = bench.holders.confirm_phone_change(&access, proof, at(12));
        assert_eq!(slug(block_on(confirm)), "otp-for-other-operation");
    }
    assert_eq!(phone(&bench, id), OLD);
}

#[test]
fn the_number_that_it_is_already_is_none() {
    let bench = Bench::new();
    bench.holder(EMAIL);
    let access = bench.logged_in(EMAIL, 2);
    let error = begin(&bench, &access, OLD, 10).unwrap_err();
    assert_eq!((error.field(), error.rule()), (Some("number"), Some("not-the-current")));
}

#[test]
fn what_is_not_proved_in_time_ends() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    let access = bench.logged_in(EMAIL, 2);
    begin(&bench, &access, NEW, 10).unwrap();
    let end = 10 + 1_800;
    assert!(bench.holders.phone_change(id, at(end - 1)).unwrap().is_some());
    assert!(bench.holders.phone_change(id, at(end)).unwrap().is_none());
    assert_eq!(slug(confirm(&bench, &access, NEW, end)), "no-phone-change");
    assert_eq!(slug(cancel(&bench, &access, end)), "no-phone-change");
    assert_eq!((tick(&bench, end - 1), tick(&bench, end), tick(&bench, end)), (0, 1, 0));
    assert_eq!(phone(&bench, id), OLD);
}

#[test]
fn another_number_takes_the_place_of_one_that_was_not_proved() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    let access = bench.logged_in(EMAIL, 2);
    let other = "+393330001112";
    begin(&bench, &access, NEW, 10).unwrap();
    begin(&bench, &access, other, 50).unwrap();
    assert_eq!(slug(confirm(&bench, &access, NEW, 51)), "otp-for-other-operation");
    confirm(&bench, &access, other, 52).unwrap();
    assert_eq!(phone(&bench, id), other);
}

#[test]
fn a_cancelled_change_is_none() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    let access = bench.logged_in(EMAIL, 2);
    assert_eq!(slug(cancel(&bench, &access, 9)), "no-phone-change");
    begin(&bench, &access, NEW, 10).unwrap();
    cancel(&bench, &access, 11).unwrap();
    assert_eq!(slug(confirm(&bench, &access, NEW, 12)), "no-phone-change");
    assert_eq!(slug(cancel(&bench, &access, 13)), "no-phone-change");
    assert_eq!(bench.history(id).last(), Some(&"phone-change-cancelled"));
    assert_eq!(bench.mails_to(EMAIL).last(), Some(&"phone-change-cancelled"));
    assert_eq!(phone(&bench, id), OLD);
}

/// A row is as it was, whatever is refused.
#[test]
fn a_refused_message_begins_no_change() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    let access = bench.logged_in(EMAIL, 2);
    let mut began = 0;
    let refusal = loop {
        match begin(&bench, &access, NEW, 10 + began * 40) {
            Ok(_) => began += 1,
            Err(error) => break error,
        }
        assert!(began < 100);
    };
    assert_eq!(refusal.slug(), "otp-limit");
    let contents = bench.store.contents();
    let bytes = &contents[&(PHONE_CHANGE.number(), id.key().to_vec())];
    let record: crate::holders::phone::PhoneChangeRecord =
        decode(PHONE_CHANGE, &id.key(), bytes).unwrap();
    assert_eq!(record.begun_at, at(10 + (began - 1) * 40).timestamp_millis());
}

/// Who was thrown out by a new password finds nothing of what the old one had begun.
#[test]
fn a_new_password_ends_what_the_old_number_agreed_to() {
    for recovered in [false, true] {
        let bench = Bench::new();
        let id = bench.holder(EMAIL);
        let access = bench.logged_in(EMAIL, 2);
        begin(&bench, &access, NEW, 10).unwrap();
        new_password(&bench, &access, recovered, 12);
        assert_eq!(bench.holders.phone_change(id, at(13)).unwrap(), None);
        assert_eq!(slug(confirm(&bench, &access, NEW, 14)), "no-phone-change");
        assert!(bench.history(id).contains(&"phone-change-cancelled"));
        assert_eq!(phone(&bench, id), OLD);
    }
}

/// Sets another password: with the current one, or with the link of a forgotten one.
pub(super) fn new_password(bench: &Bench, access: &Access, recovered: bool, s: i64) {
    let (holders, typed) = (&bench.holders, TypedTwice { new: OTHER, repeat: OTHER });
    if !recovered {
        let change = holders.change_own_password(access, RIGHT, &typed, HOME, at(s));
        return block_on(change).unwrap();
    }
    block_on(holders.request_recovery(EMAIL, HOME, at(s))).unwrap();
    let token = bench.token(EMAIL);
    let link = holders.link(&token, at(s)).unwrap();
    let (purpose, bound) = (Purpose::RecoverPassword, link.bound);
    let proof = OtpVerified::for_tests(link.holder, link.operation, purpose, bound);
    block_on(holders.recover_password(&token, bench.in_room(proof), &typed, at(s)))
        .map(drop)
        .unwrap();
}
