//! Bounds: no credential takes the places of the others, and no flood takes all processors.

use crate::support::*;
use futures_util::FutureExt;
use marca_signing::*;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};

#[test]
fn one_authorisation_too_many_locks_the_oldest_of_its_credential() {
    let settings = Settings { unlocked_keys: 3, of_credential: 2, ..Settings::default() };
    let bench = Bench::with(settings, ec_key(), false);
    let what: Vec<_> = [b"a", b"b", b"c"].map(|fill| hashes(fill)).into();
    let granted: Vec<_> = what.iter().map(|what| bench.authorize(what)).collect();
    assert_eq!(bench.signing.unlocked_keys(), 2);
    assert_eq!(bench.sign(&granted[0], &what[0], 1), Err(SignError::KeyLocked));
    bench.sign(&granted[1], &what[1], 1).unwrap();
    bench.sign(&granted[2], &what[2], 1).unwrap();
}

/// The place of the oldest goes to a newer one of the same credential, and of no other.
#[test]
fn no_credential_locks_the_keys_of_another() {
    let settings = Settings { unlocked_keys: 3, of_credential: 2, ..Settings::default() };
    let bench = Bench::with(settings, ec_key(), false);
    bench.kept.set(OTHER_CREDENTIAL, CredentialState::Active, 3);
    let other = HashesToSign::new(OTHER_CREDENTIAL, ES256, vec![vec![1; 32]]).unwrap();
    let mut pin = bench.pin();
    pin.0.credential = OTHER_CREDENTIAL;
    let asked =
        bench.signing.authorize(&bench.access, other.clone(), pin, bench.otp(&other), at(0));
    let first = run(asked).unwrap();
    for fill in [b"a", b"b", b"c", b"d"] {
        bench.authorize(&hashes(fill));
    }
    bench.sign(&first, &other, 1).unwrap();
}

/// A key that signs when the gate is opened.
struct Gated {
    inner: Arc<Counted>,
    /// Closed until the other end is dropped.
    gate: Mutex<Receiver<()>>,
}

impl HolderKey for Gated {
    fn fits(&self, algorithm: SignatureAlgorithm) -> bool {
        self.inner.fits(algorithm)
    }

    fn sign_digest(&self, algorithm: SignatureAlgorithm, hash: &[u8]) -> Result<Vec<u8>, KeyFault> {
        let _open = self.gate.lock().unwrap().recv();
        self.inner.sign_digest(algorithm, hash)
    }
}

#[test]
fn a_signature_that_finds_no_place_is_refused_before_anything_is_reserved() {
    let settings = Settings { at_once: 1, waiting: 1, ..Settings::default() };
    let bench = Bench::with(settings, ec_key(), false);
    let inner = Arc::clone(&bench.key);
    let (closed, gate) = channel();
    let key = Arc::new(Gated { inner, gate: Mutex::new(gate) });
    let what: Vec<_> = [b"a", b"b", b"c"].map(|fill| hashes(fill)).into();
    let granted: Vec<_> = what
        .iter()
        .map(|what| {
            let mut pin = bench.pin();
            pin.0.key = Arc::clone(&key) as Arc<dyn HolderKey>;
            let otp = bench.otp(what);
            run(bench.signing.authorize(&bench.access, what.clone(), pin, otp, at(0))).unwrap()
        })
        .collect();
    let sign =
        |n: usize| bench.signing.sign(By::Access(&bench.access), &granted[n].sad, &what[n], at(1));
    run(async {
        let (mut first, mut second) = (Box::pin(sign(0)), Box::pin(sign(1)));
        assert!((&mut first).now_or_never().is_none());
        assert!((&mut second).now_or_never().is_none(), "it waits for its turn");
        assert_eq!(sign(2).await, Err(SignError::Busy));
        let with = (&Stamps::default(), &());
        let by = By::Access(&bench.access);
        let stamped = bench.signing.sign_and_stamp(by, &granted[2].sad, &what[2], with, at(1));
        assert_eq!(stamped.await, Err(SignError::Busy));
        drop(closed);
        first.await.unwrap();
        second.await.unwrap();
        sign(2).await.unwrap();
    });
}

/// An authorisation that does not read any more stops none of those behind it.
#[test]
fn a_row_that_is_damaged_does_not_stop_the_timer() {
    let bench = Bench::new();
    let (bad, good) = (bench.authorize(&hashes(b"a")), bench.authorize(&hashes(b"b")));
    bench.kept.damage(bad.sad.key());
    let ticked = run(bench.signing.tick(at(361)));
    assert!(matches!(ticked, Err(SignError::Unavailable { .. })), "{ticked:?}");
    assert!(bench.kept.authorisation(good.sad.key()).is_none());
    assert!(bench.kept.authorisation(bad.sad.key()).is_some());
}
