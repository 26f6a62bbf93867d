//! The five phases of a renewal, each left and come back to, also over a restart.

use crate::harness::person::{Person, hashes};
use crate::harness::{Answer, Holder, House, Standing};
use openssl::x509::X509;
use serde_json::{Value, json};

/// The conditions that a holder accepts, by the name of their version.
const CONDITIONS: &str = "2026-11";

/// Does a phase.
pub(super) fn phase(house: &House, person: &Person, number: u8) -> Answer {
    let post = |phase: &str, body: &Value| {
        person.post(house, &person.own(&format!("/renewal/{phase}")), body)
    };
    match number {
        1 => post("consents", &json!({ "conditions": CONDITIONS, "pin": person.pin })),
        2 => post("confirm", &json!({ "otp": person.code_for(house, "confirm-renewal") })),
        3 => post("pin", &json!({ "keep": true })),
        4 => post("security", &json!({ "passphrase": person.passphrase })),
        _ => post("complete", &json!({ "otp": person.code_for(house, "complete-renewal") })),
    }
}

/// The phase whose turn it is, as the service tells it; `None` when no renewal is under way.
#[track_caller]
fn next(house: &House, person: &Person) -> Value {
    let answer = person.get(house, &person.own("/renewal"));
    match answer.status {
        404 => Value::Null,
        _ => answer.status(200).json()["next"].clone(),
    }
}

/// The certificate, PEM.
#[track_caller]
fn leaf(house: &House, person: &Person) -> String {
    let chain = X509::stack_from_pem(person.chain(house).as_bytes()).unwrap();
    String::from_utf8(chain[0].to_pem().unwrap()).unwrap()
}

/// Serial number and state: what must not change before the last phase.
#[track_caller]
fn standing(house: &House, person: &Person) -> (String, String) {
    (leaf(house, person), person.state(house))
}

/// Straight through: a new certificate and envelope, the old certificate stays good.
#[test]
fn five_phases_give_a_new_certificate() {
    let house = House::open();
    let mut ada = house.activated(0);
    let (old, old_sheet) = (leaf(&house, &ada), ada.sheet());
    let certificate = Holder::issued(&house.service, "old", &old);
    let notice = ada.get(&house, "").status(200).json()["renewal_notice"].clone();
    assert!(!notice.is_null(), "60 days before its end the renewal is announced");
    let mark = house.mail.mark();
    for number in 1..=5 {
        assert_eq!(leaf(&house, &ada), old, "changed before phase {number}");
        let answer = phase(&house, &ada, number);
        assert_eq!(answer.status / 100, 2, "phase {number}: {}", answer.text());
    }
    let new = leaf(&house, &ada);
    assert_ne!(new, old);
    assert_eq!(next(&house, &ada), Value::Null);
    certificate.openssl_says(Standing::Good);
    Holder::issued(&house.service, "new", &new).openssl_says(Standing::Good);
    let mail = house.mail.wait(mark, &ada.email, |mail| !mail.attachments.is_empty());
    ada.opens(&mail.attachments[0].bytes);
    let sheet = ada.sheet();
    assert!(sheet.pin.is_none() && sheet.puk != old_sheet.puk, "{}", sheet.text);
    assert_ne!(sheet.emergency_code, old_sheet.emergency_code);

    let wanted = hashes(&["after the renewal"]);
    let sad = ada.authorises(&house, &wanted);
    ada.signs(&house, &sad, &wanted, false).status(200);
    // The old sheet still suspends, and with the credential both of its certificates.
    let body = json!({ "user_id": ada.email, "emergency_code": old_sheet.emergency_code });
    house.client().post("/api/v1/suspensions", &body).status(202);
    assert_eq!(ada.state(&house), "suspended");
    certificate.openssl_says(Standing::Suspended);
    Holder::issued(&house.service, "held", &new).openssl_says(Standing::Suspended);
}

