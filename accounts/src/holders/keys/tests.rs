//! Wraps: opened by their code at their place, and by nothing else.

use super::*;
use crate::holders::credential::tests::support::holders;

fn place() -> Place {
    Place { credential: CredentialId::new([1; 16]), version: 1, certificate: [2; 32] }
}

#[test]
fn a_wrap_opens_with_its_code_at_its_place_alone() {
    let holders = holders();
    let inner = holders.inner();
    let lock = inner.stretch_new(Lock::Pin, "31415926").unwrap();
    let wrap = lock.wrap(&place(), b"a key").unwrap();
    let open = |lock, place: &Place, code| inner.open_wrap(lock, place, code, &wrap).unwrap();
    assert_eq!(open(Lock::Pin, &place(), "31415926").unwrap().as_slice(), b"a key");
    assert!(open(Lock::Pin, &place(), "31415927").is_none());
    assert!(open(Lock::Puk, &place(), "31415926").is_none(), "under the other lock");
    for other in [
        Place { credential: CredentialId::new([9; 16]), ..place() },
        Place { version: 2, ..place() },
        Place { certificate: [9; 32], ..place() },
    ] {
        assert!(open(Lock::Pin, &other, "31415926").is_none(), "{other:?}");
    }
}

#[test]
fn a_wrap_that_was_changed_anywhere_does_not_open() {
    let holders = holders();
    let inner = holders.inner();
    let lock = inner.stretch_new(Lock::Pin, "31415926").unwrap();
    let wrap = lock.wrap(&place(), b"a key").unwrap();
    let opens = |wrap: &Wrap| inner.open_wrap(Lock::Pin, &place(), "31415926", wrap);
    for byte in 0..wrap.sealed.len() {
        let mut other = wrap.clone();
        other.sealed[byte] ^= 1;
        assert!(opens(&other).unwrap().is_none(), "byte {byte}");
    }
    let mut other = wrap.clone();
    other.salt[0] ^= 1;
    assert!(opens(&other).unwrap().is_none());
    let mut other = wrap.clone();
    other.cost[1] += 1;
    assert!(opens(&other).unwrap().is_none());
    let mut other = wrap.clone();
    other.pepper += 1;
    assert!(matches!(opens(&other), Err(HolderError::PepperMissing { .. })));
    let mut other = wrap;
    other.sealed.truncate(15);
    assert!(matches!(opens(&other), Err(HolderError::Unsealable { .. })));
}

#[test]
fn two_wraps_of_the_same_key_under_the_same_code_have_nothing_in_common() {
    let holders = holders();
    let inner = holders.inner();
    let wrap =
        || inner.stretch_new(Lock::Pin, "31415926").unwrap().wrap(&place(), b"a key").unwrap();
    let (one, other) = (wrap(), wrap());
    assert_ne!(one.salt, other.salt);
    assert_ne!(one.sealed, other.sealed);
    assert!(!format!("{one:?}").contains("sealed"), "not printed");
}

#[test]
fn keys_are_made_of_the_kind_that_was_asked_for() {
    for (kind, bits) in [(SigningKeyKind::P256, 256), (SigningKeyKind::P384, 384)] {
        assert_eq!(kind.generate().unwrap().bits(), bits);
    }
    assert_eq!(SigningKeyKind::Rsa2048.generate().unwrap().bits(), 2048);
    for kind in SigningKeyKind::ALL {
        assert_eq!(kind.name().parse(), Ok(kind));
    }
    assert!("rsa1024".parse::<SigningKeyKind>().is_err());
}

#[test]
fn a_slot_takes_a_key_without_the_pin_and_gives_it_for_the_pin_alone() {
    let holders = holders();
    let inner = holders.inner();
    let lock = inner.stretch_new(Lock::Pin, "31415926").unwrap();
    let slot = Slot::new(lock, &place()).unwrap();
    let deposit = slot.deposit(&place(), b"a key").unwrap();
    let open = |pin| inner.open_wrap(Lock::Pin, &place().slot(), pin, &slot.pin).unwrap();
    let private = open("31415926").unwrap();
    assert_eq!(deposit.take(&private, &place()).unwrap().as_slice(), b"a key");
    assert!(open("31415927").is_none());
    // Bound to its place, and to the private half of this slot.
    let other = Place { certificate: [9; 32], ..place() };
    assert!(deposit.take(&private, &other).is_err());
    assert!(deposit.take(&[7; 32], &place()).is_err());
    let again = slot.deposit(&place(), b"a key").unwrap();
    assert_ne!(minicbor::to_vec(&again).unwrap(), minicbor::to_vec(&deposit).unwrap());
}

#[test]
fn a_deposit_that_was_changed_anywhere_is_not_taken() {
    let holders = holders();
    let inner = holders.inner();
    let slot = Slot::new(inner.stretch_new(Lock::Pin, "31415926").unwrap(), &place()).unwrap();
    let deposit = slot.deposit(&place(), b"a key").unwrap();
    let private = inner.open_wrap(Lock::Pin, &place().slot(), "31415926", &slot.pin);
    let private = private.unwrap().unwrap();
    let bytes = minicbor::to_vec(&deposit).unwrap();
    // 82 5820 ‖ 32 octets ‖ 55 ‖ 21 octets. The last bit of an X25519 key counts for nothing by
    // itself (RFC 7748 §5), and is bound by the hash all the same.
    assert_eq!((bytes.len(), bytes[0], bytes[35]), (57, 0x82, 0x55));
    for place_of in (3..35).chain(36..57) {
        for bit in [0x01, 0x80] {
            let mut other = bytes.clone();
            other[place_of] ^= bit;
            let other: Deposit = minicbor::decode(&other).unwrap();
            assert!(other.take(&private, &place()).is_err(), "byte {place_of}");
        }
    }
}
