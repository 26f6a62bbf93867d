//! Suspension, reactivation, revocation; with a login, without one, and with an issuer away.

use super::support::*;
use crate::holders::credential::*;
use crate::holders::history::HistoryKind;
use crate::holders::otp::OtpVerified;
use crate::holders::otp::Purpose;
use crate::holders::pin::CodeRefusal;
use crate::holders::{Actor, CredentialId, HolderError, HolderId, OperationId, SigningKeyKind};
use crate::testing::{TestRandom, block_on, is_pending};
use chrono::TimeDelta;
use envelope::{Codes, EmergencyCode, Puk};
use futures_util::future::{join_all, maybe_done};
use std::net::Ipv4Addr;
use std::sync::atomic::Ordering;

fn wrong_code() -> EmergencyCode {
    EmergencyCode::parse("2345678923").unwrap()
}

fn is_wrong<T>(result: &Result<T, HolderError>) -> bool {
    matches!(result, Err(HolderError::Code(CodeRefusal::WrongEmergencyCode)))
}

#[test]
fn a_suspension_is_told_to_the_issuer_and_ends_with_a_reactivation() {
    let bench = Bench::active();
    let epoch = bench.view().epoch;
    bench.suspend(None).unwrap();
    let cause = SuspensionCause::Holder;
    assert_eq!(bench.state(), State::Suspended { until: None, cause, pin_locked: false });
    let otp = bench.otp(Purpose::Reactivate);
    let act = bench.holders.reactivate((HOLDER, bench.id), None, otp, &bench.issuer, at(40));
    block_on(act).unwrap();
    assert_eq!(bench.state(), State::Active);
    assert!(bench.view().epoch >= epoch + 2, "what was authorised before stays dead");
    let told = [CertificateStatus::Suspended { until: None }, CertificateStatus::Good];
    assert_eq!(*bench.issuer.told.lock(), told);
    assert_eq!(
        bench.messages(),
        ["credential-activated", "credential-suspended", "credential-reactivated"]
    );
}

/// Who has the phone has its codes. The emergency code is for that: its suspension asks for more.
#[test]
fn what_the_emergency_code_suspended_needs_the_puk() {
    let bench = Bench::active();
    let lift = |puk: Option<Puk>| {
        let otp = bench.otp(Purpose::Reactivate);
        let place = (HOLDER, bench.id);
        let puk = puk.map(|puk| (puk, bench.holders.room().unwrap()));
        block_on(bench.holders.reactivate(place, puk, otp, &bench.issuer, at(40)))
    };
    let refused = |result: Result<(), HolderError>| match result {
        Err(HolderError::Code(refusal)) => refusal,
        other => panic!("{other:?}"),
    };
    // Also behind a suspension of the holder's, which whoever has the phone may have made.
    bench.suspend(None).unwrap();
    bench.by_code(USER, bench.emergency_code()).unwrap();
    assert_eq!(refused(lift(None)), CodeRefusal::PukNeeded);
    let wrong = || Puk::parse("3141592653").unwrap();
    assert_eq!(refused(lift(Some(wrong()))), CodeRefusal::WrongPuk { left: 4 });
    assert!(matches!(bench.state(), State::Suspended { .. }));
    lift(Some(bench.puk())).unwrap();
    assert_eq!(bench.state(), State::Active);
    // The tries are those of the PUK.
    bench.by_code(USER, bench.emergency_code()).unwrap();
    for left in [4, 3, 2, 1] {
        assert_eq!(refused(lift(Some(wrong()))), CodeRefusal::WrongPuk { left });
    }
    assert_eq!(refused(lift(Some(wrong()))), CodeRefusal::CodesExhausted);
}

#[test]
fn what_an_operator_suspended_an_operator_lifts() {
    let bench = Bench::active();
    let by_operator = |event| {
        let (place, by) = ((HOLDER, bench.id), "operator".to_owned());
        block_on(bench.holders.change_by_operator(place, event, by, &bench.issuer, at(30)))
            .unwrap();
    };
    by_operator(Event::Suspend { until: None, cause: SuspensionCause::Operator });
    // Neither of these makes it the holder's.
    bench.suspend(None).unwrap();
    bench.by_code(USER, bench.emergency_code()).unwrap();
    for puk in [None, Some((bench.puk(), bench.holders.room().unwrap()))] {
        let otp = bench.otp(Purpose::Reactivate);
        let act = bench.holders.reactivate((HOLDER, bench.id), puk, otp, &bench.issuer, at(40));
        let refused = block_on(act);
        let held = matches!(refused, Err(HolderError::Code(CodeRefusal::HeldByOperator)));
        assert!(held, "{refused:?}");
    }
    by_operator(Event::Reactivate);
    assert_eq!(bench.state(), State::Active);
}

