//! From a request for an account to an active credential, and everything that is refused between.

use crate::harness::{Holder, House, Person, Standing, sheet};
use openssl::x509::X509;
use serde_json::{Value, json};

/// The whole way: request, approval, envelope by mail, first password by link, activation.
#[test]
fn a_request_becomes_an_active_credential() {
    let house = House::open();
    let mut ada = Person::new(0);
    let mark = house.mail.mark();
    ada.asks_for_an_account(&house);
    house.mail.wait(mark, &ada.email, |mail| mail.attachments.is_empty());
    let request = house.admin().get(&ada.registered("")).status(200).json();
    assert_eq!(request["state"], "requested", "{request}");
    ada.tries_to_log_in(&house).problem(401, "invalid-login");

    let token = ada.is_invited(&house);
    let link = house.client().post("/api/v1/links", &json!({ "token": token })).status(200).json();
    assert_eq!(link["purpose"], "set-password", "{link}");
    assert!(!link.to_string().contains(&ada.email), "an address in the clear: {link}");
    ada.tries_to_log_in(&house).problem(401, "invalid-login");
    ada.chooses_password(&house, &token);

    ada.logs_in(&house);
    assert_eq!(ada.state(&house), "awaiting-activation");
    let mark = house.mail.mark();
    ada.activates(&house);
    house.mail.subject(mark, &ada.email, "is active");

    let chain = ada.chain(&house);
    let certificates = X509::stack_from_pem(chain.as_bytes()).unwrap();
    assert!(certificates.len() >= 2, "{chain}");
    let subject = format!("{:?}", certificates[0].subject_name());
    assert!(subject.contains(ada.surname) && subject.contains(ada.fiscal_code), "{subject}");
    assert!((59..=61).contains(&sheet::days(&certificates[0])));
    let leaf = String::from_utf8(certificates[0].to_pem().unwrap()).unwrap();
    Holder::issued(&house.service, "ada", &leaf).openssl_says(Standing::Good);
    assert_eq!(ada.history(&house, "credential-activated").len(), 1);
    let request = house.admin().get(&ada.registered("")).status(200).json();
    assert_eq!(request["state"], "active", "{request}");
}

/// The other way in: a first password by short message, which is good for one thing only.
#[test]
fn a_first_password_has_to_be_replaced_before_anything_else() {
    let house = House::open();
    let mut ada = Person::new(0);
    ada.asks_for_an_account(&house);
    house.admin().post(&ada.registered("/approve"), &json!({})).status(200);
    let (mails, phones) = (house.mail.mark(), house.phones.mark());
    let invite = json!({ "first_password": true });
    house.admin().post(&ada.registered("/invite"), &invite).status(200);
    let mail = house.mail.wait(mails, &ada.email, |mail| !mail.attachments.is_empty());
    ada.opens(&mail.attachments[0].bytes);
    let message = house.phones.wait(phones, &ada.phone, |_| true);
    assert!(!mail.text.contains(first_password(&message.text)), "in both messages");
    let chosen = std::mem::replace(&mut ada.password, first_password(&message.text).to_owned());

    assert_eq!(ada.logs_in(&house)["must_change_password"], true);
    // A password that went by short message opens nothing that is kept.
    let seen = ada.get(&house, "").status(200).json();
    let members: Vec<_> = seen.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["id", "language", "must_change_password"]);
    for path in ["/credentials", "/sessions", "/history", "/devices"] {
        ada.get(&house, path).problem(403, "password-change-needed");
    }
    let asked = json!({ "purpose": "step-up" });
    ada.post(&house, "/one-time-codes", &asked).problem(403, "password-change-needed");
    let same = json!({ "current": ada.password, "password": ada.password, "repeat": ada.password });
    assert_eq!(ada.post(&house, "/password", &same).status, 422);
    let change = json!({ "current": ada.password, "password": chosen, "repeat": chosen });
    ada.post(&house, "/password", &change).status(204);

    ada.tries_to_log_in(&house).problem(401, "invalid-login");
    ada.password = chosen;
    assert_eq!(ada.logs_in(&house)["must_change_password"], false);
    ada.activates(&house);
}

/// The word of a message that is a generated password: long, of letters and digits.
#[track_caller]
pub(super) fn first_password(text: &str) -> &str {
    let generated = |word: &&str| {
        word.len() >= 20
            && word.chars().any(|letter| letter.is_ascii_digit())
            && word.chars().any(|letter| letter.is_ascii_lowercase())
    };
    let word = text.split_whitespace().find(generated);
    word.unwrap_or_else(|| panic!("no password in {text:?}"))
}

