//! `kill -9` in the middle of an activation, a renewal, a signature: after the next start all of it
//! is there, or nothing.
//!
//! Few rounds in the short form, many in the long one; `MARCA_SEED` repeats a run's points.

use crate::harness::person::{Person, hashes};
use crate::harness::{Account, House, environment, long, request};
use openssl::x509::X509;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use std::time::Duration;

fn rounds() -> usize {
    if long() { 40 } else { 4 }
}

/// The points in time, from a seed that is printed.
fn points() -> StdRng {
    let named = environment("MARCA_SEED").map(|seed| seed.parse().expect("MARCA_SEED: a number"));
    let seed: u64 = named.unwrap_or_else(|| request::random() as u64);
    println!("MARCA_SEED={seed}");
    StdRng::seed_from_u64(seed)
}

/// Sends a request, kills the service while it is under way, and starts it again; the status is
/// there when the answer came before.
fn cut(
    house: &mut House,
    person: &Person,
    (path, body): (&str, &Value),
    wait: Duration,
) -> Option<u16> {
    let (client, path) = (person.client(house), format!("/api/v1/holder{path}"));
    let text = body.to_string();
    let sent = std::thread::spawn(move || {
        let headers = [("Content-Type", "application/json")];
        client.try_send("POST", &path, &headers, Some(text.as_bytes())).ok()
    });
    std::thread::sleep(wait);
    house.service.kill();
    let answer = sent.join().unwrap();
    house.service.start();
    answer.map(|answer| answer.status)
}

/// Certificates for remote signatures that are good.
#[track_caller]
fn good_certificates(house: &House) -> usize {
    let all = house.admin().get("/api/v1/admin/certificates?limit=1000").status(200).json();
    let all = all["certificates"].as_array().unwrap().clone();
    all.iter().filter(|one| one["profile"] == "remote" && one["status"] == "good").count()
}

#[track_caller]
fn serial(house: &House, person: &Person) -> String {
    let chain = X509::stack_from_pem(person.chain(house).as_bytes()).unwrap();
    chain[0].serial_number().to_bn().unwrap().to_hex_str().unwrap().to_string()
}

/// An active credential signs; one that is not has no certificate, and can still be activated.
#[test]
fn an_activation_is_whole_or_has_not_happened() {
    let mut points = points();
    let mut done = 0;
    let mut house = House::open();
    let mut people: Vec<Person> = (0..4).map(|number| house.invited(number)).collect();
    for round in 0..rounds() {
        let ada = &mut people[round % 4];
        if ada.state(&house) == "active" {
            continue;
        }
        let otp = ada.code_for(&house, "activate");
        let sheet = ada.sheet();
        let body = json!({ "pin": sheet.pin, "puk": sheet.puk, "new_pin": ada.pin,
            "repeat": ada.pin, "otp": otp });
        let wait = Duration::from_millis(points.random_range(0..400));
        let status = cut(&mut house, ada, (&ada.own("/activate"), &body), wait);
        match ada.state(&house).as_str() {
            "active" => done += 1,
            "awaiting-activation" => {
                assert_ne!(status, Some(200), "told as done, and is not");
                assert_eq!(ada.get(&house, &ada.own("/certificate")).status, 404);
            }
            other => panic!("half way: {other}"),
        }
    }
    for ada in &people {
        if ada.state(&house) != "active" {
            ada.activates(&house);
        }
        let wanted = hashes(&["a contract"]);
        let sad = ada.authorises(&house, &wanted);
        ada.signs(&house, &sad, &wanted, false).status(200);
    }
    println!("{done} activations were through before the kill");
    assert_eq!(good_certificates(&house), 4, "a certificate without a credential");
}

/// Killed in the fifth phase: the old certificate and key, or the new ones; never a mixture.
#[test]
fn a_renewal_is_whole_or_has_not_happened() {
    let mut points = points();
    let mut house = House::open();
    let ada = house.activated(0);
    for _ in 0..rounds() {
        let before = serial(&house, &ada);
        let act = |phase: &str, body: Value| {
            let answer = ada.post(&house, &ada.own(&format!("/renewal/{phase}")), &body);
            assert_eq!(answer.status / 100, 2, "{phase}: {}", answer.text());
        };
        act("consents", json!({ "conditions": "2026-11", "pin": ada.pin }));
        act("confirm", json!({ "otp": ada.code_for(&house, "confirm-renewal") }));
        act("pin", json!({ "keep": true }));
        act("security", json!({ "fiscal_code": true }));
        let body = json!({ "otp": ada.code_for(&house, "complete-renewal") });
        let wait = Duration::from_millis(points.random_range(0..400));
        let path = ada.own("/renewal/complete");
        let status = cut(&mut house, &ada, (&path, &body), wait);
        let after = serial(&house, &ada);
        assert!(status.is_none_or(|status| status != 200) || after != before, "done, and is not");
        assert_eq!(ada.state(&house), "active");
        let under_way = ada.get(&house, &ada.own("/renewal")).status == 200;
        assert_eq!(under_way, after == before, "the renewal and the certificate disagree");
        let wanted = hashes(&["a contract"]);
        let sad = ada.authorises(&house, &wanted);
        ada.signs(&house, &sad, &wanted, false).status(200);
    }
}

/// Killed while it signs and stamps: the books agree, no stamp stays on hold, and what was under
/// way is never signed with the same authorisation.
#[test]
fn a_signature_is_whole_or_has_not_happened() {
    const STAMPS: u64 = 100;
    let mut points = points();
    let mut house = House::open();
    let ada = house.activated(0);
    let account = Account::open(&house.service, "stamps", STAMPS);
    let link = json!({ "api_key": account.api_key });
    ada.send(&house, "PUT", "/stamp-account", &link).status(200);
    let mut given = 0;
    for round in 1..=rounds() as u64 {
        let wanted = hashes(&[&format!("contract {round}"), &format!("annex {round}")]);
        let sad = ada.authorises(&house, &wanted);
        let body = Person::signing(&sad, &wanted, true);
        let wait = Duration::from_micros(points.random_range(0..30_000));
        let status = cut(&mut house, &ada, (&ada.own("/signatures"), &body), wait);
        given += if status == Some(200) { 2 } else { 0 };
        let (remaining, used) = account.balance(&house.service);
        assert_eq!(remaining + used, STAMPS);
        assert!((given..=2 * round).contains(&used), "{used} used, {given} given");
        assert_eq!(account.view(&house.service)["reserved"], 0, "a stamp stays on hold");
        let again = ada.signs(&house, &sad, &wanted, true);
        assert_eq!(again.status / 100, 4, "signed again: {}", again.text());
    }
    account.check_statement(&house.service);
    let wanted = hashes(&["after it all"]);
    let sad = ada.authorises(&house, &wanted);
    ada.signs(&house, &sad, &wanted, true).status(200);
}
