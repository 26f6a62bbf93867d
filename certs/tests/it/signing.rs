//! Every kind of key signs what OpenSSL verifies, in this process as in a device, and prints
//! nothing of itself.

use crate::support::{Keys, both_back_ends};
use marca_certs::{KeyError, KeyKind, SignatureScheme, SigningKey, SoftwareKey};
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Public};
use openssl::rsa::Padding;
use openssl::sign::{RsaPssSaltlen, Verifier};

fn verifies(key: &dyn SigningKey, message: &[u8], signature: &[u8]) -> bool {
    let public: &PKey<Public> = key.public_key();
    // Everything is named here once more, so that a mistake in the crate's own tables shows.
    let (digest, salt) = match key.scheme() {
        SignatureScheme::EcdsaSha384 => (Some(MessageDigest::sha384()), None),
        SignatureScheme::EcdsaSha512 => (Some(MessageDigest::sha512()), None),
        SignatureScheme::RsaPssSha256 => (Some(MessageDigest::sha256()), Some(32)),
        SignatureScheme::RsaPssSha384 => (Some(MessageDigest::sha384()), Some(48)),
        SignatureScheme::RsaPssSha512 => (Some(MessageDigest::sha512()), Some(64)),
        SignatureScheme::EcdsaSha256 | SignatureScheme::RsaPkcs1Sha256 => {
            (Some(MessageDigest::sha256()), None)
        }
        _ => (None, None),
    };
    let mut verifier = match digest {
        Some(digest) => Verifier::new(digest, public).unwrap(),
        None => Verifier::new_without_digest(public).unwrap(),
    };
    if let (Some(digest), Some(salt)) = (digest, salt) {
        verifier.set_rsa_padding(Padding::PKCS1_PSS).unwrap();
        verifier.set_rsa_pss_saltlen(RsaPssSaltlen::custom(salt)).unwrap();
        verifier.set_rsa_mgf1_md(digest).unwrap();
    }
    let verified = verifier.verify_oneshot(signature, message).unwrap_or(false);
    assert_eq!(key.scheme().verify(public, message, signature).unwrap_or(false), verified);
    verified
}

both_back_ends! {
    signing::every_kind_signs_what_openssl_verifies
    signing::threads_share_a_key
    signing::a_key_signs_in_the_ways_of_its_kind_only
}

fn every_kind_signs_what_openssl_verifies(keys: &Keys) {
    for kind in keys.kinds() {
        let usual = keys.make(kind);
        assert_eq!(usual.kind(), kind);
        assert_eq!(usual.scheme(), kind.scheme());
        assert_eq!(usual.in_device(), keys.is_device());
        usual.probe().unwrap();
        for scheme in kind.schemes() {
            let key = usual.with_scheme(*scheme).unwrap();
            assert_eq!((key.kind(), key.scheme()), (kind, *scheme));
            signs(key.as_ref());
        }
    }
}

/// Several times, of several lengths: signing contexts are used again.
fn signs(key: &dyn SigningKey) {
    let (kind, scheme) = (key.kind(), key.scheme());
    for length in [0, 1, 200, 100_000] {
        let message = vec![7; length];
        let signature = key.sign(&message).unwrap();
        assert!(verifies(key, &message, &signature), "{kind} {scheme}, {length} bytes");
        let mut other = message.clone();
        other.push(0);
        assert!(!verifies(key, &other, &signature), "{kind} {scheme}: any message verifies");
    }
}

fn a_key_signs_in_the_ways_of_its_kind_only(keys: &Keys) {
    for kind in keys.quick_kinds() {
        let key = keys.make(kind);
        for scheme in SignatureScheme::ALL {
            match key.with_scheme(scheme) {
                Ok(other) => {
                    assert!(kind.schemes().contains(&scheme));
                    assert!(other.public_key().public_eq(key.public_key()));
                }
                Err(KeyError::Scheme { kind: of, scheme: asked }) => {
                    assert_eq!((of, asked), (kind, scheme));
                    assert!(!kind.schemes().contains(&scheme));
                }
                Err(other) => panic!("{other}"),
            }
        }
    }
}

fn threads_share_a_key(keys: &Keys) {
    for kind in [KeyKind::P256, KeyKind::Rsa2048, KeyKind::Ed25519] {
        let key = keys.make(kind);
        std::thread::scope(|scope| {
            for thread in 0_u8..4 {
                let key = &key;
                scope.spawn(move || {
                    for round in 0_u8..25 {
                        let message = [thread, round];
                        let signature = key.sign(&message).unwrap();
                        assert!(verifies(key.as_ref(), &message, &signature));
                    }
                });
            }
        });
    }
}

#[test]
fn kinds_have_names_that_parse_back() {
    for kind in KeyKind::ALL {
        assert_eq!(kind.to_string().parse::<KeyKind>().unwrap(), kind);
    }
    let error = "p-256".parse::<KeyKind>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "\"p-256\" is not a kind of key: use p256, p384, p521, rsa2048, rsa3072, rsa4096, \
         ed25519, ml-dsa-44, ml-dsa-65 or ml-dsa-87"
    );
}

