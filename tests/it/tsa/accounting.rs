//! One stamp for one token: under load, on a retry, after a restart.

use crate::harness::request;
use crate::harness::{Account, Reply, Service, send_all};
use serde_json::json;
use std::collections::HashSet;

/// A2: 2,000 requests at once on 1,000 stamps give exactly 1,000 tokens.
#[test]
fn two_thousand_requests_on_a_thousand_stamps() {
    let service = Service::demo();
    let account = Account::open(&service, "acme", 1000);
    let requests: Vec<Vec<u8>> = (0..2000).map(|_| request::fresh()).collect();
    let answers = send_all(service.address(), &account.bearer(), 64, &requests);
    let count = |status| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((count(200), count(402)), (1000, 1000));
    let granted = answers.iter().filter(|answer| answer.status == 200);
    let serials: HashSet<String> =
        granted.map(|answer| Reply::read(&answer.body).token().serial()).collect();
    assert_eq!(serials.len(), 1000, "no serial number twice");
    assert_eq!(account.balance(&service), (0, 1000));
    assert_eq!(account.view(&service)["reserved"], 0, "nothing is left on hold");
    account.check_statement(&service);
}

/// F18: the same request with a nonce, 50 times at once, is one token and one stamp.
#[test]
fn the_same_request_at_once_is_one_token() {
    let service = Service::demo();
    let account = Account::open(&service, "acme", 100);
    let requests = vec![request::fresh(); 50];
    let answers = send_all(service.address(), &account.bearer(), 16, &requests);
    let bodies: HashSet<&[u8]> = answers
        .iter()
        .map(|answer| {
            assert_eq!(answer.status, 200, "{}", answer.head);
            answer.body.as_slice()
        })
        .collect();
    assert_eq!(bodies.len(), 1, "all answers are the same, byte for byte");
    assert_eq!(account.balance(&service), (99, 1));
}

/// The retry rule holds across a restart, clean or not.
#[test]
fn a_retry_after_a_restart_is_the_same_token() {
    let mut service = Service::demo();
    let account = Account::open(&service, "acme", 100);
    let request = request::fresh();
    let first = account.client(&service).stamp(&request).status(200);
    service.restart();
    let second = account.client(&service).stamp(&request).status(200);
    assert_eq!(first.body, second.body);
    service.kill();
    service.start();
    let third = account.client(&service).stamp(&request).status(200);
    assert_eq!(first.body, third.body);
    assert_eq!(third.header("stamps-remaining"), Some("99"));
    assert_eq!(account.balance(&service), (99, 1));
}

/// Without a nonce nothing says that it is the same request, so each is a token of its own.
#[test]
fn without_a_nonce_each_request_is_a_token() {
    let service = Service::demo();
    let account = Account::open(&service, "acme", 10);
    let request = request::without_nonce();
    let serials: HashSet<String> = (0..3)
        .map(|_| {
            let answer = account.client(&service).stamp(&request).status(200);
            Reply::read(&answer.body).token().serial()
        })
        .collect();
    assert_eq!(serials.len(), 3);
    assert_eq!(account.balance(&service), (7, 3));
}

/// D63: the same request of another account is another token, from the other account's stamps.
#[test]
fn accounts_do_not_mix() {
    let service = Service::demo();
    let first = Account::open(&service, "first", 10);
    let second = Account::open(&service, "second", 20);
    let request = request::fresh();
    let ours = first.client(&service).stamp(&request).status(200);
    let theirs = second.client(&service).stamp(&request).status(200);
    assert_ne!(ours.body, theirs.body);
    assert_eq!(first.balance(&service), (9, 1));
    assert_eq!(second.balance(&service), (19, 1));
    let kinds = |account: &Account| {
        let statement = account.statement(&service);
        let entries = statement["entries"].as_array().unwrap();
        entries.iter().map(|entry| entry["kind"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(kinds(&first), ["open", "grant", "use"]);
    assert_eq!(kinds(&second), ["open", "grant", "use"]);
}

/// Another answer form of the same request (certReq) is still the same token.
#[test]
fn a_retry_that_asks_for_the_certificate_takes_no_second_stamp() {
    let service = Service::demo();
    let account = Account::open(&service, "acme", 10);
    let mut request = request::usual();
    request.cert_req = false;
    let bare = account.client(&service).stamp(&request::encode(&request)).status(200);
    request.cert_req = true;
    let full = account.client(&service).stamp(&request::encode(&request)).status(200);
    let (bare, full) = (Reply::read(&bare.body).token(), Reply::read(&full.body).token());
    assert_eq!(bare.serial(), full.serial());
    assert_eq!((bare.certificates().len(), full.certificates().len()), (0, 1));
    assert_eq!(account.balance(&service), (9, 1));
}

/// Lots: the one that expires first is used first; a lot that is over or not begun is not used.
#[test]
fn lots_are_drawn_in_order_and_expire() {
    let service = Service::demo();
    let account = Account::open(&service, "acme", 0);
    let never = account.grant(&service, &json!({ "quantity": 2 }));
    let soon =
        account.grant(&service, &json!({ "quantity": 1, "expires_at": "2199-01-01T00:00:00Z" }));
    account.grant(&service, &json!({ "quantity": 5, "effective_at": "2199-01-01T00:00:00Z" }));
    let client = account.client(&service);
    client.stamp(&request::fresh()).status(200);
    let left = |lot: &serde_json::Value| {
        let view = account.view(&service);
        let lots = view["lots"].as_array().unwrap().clone();
        lots.iter().find(|found| found["id"] == lot["id"]).map(|found| found["remaining"].clone())
    };
    assert_ne!(left(&soon), Some(json!(1)), "the lot with an end goes first");
    assert_eq!(left(&never), Some(json!(2)));
    client.stamp(&request::fresh()).status(200);
    client.stamp(&request::fresh()).status(200);
    client.stamp(&request::fresh()).status(402);
}

/// A lot that ends while the service runs gives no stamp from that instant on.
#[test]
fn an_expired_lot_gives_no_stamp() {
    let service = Service::demo();
    let account = Account::open(&service, "acme", 0);
    let soon = crate::harness::in_seconds(2);
    account.grant(&service, &json!({ "quantity": 100, "expires_at": soon }));
    let client = account.client(&service);
    client.stamp(&request::fresh()).status(200);
    crate::harness::eventually("the lot expires", || client.stamp(&request::fresh()).status == 402);
    let (remaining, _used) = client.balance();
    assert_eq!(remaining, 0);
}
