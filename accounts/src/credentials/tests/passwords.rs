//! Passwords: right, wrong, unknown, remembered, changed.

use super::*;
use crate::credentials::tables::PASSWORD;
use crate::credentials::{AuthError, CredentialError};
use store::Store;

#[test]
fn the_right_password_opens_and_the_name_has_no_case() {
    let bench = Bench::new();
    let id = bench.with_password("ada");
    assert_eq!(bench.by_password("ada", RIGHT, 0).unwrap(), id);
    assert_eq!(bench.by_password("ADA", RIGHT, 0).unwrap(), id);
}

#[test]
fn a_wrong_password_an_unknown_name_and_a_name_without_password_are_the_same() {
    let bench = Bench::new();
    bench.with_password("ada");
    bench.account("bob");
    let long = "x".repeat(300);
    for name in ["ada", "bob", "nobody", "not a name", "", long.as_str()] {
        let before = bench.credentials.statistics();
        let error = bench.by_password(name, "wrong password", 0).unwrap_err();
        assert_eq!(error.to_string(), "these credentials are not valid", "{name}");
        let after = bench.credentials.statistics();
        // The same work: exactly one computed check, whether there is a hash or not.
        assert_eq!(after.password_checks, before.password_checks + 1, "{name}");
        let dummy = u64::from(name != "ada");
        assert_eq!(after.dummy_checks, before.dummy_checks + dummy, "{name}");
    }
}

#[test]
fn a_name_too_long_is_not_that_of_its_beginning() {
    let bench = Bench::new();
    let name = "a".repeat(32);
    bench.with_password(&name);
    let error = bench.by_password(&"a".repeat(65), RIGHT, 0).unwrap_err();
    assert!(matches!(error, AuthError::Denied));
}

#[test]
fn nothing_is_cut_from_a_password() {
    let bench = Bench::new();
    let id = bench.account("ada");
    let long = "ü".repeat(128);
    bench.set_password(id, "ada", &long);
    assert_eq!(bench.by_password("ada", &long, 0).unwrap(), id);
    let shorter = "ü".repeat(127);
    assert!(bench.by_password("ada", &shorter, 0).is_err());
    assert!(bench.by_password("ada", &long.to_uppercase(), 0).is_err());
}

#[test]
fn a_success_is_remembered_for_its_time_and_costs_no_check() {
    let bench = Bench::new();
    let id = bench.with_password("ada");
    let remembered = |seconds| bench.credentials.by_password_cached("ada", RIGHT, at(seconds));
    assert_eq!(remembered(0), None);
    bench.by_password("ada", RIGHT, 0).unwrap();
    assert_eq!(bench.checks(), 1);
    assert_eq!(remembered(59), Some(id));
    assert_eq!(bench.credentials.by_password_cached("Ada", RIGHT, at(59)), Some(id));
    assert_eq!(bench.credentials.by_password_cached("ada", "wrong password", at(59)), None);
    bench.by_password("ada", RIGHT, 59).unwrap();
    assert_eq!(bench.checks(), 1);
    assert_eq!(remembered(60), None);
    bench.by_password("ada", RIGHT, 60).unwrap();
    assert_eq!(bench.checks(), 2);
    // A clock that was set back does not make a success last longer.
    assert_eq!(remembered(-1), None);
}

#[test]
fn a_remembered_success_dies_with_a_change_of_the_password() {
    let bench = Bench::new();
    let id = bench.with_password("ada");
    bench.by_password("ada", RIGHT, 0).unwrap();
    bench.set_password(id, "ada", "another password");
    assert_eq!(bench.credentials.by_password_cached("ada", RIGHT, at(1)), None);
    assert!(matches!(bench.by_password("ada", RIGHT, 1), Err(AuthError::Denied)));
    assert_eq!(bench.by_password("ada", "another password", 1).unwrap(), id);
}

#[test]
fn a_remembered_success_dies_when_the_password_is_taken_away() {
    let bench = Bench::new();
    let id = bench.with_password("ada");
    bench.by_password("ada", RIGHT, 0).unwrap();
    block_on(bench.credentials.remove_password(id, "ada")).unwrap();
    assert_eq!(bench.credentials.by_password_cached("ada", RIGHT, at(1)), None);
    assert!(matches!(bench.by_password("ada", RIGHT, 1), Err(AuthError::Denied)));
}

#[test]
fn a_check_that_was_under_way_during_a_change_is_not_remembered() {
    let bench = Bench::new();
    let successes = &bench.credentials.0.successes;
    let digest = successes.digest("ada", RIGHT);
    let epoch = successes.epoch();
    successes.forget("ada");
    successes.insert("ada", digest, StampAccountId::new(1), 0, epoch);
    assert_eq!(successes.find("ada", &digest), None);
    successes.insert("ada", digest, StampAccountId::new(1), 0, successes.epoch());
    assert!(successes.find("ada", &digest).is_some());
}

#[test]
fn a_check_that_a_change_overtakes_decides_by_the_new_password() {
    for (tried, right) in [(RIGHT, false), ("another password", true)] {
        let bench = Bench::new();
        let id = bench.with_password("ada");
        let credentials = bench.credentials.clone();
        // The record has been read; before the check goes on, the change is done and answered.
        bench.store.after_read(PASSWORD, move || {
            let password = Password::new("another password".to_owned()).unwrap();
            block_on(credentials.set_password(id, "ada", password, at(0))).unwrap();
        });
        assert_eq!(bench.by_password("ada", tried, 0).is_ok(), right, "{tried}");
        let remembered = bench.credentials.by_password_cached("ada", tried, at(0));
        assert_eq!(remembered.is_some(), right, "{tried}");
    }
}

