//! The device back end: what is made inside the token, what each fault says, and that a device that
//! was lost comes back by itself.

use crate::support::keys::remote_settings;
use crate::support::softhsm::{self, Token};
use crate::support::{key, settings};
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::object::{Attribute, AttributeType, ObjectClass};
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;
use marca_certs::{
    DeviceError, KeyBackend, KeyError, KeyKind, Pkcs11Backend, Pkcs11Settings, SigningKey,
    TokenChoice,
};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

fn device_error(error: KeyError) -> DeviceError {
    match error {
        KeyError::Device(error) => error,
        other => panic!("{other}"),
    }
}

fn signs(key: &Arc<dyn SigningKey>) {
    let signature = key.sign(b"message").unwrap();
    assert!(key.scheme().verify(key.public_key(), b"message", &signature).unwrap());
}

/// A session of the test's own, beside those of the back end, which has started the module.
fn beside(token: &Token, change: impl FnOnce(&Session)) {
    let module = Pkcs11::new(token.module()).unwrap();
    // Started already, when a back end is there.
    drop(module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)));
    let slot = module.get_slots_with_initialized_token().unwrap()[0];
    let session = module.open_rw_session(slot).unwrap();
    change(&session);
}

#[test]
fn a_private_key_is_made_in_the_token_and_cannot_leave_it() {
    softhsm::test("device::a_private_key_is_made_in_the_token_and_cannot_leave_it", |token| {
        let backend = Pkcs11Backend::open(settings(token)).unwrap();
        for kind in [KeyKind::P256, KeyKind::Rsa2048, KeyKind::Ed25519] {
            let label = kind.name();
            assert!(!backend.contains(label).unwrap());
            signs(&backend.generate(label, kind).unwrap());
            assert!(backend.contains(label).unwrap());
            beside(token, |session| {
                let wanted = [
                    Attribute::Class(ObjectClass::PRIVATE_KEY),
                    Attribute::Label(label.as_bytes().to_vec()),
                ];
                let found = session.find_objects(&wanted).unwrap();
                let [private] = found.as_slice() else { panic!("{found:?}") };
                let attributes = [
                    Attribute::Token(true),
                    Attribute::Private(true),
                    Attribute::Sensitive(true),
                    Attribute::AlwaysSensitive(true),
                    Attribute::Extractable(false),
                    Attribute::NeverExtractable(true),
                    Attribute::Local(true),
                ];
                for expected in attributes {
                    let wanted = [expected.attribute_type()];
                    let given = session.get_attributes(*private, &wanted).unwrap();
                    assert_eq!(given, [expected], "{kind}");
                }
                let secret = [AttributeType::Value, AttributeType::PrivateExponent];
                assert_eq!(session.get_attributes(*private, &secret).unwrap(), [], "{kind}");
            });
        }
    });
}

#[test]
fn keys_are_found_again_by_another_back_end() {
    softhsm::test("device::keys_are_found_again_by_another_back_end", |token| {
        let made =
            Pkcs11Backend::open(settings(token)).unwrap().generate("tsu-1", KeyKind::P384).unwrap();
        let known = Pkcs11Backend::new(settings(token));
        let opened = known.open("tsu-1").unwrap();
        assert_eq!(opened.kind(), KeyKind::P384);
        assert!(opened.public_key().public_eq(made.public_key()));
        signs(&opened);
        // Known from a certificate: without a question to the device, and checked at the first use.
        signs(&known.open_known("tsu-1", made.public_key().clone()).unwrap());
        let other = key(KeyKind::P256).public_key().clone();
        let error = known.open_known("tsu-1", other).unwrap().sign(b"").unwrap_err();
        assert!(matches!(&error, KeyError::OtherKey { label } if label == "tsu-1"), "{error}");
        let shown = format!("{made:?}");
        assert_eq!(
            shown,
            "DeviceKey { token: \"\\\"marca test\\\"\", label: \"tsu-1\", kind: P384, \
             scheme: EcdsaSha384, .. }"
        );
    });
}

#[test]
fn a_key_is_never_replaced_and_gone_when_destroyed() {
    softhsm::test("device::a_key_is_never_replaced_and_gone_when_destroyed", |token| {
        let backend = Pkcs11Backend::open(settings(token)).unwrap();
        let key = backend.generate("tsu-1", KeyKind::P256).unwrap();
        let error = backend.generate("tsu-1", KeyKind::P256).unwrap_err().to_string();
        assert!(error.contains("exists already, and a key is never replaced"), "{error}");
        signs(&key);
        backend.generate("tsu-2", KeyKind::P256).unwrap();

        backend.destroy("tsu-1").unwrap();
        assert!(!backend.contains("tsu-1").unwrap());
        for error in [
            key.sign(b"").unwrap_err(),
            key.probe().unwrap_err(),
            backend.open("tsu-1").unwrap_err(),
            backend.destroy("tsu-1").unwrap_err(),
        ] {
            let error = device_error(error);
            assert!(matches!(&error, DeviceError::Key { label, .. } if label == "tsu-1"));
            assert!(error.to_string().contains("there is no private key"), "{error}");
        }
        // Both halves are gone, and the other key is not.
        beside(token, |session| assert_eq!(session.find_objects(&[]).unwrap().len(), 2));
        signs(&backend.open("tsu-2").unwrap());
        backend.generate("tsu-1", KeyKind::P256).unwrap();
        assert!(matches!(backend.open("TSU"), Err(KeyError::Label { .. })));
    });
}

