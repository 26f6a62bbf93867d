//! A forgotten password.

use super::support::*;
use crate::holders::otp::{OtpVerified, Purpose};
use crate::holders::{HolderError, HolderId, TypedTwice};
use crate::testing::block_on;
use std::net::{IpAddr, Ipv4Addr};

const TYPED: TypedTwice<'static> = TypedTwice { new: OTHER, repeat: OTHER };

fn request(bench: &Bench, name: &str, seconds: i64) {
    block_on(bench.holders.request_recovery(name, HOME, at(seconds))).unwrap();
}

/// A code that was right, for the link of a token.
fn proof(bench: &Bench, token: &str, seconds: i64) -> OtpVerified {
    let link = bench.holders.link(token, at(seconds)).unwrap();
    OtpVerified::for_tests(link.holder, link.operation, Purpose::RecoverPassword, link.bound)
}

fn recover(
    bench: &Bench,
    token: &str,
    proof: OtpVerified,
    seconds: i64,
) -> Result<HolderId, HolderError> {
    block_on(bench.holders.recover_password(token, bench.in_room(proof), &TYPED, at(seconds)))
}

#[test]
fn link_and_code_set_a_new_password() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    request(&bench, EMAIL, 10);
    let token = bench.token(EMAIL);
    let link = bench.holders.link(&token, at(11)).unwrap();
    assert_eq!((link.user_id.as_str(), link.phone.as_str()), ("a…@example.org", "+39 … 67"));
    assert_eq!(recover(&bench, &token, proof(&bench, &token, 11), 12).unwrap(), id);
    assert_eq!(slug(bench.login(EMAIL, RIGHT, 13)), "invalid-login");
    bench.login(EMAIL, OTHER, 14).unwrap();
    assert!(bench.history(id).ends_with(&[
        "password-recovered",
        "login-failed",
        "login-succeeded"
    ]));
    assert_eq!(bench.mails_to(EMAIL).last(), Some(&"password-recovered"));
    // And the link works once.
    assert_eq!(slug(bench.holders.link(&token, at(15))), "invalid-link");
}

#[test]
fn the_answer_is_the_same_for_everybody() {
    let bench = Bench::new();
    bench.holder(EMAIL);
    bench.register("invited@example.org");
    let blocked = bench.holder("blocked@example.org");
    block_on(bench.holders.block(blocked, "lost phone", operator(), at(5))).unwrap();
    let mails = bench.sent().len();
    for name in ["nobody@example.org", "invited@example.org", "blocked@example.org", "", "x y"] {
        let before = bench.store.journal().len();
        request(&bench, name, 10);
        assert_eq!(bench.store.journal().len() - before, 1, "{name}");
    }
    assert_eq!(bench.sent().len(), mails);
    let before = bench.store.journal().len();
    request(&bench, EMAIL, 10);
    assert_eq!(bench.store.journal().len() - before, 1);
    assert_eq!(bench.sent().len(), mails + 1);
}

#[test]
fn the_code_of_another_operation_does_not_do() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    let other = bench.holder("b@example.org");
    request(&bench, EMAIL, 10);
    let token = bench.token(EMAIL);
    let link = bench.holders.link(&token, at(11)).unwrap();
    let purpose = Purpose::RecoverPassword;
    for proof in [
        OtpVerified::for_tests(other, link.operation, purpose, link.bound),
        OtpVerified::for_tests(id, link.operation, Purpose::Sign, link.bound),
        OtpVerified::for_tests(id, link.operation, purpose, [0; 32]),
        bench.proof(id, purpose, link.bound),
    ] {
        assert_eq!(slug(recover(&bench, &token, proof, 12)), "otp-for-other-operation");
    }
    bench.login(EMAIL, RIGHT, 20).unwrap();
}

/// Anybody can ask for a link: what the owner has got, and has answered, is not taken away by it.
#[test]
fn who_asks_again_does_not_burn_the_link_that_lives() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    bench.set_question(id, "Fuffi il gatto").unwrap();
    request(&bench, EMAIL, 20);
    let token = bench.token(EMAIL);
    block_on(bench.holders.answer_question(&token, "Fuffi il gatto", at(21))).unwrap();
    let mails = bench.sent().len();
    for seconds in 22..60 {
        request(&bench, EMAIL, seconds);
    }
    assert_eq!(bench.sent().len(), mails);
    recover(&bench, &token, proof(&bench, &token, 61), 62).unwrap();
    // And once it is used there is another at once.
    request(&bench, EMAIL, 63);
    assert_ne!(bench.token(EMAIL), token);
}

/// A stranger asks all day: a link is there at every time, or the next request brings one.
#[test]
fn nobody_uses_up_the_mails_of_the_owner() {
    let bench = Bench::new();
    bench.holder(EMAIL);
    let from =
        |number: i64| IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + u32::try_from(number).unwrap()));
    let (quarter, mut mails) = (900, 0);
    for number in 0..96 {
        let asked = bench.holders.request_recovery(EMAIL, from(number), at(number * quarter));
        block_on(asked).unwrap();
        let token = bench.token(EMAIL);
        assert!(bench.holders.link(&token, at(number * quarter + 1)).is_ok(), "{number}");
        mails = bench.mails_to(EMAIL).iter().filter(|m| **m == "recover-password").count();
    }
    assert_eq!(mails, 48, "one for each half hour that a link lives");
}

