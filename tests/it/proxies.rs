//! Behind a proxy: whose word about the address of a caller is taken.
//!
//! A test's own connections come from loopback addresses; 127.0.0.1 is the proxy or is nobody.

use crate::harness::{Answer, Client, Config, Service};
use serde_json::json;

fn service(proxies: &str) -> Service {
    Config::new().server(format!("trusted_proxies = {proxies}")).start()
}

/// A wrong login with these lines of the header. Each with a name of its own: the tries of one name
/// are counted for themselves.
fn fails(service: &Service, name: &str, forwarded: &[&str]) -> Answer {
    let lines: Vec<_> = forwarded.iter().map(|line| ("X-Forwarded-For", *line)).collect();
    let headers = [&[("Content-Type", "application/json")][..], &lines].concat();
    let body = json!({ "user_id": format!("{name}@example.org"), "password": "wrong" }).to_string();
    service.client().send("POST", "/api/v1/sessions", &headers, Some(body.as_bytes()))
}

/// Fifty failures an hour are a caller's; callers on loopback itself are not counted.
fn is_shut_out(service: &Service, forwarded: &[&str]) -> bool {
    let answers: Vec<u16> =
        (0..51).map(|n| fails(service, &format!("n{n}"), forwarded).status).collect();
    assert!(answers[..50].iter().all(|status| *status == 401), "{answers:?}");
    answers[50] == 429
}

/// From where administrators were refused, as the trail says; a minute is told when it is over, or
/// at the end.
fn recorded(mut service: Service) -> Vec<String> {
    service.restart();
    let trail = service.admin().get("/api/v1/admin/trail?limit=1000").status(200).json();
    let events = trail["events"].as_array().unwrap();
    let refused = events.iter().filter(|event| event["action"] == "administrator-refused");
    refused.map(|event| event["actor"].as_str().unwrap().to_owned()).collect()
}

/// The administration token is wrong.
fn is_refused(service: &Service, forwarded: &str) {
    let admin: Client = service.client().bearer("wrong");
    let headers = [("X-Forwarded-For", forwarded)];
    admin.send("GET", "/api/v1/admin/tsus", &headers, None).status(401);
}

#[test]
fn the_caller_is_whom_a_trusted_proxy_names() {
    let service = service("[\"127.0.0.1\", \"10.0.0.0/8\"]");
    // What the caller wrote itself stands to the left.
    is_refused(&service, "198.51.100.1, 192.0.2.7, 10.1.2.3");
    assert_eq!(recorded(service), ["192.0.2.7"]);
}

/// The limit of a caller holds for each behind the proxy, whatever it forges.
#[test]
fn tries_are_counted_behind_a_proxy() {
    let service = service("[\"127.0.0.1\"]");
    let forged = ["198.51.100.1, 192.0.2.7"];
    assert!(is_shut_out(&service, &forged), "a caller without an end of tries");
    assert_eq!(
        fails(&service, "forger", &["198.51.100.2, 192.0.2.7"]).status,
        429,
        "a forged way out"
    );
    assert_eq!(fails(&service, "other", &["192.0.2.7, 192.0.2.8"]).status, 401, "another caller");
}

/// What a trusted proxy passes on without a word is one caller, and not the machine itself.
#[test]
fn a_proxy_that_names_nobody_is_counted() {
    let service = service("[\"127.0.0.1\"]");
    assert!(is_shut_out(&service, &[]));
}

#[test]
fn nobody_else_says_where_a_caller_is() {
    let service = service("[\"10.0.0.0/8\"]");
    is_refused(&service, "192.0.2.7");
    // Not counted: it is the machine itself, whatever it says.
    assert!(!is_shut_out(&service, &["192.0.2.7"]));
    assert_eq!(recorded(service), ["127.0.0.1"]);
}

/// Behind a proxy, `/metrics` is for administrators.
#[test]
fn a_proxy_is_not_the_machine_itself() {
    let own = service("[]");
    own.client().get("/metrics").status(200);
    let behind = service("[\"127.0.0.1\"]");
    behind.client().get("/metrics").problem(403, "forbidden");
    for named in ["192.0.2.7", "127.0.0.1", "127.0.0.2", "garbage"] {
        let headers = [("X-Forwarded-For", named)];
        behind.client().send("GET", "/metrics", &headers, None).problem(403, "forbidden");
    }
    behind.admin().get("/metrics").status(200);
}

/// Who trusts everybody, or nobody that there is, is told so at the start.
#[test]
fn networks_that_cannot_be_meant_are_refused() {
    for (networks, word) in [("[\"0.0.0.0/0\"]", "everybody"), ("[\"proxy\"]", "no network")] {
        let service = Config::new().server(format!("trusted_proxies = {networks}")).write();
        let ended = service.fails_to_start();
        assert!(ended.err.contains(word), "{networks}: {}", ended.err);
    }
}