#[test]
fn what_a_token_cannot_do_is_named() {
    softhsm::test("device::what_a_token_cannot_do_is_named", |token| {
        let backend = Pkcs11Backend::open(settings(token)).unwrap();
        let kinds = backend.kinds().unwrap();
        let ml_dsa = [KeyKind::MlDsa44, KeyKind::MlDsa65, KeyKind::MlDsa87];
        assert!(ml_dsa.iter().all(|kind| !kinds.contains(kind)));
        assert_eq!(kinds.len() + ml_dsa.len(), KeyKind::ALL.len());
        let error = device_error(backend.generate("pq", KeyKind::MlDsa65).unwrap_err());
        assert!(matches!(error, DeviceError::Mechanism { .. }));
        assert!(error.to_string().contains("ml-dsa-65"), "{error}");
    });
}

/// Keys that others have put there: without the public half, twice, readable.
#[test]
fn keys_that_are_not_fit_are_refused_with_a_reason() {
    softhsm::test("device::keys_that_are_not_fit_are_refused_with_a_reason", |token| {
        let backend = Pkcs11Backend::open(settings(token)).unwrap();
        let reason = |label: &str| backend.open(label).unwrap_err().to_string();
        for label in ["alone", "readable", "other"] {
            backend.generate(label, KeyKind::P256).unwrap();
        }
        let one = |session: &Session, class, label: &str| {
            let wanted = [Attribute::Class(class), Attribute::Label(label.into())];
            session.find_objects(&wanted).unwrap()[0]
        };
        beside(token, |session| {
            let public = one(session, ObjectClass::PUBLIC_KEY, "alone");
            session.destroy_object(public).unwrap();
            let other = one(session, ObjectClass::PRIVATE_KEY, "other");
            let renamed = [Attribute::Label(b"readable".to_vec())];
            session.update_attributes(other, &renamed).unwrap();
        });
        assert!(reason("alone").contains("the token has no public key for it"));
        assert!(reason("readable").contains("2 private keys have this label"));
        beside(token, |session| {
            use cryptoki::mechanism::Mechanism;
            let p256 = vec![6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
            let label = Attribute::Label(b"open".to_vec());
            let public = [Attribute::EcParams(p256), Attribute::Token(true), label.clone()];
            let private = [
                Attribute::Sensitive(false),
                Attribute::Extractable(true),
                Attribute::Token(true),
                Attribute::Sign(true),
                label,
            ];
            session.generate_key_pair(&Mechanism::EccKeyPairGen, &public, &private).unwrap();
        });
        assert!(reason("open").contains("it can be read out of the token"));
    });
}

#[test]
fn a_wrong_pin_is_tried_once() {
    softhsm::test("device::a_wrong_pin_is_tried_once", |token| {
        let mut settings = settings(token);
        settings.pause = Duration::ZERO..=Duration::ZERO;
        token.write_pin("wrong");
        let backend = Pkcs11Backend::new(settings);
        let log = |backend: &Pkcs11Backend| device_error(backend.check().unwrap_err());
        let error = log(&backend);
        assert!(matches!(error, DeviceError::PinWrong { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains("the PIN in ") && text.contains("It was tried once"), "{text}");
        assert!(!text.contains("4711") && !format!("{backend:?}").contains("4711"));
        // The token counts wrong PINs, and a right one resets the count: so it shows whether
        // another one comes.
        let counts = || {
            let module = Pkcs11::new(token.module()).unwrap();
            let slot = module.get_slots_with_initialized_token().unwrap()[0];
            module.get_token_info(slot).unwrap().user_pin_count_low()
        };
        assert!(counts());
        beside(token, |session| {
            session.login(UserType::User, Some(&AuthPin::new(Box::from(softhsm::PIN)))).unwrap();
            session.logout().unwrap();
        });
        assert!(!counts());
        for _ in 0..5 {
            assert!(matches!(log(&backend), DeviceError::PinWrong { .. }));
            // Each attempt to connect starts the module anew, and this one not again.
            beside(token, |_| ());
            assert!(!counts());
        }
        token.write_right_pin();
        backend.check().unwrap();
    });
}

#[test]
fn the_pin_file_is_for_its_owner_alone() {
    softhsm::test("device::the_pin_file_is_for_its_owner_alone", |token| {
        let mut settings = settings(token);
        settings.pause = Duration::ZERO..=Duration::ZERO;
        let backend = Pkcs11Backend::new(settings);
        let reason = || match device_error(backend.check().unwrap_err()) {
            DeviceError::PinFile { path, reason } => {
                assert_eq!(path, token.pin_file());
                reason
            }
            other => panic!("{other}"),
        };
        fs::set_permissions(token.pin_file(), Permissions::from_mode(0o640)).unwrap();
        assert!(reason().starts_with("mode 0640 lets others than its owner at it"));
        token.write_pin(" ");
        assert_eq!(reason(), "holds no text: write the PIN into it");
        fs::remove_file(token.pin_file()).unwrap();
        assert!(reason().starts_with("there is no such file: write the PIN"));
        token.write_right_pin();
        backend.check().unwrap();
    });
}

#[test]
fn modules_and_tokens_that_are_not_there_are_named() {
    softhsm::test("device::modules_and_tokens_that_are_not_there_are_named", |token| {
        let with = |module: PathBuf, choice: TokenChoice| {
            let settings = Pkcs11Settings::new(module, choice, token.pin_file());
            device_error(Pkcs11Backend::open(settings).unwrap_err())
        };
        let label = |label: &str| TokenChoice::Label(label.to_owned());
        let missing = with(PathBuf::from("/nowhere/module.so"), label("marca test"));
        assert!(matches!(missing, DeviceError::Module { .. }));
        assert!(missing.to_string().starts_with("PKCS#11 module /nowhere/module.so: cannot be"));
        let library = with(PathBuf::from("libm.so.6"), label("marca test")).to_string();
        assert!(library.ends_with("not a PKCS#11 module: correct the path"), "{library}");

        let other = with(token.module(), label("another")).to_string();
        let found =
            "PKCS#11 token \"another\": not found; the module shows \"marca test\" (serial:";
        assert!(other.starts_with(found), "{other}");
        let serial = other.split("serial:").nth(1).unwrap().split(',').next().unwrap().to_owned();
        let slot = other.split("slot:").nth(1).unwrap().split(')').next().unwrap().to_owned();
        token.initialise("marca test");
        let twice = with(token.module(), label("marca test")).to_string();
        assert!(twice.contains("2 tokens have this label: choose one by its serial"), "{twice}");
        for choice in [format!("serial:{serial}"), format!("slot:{slot}")] {
            let settings =
                Pkcs11Settings::new(token.module(), choice.parse().unwrap(), token.pin_file());
            Pkcs11Backend::open(settings).unwrap();
        }
    });
}

/// One session for many threads: nobody fails, and nobody waits for ever.
#[test]
fn sessions_are_bounded_and_shared() {
    softhsm::test("device::sessions_are_bounded_and_shared", |token| {
        let mut settings = settings(token);
        settings.max_sessions = 1;
        settings.patience = Duration::from_secs(60);
        let backend = Pkcs11Backend::open(settings).unwrap();
        let key = backend.generate("tsu-1", KeyKind::P256).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| (0..20).for_each(|_| signs(&key)));
            }
        });
    });
}