/// Left after each phase, the service restarted, and gone on with where it was.
#[test]
fn a_renewal_is_resumed_where_it_was_left() {
    let mut house = House::open();
    let ada = house.activated(0);
    let before = standing(&house, &ada);
    assert_eq!(next(&house, &ada), Value::Null);
    let mut seen = Vec::new();
    for number in 1..=4 {
        let answer = phase(&house, &ada, number);
        assert_eq!(answer.status / 100, 2, "phase {number}: {}", answer.text());
        let shown = next(&house, &ada);
        match number % 2 {
            0 => house.service.restart(),
            _ => {
                house.service.kill();
                house.service.start();
            }
        }
        assert_eq!(next(&house, &ada), shown, "phase {number} over a restart");
        assert_eq!(standing(&house, &ada), before);
        assert!(!seen.contains(&shown), "phase {number} changed nothing: {shown}");
        seen.push(shown);
        // The same phase again is the same as once.
        let again = phase(&house, &ada, number);
        assert_eq!(again.status / 100, 2, "phase {number} again: {}", again.text());
    }
    // Doing the first phase again began anew: the others follow again.
    for number in 1..=5 {
        let answer = phase(&house, &ada, number);
        assert_eq!(answer.status / 100, 2, "phase {number}: {}", answer.text());
    }
    assert_ne!(leaf(&house, &ada), before.0);
    assert_eq!(ada.state(&house), "active");
}

/// A phase before its turn is refused, and so is each without what it asks for.
#[test]
fn a_phase_before_its_turn_is_refused() {
    let house = House::open();
    let ada = house.activated(0);
    let before = standing(&house, &ada);
    for turn in 1..=5 {
        for early in turn + 1..=5 {
            let refused = phase(&house, &ada, early);
            assert!(matches!(refused.status, 404 | 409), "{early} at {turn}: {}", refused.text());
        }
        if turn < 5 {
            let done = phase(&house, &ada, turn);
            assert_eq!(done.status / 100, 2, "{turn}: {}", done.text());
        }
    }
    assert_eq!(standing(&house, &ada), before);
    let wrong = json!({ "conditions": CONDITIONS, "pin": "90817263" });
    ada.post(&house, &ada.own("/renewal/consents"), &wrong).problem(403, "wrong-pin");
    let short = json!({ "passphrase": "short" });
    ada.post(&house, &ada.own("/renewal/security"), &short).status(422);
    let other = json!({ "otp": ada.code_for(&house, "confirm-renewal") });
    ada.post(&house, &ada.own("/renewal/complete"), &other).problem(409, "otp-for-other-operation");
    assert_eq!(standing(&house, &ada), before);
    phase(&house, &ada, 5);
    assert_ne!(leaf(&house, &ada), before.0);
}

/// A new PIN of phase 3 counts with phase 5 and not before; a suspension ends the renewal.
#[test]
fn nothing_counts_before_the_last_phase() {
    let house = House::open();
    let mut ada = house.activated(0);
    let wanted = hashes(&["a contract"]);
    phase(&house, &ada, 1);
    phase(&house, &ada, 2);
    let new = json!({ "new_pin": "60718293", "repeat": "60718293" });
    let chosen = ada.post(&house, &ada.own("/renewal/pin"), &new);
    assert_eq!(chosen.status / 100, 2, "{}", chosen.text());
    let sad = ada.authorises(&house, &wanted);
    ada.signs(&house, &sad, &wanted, false).status(200);
    phase(&house, &ada, 4);
    let done = phase(&house, &ada, 5);
    assert_eq!(done.status / 100, 2, "{}", done.text());
    let refused = ada.tries_to_authorise(&house, crate::harness::person::ECDSA, &wanted);
    refused.problem(403, "wrong-pin");
    ada.pin = "60718293".to_owned();
    let sad = ada.authorises(&house, &wanted);
    ada.signs(&house, &sad, &wanted, false).status(200);

    phase(&house, &ada, 1);
    phase(&house, &ada, 2);
    ada.act(&house, "suspend", "suspend", json!({})).status(200);
    let refused = phase(&house, &ada, 3);
    assert_eq!(refused.status / 100, 4, "{}", refused.text());
    ada.act(&house, "reactivate", "reactivate", json!({})).status(200);
    assert_eq!(phase(&house, &ada, 3).status / 100, 4, "it begins again with the first phase");
    assert_eq!(phase(&house, &ada, 1).status / 100, 2);
}

/// A certificate that has long to go is not renewed yet.
#[test]
fn a_young_certificate_is_not_renewed() {
    let house = House::with(&[("validity_days", "365")]);
    let ada = house.activated(0);
    assert!(ada.get(&house, "").json()["renewal_notice"].is_null());
    phase(&house, &ada, 1).problem(409, "renewal-too-early");
}
