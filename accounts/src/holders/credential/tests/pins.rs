//! PIN and PUK: tries that are counted before they are made, locks, and new PINs.

use super::support::*;
use crate::holders::credential::*;
use crate::holders::history::HistoryKind;
use crate::holders::otp::Purpose;
use crate::holders::pin::{CodeRefusal, MOST_TRIES, NewPin, NextSheet, PinVerified};
use crate::holders::tables::SIGNING_KEY;
use crate::holders::{HolderError, Inner};
use crate::testing::{block_on, is_pending};
use envelope::{BadPassphrase, Pin, PinRefused, Puk};
use futures_util::future::join_all;
use parking_lot::Mutex;
use std::ops::Bound;
use std::sync::Arc;
use store::{Order, Store, StoreError};
use zeroize::Zeroizing;

const WRONG: &str = "31415926";

fn refusal<T: std::fmt::Debug>(result: Result<T, HolderError>) -> CodeRefusal {
    match result {
        Err(HolderError::Code(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

fn try_all(bench: &Bench, pins: &[&str]) -> Vec<Result<PinVerified, HolderError>> {
    let tries = pins.iter().map(|pin| {
        let pin = Pin::parse(pin).unwrap();
        bench.holders.verify_pin((HOLDER, bench.id), pin, at(10))
    });
    block_on(join_all(tries))
}

#[test]
fn the_fifth_wrong_pin_locks_and_the_puk_sets_a_new_one() {
    let bench = Bench::active();
    let epoch = bench.view().epoch;
    for left in [4, 3, 2, 1] {
        assert_eq!(refusal(bench.try_pin(WRONG)), CodeRefusal::WrongPin { left });
    }
    assert_eq!(refusal(bench.try_pin(WRONG)), CodeRefusal::PinLocked);
    assert_eq!(bench.state(), State::PinLocked);
    assert!(bench.view().epoch > epoch, "what was authorised is over");
    assert_eq!(refusal(bench.try_pin(NEW_PIN)), CodeRefusal::PinLocked, "also for the right one");
    assert_eq!(bench.messages(), ["credential-activated", "pin-locked"]);

    bench.unlock(bench.puk(), OTHER_PIN).unwrap();
    assert_eq!(bench.state(), State::Active);
    drop(bench.try_pin(OTHER_PIN).unwrap());
    assert_eq!(refusal(bench.try_pin(NEW_PIN)), CodeRefusal::WrongPin { left: 4 });
    let failed = bench.history().iter().filter(|kind| **kind == HistoryKind::PinFailed).count();
    assert_eq!(failed, 6);
}

#[test]
fn a_right_pin_brings_the_count_back_to_nothing() {
    let bench = Bench::active();
    for _ in 0..3 {
        for left in [4, 3, 2, 1] {
            assert_eq!(refusal(bench.try_pin(WRONG)), CodeRefusal::WrongPin { left });
        }
        drop(bench.try_pin(NEW_PIN).unwrap());
    }
}

#[test]
fn guesses_side_by_side_get_no_more_tries_than_one_after_another() {
    let bench = Bench::active();
    let answers = try_all(&bench, &[WRONG; 12]);
    let (mut left, mut locked, mut busy) = (0, 0, 0);
    for answer in answers {
        match answer {
            Err(HolderError::Code(CodeRefusal::WrongPin { .. })) => left += 1,
            // Those that were under way when another one locked it do not say more than that.
            Err(HolderError::Code(CodeRefusal::PinLocked)) => locked += 1,
            // On top of five: not computed.
            Err(HolderError::Busy) => busy += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(left < MOST_TRIES, "{left}");
    assert_eq!(left + locked + busy, 12);
    let failed = bench.history().iter().filter(|kind| **kind == HistoryKind::PinFailed).count();
    assert!(failed <= MOST_TRIES as usize, "{failed} codes were computed with");
    assert_eq!(bench.state(), State::PinLocked);
}

#[test]
fn the_right_pin_behind_five_wrong_ones_comes_too_late() {
    let bench = Bench::active();
    let mut pins = [WRONG; 6];
    pins[5] = NEW_PIN;
    // Jobs run in the order in which they were submitted: the right one would be counted last.
    let last = try_all(&bench, &pins).pop().unwrap();
    let too_late = [HolderError::Busy.slug(), CodeRefusal::PinLocked.slug()];
    assert!(too_late.contains(&last.unwrap_err().slug()));
    assert_eq!(refusal(bench.try_pin(NEW_PIN)), CodeRefusal::PinLocked);
}

/// Windows that are opened side by side, by whoever has the PIN: five of them are no failures.
#[test]
fn right_pins_side_by_side_lock_nothing() {
    let bench = Bench::active();
    for _ in 0..3 {
        for answer in try_all(&bench, &[NEW_PIN; 12]) {
            let fine = matches!(answer, Ok(_) | Err(HolderError::Busy));
            assert!(fine, "{:?}", answer.map(drop));
        }
        assert_eq!(bench.state(), State::Active);
    }
    drop(bench.try_pin(NEW_PIN).unwrap());
}

/// The same with the PUK, whose sixth try would end the credential.
#[test]
fn right_puks_side_by_side_end_nothing() {
    let bench = Bench::active();
    let tries = (0..=MOST_TRIES).map(|_| {
        let (new, otp) =
            (NewPin { pin: OTHER_PIN, repeat: OTHER_PIN }, bench.otp(Purpose::UnlockPin));
        let sheet = NextSheet { passphrase: None, addresses: addresses() };
        bench.holders.unlock_pin((HOLDER, bench.id), bench.puk(), new, sheet, otp, at(20))
    });
    let done = block_on(join_all(tries));
    assert!(done.iter().any(Result::is_ok));
    assert_eq!(bench.state(), State::Active);
}

#[test]
fn nothing_is_computed_before_the_try_is_durable() {
    let bench = Bench::active();
    let computed = || {
        let failed = |kind: &HistoryKind| *kind == HistoryKind::PinFailed;
        bench.history().iter().copied().filter(failed).count()
    };
    bench.store.pause();
    let pin = Pin::parse(WRONG).unwrap();
    let mut attempt = Box::pin(bench.holders.verify_pin((HOLDER, bench.id), pin, at(10)));
    assert!(is_pending(&mut attempt));
    assert_eq!(bench.store.waiting(), 1, "the count waits, and the computation for it");
    assert!(is_pending(&mut attempt));
    bench.store.resume();
    assert_eq!(refusal(block_on(attempt)), CodeRefusal::WrongPin { left: 4 });
    assert_eq!(computed(), 1);

    // A try that could not be counted is not made, be the PIN right.
    bench.store.fail_next(StoreError::Busy);
    assert!(matches!(bench.try_pin(NEW_PIN), Err(HolderError::Busy)));
    assert_eq!(refusal(bench.try_pin(WRONG)), CodeRefusal::WrongPin { left: 3 });
}

#[test]
fn a_try_that_is_dropped_or_ends_with_the_process_stays_counted() {
    let bench = Bench::active();
    // The threads have something else to do until the gate is opened.
    let gate = Arc::new(Mutex::new(()));
    let closed = gate.lock();
    let busy: Vec<_> = (0..bench.holders.inner().settings.concurrent_checks)
        .map(|_| {
            let (gate, room) = (Arc::clone(&gate), bench.holders.room().unwrap());
            let wait = move |_: &Inner| {
                drop(gate.lock());
                Ok(())
            };
            let mut busy = Box::pin(bench.holders.compute(room, wait));
            assert!(is_pending(&mut busy));
            busy
        })
        .collect();
    for left in (0..MOST_TRIES).rev() {
        let pin = Pin::parse(NEW_PIN).unwrap();
        let mut attempt = Box::pin(bench.holders.verify_pin((HOLDER, bench.id), pin, at(10)));
        // Counted in this poll; the computation waits for a thread, and nobody for its end.
        assert!(is_pending(&mut attempt), "{left}");
        drop(attempt);
    }
    drop(closed);
    drop(block_on(join_all(busy)));
    bench.wait_for_computations();
    let holders = bench.restarted();
    let pin = Pin::parse(NEW_PIN).unwrap();
    let late = block_on(holders.verify_pin((HOLDER, bench.id), pin, at(10)));
    assert_eq!(refusal(late), CodeRefusal::PinLocked);
    assert_eq!(bench.state(), State::PinLocked);
}

/// Nobody typed anything wrong: a fault of the service locks nothing and ends nothing.
#[test]
fn a_try_that_cannot_be_computed_is_given_back() {
    let bench = Bench::active();
    let (place, broken) = ((HOLDER, bench.id), bench.without_its_pepper());
    for _ in 0..2 * MOST_TRIES {
        let pin = Pin::parse(NEW_PIN).unwrap();
        let tried = block_on(broken.verify_pin(place, pin, at(10)));
        assert!(matches!(tried, Err(HolderError::PepperMissing { version: 1 })), "{tried:?}");
        let (new, otp) =
            (NewPin { pin: OTHER_PIN, repeat: OTHER_PIN }, bench.otp(Purpose::UnlockPin));
        let sheet = NextSheet { passphrase: None, addresses: addresses() };
        let tried = block_on(broken.unlock_pin(place, bench.puk(), new, sheet, otp, at(20)));
        assert!(matches!(tried, Err(HolderError::PepperMissing { version: 1 })), "{tried:?}");
    }
    assert_eq!(bench.state(), State::Active);
    assert_eq!(refusal(bench.try_pin(WRONG)), CodeRefusal::WrongPin { left: 4 });
    bench.unlock(bench.puk(), OTHER_PIN).unwrap();
}

#[test]
fn the_fifth_wrong_puk_ends_the_credential_and_its_key() {
    let bench = Bench::active();
    let wrong = || Puk::parse("3141592653").unwrap();
    for left in [4, 3, 2, 1] {
        assert_eq!(refusal(bench.unlock(wrong(), OTHER_PIN)), CodeRefusal::WrongPuk { left });
    }
    assert_eq!(refusal(bench.unlock(wrong(), OTHER_PIN)), CodeRefusal::CodesExhausted);
    let cause = RevocationCause::CodesExhausted;
    assert_eq!(bench.state(), State::Revoked { cause });
    assert!(matches!(
        bench.unlock(bench.puk(), OTHER_PIN),
        Err(HolderError::IllegalTransition { .. })
    ));
    let all = Bound::Unbounded;
    let rows = bench.store.scan(SIGNING_KEY, all, all, Order::Ascending, 10);
    assert!(rows.unwrap().is_empty(), "the wraps are gone");
    // The timer tells the issuer.
    block_on(bench.holders.credentials_tick(&bench.issuer, at(60))).unwrap();
    assert_eq!(*bench.issuer.told.lock(), [CertificateStatus::Revoked(cause)]);
}

/// A PUK is good once. What takes it mails the next one, with another emergency code.
#[test]
fn a_used_puk_is_replaced_by_the_next_one() {
    let bench = Bench::active();
    let before = bench.view().envelope;
    bench.unlock(bench.puk(), OTHER_PIN).unwrap();
    assert_ne!(bench.view().envelope, before);
    assert_eq!(bench.messages(), ["credential-activated", "new-envelope", "pin-changed"]);
    assert_eq!(refusal(bench.unlock(bench.puk(), "57721566")), CodeRefusal::WrongPuk { left: 4 });
    // Another PIN by the current one leaves the sheet as it is.
    let sheet = bench.view().envelope;
    bench.change(OTHER_PIN, "57721566").unwrap();
    assert_eq!(bench.view().envelope, sheet);
}

/// Who has PUK and phone gets a new sheet and chooses what opens it. The owner's sheet at home
/// suspends for 30 days more, and does nothing else.
#[test]
fn the_emergency_code_of_the_former_sheet_still_suspends() {
    let bench = Bench::active();
    bench.unlock(bench.puk(), OTHER_PIN).unwrap();
    let by_code = |seconds| {
        let act = bench.holders.suspend_by_code(
            USER,
            bench.emergency_code(),
            GUESSER,
            &bench.issuer,
            at(seconds),
        );
        block_on(act)
    };
    let ends = 20 + 30 * 24 * 3_600;
    assert_eq!(refusal(by_code(ends)), CodeRefusal::WrongEmergencyCode);
    assert_eq!(bench.state(), State::Active);
    by_code(ends - 1).unwrap();
    assert!(matches!(bench.state(), State::Suspended { .. }));
}

/// The envelope's passphrase is looked at before a PUK is tried.
#[test]
fn a_passphrase_that_breaks_a_rule_costs_no_try() {
    let bench = Bench::active();
    let unlock = |passphrase: &str| {
        let passphrase = Some(Zeroizing::new(passphrase.to_owned()));
        let sheet = NextSheet { passphrase, addresses: addresses() };
        let (new, otp) =
            (NewPin { pin: OTHER_PIN, repeat: OTHER_PIN }, bench.otp(Purpose::UnlockPin));
        let place = (HOLDER, bench.id);
        block_on(bench.holders.unlock_pin(place, bench.puk(), new, sheet, otp, at(20)))
    };
    let short = BadPassphrase::TooShort { found: 5, minimum: 8 };
    assert_eq!(refusal(unlock("short")), CodeRefusal::Passphrase(short));
    let wrong = Puk::parse("3141592653").unwrap();
    assert_eq!(refusal(bench.unlock(wrong, OTHER_PIN)), CodeRefusal::WrongPuk { left: 4 });
    unlock("a long passphrase").unwrap();
}

/// The new PIN is one of the last three, which shows only after the PUK was right: nothing is
/// changed, and the PUK is still good.
#[test]
fn a_puk_is_used_up_only_when_it_set_a_pin() {
    let bench = Bench::active();
    let before = bench.view().envelope;
    let used = refusal(bench.unlock(bench.puk(), NEW_PIN));
    assert_eq!(used, CodeRefusal::NewPin(PinRefused::UsedBefore));
    assert_eq!(bench.view().envelope, before);
    bench.unlock(bench.puk(), OTHER_PIN).unwrap();
}

#[test]
fn wrong_pins_and_wrong_puks_are_counted_apart() {
    let bench = Bench::active();
    let wrong = Puk::parse("3141592653").unwrap();
    assert_eq!(refusal(bench.try_pin(WRONG)), CodeRefusal::WrongPin { left: 4 });
    assert_eq!(refusal(bench.unlock(wrong, OTHER_PIN)), CodeRefusal::WrongPuk { left: 4 });
    assert_eq!(refusal(bench.try_pin(WRONG)), CodeRefusal::WrongPin { left: 3 });
}

#[test]
fn a_changed_pin_opens_the_same_key_and_ends_what_was_authorised() {
    let bench = Bench::active();
    let before = bench.try_pin(NEW_PIN).unwrap();
    bench.change(NEW_PIN, OTHER_PIN).unwrap();
    let after = bench.try_pin(OTHER_PIN).unwrap();
    assert!(after.epoch() > before.epoch());
    let key = |proof: PinVerified| proof.into_key().to_secret().unwrap();
    assert_eq!(key(before), key(after));
    assert_eq!(refusal(bench.try_pin(NEW_PIN)), CodeRefusal::WrongPin { left: 4 });
    assert_eq!(bench.messages(), ["credential-activated", "pin-changed"]);
    // And the PUK still opens it.
    bench.unlock(bench.puk(), "57721566").unwrap();
}

#[test]
fn none_of_the_last_three_pins_comes_back_and_the_fourth_may() {
    let bench = Bench::active();
    let used = PinRefused::UsedBefore;
    assert_eq!(refusal(bench.change(NEW_PIN, NEW_PIN)), CodeRefusal::NewPin(used));
    bench.change(NEW_PIN, OTHER_PIN).unwrap();
    bench.change(OTHER_PIN, "57721566").unwrap();
    for former in [NEW_PIN, OTHER_PIN, "57721566"] {
        let refused = refusal(bench.change("57721566", former));
        assert_eq!(refused, CodeRefusal::NewPin(used), "{former}");
    }
    bench.change("57721566", "83166247").unwrap();
    bench.change("83166247", NEW_PIN).unwrap();
}

#[test]
fn a_change_needs_the_code_for_it_and_both_entries() {
    let bench = Bench::active();
    let place = (HOLDER, bench.id);
    let change = |repeat, purpose| {
        let (new, otp) = (NewPin { pin: OTHER_PIN, repeat }, bench.otp(purpose));
        let current = Pin::parse(NEW_PIN).unwrap();
        block_on(bench.holders.change_pin(place, current, new, otp, at(20)))
    };
    assert!(matches!(change(OTHER_PIN, Purpose::Sign), Err(HolderError::OtpForOther)));
    assert!(matches!(change(WRONG, Purpose::ChangePin), Err(HolderError::RepeatDiffers { .. })));
    change(OTHER_PIN, Purpose::ChangePin).unwrap();
}

#[test]
fn a_pin_is_no_use_while_the_credential_is_suspended() {
    let bench = Bench::active();
    bench.suspend(None).unwrap();
    let refused = bench.try_pin(NEW_PIN);
    assert!(matches!(refused, Err(HolderError::IllegalTransition { state: "suspended", .. })));
}
