//! What an operator does about holders, on the command line; and what the audit trail keeps of it.

use crate::harness::{House, Person};
use serde_json::{Value, json};

/// The lines of `marca holder ARGUMENTS`, which has to succeed.
#[track_caller]
fn holder(house: &House, arguments: &[&str]) -> String {
    let mut line = vec!["holder"];
    line.extend(arguments);
    house.service.cli(&line).ok().out
}

/// Every event of the trail.
#[track_caller]
fn trail(house: &House) -> Vec<Value> {
    let page = house.admin().get("/api/v1/admin/trail?limit=1000").status(200).json();
    page["events"].as_array().unwrap().clone()
}

/// From the request to the end of the account.
#[test]
fn an_operator_leads_an_account_through_its_life() {
    let house = House::open();
    let mut ada = Person::new(0);
    ada.asks_for_an_account(&house);
    let requests = holder(&house, &["requests"]);
    assert!(requests.contains("requested") && requests.contains(&ada.email), "{requests}");
    assert_eq!(holder(&house, &["approve", "r-1"]), "registration r-1 is approved, holder h-1\n");
    let mark = house.mail.mark();
    assert_eq!(holder(&house, &["invite", "r-1"]), "registration r-1 is invited, holder h-1\n");
    let token = house.mail.wait(mark, &ada.email, |mail| !mail.attachments.is_empty()).token();
    assert!(!holder(&house, &["requests"]).contains(&ada.email), "nothing waits any more");
    assert!(holder(&house, &["requests", "--all"]).contains(&ada.email));
    ada.chooses_password(&house, &token);
    let opened = ada.tries_to_log_in(&house).status(201).json();
    ada.token = opened["token"].as_str().unwrap().to_owned();

    assert!(holder(&house, &["list"]).contains("h-1"));
    let shown = holder(&house, &["show", &ada.email]);
    assert!(shown.contains("holder     h-1") && shown.contains("awaiting-activation"), "{shown}");
    assert!(holder(&house, &["history", "h-1"]).contains("login-succeeded"));
    assert!(holder(&house, &["history", "h-1", "--kind", "holder-invited"]).contains("admin"));
    assert!(holder(&house, &["messages", "h-1"]).contains("envelope-ready"));
    assert!(holder(&house, &["messages"]).contains("envelope-ready"));
    assert!(holder(&house, &["sessions", "list", "h-1"]).contains("127.0.0.1"));
    holder(&house, &["sessions", "end", "h-1"]);
    ada.get(&house, "").problem(401, "unauthorized-holder");
    ada.tries_to_log_in(&house).status(201);
    let block = ["block", &ada.email, "--reason", "phone stolen"];
    assert_eq!(holder(&house, &block), "holder h-1 is blocked\n");
    ada.tries_to_log_in(&house).problem(401, "invalid-login");
    let unblock = ["unblock", "h-1", "--reason", "seen in person"];
    assert_eq!(holder(&house, &unblock), "holder h-1 is active\n");
    ada.tries_to_log_in(&house).status(201);
    let close = ["close", "h-1", "--reason", "asked for in writing", "--yes"];
    assert_eq!(holder(&house, &close), "holder h-1 is closed\n");
    let erase = house.service.cli(&["holder", "erase", "h-1", "--yes"]);
    assert!(!erase.status.success());
    erase.says("the law asks to keep these data until");
}

/// A phone that was lost and whose holder cannot log in: the operator unlinks it, and no other.
#[test]
fn an_operator_unlinks_a_device() {
    let house = House::open();
    let ada = house.invited(0);
    let (lost, id) = super::isolation::link(&house, &ada, "phone");
    let (kept, _) = super::isolation::link(&house, &ada, "system");
    let listed = holder(&house, &["devices", "list", &ada.email]);
    assert!(listed.contains(&id) && listed.contains("system"), "{listed}");
    let mark = house.mail.mark();
    holder(&house, &["devices", "unlink", "h-1", &id]);
    let seen = |token: &str| house.client().bearer(token).get("/api/v1/holder/credentials").status;
    assert_eq!((seen(&lost), seen(&kept)), (401, 200));
    house.mail.wait(mark, &ada.email, |mail| mail.text.contains("phone"));
    let unlinked = ada.history(&house, "device-unlinked");
    assert_eq!((unlinked.len(), unlinked[0]["actor"].as_str()), (1, Some("admin")));
    assert!(!house.service.cli(&["holder", "devices", "unlink", "h-1", &id]).status.success());
    let actions: Vec<_> = trail(&house).iter().map(|event| event["action"].to_string()).collect();
    for action in ["device-end-asked-for", "device-unlinked", "holder-devices-read"] {
        assert!(actions.iter().any(|told| told.contains(action)), "{action}: {actions:?}");
    }
}