#[test]
fn schemes_have_names_and_identifiers_that_parse_back() {
    for scheme in SignatureScheme::ALL {
        assert_eq!(scheme.to_string().parse::<SignatureScheme>().unwrap(), scheme);
        let mut algorithm = scheme.signature_algorithm();
        assert_eq!(SignatureScheme::from_algorithm(&algorithm), Some(scheme));
        // RFC 4055 §3.1: RSASSA-PSS without parameters would be SHA-1; and none is ours with NULL
        // or nothing in their place.
        algorithm.parameters = match algorithm.parameters {
            None => Some(rasn::types::Any::new(vec![5, 0])),
            Some(_) => None,
        };
        assert_eq!(SignatureScheme::from_algorithm(&algorithm), None, "{scheme}");
    }
    let error = "rsa-pss".parse::<SignatureScheme>().unwrap_err().to_string();
    for scheme in SignatureScheme::ALL {
        assert!(error.contains(scheme.name()), "{error}");
    }
}

#[test]
fn other_keys_are_refused_by_name() {
    let unsupported = |key: PKey<openssl::pkey::Private>| match SoftwareKey::new("x", key) {
        Err(KeyError::Unsupported { what }) => what,
        other => panic!("{other:?}"),
    };
    let rsa = openssl::rsa::Rsa::generate(1024).unwrap();
    assert_eq!(unsupported(PKey::from_rsa(rsa).unwrap()), "RSA with 1024 bits");
    assert_eq!(unsupported(PKey::ec_gen("secp256k1").unwrap()), "elliptic curve secp256k1");
    assert_eq!(unsupported(PKey::generate_x25519().unwrap()), "X25519 key");
}

#[test]
fn a_key_prints_its_label_and_kind_only() {
    let key = SoftwareKey::generate("tsu-1", KeyKind::P256).unwrap();
    assert_eq!(format!("{key:?}"), "SoftwareKey { label: \"tsu-1\", kind: P256, .. }");
}

#[test]
fn algorithm_identifiers_are_encoded_as_the_standards_say() {
    let signature =
        |scheme: SignatureScheme| rasn::der::encode(&scheme.signature_algorithm()).unwrap();
    let digest = |scheme: SignatureScheme| rasn::der::encode(&scheme.digest_algorithm()).unwrap();
    // RFC 5758 §3.2: no parameters.
    let ecdsa =
        |last| [&[0x30, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3], &[last][..]].concat();
    assert_eq!(signature(SignatureScheme::EcdsaSha256), ecdsa(2));
    assert_eq!(signature(SignatureScheme::EcdsaSha384), ecdsa(3));
    assert_eq!(signature(SignatureScheme::EcdsaSha512), ecdsa(4));
    // RFC 4055 §5: parameters NULL.
    let rsa = [0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11, 5, 0];
    assert_eq!(signature(SignatureScheme::RsaPkcs1Sha256), rsa);
    // RFC 4055 §3.1, each field with its tag; as `openssl cms -keyopt rsa_padding_mode:pss` does.
    let sha = |number: u8| [0x30, 13, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, number, 5, 0];
    let pss = |number: u8, salt: u8| {
        let id: &[u8] = &[0x30, 65, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10];
        let mgf: &[u8] = &[0xa1, 28, 0x30, 26, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 8];
        let hash = sha(number);
        [id, &[0x30, 52, 0xa0, 15], &hash, mgf, &hash, &[0xa2, 3, 2, 1, salt]].concat()
    };
    assert_eq!(signature(SignatureScheme::RsaPssSha256), pss(1, 32));
    assert_eq!(signature(SignatureScheme::RsaPssSha384), pss(2, 48));
    assert_eq!(signature(SignatureScheme::RsaPssSha512), pss(3, 64));
    // RFC 9881 §2: no parameters.
    let ml_dsa =
        |last| [&[0x30, 11, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 3], &[last][..]].concat();
    assert_eq!(signature(SignatureScheme::MlDsa44), ml_dsa(17));
    assert_eq!(signature(SignatureScheme::MlDsa65), ml_dsa(18));
    assert_eq!(signature(SignatureScheme::MlDsa87), ml_dsa(19));
    // RFC 8410 §3: no parameters.
    assert_eq!(signature(SignatureScheme::Ed25519), [0x30, 5, 6, 3, 0x2b, 0x65, 0x70]);
    // RFC 5754 §2: no parameters. RFC 8419 §3: SHA-512 for Ed25519.
    let sha2 = |last| [&[0x30, 11, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2], &[last][..]].concat();
    assert_eq!(digest(SignatureScheme::EcdsaSha256), sha2(1));
    assert_eq!(digest(SignatureScheme::RsaPkcs1Sha256), sha2(1));
    assert_eq!(digest(SignatureScheme::EcdsaSha384), sha2(2));
    assert_eq!(digest(SignatureScheme::EcdsaSha512), sha2(3));
    assert_eq!(digest(SignatureScheme::Ed25519), sha2(3));
    // RFC 8933 §3: the digest of the signature itself. RFC 9882 §3.3: SHA-512 for ML-DSA.
    assert_eq!(digest(SignatureScheme::RsaPssSha256), sha2(1));
    assert_eq!(digest(SignatureScheme::RsaPssSha384), sha2(2));
    assert_eq!(digest(SignatureScheme::RsaPssSha512), sha2(3));
    for scheme in [SignatureScheme::MlDsa44, SignatureScheme::MlDsa65, SignatureScheme::MlDsa87] {
        assert_eq!(digest(scheme), sha2(3));
    }
    for scheme in SignatureScheme::ALL {
        let last = *digest(scheme).last().unwrap();
        assert_eq!(scheme.message_digest().size(), [32, 48, 64][usize::from(last) - 1]);
    }
}
