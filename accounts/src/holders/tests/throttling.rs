//! Slowing down who guesses.

use super::support::*;
use crate::holders::HolderError;
use crate::holders::throttle::{MOST_FAILURES, delay};
use crate::testing::block_on;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Fails `times` times, from callers of their own, each as soon as it may; tells when that was.
fn fail(bench: &Bench, name: &str, times: u32, mut seconds: i64) -> i64 {
    for number in 0..times {
        let from = IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + number));
        loop {
            match block_on(bench.holders.login(name, WRONG, from, at(seconds))) {
                Err(HolderError::WrongLogin) => break,
                Err(HolderError::Slowed { retry_after }) => {
                    seconds += i64::try_from(retry_after.as_secs()).unwrap();
                }
                outcome => panic!("{outcome:?}"),
            }
        }
    }
    seconds
}

fn wait(bench: &Bench, name: &str, seconds: i64) -> Option<u64> {
    match block_on(bench.holders.login(name, WRONG, HOME, at(seconds))) {
        Err(HolderError::Slowed { retry_after }) => Some(retry_after.as_secs()),
        _ => None,
    }
}

#[test]
fn the_delays() {
    let seconds: Vec<_> = (0..=21).map(|failures| delay(failures) / 1_000).collect();
    let expected =
        [0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 900, 60, 60, 60, 60, 60, 60, 60, 60, 60, 900, 60];
    assert_eq!(seconds, expected);
}

#[test]
fn failures_slow_the_next_try_for_known_and_unknown_alike() {
    let bench = Bench::new();
    bench.holder(EMAIL);
    for name in [EMAIL, "nobody@example.org"] {
        let now = fail(&bench, name, 3, 100);
        let checks = bench.holders.password_checks();
        assert_eq!(wait(&bench, name, now), Some(1));
        assert_eq!(bench.holders.password_checks(), checks, "nothing was checked");
        let now = fail(&bench, name, 7, now + 1);
        assert_eq!(wait(&bench, name, now), Some(900));
    }
    let locked = bench.mails_to(EMAIL).iter().filter(|kind| **kind == "login-locked").count();
    assert_eq!(locked, 1);
}

#[test]
fn a_success_forgets_the_failures() {
    let bench = Bench::new();
    bench.holder(EMAIL);
    let now = fail(&bench, EMAIL, 5, 100);
    bench.login(EMAIL, RIGHT, now + 60).unwrap();
    fail(&bench, EMAIL, 2, now + 61);
    assert_eq!(wait(&bench, EMAIL, now + 61), None);
}

#[test]
fn the_right_password_waits_as_well() {
    let bench = Bench::new();
    bench.holder(EMAIL);
    let now = fail(&bench, EMAIL, 10, 100);
    assert_eq!(slug(bench.login(EMAIL, RIGHT, now)), "too-many-failures");
    bench.login(EMAIL, RIGHT, now + 900).unwrap();
}

#[test]
fn counts_outlive_a_restart() {
    let bench = Bench::new();
    bench.holder(EMAIL);
    let now = fail(&bench, EMAIL, 10, 100);
    assert_eq!(wait(&bench.reopened(), EMAIL, now), Some(900));
}

#[test]
fn tries_side_by_side_are_all_counted() {
    let bench = Bench::new();
    bench.holder(EMAIL);
    let (holders, now) = (&bench.holders, at(100));
    let outcomes = block_on(async {
        let tries = (0..8).map(|_| holders.login(EMAIL, WRONG, HOME, now));
        futures_util::future::join_all(tries).await
    });
    let checked = outcomes.iter().filter(|o| matches!(o, Err(HolderError::WrongLogin))).count();
    assert_eq!(checked, 3, "the fourth had to wait");
}

#[test]
fn after_a_hundred_failures_only_the_link_helps() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    for name in [EMAIL, "nobody@example.org"] {
        let now = fail(&bench, name, MOST_FAILURES, 100);
        let later = now + 365 * 86_400;
        assert_eq!(slug(bench.login(name, RIGHT, later)), "password-disabled");
    }
    let locked = bench.mails_to(EMAIL).iter().filter(|kind| **kind == "login-locked").count();
    assert_eq!(locked, 10);
    assert_eq!(bench.history(id).iter().filter(|word| **word == "login-locked").count(), 10);
}

#[test]
fn a_caller_has_a_limit_over_all_names() {
    let bench = Bench::new();
    bench.holder(EMAIL);
    let from = |host: u16| IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, host));
    let login = |name: &str, word: &str, from, seconds| {
        block_on(bench.holders.login(name, word, from, at(seconds)))
    };
    for number in 0..50 {
        let name = format!("a{number}@example.org");
        assert_eq!(slug(login(&name, WRONG, from(number), 100)), "invalid-login");
    }
    // The whole /64 is one caller.
    assert_eq!(slug(login(EMAIL, RIGHT, from(77), 101)), "too-many-failures");
    login(EMAIL, RIGHT, HOME, 101).unwrap();
    login(EMAIL, RIGHT, from(77), 3_700).unwrap();
}

/// A proxy on the same machine is no caller: behind it, one who guesses would shut all out.
#[test]
fn nobody_is_shut_out_by_others_behind_a_proxy_on_the_machine() {
    let bench = Bench::new();
    bench.holder(EMAIL);
    for from in [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)] {
        let login = |name: &str, word| block_on(bench.holders.login(name, word, from, at(100)));
        for number in 0..51 {
            let name = format!("a{number}-{}@example.org", from.is_ipv4());
            assert_eq!(slug(login(&name, WRONG)), "invalid-login");
            block_on(bench.holders.request_recovery(&name, from, at(100))).unwrap();
        }
        login(EMAIL, RIGHT).unwrap();
    }
    // The count by name goes on.
    let login = || bench.holders.login(EMAIL, WRONG, IpAddr::V4(Ipv4Addr::LOCALHOST), at(200));
    for _ in 0..3 {
        assert_eq!(slug(block_on(login())), "invalid-login");
    }
    assert_eq!(slug(block_on(login())), "too-many-failures");
}

#[test]
fn a_success_gives_a_caller_no_more_tries() {
    let bench = Bench::new();
    bench.holder(EMAIL);
    for number in 0..49 {
        let name = format!("a{number}@example.org");
        assert_eq!(slug(bench.login(&name, WRONG, 100)), "invalid-login");
    }
    bench.login(EMAIL, RIGHT, 100).unwrap();
    assert_eq!(slug(bench.login("b@example.org", WRONG, 100)), "invalid-login");
    assert_eq!(slug(bench.login("c@example.org", WRONG, 100)), "too-many-failures");
}

#[test]
fn invented_names_do_not_fill_the_store() {
    let bench = Bench::new();
    let bits = |key: &[u8]| key.len() == 4 && key[1] < 16;
    for number in 0..40 {
        drop(bench.login(&format!("a{number}@example.org"), WRONG, 0));
    }
    let contents = bench.store.contents();
    let other = |key: &[u8]| key.starts_with(b"next-") || key == b"unknown-login";
    let counts = contents.keys().filter(|(table, key)| *table == 13 && !other(key));
    assert!(counts.clone().all(|(_, key)| bits(key)));
    // None of them is readable as a name.
    assert!(counts.count() > 30);
}
