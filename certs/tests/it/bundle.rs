//! What a CA outside delivers is sorted, whatever its order, and then checked.

use crate::support::{Hierarchy, SeededRng, key, name, now, policy};
use chrono::Duration;
use marca_certs::check::{Bundle, split_bundle};
use marca_certs::{KeyKind, TsuFault, TsuProfile, check_tsu};
use proptest::prelude::*;
use std::sync::LazyLock;

static HIERARCHY: LazyLock<Hierarchy> = LazyLock::new(|| Hierarchy::new(KeyKind::P256));

fn sorted() -> Bundle {
    Bundle { leaf: HIERARCHY.unit.clone(), chain: HIERARCHY.chain(), roots: HIERARCHY.roots() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]

    #[test]
    fn the_order_does_not_matter(
        order in Just(vec![0, 1, 2, 0, 2]).prop_shuffle(),
    ) {
        let all = [
            HIERARCHY.unit.clone(),
            HIERARCHY.issuing.certificate_der().to_vec(),
            HIERARCHY.root.certificate_der().to_vec(),
        ];
        // One of each at least, some twice.
        let given: Vec<_> = order.into_iter().map(|index: usize| all[index].clone()).collect();
        let bundle = split_bundle(&given, HIERARCHY.unit_key.public_key()).unwrap();
        prop_assert_eq!(&bundle, &sorted());
        let Bundle { leaf, chain, roots } = bundle;
        let key = HIERARCHY.unit_key.public_key();
        check_tsu(&leaf, &chain, &roots, key, now()).unwrap();
    }
}

#[test]
fn the_newest_certificate_of_the_key_is_taken() {
    let hierarchy = &*HIERARCHY;
    let (rng, public) = (&mut SeededRng(90), hierarchy.unit_key.public_key());
    let profile = TsuProfile::new(name("Prova TSU 1"), vec![policy()]);
    let later = now() + Duration::days(1);
    let renewed = hierarchy.issuing.issue_tsu(&profile, public, later, rng).unwrap();
    for given in [[&hierarchy.unit, &renewed], [&renewed, &hierarchy.unit]] {
        let bundle = split_bundle(&given.map(Clone::clone), public).unwrap();
        assert_eq!(bundle, Bundle { leaf: renewed.clone(), chain: vec![], roots: vec![] });
    }
}

#[test]
fn a_bundle_for_another_key_is_refused() {
    let given = [HIERARCHY.chain(), HIERARCHY.roots()].concat();
    let fault = split_bundle(&given, HIERARCHY.unit_key.public_key()).unwrap_err();
    assert_eq!(fault, TsuFault::NoneForKey { certificates: 2 });
    assert_eq!(
        fault.to_string(),
        "none of the 2 certificates given holds the public half of the unit's key; give the \
         certificate that was issued for the unit's request, with the chain above it"
    );
    let other = key(KeyKind::P256);
    let fault = split_bundle(std::slice::from_ref(&HIERARCHY.unit), other.public_key());
    assert_eq!(fault.unwrap_err(), TsuFault::NoneForKey { certificates: 1 });
    let none = split_bundle(&[], other.public_key()).unwrap_err();
    assert_eq!(none, TsuFault::NoneForKey { certificates: 0 });
}

#[test]
fn an_unreadable_certificate_is_named_by_its_place() {
    let given = [HIERARCHY.unit.clone(), b"junk".to_vec()];
    let fault = split_bundle(&given, HIERARCHY.unit_key.public_key()).unwrap_err();
    assert!(fault.to_string().starts_with("certificate 2 of those given: not one certificate"));
}
