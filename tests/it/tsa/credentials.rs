//! Passwords and API keys as their users meet them: rotation, change, guessing.

use crate::harness::request;
use crate::harness::{Account, Client, Service, basic};
use serde_json::json;

fn stamps(client: &Client) -> u16 {
    client.stamp(&request::fresh()).status
}

/// D74: two keys alive for rotation; a third is refused; a revoked one is dead at once.
#[test]
fn api_keys_rotate() {
    let service = Service::demo();
    let account = Account::open(&service, "acme", 100);
    let path = account.path("/api-keys");
    let admin = service.admin();
    let second = admin.post(&path, &json!({ "label": "second" })).status(201).json();
    let second_key = second["api_key"].as_str().unwrap();
    admin.post(&path, &json!({ "label": "third" })).problem(409, "conflict");

    let (old, new) = (account.client(&service), service.client().bearer(second_key));
    assert_eq!((stamps(&old), stamps(&new)), (200, 200));

    let listed = admin.get(&path).status(200).json();
    let keys = listed["api_keys"].as_array().unwrap();
    assert_eq!(keys.len(), 2);
    assert!(!listed.to_string().contains(second_key), "a key is shown once");
    let of_first = keys.iter().find(|key| key["label"] != "second").unwrap();
    let prefix = of_first["prefix"].as_str().unwrap();
    assert!(account.api_key.contains(prefix), "{prefix}");
    assert!(of_first["last_used_on"].is_string(), "{of_first}");

    assert_eq!(admin.delete(&format!("{path}/{prefix}")).status, 204);
    assert_eq!((stamps(&old), stamps(&new)), (401, 200));
    let third = admin.post(&path, &json!({ "label": "third" })).status(201).json();
    assert_eq!(stamps(&service.client().bearer(third["api_key"].as_str().unwrap())), 200);
    assert_eq!(stamps(&old), 401, "revoked is for good");
}

/// A new password ends the old one at once, though it was right a moment ago, over a restart too.
#[test]
fn a_new_password_ends_the_old_one_at_once() {
    let mut service = Service::demo();
    let account = Account::open(&service, "acme", 100);
    let old = service.client().basic("acme", &account.password);
    assert_eq!((stamps(&old), stamps(&old)), (200, 200), "the second one from the cache");
    let made = service.admin().post(&account.path("/password"), &json!({})).status(200).json();
    let password = made["password"].as_str().unwrap();
    assert_ne!(password, account.password);
    assert_eq!(stamps(&old), 401);
    assert_eq!(stamps(&service.client().basic("acme", password)), 200);
    service.restart();
    assert_eq!(stamps(&service.client().basic("acme", &account.password)), 401);
    assert_eq!(stamps(&service.client().basic("acme", password)), 200);
    assert_eq!(stamps(&account.client(&service)), 200, "the API key is not concerned");
}

/// D12, D14: wrong passwords are slowed down (429 with Retry-After), and shut out neither the API
/// key nor whoever came with the right password just before.
#[test]
fn guessing_is_slowed_down_and_shuts_nobody_out() {
    let service = Service::demo();
    let account = Account::open(&service, "acme", 100);
    let right = service.client().basic("acme", &account.password);
    assert_eq!(stamps(&right), 200);
    let mut slowed = None;
    for number in 0..20 {
        let guess = service.client().basic("acme", &format!("guess-{number}"));
        let answer = guess.stamp(&request::fresh());
        match answer.status {
            401 => {}
            429 => {
                slowed = Some(answer.problem(429, "too-many-tries"));
                break;
            }
            other => panic!("status {other}"),
        }
    }
    let slowed = slowed.expect("20 guesses, one after another, were all taken");
    let wait: u64 = slowed.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=3600).contains(&wait), "{wait}");
    assert_eq!(stamps(&account.client(&service)), 200, "the API key works");
    assert_eq!(stamps(&right), 200, "the password that was right just before works");
    let other = Account::open(&service, "other", 1);
    let other = service.client().basic("other", &other.password);
    assert_eq!(stamps(&other), 200, "other accounts are not slowed down");
}

/// D11: an unknown name and a wrong password look the same from outside.
#[test]
fn unknown_and_wrong_look_the_same() {
    let service = Service::demo();
    let answer = |name: &str| {
        let client = service.client().authorized(&basic(name, "wrong"));
        client.stamp(&request::fresh()).problem(401, "unauthorized")
    };
    let (known, unknown) = (answer("demo"), answer("nobody"));
    assert_eq!(known.body, unknown.body);
    let names = |answer: &crate::harness::Answer| {
        let mut names: Vec<String> = answer.headers.keys().map(ToString::to_string).collect();
        names.sort();
        names
    };
    assert_eq!(names(&known), names(&unknown));
}

/// RFC 7617 §2.1: names and passwords are UTF-8; a password may hold a colon.
#[test]
fn odd_credentials_are_read_as_they_are() {
    let service = Service::demo();
    for (name, password) in [("demo", "demo-stamps:"), ("dèmo", "ü"), ("demo:", "x"), ("", "")] {
        let client = service.client().authorized(&basic(name, password));
        assert_eq!(client.stamp(&request::fresh()).status, 401, "{name} {password}");
    }
}