/// The login ends under the back end; the next signature is made all the same.
#[test]
fn a_lost_login_is_made_again() {
    softhsm::test("device::a_lost_login_is_made_again", |token| {
        let backend = Pkcs11Backend::open(settings(token)).unwrap();
        let key = backend.generate("tsu-1", KeyKind::P256).unwrap();
        signs(&key);
        beside(token, |session| session.logout().unwrap());
        signs(&key);
        beside(token, |session| session.logout().unwrap());
        assert!(backend.contains("tsu-1").unwrap());
        beside(token, |session| session.logout().unwrap());
        key.probe().unwrap();
        beside(token, |session| session.logout().unwrap());
        signs(&backend.generate("tsu-2", KeyKind::P256).unwrap());
    });
}

/// The module is ended under the back end, as another user of it in the process might, and all its
/// sessions with it.
#[test]
fn an_ended_module_is_started_again() {
    softhsm::test("device::an_ended_module_is_started_again", |token| {
        let backend = Pkcs11Backend::open(settings(token)).unwrap();
        let key = backend.generate("tsu-1", KeyKind::P256).unwrap();
        let end = || Pkcs11::new(token.module()).unwrap().finalize().unwrap();
        signs(&key);
        end();
        signs(&key);
        // Started again by the other one: the module answers, and knows no session of ours.
        end();
        beside(token, |_| ());
        signs(&key);
        end();
        beside(token, |_| ());
        signs(&backend.generate("tsu-2", KeyKind::P256).unwrap());
    });
}

