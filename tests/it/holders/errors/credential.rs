//! Refusals around credentials, codes, devices and the phone: each before a code is used up, so
//! that whoever mistypes does not have to ask for another one.

use super::{Lines, with};
use crate::harness::House;
use serde_json::{Value, json};

/// A code that nobody was sent.
fn no_code() -> Value {
    json!({ "operation": "0".repeat(32), "code": "123456" })
}

#[test]
fn refusals_around_codes_devices_and_the_phone() {
    let house = House::open();
    let ada = house.invited(0);
    let mut lines = Lines::default();
    let mut send = |method: &str, path: &str, wrong: &str, body: &Value| {
        let answer = ada.send(&house, method, path, body);
        lines.add(&format!("{method} /holder{path}"), wrong, &answer);
    };
    let none = "00000000000000000000000000000000";
    for (wrong, body) in [
        ("no such purpose", json!({ "purpose": "marry" })),
        ("no credential", json!({ "purpose": "suspend" })),
        ("an unknown credential", json!({ "purpose": "suspend", "credential": none })),
        ("no identifier", json!({ "purpose": "suspend", "credential": "12" })),
        ("nothing to sign", json!({ "purpose": "sign", "credential": ada.credential })),
        ("no address", json!({ "purpose": "change-email" })),
        ("no such address", json!({ "purpose": "change-email", "address": "ada" })),
        ("no such number", json!({ "purpose": "change-phone", "number": "12" })),
        ("no key", json!({ "purpose": "link-device", "kind": "phone", "public_key": "AAAA" })),
        ("no such channel", json!({ "purpose": "step-up", "channel": "pigeon" })),
        ("no app enrolled", json!({ "purpose": "step-up", "channel": "authenticator" })),
        ("for others to ask", json!({ "purpose": "recover-password" })),
    ] {
        send("POST", "/one-time-codes", wrong, &body);
    }
    send("POST", &format!("/one-time-codes/{none}/resend"), "an unknown one", &json!({}));
    send("POST", "/authenticator", "an unknown code", &json!({ "otp": no_code() }));
    send("POST", "/authenticator/confirm", "none begun", &json!({ "code": "123456" }));
    send("POST", "/authenticator/confirm", "no code", &json!({ "code": "12" }));
    let key = crate::harness::pocket::Pocket::new().public_key();
    let link = json!({ "name": "phone", "kind": "phone", "public_key": key, "otp": no_code() });
    send("POST", "/devices", "no name", &with(&link, "name", json!("")));
    send("POST", "/devices", "no such kind", &with(&link, "kind", json!("fax")));
    send("POST", "/devices", "no key", &with(&link, "public_key", json!("AAAA")));
    send("POST", "/devices", "an unknown code", &link);
    send("DELETE", &format!("/devices/{none}"), "an unknown one", &json!({}));
    send("DELETE", &format!("/sessions/{none}"), "an unknown one", &json!({}));
    send("POST", "/session/step-up", "an unknown code", &json!({ "otp": no_code() }));
    let phone = json!({ "number": "+393479999999", "otp": no_code() });
    send("POST", "/phone", "no number", &with(&phone, "number", json!("12")));
    send("POST", "/phone", "an unknown code", &phone);
    send("POST", "/phone/confirm", "none begun", &json!({ "otp": no_code() }));
    send("DELETE", "/phone", "none begun", &json!({}));
    let lost = json!({ "credential": ada.credential, "number": "+393479999999",
        "puk": "0123456789", "emergency_code": "BCDFGHJKMN" });
    send("POST", "/phone/lost", "no PUK", &with(&lost, "puk", json!("12")));
    send("POST", "/phone/lost", "no code", &with(&lost, "emergency_code", json!("12")));
    send("POST", "/phone/lost", "no number", &with(&lost, "number", json!("12")));
    send("POST", "/phone/lost", "an unknown credential", &with(&lost, "credential", json!(none)));
    send("POST", &format!("/qr-logins/{none}"), "with a session", &json!({}));
    send("PUT", "/stamp-account", "neither login nor key", &json!({}));
    send("PUT", "/stamp-account", "an unknown key", &json!({ "api_key": "marca_x" }));
    send("DELETE", "/stamp-account", "none linked", &json!({}));
    lines.are(include_str!("others.txt"));
}

