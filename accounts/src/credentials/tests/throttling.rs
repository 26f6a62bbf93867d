//! Failures are counted and slow down the next try; they never stop who has the right to enter.

use super::*;
use crate::credentials::AuthError;
use std::time::Duration;

fn wait_of(outcome: Result<StampAccountId, AuthError>) -> Option<u64> {
    match outcome {
        Err(AuthError::Slowed { retry_after }) => Some(retry_after.as_secs()),
        Err(AuthError::Denied) => None,
        other => panic!("{other:?}"),
    }
}

/// Fails `times` times with different passwords, at an instant when that is not slowed.
fn fail(bench: &Bench, name: &str, times: usize, seconds: i64) {
    for n in 0..times {
        let outcome = bench.by_password(name, &format!("wrong password {n}"), seconds);
        assert_eq!(wait_of(outcome), None);
    }
}

#[test]
fn the_wait_doubles_from_the_third_failure_to_a_minute() {
    let bench = Bench::new();
    bench.with_password("ada");
    for name in ["ada", "nobody"] {
        fail(&bench, name, 3, 0);
        let mut now = 0;
        for wait in [1, 2, 4, 8, 16, 32, 60, 60, 60] {
            let checks = bench.checks();
            assert_eq!(wait_of(bench.by_password(name, "next wrong", now)), Some(wait), "{name}");
            assert_eq!(bench.checks(), checks, "what is slowed is not checked");
            now += i64::try_from(wait).unwrap();
            assert_eq!(wait_of(bench.by_password(name, "next wrong", now)), None, "{name}");
        }
    }
}

#[test]
fn a_success_takes_the_count_away() {
    let bench = Bench::new();
    bench.with_password("ada");
    fail(&bench, "ada", 2, 0);
    bench.by_password("ada", RIGHT, 0).unwrap();
    fail(&bench, "ada", 3, 100);
    assert_eq!(wait_of(bench.by_password("ada", "wrong again", 100)), Some(1));
}

#[test]
fn the_right_password_waits_too_when_nobody_knows_it_yet() {
    let bench = Bench::new();
    bench.with_password("ada");
    fail(&bench, "ada", 3, 0);
    assert_eq!(wait_of(bench.by_password("ada", RIGHT, 0)), Some(1));
    assert!(bench.by_password("ada", RIGHT, 1).is_ok());
}

#[test]
fn guessing_does_not_shut_out_a_password_that_was_right() {
    let bench = Bench::new();
    let id = bench.with_password("ada");
    bench.by_password("ada", RIGHT, 0).unwrap();
    fail(&bench, "ada", 3, 0);
    assert_eq!(wait_of(bench.by_password("ada", "wrong again", 0)), Some(1));
    assert_eq!(bench.by_password("ada", RIGHT, 0).unwrap(), id);
    // Also when its time in the memory is over: it is checked again, without waiting.
    fail(&bench, "ada", 1, 70);
    assert!(wait_of(bench.by_password("ada", "wrong again", 70)).is_some());
    let checks = bench.checks();
    assert_eq!(bench.by_password("ada", RIGHT, 70).unwrap(), id);
    assert_eq!(bench.checks(), checks + 1);
}

#[test]
fn guessing_does_not_touch_api_keys() {
    let bench = Bench::new();
    let id = bench.with_password("ada");
    let key = block_on(bench.credentials.issue_api_key(id, "ci", at(0))).unwrap();
    fail(&bench, "ada", 3, 0);
    assert!(wait_of(bench.by_password("ada", "wrong again", 0)).is_some());
    assert_eq!(bench.credentials.by_api_key(key.expose(), at(0)).unwrap(), id);
}

#[test]
fn names_are_slowed_one_by_one() {
    let bench = Bench::new();
    bench.with_password("ada");
    let bob = bench.with_password("bob");
    fail(&bench, "ada", 3, 0);
    assert_eq!(bench.by_password("bob", RIGHT, 0).unwrap(), bob);
}

#[test]
fn tries_side_by_side_are_each_counted_and_cannot_outrun_the_count() {
    let bench = Bench::new();
    bench.with_password("ada");
    let denied = std::sync::atomic::AtomicU64::new(0);
    std::thread::scope(|scope| {
        for n in 0..32 {
            let (bench, denied) = (&bench, &denied);
            scope.spawn(move || {
                let outcome = bench.by_password("ada", &format!("guess number {n}"), 0);
                if wait_of(outcome).is_none() {
                    denied.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                }
            });
        }
    });
    assert_eq!(denied.into_inner(), 3, "only the free tries were checked");
    assert_eq!(bench.checks(), 3);
    assert_eq!(bench.credentials.0.throttle.count_of("ada").unwrap().count, 3);
}

#[test]
fn equal_wrong_tries_side_by_side_are_each_counted() {
    let bench = Bench::new();
    bench.with_password("ada");
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| wait_of(bench.by_password("ada", "the same guess", 0)));
        }
    });
    assert_eq!(bench.credentials.0.throttle.count_of("ada").unwrap().count, 2);
}

#[test]
fn the_count_of_a_real_name_survives_a_restart() {
    let bench = Bench::new();
    bench.with_password("ada");
    fail(&bench, "ada", 3, 0);
    let again = bench.reopened();
    assert_eq!(wait_of(again.by_password("ada", "wrong again", 0)), Some(1));
    assert_eq!(wait_of(again.by_password("ada", "wrong again", 1)), None);
    assert_eq!(wait_of(again.by_password("ada", "wrong again", 1)), Some(2));
}

#[test]
fn a_new_password_starts_with_a_count_of_nothing() {
    let bench = Bench::new();
    let id = bench.with_password("ada");
    fail(&bench, "ada", 3, 0);
    bench.set_password(id, "ada", "another password");
    assert_eq!(bench.by_password("ada", "another password", 0).unwrap(), id);
    let again = bench.reopened();
    assert_eq!(again.by_password("ada", "another password", 0).unwrap(), id);
}

#[test]
fn a_clock_set_back_does_not_lengthen_the_wait() {
    let bench = Bench::new();
    bench.with_password("ada");
    fail(&bench, "ada", 3, 3_600);
    assert_eq!(wait_of(bench.by_password("ada", "wrong again", 0)), Some(1));
    assert_eq!(wait_of(bench.by_password("ada", "wrong again", 1)), None);
}

#[test]
fn the_table_of_names_is_bounded_and_forgets_the_one_that_rested_longest() {
    let throttle = crate::credentials::throttle::Throttle::new(3);
    for (n, name) in ["a", "b", "c", "d"].into_iter().enumerate() {
        let now = i64::try_from(n).unwrap();
        assert_eq!(throttle.begin(name, None, now), Ok::<(), Duration>(()));
    }
    let known = ["a", "b", "c", "d"].map(|name| throttle.knows(name));
    assert_eq!(known, [false, true, true, true]);
}
