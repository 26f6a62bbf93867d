//! Every error that a client can see, word for word, beside its stable name and whose matter it is.

use crate::support::*;
use marca_signing::*;

/// One of each, in the order of the type.
fn all() -> Vec<SignError> {
    use SignError::*;
    let rsa = SignatureAlgorithm::RsaPss(DigestAlgorithm::Sha512);
    let states = [
        CredentialState::AwaitingActivation,
        CredentialState::Suspended,
        CredentialState::PinLocked,
        CredentialState::Revoked,
        CredentialState::Expired,
    ];
    let faults = [StampFault::NoStamps, StampFault::AccountNotActive, StampFault::Unavailable];
    let mut all = vec![
        NoHashes,
        TooManyHashes { found: 101, limit: 100 },
        HashLength { index: 1, algorithm: ES256, expected: 32, found: 64 },
        AlgorithmOfOtherKey(rsa),
        UnknownCredential,
        PinOfOtherHolder,
        PinOfOtherCredential,
        OtpOfOtherHolder,
        OtpForOther,
        NotAutomatic,
        SystemOfOtherCredential,
        WindowCount { limit: 10_000 },
        WindowTime { limit_s: 28_800 },
        UnknownSad,
        SadOfOtherHolder,
        SadOfOtherAccess,
        SadForOtherCredential,
        SadForOtherAlgorithm { authorised: ES256 },
        SadExpired { at: at(300) },
        SadWithdrawn,
    ];
    all.extend(states.map(CredentialNotActive));
    all.extend([
        HashNotAuthorised { index: 0 },
        HashUsed { index: 2 },
        WindowSpent { left: 1 },
        KeyLocked,
        KeyAway,
        KeyFailed,
        Unclear,
    ]);
    all.extend(faults.map(Stamp));
    all.extend([Busy, Unavailable { reason: "poisoned".to_owned() }]);
    all
}

#[test]
fn every_error_reads_as_written_down() {
    let line = |error: &SignError| format!("{} [{:?}] {error}\n", error.slug(), error.culprit());
    let text: String = all().iter().map(line).collect();
    let golden = include_str!("../golden/errors.txt");
    assert!(text == golden, "these are the errors now:\n{text}");
    assert!(!text.contains("poisoned"), "what is for the log is not for the client");
}
