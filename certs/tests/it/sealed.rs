//! Keys that a device seals: each kind signs in each way, the device keeps nothing of them, and
//! only the octets, the wrapping key and the device together give a signature.

use crate::support::keys::remote_settings;
use crate::support::settings;
use crate::support::softhsm::{self, Token};
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::object::{Attribute, AttributeType, ObjectClass};
use cryptoki::session::Session;
use marca_certs::{
    DeviceError, DigestKind, DigestScheme, KeyBackend, KeyError, KeyKind, Pkcs11Backend, SealedKey,
    SealedKeys,
};
use openssl::hash::{MessageDigest, hash};
use openssl::pkey::PKey;
use openssl::rsa::Padding;
use openssl::sign::{RsaPssSaltlen, Verifier};
use std::time::Duration;

/// Sealed keys with a wrapping key.
fn ready(token: &Token) -> SealedKeys {
    let keys = Pkcs11Backend::open(settings(token)).unwrap().sealed_keys();
    assert!(keys.prepare(LOCK).unwrap());
    keys
}

const LOCK: &str = "marca-holder-keys-1";
const DIGESTS: [DigestKind; 3] = [DigestKind::Sha256, DigestKind::Sha384, DigestKind::Sha512];
const KINDS: [KeyKind; 5] =
    [KeyKind::P256, KeyKind::P384, KeyKind::Rsa2048, KeyKind::Rsa3072, KeyKind::Rsa4096];

fn device_error(error: KeyError) -> DeviceError {
    match error {
        KeyError::Device(error) => error,
        other => panic!("{other}"),
    }
}

fn message_digest(kind: DigestKind) -> MessageDigest {
    match kind {
        DigestKind::Sha256 => MessageDigest::sha256(),
        DigestKind::Sha384 => MessageDigest::sha384(),
        DigestKind::Sha512 => MessageDigest::sha512(),
    }
}

/// Signs, and lets OpenSSL verify over the message itself.
fn signs(keys: &SealedKeys, key: &SealedKey, scheme: DigestScheme) -> Result<(), KeyError> {
    let (DigestScheme::RsaPkcs1(kind) | DigestScheme::RsaPss(kind) | DigestScheme::Ecdsa(kind)) =
        scheme;
    let md = message_digest(kind);
    let signature = keys.sign(key, scheme, &hash(md, b"message").unwrap())?;
    let mut verifier = Verifier::new(md, &key.public).unwrap();
    if matches!(scheme, DigestScheme::RsaPss(_)) {
        verifier.set_rsa_padding(Padding::PKCS1_PSS).unwrap();
        verifier.set_rsa_mgf1_md(md).unwrap();
        verifier.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH).unwrap();
    }
    assert!(verifier.verify_oneshot(&signature, b"message").unwrap(), "{scheme:?}");
    Ok(())
}

/// What an application sees in the token, session objects included: it is one for the process.
fn beside<T>(token: &Token, look: impl FnOnce(&Session) -> T) -> T {
    let module = Pkcs11::new(token.module()).unwrap();
    drop(module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)));
    let slot = module.get_slots_with_initialized_token().unwrap()[0];
    look(&module.open_rw_session(slot).unwrap())
}

fn objects(token: &Token) -> usize {
    beside(token, |session| session.find_objects(&[]).unwrap().len())
}

