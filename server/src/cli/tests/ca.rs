//! `marca ca`: what is asked for, and what is told.

use super::fake::{Fake, json};
use serde_json::{Value, json as object};

const SERIAL: &str = "3f2a00112233445566778899aabbccdd";

fn certificate(status: &str) -> Value {
    object!({ "serial": SERIAL, "ca": "holders", "profile": "remote",
        "subject": "C=IT, CN=Ada Rossi", "not_before": "2026-01-01T00:00:00Z",
        "not_after": "2029-01-01T00:00:00Z", "status": status, "reason": null, "since": null,
        "until": null })
}

fn body(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn authorities_are_listed_with_their_lists() {
    let answer = object!({ "authorities": [{ "id": "issuing", "subject": "CN=Marca Issuing CA",
        "not_after": "2036-01-01T00:00:00Z", "issued": 1234, "crl": { "number": 7,
        "this_update": "2026-11-22T00:00:00Z", "next_update": "2026-11-25T00:00:00Z",
        "entries": 2 } }, { "id": "holders", "subject": "CN=H", "issued": 0, "crl": null }] });
    let fake = Fake::start(vec![json(200, &answer.to_string())]);
    let out = fake.run(&["ca", "list"], "").out;
    assert!(out.contains("issuing  2036-01-01   1,234  7 of 2026-11-22 00:00:00"), "{out}");
    assert!(out.contains("none yet"), "{out}");
}

#[test]
fn certificates_are_listed_page_by_page() {
    let page = |next: Value| {
        json(200, &object!({ "certificates": [certificate("good")], "next": next }).to_string())
    };
    let fake = Fake::start(vec![page(object!(500)), page(Value::Null)]);
    let line = ["ca", "certificates", "--ca", "holders", "--status", "good"];
    let out = fake.run(&line, "").out;
    assert_eq!(out.matches(SERIAL).count(), 2, "{out}");
    let asked = fake.asked();
    let first = "GET /api/v1/admin/certificates?limit=500&after=0&ca=holders&status=good";
    assert_eq!(asked[0].line, first);
    assert_eq!(asked[1].line, first.replace("after=0", "after=500"));
}

#[test]
fn a_request_is_certified_with_the_names_that_were_typed() {
    let mut answer = certificate("good");
    answer["certificate"] = object!("-----BEGIN CERTIFICATE-----\nMA==\n");
    let fake = Fake::start(vec![json(201, &answer.to_string())]);
    let file = fake.token_file().with_file_name("a.csr");
    let csr = "-----BEGIN CERTIFICATE REQUEST-----\nMA==\n-----END CERTIFICATE REQUEST-----\n";
    std::fs::write(&file, csr).unwrap();
    let line = format!(
        "ca issue --profile remote --csr {} --country IT --given-name Ada --surname Rossi \
         --serial-number TINIT-RSSDAA80A41H501X --pem",
        file.display()
    );
    let ended = fake.run(&line.split_whitespace().collect::<Vec<_>>(), "");
    assert_eq!(ended.out, "-----BEGIN CERTIFICATE-----\nMA==\n", "{}", ended.err);
    let asked = fake.asked();
    assert_eq!(asked[0].line, "POST /api/v1/admin/certificates");
    assert_eq!(
        body(&asked[0].body),
        object!({ "ca": "holders", "profile": "remote", "csr": csr, "subject": {
            "country": "IT", "given_name": "Ada", "surname": "Rossi",
            "serial_number": "TINIT-RSSDAA80A41H501X" } })
    );
}

#[test]
fn a_file_without_a_request_is_named() {
    let fake = Fake::start(vec![]);
    let file = fake.token_file();
    let line = ["ca", "issue", "--profile", "automatic", "--country", "IT", "--csr"];
    let ended = fake.run(&[&line[..], &[file.to_str().unwrap()]].concat(), "");
    assert!(ended.code == 2 && ended.err.contains("no PEM certificate request"), "{}", ended.err);
}

#[test]
fn the_status_changes_go_to_their_routes() {
    let mut held = certificate("suspended");
    held["since"] = object!("2026-11-22T10:00:00Z");
    held["until"] = object!("2027-01-31T00:00:00Z");
    let fake = Fake::start(vec![json(200, &held.to_string())]);
    let spelled = "3F:2A:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD";
    let ended = fake.run(&["ca", "suspend", spelled, "--until", "2027-01-31"], "");
    let words = format!(
        "certificate {SERIAL} (C=IT, CN=Ada Rossi) is suspended since 2026-11-22 10:00:00 until \
         2027-01-31 00:00:00\n"
    );
    assert_eq!(ended.out, words, "{}", ended.err);
    let asked = fake.asked();
    assert_eq!(asked[0].line, format!("POST /api/v1/admin/certificates/{SERIAL}/suspend"));
    assert_eq!(body(&asked[0].body), object!({ "until": "2027-01-31T00:00:00Z" }));

    let fake = Fake::start(vec![json(200, &certificate("good").to_string())]);
    assert_eq!(fake.run(&["ca", "reactivate", SERIAL, "--reason", "found"], "").code, 0);
    let asked = fake.asked();
    assert_eq!(asked[0].line, format!("POST /api/v1/admin/certificates/{SERIAL}/reactivate"));
    assert_eq!(body(&asked[0].body), object!({ "reason": "found" }));
}

#[test]
fn revoking_asks_for_the_end_of_the_serial() {
    let line = ["ca", "revoke", SERIAL, "--because", "key-compromise"];
    let fake = Fake::start(vec![json(200, &certificate("good").to_string())]);
    let ended = fake.run(&line, "abcd\n");
    assert!(ended.code == 2 && ended.err.contains("nothing was changed"), "{}", ended.err);
    assert_eq!(fake.asked().len(), 1, "nothing but the look at the certificate");

    let mut revoked = certificate("revoked");
    revoked["reason"] = object!("key-compromise");
    let looked = json(200, &certificate("good").to_string());
    let fake = Fake::start(vec![looked, json(200, &revoked.to_string())]);
    let ended = fake.run(&line, "CCDD\n");
    assert!(ended.out.ends_with("is revoked (key-compromise)\n"), "{}", ended.out);
    let asked = fake.asked();
    assert_eq!(asked[1].line, format!("POST /api/v1/admin/certificates/{SERIAL}/revoke"));
    assert_eq!(body(&asked[1].body), object!({ "reason_code": "key-compromise" }));
}

#[test]
fn a_certificate_is_shown_with_its_history() {
    let mut detail = certificate("good");
    detail["history"] = object!([{ "at": "2026-11-22T10:00:00Z", "change": "suspended",
        "actor": "admin", "why": "card lost" }]);
    let fake = Fake::start(vec![json(200, &detail.to_string())]);
    let out = fake.run(&["ca", "show", SERIAL], "").out;
    assert!(out.contains("2026-11-22 10:00:00  suspended by admin: card lost\n"), "{out}");
}

#[test]
fn a_new_list_is_told_with_its_number() {
    let crl = object!({ "number": 8, "this_update": "2026-11-22T00:00:00Z",
        "next_update": "2026-11-25T00:00:00Z", "entries": 1500 });
    let fake = Fake::start(vec![json(200, &crl.to_string())]);
    let out = fake.run(&["ca", "crl", "issuing"], "").out;
    let words = "revocation list 8 of issuing: 1,500 entries, good until 2026-11-25 00:00:00 UTC\n";
    assert_eq!(out, words);
    assert_eq!(fake.asked()[0].line, "POST /api/v1/admin/authorities/issuing/crl");
}
