//! Every refusal that a holder or an operator can meet, one rule broken at a time: its status, its
//! name, the field and the rule are what clients build upon, so they stand in a golden file.

mod credential;

use super::ROUTES;
use super::isolation::Rule;
use crate::harness::{Answer, House, Person};
use serde_json::{Value, json};
use std::fmt::Write;

/// Lines of `route | what is wrong | status name field rule`.
#[derive(Default)]
pub(super) struct Lines(String);

impl Lines {
    pub(super) fn add(&mut self, route: &str, wrong: &str, answer: &Answer) {
        let said = match answer.status {
            204 => json!({}),
            _ => answer.json(),
        };
        let text = |member: &str| said[member].as_str().unwrap_or("-").to_owned();
        let name = text("type").replace("urn:marca:problem:", "");
        let (status, field, rule) = (answer.status, text("field"), text("rule"));
        writeln!(self.0, "{route} | {wrong} | {status} {name} {field} {rule}").unwrap();
    }

    /// To be renewed by hand, with what the failure prints.
    #[track_caller]
    pub(super) fn are(&self, golden: &str) {
        assert!(self.0 == golden, "these are the refusals now:\n{}", self.0);
    }
}

/// A body with one member changed; null takes it out.
pub(super) fn with(body: &Value, member: &str, value: Value) -> Value {
    let mut body = body.clone();
    match value {
        Value::Null => drop(body.as_object_mut().unwrap().remove(member)),
        value => body[member] = value,
    }
    body
}

/// Without a login.
#[test]
fn refusals_before_a_login() {
    let house = House::open();
    let mut lines = Lines::default();
    let mut post = |path: &str, wrong: &str, body: &Value| {
        let answer = house.client().post(&format!("/api/v1{path}"), body);
        lines.add(&format!("POST {path}"), wrong, &answer);
    };
    let right = Person::new(0).registration();
    for (member, value) in [
        ("given_name", json!("")),
        ("given_name", json!("A\u{202e}da")),
        ("surname", json!("7")),
        ("fiscal_code", json!("RSSDAA80A41H501X")),
        ("fiscal_code", json!("12")),
        ("birth_date", json!("2999-01-01")),
        ("birth_date", json!("10/12/1985")),
        ("email", json!("ada")),
        ("phone", json!("347")),
        ("passphrase", json!("short")),
        ("passphrase", Value::Null),
        ("fiscal_code_as_passphrase", json!(true)),
        ("kind", json!("local")),
        ("kind", Value::Null),
        ("language", json!("de")),
        ("role", json!("operator")),
        ("email", json!(7)),
    ] {
        post("/registrations", &format!("{member}: {value}"), &with(&right, member, value));
    }
    post("/registrations", "no object", &json!([]));
    let token = "A".repeat(43);
    post("/links", "an unknown link", &json!({ "token": token }));
    post("/addresses/confirm", "an unknown link", &json!({ "token": token }));
    post("/passwords/check", "no link", &json!({ "password": "x" }));
    post("/passwords/check", "an unknown link", &json!({ "password": "x", "token": token }));
    post("/passwords/recovery/code", "an unknown link", &json!({ "token": token }));
    let answer = json!({ "token": token, "answer": "x" });
    post("/passwords/recovery/question", "an unknown link", &answer);
    let otp = json!({ "operation": "0".repeat(32), "code": "123456" });
    let complete = json!({ "token": token, "password": "x", "repeat": "x", "otp": otp });
    post("/passwords/recovery/complete", "an unknown link", &complete);
    let login = json!({ "user_id": "nobody@example.org", "password": "Quercia,0-verde" });
    post("/sessions", "nobody", &login);
    post("/sessions", "no address", &with(&login, "user_id", json!("nobody")));
    post("/sessions", "no password", &with(&login, "password", Value::Null));
    let suspend = json!({ "user_id": "nobody@example.org", "emergency_code": "BCDFGHJKMN" });
    post("/sessions", "members by their places", &json!(["nobody@example.org", "x"]));
    let by_place = json!({ "token": token, "password": "x", "repeat": "x", "otp": ["1", "2"] });
    post("/passwords/recovery/complete", "a code by its places", &by_place);
    post("/suspensions", "no code at all", &with(&suspend, "emergency_code", json!("123")));
    lines.are(include_str!("errors/public.txt"));
}

