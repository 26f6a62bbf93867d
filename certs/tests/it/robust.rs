//! No bytes make the parser or the check panic.

use crate::support::{Hierarchy, now};
use marca_certs::check::{self, ParseError};
use marca_certs::{KeyKind, check_tsu, display_name};
use proptest::prelude::*;
use std::sync::LazyLock;

static HIERARCHY: LazyLock<Hierarchy> = LazyLock::new(|| Hierarchy::new(KeyKind::P256));

/// Everything that is done with a certificate from outside.
fn use_up(der: &[u8]) {
    let hierarchy = &*HIERARCHY;
    if let Ok(parsed) = check::parse(der) {
        drop((display_name(parsed.subject()), display_name(parsed.issuer())));
        drop(format!("{parsed:?}"));
        drop(rasn::der::encode(parsed.content()));
    }
    let key = hierarchy.unit_key.public_key();
    let der = vec![der.to_vec()];
    for fault in check_tsu(&der[0], &hierarchy.chain(), &hierarchy.roots(), key, now())
        .err()
        .into_iter()
        .flatten()
    {
        drop(fault.to_string());
    }
    drop(check_tsu(&hierarchy.unit, &der, &hierarchy.roots(), key, now()));
    drop(check_tsu(&hierarchy.unit, &hierarchy.chain(), &der, key, now()));
}

#[test]
fn every_single_byte_change_is_survived() {
    let unit = &HIERARCHY.unit;
    for position in 0..unit.len() {
        for change in [0x01, 0x20, 0x80, 0xff] {
            let mut der = unit.clone();
            der[position] ^= change;
            use_up(&der);
        }
    }
}

#[test]
fn no_single_byte_change_of_the_certificate_passes() {
    let hierarchy = &*HIERARCHY;
    let key = hierarchy.unit_key.public_key();
    for position in 0..hierarchy.unit.len() {
        let mut der = hierarchy.unit.clone();
        der[position] ^= 0x01;
        let result = check_tsu(&der, &hierarchy.chain(), &hierarchy.roots(), key, now());
        assert!(result.is_err(), "a change of byte {position} went unnoticed");
    }
}

#[test]
fn every_truncation_and_every_trailing_byte_is_malformed() {
    let unit = &HIERARCHY.unit;
    for length in 0..unit.len() {
        assert!(matches!(check::parse(&unit[..length]), Err(ParseError::Malformed { .. })));
    }
    let longer = [unit.as_slice(), &[0]].concat();
    assert!(matches!(check::parse(&longer), Err(ParseError::Malformed { .. })));
}

#[test]
fn deep_nesting_and_impossible_lengths_are_malformed() {
    for depth in [10, 1000, 10_000] {
        let mut der = Vec::new();
        for _ in 0..depth {
            let mut outer = vec![0x30, 0x82];
            let length = u16::try_from(der.len()).unwrap_or(u16::MAX);
            outer.extend(length.to_be_bytes());
            outer.append(&mut der);
            der = outer;
        }
        assert!(check::parse(&der).is_err(), "{depth} levels");
    }
    for der in [
        &[0x30, 0x84, 0x7f, 0xff, 0xff, 0xff][..],
        &[0x30, 0x88, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff][..],
        &[0x30, 0x80, 0x00, 0x00][..],
    ] {
        assert!(matches!(check::parse(der), Err(ParseError::Malformed { .. })), "{der:x?}");
    }
    let long = vec![0x30; check::LARGEST_CERTIFICATE + 1];
    assert_eq!(check::parse(&long).unwrap_err(), ParseError::TooLong(65537));
}

/// Nesting where the structure allows anything: in an attribute of a name, in an extension.
#[test]
fn deep_nesting_inside_a_good_frame_is_survived() {
    let mut deep = Vec::new();
    for _ in 0..10_000 {
        let length = u16::try_from(deep.len()).unwrap();
        deep = [&[0x30, 0x82][..], &length.to_be_bytes(), &deep].concat();
        if deep.len() > 60_000 {
            break;
        }
    }
    let mut hierarchy = Hierarchy::new(KeyKind::P256);
    hierarchy.alter_unit(|certificate| {
        let rasn_pkix::Name::RdnSequence(parts) = &mut certificate.tbs.subject;
        let mut attribute = parts[0].to_vec()[0].clone();
        attribute.value = rasn::types::Any::new(deep.clone());
        parts[0] = rasn::types::SetOf::from_vec(vec![attribute]).into();
    });
    use_up(&hierarchy.unit);
    let mut hierarchy = Hierarchy::new(KeyKind::P256);
    hierarchy.alter_unit(|certificate| {
        for extension in certificate.extensions().iter_mut().take(1) {
            extension.extn_value = deep.clone().into();
        }
    });
    use_up(&hierarchy.unit);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn arbitrary_bytes_are_survived(der in proptest::collection::vec(any::<u8>(), 0..400)) {
        use_up(&der);
    }

    #[test]
    fn a_mutated_certificate_is_survived(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
        inserted in proptest::collection::vec(any::<u8>(), 0..4),
    ) {
        let mut der = HIERARCHY.unit.clone();
        for (position, byte) in changes {
            let position = position.index(der.len());
            der[position] = byte;
        }
        use_up(&der);
        let cut = cut.index(der.len());
        der.splice(cut..cut, inserted);
        use_up(&der);
    }
}
