//! The life of an authorisation: parts of it, its end, a restart, a suspension, unclear outcomes.

use crate::support::*;
use marca_signing::*;
use rand::SeedableRng;
use rand::rngs::StdRng;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

#[test]
fn an_authorisation_is_used_in_parts_and_each_part_once() {
    let bench = Bench::new();
    let granted = bench.authorize(&hashes(b"abb"));
    // The order of use is not that of the authorisation, and one hash was named twice.
    assert_eq!(bench.sign(&granted, &hashes(b"b"), 1).unwrap().len(), 1);
    assert_eq!(bench.signing.unlocked_keys(), 1);
    assert_eq!(bench.sign(&granted, &hashes(b"ba"), 2).unwrap().len(), 2);
    assert_eq!(bench.signing.unlocked_keys(), 0, "nothing is left to sign: the key is locked");
    let again = bench.sign(&granted, &hashes(b"a"), 3);
    assert_eq!(again.unwrap_err(), SignError::HashUsed { index: 0 });
    let signed = |note: &&NoteKind| matches!(note, NoteKind::Signed { .. });
    assert_eq!(bench.kept.history().iter().filter(signed).count(), 3);
}

#[test]
fn after_a_restart_the_key_is_locked_and_no_row_is_lost() {
    let bench = Bench::new();
    let what = hashes(b"a");
    let granted = bench.authorize(&what);
    let random = StdRng::seed_from_u64(5);
    let started = Signing::<House, _>::new(Settings::default(), bench.kept.clone(), random);
    let signed = run(started.sign(By::Access(&bench.access), &granted.sad, &what, at(1)));
    assert_eq!(signed.unwrap_err(), SignError::KeyLocked);
    let kept = bench.kept.authorisation(granted.sad.key()).unwrap();
    assert_eq!(kept.rows()[0].state, RowState::Open, "a refusal reserves nothing");
}

#[test]
fn a_suspension_ends_what_was_authorised_for_good() {
    let bench = Bench::new();
    let what = hashes(b"a");
    let granted = bench.authorize(&what);
    bench.kept.set(CREDENTIAL, CredentialState::Suspended, 4);
    bench.signing.forget(CREDENTIAL);
    assert_eq!(bench.signing.unlocked_keys(), 0);
    bench.kept.set(CREDENTIAL, CredentialState::Active, 5);
    assert_eq!(bench.sign(&granted, &what, 1).unwrap_err(), SignError::SadWithdrawn);
}

#[test]
fn a_key_that_fails_burns_what_was_reserved() {
    let bench = Bench::with_key(ec_key(), true);
    let what = hashes(b"ab");
    let granted = bench.authorize(&what);
    assert_eq!(bench.sign(&granted, &hashes(b"a"), 1).unwrap_err(), SignError::KeyFailed);
    let kept = bench.kept.authorisation(granted.sad.key()).unwrap();
    assert_eq!(kept.rows()[0].state, RowState::Burned);
    assert_eq!(kept.rows()[1].state, RowState::Open, "the other hash was not touched");
    let again = bench.sign(&granted, &hashes(b"a"), 2);
    assert_eq!(again.unwrap_err(), SignError::HashUsed { index: 0 });
    assert_eq!(bench.uses(), 1, "and the key is not used again for it");
}

#[test]
fn a_signature_that_cannot_be_recorded_does_not_leave() {
    let bench = Bench::new();
    let what = hashes(b"a");
    let granted = bench.authorize(&what);
    bench.kept.fail_after(1);
    assert_eq!(bench.sign(&granted, &what, 1).unwrap_err(), SignError::Unclear);
    let again = bench.sign(&granted, &what, 2);
    assert_eq!(again.unwrap_err(), SignError::HashUsed { index: 0 });
    assert_eq!(bench.uses(), 1);

    // Once it has expired, the history says what became of it, and the record goes.
    run(bench.signing.tick(at(350))).unwrap();
    assert!(bench.kept.authorisation(granted.sad.key()).is_some(), "not before a minute is over");
    run(bench.signing.tick(at(361))).unwrap();
    assert!(bench.kept.authorisation(granted.sad.key()).is_none());
    let burned = NoteKind::Burned { hash: vec![b'a'; 32], algorithm: ES256 };
    assert_eq!(bench.kept.history().last(), Some(&burned));
    assert_eq!(bench.sign(&granted, &what, 362).unwrap_err(), SignError::UnknownSad);
}

#[test]
fn rows_that_cannot_be_reserved_leave_the_key_alone() {
    let bench = Bench::new();
    let what = hashes(b"a");
    let granted = bench.authorize(&what);
    bench.kept.fail_after(0);
    let answer = bench.sign(&granted, &what, 1).unwrap_err();
    assert!(matches!(answer, SignError::Unavailable { .. }), "{answer:?}");
    assert_eq!(bench.uses(), 0);
    assert_eq!(bench.sign(&granted, &what, 2).unwrap().len(), 1, "and nothing was used up");
}

