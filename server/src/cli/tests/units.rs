//! `marca tsu create … retire`: what is asked for, and what is told.

use super::fake::{Fake, json, problem};
use serde_json::{Value, json as object};

fn body(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

const GENERATION: &str = r#"{"number":2,"state":"key-made","key":"p384","key_store":"file",
  "key_use_until":null,"made_at":"2026-11-22T10:00:00Z"}"#;

#[test]
fn a_unit_is_made_with_everything_that_was_typed() {
    let answer = r#"{"id":"pq","key":"ml-dsa-65","usable":true}"#;
    let fake = Fake::start(vec![json(201, answer)]);
    let line = "tsu create pq --key ml-dsa-65 --policy 1.2.3 --policy 1.2.4 --accuracy-ms 500 \
        --companion c --prepare-days 40 --activate-days 10 --reason new";
    let ended = fake.run(&line.split_whitespace().collect::<Vec<_>>(), "");
    assert_eq!((ended.code, ended.out.as_str()), (0, "unit pq made, usable\n"), "{}", ended.err);
    let asked = fake.asked();
    assert_eq!(asked[0].line, "POST /api/v1/admin/tsus");
    assert_eq!(
        body(&asked[0].body),
        object!({ "id": "pq", "key": "ml-dsa-65", "policies": ["1.2.3", "1.2.4"],
            "key_store": "file", "padding": "pkcs1", "accuracy_ms": 500, "certificates": "leaf",
            "certified_by": "built-in", "companion": "c", "reason": "new",
            "rollover": { "prepare_days": 40, "activate_days": 10 } })
    );
}

#[test]
fn a_unit_for_an_outside_ca_says_what_comes_next() {
    let answer = r#"{"id":"o","key":"p256","usable":false,"problem":"no active key"}"#;
    let fake = Fake::start(vec![json(201, answer)]);
    let line = ["tsu", "create", "o", "--key", "p256", "--policy", "1.2", "--certified-by"];
    let ended = fake.run(&[&line[..], &["outside"]].concat(), "");
    assert_eq!(ended.out, "unit o made, not usable: no active key\n");
    for step in ["marca tsu csr o", "marca tsu import o", "marca tsu activate o"] {
        assert!(ended.err.contains(step), "{}", ended.err);
    }
}

#[test]
fn a_request_for_certification_is_printed_alone() {
    let pem = "-----BEGIN CERTIFICATE REQUEST-----\nMA==\n-----END CERTIFICATE REQUEST-----\n";
    let fake = Fake::start(vec![json(200, &object!({ "csr": pem }).to_string())]);
    assert_eq!(fake.run(&["tsu", "csr", "main"], "").out, pem);
    assert_eq!(fake.asked()[0].line, "GET /api/v1/admin/tsus/main/csr");
}

#[test]
fn the_steps_go_to_their_routes_with_their_values() {
    let chain = "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n";
    for (line, route, sent) in [
        ("tsu new-key main --reason yearly", "keys", object!({ "reason": "yearly" })),
        ("tsu activate main", "activate", object!({})),
        (
            "tsu activate main --generation 2 --at 2027-01-31",
            "activate",
            object!({ "generation": 2, "at": "2027-01-31T00:00:00Z" }),
        ),
        (
            "tsu retire main --generation 1 --destroy-key --revoke superseded --force --yes",
            "retire",
            object!({ "generation": 1, "destroy_key": true, "revoke": "superseded",
                "force": true }),
        ),
        ("tsu import main FILE --generation 2", "certificate", {
            object!({ "generation": 2, "chain": chain })
        }),
    ] {
        let fake = Fake::start(vec![json(200, GENERATION)]);
        let file = fake.token_file().with_file_name("chain.pem");
        std::fs::write(&file, chain).unwrap();
        let line = line.replace("FILE", file.to_str().unwrap());
        let ended = fake.run(&line.split(' ').collect::<Vec<_>>(), "");
        assert_eq!(ended.out, "key 2 of unit main (p384) is key-made\n", "{}", ended.err);
        let asked = fake.asked();
        assert_eq!(asked[0].line, format!("POST /api/v1/admin/tsus/main/{route}"));
        assert_eq!(body(&asked[0].body), sent, "{line}");
    }
}

