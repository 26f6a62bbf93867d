//! `GET /api/v1/stamp-account`, its event stream, and `GET /api/v1/timestamps/{serial-hex}`.

use crate::harness::request;
use crate::harness::{Account, REPLY, Raw, Reply, Service};
use serde_json::json;

/// The JSON of the contract: these members and no others, in these shapes.
#[test]
fn the_account_has_the_members_of_the_contract() {
    let service = Service::demo();
    let account = Account::open(&service, "acme", 0);
    let end = "2199-01-01T00:00:00Z";
    account.grant(&service, &json!({ "quantity": 7, "expires_at": end }));
    account.client(&service).stamp(&request::fresh()).status(200);
    let shown = account.client(&service).account();
    let lot = shown["lots"][0]["id"].clone();
    assert!(lot.is_string());
    assert_eq!(
        shown,
        json!({
            "id": account.id, "name": "acme", "status": "active",
            "remaining": 6, "used": 1, "reserved": 0,
            "expiring": { "count": 6, "at": end },
            "lots": [{ "id": lot, "quantity": 7, "remaining": 6, "expires_at": end }],
        })
    );
    let demo = service.demo_client().account();
    assert_eq!(demo["expiring"], json!(null), "a lot without an end does not expire");
    assert_eq!(demo["lots"][0]["expires_at"], json!(null));
    account.change(&service, "suspend");
    assert_eq!(account.client(&service).account()["status"], "suspended");
}

/// RFC 9110 §13.1.2: with the tag of the present state the answer is 304, without a body.
#[test]
fn the_tag_changes_with_the_balance() {
    let service = Service::demo();
    let client = service.demo_client();
    let path = "/api/v1/stamp-account";
    let first = client.get(path).status(200);
    let tag = first.header("etag").unwrap().to_owned();
    let again = |tag: &str| client.send("GET", path, &[("If-None-Match", tag)], None);
    let same = again(&tag).status(304);
    assert!(same.body.is_empty());
    assert_eq!(same.header("etag"), Some(tag.as_str()));
    again(&format!("W/{tag}")).status(304);
    again(&format!("\"other\", {tag}")).status(304);
    again("*").status(304);
    again("\"other\"").status(200);
    client.stamp(&request::fresh()).status(200);
    let changed = again(&tag).status(200);
    assert_ne!(changed.header("etag"), Some(tag.as_str()));
}

fn listen(service: &Service, authorization: &str) -> Raw {
    let mut stream = Raw::connect(service.address());
    let head = format!(
        "GET /api/v1/stamp-account/events HTTP/1.1\r\nHost: test\r\n\
         Authorization: {authorization}\r\nAccept: text/event-stream\r\n\r\n"
    );
    stream.write(head.as_bytes()).unwrap();
    let answer = stream.answer().unwrap();
    assert_eq!(answer.status, 200, "{}", answer.head);
    assert_eq!(answer.header("content-type"), Some("text/event-stream"));
    stream
}

fn event(remaining: u64, used: u64) -> String {
    format!("event: balance\ndata: {{\"remaining\":{remaining},\"used\":{used}}}\n\n")
}

/// An event at once, and one after each change: a token, a grant, a refund.
#[test]
fn every_change_is_an_event() {
    let service = Service::demo();
    let account = Account::open(&service, "acme", 10);
    let mut events = listen(&service, &account.bearer());
    events.until(&event(10, 0)).unwrap();
    let answer = account.client(&service).stamp(&request::fresh()).status(200);
    events.until(&event(9, 1)).unwrap();
    account.grant(&service, &json!({ "quantity": 5 }));
    events.until(&event(14, 1)).unwrap();
    let serial = Reply::read(&answer.body).token().serial();
    let body = json!({ "serial": serial });
    service.admin().post(&account.path("/refunds"), &body).status(200);
    events.until(&event(15, 0)).unwrap();
}

/// A stream tells of its own account only, and does not hold up the end of the service.
#[test]
fn a_stream_is_the_accounts_own_and_ends_with_the_service() {
    let mut service = Service::demo();
    let account = Account::open(&service, "acme", 10);
    let mut events = listen(&service, &account.bearer());
    events.until(&event(10, 0)).unwrap();
    service.demo_client().stamp(&request::fresh()).status(200);
    account.client(&service).stamp(&request::fresh()).status(200);
    let heard = events.until(&event(9, 1)).unwrap();
    assert!(!heard.contains("\"remaining\":99"), "{heard}");
    service.stop();
    assert!(events.closes());
}

/// D63: a token again is free, byte for byte, and the account's own; lower-case hexadecimal.
#[test]
fn a_token_can_be_fetched_again() {
    let mut service = Service::demo();
    let account = Account::open(&service, "acme", 10);
    let other = Account::open(&service, "other", 10);
    let client = account.client(&service);
    let granted = client.stamp(&request::fresh()).status(200);
    let serial = Reply::read(&granted.body).token().serial();
    let path = format!("/api/v1/timestamps/{serial}");
    let again = client.get(&path).status(200);
    assert_eq!(again.header("content-type"), Some(REPLY));
    assert_eq!(again.body, granted.body, "byte for byte");
    service.client().basic(&account.name, &account.password).get(&path).status(200);

    other.client(&service).get(&path).problem(404, "not-found");
    service.client().get(&path).problem(401, "unauthorized");
    service.admin().get(&path).problem(401, "unauthorized");
    let upper = format!("/api/v1/timestamps/{}", serial.to_uppercase());
    assert!(serial.bytes().any(|byte| byte.is_ascii_alphabetic()) || upper == path);
    if upper != path {
        client.get(&upper).problem(404, "not-found");
    }
    let odd = ["0".repeat(32), serial[..30].to_owned(), format!("{serial}00"), "x".repeat(32)];
    for serial in odd {
        client.get(&format!("/api/v1/timestamps/{serial}")).problem(404, "not-found");
    }
    assert_eq!(account.balance(&service), (9, 1), "fetching is free");

    service.restart();
    let later = account.client(&service).get(&path).status(200);
    assert_eq!(later.body, granted.body, "after a restart too");
}

/// A token that was given out without its certificate is fetched with it: the same token.
#[test]
fn a_bare_token_is_fetched_with_its_certificate() {
    let service = Service::demo();
    let mut request = request::usual();
    request.cert_req = false;
    let client = service.demo_client();
    let granted = client.stamp(&request::encode(&request)).status(200);
    let bare = Reply::read(&granted.body).token();
    let again = client.get(&format!("/api/v1/timestamps/{}", bare.serial())).status(200);
    let full = Reply::read(&again.body).token();
    assert_eq!(full.info, bare.info);
    full.verify(&std::fs::read(service.ca_file()).unwrap());
}
