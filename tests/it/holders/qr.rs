//! Logging in with a linked device: the browser shows a code, the device sees who asks, picks the
//! number that stands in the browser, and signs.

use crate::harness::person::{Person, hashes};
use crate::harness::pocket::Pocket;
use crate::harness::{Answer, Client, House};
use openssl::base64::decode_block;
use serde_json::{Value, json};

/// A linked phone with its key.
struct Device {
    pocket: Pocket,
    client: Client,
    id: String,
}

impl Device {
    #[track_caller]
    fn link(house: &House, person: &Person) -> Self {
        let pocket = Pocket::new();
        let key = pocket.public_key();
        let asked = json!({ "purpose": "link-device", "kind": "phone", "public_key": key });
        let otp = person.code(house, &asked);
        let body = json!({ "name": "phone", "kind": "phone", "public_key": key, "otp": otp });
        let linked = person.post(house, "/devices", &body).status(201).json();
        let client = house.client().bearer(linked["token"].as_str().unwrap());
        Self { pocket, client, id: linked["device"]["id"].as_str().unwrap().to_owned() }
    }

    fn look(&self, login: &Value) -> Answer {
        self.client.post(&path(login, ""), &json!({}))
    }

    /// Looks, and signs what the service asks with this number.
    fn approve(&self, login: &Value, number: &str) -> Answer {
        let seen = self.look(login).status(200).json();
        let challenge = bytes(&seen["challenge"]);
        let id = hex::decode(login["id"].as_str().unwrap()).unwrap();
        let message = [b"marca-qr-v1\0", &id[..], &challenge, number.as_bytes()].concat();
        let body = json!({ "number": number, "signature": self.pocket.sign(&message) });
        self.client.post(&path(login, "/approve"), &body)
    }
}

fn path(login: &Value, rest: &str) -> String {
    format!("/api/v1/holder/qr-logins/{}{rest}", login["id"].as_str().unwrap())
}

/// 32 octets, in hex or base64.
#[track_caller]
fn bytes(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap();
    hex::decode(text).or_else(|_| decode_block(text)).unwrap()
}

/// What the browser asks for and shows.
#[track_caller]
fn begin(house: &House) -> Value {
    let login = house.client().post("/api/v1/qr-logins", &json!({})).status(201).json();
    let shown = login["text"].as_str().unwrap();
    assert!(shown.contains(login["id"].as_str().unwrap()), "{login}");
    assert!(!shown.contains(login["secret"].as_str().unwrap()), "the secret is in the code");
    assert!(login["svg"].as_str().unwrap().contains("<svg"));
    assert_eq!(login["number"].as_str().unwrap().len(), 2, "{login}");
    login
}

fn poll(house: &House, login: &Value) -> Answer {
    let path = format!("/api/v1/qr-logins/{}/poll", login["id"].as_str().unwrap());
    house.client().post(&path, &json!({ "secret": login["secret"] }))
}

#[track_caller]
fn state(house: &House, login: &Value) -> String {
    poll(house, login).status(200).json()["state"].as_str().unwrap().to_owned()
}

/// Seen, the number picked, signed: the browser gets a session, once, and a limited one.
#[test]
fn a_device_lets_a_browser_in() {
    let house = House::open();
    let ada = house.activated(0);
    let device = Device::link(&house, &ada);
    let login = begin(&house);
    assert_eq!(state(&house, &login), "waiting");
    let seen = device.look(&login).status(200).json();
    assert_eq!(seen["choices"].as_array().unwrap().len(), 3, "{seen}");
    assert!(seen["choices"].as_array().unwrap().contains(&login["number"]));
    assert_eq!(state(&house, &login), "seen");
    let mark = house.mail.mark();
    let approved = device.approve(&login, login["number"].as_str().unwrap());
    assert_eq!(approved.status / 100, 2, "{}", approved.text());
    let given = poll(&house, &login).status(200).json();
    assert_eq!(given["state"], "approved");
    let mut browser = ada.clone();
    browser.token = given["token"].as_str().unwrap().to_owned();
    assert_eq!(browser.get(&house, "").status(200).json()["user_id"], ada.email.as_str());
    assert!(poll(&house, &login).json()["token"].is_null(), "the session is given twice");
    house.mail.wait(mark, &ada.email, |_| true);
    limited(&house, &browser);
    // With a one-time code it is a whole session.
    let otp = browser.code(&house, &json!({ "purpose": "step-up" }));
    let raised = browser.post(&house, "/session/step-up", &json!({ "otp": otp })).status(201);
    let old = std::mem::replace(&mut browser.token, raised.json()["token"].to_string());
    browser.token = browser.token.trim_matches('"').to_owned();
    house.client().bearer(&old).get("/api/v1/holder").problem(401, "unauthorized-holder");
    let sad = browser.authorises(&house, &hashes(&["a contract"]));
    browser.signs(&house, &sad, &hashes(&["a contract"]), false).status(200);
    account_untouched(&house, &browser);
}