#[test]
fn a_change_of_another_password_costs_no_second_check() {
    let bench = Bench::new();
    let id = bench.with_password("ada");
    let bob = bench.with_password("bob");
    let credentials = bench.credentials.clone();
    bench.store.after_read(PASSWORD, move || {
        let password = Password::new("another password".to_owned()).unwrap();
        block_on(credentials.set_password(bob, "bob", password, at(0))).unwrap();
    });
    assert_eq!(bench.by_password("ada", RIGHT, 0).unwrap(), id);
    assert_eq!(bench.checks(), 1);
}

#[test]
fn a_check_that_panics_is_not_waited_for_ever_after() {
    let bench = Bench::new();
    let id = bench.with_password("ada");
    bench.store.after_read(PASSWORD, || panic!("as a test wants it"));
    assert!(matches!(bench.by_password("ada", RIGHT, 0), Err(AuthError::Busy)));
    assert_eq!(bench.by_password("ada", RIGHT, 0).unwrap(), id);
}

#[test]
fn a_password_is_set_only_for_the_account_with_that_name() {
    let bench = Bench::new();
    bench.account("ada");
    let bob = bench.account("bob");
    for name in ["ada", "nobody", "not a name"] {
        let password = Password::new(RIGHT.to_owned()).unwrap();
        let set = bench.credentials.set_password(bob, name, password, at(0));
        let error = block_on(set).unwrap_err();
        assert!(matches!(error, CredentialError::UnknownAccount { .. }), "{error}");
    }
}

#[test]
fn an_old_hash_is_renewed_at_the_next_success() {
    let old = Bench::new();
    let id = old.with_password("ada");
    let phc = |bench: &Bench| {
        let bytes = bench.store.get(PASSWORD, b"ada").unwrap().unwrap();
        let record: super::super::records::PasswordRecord =
            crate::encoding::decode(PASSWORD, b"ada", &bytes).unwrap();
        record.phc
    };
    assert!(phc(&old).contains("t=1"), "{}", phc(&old));
    let settings = CredentialSettings { argon2: Argon2Cost::for_tests(2), ..old.settings };
    let new = Bench::over(old.store.reopened(), settings);
    assert!(new.by_password("ada", "wrong password", 0).is_err());
    assert!(phc(&new).contains("t=1"), "a failure renews nothing");
    new.by_password("ada", RIGHT, 0).unwrap();
    assert!(phc(&new).contains("t=2"), "{}", phc(&new));
    assert_eq!(new.by_password("ada", RIGHT, 600).unwrap(), id);
}

#[test]
fn many_requests_with_one_password_are_one_check() {
    let bench = Bench::new();
    let id = bench.with_password("ada");
    std::thread::scope(|scope| {
        for _ in 0..32 {
            scope.spawn(|| assert_eq!(bench.by_password("ada", RIGHT, 0).unwrap(), id));
        }
    });
    // Some may have come after the end of the first check; those found it remembered.
    assert_eq!(bench.checks(), 1);
}

#[test]
fn a_full_queue_is_busy_and_not_an_answer() {
    let settings = CredentialSettings { concurrent_checks: 1, queue: 1, ..Bench::new().settings };
    let bench = Bench::over(MapStore::new(), settings);
    bench.with_password("ada");
    // The one thread waits for this lock, and the one place in the queue is taken as well.
    let gate = Arc::new(parking_lot::Mutex::new(()));
    let closed = gate.lock();
    let (started, wait) = std::sync::mpsc::channel();
    let inner = &bench.credentials.0;
    let task = gate.clone();
    inner
        .pool
        .submit(Box::new(move || {
            started.send(()).unwrap();
            drop(task.lock());
        }))
        .unwrap();
    wait.recv().unwrap();
    inner.pool.submit(Box::new(|| {})).unwrap();
    assert!(matches!(bench.by_password("ada", RIGHT, 0), Err(AuthError::Busy)));
    drop(closed);
}

#[test]
fn weak_parameters_are_refused_by_name() {
    for (memory, passes) in [(19_455, 2), (47_103, 1), (12_287, 3), (65_536, 0)] {
        let error = Argon2Cost::new(memory, passes, 1).unwrap_err();
        assert!(error.to_string().contains("19456 KiB with 2 passes"), "{error}");
    }
    for (memory, passes) in [(19_456, 2), (47_104, 1), (12_288, 3)] {
        assert!(Argon2Cost::new(memory, passes, 1).is_ok());
    }
    assert_eq!(Argon2Cost::default(), Argon2Cost::new(19_456, 2, 1).unwrap());
}

#[test]
fn the_real_parameters_work_and_are_written_down() {
    let settings = CredentialSettings { argon2: Argon2Cost::default(), ..Bench::new().settings };
    let bench = Bench::over(MapStore::new(), settings);
    let id = bench.with_password("ada");
    assert_eq!(bench.by_password("ada", RIGHT, 0).unwrap(), id);
    let stored = bench.store.get(PASSWORD, b"ada").unwrap().unwrap();
    let text = String::from_utf8_lossy(&stored).into_owned();
    assert!(text.contains("$argon2id$v=19$m=19456,t=2,p=1$"), "{text}");
    assert!(!text.contains(RIGHT));
}
