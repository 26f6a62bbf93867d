//! Asking for one-time codes: every refusal, sending again, and the limits of what is sent.

use super::errors::{Lines, with};
use crate::harness::{Answer, House, Person};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

fn asks(house: &House, person: &Person) -> Answer {
    person.post(house, "/one-time-codes", &json!({ "purpose": "step-up" }))
}

/// What belongs to a purpose has to be there, and nothing else may.
#[test]
fn refusals_of_codes() {
    let house = House::open();
    let ada = house.activated(0);
    let mut lines = Lines::default();
    let mut ask = |wrong: &str, body: &Value| {
        let answer = ada.post(&house, "/one-time-codes", body);
        lines.add("POST /holder/one-time-codes", wrong, &answer);
    };
    let asked = |purpose: &str| json!({ "purpose": purpose });
    for purpose in ["login", "recover-password", "prove-phone", "Sign", ""] {
        ask(&format!("purpose {purpose:?}"), &asked(purpose));
    }
    ask("no purpose", &json!({}));
    ask("a number", &json!({ "purpose": 2 }));
    ask("more", &json!({ "purpose": "step-up", "holder": "h-2" }));
    ask("a way", &json!({ "purpose": "step-up", "channel": "mail" }));
    ask("no app", &json!({ "purpose": "step-up", "channel": "authenticator" }));
    let suspend = json!({ "purpose": "suspend", "credential": ada.credential });
    ask("no credential", &with(&suspend, "credential", Value::Null));
    ask("no identifier", &with(&suspend, "credential", json!("12")));
    ask("nobody's credential", &with(&suspend, "credential", json!("0".repeat(32))));
    ask("another's member", &with(&suspend, "number", json!("+393479999999")));
    let hash = "A".repeat(43) + "=";
    let signatures = json!({ "algorithm": "ecdsa-sha256", "hashes": [hash] });
    let sign = json!({ "purpose": "sign", "credential": ada.credential, "sign": signatures });
    ask("nothing to sign", &with(&sign, "sign", Value::Null));
    ask("signed with nothing", &with(&sign, "credential", Value::Null));
    for (member, value) in [
        ("algorithm", json!("ecdsa-sha1")),
        ("hashes", json!([])),
        ("hashes", json!(["no base64"])),
        ("hashes", json!([hash, "QUI="])),
    ] {
        let wrong = with(&signatures, member, value.clone());
        ask(&format!("{member} {value}"), &with(&sign, "sign", wrong));
    }
    ask("no number", &asked("change-phone"));
    ask("a short number", &json!({ "purpose": "change-phone", "number": "12" }));
    ask("no address", &asked("change-email"));
    ask("no such address", &json!({ "purpose": "change-email", "address": "ada" }));
    ask("no key", &asked("link-device"));
    ask("no base64", &json!({ "purpose": "link-device", "kind": "phone", "public_key": "?" }));
    let address = json!({ "purpose": "change-email", "address": "ada@example.org" });
    ask("no kind", &address);
    ask("no such kind", &with(&address, "kind", json!("phone")));
    ask("neither set nor removed", &asked("change-question"));
    ask("no such change", &json!({ "purpose": "change-otp-method", "change": "enrol" }));

    let mut post = |method: &str, path: &str, wrong: &str, body: &Value| {
        let answer = ada.send(&house, method, path, body);
        lines.add(&format!("{method} /holder{path}"), wrong, &answer);
    };
    let again = |operation: &str| format!("/one-time-codes/{operation}/resend");
    post("POST", &again("12"), "no identifier", &json!({}));
    post("POST", &again(&"0".repeat(32)), "unknown", &json!({}));
    let otp = json!({ "otp": { "operation": "0".repeat(32), "code": "123456" } });
    for method in ["POST", "DELETE"] {
        post(method, "/authenticator", "an unknown code", &otp);
        post(method, "/authenticator", "no code", &json!({}));
    }
    for code in ["123456", "12345", "12345a"] {
        post("POST", "/authenticator/confirm", code, &json!({ "code": code }));
    }
    lines.are(include_str!("errors/codes.txt"));
}

/// The same code comes again after the gap; five messages for an operation, and no more.
#[test]
fn a_code_is_sent_again_five_times_in_all() {
    let house = House::with(&[("otp_gap_s", "1")]);
    let ada = house.invited(0);
    let mark = house.phones.mark();
    let first = asks(&house, &ada).status(201).json();
    let code = house.phones.code(mark, &ada.phone);
    let resend = format!("/one-time-codes/{}/resend", first["operation"].as_str().unwrap());
    for sent in 2..=5 {
        let deadline = Instant::now() + Duration::from_secs(30);
        let (mark, again) = loop {
            let mark = house.phones.mark();
            let again = ada.post(&house, &resend, &json!({}));
            if again.status == 200 {
                break (mark, again.json());
            }
            let again = again.problem(429, "otp-too-soon");
            assert!(again.header("retry-after").is_some() && Instant::now() < deadline);
            std::thread::sleep(Duration::from_millis(100));
        };
        assert_eq!(house.phones.code(mark, &ada.phone), code);
        for member in ["operation", "made_at", "expires_at"] {
            assert_eq!(again[member], first[member], "{member}");
        }
        assert_eq!(again["resend_at"].is_null(), sent == 5, "{again}");
    }
    std::thread::sleep(Duration::from_secs(1));
    ada.post(&house, &resend, &json!({})).problem(429, "otp-sendings");
    let otp = json!({ "otp": { "operation": first["operation"], "code": code } });
    ada.post(&house, "/session/step-up", &otp).status(201);
}

/// A number has so many in an hour; the answer says how long to wait.
#[test]
fn a_number_gets_so_many_codes_and_no_more() {
    let house = House::with(&[("otp_per_hour", "2"), ("otp_per_day", "3")]);
    let ada = house.invited(0);
    for _ in 0..2 {
        asks(&house, &ada).status(201);
    }
    let refused = asks(&house, &ada).problem(429, "otp-limit");
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=3_600).contains(&wait), "{wait}");
    // Another holder is not kept from codes by it.
    let bruno = house.invited(1);
    asks(&house, &bruno).status(201);
}

/// Over all numbers there is a budget: the trail says once when it is used up.
#[test]
fn the_service_has_a_budget_of_messages() {
    let house = House::with(&[("sms_per_hour", "2")]);
    let (ada, bruno) = (house.invited(0), house.invited(1));
    for person in [&ada, &bruno] {
        asks(&house, person).status(201);
    }
    for person in [&bruno, &ada] {
        let refused = asks(&house, person).problem(503, "sms-budget");
        assert!(refused.header("retry-after").is_some());
    }
    let trail = house.admin().get("/api/v1/admin/trail?category=service").status(200).json();
    let events = trail["events"].as_array().unwrap().iter();
    let told = events.filter(|event| event["action"] == "short-messages-used-up");
    assert_eq!(told.count(), 1);
}
