//! Every error that a client can receive, word for word, in `golden/`.
//!
//! A golden file has the status, the header fields that matter and the body, with what differs
//! from run to run left out. `MARCA_BLESS=1` writes the files anew; read the difference then.

use crate::harness::{Account, Answer, Config, QUERY, Raw, Reply, Service, environment, request};
use serde_json::json;
use std::fmt::Write;
use std::path::PathBuf;

fn golden_path(name: &str) -> PathBuf {
    let file = format!("{name}.json");
    [env!("CARGO_MANIFEST_DIR"), "it", "golden", &file].iter().collect()
}

/// Compares an answer with its golden file.
#[track_caller]
fn check(name: &str, answer: &Answer) {
    let mut text = format!("HTTP {}\n", answer.status);
    for field in ["content-type", "www-authenticate", "allow", "retry-after", "cache-control"] {
        if let Some(value) = answer.header(field) {
            writeln!(text, "{field}: {value}").unwrap();
        }
    }
    if answer.header("content-type") == Some(crate::harness::REPLY) {
        let (bit, words) = Reply::read(&answer.body).rejection();
        write!(text, "\nfailInfo {bit}: {words}\n").unwrap();
    } else if !answer.body.is_empty() {
        let body = serde_json::to_string_pretty(&answer.json()).unwrap();
        write!(text, "\n{body}\n").unwrap();
    }
    let path = golden_path(name);
    if environment("MARCA_BLESS").is_some_and(|value| value == "1") {
        std::fs::write(&path, &text).unwrap();
        return;
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, golden, "{name}: see {} (MARCA_BLESS=1 writes it anew)", path.display());
}

fn query(client: &crate::harness::Client, kind: &str, body: &[u8]) -> Answer {
    client.send("POST", "/tsa", &[("Content-Type", kind)], Some(body))
}

/// What a client that stamps can meet.
#[test]
fn errors_of_stamping() {
    let service = Service::demo();
    let (nobody, demo) = (service.client(), service.demo_client());
    check("unauthorized", &nobody.stamp(b""));
    check("method-not-allowed", &demo.get("/tsa"));
    check("media-type", &query(&demo, "text/plain", b"x"));
    check("too-large", &query(&demo, QUERY, &vec![0; 16 * 1024 + 1]));
    check("unknown-unit", &demo.stamp_at("/tsa/nosuch", &request::fresh()));
    check("nothing-here", &demo.get("/nosuch"));
    check("no-such-timestamp", &demo.get(&format!("/api/v1/timestamps/{}", "0".repeat(32))));

    let account = Account::open(&service, "acme", 0);
    let client = account.client(&service);
    check("no-stamps", &client.stamp(&request::fresh()));
    account.change(&service, "suspend");
    check("account-suspended", &client.stamp(&request::fresh()));
    account.change(&service, "close");
    check("account-closed", &client.stamp(&request::fresh()));
}

/// Each rejection of the protocol, in its own words.
#[test]
fn rejections_of_the_protocol() {
    let service = Service::demo();
    let client = service.demo_client();
    let usual = request::usual;
    let send = |request: &rasn_cms::tsp::TimeStampReq| client.stamp(&request::encode(request));
    check("reject-not-der", &client.stamp(b"hello"));
    check("reject-not-a-request", &client.stamp(&[0x30, 3, 2, 1, 1]));
    check("reject-trailing", &client.stamp(&[request::fresh(), vec![0]].concat()));
    check("reject-version", &send(&rasn_cms::tsp::TimeStampReq { version: 2, ..usual() }));
    let mut other = usual();
    other.message_imprint = request::imprint(request::SHA256, 31);
    check("reject-digest-length", &send(&other));
    other.message_imprint = request::imprint("1.3.14.3.2.26", 20);
    check("reject-hash", &send(&other));
    other = usual();
    other.req_policy = Some(request::identifier("1.9.9"));
    check("reject-policy", &send(&other));
    other = usual();
    other.extensions = Some(vec![request::extension(true)].into());
    check("reject-extension", &send(&other));
}