#[test]
fn every_kind_signs_in_every_way_and_nothing_is_left_in_the_token() {
    softhsm::test(
        "sealed::every_kind_signs_in_every_way_and_nothing_is_left_in_the_token",
        |token| {
            let keys = ready(token);
            for kind in KINDS {
                let key = keys.generate(LOCK, kind).unwrap();
                assert_eq!(KeyKind::of(&key.public).unwrap(), kind);
                assert_eq!(key.wrapping, LOCK);
                for digest in DIGESTS {
                    let rsa = [DigestScheme::RsaPkcs1(digest), DigestScheme::RsaPss(digest)];
                    let ecdsa = [DigestScheme::Ecdsa(digest)];
                    let (fit, other) = match kind {
                        KeyKind::P256 | KeyKind::P384 => (&ecdsa[..], &rsa[..]),
                        _ => (&rsa[..], &ecdsa[..]),
                    };
                    fit.iter().for_each(|scheme| signs(&keys, &key, *scheme).unwrap());
                    for scheme in other {
                        let refused = signs(&keys, &key, *scheme).unwrap_err();
                        assert!(matches!(refused, KeyError::Signing(_)), "{refused}");
                    }
                }
                let short = keys.sign(&key, DigestScheme::Ecdsa(DigestKind::Sha256), &[7; 31]);
                assert!(matches!(short, Err(KeyError::Signing(_))), "{short:?}");
                // The wrapping key, and nothing of the others.
                assert_eq!(objects(token), 1, "{kind}");
            }
        },
    );
}

#[test]
fn the_wrapping_key_wraps_and_does_nothing_else() {
    softhsm::test("sealed::the_wrapping_key_wraps_and_does_nothing_else", |token| {
        // Kept, because with the last of them the module ends, and the login with it.
        let _keys = ready(token);
        beside(token, |session| {
            let wanted = [Attribute::Class(ObjectClass::SECRET_KEY), Attribute::Label(LOCK.into())];
            let found = session.find_objects(&wanted).unwrap();
            let [key] = found.as_slice() else { panic!("{found:?}") };
            for expected in [
                Attribute::Token(true),
                Attribute::Private(true),
                Attribute::Sensitive(true),
                Attribute::AlwaysSensitive(true),
                Attribute::Extractable(false),
                Attribute::NeverExtractable(true),
                Attribute::Local(true),
                Attribute::Wrap(true),
                Attribute::Unwrap(true),
                Attribute::Encrypt(false),
                Attribute::Decrypt(false),
                Attribute::Derive(false),
                Attribute::ValueLen(32_u64.into()),
            ] {
                let wanted = [expected.attribute_type()];
                assert_eq!(session.get_attributes(*key, &wanted).unwrap(), [expected]);
            }
            assert_eq!(session.get_attributes(*key, &[AttributeType::Value]).unwrap(), []);
        });
    });
}

/// The octets are ciphertext: as long as RFC 5649 says, and nothing that OpenSSL reads as a key.
#[test]
fn what_leaves_the_device_is_no_key() {
    softhsm::test("sealed::what_leaves_the_device_is_no_key", |token| {
        let keys = ready(token);
        for kind in [KeyKind::P256, KeyKind::Rsa2048] {
            let (one, other) = (keys.generate(LOCK, kind), keys.generate(LOCK, kind));
            let (one, other) = (one.unwrap(), other.unwrap());
            assert_eq!(one.octets.len() % 8, 0);
            assert!(PKey::private_key_from_pkcs8(&one.octets).is_err());
            assert!(PKey::private_key_from_der(&one.octets).is_err());
            assert_ne!(one.octets, other.octets);
            assert!(!format!("{one:?}").contains("octets"), "{one:?}");
        }
    });
}

