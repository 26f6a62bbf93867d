//! The five phases: in order, out of order, left and resumed, and failing at the end.

use super::*;
use crate::holders::credential::tests::support::*;
use crate::holders::credential::{
    CertificateStatus, Event, RevocationCause, State, SuspensionCause,
};
use crate::holders::history::HistoryKind;
use crate::holders::keys::SoftwareKeys;
use crate::holders::messages::MessageRecord;
use crate::holders::otp::{OtpVerified, Purpose};
use crate::holders::pin::{NewPin, NextSheet};
use crate::holders::tables::MESSAGE;
use crate::holders::{KeyMaker, KeyMakerFault, KeyPair, OperationId, SealedPair, SigningKeyKind};
use crate::testing::block_on;
use envelope::{BadPassphrase, Pin};
use std::ops::Bound;
use std::sync::atomic::Ordering;
use store::{Order, Store};
use zeroize::Zeroizing;

/// A day in the last three months of the certificate of `Bench::active`.
fn day() -> DateTime<Utc> {
    at(1) + TimeDelta::days(1_095 - 30)
}

/// Does a phase as a holder would.
fn act(
    bench: &Bench,
    holders: &Holders,
    phase: Phase,
    new: Option<&str>,
) -> Result<(), HolderError> {
    let place = (HOLDER, bench.id);
    block_on(async {
        match phase {
            Phase::Consents => {
                let pin = Pin::parse(NEW_PIN).unwrap();
                holders.begin_renewal(place, "2027-01".to_owned(), pin, day()).await
            }
            Phase::Confirm => {
                holders.confirm_renewal(place, bench.otp(Purpose::ConfirmRenewal), day()).await
            }
            Phase::Pin => {
                let choice =
                    new.map_or(PinChoice::Keep, |pin| PinChoice::New(NewPin { pin, repeat: pin }));
                holders.choose_renewal_pin(place, choice, day()).await
            }
            Phase::Security => {
                let passphrase = Zeroizing::new("a passphrase".to_owned());
                holders.secure_renewal(place, Some(passphrase), day()).await
            }
            Phase::Complete => {
                let otp = code(bench);
                holders
                    .complete_renewal(place, bench.in_room(otp), addresses(), &bench.issuer, day())
                    .await
            }
        }
    })
}

/// A code for the last phase, for what is entered now.
fn code(bench: &Bench) -> OtpVerified {
    let bound = bench.holders.renewal_bound(HOLDER, bench.id).unwrap();
    OtpVerified::for_tests(HOLDER, OperationId::new([4; 16]), Purpose::CompleteRenewal, bound)
}

fn next(bench: &Bench) -> Option<Phase> {
    bench.holders.renewal(HOLDER, bench.id, day()).unwrap().map(|view| view.next)
}

fn opens(bench: &Bench, pin: &str) -> bool {
    let pin = Pin::parse(pin).unwrap();
    block_on(verify(&bench.holders, (HOLDER, bench.id), pin, day())).is_ok()
}

