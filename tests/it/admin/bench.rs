//! `marca bench` and `marca health` against a running service.

use crate::harness::{Account, Program, Service};

/// The load generator counts what the service counts: a stamp for each token, no error, and its
/// samples verify.
#[test]
fn the_load_generator_and_the_books_agree() {
    let service = Service::demo();
    let account = Account::open(&service, "acme", 1_000_000);
    let load = ["bench", "--url", service.url(), "--connections", "4", "--seconds", "1", "--json"];
    let ran = Program::marca(&[&load[..], &["--key", &account.api_key]].concat()).run().ok();
    let report = ran.json();
    let tokens = report["tokens"].as_u64().unwrap();
    assert!(tokens > 0, "{report}");
    assert_eq!(report["verified"]["bad"], 0, "{report}");
    assert!(report["verified"]["good"].as_u64().unwrap() > 0, "{report}");
    assert_eq!(account.balance(&service), (1_000_000 - tokens, tokens));
}

/// Without stamps, and with a wrong key, it says so and is no success.
#[test]
fn the_load_generator_reports_refusals() {
    let service = Service::demo();
    let account = Account::open(&service, "poor", 0);
    for key in [account.api_key.as_str(), "marca_wrong_0123456789abcdef0123456789abcdef"] {
        let load = ["bench", "--url", service.url(), "--connections", "2", "--seconds", "1"];
        let ran = Program::marca(&[&load[..], &["--key", key]].concat()).run();
        assert!(!ran.status.success(), "{}{}", ran.out, ran.err);
    }
}

/// Ready is 0, nobody there is 3.
#[test]
fn health_has_exit_codes() {
    let service = Service::demo();
    Program::marca(&["health", "--server", service.url()]).run().ok();
    Program::marca(&["health", "--server", "http://127.0.0.1:1"]).run().code(3);
}
