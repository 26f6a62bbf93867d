//! Accounts, credentials and units over the administration API.

use crate::harness::certificates::{Purpose, certify};
use crate::harness::{Account, Service, request};
use serde_json::{Value, json};

const ACCOUNTS: &str = "/api/v1/admin/accounts";

/// The shapes of docs: what is created, listed and shown.
#[test]
fn accounts_are_opened_listed_and_shown() {
    let service = Service::demo();
    let admin = service.admin();
    let made = admin.post(ACCOUNTS, &json!({ "name": "Acme", "stamps": 3 })).status(201);
    assert_eq!(made.header("cache-control"), Some("no-store"), "it holds secrets");
    let made = made.json();
    let members: Vec<&str> = made.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["api_key", "id", "name", "password", "stamps"]);
    assert_eq!(made["name"], "acme", "names are lower case");

    let by_name = admin.get(&format!("{ACCOUNTS}/acme")).status(200).json();
    let by_id = admin.get(&format!("{ACCOUNTS}/{}", made["id"].as_str().unwrap())).status(200);
    assert_eq!(by_name, by_id.json());
    assert_eq!(by_name["remaining"], 3);
    assert_eq!(by_name["lots"][0]["category"], "paid");

    for number in 0..5 {
        Account::open(&service, &format!("more-{number}"), 1);
    }
    let mut names = Vec::new();
    let mut path = format!("{ACCOUNTS}?limit=3");
    loop {
        let page = admin.get(&path).status(200).json();
        let accounts = page["accounts"].as_array().unwrap();
        names.extend(accounts.iter().map(|account| account["name"].clone()));
        match page["next"].as_str() {
            Some(next) => path = format!("{ACCOUNTS}?limit=3&after={next}"),
            None => break,
        }
    }
    let expected = ["demo", "acme", "more-0", "more-1", "more-2", "more-3", "more-4"];
    assert_eq!(Value::from(names), json!(expected));
}

/// What is refused, and that nothing was changed by it.
#[test]
fn bad_accounts_are_refused() {
    let service = Service::demo();
    let admin = service.admin();
    for name in ["", "has space", "ümlaut", "a/b", &"x".repeat(65), "sa 1\r\n"] {
        admin.post(ACCOUNTS, &json!({ "name": name, "stamps": 1 })).problem(400, "invalid");
    }
    admin.post(ACCOUNTS, &json!({ "name": "demo", "stamps": 1 })).problem(409, "conflict");
    admin.post(ACCOUNTS, &json!({ "name": "DEMO", "stamps": 1 })).problem(409, "conflict");
    for body in [
        json!({ "name": "x", "stamps": -1 }),
        json!({ "name": "x", "stamps": "1" }),
        json!({ "name": "x", "stamps": 1, "owner": true }),
        json!({ "name": "x", "stamps": 1, "expires_at": "yesterday" }),
        json!({ "name": "x", "stamps": 1, "expires_at": "2001-01-01T00:00:00Z" }),
        json!({ "name": "x", "stamps": u64::MAX }),
        json!([]),
        json!(null),
    ] {
        admin.post(ACCOUNTS, &body).problem(400, "invalid");
    }
    let broken = [("Content-Type", "application/json")];
    admin.send("POST", ACCOUNTS, &broken, Some(b"{")).problem(400, "invalid");
    let text = [("Content-Type", "text/plain")];
    admin.send("POST", ACCOUNTS, &text, Some(b"{}")).problem(415, "media-type");
    admin.send("POST", ACCOUNTS, &broken, Some(&vec![b' '; 20_000])).problem(413, "too-large");
    let listed = admin.get(ACCOUNTS).status(200).json();
    assert_eq!(listed["accounts"].as_array().unwrap().len(), 1, "the demo alone: {listed}");
    for query in ["?limit=0", "?limit=100000", "?limit=x", "?after=demo", "?unknown=1"] {
        admin.get(&format!("{ACCOUNTS}{query}")).problem(400, "invalid");
    }
    for name in ["nobody", "sa-999", "sa-0", "%00", "a%2Fb"] {
        admin.get(&format!("{ACCOUNTS}/{name}")).problem(404, "not-found");
    }
}