/// A link works once, and the newest invitation ends the one before with its codes.
#[test]
fn a_link_works_once_and_only_the_newest() {
    let house = House::open();
    let mut ada = Person::new(0);
    ada.asks_for_an_account(&house);
    let first = ada.is_invited(&house);
    let sheet = ada.sheet();
    let second = ada.is_invited_again(&house);
    assert_ne!(sheet.pin, ada.sheet().pin);
    let choose = |token: &str| {
        let body = json!({ "token": token, "password": ada.password, "repeat": ada.password });
        house.client().post("/api/v1/passwords/first", &body)
    };
    choose(&first).problem(410, "invalid-link");
    choose(&"A".repeat(first.len())).problem(410, "invalid-link");
    choose(&second).status(204);
    choose(&second).problem(410, "invalid-link");
    let look = json!({ "token": second });
    house.client().post("/api/v1/links", &look).problem(410, "invalid-link");

    ada.logs_in(&house);
    let own = ada.get(&house, "/credentials").status(200).json();
    let waiting: Vec<&Value> = own["credentials"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["state"] == "awaiting-activation")
        .collect();
    assert_eq!(waiting.len(), 1, "{own}");
    let newest = ada.sheet.replace(sheet);
    let otp = ada.code_for(&house, "activate");
    ada.tries_to_activate(&house, &otp).problem(403, "wrong-codes");
    ada.sheet = newest;
    ada.activates(&house);
}

/// Each rule of a password, broken alone, has its name; a page can ask while somebody types.
#[test]
fn every_rule_of_a_password_is_told_by_name() {
    let house = House::open();
    let mut ada = Person::new(0);
    ada.asks_for_an_account(&house);
    let token = ada.is_invited(&house);
    for (password, rule) in [
        ("Qr,7-va", "min-length"),
        ("QUERCIA,7-VERDE", "lower-case"),
        ("quercia,7-verde", "upper-case"),
        ("Quercia,x-verde", "digit"),
        ("Quercia-7-verde", "special-character"),
        ("Quercia,777-verde", "no-three-in-a-row"),
        ("Password,1", "not-common"),
        ("Xy,7-Rossi-xY", "not-personal"),
    ] {
        let body = json!({ "token": token, "password": password, "repeat": password });
        let refused = house.client().post("/api/v1/passwords/first", &body);
        let refused = refused.problem(422, "password-rules").json();
        assert_eq!(refused["rule"], rule, "{refused}");
        let ask = json!({ "token": token, "password": password });
        let shown = house.client().post("/api/v1/passwords/check", &ask).status(200).json();
        let broken: Vec<&Value> =
            shown["rules"].as_array().unwrap().iter().filter(|rule| rule["met"] == false).collect();
        assert!(broken.iter().any(|one| one["rule"] == rule), "{rule}: {shown}");
    }
    let body = json!({ "token": token, "password": ada.password, "repeat": "Quercia,8-verde" });
    let refused = house.client().post("/api/v1/passwords/first", &body);
    refused.problem(422, "repeat-differs");
    ada.chooses_password(&house, &token);
}

/// The activation: every factor alone is refused, and too many wrong codes end the credential.
#[test]
fn an_activation_needs_the_envelope_and_the_phone() {
    let house = House::open();
    let mut ada = house.invited(0);
    let sheet = ada.sheet();
    let wrong = json!({ "operation": "0".repeat(32), "code": "123456" });
    assert_eq!(ada.tries_to_activate(&house, &wrong).status / 100, 4);
    for (new_pin, rule) in [
        ("1234567", "eight-digits"),
        ("00000000", "no-repeated-digits"),
        ("12121212", "no-repeated-group"),
        ("12345678", "no-run"),
    ] {
        let otp = ada.code_for(&house, "activate");
        let body = json!({ "pin": sheet.pin, "puk": sheet.puk, "new_pin": new_pin,
            "repeat": new_pin, "otp": otp });
        let refused = ada.post(&house, &ada.own("/activate"), &body).status(422).json();
        assert!(refused["rule"] == rule || rule == "no-repeated-group", "{new_pin}: {refused}");
    }
    assert_eq!(ada.state(&house), "awaiting-activation");
    // A code for another act is none for this one.
    let other = ada.code(&house, &json!({ "purpose": "step-up" }));
    ada.tries_to_activate(&house, &other).problem(409, "otp-for-other-operation");
    let codes = ada.sheet();
    ada.sheet.as_mut().unwrap().puk = "0123456789".to_owned();
    let mut tries = 0;
    loop {
        let otp = ada.code_for(&house, "activate");
        let refused = ada.tries_to_activate(&house, &otp);
        tries += 1;
        if refused.json()["type"] == "urn:marca:problem:codes-exhausted" {
            break;
        }
        refused.problem(403, "wrong-codes");
        assert!(tries < 10, "wrong codes without an end");
    }
    assert_eq!(ada.state(&house), "revoked");
    ada.sheet = Some(codes);
    let asked = json!({ "purpose": "activate", "credential": ada.credential });
    let code = ada.post(&house, "/one-time-codes", &asked);
    if code.status == 201 {
        let otp = json!({ "operation": code.json()["operation"], "code": "000000" });
        assert_eq!(ada.tries_to_activate(&house, &otp).status / 100, 4);
    }
    assert_eq!(ada.state(&house), "revoked");
}