/// A device that is pulled out and comes back, with the same keys in it, under a service that goes
/// on meanwhile.
#[test]
fn a_lost_device_comes_back_without_a_restart() {
    softhsm::test("device::a_lost_device_comes_back_without_a_restart", |token| {
        let plugged = token.serve();
        let backend = Pkcs11Backend::open(remote_settings(token)).unwrap();
        let key = backend.generate("tsu-1", KeyKind::P256).unwrap();
        signs(&key);
        key.probe().unwrap();

        drop(plugged);
        for _ in 0..3 {
            let error = device_error(key.sign(b"").unwrap_err());
            assert!(matches!(error, DeviceError::Lost { .. }), "{error}");
            let error = device_error(key.probe().unwrap_err());
            assert!(matches!(error, DeviceError::Lost { .. }), "{error}");
            assert!(backend.contains("tsu-1").is_err() && backend.check().is_err());
            std::thread::sleep(Duration::from_millis(5));
        }

        let plugged = token.serve();
        let mut answer = key.probe();
        while answer.is_err() {
            std::thread::sleep(Duration::from_millis(5));
            answer = key.probe();
        }
        signs(&key);
        // A second time, while several threads sign: each gets a signature or an error.
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| while key.sign(b"message").is_ok() {});
            }
            std::thread::sleep(Duration::from_millis(50));
            drop(plugged);
        });
        let _plugged = token.serve();
        while key.sign(b"message").is_err() {
            std::thread::sleep(Duration::from_millis(5));
        }
        signs(&backend.open("tsu-1").unwrap());
    });
}

/// A service starts while its device is away: keys that are known from certificates work when it
/// is there.
#[test]
fn a_device_may_be_connected_after_the_start() {
    softhsm::test("device::a_device_may_be_connected_after_the_start", |token| {
        let settings = remote_settings(token);
        let public = {
            let _plugged = token.serve();
            let backend = Pkcs11Backend::open(settings.clone()).unwrap();
            backend.generate("tsu-1", KeyKind::P256).unwrap().public_key().clone()
        };
        let backend = Pkcs11Backend::new(settings);
        let key = backend.open_known("tsu-1", public).unwrap();
        assert!(key.in_device());
        let error = key.probe().unwrap_err().to_string();
        assert!(error.contains("not found") || error.contains("is lost"), "{error}");
        let _plugged = token.serve();
        while key.probe().is_err() {
            std::thread::sleep(Duration::from_millis(5));
        }
        signs(&key);
    });
}

/// A device that hangs holds up those that are in it, and the others no longer than they are
/// patient; when it goes on, so do they all.
#[test]
fn a_device_that_hangs_is_not_waited_for_for_ever() {
    softhsm::test("device::a_device_that_hangs_is_not_waited_for_for_ever", |token| {
        let mut settings = remote_settings(token);
        settings.patience = Duration::from_millis(50);
        let device = token.serve();
        let backend = Pkcs11Backend::open(settings).unwrap();
        let key = backend.generate("tsu-1", KeyKind::P256).unwrap();
        device.stop();
        std::thread::scope(|scope| {
            let held = scope.spawn(|| key.sign(b"message"));
            // A prober of its own: it may be the one that gets into the device first.
            let second = scope.spawn(|| backend.check());
            let first_back = loop {
                match (held.is_finished(), second.is_finished()) {
                    (false, false) => std::thread::sleep(Duration::from_millis(5)),
                    (signer, _) => break signer,
                }
            };
            let (error, other) = match first_back {
                true => {
                    let error = held.join().unwrap().unwrap_err();
                    device.go_on();
                    (error, second.join().unwrap())
                }
                false => {
                    let error = second.join().unwrap().unwrap_err();
                    device.go_on();
                    (error, held.join().unwrap().map(drop))
                }
            };
            other.unwrap();
            let error = device_error(error);
            assert!(matches!(error, DeviceError::Busy { .. }), "{error}");
        });
        signs(&key);
    });
}

/// A label is not a key: another one under the same label stays.
#[test]
fn another_key_under_the_label_is_not_destroyed() {
    softhsm::test("device::another_key_under_the_label_is_not_destroyed", |token| {
        let backend = Pkcs11Backend::open(settings(token)).unwrap();
        let key = backend.generate("tsu-1", KeyKind::P256).unwrap();
        let other = backend.generate("tsu-2", KeyKind::P256).unwrap();
        let refused = backend.destroy_known("tsu-1", other.public_key());
        assert!(matches!(refused, Err(KeyError::OtherKey { .. })), "{refused:?}");
        signs(&key);
        backend.destroy_known("tsu-1", key.public_key()).unwrap();
        assert!(!backend.contains("tsu-1").unwrap());
        assert!(backend.destroy_known("tsu-1", key.public_key()).is_err());
        signs(&other);
    });
}
