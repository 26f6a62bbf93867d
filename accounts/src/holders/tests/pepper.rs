//! The pepper of a store and the pepper of a start: the same one, or no start.

use super::support::{Bench, EMAIL, RIGHT, at, operator, slug};
use crate::holders::messages::Delivery;
use crate::holders::{HolderError, Peppered, any_holder};
use crate::testing::block_on;
use std::collections::BTreeMap;

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
    both.register("other@example.org");
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

/// How much is under each version, oldest first.
fn kept(bench: &Bench) -> Vec<(u16, bool, BTreeMap<&'static str, u64>)> {
    let uses = bench.holders.pepper_uses().unwrap().into_iter();
    let words = |kept: BTreeMap<Peppered, u64>| kept.into_iter().map(|(k, n)| (k.word(), n));
    uses.map(|of| (of.version, of.current, words(of.kept).collect())).collect()
}

/// From one version to the next: what is typed moves, what is short-lived ends, and then, and not
/// before, the old version may be taken out.
#[test]
fn a_version_is_left_by_what_is_typed_and_then_taken_out() {
    let old = Bench::new();
    check(&old).unwrap();
    let id = old.holder(EMAIL);
    old.set_question(id, "Fuffi il gatto").unwrap();
    let under = BTreeMap::from([("passwords", 1), ("answers", 1), ("messages", 3)]);
    let told = kept(&old);
    assert_eq!((told.len(), told[0].0, told[0].1), (1, 1, true));
    assert!(told[0].2.get("passwords") == Some(&1) && told[0].2.get("answers") == Some(&1));
    assert!(told[0].2.keys().all(|kind| under.contains_key(kind) || *kind == "one-time-codes"));

    let bench = again(&old, &Bench::pepper(2));
    check(&bench).unwrap();
    let (first, only_new) = (Bench::pepper(2), Bench::pepper(2).lines().last().unwrap().to_owned());
    bench.login(EMAIL, RIGHT, 100).unwrap();
    let told = kept(&bench);
    assert_eq!((told[1].0, told[1].1, &told[1].2), (2, true, &BTreeMap::from([("passwords", 1)])));
    assert!(!told[0].2.contains_key("passwords") && !told[0].1);
    let error = check(&again(&bench, &only_new)).unwrap_err();
    assert!(matches!(error, HolderError::PepperMissing { version: 1 }), "{error}");
    assert!(error.to_string().contains("marca holder pepper"), "{error}");
    // The operator clears the question; messages and codes end.
    block_on(bench.holders.clear_question(id, operator(), at(200))).unwrap();
    let end = at(100 * 86_400);
    for delivery in [Delivery::Mail, Delivery::Sms] {
        let due = block_on(bench.holders.claim_messages(delivery, "test", 100, end)).unwrap();
        for message in due {
            block_on(bench.holders.message_sent(message.id, "test", None, end)).unwrap();
        }
    }
    block_on(bench.holders.messages_tick(at(200 * 86_400))).unwrap();
    block_on(bench.holders.otp_tick(end)).unwrap();
    assert_eq!(kept(&bench)[0], (1, false, BTreeMap::new()));
    let after = again(&bench, &only_new);
    check(&after).unwrap();
    after.login(EMAIL, RIGHT, 300).unwrap();
    assert_eq!(kept(&after).len(), 1, "the store has forgotten version 1");
    // Another key under its number is a new version to it, and no fault.
    check(&again(&after, &first)).unwrap();
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
