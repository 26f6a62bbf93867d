//! Automatic credentials: a system and a PIN open a window, bounded in count and time.

use crate::support::*;
use marca_signing::*;

fn request(signatures: u32, ends: i64) -> WindowRequest {
    WindowRequest { algorithm: ES256, signatures, ends_at: at(ends) }
}

fn open(bench: &Bench, request: WindowRequest) -> Result<Granted, SignError> {
    run(bench.signing.open_window(&bench.system, request, bench.pin(), at(0)))
}

fn sign(
    bench: &Bench,
    granted: &Granted,
    fill: &[u8],
    when: i64,
) -> Result<Vec<Vec<u8>>, SignError> {
    let by = By::System(&bench.system);
    run(bench.signing.sign(by, &granted.sad, &hashes(fill), at(when)))
}

#[test]
fn a_window_signs_any_hash_until_its_count_is_used() {
    let bench = Bench::new();
    let granted = open(&bench, request(3, 60)).unwrap();
    assert_eq!(sign(&bench, &granted, b"aa", 1).unwrap().len(), 2);
    assert_eq!(sign(&bench, &granted, b"bc", 2).unwrap_err(), SignError::WindowSpent { left: 1 });
    assert_eq!(sign(&bench, &granted, b"b", 3).unwrap().len(), 1);
    assert_eq!(sign(&bench, &granted, b"c", 4).unwrap_err(), SignError::WindowSpent { left: 0 });
    assert_eq!(bench.signing.unlocked_keys(), 0);
    let kept = bench.kept.authorisation(granted.sad.key()).unwrap();
    assert!(kept.rows().is_empty(), "the record of a window does not grow with its use");
}

#[test]
fn a_window_ends_with_its_time_and_with_the_credential() {
    let bench = Bench::new();
    let granted = open(&bench, request(3, 60)).unwrap();
    assert!(sign(&bench, &granted, b"a", 59).is_ok());
    assert_eq!(sign(&bench, &granted, b"a", 60).unwrap_err(), SignError::SadExpired { at: at(60) });
    bench.kept.set(CREDENTIAL, CredentialState::Suspended, 4);
    let suspended = SignError::CredentialNotActive(CredentialState::Suspended);
    assert_eq!(sign(&bench, &granted, b"a", 30).unwrap_err(), suspended);
}

#[test]
fn a_signature_that_failed_counts_too() {
    let bench = Bench::with_key(ec_key(), true);
    let granted = open(&bench, request(1, 60)).unwrap();
    assert_eq!(sign(&bench, &granted, b"a", 1).unwrap_err(), SignError::KeyFailed);
    assert_eq!(sign(&bench, &granted, b"a", 1).unwrap_err(), SignError::WindowSpent { left: 0 });
}

#[test]
fn a_window_is_refused_out_of_its_bounds() {
    let bench = Bench::new();
    for signatures in [0, 10_001] {
        let refused = open(&bench, request(signatures, 60)).unwrap_err();
        assert_eq!(refused, SignError::WindowCount { limit: 10_000 });
    }
    for ends in [-1, 0, 8 * 3600 + 1] {
        let refused = open(&bench, request(1, ends)).unwrap_err();
        assert_eq!(refused, SignError::WindowTime { limit_s: 8 * 3600 });
    }
    assert!(open(&bench, request(10_000, 8 * 3600)).is_ok());
}

#[test]
fn a_window_is_for_one_system_and_one_automatic_credential() {
    let bench = Bench::new();
    let with = |change: fn(&mut Pin)| {
        let mut pin = bench.pin();
        change(&mut pin);
        run(bench.signing.open_window(&bench.system, request(1, 60), pin, at(0))).unwrap_err()
    };
    let refused = with(|pin| pin.0.kind = CredentialKind::Remote);
    assert_eq!(refused, SignError::NotAutomatic);
    assert_eq!(with(|pin| pin.0.holder = HolderRef(13)), SignError::PinOfOtherHolder);
    let refused = with(|pin| pin.0.credential = OTHER_CREDENTIAL);
    assert_eq!(refused, SignError::SystemOfOtherCredential);

    let granted = open(&bench, request(1, 60)).unwrap();
    let facts = SystemFacts { access: AccessRef([5; 32]), ..bench.system.0 };
    let use_by = |by: By<'_, House>| {
        run(bench.signing.sign(by, &granted.sad, &hashes(b"a"), at(1))).unwrap_err()
    };
    assert_eq!(use_by(By::System(&System(facts))), SignError::SadOfOtherAccess);
    // The holder's own session is not the system either.
    assert_eq!(use_by(By::Access(&bench.access)), SignError::SadOfOtherAccess);
    let facts = SystemFacts { credential: OTHER_CREDENTIAL, ..bench.system.0 };
    assert_eq!(use_by(By::System(&System(facts))), SignError::SystemOfOtherCredential);
    assert_eq!(bench.uses(), 0);
}
