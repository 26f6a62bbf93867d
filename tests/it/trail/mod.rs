//! The audit trail from outside: what happens is in it, in order, chained; no secret is.

use crate::harness::{Account, Program, Service, basic, request};
use openssl::sha::sha256;
use serde_json::{Value, json};

/// The whole trail, page by page.
fn trail(service: &Service) -> Vec<Value> {
    let (mut events, mut after) = (Vec::new(), 0);
    loop {
        let path = format!("/api/v1/admin/trail?after={after}&limit=7");
        let page = service.admin().get(&path).status(200).json();
        events.extend(page["events"].as_array().unwrap().iter().cloned());
        match page["next"].as_u64() {
            Some(next) => after = next,
            None => return events,
        }
    }
}

fn has(events: &[Value], category: &str, action: &str) -> bool {
    events.iter().any(|event| event["category"] == category && event["action"] == action)
}

/// Keys, certificates, configuration, service, administration and logins are all there; each event
/// names the one before by its hash, and the numbers have no gap.
#[test]
fn everything_that_matters_is_in_the_trail() {
    let mut service = Service::demo();
    let account = Account::open(&service, "acme", 5);
    account.change(&service, "suspend");
    account.change(&service, "reactivate");
    let wrong = service.client().bearer("0".repeat(64).as_str());
    wrong.get("/api/v1/admin/store").status(401);
    service.client().basic("acme", "wrong").stamp(&request::fresh()).status(401);
    account.client(&service).stamp(&request::fresh()).status(200);
    // Refusals are summed by the minute, and told at the end of the service at the latest.
    service.restart();
    let events = trail(&service);
    let refused = |action: &str| has(&events, "login", action);
    assert!(refused("administrator-refused") && refused("sign-in-refused"), "{events:#?}");
    assert!(refused("sign-in"), "{events:#?}");
    for category in ["key", "certificate", "configuration", "login", "administration", "service"] {
        assert!(events.iter().any(|event| event["category"] == category), "no {category}");
    }
    assert!(has(&events, "key", "key-made"), "{events:#?}");
    assert!(has(&events, "certificate", "certificate-issued"));
    let mut previous = "0".repeat(64);
    for (event, number) in events.iter().zip(1..) {
        assert_eq!(event["sequence"], number, "{event}");
        assert_eq!(event["previous_hash"], previous, "{event}");
        event["hash"].as_str().unwrap().clone_into(&mut previous);
        assert_eq!(previous.len(), 64);
    }
    let text = serde_json::to_string(&events).unwrap();
    let token = std::fs::read_to_string(service.admin_token_file()).unwrap();
    for secret in [&account.password, &account.api_key, token.trim(), "demo-stamps"] {
        assert!(!text.contains(secret), "a secret is in the trail");
        assert!(!service.log().contains(secret), "a secret is in the log");
    }
    assert!(!text.contains(&basic("acme", "wrong")));
    let digest = hex::encode(sha256(account.api_key.as_bytes()));
    assert!(!text.contains(&digest));
}

/// `marca store check` adds the trail again, and `marca trail export` gives it line by line.
#[test]
fn the_trail_is_checked_and_exported() {
    let service = Service::demo();
    Account::open(&service, "acme", 5);
    let check = ["store", "check", "--data", service.data().to_str().unwrap()];
    let checked = Program::marca(&check).run().ok();
    let words = checked.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("audit trail right"), "{}", checked.out);
    let exported = service.cli(&["trail", "export"]).ok();
    let lines: Vec<Value> =
        exported.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let events = trail(&service);
    assert!(!lines.is_empty() && lines.len() <= events.len());
    assert_eq!(lines[0], events[0]);
    let filtered = service.admin().get("/api/v1/admin/trail?category=key&limit=1000");
    let filtered = filtered.status(200).json();
    let filtered = filtered["events"].as_array().unwrap();
    assert!(!filtered.is_empty() && filtered.iter().all(|event| event["category"] == "key"));
    let wrong = service.admin().get("/api/v1/admin/trail?category=nosuch");
    assert_eq!(wrong.status, 400, "{}", wrong.text());
    let body = json!({});
    assert_eq!(service.admin().post("/api/v1/admin/trail", &body).status, 405);
}

/// Routes are found by the decoded path, so what is recorded is decided by that one as well.
#[test]
fn an_act_does_not_hide_behind_an_encoded_letter() {
    let service = Service::demo();
    let before = trail(&service).len();
    let body = json!({ "name": "hidden", "stamps": 1 });
    let answer = service.admin().post("/api/v%31/%61dmin/accounts", &body).status(201);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let events = trail(&service);
    assert!(has(&events[before..], "administration", "account-opened"), "{:#?}", &events[before..]);
}