#[test]
fn a_link_ends_at_its_instant() {
    let bench = Bench::new();
    bench.holder(EMAIL);
    request(&bench, EMAIL, 0);
    let token = bench.token(EMAIL);
    let (early, late) = (proof(&bench, &token, 1), proof(&bench, &token, 1));
    assert_eq!(slug(recover(&bench, &token, late, 1_800)), "invalid-link");
    recover(&bench, &token, early, 1_799).unwrap();
}

#[test]
fn a_password_that_breaks_a_rule_costs_no_link() {
    let bench = Bench::new();
    bench.holder(EMAIL);
    request(&bench, EMAIL, 0);
    let token = bench.token(EMAIL);
    let typed = TypedTwice { new: "short", repeat: "short" };
    let outcome = block_on(bench.holders.recover_password(
        &token,
        bench.in_room(proof(&bench, &token, 1)),
        &typed,
        at(2),
    ));
    assert_eq!(slug(outcome), "password-rules");
    recover(&bench, &token, proof(&bench, &token, 3), 4).unwrap();
}

#[test]
fn with_a_question_its_answer_is_asked_for_as_well() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    bench.set_question(id, "Fuffi il gatto").unwrap();
    request(&bench, EMAIL, 20);
    let token = bench.token(EMAIL);
    let question = bench.holders.link(&token, at(21)).unwrap().question;
    assert_eq!(question.as_deref(), Some("first-pet"));
    // The code alone is not enough.
    let outcome = recover(&bench, &token, proof(&bench, &token, 21), 22);
    assert_eq!(slug(outcome), "answer-needed");
    block_on(bench.holders.answer_question(&token, " FUFFI  il Gatto", at(23))).unwrap();
    assert_eq!(bench.holders.link(&token, at(24)).unwrap().question, None);
    // Nor is the answer: a proof is asked for, and checked.
    let other = bench.proof(id, Purpose::RecoverPassword, [0; 32]);
    assert_eq!(slug(recover(&bench, &token, other, 25)), "otp-for-other-operation");
    recover(&bench, &token, proof(&bench, &token, 26), 27).unwrap();
}

#[test]
fn the_fifth_wrong_answer_ends_the_link() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    bench.set_question(id, "Fuffi il gatto").unwrap();
    request(&bench, EMAIL, 20);
    let token = bench.token(EMAIL);
    for _ in 0..5 {
        let outcome = block_on(bench.holders.answer_question(&token, "Lampo", at(21)));
        assert_eq!(slug(outcome), "wrong-answer");
    }
    let outcome = block_on(bench.holders.answer_question(&token, "Fuffi il gatto", at(22)));
    assert_eq!(slug(outcome), "invalid-link");
    assert_eq!(bench.history(id).iter().filter(|w| **w == "secret-question-failed").count(), 5);
}

#[test]
fn answers_side_by_side_are_all_counted() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    bench.set_question(id, "Fuffi il gatto").unwrap();
    request(&bench, EMAIL, 20);
    let token = bench.token(EMAIL);
    let checks = bench.holders.password_checks();
    let (holders, token) = (&bench.holders, token.as_str());
    block_on(async {
        let tries = (0..12).map(|_| holders.answer_question(token, "Lampo", at(21)));
        futures_util::future::join_all(tries).await
    });
    assert_eq!(bench.holders.password_checks() - checks, 5);
}

#[test]
fn a_recovery_opens_a_login_that_failures_had_closed() {
    let bench = Bench::new();
    bench.holder(EMAIL);
    for _ in 0..3 {
        assert_eq!(slug(bench.login(EMAIL, WRONG, 100)), "invalid-login");
    }
    assert_eq!(slug(bench.login(EMAIL, RIGHT, 100)), "too-many-failures");
    request(&bench, EMAIL, 100);
    let token = bench.token(EMAIL);
    recover(&bench, &token, proof(&bench, &token, 100), 100).unwrap();
    bench.login(EMAIL, OTHER, 100).unwrap();
}

/// What is written is synced, and what is not written comes sooner.
#[test]
fn each_request_writes_whether_somebody_has_the_name_or_not() {
    let bench = Bench::new();
    bench.holder(EMAIL);
    for name in [EMAIL, "nobody@example.org"] {
        for number in 0..12 {
            let before = bench.store.journal().len();
            request(&bench, name, number);
            assert_eq!(bench.store.journal().len() - before, 1, "{name} {number}");
        }
    }
}

#[test]
fn links_that_have_ended_are_taken_away() {
    let bench = Bench::new();
    bench.holder(EMAIL);
    bench.holder("b@example.org");
    request(&bench, EMAIL, 0);
    request(&bench, "b@example.org", 60);
    let rows = |bench: &Bench| bench.store.contents().keys().filter(|(t, _)| *t == 26).count();
    assert_eq!(rows(&bench), 4);
    assert_eq!(block_on(bench.holders.expire_links(at(1_799))).unwrap(), 0);
    assert_eq!(block_on(bench.holders.expire_links(at(1_800))).unwrap(), 1);
    assert_eq!(rows(&bench), 2);
    assert!(bench.holders.link(&bench.token("b@example.org"), at(1_800)).is_ok());
    assert_eq!(block_on(bench.holders.expire_links(at(1_860))).unwrap(), 1);
    assert_eq!(rows(&bench), 0);
}
