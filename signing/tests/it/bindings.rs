//! Every binding, broken alone, has its own answer; and a proof that was refused is used up.

use crate::support::*;
use marca_signing::*;

type Break = fn(&Bench, &mut Asked);

/// All that an authorisation is asked with; a test changes one thing in it.
struct Asked {
    access: Access,
    what: HashesToSign,
    pin: Pin,
    otp: Otp,
}

#[test]
fn each_broken_binding_of_the_factors_has_its_own_error() {
    let rsa = SignatureAlgorithm::RsaPss(DigestAlgorithm::Sha256);
    let table: [(SignError, Break); 9] = [
        (SignError::OtpOfOtherHolder, |_, asked| asked.otp.0.holder = HolderRef(13)),
        (SignError::OtpForOther, |_, asked| asked.otp.0.bound[0] ^= 1),
        (SignError::OtpForOther, |_, asked| asked.what = hashes(b"b")),
        (SignError::OtpForOther, |_, asked| asked.access.0.access = AccessRef([3; 32])),
        (SignError::PinOfOtherHolder, |_, asked| asked.pin.0.holder = HolderRef(13)),
        (SignError::PinOfOtherCredential, |_, asked| asked.pin.0.credential = OTHER_CREDENTIAL),
        (SignError::AlgorithmOfOtherKey(rsa), |bench, asked| {
            let rsa = SignatureAlgorithm::RsaPss(DigestAlgorithm::Sha256);
            asked.what = HashesToSign::new(CREDENTIAL, rsa, vec![vec![0; 32]]).unwrap();
            asked.otp = bench.otp(&asked.what);
        }),
        (SignError::SadWithdrawn, |_, asked| asked.pin.0.epoch = 2),
        (SignError::UnknownCredential, |bench, _| {
            bench.kept.0.standings.lock().unwrap().clear();
        }),
    ];
    for (expected, break_one) in table {
        let bench = Bench::new();
        let what = hashes(b"a");
        let access = Access(bench.access.0);
        let (pin, otp) = (bench.pin(), bench.otp(&what));
        let mut asked = Asked { access, what, pin, otp };
        break_one(&bench, &mut asked);
        let Asked { access, what, pin, otp } = asked;
        let answer = run(bench.signing.authorize(&access, what, pin, otp, at(0)));
        assert_eq!(answer.unwrap_err(), expected);
        assert_eq!(bench.signing.unlocked_keys(), 0, "{expected}: the key is locked again");
        assert!(bench.kept.history().is_empty());
    }
}

#[test]
fn each_broken_binding_of_the_sad_has_its_own_error() {
    let bench = Bench::new();
    bench.kept.set(OTHER_CREDENTIAL, CredentialState::Active, 3);
    let what = hashes(b"ab");
    let granted = bench.authorize(&what);
    let es384 = SignatureAlgorithm::Ecdsa(DigestAlgorithm::Sha384);
    let of = |credential, algorithm, length| {
        HashesToSign::new(credential, algorithm, vec![vec![b'a'; length]]).unwrap()
    };
    let unknown = SignatureActivationData::parse(&"0".repeat(64)).unwrap();
    let sign = |sad: &SignatureActivationData, facts: AccessFacts, what: &HashesToSign, when| {
        run(bench.signing.sign(By::Access(&Access(facts)), sad, what, at(when))).unwrap_err()
    };
    let (sad, own) = (&granted.sad, bench.access.0);

    assert_eq!(sign(&unknown, own, &what, 1), SignError::UnknownSad);
    let other = AccessFacts { holder: HolderRef(13), ..own };
    assert_eq!(sign(sad, other, &what, 1), SignError::SadOfOtherHolder);
    let other = AccessFacts { access: AccessRef([3; 32]), ..own };
    assert_eq!(sign(sad, other, &what, 1), SignError::SadOfOtherAccess);
    let other = of(OTHER_CREDENTIAL, ES256, 32);
    assert_eq!(sign(sad, own, &other, 1), SignError::SadForOtherCredential);
    // A credential that is not there is no other answer than one that is.
    let other = of(CredentialRef([9; 16]), ES256, 32);
    assert_eq!(sign(sad, own, &other, 1), SignError::SadForOtherCredential);
    let other = of(CREDENTIAL, es384, 48);
    let authorised = ES256;
    assert_eq!(sign(sad, own, &other, 1), SignError::SadForOtherAlgorithm { authorised });
    assert_eq!(sign(sad, own, &what, 300), SignError::SadExpired { at: at(300) });
    assert_eq!(sign(sad, own, &what, -1), SignError::SadExpired { at: at(300) });
    let index = 1;
    assert_eq!(sign(sad, own, &hashes(b"ac"), 1), SignError::HashNotAuthorised { index });
    assert_eq!(sign(sad, own, &hashes(b"aa"), 1), SignError::HashUsed { index });

    // None of this used anything up.
    assert_eq!(bench.uses(), 0);
    assert_eq!(bench.sign(&granted, &what, 299).unwrap().len(), 2);
}