/// Each rule of a password broken alone, with the link of the invitation; the link stays good.
#[test]
fn each_rule_of_a_password_is_told() {
    let house = House::open();
    let mut ada = Person::new(0);
    ada.asks_for_an_account(&house);
    let token = ada.is_invited(&house);
    let mut lines = Lines::default();
    let long = format!("Quercia,0-{}", "verde.".repeat(20));
    for wrong in [
        "Ver,0-d",
        long.as_str(),
        "QUERCIA,0-VERDE",
        "quercia,0-verde",
        "Quercia,o-verde",
        "Quercia0-verde",
        "Quercia,000-verde",
        "Password1!",
        "Rossi,0-verde",
    ] {
        let body = json!({ "token": token, "password": wrong, "repeat": wrong });
        let answer = house.client().post("/api/v1/passwords/first", &body);
        lines.add("POST /passwords/first", wrong, &answer);
        let body = json!({ "token": token, "password": wrong });
        let rules = house.client().post("/api/v1/passwords/check", &body).status(200).json();
        let rules = rules["rules"].as_array().unwrap();
        let unmet: Vec<_> = rules.iter().filter(|rule| rule["met"] == false).collect();
        assert_eq!(unmet.len(), 1, "{wrong}: {unmet:?}");
        assert_eq!(unmet[0]["rule"], answer.json()["rule"], "{wrong}");
    }
    let differs = json!({ "token": token, "password": ada.password, "repeat": "x" });
    let answer = house.client().post("/api/v1/passwords/first", &differs);
    lines.add("POST /passwords/first", "two that differ", &answer);
    lines.are(include_str!("errors/passwords.txt"));
    ada.chooses_password(&house, &token);
}

/// With a login, before any code is sent.
#[test]
fn refusals_of_an_account() {
    let house = House::open();
    let mut ada = Person::new(0);
    ada.asks_for_an_account(&house);
    let token = ada.is_invited(&house);
    ada.chooses_password(&house, &token);
    let opened = ada.tries_to_log_in(&house).status(201).json();
    ada.token = opened["token"].as_str().unwrap().to_owned();
    let mut lines = Lines::default();
    let mut send = |method: &str, path: &str, wrong: &str, body: &Value| {
        let answer = ada.send(&house, method, path, body);
        lines.add(&format!("{method} /holder{path}"), wrong, &answer);
    };
    let new = "Betulla.9-bianca";
    let change = json!({ "current": ada.password, "password": new, "repeat": new });
    send("POST", "/password", "wrong current", &with(&change, "current", json!("x")));
    send("POST", "/password", "two that differ", &with(&change, "repeat", json!("x")));
    let same = json!({ "current": ada.password, "password": ada.password, "repeat": ada.password });
    send("POST", "/password", "the current", &same);
    send(
        "POST",
        "/password",
        "too short",
        &with(&with(&change, "password", json!("x")), "repeat", json!("x")),
    );
    send("POST", "/password", "no current", &with(&change, "current", Value::Null));
    let otp = json!({ "operation": "0".repeat(32), "code": "123456" });
    let asked = json!({ "question": { "listed": "first-pet" }, "answer": "Fido", "otp": otp });
    let own = |words: &str| json!({ "own": words });
    send("PUT", "/question", "a short answer", &with(&asked, "answer", json!("x")));
    send("PUT", "/question", "not listed", &with(&asked, "question", json!({ "listed": "x" })));
    send("PUT", "/question", "no words", &with(&asked, "question", own(" ")));
    let given = with(&asked, "question", own("Is it Fido?"));
    send("PUT", "/question", "the answer in the question", &given);
    send("PUT", "/question", "neither", &with(&asked, "question", json!({ "secret": "x" })));
    send("PUT", "/question", "an unknown code", &asked);
    let short = json!({ "operation": "0".repeat(32), "code": "12" });
    send("PUT", "/question", "no code at all", &with(&asked, "otp", short));
    let bad = json!({ "operation": "12", "code": "123456" });
    send("PUT", "/question", "no operation at all", &with(&asked, "otp", bad));
    send("DELETE", "/question", "no code", &json!({}));
    let address = json!({ "kind": "user-id", "address": "new@example.org", "otp": otp });
    send("POST", "/addresses", "no address", &with(&address, "address", json!("ada")));
    send("POST", "/addresses", "no such kind", &with(&address, "kind", json!("other")));
    send("POST", "/addresses", "an unknown code", &address);
    send("PATCH", "/preferences", "no such language", &json!({ "language": "de" }));
    send("PATCH", "/preferences", "no such notices", &json!({ "notices": "weekly" }));
    send("PATCH", "/preferences", "more", &json!({ "status": "closed" }));
    send("POST", "/personal-data", "an unknown code", &json!({ "otp": otp }));
    for query in ["from=yesterday", "kind=nothing", "after=1", "limit=0", "limit=1001", "x=1"] {
        let answer = ada.get(&house, &format!("/history?{query}"));
        lines.add("GET /holder/history", query, &answer);
    }
    lines.are(include_str!("errors/account.txt"));
    ada.get(&house, "").status(200);
}

