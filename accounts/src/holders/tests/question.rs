//! The secret question.

use super::support::*;
use crate::holders::otp::{Change, Purpose};
use crate::holders::question::Question;
use crate::testing::block_on;

#[test]
fn a_question_is_set_told_and_removed() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    bench.set_question(id, "Fuffi il gatto").unwrap();
    assert!(bench.holders.holder(id).unwrap().question_set);
    let proof = bench.proof(id, Purpose::ChangeQuestion, Change::Remove.bound());
    block_on(bench.holders.remove_question(id, proof, at(20))).unwrap();
    assert!(!bench.holders.holder(id).unwrap().question_set);
    assert!(bench.history(id).ends_with(&["secret-question-set", "secret-question-removed"]));
    assert_eq!(bench.mails_to(EMAIL)[2..], ["secret-question-changed"; 2]);
    let cleared = block_on(bench.holders.clear_question(id, operator(), at(30)));
    assert_eq!(slug(cleared), "no-secret-question");
}

#[test]
fn an_operator_can_remove_but_not_choose() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    bench.set_question(id, "Fuffi il gatto").unwrap();
    block_on(bench.holders.clear_question(id, operator(), at(30))).unwrap();
    assert!(!bench.holders.holder(id).unwrap().question_set);
    assert_eq!(bench.mails_to(EMAIL).last(), Some(&"secret-question-changed"));
}

#[test]
fn each_refusal_names_its_rule() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    let own = |text: &str| Question::Own(text.to_owned());
    let long = "a".repeat(101);
    for (question, answer, field, rule) in [
        (Question::Listed("mother".to_owned()), "Fuffi", "question", "text"),
        (own(" "), "Fuffi", "question", "text"),
        (own("Quale gatto?"), "ab", "answer", "answer"),
        (own("Quale gatto?"), long.as_str(), "answer", "answer"),
        (own("Quale gatto?"), " GATTO ", "answer", "answer-not-in-question"),
    ] {
        let proof = bench.proof(id, Purpose::ChangeQuestion, Change::Set.bound());
        let outcome = block_on(bench.holders.set_question(
            id,
            &question,
            answer,
            bench.in_room(proof),
            at(10),
        ));
        let error = outcome.unwrap_err();
        assert_eq!((error.field(), error.rule()), (Some(field), Some(rule)), "{answer}");
    }
}

#[test]
fn a_code_for_something_else_does_not_do() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    let proof = bench.proof(id, Purpose::Sign, Change::Set.bound());
    let question = Question::Own("Quale gatto?".to_owned());
    let outcome =
        block_on(bench.holders.set_question(id, &question, "Fuffi", bench.in_room(proof), at(10)));
    assert_eq!(slug(outcome), "otp-for-other-operation");
}

/// A code that was asked for to set a question does not remove one, and the other way round.
#[test]
fn a_code_to_set_does_not_remove() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    bench.set_question(id, "Fuffi il gatto").unwrap();
    let proof = bench.proof(id, Purpose::ChangeQuestion, Change::Set.bound());
    let removed = block_on(bench.holders.remove_question(id, proof, at(20)));
    assert_eq!(slug(removed), "otp-for-other-operation");
    let proof = bench.proof(id, Purpose::ChangeQuestion, Change::Remove.bound());
    let question = Question::Own("Quale gatto?".to_owned());
    let outcome =
        block_on(bench.holders.set_question(id, &question, "Fuffi", bench.in_room(proof), at(21)));
    assert_eq!(slug(outcome), "otp-for-other-operation");
}

#[test]
fn the_answer_is_nowhere() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    bench.set_question(id, "Fuffi il gatto").unwrap();
    for ((table, _), value) in bench.store.contents() {
        let text = String::from_utf8_lossy(&value).to_lowercase();
        assert!(!text.contains("fuffi"), "table {table}");
    }
}
