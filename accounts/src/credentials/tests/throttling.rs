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

/// Fails `times` times with passwords never tried before, when that is not slowed.
fn fail(bench: &Bench, name: &str, times: usize, seconds: i64) {
    fail_from(bench, HOME, name, times, seconds);
}

fn fail_from(bench: &Bench, from: IpAddr, name: &str, times: usize, seconds: i64) {
    for n in 0..times {
        let guess = format!("wrong password {n} at {seconds} from {from}");
        assert_eq!(wait_of(bench.by_password_from(from, name, &guess, seconds)), None);
    }
}

/// An address for each number.
fn address(n: u16) -> IpAddr {
    let [high, low] = n.to_be_bytes();
    IpAddr::from([198, 18, high, low])
}

/// Uses up the budget of a name with one failure from each of 30 addresses.
fn use_up_budget(bench: &Bench, name: &str, seconds: i64) {
    for n in 0..30 {
        fail_from(bench, address(n), name, 1, seconds);
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
            let (checks, guess) = (bench.checks(), format!("next wrong {now}"));
            assert_eq!(wait_of(bench.by_password(name, &guess, now)), Some(wait), "{name}");
            assert_eq!(bench.checks(), checks, "what is slowed is not checked");
            now += i64::try_from(wait).unwrap();
            assert_eq!(wait_of(bench.by_password(name, &guess, now)), None, "{name}");
        }
        // A rest of a quarter of an hour forgets the failures.
        now += 900;
        fail(&bench, name, 3, now);
        assert_eq!(wait_of(bench.by_password(name, "next wrong", now)), Some(1), "{name}");
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
    assert_eq!(bench.credentials.0.throttle.failures("ada", HOME), 3);
}

#[test]
fn equal_wrong_tries_are_one_check_and_count_once() {
    let bench = Bench::new();
    let id = bench.with_password("ada");
    for (name, asked) in [("ada", 1), ("nobody", 2)] {
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| wait_of(bench.by_password(name, "the same guess", 0)));
            }
        });
        // The same question is slowed down by itself, known or not.
        let waits = (0..100).map(|at| wait_of(bench.by_password(name, "the same guess", at)));
        let (answered, slowed): (Vec<_>, Vec<_>) = waits.partition(Option::is_none);
        assert!(!answered.is_empty() && slowed.len() > 80, "{name}: {answered:?} {slowed:?}");
        assert_eq!(bench.checks(), asked, "{name}: the same for a name that does not exist");
        assert_eq!(bench.credentials.0.throttle.failures(name, HOME), 1, "{name}");
    }
    // A tool that went on with an old password has not made its owner wait.
    assert_eq!(bench.by_password("ada", RIGHT, 100).unwrap(), id);
}

#[test]
fn what_was_wrong_is_right_once_it_is_the_password() {
    let bench = Bench::new();
    let id = bench.with_password("ada");
    assert_eq!(wait_of(bench.by_password("ada", "another password", 0)), None);
    bench.set_password(id, "ada", "another password");
    assert_eq!(bench.by_password("ada", "another password", 0).unwrap(), id);
}

#[test]
fn guessing_from_elsewhere_does_not_shut_the_owner_out_after_a_restart() {
    let bench = Bench::new();
    let id = bench.with_password("ada");
    let stranger = address(0);
    fail_from(&bench, stranger, "ada", 3, 0);
    assert_eq!(wait_of(bench.by_password_from(stranger, "ada", "one more", 0)), Some(1));
    assert_eq!(bench.by_password("ada", RIGHT, 0).unwrap(), id);
    let again = bench.reopened();
    fail_from(&again, stranger, "ada", 3, 0);
    assert_eq!(wait_of(again.by_password_from(stranger, "ada", RIGHT, 0)), Some(1));
    assert_eq!(again.by_password("ada", RIGHT, 0).unwrap(), id);
}

#[test]
fn guessing_from_elsewhere_does_not_shut_the_owner_out_after_a_change() {
    let bench = Bench::new();
    let id = bench.with_password("ada");
    bench.by_password("ada", RIGHT, 0).unwrap();
    fail_from(&bench, address(0), "ada", 3, 0);
    bench.set_password(id, "ada", "another password");
    assert_eq!(wait_of(bench.by_password("ada", RIGHT, 0)), None);
    assert_eq!(bench.by_password("ada", "another password", 0).unwrap(), id);
    // The change is not seen by who guesses.
    assert_eq!(wait_of(bench.by_password_from(address(0), "ada", "one more", 0)), Some(1));
}