/// What an operator's tool can meet.
#[test]
fn errors_of_the_administration() {
    let service = Service::demo();
    let admin = service.admin();
    let accounts = "/api/v1/admin/accounts";
    check("admin-unauthorized", &service.client().get(accounts));
    check("unknown-account", &admin.get(&format!("{accounts}/nobody")));
    check("name-taken", &admin.post(accounts, &json!({ "name": "demo", "stamps": 1 })));
    check("bad-name", &admin.post(accounts, &json!({ "name": "a b", "stamps": 1 })));
    check("unknown-member", &admin.post(accounts, &json!({ "name": "x", "colour": 1 })));
    check("bad-query", &admin.get(&format!("{accounts}?limit=0")));
    let text = [("Content-Type", "text/plain")];
    check("admin-media-type", &admin.send("POST", accounts, &text, Some(b"{}")));
    let demo = format!("{accounts}/demo");
    check("bad-quantity", &admin.post(&format!("{demo}/lots"), &json!({ "quantity": 0 })));
    let lot = json!({ "quantity": 1, "category": "x" });
    check("bad-category", &admin.post(&format!("{demo}/lots"), &lot));
    check("unknown-lot", &admin.post(&format!("{demo}/lots/lot-9/void"), &json!({})));
    let serial = json!({ "serial": "0".repeat(32) });
    check("unknown-serial", &admin.post(&format!("{demo}/refunds"), &serial));
    check("bad-serial", &admin.post(&format!("{demo}/refunds"), &json!({ "serial": "x" })));
    check("not-suspended", &admin.post(&format!("{demo}/reactivate"), &json!({})));
    admin.post(&format!("{demo}/api-keys"), &json!({})).status(201);
    check("two-keys", &admin.post(&format!("{demo}/api-keys"), &json!({})));
    check("unknown-key", &admin.delete(&format!("{demo}/api-keys/nosuch")));
    check("bad-certificate", &admin.post(&format!("{demo}/certificates"), &json!({})));
    let digest = "ab".repeat(32);
    check("unknown-certificate", &admin.delete(&format!("{demo}/certificates/{digest}")));
}

/// A body that does not come, and one that breaks off.
#[test]
fn errors_of_the_transport() {
    let service = Config::new().server("body_timeout_ms = 200").start();
    let account = Account::open(&service, "acme", 1);
    let mut connection = Raw::connect(service.address());
    connection.write(Raw::post_head("/tsa", &account.bearer(), 50).as_bytes()).unwrap();
    let answer = connection.answer().unwrap();
    check("body-timeout", &whole(&answer));
}

/// Guesses of a password, one too many.
#[test]
fn too_many_tries() {
    let service = Service::demo();
    let guess = |n| service.client().basic("demo", &format!("wrong {n}")).stamp(b"");
    let slowed = (0..20).map(guess).find(|answer| answer.status == 429);
    let mut slowed = slowed.expect("20 guesses in a row were all taken");
    // How long the wait is depends on the instant.
    let wait = slowed.header("retry-after").unwrap().to_owned();
    let body = slowed.text().replace(&format!("Wait {wait} s"), "Wait SECONDS s");
    slowed.body = body.into_bytes();
    slowed.headers.insert("retry-after", "SECONDS".parse().unwrap());
    check("too-many-tries", &slowed);
}

/// Too much to do.
#[test]
fn busy() {
    let service = Config::new().server("max_requests = 1").unit("slow", "rsa4096").start();
    let account = Account::open(&service, "acme", 1000);
    let requests: Vec<Vec<u8>> = (0..300).map(|_| request::fresh()).collect();
    let answers = crate::harness::send_all(service.address(), &account.bearer(), 32, &requests);
    let refused = answers.iter().find(|answer| answer.status == 503);
    check("busy", &whole(refused.expect("nobody was refused")));
}

fn whole(answer: &crate::harness::RawAnswer) -> Answer {
    let mut headers = ureq::http::HeaderMap::new();
    for line in answer.head.lines().skip(1).filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':').unwrap();
        let name: ureq::http::HeaderName = name.parse().unwrap();
        headers.append(name, value.trim().parse().unwrap());
    }
    Answer { status: answer.status, headers, body: answer.body.clone() }
}

/// No golden file is left over from an error that is gone.
#[test]
fn every_golden_file_is_used() {
    let source = include_str!("problems.rs");
    for entry in std::fs::read_dir(golden_path("x").parent().unwrap()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        assert!(source.contains(&format!("check(\"{name}\"")), "{name} is used nowhere");
    }
}
