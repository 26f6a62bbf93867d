//! The login: who gets in, and that nobody learns who is there.

use super::support::*;
use crate::credentials::Argon2Cost;
use crate::holders::{HolderSettings, holder};
use crate::testing::{MapStore, block_on, is_pending};
use std::net::{IpAddr, Ipv4Addr};

#[test]
fn the_right_password_logs_in() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    let login = bench.login(EMAIL, RIGHT, 10).unwrap();
    assert_eq!((login.holder, login.must_change_password), (id, false));
    assert_eq!(bench.login(" ADA@Example.ORG ", RIGHT, 20).unwrap().holder, id);
    let history = bench.history(id);
    assert_eq!(history[history.len() - 2..], ["login-succeeded"; 2]);
}

#[test]
fn whoever_fails_is_told_the_same() {
    let bench = Bench::new();
    let active = bench.holder(EMAIL);
    bench.register("invited@example.org");
    let blocked = bench.holder("blocked@example.org");
    block_on(bench.holders.block(blocked, "lost phone", operator(), at(5))).unwrap();
    let closed = bench.holder("closed@example.org");
    block_on(bench.holders.close(closed, "asked for", operator(), at(5))).unwrap();
    let tries = [
        (EMAIL, WRONG),
        ("nobody@example.org", RIGHT),
        ("invited@example.org", RIGHT),
        ("blocked@example.org", RIGHT),
        ("closed@example.org", RIGHT),
        ("not an address", RIGHT),
        ("", ""),
    ];
    for (name, password) in tries {
        let before = (bench.holders.password_checks(), bench.store.journal().len());
        let error = bench.login(name, password, 10).unwrap_err();
        assert_eq!(error.slug(), "invalid-login", "{name}");
        assert_eq!(error.to_string(), "user ID or password is not right: check both and try again");
        // One computation and two transactions, for all of them.
        let after = (bench.holders.password_checks(), bench.store.journal().len());
        assert_eq!((after.0 - before.0, after.1 - before.1), (1, 2), "{name}");
    }
    assert_eq!(bench.history(active).last(), Some(&"login-failed"));
    let (word, subject) = bench.trail().pop().unwrap();
    assert_eq!((word.as_str(), subject.as_str()), ("login-failed", "holder h-3"));
}

/// Somebody who invents names writes nothing that grows: the tries of an hour leave what the first
/// one left, and a count in a table of fixed size.
#[test]
fn invented_names_fill_neither_store_nor_trail() {
    let bench = Bench::new();
    bench.holder(EMAIL);
    let tries = |from: i64, to: i64| {
        for number in from..to {
            let name = format!("invented-{number}@example.org");
            let home = IpAddr::V4(Ipv4Addr::new(192, 0, 2, u8::try_from(number).unwrap()));
            let refused = block_on(bench.holders.login(&name, RIGHT, home, at(number)));
            assert_eq!(slug(refused), "invalid-login");
        }
        (bench.trail().len(), bench.store.contents().keys().filter(|(t, _)| *t != 13).count())
    };
    let first = tries(0, 1);
    assert_eq!(tries(1, 100), first);
}

#[test]
fn an_unblocked_holder_logs_in_again() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    block_on(bench.holders.block(id, "lost phone", operator(), at(5))).unwrap();
    assert_eq!(slug(bench.login(EMAIL, RIGHT, 6)), "invalid-login");
    block_on(bench.holders.unblock(id, "found it", operator(), at(7))).unwrap();
    bench.login(EMAIL, RIGHT, 10).unwrap();
    let mails = bench.mails_to(EMAIL);
    assert_eq!(mails.iter().filter(|kind| **kind == "holder-blocked").count(), 2);
}