#[test]
fn a_success_clears_the_failures_of_its_own_address_only() {
    let bench = Bench::new();
    bench.with_password("ada");
    fail_from(&bench, address(0), "ada", 3, 0);
    bench.by_password("ada", RIGHT, 0).unwrap();
    assert_eq!(wait_of(bench.by_password_from(address(0), "ada", "one more", 0)), Some(1));
}

#[test]
fn a_name_has_a_budget_over_all_addresses_for_those_who_failed() {
    let bench = Bench::new();
    let id = bench.with_password("ada");
    let (owner, newcomer) = (address(1_000), address(1_001));
    bench.by_password_from(owner, "ada", RIGHT, 0).unwrap();
    bench.set_password(id, "ada", "another password");
    for name in ["ada", "nobody"] {
        use_up_budget(&bench, name, 60);
        let slowed = bench.by_password_from(address(0), name, "one more", 60);
        assert_eq!(wait_of(slowed), Some(2), "{name}");
        // Who never failed is not slowed for the failures of others.
        fail_from(&bench, newcomer, name, 1, 60);
        assert_eq!(wait_of(bench.by_password_from(newcomer, name, "my second", 60)), Some(2));
    }
    // Who had the password once is not slowed either, also after a failure.
    fail_from(&bench, owner, "ada", 1, 60);
    let opened = bench.by_password_from(owner, "ada", "another password", 60);
    assert_eq!(opened.unwrap(), id);
    // One check comes back every two seconds.
    assert_eq!(wait_of(bench.by_password_from(address(0), "ada", "one more", 62)), None);
    assert_eq!(wait_of(bench.by_password_from(address(2), "ada", "one more now", 62)), Some(2));
}

#[test]
fn addresses_of_one_subscriber_are_one_caller() {
    let bench = Bench::new();
    bench.with_password("ada");
    let from = |text: &str| -> IpAddr { text.parse().unwrap() };
    fail_from(&bench, from("2001:db8:0:1::1"), "ada", 3, 0);
    let wait = |text| wait_of(bench.by_password_from(from(text), "ada", "one more", 0));
    assert_eq!(wait("2001:db8:0:1:ffff::2"), Some(1));
    assert_eq!(wait("2001:db8:0:2::1"), None);
    fail_from(&bench, from("203.0.113.9"), "ada", 3, 0);
    assert_eq!(wait_of(bench.by_password_from(from("::ffff:203.0.113.9"), "ada", "x", 0)), Some(1));
}

#[test]
fn a_restart_and_a_flood_of_names_tell_nothing_about_a_name() {
    let bench = Bench::new();
    bench.with_password("ada");
    let waits = |bench: &Bench| {
        ["ada", "nobody"].map(|name| wait_of(bench.by_password(name, "one more", 0)))
    };
    for name in ["ada", "nobody"] {
        fail(&bench, name, 3, 0);
    }
    assert_eq!(waits(&bench), [Some(1); 2]);
    // No name is put out of the table by others, whether it exists or not.
    let throttle = &bench.credentials.0.throttle;
    for n in 0..20_000 {
        throttle.begin(&format!("flood{n}"), HOME, at(0).timestamp_millis()).ok();
    }
    assert_eq!(waits(&bench), [Some(1); 2]);
    assert_eq!(waits(&bench.reopened()), [None; 2]);
    // And nothing is written down that could differ.
    let tables: Vec<u8> = bench.store.journal().concat().iter().map(|row| row.0).collect();
    assert!(!tables.contains(&17), "{tables:?}");
}

#[test]
fn a_try_that_finds_the_queue_full_is_not_counted() {
    let throttle = &Bench::new().credentials.0.throttle;
    for _ in 0..10 {
        assert_eq!(throttle.begin("ada", HOME, 0), Ok::<(), Duration>(()));
        throttle.take_back("ada", HOME);
    }
    assert_eq!(throttle.failures("ada", HOME), 0);
}

#[test]
fn a_clock_set_back_does_not_lengthen_the_wait() {
    let bench = Bench::new();
    bench.with_password("ada");
    fail(&bench, "ada", 3, 3_600);
    assert_eq!(wait_of(bench.by_password("ada", "wrong again", 0)), Some(1));
    assert_eq!(wait_of(bench.by_password("ada", "wrong again", 1)), None);
}