#[test]
fn changed_octets_and_those_of_another_wrapping_key_sign_nothing() {
    softhsm::test(
        "sealed::changed_octets_and_those_of_another_wrapping_key_sign_nothing",
        |token| {
            let backend = Pkcs11Backend::open(settings(token)).unwrap();
            let keys = backend.sealed_keys();
            assert!(keys.prepare(LOCK).unwrap());
            let scheme = DigestScheme::Ecdsa(DigestKind::Sha256);
            let key = keys.generate(LOCK, KeyKind::P256).unwrap();
            let refused = |key: &SealedKey| device_error(signs(&keys, key, scheme).unwrap_err());
            for place in [0, key.octets.len() / 2, key.octets.len() - 1] {
                let mut changed = key.clone();
                changed.octets[place] ^= 1;
                let error = refused(&changed).to_string();
                assert!(error.contains("do not open under it"), "{error}");
            }
            for length in [0, 8, key.octets.len() - 8] {
                let mut cut = key.clone();
                cut.octets.truncate(length);
                assert!(matches!(refused(&cut), DeviceError::Key { .. }));
            }
            // Another wrapping key of the same device.
            assert!(keys.prepare("marca-holder-keys-2").unwrap());
            let other = keys.generate("marca-holder-keys-2", KeyKind::P256).unwrap();
            let moved = SealedKey { wrapping: other.wrapping.clone(), ..key.clone() };
            assert!(refused(&moved).to_string().contains("do not open under it"));
            // None at all.
            let lost = SealedKey { wrapping: "marca-holder-keys-3".to_owned(), ..key.clone() };
            let error = refused(&lost).to_string();
            assert!(error.contains("there is no wrapping key with this label"), "{error}");
            assert!(keys.probe(&lost.wrapping).is_err());
            // The octets of another key: its signature does not verify, and does not leave.
            let swapped =
                SealedKey { octets: other.octets, wrapping: other.wrapping, ..key.clone() };
            assert!(matches!(refused(&swapped), DeviceError::WrongSignature { .. }));
            // None of this has cost the connection or left anything behind.
            signs(&keys, &key, scheme).unwrap();
            assert_eq!(objects(token), 2);
            backend.check().unwrap();
        },
    );
}

/// A wrapping key is found again by the next process, and made once by many threads of one.
#[test]
fn a_wrapping_key_is_made_once() {
    softhsm::test("sealed::a_wrapping_key_is_made_once", |token| {
        let keys = Pkcs11Backend::open(settings(token)).unwrap().sealed_keys();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    keys.prepare(LOCK).unwrap();
                    keys.generate(LOCK, KeyKind::P256).unwrap();
                });
            }
        });
        assert_eq!(objects(token), 1);
        let key = keys.generate(LOCK, KeyKind::P256).unwrap();
        let again = Pkcs11Backend::open(settings(token)).unwrap().sealed_keys();
        assert!(!again.prepare(LOCK).unwrap());
        signs(&again, &key, DigestScheme::Ecdsa(DigestKind::Sha256)).unwrap();
        again.generate(LOCK, KeyKind::P256).unwrap();
        assert_eq!(objects(token), 1);
    });
}

/// Keys that others have put there, under the same label or readable.
#[test]
fn a_wrapping_key_that_is_not_fit_is_refused_with_a_reason() {
    softhsm::test("sealed::a_wrapping_key_that_is_not_fit_is_refused_with_a_reason", |token| {
        let keys = Pkcs11Backend::open(settings(token)).unwrap().sealed_keys();
        let aes = |session: &Session, label: &str, sensitive: bool| {
            let template = [
                Attribute::Token(true),
                Attribute::Sensitive(sensitive),
                Attribute::Extractable(!sensitive),
                Attribute::Wrap(true),
                Attribute::Unwrap(true),
                Attribute::ValueLen(32_u64.into()),
                Attribute::Label(label.into()),
            ];
            session.generate_key(&cryptoki::mechanism::Mechanism::AesKeyGen, &template).unwrap();
        };
        beside(token, |session| {
            aes(session, "readable", false);
            aes(session, "twice", true);
        });
        let reason = |label: &str| keys.generate(label, KeyKind::P256).unwrap_err().to_string();
        let key = keys.generate("twice", KeyKind::P256).unwrap();
        assert!(reason("readable").contains("can be read out of the token"));
        assert!(reason("none").contains("there is no wrapping key with this label"));
        // Of two that were made at one time, and one that is not fit, the right one is found.
        beside(token, |session| {
            aes(session, "twice", true);
            aes(session, "twice", false);
        });
        let other = keys.generate("twice", KeyKind::P256).unwrap();
        for key in [key, other] {
            signs(&keys, &key, DigestScheme::Ecdsa(DigestKind::Sha256)).unwrap();
        }
        assert!(matches!(keys.generate("No", KeyKind::P256), Err(KeyError::Label { .. })));
        let error = device_error(keys.generate(LOCK, KeyKind::MlDsa65).unwrap_err());
        assert!(matches!(error, DeviceError::Mechanism { .. }), "{error}");
    });
}