/// Older news that was on its way for long does not come in behind newer.
#[test]
fn the_issuer_hears_of_changes_one_after_the_other() {
    let bench = Bench::active();
    bench.suspend(None).unwrap();
    bench.issuer.holds_good.store(true, Ordering::SeqCst);
    let place = (HOLDER, bench.id);
    let otp = bench.otp(Purpose::Reactivate);
    let lift = bench.holders.reactivate(place, None, otp, &bench.issuer, at(40));
    let mut lift = Box::pin(lift);
    assert!(is_pending(&mut lift), "in the store, and on its way to the issuer");
    assert_eq!(bench.state(), State::Active);
    let otp = bench.otp(Purpose::Suspend);
    let again = bench.holders.suspend(place, None, otp, &bench.issuer, at(41));
    let mut again = Box::pin(maybe_done(again));
    let _ = is_pending(&mut again);
    assert!(matches!(bench.state(), State::Suspended { .. }));
    bench.issuer.release.notify_one();
    block_on(lift).unwrap();
    block_on(again);
    let newest = bench.issuer.told.lock().last().copied();
    assert_eq!(newest, Some(CertificateStatus::Suspended { until: None }));
}

#[test]
fn a_hold_with_a_date_ends_by_itself() {
    let bench = Bench::active();
    bench.suspend(Some(at(100))).unwrap();
    let tick = |when| block_on(bench.holders.credentials_tick(&bench.issuer, when)).unwrap();
    tick(at(99));
    assert!(matches!(bench.state(), State::Suspended { .. }));
    tick(at(100));
    assert_eq!(bench.state(), State::Active);
    let until = Some(at(100));
    let told = [CertificateStatus::Suspended { until }, CertificateStatus::Good];
    assert_eq!(*bench.issuer.told.lock(), told);
    tick(at(101));
    assert_eq!(bench.issuer.told.lock().len(), 2, "and is not told again");
    assert_eq!(
        bench.messages(),
        ["credential-activated", "credential-suspended", "suspension-ends"]
    );
}

#[test]
fn an_issuer_that_is_away_delays_the_news_and_not_the_suspension() {
    let bench = Bench::active();
    bench.issuer.away.store(true, Ordering::SeqCst);
    bench.suspend(None).unwrap();
    assert!(matches!(bench.state(), State::Suspended { .. }));
    let tick = || block_on(bench.holders.credentials_tick(&bench.issuer, at(60))).unwrap();
    tick();
    bench.issuer.away.store(false, Ordering::SeqCst);
    tick();
    tick();
    assert_eq!(*bench.issuer.told.lock(), [CertificateStatus::Suspended { until: None }]);
}

#[test]
fn a_revoked_credential_has_no_key_and_no_way_back() {
    let bench = Bench::active();
    let otp = bench.otp(Purpose::Revoke);
    let cause = RevocationCause::KeyCompromise;
    let act = bench.holders.revoke((HOLDER, bench.id), cause, otp, &bench.issuer, at(30));
    block_on(act).unwrap();
    assert_eq!(bench.state(), State::Revoked { cause });
    let otp = bench.otp(Purpose::Reactivate);
    let act = bench.holders.reactivate((HOLDER, bench.id), None, otp, &bench.issuer, at(40));
    assert!(matches!(block_on(act), Err(HolderError::IllegalTransition { .. })));
    assert_eq!(*bench.issuer.told.lock(), [CertificateStatus::Revoked(cause)]);
}

#[test]
fn an_operator_suspends_and_revokes_and_can_do_nothing_else() {
    let bench = Bench::active();
    let act = |event| {
        let by = "operator".to_owned();
        let place = (HOLDER, bench.id);
        block_on(bench.holders.change_by_operator(place, event, by, &bench.issuer, at(30)))
    };
    for event in [Event::SetPin, Event::LockPin, Event::HoldEnds, Event::Activate { not_after: 1 }]
    {
        assert!(matches!(act(event), Err(HolderError::IllegalTransition { .. })), "{event:?}");
    }
    act(Event::Suspend { until: None, cause: SuspensionCause::EmergencyCode }).unwrap();
    let cause = SuspensionCause::Operator;
    assert_eq!(bench.state(), State::Suspended { until: None, cause, pin_locked: false });
    act(Event::Reactivate).unwrap();
    act(Event::Revoke { cause: RevocationCause::PrivilegeWithdrawn }).unwrap();
}

#[test]
fn the_emergency_code_suspends_without_a_login() {
    let bench = Bench::active();
    // As a frightened person types it.
    bench.by_code(" ADA@Example.org ", bench.emergency_code()).unwrap();
    let cause = SuspensionCause::EmergencyCode;
    assert_eq!(bench.state(), State::Suspended { until: None, cause, pin_locked: false });
    assert_eq!(*bench.issuer.told.lock(), [CertificateStatus::Suspended { until: None }]);
    // Again is no error, and no news.
    bench.by_code(USER, bench.emergency_code()).unwrap();
    assert_eq!(bench.messages(), ["credential-activated", "credential-suspended"]);
}