/// Suspend, reactivate, close: each from the states that allow it.
#[test]
fn the_status_changes_as_allowed() {
    let service = Service::demo();
    let account = Account::open(&service, "acme", 3);
    let admin = service.admin();
    let act = |act: &str| admin.post(&account.path(&format!("/{act}")), &json!({}));
    act("reactivate").problem(409, "conflict");
    assert_eq!(act("suspend").status(200).json()["status"], "suspended");
    act("suspend").problem(409, "conflict");
    assert_eq!(act("reactivate").status(200).json()["status"], "active");
    assert_eq!(act("close").status(200).json()["status"], "closed");
    for act_name in ["suspend", "reactivate", "close"] {
        act(act_name).problem(409, "conflict");
    }
    let lots = account.path("/lots");
    admin.post(&lots, &json!({ "quantity": 1 })).problem(409, "conflict");
    let body = json!({ "name": "acme", "stamps": 1 });
    admin.post(ACCOUNTS, &body).problem(409, "conflict");
}

/// Client certificates are bound by PEM or by their SHA-256, to one account only.
#[test]
fn certificates_are_bound_and_unbound() {
    let service = Service::demo();
    let (first, second) = (Account::open(&service, "a", 1), Account::open(&service, "b", 1));
    let certificate = certify("client", Purpose::Client, None);
    let admin = service.admin();
    let bound = admin.post(
        &first.path("/certificates"),
        &json!({
            "certificate": certificate.pem(),
        }),
    );
    let digest = hex::encode(openssl::sha::sha256(&certificate.certificate.to_der().unwrap()));
    assert_eq!(bound.status(201).json()["sha256"], digest.as_str());
    let listed = admin.get(&first.path("/certificates")).status(200).json();
    assert_eq!(listed["certificates"][0]["sha256"], digest.as_str());
    let again = json!({ "sha256": digest });
    admin.post(&second.path("/certificates"), &again).problem(409, "conflict");
    for body in [
        json!({}),
        json!({ "sha256": "00" }),
        json!({ "certificate": "x" }),
        json!({ "certificate": certificate.pem(), "sha256": digest }),
    ] {
        admin.post(&first.path("/certificates"), &body).problem(400, "invalid");
    }
    let path = first.path(&format!("/certificates/{digest}"));
    assert_eq!(admin.delete(&path).status, 204);
    admin.delete(&path).problem(404, "not-found");
    admin.post(&second.path("/certificates"), &again).status(201);
}

/// The units and the store, as the operator sees them.
#[test]
fn units_and_store_are_shown() {
    let service = Service::demo();
    let admin = service.admin();
    let units = admin.get("/api/v1/admin/tsus").status(200).json();
    let unit = &units["tsus"][0];
    assert_eq!(unit["default"], true);
    assert_eq!(unit["key"], "p256");
    assert_eq!(unit["usable"], true, "{unit}");
    assert_eq!(unit["problem"], json!(null));
    assert_eq!(unit["policies"], json!(["0.4.0.2023.1.1"]));
    let path = format!("/api/v1/admin/tsus/{}", unit["id"].as_str().unwrap());
    let shown = admin.get(&path).status(200).json();
    assert!(shown["certificate"].as_str().unwrap().contains("BEGIN CERTIFICATE"));
    admin.get("/api/v1/admin/tsus/nosuch").problem(404, "not-found");

    let before = admin.get("/api/v1/admin/store").status(200).json();
    assert_eq!(before["health"], "ok");
    service.demo_client().stamp(&request::fresh()).status(200);
    let after = admin.get("/api/v1/admin/store").status(200).json();
    assert!(before["sequence"].as_u64() < after["sequence"].as_u64(), "{before} {after}");
    assert!(after["journal_bytes"].as_u64().unwrap() > 0);
}
