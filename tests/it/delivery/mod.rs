//! Mails and short messages on their way: each gateway, what happens when one fails, and what an
//! operator sees of it.

mod gateways;
mod mail;

use crate::harness::{Config, Service, eventually};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Cheap checks, and no longer waits than needed.
const HOLDERS: &str = "[holders]\nkey = \"p256\"\nmemory_kib = 19456\npasses = 2\n";

/// A service with these sections.
fn service(sections: &[String]) -> Service {
    sections.iter().fold(Config::new().section(HOLDERS), Config::section).start()
}

fn person(number: u32) -> Value {
    json!({
        "given_name": "Ada", "surname": "Rossi", "fiscal_code": "RSSDAA80A41H501I",
        "email": format!("ada{number}@example.org"), "phone": phone(number),
        "passphrase": "passphrase of Ada", "kind": "remote", "language": "it",
    })
}

fn phone(number: u32) -> String {
    format!("+3934712345{number:02}")
}

/// Somebody asks for an account: a mail follows.
fn ask(service: &Service, number: u32) {
    service.client().post("/api/v1/registrations", &person(number)).status(202);
}

/// Somebody is invited with a first password, which goes by short message.
fn invite(service: &Service, number: u32) {
    let admin = service.admin();
    let made = admin.post("/api/v1/admin/registrations", &person(number)).status(201).json();
    let id = made["registration"]["id"].as_str().or(made["id"].as_str()).unwrap().to_owned();
    let path = format!("/api/v1/admin/registrations/{id}/invite");
    admin.post(&path, &json!({ "first_password": true })).status(200);
}

/// What the operator sees of the messages of one way, oldest first.
fn messages(service: &Service, channel: &str) -> Vec<Value> {
    let list = service.admin().get("/api/v1/admin/messages?limit=1000").status(200).json();
    let all = list["messages"].as_array().unwrap().iter();
    all.filter(|message| message["channel"] == channel).cloned().collect()
}

/// Waits until the newest message of one way is in this state, and gives it.
fn newest(service: &Service, channel: &str, state: &str) -> Value {
    let mut seen = Value::Null;
    eventually(&format!("a {channel} message that is {state}"), || {
        seen = messages(service, channel).pop().unwrap_or_default();
        seen["state"] == state
    });
    seen
}

/// As `eventually`, for what comes after the wait that follows a refusal: half a minute.
fn patiently(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(90);
    while !holds() {
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
