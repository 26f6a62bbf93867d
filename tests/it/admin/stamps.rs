//! Lots, refunds, voids and statements over the administration API.

use crate::harness::{Account, Reply, Service, request};
use serde_json::json;

/// A lot comes back as it was granted, with exact prices.
#[test]
fn a_lot_is_granted_as_asked() {
    let service = Service::demo();
    let account = Account::open(&service, "acme", 0);
    let lot = account.grant(
        &service,
        &json!({
            "quantity": 1000, "category": "promotional", "priority": 7,
            "effective_at": "2026-01-01T00:00:00Z", "expires_at": "2199-01-01T00:00:00Z",
            "unit_price": "0.0805", "vat_rate": "22", "order": "4711", "reason": "spring",
        }),
    );
    assert_eq!(lot["quantity"], 1000);
    assert_eq!(lot["remaining"], 1000);
    assert_eq!(lot["category"], "promotional");
    assert_eq!(lot["priority"], 7);
    assert_eq!(lot["unit_price"], "0.0805", "money is never a float");
    assert_eq!(lot["vat_rate"], "22");
    assert_eq!(lot["order"], "4711");
    assert_eq!(account.view(&service)["lots"][0], lot);
}

/// What is no lot is refused, and nothing is granted.
#[test]
fn bad_lots_are_refused() {
    let service = Service::demo();
    let account = Account::open(&service, "acme", 0);
    for lot in [
        json!({}),
        json!({ "quantity": 0 }),
        json!({ "quantity": -5 }),
        json!({ "quantity": 1.5 }),
        json!({ "quantity": u64::MAX }),
        json!({ "quantity": 1, "category": "stolen" }),
        json!({ "quantity": 1, "priority": 256 }),
        json!({ "quantity": 1, "unit_price": "-1" }),
        json!({ "quantity": 1, "expires_at": "2001-01-01T00:00:00Z" }),
        json!({
            "quantity": 1,
            "effective_at": "2190-01-01T00:00:00Z", "expires_at": "2180-01-01T00:00:00Z",
        }),
        json!({ "quantity": 1, "remaining": 5 }),
    ] {
        service.admin().post(&account.path("/lots"), &lot).problem(400, "invalid");
    }
    let void =
        |lot: &str| service.admin().post(&account.path(&format!("/lots/{lot}/void")), &json!({}));
    void("lot-9").problem(404, "not-found");
    void("9").problem(400, "invalid");
    assert_eq!(account.balance(&service), (0, 0));
}

/// A refund gives one stamp back, once, to the account that used it; the token stays.
#[test]
fn a_stamp_is_given_back_once() {
    let service = Service::demo();
    let (account, other) = (Account::open(&service, "a", 5), Account::open(&service, "b", 5));
    let granted = account.client(&service).stamp(&request::fresh()).status(200);
    let serial = Reply::read(&granted.body).token().serial();
    let refund = |account: &Account, serial: &str| {
        let body = json!({ "serial": serial, "reason": "our fault" });
        service.admin().post(&account.path("/refunds"), &body)
    };
    refund(&other, &serial).problem(404, "not-found");
    refund(&account, &"0".repeat(32)).problem(404, "not-found");
    refund(&account, "xyz").problem(400, "invalid");
    let totals = refund(&account, &serial).status(200).json();
    assert_eq!((&totals["remaining"], &totals["used"]), (&json!(5), &json!(0)));
    refund(&account, &serial).problem(409, "conflict");
    let path = format!("/api/v1/timestamps/{serial}");
    account.client(&service).get(&path).status(200);
    account.check_statement(&service);
    other.check_statement(&service);
}

/// A void takes what remains of a lot, and leaves what was used.
#[test]
fn the_rest_of_a_lot_is_voided() {
    let service = Service::demo();
    let account = Account::open(&service, "acme", 5);
    account.client(&service).stamp(&request::fresh()).status(200);
    let lot = account.view(&service)["lots"][0]["id"].as_str().unwrap().to_owned();
    let path = account.path(&format!("/lots/{lot}/void"));
    service.admin().post(&path, &json!({ "reason": "paid back" })).status(200);
    assert_eq!(account.balance(&service), (0, 1));
    service.admin().post(&path, &json!({})).problem(409, "conflict");
    account.client(&service).stamp(&request::fresh()).status(402);
    account.check_statement(&service);
}

/// Opening + entries = closing, whole and in pages, and with who did it and why.
#[test]
fn a_statement_adds_up() {
    let service = Service::demo();
    let account = Account::open(&service, "acme", 100);
    let client = account.client(&service);
    for _ in 0..25 {
        client.stamp(&request::fresh()).status(200);
    }
    account.grant(&service, &json!({ "quantity": 10, "reason": "order 4711" }));
    account.check_statement(&service);
    let whole = account.statement(&service);
    assert!(whole.to_string().contains("order 4711"), "the reason is in the book");

    let mut entries = Vec::new();
    let mut path = account.path("/statement?limit=7");
    loop {
        let page = service.admin().get(&path).status(200).json();
        entries.extend(page["entries"].as_array().unwrap().iter().cloned());
        match page["next"].as_u64() {
            Some(next) => path = account.path(&format!("/statement?limit=7&after={next}")),
            None => break,
        }
    }
    assert_eq!(json!(entries), whole["entries"], "pages and whole agree");

    let empty = "/statement?from=2190-01-01T00:00:00Z&to=2191-01-01T00:00:00Z";
    let later = service.admin().get(&account.path(empty)).status(200).json();
    assert_eq!(later["entries"], json!([]));
    assert_eq!(later["opening"], later["closing"]);
    assert_eq!(later["opening"], whole["closing"]);
    for query in ["?limit=0", "?from=x", "?unknown=1"] {
        let path = account.path(&format!("/statement{query}"));
        service.admin().get(&path).problem(400, "invalid");
    }
}

/// The books are the same after a clean end, after a crash, and after the index is thrown away.
#[test]
fn the_books_survive() {
    let mut service = Service::demo();
    let account = Account::open(&service, "acme", 50);
    for _ in 0..10 {
        account.client(&service).stamp(&request::fresh()).status(200);
    }
    let view = account.view(&service);
    let statement = account.statement(&service);
    service.restart();
    assert_eq!(account.view(&service), view);
    service.kill();
    service.start();
    assert_eq!(account.view(&service), view);
    assert_eq!(account.statement(&service), statement);
}
