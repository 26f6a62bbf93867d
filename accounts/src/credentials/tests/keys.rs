//! API keys: shown once, found by prefix, two alive, dead at once.

use super::*;
use crate::credentials::tables::API_KEY;
use crate::credentials::{AuthError, CredentialError};
use store::Store;

const DEMO: &str = "marca_demo_0123456789abcdef0123456789abcdef";

fn denied(bench: &Bench, key: &str) -> bool {
    matches!(bench.credentials.by_api_key(key, at(0)), Err(AuthError::Denied))
}

#[test]
fn a_key_opens_its_account_and_is_stored_nowhere() {
    let bench = Bench::new();
    let id = bench.account("ada");
    let key = block_on(bench.credentials.issue_api_key(id, "ci", at(0))).unwrap();
    assert_eq!(bench.credentials.by_api_key(key.expose(), at(0)).unwrap(), id);
    let (_, secret) = key.expose().rsplit_once('_').unwrap();
    for (_, value) in bench.store.contents() {
        assert!(!String::from_utf8_lossy(&value).contains(secret));
    }
    let again = bench.reopened();
    assert_eq!(again.credentials.by_api_key(key.expose(), at(0)).unwrap(), id);
}

#[test]
fn a_key_that_differs_in_anything_is_denied() {
    let bench = Bench::new();
    let id = bench.account("ada");
    block_on(bench.credentials.import_api_key(id, DEMO, "demo", at(0))).unwrap();
    assert!(bench.credentials.by_api_key(DEMO, at(0)).is_ok());
    for position in 0..DEMO.len() {
        let mut other = DEMO.as_bytes().to_vec();
        other[position] = if other[position] == b'0' { b'1' } else { b'0' };
        assert!(denied(&bench, std::str::from_utf8(&other).unwrap()));
    }
    for other in ["", "marca_demo_", "marca__", &DEMO.to_uppercase(), &format!("{DEMO} ")] {
        assert!(denied(&bench, other), "{other}");
    }
}

#[test]
fn a_revoked_key_is_refused_at_once() {
    let bench = Bench::new();
    let id = bench.account("ada");
    block_on(bench.credentials.import_api_key(id, DEMO, "demo", at(0))).unwrap();
    assert!(bench.credentials.by_api_key(DEMO, at(0)).is_ok());
    block_on(bench.credentials.revoke_api_key(id, "demo", at(5))).unwrap();
    assert!(denied(&bench, DEMO));
    assert!(denied(&bench.reopened(), DEMO));
    // Revoking it again changes nothing, its date neither.
    block_on(bench.credentials.revoke_api_key(id, "demo", at(9))).unwrap();
    let keys = bench.credentials.list_api_keys(id).unwrap();
    assert_eq!(keys[0].revoked_at, Some(at(5)));
}

#[test]
fn two_keys_are_alive_and_a_third_is_refused() {
    let bench = Bench::new();
    let id = bench.account("ada");
    let issue = |label| block_on(bench.credentials.issue_api_key(id, label, at(0)));
    let first = issue("first").unwrap();
    let second = issue("second").unwrap();
    let error = issue("third").unwrap_err();
    assert!(error.to_string().contains("revoke one of them first"), "{error}");
    block_on(bench.credentials.revoke_api_key(id, first.prefix(), at(1))).unwrap();
    let third = issue("third").unwrap();
    assert!(bench.credentials.by_api_key(second.expose(), at(1)).is_ok());
    assert!(bench.credentials.by_api_key(third.expose(), at(1)).is_ok());
    // Another account has its own two.
    let bob = bench.account("bob");
    assert!(block_on(bench.credentials.issue_api_key(bob, "bob's", at(0))).is_ok());
    assert_eq!(bench.credentials.list_api_keys(id).unwrap().len(), 3);
    assert_eq!(bench.credentials.list_api_keys(bob).unwrap().len(), 1);
}

#[test]
fn a_key_belongs_to_its_account_only() {
    let bench = Bench::new();
    let (ada, bob) = (bench.account("ada"), bench.account("bob"));
    block_on(bench.credentials.import_api_key(ada, DEMO, "demo", at(0))).unwrap();
    let error = block_on(bench.credentials.revoke_api_key(bob, "demo", at(0))).unwrap_err();
    assert!(matches!(error, CredentialError::UnknownKey { .. }));
    let error = block_on(bench.credentials.import_api_key(bob, DEMO, "x", at(0))).unwrap_err();
    assert!(matches!(error, CredentialError::PrefixTaken(_)));
    let nobody = StampAccountId::new(99);
    let error = block_on(bench.credentials.issue_api_key(nobody, "x", at(0))).unwrap_err();
    assert!(matches!(error, CredentialError::UnknownAccountId(_)));
}

#[test]
fn the_day_of_the_last_use_is_written_once_a_day() {
    let bench = Bench::new();
    let id = bench.account("ada");
    block_on(bench.credentials.import_api_key(id, DEMO, "demo", at(0))).unwrap();
    let last = || bench.credentials.list_api_keys(id).unwrap()[0].last_used_on;
    assert_eq!(last(), None);
    let written = bench.store.journal().len();
    for seconds in 0..100 {
        bench.credentials.by_api_key(DEMO, at(seconds)).unwrap();
    }
    assert_eq!(last(), Some(at(0).date_naive()));
    assert_eq!(bench.store.journal().len(), written + 1);
    bench.credentials.by_api_key(DEMO, at(86_400)).unwrap();
    assert_eq!(last(), Some(at(86_400).date_naive()));
    assert_eq!(bench.store.journal().len(), written + 2);
}

#[test]
fn the_day_of_the_last_use_makes_nobody_wait() {
    let bench = Bench::new();
    let id = bench.account("ada");
    block_on(bench.credentials.import_api_key(id, DEMO, "demo", at(0))).unwrap();
    bench.store.pause();
    assert_eq!(bench.credentials.by_api_key(DEMO, at(0)).unwrap(), id);
    assert_eq!(bench.store.waiting(), 1);
    bench.store.resume();
}

#[test]
fn a_write_of_the_last_use_does_not_bring_a_revoked_key_back() {
    let bench = Bench::new();
    let id = bench.account("ada");
    block_on(bench.credentials.import_api_key(id, DEMO, "demo", at(0))).unwrap();
    bench.credentials.by_api_key(DEMO, at(0)).unwrap();
    block_on(bench.credentials.revoke_api_key(id, "demo", at(1))).unwrap();
    bench.credentials.0.note_use("demo", 99_999);
    let keys = bench.credentials.list_api_keys(id).unwrap();
    assert_eq!(keys[0].revoked_at, Some(at(1)));
    assert!(denied(&bench, DEMO));
}

#[test]
fn labels_are_checked() {
    let bench = Bench::new();
    let id = bench.account("ada");
    for label in [String::new(), "x".repeat(65), "a\nb".to_owned()] {
        let error = block_on(bench.credentials.issue_api_key(id, &label, at(0))).unwrap_err();
        assert!(matches!(error, CredentialError::BadLabel(_)));
    }
}

#[test]
fn a_damaged_record_is_said_to_be_damage() {
    let bench = Bench::new();
    use store::StoreExt;
    let write = |tx: &mut dyn store::Transaction| {
        tx.put(API_KEY, b"demo", b"\xff");
        Ok(())
    };
    bench.store.transact(write).wait().unwrap();
    let error = bench.credentials.by_api_key(DEMO, at(0)).unwrap_err();
    assert!(error.to_string().contains("table api-key, key 64656d6f"), "{error}");
    assert!(bench.store.get(API_KEY, b"demo").unwrap().is_some());
}
