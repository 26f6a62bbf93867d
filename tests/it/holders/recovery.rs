//! A forgotten password: a link by mail, a code by phone, the answer where there is a question.

use crate::harness::House;
use crate::harness::person::Person;
use serde_json::{Value, json};

/// Asks for the link, and hands over its token.
#[track_caller]
fn link(house: &House, person: &Person) -> String {
    let mark = house.mail.mark();
    let body = json!({ "user_id": person.email });
    house.client().post("/api/v1/passwords/recovery", &body).status(202);
    house.mail.wait(mark, &person.email, |mail| mail.text.contains("/recover#")).token()
}

/// The code for a link.
#[track_caller]
fn code(house: &House, person: &Person, token: &str) -> Value {
    let mark = house.phones.mark();
    let body = json!({ "token": token });
    let asked = house.client().post("/api/v1/passwords/recovery/code", &body).status(201).json();
    json!({ "operation": asked["operation"], "code": house.phones.code(mark, &person.phone) })
}

fn complete(house: &House, token: &str, password: &str, otp: &Value) -> crate::harness::Answer {
    let body = json!({ "token": token, "password": password, "repeat": password, "otp": otp });
    house.client().post("/api/v1/passwords/recovery/complete", &body)
}

/// Link and code set a new password; every session ends, both are told, the link is used up.
#[test]
fn a_forgotten_password_is_replaced() {
    let house = House::open();
    let mut ada = house.invited(0);
    let token = link(&house, &ada);
    let shown = house.client().post("/api/v1/links", &json!({ "token": token })).status(200);
    assert!(!shown.text().contains(&ada.email) && !shown.text().contains(&ada.phone));
    let otp = code(&house, &ada, &token);
    let new = "Betulla.9-bianca";
    let mark = house.mail.mark();
    // A password that breaks a rule costs neither the link nor the code.
    complete(&house, &token, "betulla", &otp).problem(422, "password-rules");
    complete(&house, &token, new, &otp).status(204);
    house.mail.subject(mark, &ada.email, "password");
    complete(&house, &token, new, &otp).problem(410, "invalid-link");
    ada.get(&house, "").problem(401, "unauthorized-holder");
    ada.tries_to_log_in(&house).problem(401, "invalid-login");
    ada.password = new.to_owned();
    ada.logs_in(&house);
    assert_eq!(ada.history(&house, "password-recovered").len(), 1);
}

/// A link alone, a code alone, the code of another act: nothing changes.
#[test]
fn a_link_alone_recovers_nothing() {
    let house = House::open();
    let (ada, bruno) = (house.invited(0), house.invited(1));
    let token = link(&house, &ada);
    let new = "Betulla.9-bianca";
    let none = json!({ "operation": "0".repeat(32), "code": "123456" });
    complete(&house, &token, new, &none).problem(404, "unknown-otp");
    let step = ada.code(&house, &json!({ "purpose": "step-up" }));
    assert_eq!(complete(&house, &token, new, &step).status / 100, 4);
    let other = link(&house, &bruno);
    let otp = code(&house, &bruno, &other);
    assert_eq!(complete(&house, &token, new, &otp).status / 100, 4);
    let otp = code(&house, &ada, &token);
    complete(&house, &"A".repeat(token.len()), new, &otp).problem(410, "invalid-link");
    // Anybody can ask for a link: the one that lives goes on.
    let again = json!({ "user_id": ada.email });
    house.client().post("/api/v1/passwords/recovery", &again).status(202);
    complete(&house, &token, new, &otp).status(204);
    bruno.get(&house, "").status(200);
}

/// With a secret question the answer is needed as well, and five wrong ones end the link.
#[test]
fn the_answer_is_needed_and_never_enough() {
    let house = House::open();
    let mut ada = house.invited(0);
    let otp = ada.code(&house, &json!({ "purpose": "change-question", "change": "set" }));
    let body = json!({ "question": { "own": "Which tree stood there?" }, "answer": "La Quercia",
        "otp": otp });
    assert_eq!(ada.send(&house, "PUT", "/question", &body).status / 100, 2);
    let answer = |token: &str, answer: &str| {
        let body = json!({ "token": token, "answer": answer });
        house.client().post("/api/v1/passwords/recovery/question", &body)
    };
    let token = link(&house, &ada);
    let shown = house.client().post("/api/v1/links", &json!({ "token": token })).status(200);
    assert!(shown.text().contains("Which tree"), "{}", shown.text());
    let new = "Betulla.9-bianca";
    let otp = code(&house, &ada, &token);
    complete(&house, &token, new, &otp).problem(403, "answer-needed");
    for _ in 0..4 {
        answer(&token, "the pine").problem(403, "wrong-answer");
    }
    assert_eq!(answer(&token, "the pine").status / 100, 4);
    answer(&token, "La Quercia").problem(410, "invalid-link");

    let token = link(&house, &ada);
    answer(&token, "la quercia").status(204);
    let none = json!({ "operation": "0".repeat(32), "code": "123456" });
    complete(&house, &token, new, &none).problem(404, "unknown-otp");
    let otp = code(&house, &ada, &token);
    complete(&house, &token, new, &otp).status(204);
    ada.password = new.to_owned();
    ada.logs_in(&house);
}

/// Known and unknown user IDs get the same answer, byte for byte, and only the known one a mail.
#[test]
fn recovery_does_not_tell_who_has_an_account() {
    let house = House::open();
    let ada = house.invited(0);
    let ask = |user_id: &str| {
        let body = json!({ "user_id": user_id });
        house.client().post("/api/v1/passwords/recovery", &body).status(202)
    };
    let mark = house.mail.mark();
    let (unknown, known) = (ask("nobody@example.org"), ask(&ada.email));
    assert_eq!(unknown.body, known.body);
    house.mail.wait(mark, &ada.email, |mail| mail.text.contains("/recover#"));
    let others = house.mail.0.mails();
    assert!(others.iter().all(|mail| !mail.to.contains(&"nobody@example.org".to_owned())));
    // No other mail while a link lives, and the answer stays the same.
    for _ in 0..8 {
        assert_eq!(ask(&ada.email).body, known.body);
    }
    let sent = house.mail.0.mails();
    let sent = sent.iter().skip(mark).filter(|mail| mail.text.contains("/recover#")).count();
    assert_eq!(sent, 1);
}