/// Whoever has the phone in hand has the login by QR code and the codes that come to it: with both
/// of them nothing of the account can be changed.
#[track_caller]
fn account_untouched(house: &House, browser: &Person) {
    let otp = json!({ "operation": "0".repeat(32), "code": "000000" });
    let other = "0".repeat(32);
    for (method, path, body) in [
        ("POST", "/phone", json!({ "number": "+393479999999", "otp": otp })),
        ("DELETE", "/phone", json!({})),
        ("POST", "/phone/lost", json!({ "number": "+393479999999" })),
        ("POST", "/addresses", json!({ "kind": "user-id", "address": "x@example.org" })),
        ("POST", "/authenticator", json!({ "otp": otp })),
        ("PUT", "/question", json!({ "question": "x", "answer": "xyz" })),
        ("POST", "/devices", json!({ "name": "x", "kind": "phone", "otp": otp })),
        ("POST", "/personal-data", json!({ "otp": otp })),
        ("PATCH", "/preferences", json!({ "notices": "none" })),
        ("DELETE", "/sessions", json!({})),
        ("DELETE", &format!("/sessions/{other}"), json!({})),
        ("POST", &browser.own("/reactivate"), json!({ "otp": otp })),
    ] {
        browser.send(house, method, path, &body).problem(403, "session-needed");
    }
}

/// A session that a QR code has given; for tests of what it may do.
#[track_caller]
pub(super) fn limited_session(house: &House, person: &Person) -> String {
    let device = Device::link(house, person);
    let login = begin(house);
    let approved = device.approve(&login, login["number"].as_str().unwrap());
    assert_eq!(approved.status / 100, 2, "{}", approved.text());
    poll(house, &login).status(200).json()["token"].as_str().unwrap().to_owned()
}

/// What a session from a QR code may not do before it is raised.
#[track_caller]
fn limited(house: &House, browser: &Person) {
    let otp = json!({ "operation": "0".repeat(32), "code": "000000" });
    let password = json!({ "current": "x", "password": "x", "repeat": "x" });
    for (path, body) in [
        (browser.own("/pin"), json!({ "current": "x", "new_pin": "x", "repeat": "x", "otp": otp })),
        (browser.own("/revoke"), json!({ "cause": "cessation", "otp": otp })),
        ("/password".to_owned(), password),
        (
            browser.own("/authorisations"),
            json!({ "algorithm": "ecdsa-sha256", "hashes": [], "pin": "x", "otp": otp }),
        ),
    ] {
        let refused = browser.post(house, &path, &body);
        assert_eq!(refused.status, 403, "{path}: {}", refused.text());
        assert_eq!(refused.json()["type"], "urn:marca:problem:step-up-needed", "{path}");
    }
    account_untouched(house, browser);
}

/// A wrong number ends the login; so does a refusal; neither gives a session.
#[test]
fn a_wrong_number_ends_the_login() {
    let house = House::open();
    let ada = house.invited(0);
    let device = Device::link(&house, &ada);
    let login = begin(&house);
    let seen = device.look(&login).status(200).json();
    let choices = seen["choices"].as_array().unwrap();
    let wrong = choices.iter().find(|one| **one != login["number"]).unwrap();
    let refused = device.approve(&login, wrong.as_str().unwrap());
    assert_eq!(refused.status / 100, 4, "{}", refused.text());
    assert_eq!(state(&house, &login), "failed");
    let right = login["number"].as_str().unwrap();
    let id = hex::decode(login["id"].as_str().unwrap()).unwrap();
    let message = [b"marca-qr-v1\0", &id[..], &bytes(&seen["challenge"]), right.as_bytes()];
    let body = json!({ "number": right, "signature": device.pocket.sign(&message.concat()) });
    assert_eq!(device.client.post(&path(&login, "/approve"), &body).status / 100, 4);
    assert_eq!(state(&house, &login), "failed");

    let login = begin(&house);
    device.look(&login).status(200);
    let denied = device.client.post(&path(&login, "/deny"), &json!({}));
    assert_eq!(denied.status / 100, 2, "{}", denied.text());
    assert_eq!(state(&house, &login), "denied");
    assert_eq!(device.approve_blind(&login).status / 100, 4);
}