#[test]
fn refusals_of_a_credential() {
    let house = House::open();
    let ada = house.invited(0);
    let mut lines = Lines::default();
    let mut post = |path: &str, wrong: &str, body: &Value| {
        let answer = ada.post(&house, path, body);
        let route = path.replace(&ada.credential, "{id}");
        lines.add(&format!("POST /holder{route}"), wrong, &answer);
    };
    let sheet = ada.sheet();
    let activate = json!({ "pin": sheet.pin, "puk": sheet.puk, "new_pin": ada.pin,
        "repeat": ada.pin, "otp": no_code() });
    let own = |rest: &str| ada.own(rest);
    post(&own("/activate"), "no PIN", &with(&activate, "pin", json!("12")));
    post(&own("/activate"), "no PUK", &with(&activate, "puk", json!("12")));
    for new in ["1234", "55555555", "57575757", "12345678", "27582758"] {
        let twice = with(&with(&activate, "new_pin", json!(new)), "repeat", json!(new));
        post(&own("/activate"), new, &twice);
    }
    post(&own("/activate"), "two that differ", &with(&activate, "repeat", json!("60718293")));
    post(&own("/activate"), "an unknown code", &activate);
    post("/credentials/12/activate", "no identifier", &activate);
    let change = json!({ "current": ada.pin, "new_pin": "60718293", "repeat": "60718293",
        "otp": no_code() });
    post(&own("/pin"), "no PIN", &with(&change, "current", json!("12")));
    post(&own("/pin"), "an unknown code", &change);
    let unlock = json!({ "puk": sheet.puk, "new_pin": "60718293", "repeat": "60718293",
        "otp": no_code() });
    post(&own("/unlock"), "no PUK", &with(&unlock, "puk", json!("12")));
    // Before the code: it is not used up for a passphrase that cannot be one.
    post(&own("/unlock"), "a short passphrase", &with(&unlock, "passphrase", json!("short")));
    let suspend = json!({ "until": "2020-01-01T00:00:00Z", "otp": no_code() });
    post(&own("/suspend"), "over already", &suspend);
    post(&own("/suspend"), "no instant", &with(&suspend, "until", json!("tomorrow")));
    let revoke = json!({ "cause": "because", "otp": no_code() });
    post(&own("/revoke"), "no such cause", &revoke);
    let consents = json!({ "conditions": "2026-11", "pin": ada.pin });
    post(&own("/renewal/consents"), "no conditions", &with(&consents, "conditions", json!("")));
    post(&own("/renewal/consents"), "not active", &consents);
    post(&own("/renewal/pin"), "none under way", &json!({ "keep": true }));
    post(&own("/renewal/security"), "none under way", &json!({ "fiscal_code": true }));
    let digest = |octets: usize| openssl::base64::encode_block(&vec![7; octets]);
    let sign = json!({ "algorithm": "ecdsa-sha256", "hashes": [digest(32)], "pin": ada.pin,
        "otp": no_code() });
    let many = vec![digest(32); 101];
    for (wrong, member, value) in [
        ("no hashes", "hashes", json!([])),
        ("too many hashes", "hashes", json!(many)),
        ("another length", "hashes", json!([digest(20)])),
        ("no base64", "hashes", json!(["?"])),
        ("no such algorithm", "algorithm", json!("md5")),
        ("no PIN", "pin", json!("12")),
    ] {
        post(&own("/authorisations"), wrong, &with(&sign, member, value));
    }
    let sad = json!({ "sad": "00".repeat(32), "algorithm": "ecdsa-sha256",
        "hashes": [digest(32)], "stamp": false });
    post(&own("/signatures"), "an unknown authorisation", &sad);
    post(&own("/signatures"), "none at all", &with(&sad, "sad", json!("12")));
    let window = json!({ "algorithm": "ecdsa-sha256", "signatures": 1, "pin": ada.pin,
        "ends_at": "2030-01-01T00:00:00Z" });
    post(&own("/windows"), "with a session", &window);
    lines.are(include_str!("credential.txt"));
    assert_eq!(ada.state(&house), "awaiting-activation");
}
