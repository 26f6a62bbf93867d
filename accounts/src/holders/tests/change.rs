//! Changing a password.

use super::support::*;
use crate::holders::password::PasswordRule;
use crate::holders::{HolderError, HolderId, TypedTwice};
use crate::testing::block_on;

fn change(
    bench: &Bench,
    id: HolderId,
    (current, new, repeat): (&str, &str, &str),
    seconds: i64,
) -> Result<u64, HolderError> {
    let typed = TypedTwice { new, repeat };
    block_on(bench.holders.change_password(id, current, &typed, HOME, at(seconds)))
}

#[test]
fn the_old_password_is_refused_and_the_new_one_taken() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    let before = bench.login(EMAIL, RIGHT, 5).unwrap().password_generation;
    let generation = change(&bench, id, (RIGHT, OTHER, OTHER), 10).unwrap();
    assert!(generation > before);
    assert_eq!(slug(bench.login(EMAIL, RIGHT, 11)), "invalid-login");
    assert_eq!(bench.login(EMAIL, OTHER, 12).unwrap().password_generation, generation);
    assert!(bench.history(id).contains(&"password-changed"));
    assert_eq!(bench.mails_to(EMAIL).last(), Some(&"password-changed"));
}

#[test]
fn each_refusal_has_its_own_name() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    for (typed, slug_, field, rule) in [
        ((RIGHT, OTHER, RIGHT), "repeat-differs", "repeat", Some("same-twice")),
        ((RIGHT, "kurz", "kurz"), "password-rules", "password", Some("min-length")),
        ((WRONG, OTHER, OTHER), "wrong-current-password", "current", None),
        ((RIGHT, RIGHT, RIGHT), "password-unchanged", "password", Some("not-the-current")),
    ] {
        let error = change(&bench, id, typed, 100).unwrap_err();
        assert_eq!((error.slug(), error.field(), error.rule()), (slug_, Some(field), rule));
    }
    bench.login(EMAIL, RIGHT, 200).unwrap();
}

#[test]
fn the_wrong_current_password_counts_like_a_failed_login() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    for _ in 0..3 {
        let outcome = change(&bench, id, (WRONG, OTHER, OTHER), 100);
        assert_eq!(slug(outcome), "wrong-current-password");
    }
    assert_eq!(slug(change(&bench, id, (RIGHT, OTHER, OTHER), 100)), "too-many-failures");
    assert_eq!(slug(bench.login(EMAIL, RIGHT, 100)), "too-many-failures");
}

#[test]
fn whether_a_guess_is_the_current_password_is_not_told_by_the_new_one() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    let outcome = change(&bench, id, (WRONG, WRONG, WRONG), 100);
    assert_eq!(slug(outcome), "wrong-current-password");
}

#[test]
fn a_change_ends_the_link_for_a_forgotten_password() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    block_on(bench.holders.request_recovery(EMAIL, HOME, at(5))).unwrap();
    let token = bench.token(EMAIL);
    assert!(bench.holders.link(&token, at(6)).is_ok());
    change(&bench, id, (RIGHT, OTHER, OTHER), 10).unwrap();
    assert_eq!(slug(bench.holders.link(&token, at(11))), "invalid-link");
}

#[test]
fn of_two_changes_side_by_side_one_is_made() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    let (one, two) = ("Lampione(4)verde", "Lampione(5)verde");
    let change = |new: &'static str| {
        let holders = bench.holders.clone();
        async move {
            let typed = TypedTwice { new, repeat: new };
            holders.change_password(id, RIGHT, &typed, HOME, at(10)).await
        }
    };
    let (first, second) = block_on(futures_util::future::join(change(one), change(two)));
    let (made, refused) = if first.is_ok() { (one, second) } else { (two, first) };
    assert_eq!(slug(refused), "wrong-current-password");
    bench.login(EMAIL, made, 100).unwrap();
}

#[test]
fn both_addresses_are_told() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    let change_record = bench.holders.transact(move |_, tx| {
        let mut record = crate::holders::holder::load(tx, id)?;
        record.notice_email = Some("notices@example.org".to_owned());
        crate::holders::holder::save(tx, id, &record);
        Ok(())
    });
    block_on(change_record).unwrap();
    change(&bench, id, (RIGHT, OTHER, OTHER), 10).unwrap();
    assert_eq!(bench.mails_to("notices@example.org"), ["password-changed"]);
    assert_eq!(bench.mails_to(EMAIL).last(), Some(&"password-changed"));
}

#[test]
fn what_a_page_shows_while_somebody_types() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    let missing = |password: &str| -> Vec<_> {
        let outcomes = bench.holders.check_password(id, password).unwrap();
        outcomes.iter().filter(|outcome| !outcome.met).map(|outcome| outcome.rule).collect()
    };
    use PasswordRule::*;
    assert_eq!(missing(""), [LongEnough, LowerCase, UpperCase, Digit, Special, NotCommon]);
    assert_eq!(missing("tram"), [LongEnough, UpperCase, Digit, Special]);
    assert_eq!(missing("Rossi-tram7."), [NotPersonal]);
    assert_eq!(missing(RIGHT), []);
    let error = bench.holders.check_password(HolderId::new(99), "x").unwrap_err();
    assert_eq!(error.slug(), "unknown-holder");
}