#[test]
fn an_authorisation_that_cannot_be_kept_unlocks_nothing() {
    let bench = Bench::new();
    let what = hashes(b"a");
    bench.kept.fail_after(0);
    let (pin, otp) = (bench.pin(), bench.otp(&what));
    let refused = run(bench.signing.authorize(&bench.access, what, pin, otp, at(0)));
    assert!(matches!(refused.unwrap_err(), SignError::Unavailable { .. }));
    assert_eq!(bench.signing.unlocked_keys(), 0);
}

/// A key that suspends its own credential while it signs.
struct Suspending(Kept);

impl HolderKey for Suspending {
    fn fits(&self, _: SignatureAlgorithm) -> bool {
        true
    }
    fn sign_digest(&self, _: SignatureAlgorithm, _: &[u8]) -> Result<Vec<u8>, KeyFault> {
        self.0.set(CREDENTIAL, CredentialState::Suspended, 4);
        Ok(b"a signature value".to_vec())
    }
}

/// A key in a device that can be away.
struct InDevice {
    away: AtomicBool,
    uses: AtomicUsize,
}

impl HolderKey for InDevice {
    fn fits(&self, _: SignatureAlgorithm) -> bool {
        true
    }
    fn in_device(&self) -> bool {
        true
    }
    fn probe(&self) -> Result<(), KeyFault> {
        match self.away.load(Ordering::SeqCst) {
            true => Err(KeyFault::Device("unplugged".to_owned())),
            false => Ok(()),
        }
    }
    fn sign_digest(&self, _: SignatureAlgorithm, _: &[u8]) -> Result<Vec<u8>, KeyFault> {
        self.uses.fetch_add(1, Ordering::SeqCst);
        Ok(b"a signature value".to_vec())
    }
}

/// Known to be away is not tried: the same authorisation signs when the device is back.
#[test]
fn a_device_that_is_away_burns_nothing() {
    let bench = Bench::new();
    let what = hashes(b"a");
    let (mut pin, otp) = (bench.pin(), bench.otp(&what));
    let key = Arc::new(InDevice { away: AtomicBool::new(true), uses: AtomicUsize::new(0) });
    pin.0.key = Arc::clone(&key) as Arc<dyn HolderKey>;
    let granted = run(bench.signing.authorize(&bench.access, what.clone(), pin, otp, at(0)));
    let granted = granted.unwrap();
    for second in 1..5 {
        assert_eq!(bench.sign(&granted, &what, second).unwrap_err(), SignError::KeyAway);
    }
    let kept = bench.kept.authorisation(granted.sad.key()).unwrap();
    assert_eq!(kept.rows()[0].state, RowState::Open);
    assert_eq!(key.uses.load(Ordering::SeqCst), 0);
    key.away.store(false, Ordering::SeqCst);
    assert_eq!(bench.sign(&granted, &what, 5).unwrap().len(), 1);
}

#[test]
fn what_was_suspended_while_its_key_was_in_use_is_not_given_out() {
    let bench = Bench::new();
    let what = hashes(b"a");
    let (mut pin, otp) = (bench.pin(), bench.otp(&what));
    pin.0.key = Arc::new(Suspending(bench.kept.clone()));
    let granted = run(bench.signing.authorize(&bench.access, what.clone(), pin, otp, at(0)));
    let granted = granted.unwrap();
    let suspended = SignError::CredentialNotActive(CredentialState::Suspended);
    assert_eq!(bench.sign(&granted, &what, 1).unwrap_err(), suspended);
    let kept = bench.kept.authorisation(granted.sad.key()).unwrap();
    assert_eq!(kept.rows()[0].state, RowState::Burned);
    assert_eq!(bench.signing.unlocked_keys(), 0);
}

#[test]
fn unlocked_keys_are_bounded_and_expired_ones_make_room() {
    let bench = Bench::new();
    for fill in [b"a", b"b", b"c", b"d"] {
        bench.authorize(&hashes(fill));
    }
    let what = hashes(b"e");
    let try_at = |when| {
        let (pin, otp) = (bench.pin(), bench.otp(&what));
        run(bench.signing.authorize(&bench.access, what.clone(), pin, otp, at(when)))
    };
    assert_eq!(try_at(299).unwrap_err(), SignError::Busy);
    assert!(try_at(300).is_ok());
    assert_eq!(bench.signing.unlocked_keys(), 1);
    run(bench.signing.tick(at(600))).unwrap();
    assert_eq!(bench.signing.unlocked_keys(), 0, "the timer locks what expired");
}

#[test]
fn an_access_that_ends_locks_its_keys_and_no_other() {
    let bench = Bench::new();
    bench.authorize(&hashes(b"a"));
    let unlocked = bench.signing.unlocked();
    let [(CREDENTIAL, access)] = unlocked[..] else { panic!("{unlocked:?}") };
    bench.signing.forget_access(AccessRef([0xEE; 32]));
    assert_eq!(bench.signing.unlocked_keys(), 1);
    bench.signing.forget_access(access);
    assert_eq!(bench.signing.unlocked_keys(), 0);
}