#[test]
fn a_hold_with_a_date_becomes_one_without_by_the_emergency_code() {
    let bench = Bench::active();
    bench.suspend(Some(at(100))).unwrap();
    bench.by_code(USER, bench.emergency_code()).unwrap();
    block_on(bench.holders.credentials_tick(&bench.issuer, at(200))).unwrap();
    assert!(matches!(bench.state(), State::Suspended { until: None, .. }));
}

#[test]
fn the_code_is_for_the_credentials_of_its_envelope_alone() {
    let bench = Bench::active();
    let codes = Codes::generate(&mut TestRandom::new(8));
    let new = NewCredential {
        holder: HOLDER,
        kind: CredentialKind::Automatic,
        key_kind: SigningKeyKind::P256,
    };
    let second = bench.holders.create_credential(new, &codes, Actor::Service, at(2));
    let second: CredentialId = block_on(second).unwrap();
    bench.by_code(USER, bench.emergency_code()).unwrap();
    let other = bench.holders.credential(HOLDER, second, at(40)).unwrap();
    assert_eq!(other.state, State::AwaitingActivation);
}

/// Whoever has the envelope could activate it.
#[test]
fn the_code_ends_a_credential_that_was_not_activated_yet() {
    let bench = Bench::active();
    let codes = Codes::generate(&mut TestRandom::new(8));
    let new = NewCredential {
        holder: HOLDER,
        kind: CredentialKind::Remote,
        key_kind: SigningKeyKind::P256,
    };
    let made = bench.holders.create_credential(new, &codes, Actor::Service, at(2));
    let made: CredentialId = block_on(made).unwrap();
    bench.by_code(USER, EmergencyCode::parse(codes.emergency_code.expose()).unwrap()).unwrap();
    let state = bench.holders.credential(HOLDER, made, at(40)).unwrap().state;
    assert_eq!(state, State::Revoked { cause: RevocationCause::KeyCompromise });
}

/// A caller's limit is for every user, known or not; and it is that caller's.
#[test]
fn an_unknown_user_and_a_wrong_code_get_the_same_answer_and_the_same_limit() {
    for user in [USER, "nobody@example.org", "not an address"] {
        let bench = Bench::active();
        for _ in 0..50 {
            assert!(is_wrong(&bench.by_code(user, wrong_code())), "{user}");
        }
        let waits = bench.by_code(user, wrong_code());
        let Err(HolderError::Slowed { retry_after }) = waits else { panic!("{waits:?}") };
        assert!(retry_after.as_secs() <= 3_601);
        let later = at(30) + TimeDelta::hours(1);
        let act = bench.holders.suspend_by_code(user, wrong_code(), GUESSER, &bench.issuer, later);
        assert!(is_wrong(&block_on(act)), "{user}");
    }
}

/// An office, or a proxy, has one address for all who sit behind it.
#[test]
fn a_right_code_suspends_from_an_address_that_sent_many_wrong_ones() {
    let bench = Bench::active();
    for _ in 0..60 {
        assert!(bench.by_code("nobody@example.org", wrong_code()).is_err());
    }
    bench.by_code(USER, bench.emergency_code()).unwrap();
    assert!(matches!(bench.state(), State::Suspended { .. }));
}

#[test]
fn callers_on_loopback_are_not_counted() {
    let bench = Bench::active();
    let from = Ipv4Addr::LOCALHOST.into();
    for _ in 0..60 {
        let guess = bench.holders.suspend_by_code(USER, wrong_code(), from, &bench.issuer, at(30));
        assert!(is_wrong(&block_on(guess)));
    }
}

/// The owner is somewhere else than who guesses, and gets through whatever was guessed.
#[test]
fn no_number_of_guesses_keeps_the_owner_from_suspending() {
    let bench = Bench::active();
    for caller in 0..=255 {
        let from = Ipv4Addr::new(198, 51, 100, caller).into();
        let guess = bench.holders.suspend_by_code(USER, wrong_code(), from, &bench.issuer, at(30));
        assert!(is_wrong(&block_on(guess)), "{caller}");
    }
    bench.by_code(USER, bench.emergency_code()).unwrap();
    assert!(matches!(bench.state(), State::Suspended { .. }));
    // What strangers write into a history is bounded.
    let failed = |kind: &&HistoryKind| **kind == HistoryKind::EmergencyCodeFailed;
    assert_eq!(bench.history().iter().filter(failed).count(), 10);
}

