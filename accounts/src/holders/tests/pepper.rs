//! The pepper of a store and the pepper of a start: the same one, or no start.

use super::support::{Bench, EMAIL, slug};
use crate::holders::{HolderError, any_holder};
use crate::testing::block_on;

/// The store again, with this pepper file.
fn again(bench: &Bench, pepper: &str) -> Bench {
    Bench::over(bench.store.reopened(), Bench::settings(), pepper)
}

fn check(bench: &Bench) -> Result<(), HolderError> {
    block_on(bench.holders.check_pepper())
}

#[test]
fn the_pepper_of_the_store_is_taken_and_another_one_is_not() {
    let bench = Bench::new();
    check(&bench).unwrap();
    bench.register(EMAIL);
    check(&again(&bench, &Bench::pepper(1))).unwrap();
    let other = again(&bench, &format!("1 {}", "abcd".repeat(16)));
    assert!(matches!(check(&other), Err(HolderError::PepperDiffers { version: 1 })));
    assert_eq!(slug(check(&other)), "pepper");
    // The refusal changed nothing.
    check(&again(&bench, &Bench::pepper(1))).unwrap();
}

#[test]
fn a_version_may_be_added_and_then_belongs_to_the_store() {
    let bench = Bench::new();
    check(&bench).unwrap();
    bench.register(EMAIL);
    let newer = again(&bench, &Bench::pepper(2));
    check(&newer).unwrap();
    let forged = format!("{}2 {}\n", Bench::pepper(1), "abcd".repeat(16));
    assert_eq!(slug(check(&again(&newer, &forged))), "pepper");
}

/// What is under the missing one would be taken for damaged, try by try.
#[test]
fn a_file_without_one_of_the_versions_is_refused() {
    let bench = Bench::new();
    check(&bench).unwrap();
    bench.register(EMAIL);
    let both = again(&bench, &Bench::pepper(2));
    check(&both).unwrap();
    let file = Bench::pepper(2);
    for (kept, away) in file.lines().zip([2, 1]) {
        let error = check(&again(&both, kept)).unwrap_err();
        let HolderError::PepperMissing { version } = error else { panic!("{error}") };
        assert_eq!(version, away);
    }
    check(&again(&both, &file)).unwrap();
}

#[test]
fn a_file_with_none_of_the_versions_is_refused() {
    let bench = Bench::new();
    check(&bench).unwrap();
    bench.register(EMAIL);
    let other = again(&bench, &format!("7 {}", "abcd".repeat(16)));
    let error = check(&other).unwrap_err();
    assert!(matches!(error, HolderError::PepperMissing { version: 1 }), "{error}");
}

#[test]
fn a_store_without_holders_takes_any() {
    let bench = Bench::new();
    check(&bench).unwrap();
    assert!(!any_holder(&*bench.store).unwrap());
    let other = again(&bench, &format!("1 {}", "abcd".repeat(16)));
    check(&other).unwrap();
    other.register(EMAIL);
    assert!(any_holder(&*other.store).unwrap());
    assert_eq!(slug(check(&again(&other, &Bench::pepper(1)))), "pepper");
}