/// The operator's part on the command line, down to a credential that signs.
#[test]
fn an_operator_registers_on_the_command_line() {
    let house = House::open();
    let mut bruno = Person::new(1);
    let register = [
        "holder",
        "register",
        "--given-name",
        bruno.given_name,
        "--surname",
        bruno.surname,
        "--fiscal-code",
        bruno.fiscal_code,
        "--email",
        &bruno.email,
        "--phone",
        &bruno.phone,
        "--fiscal-code-as-passphrase",
        "--language",
        "it",
    ];
    house.service.cli(&register).ok();
    bruno.passphrase = bruno.fiscal_code.to_owned();
    bruno.finds_registration(&house);
    let mark = house.mail.mark();
    house.service.cli(&["holder", "invite", &bruno.registration]).ok();
    let mail = house.mail.wait(mark, &bruno.email, |mail| !mail.attachments.is_empty());
    bruno.opens(&mail.attachments[0].bytes);
    assert!(bruno.sheet().text.contains("Codice di emergenza"), "in Italian");
    bruno.chooses_password(&house, &mail.token());
    bruno.logs_in(&house);
    bruno.activates(&house);
    let shown = house.service.cli(&["holder", "show", &bruno.id]).ok();
    assert!(shown.out.contains(&bruno.email), "{}", shown.out);
    assert!(house.service.cli(&["holder", "list"]).ok().out.contains(&bruno.id));
}

/// What an outsider asks gets the same answer for every address; a rejected request leaves nothing.
#[test]
fn nobody_learns_who_has_an_account() {
    let house = House::open();
    let ada = house.invited(0);
    let fresh = Person::new(1);
    let answers = [&ada, &fresh].map(|person| {
        house.client().post("/api/v1/registrations", &person.registration()).status(202)
    });
    assert_eq!(answers[0].body, answers[1].body);
    let names = |answer: &crate::harness::Answer| {
        let names = answer.headers.keys().map(|name| name.as_str().to_owned());
        names.collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(names(&answers[0]), names(&answers[1]));

    let mut bruno = fresh;
    bruno.finds_registration(&house);
    let mark = house.mail.mark();
    let reason = json!({ "reason": "the copy of the document is not readable" });
    house.admin().post(&bruno.registered("/reject"), &reason).status(200);
    // The mail that the request was received may come late: it is not waited for.
    house.mail.wait(mark, &bruno.email, |mail| mail.text.contains("not readable"));
    let left = house.admin().get(&bruno.registered("")).status(200).text();
    for personal in [bruno.email.as_str(), bruno.surname, bruno.fiscal_code, &bruno.phone] {
        assert!(!left.contains(personal), "{personal} stays: {left}");
    }
    for act in ["approve", "reject", "invite"] {
        let body = match act {
            "reject" => json!({ "reason": "again" }),
            "invite" => json!({ "first_password": false }),
            _ => json!({}),
        };
        let refused = house.admin().post(&bruno.registered(&format!("/{act}")), &body);
        refused.problem(409, "wrong-state");
    }
}

/// Every field of a request, wrong alone, is refused with its name and the rule.
#[test]
fn a_request_is_checked_field_by_field() {
    let house = House::open();
    let ada = Person::new(0);
    for (field, value, rule) in [
        ("given_name", json!(""), "name"),
        ("surname", json!("7"), "name"),
        ("fiscal_code", json!("RSSDAA80A41H501X"), "fiscal-code-check-letter"),
        ("fiscal_code", json!("12"), "fiscal-code"),
        ("email", json!("ada"), "email-address"),
        ("phone", json!("347"), "phone-number"),
        ("passphrase", json!("short"), "passphrase"),
        ("birth_date", json!("2999-01-01"), "birth-date"),
    ] {
        let mut body = ada.registration();
        body[field] = value;
        let refused = house.client().post("/api/v1/registrations", &body).status(422).json();
        assert_eq!(refused["field"], field, "{refused}");
        assert_eq!(refused["rule"], rule, "{refused}");
    }
    let mut body = ada.registration();
    body["role"] = json!("operator");
    house.client().post("/api/v1/registrations", &body).status(400);
    assert_eq!(house.admin().get("/api/v1/admin/registrations").json()["registrations"], json!([]));
}
