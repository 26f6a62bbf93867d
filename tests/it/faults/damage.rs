//! Damage of the journal: in the middle a start is refused, a torn tail is cut off.

use crate::harness::{Account, Program, Reply, Service, request, temporary};
use std::fs;
use std::path::{Path, PathBuf};

/// The files of a journal, wherever they are below `directory`, the first segment first.
fn segments(directory: &Path) -> Vec<PathBuf> {
    let journal = directory.join("journal");
    let mut found: Vec<PathBuf> = fs::read_dir(&journal)
        .unwrap_or_else(|error| panic!("{}: {error}", journal.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file() && fs::metadata(path).unwrap().len() > 0)
        .collect();
    found.sort();
    found
}

/// Where the last octet that is not zero is: a segment has its whole length from the start.
fn written(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|octet| *octet != 0).unwrap()
}

/// The segment that holds most of what was written.
fn busiest(directory: &Path) -> (PathBuf, Vec<u8>) {
    let all = segments(directory).into_iter().map(|path| {
        let bytes = fs::read(&path).unwrap();
        (path, bytes)
    });
    all.filter(|(_, bytes)| bytes.iter().any(|octet| *octet != 0))
        .max_by_key(|(_, bytes)| written(bytes))
        .unwrap()
}

/// Changes one octet in the middle of what was written.
pub(crate) fn flip_in_the_middle(directory: &Path) {
    let (path, mut bytes) = busiest(directory);
    let end = written(&bytes);
    let at = (end / 2..end).find(|&at| bytes[at] != 0).unwrap();
    bytes[at] ^= 0x40;
    fs::write(path, bytes).unwrap();
}

fn with_tokens(count: usize) -> (Service, Account, Vec<Vec<u8>>) {
    let service = Service::demo();
    let account = Account::open(&service, "acme", 100);
    let client = account.client(&service);
    let tokens = (0..count).map(|_| client.stamp(&request::fresh()).status(200).body).collect();
    (service, account, tokens)
}

/// F03, F13: damage in the middle is never passed over: the start is refused, with what to do.
#[test]
fn damage_in_the_middle_is_refused() {
    let (mut service, _account, _tokens) = with_tokens(30);
    service.stop();
    flip_in_the_middle(service.data());
    let refused = service.fails_to_start().says("damage");
    assert!(refused.err.contains("restore"), "it says what to do:\n{}", refused.err);
    let data = service.data().to_str().unwrap();
    let check = Program::marca(&["store", "check", "--data", data]).run().code(1);
    assert!(check.out.contains("damage"), "{}{}", check.out, check.err);
}

/// F03: a tail that was torn by a power cut is cut off; all before it is there.
#[test]
fn a_torn_tail_is_cut_off() {
    let (mut service, account, mut tokens) = with_tokens(20);
    // No clean end, so that the last frame is the last token's.
    service.kill();
    let (path, mut bytes) = busiest(service.data());
    let end = written(&bytes);
    bytes[end - 40..=end].fill(0);
    fs::write(path, bytes).unwrap();
    service.start();
    let torn = tokens.pop().unwrap();
    let (remaining, used) = account.balance(&service);
    assert_eq!((remaining, used), (81, 19));
    account.check_statement(&service);
    let path = |token: &[u8]| format!("/api/v1/timestamps/{}", Reply::read(token).token().serial());
    for token in &tokens {
        assert_eq!(&account.client(&service).get(&path(token)).status(200).body, token);
    }
    account.client(&service).get(&path(&torn)).status(404);
    account.client(&service).stamp(&request::fresh()).status(200);
    service.restart();
    assert_eq!(account.balance(&service), (80, 20));
}

/// A segment that is missing, or cut short in its written part, is damage as well.
#[test]
fn a_missing_segment_is_refused() {
    let (mut service, _account, _tokens) = with_tokens(10);
    service.stop();
    let (path, _) = busiest(service.data());
    fs::remove_file(&path).unwrap();
    let refused = service.fails_to_start();
    assert!(!refused.err.is_empty());
}

/// F13: octets changed all over the written part, one at a time: each is found, or harmless; the
/// balance is never another one than before.
#[test]
fn a_changed_octet_never_changes_a_balance() {
    let (mut service, account, _tokens) = with_tokens(5);
    let view = account.view(&service);
    service.stop();
    let (path, good) = busiest(service.data());
    let kept = temporary();
    let copy = |from: &Path, to: &Path| {
        let (from, to) = (format!("{}/.", from.display()), to.to_str().unwrap());
        Program::new("cp", &["-a", "--sparse=always", &from, to]).run().ok();
    };
    copy(service.data(), kept.path());
    // A start on a change that is harmless writes on, into the trail for one: everything that it
    // left is taken away before the next one.
    let data = service.data().to_owned();
    let put = |journal: &[u8]| {
        fs::remove_dir_all(&data).unwrap();
        fs::create_dir(&data).unwrap();
        copy(kept.path(), &data);
        fs::remove_dir_all(data.join("index")).ok();
        fs::write(&path, journal).unwrap();
    };
    let end = written(&good);
    let step = if crate::harness::long() { end / 200 } else { end / 12 };
    for at in (1..end).step_by(step.max(1)) {
        let mut bytes = good.clone();
        bytes[at] ^= 0x01;
        put(&bytes);
        let data = service.data().to_str().unwrap();
        let check = Program::marca(&["store", "check", "--data", data]).run();
        if check.status.success() {
            service.start();
            let now = account.view(&service);
            service.stop();
            assert_eq!(now, view, "octet {at} of {}", path.display());
        }
    }
    put(&good);
    service.start();
    assert_eq!(account.view(&service), view);
}