/// The device goes away and comes back: no signature meanwhile, and no restart afterwards.
///
/// p11-kit's client, which stands for such a device elsewhere, does not pass the mechanism on. So
/// the module is ended here, and its tokens are out of sight when it starts again.
#[test]
fn a_device_that_was_away_signs_again() {
    softhsm::test("sealed::a_device_that_was_away_signs_again", |token| {
        let mut settings = settings(token);
        settings.pause = Duration::from_millis(1)..=Duration::from_millis(20);
        let keys = Pkcs11Backend::open(settings).unwrap().sealed_keys();
        assert!(keys.prepare(LOCK).unwrap());
        let key = keys.generate(LOCK, KeyKind::P256).unwrap();
        let scheme = DigestScheme::Ecdsa(DigestKind::Sha384);
        signs(&keys, &key, scheme).unwrap();
        let [there, away] = ["tokens", "away"].map(|name| token.directory().join(name));
        std::fs::rename(&there, &away).unwrap();
        std::fs::create_dir(&there).unwrap();
        Pkcs11::new(token.module()).unwrap().finalize().unwrap();
        for _ in 0..3 {
            let error = device_error(signs(&keys, &key, scheme).unwrap_err());
            assert!(matches!(error, DeviceError::Lost { .. }), "{error}");
            assert!(keys.generate(LOCK, KeyKind::P256).is_err());
            assert!(keys.prepare(LOCK).is_err());
            assert!(keys.probe(LOCK).is_err());
            std::thread::sleep(Duration::from_millis(5));
        }
        std::fs::remove_dir(&there).unwrap();
        std::fs::rename(&away, &there).unwrap();
        while keys.probe(LOCK).is_err() {
            std::thread::sleep(Duration::from_millis(5));
        }
        signs(&keys, &key, scheme).unwrap();
        assert_eq!(objects(token), 1);
    });
}

/// A module that stands between and does not know the mechanism.
#[test]
fn a_device_that_cannot_seal_is_named() {
    softhsm::test("sealed::a_device_that_cannot_seal_is_named", |token| {
        let _plugged = token.serve();
        let keys = Pkcs11Backend::open(remote_settings(token)).unwrap().sealed_keys();
        match keys.prepare(LOCK) {
            // A newer one passes it on.
            Ok(made) => assert!(made),
            Err(error) => {
                assert!(matches!(device_error(error.clone()), DeviceError::Mechanism { .. }));
                assert!(error.to_string().contains("cannot do CKM_AES_KEY_WRAP_PAD"), "{error}");
            }
        }
    });
}

/// A module that has lost sight of its token says that no key is there. No second one is made.
#[test]
fn a_wrapping_key_that_is_out_of_sight_is_not_made_again() {
    softhsm::test("sealed::a_wrapping_key_that_is_out_of_sight_is_not_made_again", |token| {
        let keys = ready(token);
        let key = keys.generate(LOCK, KeyKind::P256).unwrap();
        let scheme = DigestScheme::Ecdsa(DigestKind::Sha256);
        let [there, away] = ["tokens", "away"].map(|name| token.directory().join(name));
        std::fs::rename(&there, &away).unwrap();
        let error = signs(&keys, &key, scheme).unwrap_err().to_string();
        assert!(error.contains("there is no wrapping key"), "{error}");
        std::fs::rename(&away, &there).unwrap();
        // It still says so, until it is connected to anew.
        assert!(signs(&keys, &key, scheme).is_err());
        assert!(!keys.prepare(LOCK).unwrap());
        signs(&keys, &key, scheme).unwrap();
        assert_eq!(objects(token), 1);
    });
}