#[test]
fn a_password_changed_while_it_is_checked_is_not_taken() {
    let settings = HolderSettings { concurrent_checks: 1, ..Bench::settings() };
    let bench = Bench::over(MapStore::new(), settings, &Bench::pepper(1));
    let id = bench.holder(EMAIL);
    block_on(async {
        // The one thread is held, so that the check comes after the change.
        let (release, held) = std::sync::mpsc::channel::<()>();
        let room = bench.holders.room_for_anybody().unwrap();
        let hold = bench.holders.compute(&room, move |_| Ok(held.recv().is_ok()));
        let mut hold = Box::pin(hold);
        assert!(is_pending(&mut hold));
        let mut login = Box::pin(bench.holders.login(EMAIL, RIGHT, HOME, at(10)));
        assert!(is_pending(&mut login));
        let change = bench.holders.transact(move |_, tx| {
            let mut record = holder::load(tx, id)?;
            record.password.as_mut().unwrap().generation += 1;
            holder::save(tx, id, &record);
            Ok(())
        });
        change.await.unwrap();
        release.send(()).unwrap();
        assert_eq!(slug(login.await), "invalid-login");
    });
}

#[test]
fn a_hash_of_older_parameters_or_pepper_is_renewed() {
    let bench = Bench::new();
    bench.holder(EMAIL);
    let settings = HolderSettings { argon2: Argon2Cost::for_tests(2), ..Bench::settings() };
    let stronger = Bench::over(bench.store.reopened(), settings, &Bench::pepper(1));
    let checks = |bench: &Bench, seconds| {
        let before = bench.holders.password_checks();
        let contents = bench.store.contents();
        bench.login(EMAIL, RIGHT, seconds).unwrap();
        let changed = |((table, key), value): (&(u8, Vec<u8>), &Vec<u8>)| {
            *table == 8 && contents.get(&(*table, key.clone())) != Some(value)
        };
        assert_eq!(bench.holders.password_checks() - before, 1);
        bench.store.contents().iter().any(changed)
    };
    assert!(checks(&stronger, 100), "renewed once");
    assert!(!checks(&stronger, 101), "and then it is as it should be");
    let settings = HolderSettings { argon2: Argon2Cost::for_tests(2), ..Bench::settings() };
    let peppered = Bench::over(stronger.store.reopened(), settings, &Bench::pepper(2));
    assert!(checks(&peppered, 200), "under the new pepper");
    assert!(!checks(&peppered, 201));
}

/// A portal and an app, right after a rotation: each of them renews the hash.
#[test]
fn logins_side_by_side_renew_a_hash_and_both_are_right() {
    let bench = Bench::new();
    bench.holder(EMAIL);
    let peppered = Bench::over(bench.store.reopened(), Bench::settings(), &Bench::pepper(2));
    let tries = (0..2).map(|_| peppered.holders.login(EMAIL, RIGHT, HOME, at(100)));
    let logins = block_on(futures_util::future::join_all(tries));
    assert!(logins.iter().all(Result::is_ok), "{logins:?}");
    assert!(!peppered.history(logins[0].as_ref().unwrap().holder).contains(&"login-failed"));
}

#[test]
fn a_stolen_store_without_its_pepper_takes_no_password() {
    let bench = Bench::new();
    bench.holder(EMAIL);
    let other = format!("1 {}", "77ee".repeat(16));
    let stolen = Bench::over(bench.store.reopened(), Bench::settings(), &other);
    assert_eq!(slug(stolen.login(EMAIL, RIGHT, 10)), "invalid-login");
}

#[test]
fn when_there_is_too_much_to_do_nothing_is_counted() {
    let settings = HolderSettings { concurrent_checks: 1, queue: 0, ..Bench::settings() };
    let bench = Bench::over(MapStore::new(), settings, &Bench::pepper(1));
    bench.holder(EMAIL);
    let room = bench.holders.room_for_anybody().unwrap();
    let before = bench.store.contents();
    assert_eq!(slug(bench.login(EMAIL, RIGHT, 10)), "busy");
    assert_eq!(bench.store.contents(), before);
    drop(room);
    bench.login(EMAIL, RIGHT, 10).unwrap();
}