/// What an operator is told.
#[test]
fn refusals_of_an_operator() {
    let house = House::open();
    let mut ada = Person::new(0);
    ada.asks_for_an_account(&house);
    let token = ada.is_invited(&house);
    ada.chooses_password(&house, &token);
    let admin = house.admin();
    let mut lines = Lines::default();
    let mut post = |path: &str, wrong: &str, body: &Value| {
        let answer = admin.post(&format!("/api/v1/admin{path}"), body);
        lines.add(&format!("POST /admin{path}"), wrong, &answer);
    };
    post("/registrations", "an address twice", &ada.registration());
    post("/registrations", "no name", &with(&ada.registration(), "given_name", json!("")));
    let reason = json!({ "reason": "a test" });
    for (act, body) in [("approve", json!({})), ("reject", reason.clone()), ("invite", json!({}))] {
        post(&format!("/registrations/r-1/{act}"), "done already", &body);
        post(&format!("/registrations/r-9/{act}"), "nobody", &body);
    }
    post("/registrations/r-1/reject", "no reason", &json!({}));
    post("/registrations/h-1/approve", "another identifier", &json!({}));
    for act in ["block", "unblock", "close", "erase", "clear-question", "clear-notice-address"] {
        post(&format!("/holders/h-9/{act}"), "nobody", &reason);
    }
    for act in ["block", "unblock", "close"] {
        post(&format!("/holders/h-1/{act}"), "no reason", &json!({}));
    }
    for act in ["unblock", "erase", "clear-question", "clear-notice-address"] {
        post(&format!("/holders/h-1/{act}"), "nothing to do", &reason);
    }
    let credential = "/holders/h-1/credentials/00000000000000000000000000000000";
    post(&format!("{credential}/suspend"), "no such credential", &json!({}));
    post(&format!("{credential}/revoke"), "no cause", &json!({}));
    post(&format!("{credential}/revoke"), "no such cause", &json!({ "cause": "because" }));
    post("/holders/h-1/credentials/12/suspend", "no identifier", &json!({}));
    post("/messages/m-9/retry", "no such message", &json!({}));
    post("/messages/m-1/retry", "not failed", &json!({}));
    for path in [
        "/registrations?state=x",
        "/registrations?after=1",
        "/registrations?limit=0",
        "/registrations/r-9",
        "/holders?after=x",
        "/holders/h-9",
        "/holders/h-9/history",
        "/holders/h-9/messages",
        "/holders/h-9/sessions",
        "/holders/h-9/personal-data",
        "/messages?state=x",
    ] {
        let answer = admin.get(&format!("/api/v1/admin{path}"));
        lines.add(&format!("GET /admin{path}"), "-", &answer);
    }
    lines.are(include_str!("errors/operator.txt"));
    // None of these did half of what was asked for.
    let left = admin.get("/api/v1/admin/holders/h-1").status(200).json();
    assert_eq!(left["status"], "active", "{left}");
    assert_eq!(left["credentials"][0]["state"], "awaiting-activation", "{left}");
}

