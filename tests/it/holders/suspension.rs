//! Suspended, reactivated, revoked: by the holder, with the emergency code, by the operator. The
//! verifiers follow in the same second, and what was authorised before signs no more.

use crate::harness::person::{Person, hashes};
use crate::harness::{Holder, House, Standing, in_seconds};
use openssl::x509::X509;
use serde_json::{Value, json};

/// The person's certificate with its verifiers.
#[track_caller]
fn certificate<'a>(house: &'a House, person: &Person, name: &str) -> Holder<'a> {
    let chain = X509::stack_from_pem(person.chain(house).as_bytes()).unwrap();
    let leaf = String::from_utf8(chain[0].to_pem().unwrap()).unwrap();
    Holder::issued(&house.service, name, &leaf)
}

/// By the holder: suspended, reactivated, suspended until a date, revoked.
#[test]
fn verifiers_follow_the_holder_at_once() {
    let house = House::open();
    let ada = house.activated(0);
    let bruno = house.activated(1);
    let (certificate, other) = (certificate(&house, &ada, "ada"), certificate(&house, &bruno, "b"));
    certificate.openssl_says(Standing::Good);
    let mark = house.mail.mark();
    ada.act(&house, "suspend", "suspend", json!({})).status(200);
    certificate.openssl_says(Standing::Suspended);
    house.mail.subject(mark, &ada.email, "suspended");
    assert_eq!(ada.state(&house), "suspended");

    let mark = house.mail.mark();
    ada.act(&house, "reactivate", "reactivate", json!({})).status(200);
    certificate.openssl_says(Standing::Good);
    house.mail.wait(mark, &ada.email, |mail| !mail.subject.contains("suspended"));

    ada.act(&house, "suspend", "suspend", json!({ "until": in_seconds(86_400) })).status(200);
    certificate.openssl_says(Standing::Suspended);
    let mark = house.mail.mark();
    ada.act(&house, "revoke", "revoke", json!({ "cause": "key-compromise" })).status(200);
    certificate.openssl_says(Standing::Revoked("keyCompromise"));
    house.mail.subject(mark, &ada.email, "revoked");
    assert_eq!(ada.state(&house), "revoked");
    other.openssl_says(Standing::Good);
}

/// What may not happen in a state is refused, and nothing changes.
#[test]
fn acts_out_of_their_state_are_refused() {
    let house = House::open();
    let ada = house.activated(0);
    ada.act(&house, "reactivate", "reactivate", json!({})).status(409);
    ada.act(&house, "suspend", "suspend", json!({})).status(200);
    let otp = ada.code_for(&house, "activate");
    ada.tries_to_activate(&house, &otp).status(409);
    ada.act(&house, "pin", "change-pin", pins(&ada.pin, "60718293")).status(409);
    ada.act(&house, "revoke", "revoke", json!({ "cause": "cessation" })).status(200);
    for (act, body) in [
        ("suspend", json!({})),
        ("reactivate", json!({})),
        ("revoke", json!({ "cause": "cessation" })),
    ] {
        ada.act(&house, act, act, body).status(409);
    }
    ada.act(&house, "revoke", "revoke", json!({ "cause": "because" })).status(422);
    assert_eq!(ada.state(&house), "revoked");
}

fn pins(current: &str, new: &str) -> Value {
    json!({ "current": current, "new_pin": new, "repeat": new })
}

/// The same second: an authorisation given before is worth nothing, also after a reactivation.
#[test]
fn signing_stops_with_the_suspension() {
    let house = House::open();
    let ada = house.activated(0);
    let wanted = hashes(&["a contract"]);
    let sad = ada.authorises(&house, &wanted);
    ada.act(&house, "suspend", "suspend", json!({})).status(200);
    let refused = ada.signs(&house, &sad, &wanted, false);
    assert_eq!(refused.status / 100, 4, "{}", refused.text());
    ada.act(&house, "reactivate", "reactivate", json!({})).status(200);
    ada.signs(&house, &sad, &wanted, false).problem(403, "sad-withdrawn");
    let sad = ada.authorises(&house, &wanted);
    ada.signs(&house, &sad, &wanted, false).status(200);
}

/// Without a login: user ID and emergency code; one answer for right and wrong ones.
#[test]
fn the_emergency_code_suspends_without_a_login() {
    let house = House::open();
    let ada = house.activated(0);
    let certificate = certificate(&house, &ada, "ada");
    let send = |user_id: &str, code: &str| {
        let body = json!({ "user_id": user_id, "emergency_code": code });
        house.client().post("/api/v1/suspensions", &body).status(202).json()
    };
    let code = ada.sheet().emergency_code;
    let answers = [send(&ada.email, "BCDFGHJKMN"), send("nobody@example.org", &code)];
    certificate.openssl_says(Standing::Good);
    assert_eq!(ada.state(&house), "active");
    let (mark, sad) = (house.mail.mark(), ada.authorises(&house, &hashes(&["a contract"])));
    assert_eq!([send(&ada.email, &code), answers[0].clone()], answers);
    certificate.openssl_says(Standing::Suspended);
    house.mail.subject(mark, &ada.email, "suspended");
    let refused = ada.signs(&house, &sad, &hashes(&["a contract"]), false);
    assert_eq!(refused.status / 100, 4);
    assert_eq!(ada.history(&house, "emergency-code-failed").len(), 1);
    // The holder takes it back with the PUK, which nobody has who has the phone alone.
    let otp = ada.code_for(&house, "reactivate");
    let lift = |body: Value| ada.post(&house, &ada.own("/reactivate"), &body);
    lift(json!({ "otp": otp })).problem(403, "puk-needed");
    // Which did not use the code up.
    lift(json!({ "otp": otp, "puk": ada.sheet().puk })).status(200);
    certificate.openssl_says(Standing::Good);
}

