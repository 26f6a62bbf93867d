//! `marca store check | backup | restore | rebuild` on the data of a real service.

use crate::harness::{Account, Config, Load, Program, Reply, Service, request};
use std::path::Path;

fn store(arguments: &[&str]) -> crate::harness::Finished {
    Program::marca(&[&["store"], arguments].concat()).run()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A check is clean while the service runs, after it ended, and after it was killed.
#[test]
fn a_check_is_clean() {
    let mut service = Service::demo();
    let data = service.data().to_owned();
    let check = || store(&["check", "--data", text(&data), "--json"]).ok().json();
    let load = Load::begin(service.address(), &format!("Bearer {}", crate::harness::DEMO_KEY), 4);
    crate::harness::eventually("some are answered", || load.answered() > 30);
    assert_eq!(check()["findings"], serde_json::json!([]), "while it is written to");
    service.kill();
    load.end();
    assert_eq!(check()["findings"], serde_json::json!([]));
    service.start();
    service.stop();
    let checked = check();
    assert_eq!(checked["findings"], serde_json::json!([]));
    assert_eq!(checked["index"], "right", "{checked}");
    store(&["check", "--data", text(&data.join("nosuch"))]).code(1);
}

/// A backup made under load is a whole: from it a service starts, with every token up to some
/// instant, and its debit.
#[test]
fn a_backup_under_load_can_be_served() {
    let mut service = Config::new().start();
    let account = Account::open(&service, "acme", 5_000);
    let client = account.client(&service);
    let before = client.stamp(&request::fresh()).status(200);
    let load = Load::begin(service.address(), &account.bearer(), 4);
    crate::harness::eventually("some are answered", || load.answered() > 20);
    let copy = service.directory().join("copy");
    store(&["backup", "--data", text(service.data()), "--to", text(&copy)]).ok();
    store(&["backup", "--data", text(service.data()), "--to", text(&copy)]).code(1);
    load.end();
    service.stop();

    // The backup holds the books; keys and certificates are files of their own, and copied so.
    let restored = crate::harness::temporary();
    let data = restored.path().join("data");
    store(&["restore", "--data", text(&data), "--from", text(&copy)]).ok();
    store(&["restore", "--data", text(&data), "--from", text(&copy)]).code(1);
    for part in ["keys", "pki", "admin-token"] {
        let from = service.data().join(part);
        Program::new("cp", &["-a", text(&from), text(&data)]).run().ok();
    }
    let again = Config::new().directory(&data).start();
    let (remaining, used) = account.balance(&again);
    assert_eq!(remaining + used, 5_000);
    assert!(used >= 21, "{used}");
    account.check_statement(&again);
    let serial = Reply::read(&before.body).token().serial();
    let path = format!("/api/v1/timestamps/{serial}");
    assert_eq!(account.client(&again).get(&path).status(200).body, before.body);
}

/// The index can be deleted at any time: by the command, or by hand. The books are the same.
#[test]
fn the_index_is_rebuilt() {
    let mut service = Service::demo();
    let account = Account::open(&service, "acme", 50);
    let granted = account.client(&service).stamp(&request::fresh()).status(200);
    let view = account.view(&service);
    let data = service.data().to_owned();
    store(&["rebuild", "--data", text(&data)]).code(1).says("in use");
    service.stop();
    store(&["rebuild", "--data", text(&data)]).ok();
    service.start();
    assert_eq!(account.view(&service), view);
    service.stop();
    std::fs::remove_dir_all(data.join("index")).unwrap();
    service.start();
    assert_eq!(account.view(&service), view);
    let serial = Reply::read(&granted.body).token().serial();
    let path = format!("/api/v1/timestamps/{serial}");
    assert_eq!(account.client(&service).get(&path).status(200).body, granted.body);
    account.check_statement(&service);
}

/// A restore never writes over data that are there.
#[test]
fn a_restore_needs_an_empty_place() {
    let mut service = Service::demo();
    let copy = service.directory().join("copy");
    store(&["backup", "--data", text(service.data()), "--to", text(&copy)]).ok();
    store(&["restore", "--data", text(service.data()), "--from", text(&copy)]).code(1);
    let missing = service.directory().join("nosuch");
    let new = service.directory().join("new");
    store(&["restore", "--data", text(&new), "--from", text(&missing)]).code(1);
    service.demo_client().stamp(&request::fresh()).status(200);
    service.restart();
    assert_eq!(service.demo_client().balance(), (99, 1));
}

/// A byte of a backup that has changed is found before anything is served from it.
#[test]
fn a_damaged_backup_is_refused() {
    let service = Service::demo();
    for _ in 0..20 {
        service.demo_client().stamp(&request::fresh()).status(200);
    }
    let copy = service.directory().join("copy");
    store(&["backup", "--data", text(service.data()), "--to", text(&copy)]).ok();
    crate::faults::damage::flip_in_the_middle(&copy);
    let new = service.directory().join("new");
    store(&["restore", "--data", text(&new), "--from", text(&copy)]).code(1);
}