#[test]
fn a_credential_that_is_not_active_neither_authorises_nor_signs() {
    use CredentialState::*;
    for state in [AwaitingActivation, Suspended, PinLocked, Revoked, Expired] {
        let bench = Bench::new();
        let what = hashes(b"a");
        let granted = bench.authorize(&what);
        bench.kept.set(CREDENTIAL, state, 3);
        let (pin, otp) = (bench.pin(), bench.otp(&what));
        let again = run(bench.signing.authorize(&bench.access, what.clone(), pin, otp, at(1)));
        assert_eq!(again.unwrap_err(), SignError::CredentialNotActive(state));
        let signed = bench.sign(&granted, &what, 1);
        assert_eq!(signed.unwrap_err(), SignError::CredentialNotActive(state));
        assert_eq!(bench.uses(), 0);
    }
}

#[test]
fn hashes_are_checked_against_the_algorithm_before_anything_is_asked() {
    let new = |hashes| HashesToSign::new(CREDENTIAL, ES256, hashes);
    assert_eq!(new(vec![]).unwrap_err(), SignError::NoHashes);
    assert_eq!(
        new(vec![vec![0; 32]; 101]).unwrap_err(),
        SignError::TooManyHashes { found: 101, limit: 100 }
    );
    for found in [0, 31, 33, 64] {
        let (index, algorithm, expected) = (1, ES256, 32);
        let wrong = SignError::HashLength { index, algorithm, expected, found };
        assert_eq!(new(vec![vec![0; 32], vec![0; found]]).unwrap_err(), wrong);
    }
}

#[test]
fn a_binding_changes_with_every_part_and_with_no_shift_between_them() {
    let bench = Bench::new();
    let es384 = SignatureAlgorithm::Ecdsa(DigestAlgorithm::Sha384);
    let one = |credential, algorithm, hashes: Vec<Vec<u8>>| {
        let what = HashesToSign::new(credential, algorithm, hashes).unwrap();
        bench.signing.binding(&bench.access, &what)
    };
    let mut seen = vec![
        one(CREDENTIAL, ES256, vec![vec![1; 32]]),
        one(OTHER_CREDENTIAL, ES256, vec![vec![1; 32]]),
        one(CREDENTIAL, ES256, vec![vec![2; 32]]),
        one(CREDENTIAL, ES256, vec![vec![1; 32], vec![1; 32]]),
        one(CREDENTIAL, ES256, vec![vec![1; 32], vec![2; 32]]),
        one(CREDENTIAL, ES256, vec![vec![2; 32], vec![1; 32]]),
        // The same 96 octets, in two hashes and in three.
        one(CREDENTIAL, es384, vec![vec![1; 48], vec![1; 48]]),
        one(CREDENTIAL, ES256, vec![vec![1; 32], vec![1; 32], vec![1; 32]]),
    ];
    for facts in [
        AccessFacts { holder: HolderRef(13), ..bench.access.0 },
        AccessFacts { access: AccessRef([3; 32]), ..bench.access.0 },
    ] {
        seen.push(bench.signing.binding(&Access(facts), &hashes(&[1])));
    }
    let all = seen.len();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), all);
}

#[test]
fn only_what_has_the_form_of_a_sad_is_looked_up() {
    for text in ["", "0", &"0".repeat(63), &"0".repeat(65), &"G".repeat(64), &"A".repeat(64)] {
        assert_eq!(SignatureActivationData::parse(text).unwrap_err(), SignError::UnknownSad);
    }
    let granted = Bench::new().authorize(&hashes(b"a"));
    let read = SignatureActivationData::parse(granted.sad.expose()).unwrap();
    assert_eq!(read.key(), granted.sad.key());
    assert!(!format!("{granted:?}").contains(granted.sad.expose()), "never printed");
}
