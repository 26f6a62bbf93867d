//! What keeps a service from starting, and what must not.

use crate::harness::{Account, Program, Service, request};
use std::fs;

/// F19: a second process on the same data is refused, and told whose they are; the first goes on.
#[test]
fn a_data_directory_in_use_is_refused() {
    let service = Service::demo();
    let data = service.data().to_str().unwrap();
    let arguments = ["demo", "--listen", "127.0.0.1:0", "--data", data];
    let refused = Program::marca(&arguments).directory(service.directory()).run();
    assert!(!refused.status.success());
    let refused = refused.says("in use");
    assert!(refused.err.contains(&service.pid().to_string()), "{}", refused.err);
    service.demo_client().stamp(&request::fresh()).status(200);
}

/// A lock that a killed process left behind keeps nobody out.
#[test]
fn a_left_lock_keeps_nobody_out() {
    let mut service = Service::demo();
    for _ in 0..3 {
        service.kill();
        service.start();
    }
    service.demo_client().stamp(&request::fresh()).status(200);
}

/// The index is deleted, or overwritten with nonsense: it is built again, and the books are the
/// same.
#[test]
fn a_lost_index_is_built_again() {
    let mut service = Service::demo();
    let account = Account::open(&service, "acme", 50);
    for _ in 0..20 {
        account.client(&service).stamp(&request::fresh()).status(200);
    }
    let view = account.view(&service);
    service.kill();
    fs::remove_dir_all(service.data().join("index")).unwrap();
    service.start();
    assert_eq!(account.view(&service), view);
    service.stop();
    scribble(&service.data().join("index"));
    service.start();
    assert_eq!(account.view(&service), view);
    account.check_statement(&service);
}

/// Overwrites every file with nonsense.
fn scribble(directory: &std::path::Path) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            scribble(&path);
        } else {
            let length = fs::metadata(&path).unwrap().len() as usize;
            fs::write(&path, vec![0x5A; length]).unwrap();
        }
    }
}

/// F21: with 64 file descriptors the service waits rather than dies, and serves again.
#[test]
fn few_file_descriptors_are_survived() {
    let mut service = Service::demo_prepared(&[]).with_open_files(64).started();
    let many: Vec<_> =
        (0..150).map_while(|_| crate::harness::Raw::try_connect(service.address()).ok()).collect();
    assert!(many.len() > 60, "{} connections", many.len());
    assert!(service.is_alive());
    drop(many);
    crate::harness::eventually("it serves again", || {
        let client = service.demo_client();
        let headers = [("Content-Type", crate::harness::QUERY)];
        client
            .try_send("POST", "/tsa", &headers, Some(&request::fresh()))
            .is_ok_and(|answer| answer.status == 200)
    });
    assert!(service.is_alive());
    service.restart();
    let (remaining, used) = service.demo_client().balance();
    assert_eq!(remaining + used, 100);
}

/// A data directory that cannot be made is named.
#[test]
fn a_data_directory_that_cannot_be_made_is_named() {
    let directory = crate::harness::temporary();
    let file = directory.path().join("file");
    fs::write(&file, "x").unwrap();
    let data = file.join("data");
    let data = data.to_str().unwrap();
    let arguments = ["demo", "--listen", "127.0.0.1:0", "--data", data];
    let refused = Program::marca(&arguments).directory(directory.path()).run();
    assert!(!refused.status.success());
    refused.says(data);
}
