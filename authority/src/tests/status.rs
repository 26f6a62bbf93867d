//! The state machine: each way there is, and each that there is not.

use super::support::at;
use crate::status::{Change, IllegalChange, Status, StatusWord};
use certs::RevocationReason;

const COMPROMISE: RevocationReason = RevocationReason::KeyCompromise;

fn held() -> Status {
    Status::Held { since: at(10), until: None }
}

fn revoked() -> Status {
    Status::Revoked { at: at(10), reason: RevocationReason::Superseded, invalidity: None }
}

fn suspend() -> Change {
    Change::Suspend { until: None }
}

fn revoke() -> Change {
    Change::Revoke { reason: COMPROMISE, invalidity: None }
}

fn illegal(from: Status, change: Change) -> IllegalChange {
    from.after(change, at(20)).unwrap_err()
}

#[test]
fn good_is_suspended() {
    assert_eq!(
        Status::Good.after(suspend(), at(20)),
        Ok(Status::Held { since: at(20), until: None })
    );
    let change = Change::Suspend { until: Some(at(21)) };
    let expected = Status::Held { since: at(20), until: Some(at(21)) };
    assert_eq!(Status::Good.after(change, at(20)), Ok(expected));
}

#[test]
fn held_is_reactivated() {
    assert_eq!(held().after(Change::Reactivate, at(20)), Ok(Status::Good));
}

#[test]
fn good_is_revoked() {
    let expected = Status::Revoked { at: at(20), reason: COMPROMISE, invalidity: None };
    assert_eq!(Status::Good.after(revoke(), at(20)), Ok(expected));
}

/// What was signed during the suspension must not become valid by the revocation.
#[test]
fn held_is_revoked_as_of_the_suspension() {
    let expected = Status::Revoked { at: at(10), reason: COMPROMISE, invalidity: None };
    assert_eq!(held().after(revoke(), at(20)), Ok(expected));
}

#[test]
fn good_is_not_reactivated() {
    let from = StatusWord::Good;
    assert_eq!(illegal(Status::Good, Change::Reactivate), IllegalChange::Status { from });
}

#[test]
fn held_is_not_suspended_again() {
    let from = StatusWord::Suspended;
    assert_eq!(illegal(held(), suspend()), IllegalChange::Status { from });
}

#[test]
fn revoked_is_final() {
    let from = StatusWord::Revoked;
    for change in [suspend(), Change::Reactivate, revoke()] {
        assert_eq!(illegal(revoked(), change), IllegalChange::Status { from }, "{change:?}");
    }
}

#[test]
fn a_hold_is_no_reason_to_revoke() {
    let change = Change::Revoke { reason: RevocationReason::CertificateHold, invalidity: None };
    for from in [Status::Good, held()] {
        assert_eq!(illegal(from, change), IllegalChange::HoldIsNoRevocation);
    }
}

#[test]
fn a_suspension_does_not_end_before_it_begins() {
    for until in [at(19), at(20)] {
        let change = Change::Suspend { until: Some(until) };
        assert_eq!(illegal(Status::Good, change), IllegalChange::AlreadyOver { until });
    }
}

#[test]
fn an_invalidity_date_is_not_in_the_future() {
    let invalidity = at(21);
    let change = Change::Revoke { reason: COMPROMISE, invalidity: Some(invalidity) };
    for from in [Status::Good, held()] {
        assert_eq!(illegal(from, change), IllegalChange::InvalidInFuture { invalidity });
    }
}

#[test]
fn an_invalidity_date_is_kept_when_it_says_something() {
    for (date, kept) in [(at(5), Some(at(5))), (at(10), None), (at(15), None)] {
        let change = Change::Revoke { reason: COMPROMISE, invalidity: Some(date) };
        let expected = Status::Revoked { at: at(10), reason: COMPROMISE, invalidity: kept };
        assert_eq!(held().after(change, at(20)), Ok(expected));
    }
}

#[test]
fn words_tell_the_end_of_what_is_good_only() {
    let (end, before, after) = (at(100), at(100), at(101));
    assert_eq!(Status::Good.word_at(end, before), StatusWord::Good);
    assert_eq!(Status::Good.word_at(end, after), StatusWord::Expired);
    assert_eq!(held().word_at(end, after), StatusWord::Suspended);
    assert_eq!(revoked().word_at(end, after), StatusWord::Revoked);
    for word in StatusWord::ALL {
        assert_eq!(word.to_string().parse(), Ok(word));
    }
    assert!("held".parse::<StatusWord>().is_err());
}

#[test]
fn each_refusal_says_what_to_do() {
    let text = illegal(revoked(), Change::Reactivate).to_string();
    assert_eq!(text, "it is revoked; a revocation is final: issue a new certificate");
    let text = illegal(held(), suspend()).to_string();
    assert_eq!(text, "it is suspended; give another end, reactivate it, or revoke it");
}