/// What a caller can see of an answer, but for the time.
fn seen(answer: &Answer) -> (u16, Vec<(String, String)>, String) {
    let headers = answer.headers.iter().filter(|(name, _)| *name != "date");
    let headers = headers.map(|(name, value)| (name.to_string(), format!("{value:?}")));
    let mut headers: Vec<_> = headers.collect();
    headers.sort();
    (answer.status, headers, answer.text())
}

/// ASVS 5.0, 6.3.8: "Verify that valid users cannot be deduced from failed authentication
/// challenges, such as by basing on error messages, HTTP response codes, or different response
/// times." The same work is a test of `accounts`; this is the same answer.
#[test]
fn nobody_learns_who_can_log_in() {
    let house = House::open();
    let mut ada = Person::new(0);
    ada.asks_for_an_account(&house);
    let token = ada.is_invited(&house);
    ada.chooses_password(&house, &token);
    // Invited, without a password; and blocked, with the right one.
    let mut bruno = Person::new(1);
    bruno.asks_for_an_account(&house);
    bruno.is_invited(&house);
    let mut carla = Person::new(2);
    carla.asks_for_an_account(&house);
    let token = carla.is_invited(&house);
    carla.chooses_password(&house, &token);
    let block = json!({ "reason": "a test" });
    house.admin().post("/api/v1/admin/holders/h-3/block", &block).status(200);

    let unknown = Person::new(3);
    ada.password = "Quercia,7-rossa".to_owned();
    let refused = seen(&unknown.tries_to_log_in(&house).problem(401, "invalid-login"));
    for person in [&ada, &bruno, &carla] {
        assert_eq!(seen(&person.tries_to_log_in(&house)), refused, "{}", person.email);
    }
    for person in [&ada, &bruno, &carla, &unknown] {
        let recovery = json!({ "user_id": person.email });
        let answer = house.client().post("/api/v1/passwords/recovery", &recovery);
        assert_eq!(answer.status, 202);
        let suspend = json!({ "user_id": person.email, "emergency_code": "BCDFGHJKMN" });
        let other = house.client().post("/api/v1/suspensions", &suspend);
        let again = house.client().post("/api/v1/registrations", &person.registration());
        assert_eq!([seen(&other), seen(&again)], [seen(&answer), seen(&answer)]);
    }
}

/// Nothing that a page of another site can send without asking is taken: JSON has to say that it
/// is JSON, and a browser asks first before it sends that.
#[test]
fn forms_of_other_sites_are_refused() {
    let house = House::open();
    let body = json!({ "user_id": "ada@example.org" }).to_string();
    let public =
        ROUTES.iter().filter(|(method, _, rule)| *rule == Rule::Public && *method == "POST");
    let mut tried = 0;
    for (_, path, _) in public {
        for sent in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"] {
            let path = path.replace("{id}", &"0".repeat(32));
            let headers = [("Content-Type", sent), ("Origin", "https://elsewhere.example")];
            let answer = house.client().send("POST", &path, &headers, Some(body.as_bytes()));
            answer.problem(415, "media-type");
            tried += 1;
            let preflight = [("Origin", "https://elsewhere.example")];
            let answer = house.client().send("OPTIONS", &path, &preflight, None);
            assert!(answer.header("access-control-allow-origin").is_none(), "{path}");
            answer.problem(405, "method-not-allowed");
        }
    }
    assert!(tried > 30, "{tried}");
}

/// Who asks is known before anything is read: somebody without a login gets no word about a body.
#[test]
fn a_body_is_read_only_of_who_is_known() {
    let house = House::open();
    let client = house.client().bearer(&format!("ms_{}", "A".repeat(43)));
    let body = vec![b'x'; 64 << 10];
    let mut tried = 0;
    for (method, path, _) in ROUTES {
        if !path.starts_with("/api/v1/holder") || *method == "GET" {
            continue;
        }
        let path = path.replace("{id}", &"0".repeat(32)).replace("{operation}", &"0".repeat(32));
        let headers = [("Content-Type", "text/plain")];
        let answer = client.try_send(method, &path, &headers, Some(&body));
        // A body that nobody reads can end the connection before the answer was taken.
        let Ok(answer) = answer else { continue };
        answer.problem(401, "unauthorized-holder");
        tried += 1;
    }
    assert!(tried > 20, "{tried}");
}