/// The trail is kept for ever and cannot be changed: of a person it has the number alone, also
/// when an operator writes a name into a reason or an address into a path.
#[test]
fn the_trail_of_an_operator_names_nobody() {
    let house = House::open();
    let mut ada = Person::new(0);
    ada.asks_for_an_account(&house);
    ada.is_invited(&house);
    let admin = house.admin();
    let reason = json!({ "reason": format!("asked for by {} {}", ada.given_name, ada.surname) });
    admin.post("/api/v1/admin/holders/h-1/close", &reason).status(200);
    let by_address = format!("/api/v1/admin/holders/{}/block", ada.email);
    admin.post(&by_address, &reason).status(404);
    let by_address = format!("/api/v1/admin/holders/{}/history", ada.fiscal_code);
    admin.get(&by_address).status(404);
    admin.get(&format!("/api/v1/admin/holders?user_id={}", ada.email)).status(200);
    admin.get("/api/v1/admin/holders/h-1/personal-data").status(200);

    let events = trail(&house);
    let actions: Vec<_> = events.iter().filter_map(|event| event["action"].as_str()).collect();
    for action in [
        "approval-asked-for",
        "invitation-asked-for",
        "closing-asked-for",
        "block-asked-for",
        "holder-history-read",
        "holders-read",
        "personal-data-read",
        "holder-registered",
        "holder-invited",
        "holder-closed",
        "personal-data-exported",
    ] {
        assert!(actions.contains(&action), "no {action} in {actions:?}");
    }
    let text = Value::from(events).to_string();
    for personal in [ada.email.as_str(), ada.given_name, ada.surname, ada.fiscal_code, &ada.phone] {
        assert!(!text.contains(personal), "{personal} is in the trail for ever");
    }
    assert!(text.contains("(no identifier)"), "{text}");
    // What the operator wrote is in the holder's history, which is erased one day.
    let history = admin.get("/api/v1/admin/holders/h-1/history?kind=holder-closed").json();
    assert_eq!(history["entries"][0]["details"]["reason"], reason["reason"], "{history}");
}

/// With no way to send messages nobody is registered: an invitation would reach nobody.
#[test]
fn without_messages_nobody_is_registered() {
    let service = crate::harness::Config::new().start();
    let ada = Person::new(0);
    let answer = service.client().post("/api/v1/registrations", &ada.registration());
    answer.problem(503, "no-channel");
    let answer = service.admin().post("/api/v1/admin/registrations", &ada.registration());
    let answer = answer.problem(503, "no-channel");
    assert!(answer.header("retry-after").is_some());
    assert!(answer.text().contains("[mail]"), "{}", answer.text());
}

/// A history as a table of values: every row whole, and nothing in it is computed when a
/// spreadsheet opens it.
#[test]
fn a_history_opens_safely_in_a_spreadsheet() {
    let house = House::open();
    let mut ada = Person::new(0);
    ada.asks_for_an_account(&house);
    let token = ada.is_invited(&house);
    ada.chooses_password(&house, &token);
    let reason = "=HYPERLINK(\"https://elsewhere.example\",\"a, b\")";
    let path = "/api/v1/admin/holders/h-1";
    house.admin().post(&format!("{path}/block"), &json!({ "reason": reason })).status(200);
    let headers = [("Accept", "text/csv")];
    let table = house.admin().send("GET", &format!("{path}/history"), &headers, None).status(200);
    assert_eq!(table.header("content-type"), Some("text/csv; charset=utf-8; header=present"));
    assert_eq!(table.header("cache-control"), Some("no-store"));
    let text = table.text();
    assert!(text.ends_with("\r\n") && !text.replace("\r\n", "").contains('\n'), "{text}");
    let blocked = text.lines().find(|line| line.contains("holder-blocked")).unwrap();
    assert!(blocked.contains(r#""reason: =HYPERLINK(""https://elsewhere.example"",""a, b"")""#));
    let entries = house.admin().get(&format!("{path}/history?limit=1000")).json();
    let entries = entries["entries"].as_array().unwrap();
    assert_eq!(text.lines().count(), entries.len() + 1);
}
