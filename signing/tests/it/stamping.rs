//! Sign and stamp in one act: both, or neither.

use crate::support::*;
use marca_signing::*;
use openssl::sha::sha256;
use std::sync::atomic::Ordering;

type Answer = Result<Vec<Result<StampedSignature, SignError>>, SignError>;

fn stamps(left: u64, fails: bool) -> Stamps {
    let stamps = Stamps { fails, ..Stamps::default() };
    stamps.left.store(left, Ordering::SeqCst);
    stamps
}

fn sign(bench: &Bench, granted: &Granted, what: &HashesToSign, stamps: &Stamps) -> Answer {
    let by = By::Access(&bench.access);
    run(bench.signing.sign_and_stamp(by, &granted.sad, what, (stamps, &()), at(1)))
}

#[test]
fn a_token_is_over_the_digest_of_the_signature_value() {
    let bench = Bench::new();
    let what = hashes(b"ab");
    let granted = bench.authorize(&what);
    let stamps = stamps(5, false);
    let answers = sign(&bench, &granted, &what, &stamps).unwrap();
    assert_eq!(stamps.left.load(Ordering::SeqCst), 3);
    let imprints = stamps.imprints.lock().unwrap();
    for (answer, imprint) in answers.iter().zip(imprints.iter()) {
        let stamped = answer.as_ref().unwrap();
        assert_eq!(sha256(&stamped.signature), *imprint);
        assert_eq!(stamped.stamp.token, imprint);
    }
    let stamped = |note: &&NoteKind| matches!(note, NoteKind::Signed { stamp: Some([9, ..]), .. });
    assert_eq!(bench.kept.history().iter().filter(stamped).count(), 2);
}

#[test]
fn without_enough_stamps_nothing_is_signed_and_none_is_lost() {
    let bench = Bench::new();
    let what = hashes(b"ab");
    let granted = bench.authorize(&what);
    let stamps = stamps(1, false);
    let refused = sign(&bench, &granted, &what, &stamps).unwrap_err();
    assert_eq!(refused, SignError::Stamp(StampFault::NoStamps));
    assert_eq!(stamps.left.load(Ordering::SeqCst), 1);
    assert_eq!(bench.uses(), 0);
    assert_eq!(bench.sign(&granted, &what, 2).unwrap().len(), 2, "the rows are open still");
}

#[test]
fn a_signature_that_cannot_be_stamped_does_not_leave() {
    let bench = Bench::new();
    let what = hashes(b"a");
    let granted = bench.authorize(&what);
    let stamps = stamps(1, true);
    let answers = sign(&bench, &granted, &what, &stamps).unwrap();
    assert_eq!(answers, [Err(SignError::Stamp(StampFault::Unavailable))]);
    assert_eq!(stamps.left.load(Ordering::SeqCst), 1, "and the stamp came back");
    let again = bench.sign(&granted, &what, 2);
    assert_eq!(again.unwrap_err(), SignError::HashUsed { index: 0 });
    let burned = NoteKind::Burned { hash: vec![b'a'; 32], algorithm: ES256 };
    assert_eq!(bench.kept.history().last(), Some(&burned));
}

#[test]
fn stamps_come_back_when_the_sad_or_the_key_fails() {
    let bench = Bench::with_key(ec_key(), true);
    let what = hashes(b"a");
    let granted = bench.authorize(&what);
    let stamps = stamps(1, false);
    let other = hashes(b"c");
    let refused = sign(&bench, &granted, &other, &stamps).unwrap_err();
    assert_eq!(refused, SignError::HashNotAuthorised { index: 0 });
    assert_eq!(sign(&bench, &granted, &what, &stamps).unwrap_err(), SignError::KeyFailed);
    assert_eq!(stamps.left.load(Ordering::SeqCst), 1);
    assert!(stamps.imprints.lock().unwrap().is_empty());
}

/// Nobody keeps the last stamps of an account from others by asking with what signs nothing.
#[test]
fn no_stamp_is_held_for_a_sad_that_signs_nothing() {
    let bench = Bench::new();
    let (what, other) = (hashes(b"a"), hashes(b"c"));
    let (granted, stamps) = (bench.authorize(&what), stamps(1, false));
    let asked = || stamps.asked.load(Ordering::SeqCst);
    let unknown = SignatureActivationData::parse(&"ab".repeat(32)).unwrap();
    let by = || By::Access(&bench.access);
    let with = (&stamps, &());
    let refused = run(bench.signing.sign_and_stamp(by(), &unknown, &what, with, at(1)));
    assert_eq!(refused.unwrap_err(), SignError::UnknownSad);
    let refused = sign(&bench, &granted, &other, &stamps);
    assert_eq!(refused.unwrap_err(), SignError::HashNotAuthorised { index: 0 });
    assert_eq!(asked(), 0);
    sign(&bench, &granted, &what, &stamps).unwrap();
    assert_eq!(asked(), 1);
    assert_eq!(sign(&bench, &granted, &what, &stamps), Err(SignError::HashUsed { index: 0 }));
    assert_eq!(asked(), 1, "nor for a hash that was signed");
}

/// What was stamped by then is given, and paid for; the rest is neither.
#[test]
fn a_suspension_in_the_middle_takes_no_stamp_for_what_is_not_given() {
    let bench = Bench::new();
    let what = hashes(b"abcd");
    let granted = bench.authorize(&what);
    let mut stamps = stamps(4, false);
    stamps.suspends = Some((1, bench.kept.clone()));
    let answers = sign(&bench, &granted, &what, &stamps).unwrap();
    let [Ok(_), Ok(_), Err(third), Err(fourth)] = &answers[..] else { panic!("{answers:?}") };
    let suspended = SignError::CredentialNotActive(CredentialState::Suspended);
    assert_eq!([third, fourth], [&suspended; 2]);
    assert_eq!(stamps.left.load(Ordering::SeqCst), 2);
    assert_eq!(stamps.imprints.lock().unwrap().len(), 2);
    let history = bench.kept.history();
    let signed = |note: &&NoteKind| matches!(note, NoteKind::Signed { stamp: Some(_), .. });
    assert_eq!(history.iter().filter(signed).count(), 2);
    let burned = |note: &&NoteKind| matches!(note, NoteKind::Burned { .. });
    assert_eq!(history.iter().filter(burned).count(), 2);
    assert_eq!(bench.signing.unlocked_keys(), 0, "and the key is locked");
}
