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
