//! The command line against the running service: what it prints, and its exit codes.

use crate::harness::{Account, Program, Reply, Service, request};
use serde_json::json;

/// Contract: `account create --json` prints exactly these members.
#[test]
fn account_create_prints_the_contracts_members() {
    let service = Service::demo();
    let created = service.cli(&["account", "create", "acme", "--stamps", "500", "--json"]).ok();
    let made = created.json();
    let members: Vec<&str> = made.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["api_key", "id", "name", "password", "stamps"]);
    assert_eq!((&made["name"], &made["stamps"]), (&json!("acme"), &json!(500)));
    let key = service.client().bearer(made["api_key"].as_str().unwrap());
    let password = service.client().basic("acme", made["password"].as_str().unwrap());
    key.stamp(&request::fresh()).status(200);
    password.stamp(&request::fresh()).status(200);
    assert_eq!(key.balance(), (498, 2));
    service.cli(&["account", "create", "acme", "--stamps", "1"]).code(1).says("acme");
}

/// Every act on an account, one after another, and what the API says afterwards.
#[test]
fn accounts_are_administered() {
    let service = Service::demo();
    let account = Account::open(&service, "acme", 10);
    let granted = account.client(&service).stamp(&request::fresh()).status(200);
    let serial = Reply::read(&granted.body).token().serial();

    assert!(service.cli(&["account", "list"]).ok().out.contains("acme"));
    let listed = service.cli(&["account", "list", "--json"]).ok().json();
    assert!(listed.to_string().contains("acme"));
    assert!(service.cli(&["account", "show", "acme"]).ok().out.contains("acme"));
    let shown = service.cli(&["account", "show", &account.id, "--json"]).ok().json();
    assert_eq!(shown["remaining"], 9);

    service.cli(&["account", "suspend", "acme", "--reason", "invoice open"]).ok();
    account.client(&service).stamp(&request::fresh()).status(403);
    service.cli(&["account", "reactivate", "acme"]).ok();
    service.cli(&["stamps", "grant", "acme", "25", "--order", "4711", "--json"]).ok();
    assert_eq!(account.balance(&service), (34, 1));
    service.cli(&["stamps", "refund", "acme", "--serial", &serial]).ok();
    assert_eq!(account.balance(&service), (35, 0));
    service.cli(&["stamps", "refund", "acme", "--serial", &serial]).code(1);

    let changed = service.cli(&["account", "password", "acme", "--json"]).ok().json();
    assert_ne!(changed["password"], account.password.as_str());
    let made = service.cli(&["account", "key", "create", "acme", "--json"]).ok().json();
    assert!(made["api_key"].as_str().unwrap().len() > 20);

    service.cli(&["account", "close", "acme", "--yes"]).ok();
    account.client(&service).stamp(&request::fresh()).status(403);
    service.cli(&["account", "show", "nobody"]).code(1);
}

/// Closing asks for the name; another answer changes nothing.
#[test]
fn closing_asks_for_the_name() {
    let service = Service::demo();
    let account = Account::open(&service, "acme", 10);
    let token = service.admin_token_file();
    let close = |answer: &str| {
        let arguments = ["account", "close", "acme", "--server", service.url()];
        let file = ["--admin-token-file", token.to_str().unwrap()];
        Program::marca(&[&arguments[..], &file].concat()).input(answer).run()
    };
    close("no\n").code(2);
    close("").code(2);
    assert_eq!(account.view(&service)["status"], "active");
    close("acme\n").ok();
    assert_eq!(account.view(&service)["status"], "closed");
}

/// A statement: opening, entries and closing, as a table and as JSON.
#[test]
fn a_statement_is_printed() {
    let service = Service::demo();
    let account = Account::open(&service, "acme", 10);
    for _ in 0..3 {
        account.client(&service).stamp(&request::fresh()).status(200);
    }
    let whole = service.cli(&["stamps", "statement", "acme", "--json"]).ok().json();
    assert_eq!((&whole["opening"], &whole["closing"]), (&json!(0), &json!(7)));
    let table = service.cli(&["stamps", "statement", "acme"]).ok().out;
    assert!(table.contains("opening: 0") && table.contains("closing: 7"), "{table}");
    let later = ["stamps", "statement", "acme", "--from", "2190-01-01", "--json"];
    assert_eq!(service.cli(&later).ok().json()["entries"], json!([]));
}

/// `tsu list` and `tsu show`.
#[test]
fn units_are_listed() {
    let service = Service::demo();
    let listed = service.cli(&["tsu", "list", "--json"]).ok().json();
    let id = listed["tsus"][0]["id"].as_str().unwrap();
    assert!(service.cli(&["tsu", "list"]).ok().out.contains("usable"));
    let pem = service.cli(&["tsu", "show", id, "--pem"]).ok().out;
    assert!(pem.starts_with("-----BEGIN CERTIFICATE-----"));
    service.cli(&["tsu", "show", "nosuch"]).code(1);
}

/// Exit code 3 and what to do, when there is no service or no token; 1 when the token is wrong;
/// 2 when the words are.
#[test]
fn errors_say_what_to_do() {
    let service = Service::demo();
    let list = |server: &str, token: &str| {
        let arguments = ["account", "list", "--server", server, "--admin-token-file", token];
        Program::marca(&arguments).directory(service.directory()).run()
    };
    let token = service.admin_token_file();
    let token = token.to_str().unwrap();
    // Port 1 is nobody's.
    list("http://127.0.0.1:1", token).code(3).says("is the service running");
    list(service.url(), "./nosuch").code(3).says("--admin-token-file");
    std::fs::write(service.directory().join("wrong"), "0123456789abcdef\n").unwrap();
    list(service.url(), "./wrong").code(1);
    Program::marca(&["account", "lsit"]).run().code(2).says("list");
    Program::marca(&["account", "create", "x"]).run().code(2).says("--stamps");
    Program::marca(&[]).run().code(2);
    Program::marca(&["--help"]).run().ok();
    Program::marca(&["--version"]).run().ok();
}

/// `config default` is a configuration that `config check` takes once the operator has decided
/// where the time comes from.
#[test]
fn the_default_configuration_is_good() {
    let directory = crate::harness::temporary();
    let text = Program::marca(&["config", "default"]).run().ok().out;
    std::fs::write(directory.path().join("marca.toml"), &text).unwrap();
    let check = ["config", "check", "--config", "marca.toml"];
    let refused = Program::marca(&check).directory(directory.path()).run().code(1);
    refused.says("time.servers").says("time.trust_machine_clock = true");
    let text = text.replace("# trust_machine_clock = false", "trust_machine_clock = true");
    std::fs::write(directory.path().join("marca.toml"), &text).unwrap();
    Program::marca(&check).directory(directory.path()).run().ok();
    std::fs::write(directory.path().join("marca.toml"), format!("{text}\ncolour = 1\n")).unwrap();
    let refused = Program::marca(&check).directory(directory.path()).run().code(1);
    refused.says("colour").says("marca.toml");
}
