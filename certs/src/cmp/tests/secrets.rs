//! The two MACs: known answers, and the bounds on what an answer may ask for.

use super::peer::Counter;
use crate::cmp::message::{Pbkdf2Params, PbmParameter, Pbmac1Params};
use crate::cmp::{CmpError, MacAlgorithm, mac};
use rasn::types::{Any, ObjectIdentifier, OctetString};
use rasn_pkix::AlgorithmIdentifier;

fn algorithm(id: &[u32], parameters: Option<Vec<u8>>) -> AlgorithmIdentifier {
    AlgorithmIdentifier {
        algorithm: ObjectIdentifier::new(id.to_vec()).unwrap(),
        parameters: parameters.map(Any::new),
    }
}

const SHA256: &[u32] = &[2, 16, 840, 1, 101, 3, 4, 2, 1];
const SHA1: &[u32] = &[1, 3, 14, 3, 2, 26];
const HMAC_SHA1: &[u32] = &[1, 3, 6, 1, 5, 5, 8, 1, 2];
const HMAC_SHA256: &[u32] = &[1, 2, 840, 113549, 2, 9];

fn pbm(salt: &[u8], owf: &[u32], iteration_count: u64, hmac: &[u32]) -> AlgorithmIdentifier {
    let parameters = PbmParameter {
        salt: OctetString::from_slice(salt),
        owf: algorithm(owf, None),
        iteration_count,
        mac: algorithm(hmac, None),
    };
    let parameters = rasn::der::encode(&parameters).unwrap();
    algorithm(&[1, 2, 840, 113533, 7, 66, 13], Some(parameters))
}