/// Guesses of an emergency code are limited by where they come from, and the answer does not tell;
/// the right one always suspends, also where others guessed before.
#[test]
fn guesses_of_an_emergency_code_end() {
    let house = House::behind_a_proxy();
    let ada = house.activated(0);
    let headers = [("Content-Type", "application/json"), ("X-Forwarded-For", "192.0.2.7")];
    let send = |code: &str| {
        let body = json!({ "user_id": ada.email, "emergency_code": code }).to_string();
        let client = house.client();
        client.send("POST", "/api/v1/suspensions", &headers, Some(body.as_bytes())).status
    };
    let answers: Vec<u16> = (0..60).map(|_| send("BCDFGHJKMN")).collect();
    assert_eq!(answers, [vec![202; 50], vec![429; 10]].concat());
    assert_eq!(ada.history(&house, "emergency-code-failed").len(), 10);
    assert_eq!(ada.state(&house), "active");
    assert_eq!(send(&ada.sheet().emergency_code), 202);
    assert_eq!(ada.state(&house), "suspended");
}

/// The operator's hand: suspends, reactivates, revokes; cannot sign and cannot see a code.
#[test]
fn an_operator_can_stop_a_credential_and_not_use_it() {
    let house = House::open();
    let ada = house.activated(0);
    let certificate = certificate(&house, &ada, "ada");
    let change = |act: &str, body: Value| {
        let path = format!("/api/v1/admin/holders/{}/credentials/{}/{act}", ada.id, ada.credential);
        house.admin().post(&path, &body)
    };
    change("suspend", json!({})).status(200);
    certificate.openssl_says(Standing::Suspended);
    let held = ada.act(&house, "reactivate", "reactivate", json!({}));
    held.problem(403, "held-by-operator");
    change("reactivate", json!({})).status(200);
    certificate.openssl_says(Standing::Good);
    change("activate", json!({})).status(404);
    change("signatures", json!({})).status(404);
    change("revoke", json!({ "cause": "affiliation-changed" })).status(200);
    certificate.openssl_says(Standing::Revoked("affiliationChanged"));
    let shown = house.admin().get(&format!("/api/v1/admin/holders/{}", ada.id)).status(200).text();
    let sheet = ada.sheet();
    for secret in [&sheet.puk, &sheet.emergency_code, &ada.pin, &ada.password] {
        assert!(!shown.contains(secret.as_str()), "{shown}");
    }
}

/// What the certificate's state is, it still is after a restart.
#[test]
fn a_restart_keeps_a_suspension() {
    let mut house = House::open();
    let ada = house.activated(0);
    ada.act(&house, "suspend", "suspend", json!({})).status(200);
    house.service.kill();
    house.service.start();
    assert_eq!(ada.state(&house), "suspended");
    certificate(&house, &ada, "ada").openssl_says(Standing::Suspended);
    ada.act(&house, "reactivate", "reactivate", json!({})).status(200);
    certificate(&house, &ada, "again").openssl_says(Standing::Good);
}

/// By an operator in the registry of certificates itself: the credential is shown as it stands, and
/// the holder is told.
#[test]
fn a_credential_follows_its_certificate() {
    let house = House::open();
    let ada = house.activated(0);
    let chain = X509::stack_from_pem(ada.chain(&house).as_bytes()).unwrap();
    let serial = chain[0].serial_number().to_bn().unwrap().to_hex_str().unwrap().to_lowercase();
    let act = |act: &str, body: Value| {
        let path = format!("/api/v1/admin/certificates/{serial}/{act}");
        house.admin().post(&path, &body)
    };
    let mark = house.mail.mark();
    act("suspend", json!({})).status(200);
    assert_eq!(ada.state(&house), "suspended");
    house.mail.subject(mark, &ada.email, "suspended");
    let lift = ada.act(&house, "reactivate", "reactivate", json!({}));
    lift.problem(403, "held-by-operator");
    act("reactivate", json!({})).status(200);
    assert_eq!(ada.state(&house), "active");
    let mark = house.mail.mark();
    act("revoke", json!({ "reason_code": "key-compromise" })).status(200);
    assert_eq!(ada.state(&house), "revoked");
    house.mail.subject(mark, &ada.email, "revoked");
    act("revoke", json!({ "reason_code": "key-compromise" })).status(409);
    let revoked = ada.history(&house, "credential-revoked");
    assert_eq!((revoked.len(), revoked[0]["actor"].as_str()), (1, Some("admin")));
}