#[test]
fn a_planned_activation_is_told_with_its_time() {
    let planned = GENERATION
        .replace("key-made", "certified")
        .replace("\"made_at\"", "\"activate_at\":\"2027-01-31T00:00:00Z\",\"made_at\"");
    let fake = Fake::start(vec![json(200, &planned)]);
    let ended = fake.run(&["tsu", "activate", "main", "--at", "2027-01-31"], "");
    let words = "key 2 of unit main (p384) is certified, active from 2027-01-31 00:00:00\n";
    assert_eq!(ended.out, words);
}

#[test]
fn retiring_asks_for_the_name() {
    let fake = Fake::start(vec![]);
    let ended = fake.run(&["tsu", "retire", "main", "--destroy-key"], "mian\n");
    assert_eq!(ended.code, 2);
    assert!(ended.err.contains("the active key of unit main will be retired and destroyed"));
    assert!(ended.err.contains("nothing was changed"), "{}", ended.err);
    assert!(fake.asked().is_empty());
    let fake = Fake::start(vec![json(200, &GENERATION.replace("key-made", "retired"))]);
    assert_eq!(fake.run(&["tsu", "retire", "main"], "main\n").code, 0);
    assert_eq!(body(&fake.asked()[0].body), object!({ "destroy_key": false }));
}

#[test]
fn a_private_key_is_never_sent_as_a_chain() {
    let fake = Fake::start(vec![]);
    let file = fake.token_file().with_file_name("both.pem");
    std::fs::write(&file, "-----BEGIN CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\n").unwrap();
    let ended = fake.run(&["tsu", "import", "main", file.to_str().unwrap()], "");
    assert!(ended.code == 2 && ended.err.contains("private key"), "{}", ended.err);
}

/// Every fault of a certificate comes through, each on a line of its own.
#[test]
fn every_fault_of_a_certificate_is_told() {
    let detail = "chain: the certificate cannot be used: the extended key usage is not critical; \
                  the chain does not end in a trusted root";
    let fake = Fake::start(vec![problem(400, "A value is not acceptable", detail)]);
    let file = fake.token_file().with_file_name("chain.pem");
    std::fs::write(&file, "-----BEGIN CERTIFICATE-----\n").unwrap();
    let ended = fake.run(&["tsu", "import", "main", file.to_str().unwrap()], "");
    assert!(ended.code == 1 && ended.err.contains("not critical"), "{}", ended.err);
}

#[test]
fn a_unit_is_shown_with_its_generations() {
    let unit = object!({ "id": "main", "default": true, "key": "p256", "policies": ["1.2.3"],
        "accuracy_ms": 1000, "usable": true, "companion": "pq", "generations": [
        { "number": 1, "state": "retired", "key": "p256", "key_store": "file",
          "key_use_until": "2027-01-01T00:00:00Z", "made_at": "2026-01-01T00:00:00Z",
          "retired_at": "2026-12-25T00:00:00Z" },
        { "number": 2, "state": "active", "key": "p256", "key_store": "hsm",
          "key_use_until": "2028-01-01T00:00:00Z", "activated_at": "2026-12-25T00:00:00Z" }]});
    let fake = Fake::start(vec![json(200, &unit.to_string())]);
    let out = fake.run(&["tsu", "show", "main"], "").out;
    assert!(out.contains("companion    pq\n"), "{out}");
    assert!(out.contains("p256 (hsm)"), "{out}");
    assert!(out.contains("retired 2026-12-25 00:00:00"), "{out}");
    assert!(out.contains("active since 2026-12-25"), "{out}");
    assert!(out.lines().all(|line| line.chars().count() <= 80), "{out}");
}