impl Device {
    /// Approves without having looked.
    fn approve_blind(&self, login: &Value) -> Answer {
        let number = login["number"].as_str().unwrap();
        let body = json!({ "number": number, "signature": self.pocket.sign(b"nothing") });
        self.client.post(&path(login, "/approve"), &body)
    }
}

/// Only the browser that asked gets the session, only a linked device's key approves.
#[test]
fn the_secret_and_the_key_bind_both_ends() {
    let house = House::open();
    let (ada, bruno) = (house.invited(0), house.invited(1));
    let (device, other) = (Device::link(&house, &ada), Device::link(&house, &bruno));
    let login = begin(&house);
    let mut stolen = login.clone();
    stolen["secret"] = json!(format!("mq_{}", "A".repeat(43)));
    assert_eq!(poll(&house, &stolen).status / 100, 4);
    assert_eq!(device.approve_blind(&login).status / 100, 4, "without having looked");
    let login = begin(&house);
    device.look(&login).status(200);
    // Somebody who only photographed the screen: the device that looked first is the one.
    assert_eq!(other.approve_blind(&login).status / 100, 4);
    // A session is no device, and a session's token approves nothing.
    let session = house.client().bearer(&ada.token);
    assert_eq!(session.post(&path(&login, ""), &json!({})).status, 403);
    // The right number under another key.
    let seen = device.look(&login);
    if seen.status == 200 {
        let number = login["number"].as_str().unwrap();
        let id = hex::decode(login["id"].as_str().unwrap()).unwrap();
        let challenge = bytes(&seen.json()["challenge"]);
        let message = [b"marca-qr-v1\0", &id[..], &challenge, number.as_bytes()].concat();
        let body = json!({ "number": number, "signature": other.pocket.sign(&message) });
        assert_eq!(device.client.post(&path(&login, "/approve"), &body).status / 100, 4);
    }
    assert_ne!(state(&house, &login), "approved");
    // Unlinked, the device approves nothing more.
    let login = begin(&house);
    let unlink = format!("/api/v1/holder/devices/{}", device.id);
    ada.client(&house).delete(&unlink).status(204);
    device.look(&login).problem(401, "unauthorized-holder");
}

/// "That was not me" ends the session that the code has given.
#[test]
fn a_login_is_disowned() {
    let house = House::open();
    let ada = house.invited(0);
    let device = Device::link(&house, &ada);
    let login = begin(&house);
    let approved = device.approve(&login, login["number"].as_str().unwrap());
    assert_eq!(approved.status / 100, 2, "{}", approved.text());
    let token = poll(&house, &login).json()["token"].as_str().unwrap().to_owned();
    house.client().bearer(&token).get("/api/v1/holder").status(200);
    // Not by another holder's device, which knows the code as well.
    let bruno = house.invited(1);
    let other = Device::link(&house, &bruno);
    for act in ["/approve", "/deny", "/disown"] {
        let body = json!({ "number": login["number"], "signature": other.pocket.sign(b"x") });
        let body = if act == "/approve" { body } else { json!({}) };
        other.client.post(&path(&login, act), &body).problem(410, "invalid-qr-login");
    }
    house.client().bearer(&token).get("/api/v1/holder").status(200);
    let disowned = device.client.post(&path(&login, "/disown"), &json!({}));
    assert_eq!(disowned.status / 100, 2, "{}", disowned.text());
    house.client().bearer(&token).get("/api/v1/holder").problem(401, "unauthorized-holder");
}

/// Nobody makes codes without end: a caller is slowed down.
#[test]
fn codes_to_scan_are_limited() {
    let house = House::open();
    let ask = || house.client().post("/api/v1/qr-logins", &json!({})).status;
    let answers: Vec<u16> = (0..610).map(|_| ask()).collect();
    assert!(answers.contains(&429), "610 codes in a row: {answers:?}");
}

/// Who opens the code's address with a camera is warned, in both languages, and has done nothing.
#[test]
fn the_address_in_the_code_approves_nothing() {
    let house = House::open();
    let login = begin(&house);
    let (_, rest) = login["text"].as_str().unwrap().split_once("://").unwrap();
    let path = rest.split_once('/').unwrap().1.split_once('#').unwrap().0;
    let page = house.client().get(&format!("/{path}")).status(200);
    assert!(page.header("content-type").unwrap().starts_with("text/html"));
    assert!(page.header("content-security-policy").unwrap().contains("frame-ancestors 'none'"));
    let text = page.text();
    assert!(text.contains("do not scan it") && text.contains("non lo inquadri"), "{text}");
    assert!(!text.contains("<script") && !text.contains("<form"), "{text}");
    assert_eq!(state(&house, &login), "waiting");
}
