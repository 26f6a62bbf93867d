//! Keys of a device: a credential lives through all its acts with octets that only the device can
//! open, and a device that fails changes nothing.

use super::support::*;
use crate::holders::credential::*;
use crate::holders::keys::SoftwareKeys;
use crate::holders::pin::CodeRefusal;
use crate::holders::{
    HolderError, Holders, KeyMaker, KeyMakerFault, KeyPair, SealedPair, SigningKeyKind,
};
use crate::testing::block_on;
use envelope::{Pin, Puk};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use zeroize::Zeroizing;

/// Keys with octets that say nothing to anybody else.
#[derive(Debug, Default)]
struct Device {
    away: AtomicBool,
    made: Mutex<Vec<SealedPair>>,
}

impl KeyMaker for Device {
    fn generate(&self, kind: SigningKeyKind) -> Result<KeyPair, KeyMakerFault> {
        if self.away.load(Ordering::SeqCst) {
            return Err(KeyMakerFault::Device { reason: "away".to_owned() });
        }
        let mut made = self.made.lock();
        let number = u8::try_from(made.len()).unwrap();
        // As PKCS#8 begins: what it is does not hang on it.
        let octets = Zeroizing::new([0x30, number].repeat(60));
        let public_key = SoftwareKeys.generate(kind)?.public_key().unwrap();
        let pair = SealedPair { public_key, wrapping: "holders-1".to_owned(), octets };
        made.push(pair.clone());
        Ok(KeyPair::Sealed(pair))
    }
}

fn sealed(holders: &Holders, bench: &Bench, pin: &str) -> SealedPair {
    let pin = Pin::parse(pin).unwrap();
    let proof = block_on(holders.verify_pin((HOLDER, bench.id), pin, at(25))).unwrap();
    match proof.into_key() {
        KeyPair::Sealed(pair) => pair,
        KeyPair::Software(_) => panic!("a key in clear"),
    }
}

#[test]
fn the_octets_of_a_device_go_through_every_act_unchanged() {
    let device = Arc::new(Device::default());
    let bench = Bench::waiting_with(Arc::clone(&device) as Arc<dyn KeyMaker>);
    bench.activate(NEW_PIN).unwrap();
    let made = device.made.lock()[0].clone();
    // The certificate is that of the device's key.
    assert_eq!(bench.issuer.requests.lock()[0].public_key, made.public_key);
    assert!(sealed(&bench.holders, &bench, NEW_PIN) == made);
    // No act of codes needs the device.
    device.away.store(true, Ordering::SeqCst);
    bench.change(NEW_PIN, OTHER_PIN).unwrap();
    assert!(sealed(&bench.holders, &bench, OTHER_PIN) == made);
    bench.unlock(bench.puk(), "57721566").unwrap();
    assert!(sealed(&bench.holders, &bench, "57721566") == made);
    // A process with other settings reads it, too.
    assert!(sealed(&bench.restarted(), &bench, "57721566") == made);
    // What is stored does not show the octets.
    for value in bench.store.journal().into_iter().flatten().filter_map(|(_, _, value)| value) {
        assert!(!value.windows(16).any(|part| part == &made.octets[..16]));
    }
    let shown = format!("{made:?} {:?}", KeyPair::Sealed(made.clone()));
    assert!(!shown.contains("octets"), "{shown}");
}

#[test]
fn a_device_that_is_away_leaves_an_activation_to_be_repeated() {
    let device = Arc::new(Device::default());
    let bench = Bench::waiting_with(Arc::clone(&device) as Arc<dyn KeyMaker>);
    device.away.store(true, Ordering::SeqCst);
    for _ in 0..7 {
        let refused = bench.activate(NEW_PIN).unwrap_err();
        assert!(matches!(refused, HolderError::KeyDevice), "{refused}");
    }
    assert_eq!(bench.state(), State::AwaitingActivation);
    assert!(bench.issuer.requests.lock().is_empty() && bench.messages().is_empty());
    // No try was spent.
    let wrong = (bench.envelope_pin(), Puk::parse("3141592653").unwrap());
    let refused = bench.activate_with(wrong, NEW_PIN).unwrap_err();
    let HolderError::Code(refused) = refused else { panic!("{refused}") };
    assert_eq!(refused, CodeRefusal::WrongCodes { left: 4 });
    device.away.store(false, Ordering::SeqCst);
    bench.activate(NEW_PIN).unwrap();
    assert_eq!(device.made.lock().len(), 1);
}

/// Either setting may follow the other: each credential goes on with what it has.
#[test]
fn keys_of_both_kinds_stand_side_by_side() {
    let bench = Bench::active();
    let device = Arc::new(Device::default());
    let holders = bench.restarted_with(Arc::clone(&device) as Arc<dyn KeyMaker>);
    let pin = Pin::parse(NEW_PIN).unwrap();
    let proof = block_on(holders.verify_pin((HOLDER, bench.id), pin, at(25))).unwrap();
    assert!(matches!(proof.into_key(), KeyPair::Software(_)));
    assert!(device.made.lock().is_empty());
}

#[test]
fn a_secret_reads_as_what_it_was_and_broken_ones_are_refused() {
    let software = SoftwareKeys.generate(SigningKeyKind::P256).unwrap();
    let device = Device::default().generate(SigningKeyKind::P256).unwrap();
    for pair in [software, device] {
        let secret = pair.to_secret().unwrap();
        let again = KeyPair::from_secret(&secret).unwrap();
        assert_eq!(again.to_secret().unwrap(), secret);
        assert_eq!(again.public_key().unwrap(), pair.public_key().unwrap());
        for length in 0..secret.len() {
            assert!(KeyPair::from_secret(&secret[..length]).is_err(), "{length} octets");
        }
    }
    assert!(KeyPair::from_secret(&[7; 32]).is_err());
}