#[test]
fn a_wrong_code_is_one_write_for_a_known_and_for_an_unknown_user() {
    let bench = Bench::active();
    for user in [USER, "nobody@example.org", "not an address"] {
        let before = bench.store.journal().len();
        assert!(is_wrong(&bench.by_code(user, wrong_code())));
        assert_eq!(bench.store.journal().len() - before, 1, "{user}");
    }
}

#[test]
fn parallel_guesses_of_the_code_count_one_by_one() {
    let bench = Bench::active();
    let guess =
        |_| bench.holders.suspend_by_code(USER, wrong_code(), GUESSER, &bench.issuer, at(30));
    let answers = block_on(join_all((0..75).map(guess)));
    assert_eq!(answers.iter().filter(|answer| is_wrong(answer)).count(), 50);
}

#[test]
fn the_acts_of_a_holder_are_refused_to_another() {
    let bench = Bench::active();
    let other = (HolderId::new(2), bench.id);
    let operation = OperationId::new([4; 16]);
    let otp = |purpose| {
        let bound = binding(bench.id);
        OtpVerified::for_tests(other.0, operation, purpose, bound)
    };
    let suspended =
        bench.holders.suspend(other, None, otp(Purpose::Suspend), &bench.issuer, at(30));
    let unknown = |result: Result<(), HolderError>| {
        matches!(result, Err(HolderError::Code(CodeRefusal::UnknownCredential)))
    };
    assert!(unknown(block_on(suspended)));
    let cause = RevocationCause::Cessation;
    let act = bench.holders.revoke(other, cause, otp(Purpose::Revoke), &bench.issuer, at(30));
    assert!(unknown(block_on(act)));
    assert_eq!(bench.state(), State::Active);
}

/// A date that is months ahead costs no transaction every five seconds.
#[test]
fn a_hold_that_is_not_over_is_only_read() {
    let bench = Bench::active();
    bench.suspend(Some(at(1_000))).unwrap();
    bench.store.pause();
    let mut tick = Box::pin(bench.holders.credentials_tick(&bench.issuer, at(999)));
    assert!(!is_pending(&mut tick));
    drop(tick);
    bench.store.resume();
}

/// An operator works on the certificate itself, in the registry: the credential is shown so.
#[test]
fn a_credential_follows_its_certificate_in_the_registry() {
    let bench = Bench::active();
    let serial = bench.view().serial.unwrap();
    let follow = |serial: &str, stands: CertificateStatus| {
        let place = (HOLDER, bench.id);
        let by = "admin".to_owned();
        let follow = bench.holders.follow_certificate(
            place,
            serial,
            || Some(stands),
            by,
            &bench.issuer,
            at(40),
        );
        block_on(follow).unwrap()
    };
    let held = |until| CertificateStatus::Suspended { until };
    assert!(!follow(&serial, CertificateStatus::Good));
    // One of before a renewal says nothing of the credential.
    assert!(!follow("00ff", CertificateStatus::Revoked(RevocationCause::KeyCompromise)));
    assert_eq!(bench.state(), State::Active);
    assert!(follow(&serial, held(None)));
    let cause = SuspensionCause::Operator;
    assert_eq!(bench.state(), State::Suspended { until: None, cause, pin_locked: false });
    // Told back, which changes nothing there; and followed again at once.
    assert!(!follow(&serial, held(None)));
    assert!(follow(&serial, CertificateStatus::Good));
    assert_eq!(bench.state(), State::Active);
    assert!(follow(&serial, CertificateStatus::Revoked(RevocationCause::KeyCompromise)));
    assert_eq!(bench.state(), State::Revoked { cause: RevocationCause::KeyCompromise });
    assert!(!follow(&serial, CertificateStatus::Good));
    let words = ["credential-suspended", "credential-reactivated", "credential-revoked"];
    assert!(bench.messages().ends_with(&words.map(str::to_owned)));
    assert!(bench.history().ends_with(&[
        HistoryKind::CredentialSuspended,
        HistoryKind::CredentialReactivated,
        HistoryKind::CredentialRevoked,
    ]));
}

/// What the holder suspended is not lifted through the registry: it is told of it again.
#[test]
fn a_registry_that_forgot_a_suspension_is_told_again() {
    let bench = Bench::active();
    let serial = bench.view().serial.unwrap();
    bench.suspend(None).unwrap();
    let told = bench.issuer.told.lock().len();
    let (place, good) = ((HOLDER, bench.id), || Some(CertificateStatus::Good));
    let (by, issuer) = ("admin".to_owned(), &bench.issuer);
    let follow = bench.holders.follow_certificate(place, &serial, good, by, issuer, at(40));
    assert!(!block_on(follow).unwrap());
    assert!(matches!(bench.state(), State::Suspended { cause: SuspensionCause::Holder, .. }));
    assert_eq!(bench.issuer.told.lock()[told..], [CertificateStatus::Suspended { until: None }]);
}