fn refusal<T: std::fmt::Debug>(result: Result<T, HolderError>) -> CodeRefusal {
    match result {
        Err(HolderError::Code(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_phase_after_its_turn_and_none_before() {
    for (next, turn) in Phase::ALL.into_iter().zip(1_u8..) {
        assert_eq!(next.number(), turn);
        for done in Phase::ALL {
            match next.after(done) {
                Ok(after) => {
                    assert!(done <= next);
                    assert_eq!(
                        after.map(Phase::number),
                        (done.number() < 5).then(|| done.number() + 1)
                    );
                }
                Err(HolderError::IllegalTransition { .. }) => assert!(done > next),
                Err(other) => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn five_phases_bring_a_new_key_under_the_same_pin() {
    let bench = Bench::active();
    let before = bench.view();
    for phase in Phase::ALL {
        assert_eq!(next(&bench), (phase != Phase::Consents).then_some(phase));
        let view = bench.holders.credential(HOLDER, bench.id, day()).unwrap();
        assert_eq!((view.serial, view.epoch), (before.serial.clone(), before.epoch), "{phase:?}");
        act(&bench, &bench.holders, phase, None).unwrap();
    }
    assert_eq!(next(&bench), None);
    let after = bench.holders.credential(HOLDER, bench.id, day()).unwrap();
    assert_eq!(after.state, State::Active);
    assert_eq!(after.serial.as_deref(), Some("02"));
    assert!(after.epoch > before.epoch && after.not_after > before.not_after);
    assert_ne!(after.envelope, before.envelope);
    let pin = Pin::parse(NEW_PIN).unwrap();
    let unlocked = block_on(verify(&bench.holders, (HOLDER, bench.id), pin, day())).unwrap();
    let request = bench.issuer.requests.lock()[1].public_key.clone();
    assert_eq!(unlocked.into_key().public_key().unwrap(), request);
    assert!(!opens(&bench, OTHER_PIN));
    assert!(bench.issuer.told.lock().is_empty(), "the old certificate stays good to its end");
    assert_eq!(bench.messages(), ["credential-activated", "renewed"]);
    let kinds = bench.history();
    assert!(kinds.contains(&HistoryKind::RenewalStarted));
    assert!(kinds.contains(&HistoryKind::RenewalCompleted));
}

/// Somebody in another session does phases again that ask for no code: the holder's own code, asked
/// for before, must not put the new key under a stranger's PIN.
#[test]
fn a_code_is_for_what_was_entered_when_it_was_asked_for() {
    let bench = Bench::active();
    for phase in Phase::ALL.into_iter().take(4) {
        act(&bench, &bench.holders, phase, None).unwrap();
    }
    let complete = |otp| {
        let place = (HOLDER, bench.id);
        block_on(bench.holders.complete_renewal(
            place,
            bench.in_room(otp),
            addresses(),
            &bench.issuer,
            day(),
        ))
    };
    for again in [&[Phase::Security][..], &[Phase::Pin, Phase::Security]] {
        let asked_before = code(&bench);
        for phase in again {
            act(&bench, &bench.holders, *phase, Some(OTHER_PIN)).unwrap();
        }
        let refused = complete(asked_before).unwrap_err();
        assert_eq!(refused.slug(), "otp-for-other-operation", "{again:?}");
    }
    assert_eq!(bench.issuer.requests.lock().len(), 1, "nothing was issued");
    complete(code(&bench)).unwrap();
    assert!(bench.holders.renewal_bound(HolderId::new(2), bench.id).is_err());
}

#[test]
fn the_new_envelope_is_mailed_and_its_codes_are_the_ones_that_count() {
    let bench = Bench::active();
    for phase in Phase::ALL {
        act(&bench, &bench.holders, phase, None).unwrap();
    }
    let all = Bound::Unbounded;
    let rows = bench.store.scan(MESSAGE, all, all, Order::Ascending, 1_000).unwrap();
    let last = rows.into_iter().rfind(|(key, _)| key.len() == 8).unwrap().1;
    let record: MessageRecord = minicbor::decode(&last).unwrap();
    assert!(record.secret, "wiped once the gateway has it");
    // The old PUK and emergency code are those of a thrown-away envelope now.
    let new = NewPin { pin: OTHER_PIN, repeat: OTHER_PIN };
    let otp = bench.otp(Purpose::UnlockPin);
    let old = {
        let sheet = NextSheet { passphrase: None, addresses: addresses() };
        bench.holders.unlock_pin(
            (HOLDER, bench.id),
            bench.puk(),
            new,
            sheet,
            bench.in_room(otp),
            day(),
        )
    };
    assert_eq!(refusal(block_on(old)), CodeRefusal::WrongPuk { left: 4 });
    // The old emergency code suspends for 30 days more, and with it goes the old certificate.
    let by_code = |days| {
        let (code, when) = (bench.emergency_code(), day() + TimeDelta::days(days));
        block_on(bench.holders.suspend_by_code(USER, code, GUESSER, &bench.issuer, when))
    };
    assert_eq!(refusal(by_code(30)), CodeRefusal::WrongEmergencyCode);
    by_code(29).unwrap();
    assert_eq!(*bench.issuer.told.lock(), [CertificateStatus::Suspended { until: None }; 2]);
}

#[test]
fn a_new_pin_counts_from_the_last_phase_on() {
    let bench = Bench::active();
    for phase in Phase::ALL {
        assert!(opens(&bench, NEW_PIN), "before {phase:?}");
        act(&bench, &bench.holders, phase, Some(OTHER_PIN)).unwrap();
    }
    assert!(opens(&bench, OTHER_PIN));
    assert!(!opens(&bench, NEW_PIN));
    // A change of the PIN takes the key out of its slot.
    let (new, otp) =
        (NewPin { pin: "57721566", repeat: "57721566" }, bench.otp(Purpose::ChangePin));
    let current = Pin::parse(OTHER_PIN).unwrap();
    let place = (HOLDER, bench.id);
    block_on(bench.holders.change_pin(place, current, new, bench.in_room(otp), day())).unwrap();
    assert!(opens(&bench, "57721566"));
}

#[test]
fn a_renewal_is_left_and_resumed_at_every_phase_and_a_phase_done_twice_is_done_once() {
    let bench = Bench::active();
    for phase in Phase::ALL {
        let holders = bench.restarted();
        act(&bench, &holders, phase, Some(OTHER_PIN)).unwrap();
        if phase != Phase::Complete {
            let once = next(&bench);
            act(&bench, &bench.restarted(), phase, Some(OTHER_PIN)).unwrap();
            assert_eq!(next(&bench), once, "{phase:?}");
        }
    }
    assert!(opens(&bench, OTHER_PIN));
    // The last one twice: there is no renewal any more, and no third certificate.
    let again = act(&bench, &bench.holders, Phase::Complete, None);
    assert_eq!(refusal(again), CodeRefusal::NoRenewal);
    assert_eq!(bench.issuer.requests.lock().len(), 2);
}

#[test]
fn a_phase_before_its_turn_is_refused_and_changes_nothing() {
    let bench = Bench::active();
    for early in &Phase::ALL[1..] {
        assert_eq!(refusal(act(&bench, &bench.holders, *early, None)), CodeRefusal::NoRenewal);
    }
    for (done, early) in [(0, 2), (0, 4), (1, 3), (1, 4), (2, 4)] {
        for phase in &Phase::ALL[..=done] {
            act(&bench, &bench.holders, *phase, None).unwrap();
        }
        let refused = act(&bench, &bench.holders, Phase::ALL[early], None);
        assert!(matches!(refused, Err(HolderError::IllegalTransition { .. })), "{done} {early}");
        assert_eq!(next(&bench), Some(Phase::ALL[done + 1]));
    }
    assert_eq!(bench.issuer.requests.lock().len(), 1);
}

/// No one-time code was asked for by then: whoever has no more than the session must not lock the
/// PIN, by one after the other nor side by side.
#[test]
fn wrong_pins_without_a_code_do_not_lock() {
    let bench = Bench::active();
    let begin = |pin: &str| {
        let pin = Pin::parse(pin).unwrap();
        bench.holders.begin_renewal((HOLDER, bench.id), "2027-01".to_owned(), pin, day())
    };
    block_on(futures_util::future::join_all((0..9).map(|_| begin(OTHER_PIN))));
    for pin in [OTHER_PIN, NEW_PIN, OTHER_PIN] {
        assert_eq!(refusal(block_on(begin(pin))), CodeRefusal::PinNeedsCode);
    }
    assert_eq!(bench.view().state, State::Active);
    // As before a change of the PIN, or a signature.
    assert!(opens(&bench, NEW_PIN));
    block_on(begin(NEW_PIN)).unwrap();
    // A refusal is no try.
    for _ in 0..5 {
        block_on(begin(NEW_PIN)).unwrap();
    }
}

#[test]
fn a_failure_in_the_last_phase_leaves_the_old_state_and_can_be_tried_again() {
    let bench = Bench::active();
    for phase in &Phase::ALL[..4] {
        act(&bench, &bench.holders, *phase, Some(OTHER_PIN)).unwrap();
    }
    let before = bench.holders.credential(HOLDER, bench.id, day()).unwrap();
    bench.issuer.away.store(true, Ordering::SeqCst);
    let failed = act(&bench, &bench.holders, Phase::Complete, None);
    assert!(matches!(refusal(failed), CodeRefusal::IssuerFailed { .. }));
    assert_eq!(bench.holders.credential(HOLDER, bench.id, day()).unwrap(), before);
    assert!(opens(&bench, NEW_PIN));
    assert_eq!(next(&bench), Some(Phase::Complete));
    bench.issuer.away.store(false, Ordering::SeqCst);
    act(&bench, &bench.holders, Phase::Complete, None).unwrap();
    assert!(opens(&bench, OTHER_PIN));
}

#[test]
fn two_last_phases_side_by_side_leave_one_certificate() {
    let bench = Bench::active();
    for phase in &Phase::ALL[..4] {
        act(&bench, &bench.holders, *phase, None).unwrap();
    }
    let complete = || {
        let (place, otp) = ((HOLDER, bench.id), code(&bench));
        bench.holders.complete_renewal(place, bench.in_room(otp), addresses(), &bench.issuer, day())
    };
    let both = block_on(futures_util::future::join(complete(), complete()));
    assert_eq!([&both.0, &both.1].into_iter().filter(|one| one.is_ok()).count(), 1);
    let revoked = CertificateStatus::Revoked(RevocationCause::Cessation);
    let issued = bench.issuer.requests.lock().len();
    assert_eq!(bench.issuer.told.lock().len(), issued - 2);
    assert!(bench.issuer.told.lock().iter().all(|status| *status == revoked));
    assert!(opens(&bench, NEW_PIN));
}

#[test]
fn a_renewal_ends_after_a_day_and_with_every_change_of_the_credential() {
    let bench = Bench::active();
    act(&bench, &bench.holders, Phase::Consents, None).unwrap();
    let late = day() + RENEWAL_LIFETIME;
    let otp = bench.otp(Purpose::ConfirmRenewal);
    let refused = bench.holders.confirm_renewal((HOLDER, bench.id), otp, late);
    assert_eq!(refusal(block_on(refused)), CodeRefusal::NoRenewal);
    assert_eq!(bench.holders.renewal(HOLDER, bench.id, late).unwrap(), None);
    let (new, otp) = (NewPin { pin: OTHER_PIN, repeat: OTHER_PIN }, bench.otp(Purpose::ChangePin));
    let current = Pin::parse(NEW_PIN).unwrap();
    let place = (HOLDER, bench.id);
    block_on(bench.holders.change_pin(place, current, new, bench.in_room(otp), day())).unwrap();
    let refused = act(&bench, &bench.holders, Phase::Confirm, None);
    assert_eq!(refusal(refused), CodeRefusal::NoRenewal);
}

#[test]
fn what_is_entered_is_checked_in_its_phase() {
    let bench = Bench::active();
    let place = (HOLDER, bench.id);
    let pin = || Pin::parse(NEW_PIN).unwrap();
    let early = bench.holders.begin_renewal(place, "2027-01".to_owned(), pin(), at(100));
    let from = at(1) + TimeDelta::days(1_095) - RENEWAL_WINDOW;
    assert_eq!(refusal(block_on(early)), CodeRefusal::RenewalTooEarly { from });
    let wrong = Pin::parse("31415926").unwrap();
    let wrong = bench.holders.begin_renewal(place, "2027-01".to_owned(), wrong, day());
    assert_eq!(refusal(block_on(wrong)), CodeRefusal::WrongPin { left: 4 });
    act(&bench, &bench.holders, Phase::Consents, None).unwrap();
    let confirm = bench.holders.confirm_renewal(place, bench.otp(Purpose::Sign), day());
    assert!(matches!(block_on(confirm), Err(HolderError::OtpForOther)));
    act(&bench, &bench.holders, Phase::Confirm, None).unwrap();
    let used = act(&bench, &bench.holders, Phase::Pin, Some(NEW_PIN));
    assert_eq!(refusal(used), CodeRefusal::NewPin(envelope::PinRefused::UsedBefore));
    act(&bench, &bench.holders, Phase::Pin, Some(OTHER_PIN)).unwrap();
    let short = Zeroizing::new("short".to_owned());
    let short = bench.holders.secure_renewal(place, Some(short), day());
    let too_short = BadPassphrase::TooShort { found: 5, minimum: 8 };
    assert_eq!(refusal(block_on(short)), CodeRefusal::Passphrase(too_short));
    // Without one it is the fiscal code.
    block_on(bench.holders.secure_renewal(place, None, day())).unwrap();
    act(&bench, &bench.holders, Phase::Complete, None).unwrap();
}

#[test]
fn the_record_of_a_renewal_keeps_its_form() {
    let bench = Bench::active();
    for phase in &Phase::ALL[..4] {
        act(&bench, &bench.holders, *phase, Some(OTHER_PIN)).unwrap();
    }
    let bytes = bench.store.get(RENEWAL, bench.id.as_bytes()).unwrap().unwrap();
    let record: RenewalRecord = minicbor::decode(&bytes).unwrap();
    assert_eq!(minicbor::to_vec(&record).unwrap(), bytes);
    // Seven fields: the next phase, the beginning, the epoch, the conditions, and a slot of two:
    // 32 octets, and a wrap of five that begins with 16 octets of salt.
    let text = hex::encode(&bytes);
    let begun = hex::encode(day().timestamp_millis().to_be_bytes());
    assert!(text.starts_with(&format!("87051b{begun}0167323032372d3031825820")), "{text}");
    assert_eq!(text.get(110..114), Some("8550"), "{text}");
    assert!(!bytes.windows(12).any(|part| part == b"a passphrase"), "sealed");
}

/// A device that fails in the last phase leaves the old key, and the phase to be done again.
#[test]
fn a_renewal_takes_a_key_of_the_device_or_leaves_the_old_one() {
    #[derive(Debug, Default)]
    struct Device(std::sync::atomic::AtomicBool);
    impl KeyMaker for Device {
        fn generate(&self, kind: SigningKeyKind) -> Result<KeyPair, KeyMakerFault> {
            if self.0.load(Ordering::SeqCst) {
                return Err(KeyMakerFault::Device { reason: "away".to_owned() });
            }
            let (wrapping, octets) = ("holders-1".to_owned(), Zeroizing::new(vec![7; 100]));
            let public_key = SoftwareKeys.generate(kind)?.public_key().unwrap();
            Ok(KeyPair::Sealed(SealedPair { public_key, wrapping, octets }))
        }
    }
    let bench = Bench::active();
    let device = std::sync::Arc::new(Device::default());
    let holders = bench.restarted_with(device.clone());
    for phase in Phase::ALL.into_iter().take(4) {
        act(&bench, &holders, phase, None).unwrap();
    }
    device.0.store(true, Ordering::SeqCst);
    let before = bench.view();
    let refused = act(&bench, &holders, Phase::Complete, None).unwrap_err();
    assert!(matches!(refused, HolderError::KeyDevice), "{refused}");
    assert_eq!((bench.view(), next(&bench)), (before, Some(Phase::Complete)));
    assert!(opens(&bench, NEW_PIN));
    device.0.store(false, Ordering::SeqCst);
    act(&bench, &holders, Phase::Complete, None).unwrap();
    let pin = Pin::parse(NEW_PIN).unwrap();
    let unlocked = block_on(verify(&holders, (HOLDER, bench.id), pin, day())).unwrap();
    let KeyPair::Sealed(pair) = unlocked.into_key() else { panic!("a key in clear") };
    assert_eq!(pair.public_key, bench.issuer.requests.lock()[1].public_key);
    assert_eq!(*pair.octets, [7; 100]);
}

fn is_kept(bench: &Bench) -> bool {
    bench.store.get(RENEWAL, bench.id.as_bytes()).unwrap().is_some()
}

fn tick(bench: &Bench, now: DateTime<Utc>) -> usize {
    block_on(bench.holders.renewals_tick(now)).unwrap()
}

#[test]
fn what_was_entered_in_a_renewal_that_was_left_goes_after_its_day() {
    let bench = Bench::active();
    for phase in &Phase::ALL[..4] {
        act(&bench, &bench.holders, *phase, None).unwrap();
    }
    let end = day() + RENEWAL_LIFETIME;
    assert_eq!(tick(&bench, end - TimeDelta::milliseconds(1)), 0);
    assert!(is_kept(&bench));
    assert_eq!(tick(&bench, end), 1);
    assert!(!is_kept(&bench), "slot and passphrase are gone");
    assert_eq!(tick(&bench, end), 0);
}

#[test]
fn a_renewal_that_another_pin_ended_goes_before_its_day() {
    let bench = Bench::active();
    act(&bench, &bench.holders, Phase::Consents, None).unwrap();
    bench.change(NEW_PIN, OTHER_PIN).unwrap();
    assert_eq!(tick(&bench, day()), 1);
    assert!(!is_kept(&bench));
}

#[test]
fn a_revocation_or_suspension_takes_what_was_entered_with_it() {
    for event in [
        Event::Revoke { cause: RevocationCause::Cessation },
        Event::Suspend { until: None, cause: SuspensionCause::Operator },
    ] {
        let bench = Bench::active();
        act(&bench, &bench.holders, Phase::Consents, None).unwrap();
        assert!(is_kept(&bench));
        let (place, by) = ((HOLDER, bench.id), "operator".to_owned());
        let done = bench.holders.change_by_operator(place, event, by, &bench.issuer, day());
        block_on(done).unwrap();
        assert!(!is_kept(&bench), "{event:?}");
    }
}

#[test]
fn wrong_puks_that_end_a_credential_end_its_renewal() {
    let bench = Bench::active();
    act(&bench, &bench.holders, Phase::Consents, None).unwrap();
    for _ in 0..5 {
        let wrong = envelope::Codes::generate(&mut crate::testing::TestRandom::new(99));
        let wrong = envelope::Puk::parse(wrong.puk.expose()).unwrap();
        assert!(bench.unlock(wrong, OTHER_PIN).is_err());
    }
    assert!(matches!(bench.state(), State::Revoked { .. }));
    assert!(!is_kept(&bench));
}