fn pbmac1(
    salt: &[u8],
    iteration_count: u64,
    key_length: Option<u64>,
    prf: Option<&[u32]>,
) -> AlgorithmIdentifier {
    let derivation = Pbkdf2Params {
        salt: OctetString::from_slice(salt),
        iteration_count,
        key_length,
        prf: prf.map(|prf| algorithm(prf, Some(vec![5, 0]))),
    };
    let derivation = rasn::der::encode(&derivation).unwrap();
    let parameters = Pbmac1Params {
        key_derivation_func: algorithm(&[1, 2, 840, 113549, 1, 5, 12], Some(derivation)),
        message_auth_scheme: algorithm(HMAC_SHA256, Some(vec![5, 0])),
    };
    let parameters = rasn::der::encode(&parameters).unwrap();
    algorithm(&[1, 2, 840, 113549, 1, 5, 14], Some(parameters))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The same by hand: 1000 rounds of SHA-256 over secret and salt, then HMAC.
#[test]
fn password_based_mac_is_what_the_standard_says() {
    let mut key = openssl::sha::sha256(b"secretsalt").to_vec();
    for _ in 1..1000 {
        key = openssl::sha::sha256(&key).to_vec();
    }
    let key = openssl::pkey::PKey::hmac(&key).unwrap();
    for (hmac, digest) in [
        (HMAC_SHA256, openssl::hash::MessageDigest::sha256()),
        (HMAC_SHA1, openssl::hash::MessageDigest::sha1()),
    ] {
        let mut signer = openssl::sign::Signer::new(digest, &key).unwrap();
        let expected = signer.sign_oneshot_to_vec(b"message").unwrap();
        let algorithm = pbm(b"salt", SHA256, 1000, hmac);
        assert_eq!(mac::compute(&algorithm, b"secret", b"message").unwrap(), expected);
        assert!(mac::verify(&algorithm, b"secret", b"message", &expected).unwrap());
        assert!(!mac::verify(&algorithm, b"Secret", b"message", &expected).unwrap());
        assert!(!mac::verify(&algorithm, b"secret", b"Message", &expected).unwrap());
        assert!(!mac::verify(&algorithm, b"secret", b"message", &expected[1..]).unwrap());
    }
}

/// Computed with Python's hashlib.pbkdf2_hmac and hmac.
#[test]
fn pbmac1_is_what_others_compute() {
    let told = pbmac1(b"salt", 1000, Some(32), Some(HMAC_SHA256));
    let mac = mac::compute(&told, b"secret", b"message").unwrap();
    assert_eq!(hex(&mac), PBMAC1_SHA256);
    // The key is as long as HMAC-SHA256's output when nothing is said.
    let untold = pbmac1(b"salt", 1000, None, Some(HMAC_SHA256));
    assert_eq!(hex(&mac::compute(&untold, b"secret", b"message").unwrap()), PBMAC1_SHA256);
    // RFC 8018 A.2: the pseudorandom function is HMAC-SHA1 when nothing is said.
    let default = pbmac1(b"salt", 1000, Some(32), None);
    assert_eq!(hex(&mac::compute(&default, b"secret", b"message").unwrap()), PBMAC1_SHA1);
}

const PBMAC1_SHA256: &str = "0ecb29ca4b4499cb2149df67a13b9c77f107b919304701658c6ba3bf50946e98";
const PBMAC1_SHA1: &str = "6c2fa5e96fbb18454f58c227d21d04d6f2ff6bf9f3306b97401f772fec2fc18c";

#[track_caller]
fn unsupported(algorithm: &AlgorithmIdentifier, words: &str) {
    let error = mac::compute(algorithm, b"secret", b"message").unwrap_err();
    assert!(matches!(error, CmpError::ProtectionUnsupported { .. }), "{error:?}");
    assert!(error.to_string().contains(words), "{error}");
}

/// The work is done before the answer is known to be the CA's: it has an end.
#[test]
fn no_answer_makes_us_work_without_end() {
    for count in [0, 99, 1_000_001, u64::MAX] {
        unsupported(&pbm(b"salt", SHA256, count, HMAC_SHA256), "iterations");
    }
    for count in [0, 999, 1_000_001, u64::MAX] {
        unsupported(&pbmac1(b"salt", count, Some(32), Some(HMAC_SHA256)), "iterations");
    }
    unsupported(&pbm(&[0; 129], SHA256, 1000, HMAC_SHA256), "a salt of 129 octets");
    unsupported(&pbmac1(&[0; 129], 1000, Some(32), Some(HMAC_SHA256)), "a salt of 129 octets");
    for length in [0, 129, u64::MAX] {
        unsupported(&pbmac1(b"salt", 1000, Some(length), Some(HMAC_SHA256)), "keyLength");
    }
}

#[test]
fn what_is_not_known_is_refused_by_its_name() {
    unsupported(&pbm(b"salt", SHA1, 1000, HMAC_SHA256), "1.3.14.3.2.26");
    unsupported(&pbm(b"salt", SHA256, 1000, SHA256), "2.16.840.1.101.3.4.2.1");
    unsupported(&pbmac1(b"salt", 1000, Some(32), Some(SHA256)), "2.16.840.1.101.3.4.2.1");
    let empty = algorithm(&[1, 2, 840, 113533, 7, 66, 13], None);
    let error = mac::compute(&empty, b"secret", b"message").unwrap_err();
    assert!(matches!(error, CmpError::Malformed { what: "PBMParameter", .. }), "{error:?}");
}

#[test]
fn every_message_has_a_salt_of_its_own() {
    let rng = &mut Counter(0);
    for kind in [MacAlgorithm::PasswordBasedMac, MacAlgorithm::Pbmac1] {
        let one = mac::algorithm(kind, rng).unwrap();
        let two = mac::algorithm(kind, rng).unwrap();
        assert_eq!(one.algorithm, two.algorithm);
        assert_ne!(one.parameters, two.parameters);
        let mac = mac::compute(&one, b"secret", b"message").unwrap();
        assert!(mac::verify(&one, b"secret", b"message", &mac).unwrap());
        assert!(!mac::verify(&two, b"secret", b"message", &mac).unwrap());
    }
}
