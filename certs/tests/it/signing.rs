//! Every kind of key signs what OpenSSL verifies, and prints nothing of itself.

use crate::support::key;
use marca_certs::{KeyError, KeyKind, SignatureScheme, SigningKey, SoftwareKey};
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Public};
use openssl::sign::Verifier;

fn verifies(key: &dyn SigningKey, message: &[u8], signature: &[u8]) -> bool {
    let public: &PKey<Public> = key.public_key();
    // The digest is named here once more, so that a mistake in the crate's own table shows.
    let mut verifier = match key.kind() {
        KeyKind::P384 => Verifier::new(MessageDigest::sha384(), public),
        KeyKind::P521 => Verifier::new(MessageDigest::sha512(), public),
        KeyKind::Ed25519 => Verifier::new_without_digest(public),
        _ => Verifier::new(MessageDigest::sha256(), public),
    }
    .unwrap();
    verifier.verify_oneshot(signature, message).unwrap_or(false)
}

#[test]
fn every_kind_signs_what_openssl_verifies() {
    for kind in KeyKind::ALL {
        let key = key(kind);
        assert_eq!(key.kind(), kind);
        assert_eq!(key.scheme(), kind.scheme());
        assert!(!key.in_device());
        // Several times, of several lengths: signing contexts are used again.
        for length in [0, 1, 200, 100_000] {
            let message = vec![7; length];
            let signature = key.sign(&message).unwrap();
            assert!(verifies(key.as_ref(), &message, &signature), "{kind}, {length} bytes");
            let mut other = message.clone();
            other.push(0);
            assert!(!verifies(key.as_ref(), &other, &signature), "{kind}: any message verifies");
        }
    }
}

#[test]
fn threads_share_a_key() {
    for kind in [KeyKind::P256, KeyKind::Rsa2048, KeyKind::Ed25519] {
        let key = key(kind);
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
        "\"p-256\" is not a kind of key: use p256, p384, p521, rsa2048, rsa3072, rsa4096 or ed25519"
    );
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
    // RFC 8410 §3: no parameters.
    assert_eq!(signature(SignatureScheme::Ed25519), [0x30, 5, 6, 3, 0x2b, 0x65, 0x70]);
    // RFC 5754 §2: no parameters. RFC 8419 §3: SHA-512 for Ed25519.
    let sha2 = |last| [&[0x30, 11, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2], &[last][..]].concat();
    assert_eq!(digest(SignatureScheme::EcdsaSha256), sha2(1));
    assert_eq!(digest(SignatureScheme::RsaPkcs1Sha256), sha2(1));
    assert_eq!(digest(SignatureScheme::EcdsaSha384), sha2(2));
    assert_eq!(digest(SignatureScheme::EcdsaSha512), sha2(3));
    assert_eq!(digest(SignatureScheme::Ed25519), sha2(3));
    for kind in KeyKind::ALL {
        let digest = kind.scheme().message_digest();
        assert_eq!(
            digest.size(),
            match kind {
                KeyKind::P384 => 48,
                KeyKind::P521 | KeyKind::Ed25519 => 64,
                _ => 32,
            }
        );
    }
}
