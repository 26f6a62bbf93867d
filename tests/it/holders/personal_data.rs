//! What is held about a person: exported, closed, erased; never in a log.

use crate::harness::House;
use crate::harness::person::hashes;
use serde_json::json;

/// The export has everything that the person gave and did, and no secret.
#[test]
fn all_that_is_held_is_exported() {
    let house = House::open();
    let ada = house.activated(0);
    let sad = ada.authorises(&house, &hashes(&["a contract"]));
    ada.signs(&house, &sad, &hashes(&["a contract"]), false).status(200);
    let export = |otp| ada.post(&house, "/personal-data", &json!({ "otp": otp }));
    let step = ada.code(&house, &json!({ "purpose": "step-up" }));
    export(step).problem(409, "otp-for-other-operation");
    let otp = ada.code(&house, &json!({ "purpose": "export-data" }));
    let answer = export(otp).status(200);
    assert!(answer.header("cache-control").unwrap().contains("no-store"));
    let text = answer.text();
    for own in [&ada.email, ada.surname, ada.fiscal_code, &ada.phone, "signature-made"] {
        assert!(text.contains(own), "no {own} in the export");
    }
    let sheet = ada.sheet();
    for secret in [&ada.password, &ada.pin, &sheet.puk, &sheet.emergency_code, &sad, &ada.token] {
        assert!(!text.contains(secret.as_str()), "a secret in the export");
    }
    let path = format!("/api/v1/admin/holders/{}/personal-data", ada.id);
    assert!(house.admin().get(&path).status(200).text().contains(ada.fiscal_code));
}

/// Closed, nobody logs in and no credential signs; erasing waits for what the law asks.
#[test]
fn an_account_is_closed_and_kept_for_the_law() {
    let house = House::open();
    let ada = house.activated(0);
    let path = format!("/api/v1/admin/holders/{}", ada.id);
    let reason = json!({ "reason": "asked for by the holder" });
    let mark = house.mail.mark();
    house.admin().post(&format!("{path}/close"), &reason).status(200);
    house.mail.wait(mark, &ada.email, |mail| !mail.subject.contains("revoked"));
    ada.get(&house, "").problem(401, "unauthorized-holder");
    ada.tries_to_log_in(&house).problem(401, "invalid-login");
    let erase = house.admin().post(&format!("{path}/erase"), &reason);
    erase.problem(409, "retention-not-over");
    let shown = house.admin().get(&path).status(200).json();
    assert_eq!(shown["status"], "closed", "{shown}");
}

/// Without a retention the data are erased, and only the number stays.
#[test]
fn erased_data_are_gone() {
    let house = House::with(&[("retention_days", "0")]);
    let ada = house.activated(0);
    let path = format!("/api/v1/admin/holders/{}", ada.id);
    let reason = json!({ "reason": "asked for by the holder" });
    let certificates = || {
        let list = house.admin().get("/api/v1/admin/certificates?ca=holders&limit=1000");
        let list = list.status(200);
        let (text, list) = (list.text(), list.json());
        let serials = list["certificates"].as_array().unwrap().iter();
        let each = serials.map(|one| {
            let path = format!("/api/v1/admin/certificates/{}", one["serial"].as_str().unwrap());
            house.admin().get(&path).status(200).text()
        });
        text + &each.collect::<String>()
    };
    assert!(certificates().contains(ada.fiscal_code), "the registry has the name up to here");
    house.admin().post(&format!("{path}/close"), &reason).status(200);
    house.admin().post(&format!("{path}/erase"), &reason).status(200);
    let mut all = String::new();
    for rest in ["", "/history", "/messages", "/personal-data"] {
        let answer = house.admin().get(&format!("{path}{rest}"));
        assert!(matches!(answer.status, 200 | 404 | 409 | 410), "{rest}: {}", answer.text());
        all.push_str(&answer.text());
    }
    all.push_str(&house.admin().get("/api/v1/admin/holders").status(200).text());
    all.push_str(&house.admin().get("/api/v1/admin/registrations").status(200).text());
    all.push_str(&house.admin().get("/api/v1/admin/messages?limit=500").status(200).text());
    all.push_str(&house.admin().get("/api/v1/admin/trail?limit=1000").status(200).text());
    let certificates = certificates();
    assert!(certificates.contains("erased") && certificates.contains("revoked"), "{certificates}");
    all.push_str(&certificates);
    for personal in [&ada.email, ada.surname, ada.fiscal_code, &ada.phone] {
        assert!(!all.contains(personal), "{personal} is still shown");
    }
}

/// Names, addresses, numbers, passwords, PINs and codes are in no log line and in no trail.
#[test]
fn nothing_personal_is_in_the_log() {
    let house = House::open();
    let ada = house.activated(0);
    let mut wrong = ada.clone();
    wrong.password = "Quercia,wrong-1".to_owned();
    wrong.tries_to_log_in(&house).problem(401, "invalid-login");
    wrong.pin = "90817263".to_owned();
    wrong.tries_to_authorise(&house, "ecdsa-sha256", &hashes(&["x"])).problem(403, "wrong-pin");
    let trail = house.admin().get("/api/v1/admin/trail?limit=1000").status(200).text();
    let metrics = house.client().get("/metrics").status(200).text();
    let sheet = ada.sheet();
    for text in [house.service.log(), trail, metrics] {
        for personal in [
            &ada.email,
            ada.surname,
            ada.fiscal_code,
            &ada.phone,
            &ada.password,
            &ada.pin,
            &sheet.puk,
            &sheet.emergency_code,
            &ada.token,
            &wrong.password,
            &ada.passphrase,
        ] {
            assert!(!text.contains(personal), "{personal} stands in a log");
        }
    }
}
