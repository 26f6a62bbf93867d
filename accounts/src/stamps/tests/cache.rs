//! Accounts in memory: bounded, never the truth, and never dropped from under anybody.

use super::support::*;
use crate::stamps::cache::Cache;
use crate::stamps::cell::{Cell, Loaded};
use crate::stamps::draft::Change;
use crate::stamps::*;
use crate::testing::{MapStore, block_on};
use crate::{StampAccountId, stamps::records::AccountRecord, stamps::records::LotRecord};
use std::convert::Infallible;
use std::sync::Arc;

#[test]
fn only_so_many_accounts_are_kept() {
    let cache = Cache::new(100);
    for n in 0..10_000 {
        cache.cell(StampAccountId::new(n));
    }
    assert!(cache.all().len() <= 113, "{}", cache.all().len());
    assert!(cache.peek(StampAccountId::new(9_999)).is_some(), "the newest is kept");
}

#[test]
fn what_is_used_again_stays() {
    let cache = Cache::new(8);
    for n in 0..1_000 {
        cache
            .cell(StampAccountId::new(n))
            .touched
            .store(false, std::sync::atomic::Ordering::Relaxed);
        let first = cache.peek(StampAccountId::new(0)).expect("it was used a moment ago");
        first.is_loaded();
    }
}

#[test]
fn what_is_in_use_is_never_dropped() {
    let settings = LedgerSettings { cached_accounts: 1, ..LedgerSettings::default() };
    let bench = Bench::over(MapStore::new(), settings);
    let held = bench.account("held");
    let watched = bench.account("watched");
    bench.grant(held, 1);
    bench.grant(watched, 2);
    let reservation = bench.hold(held, None, at(1)).unwrap();
    let watcher = bench.ledger.watch(watched, at(1)).unwrap();
    for n in 0..50 {
        let other = bench.account(&format!("a{n}"));
        bench.view(other, at(1));
    }
    assert_eq!(bench.view(held, at(1)).reserved, 1);
    assert!(matches!(bench.hold(held, None, at(1)), Err(Refused::NoStamps)));
    bench.issue(watched, 1, at(2)).unwrap();
    assert_eq!(*watcher.borrow(), Balance { remaining: 1, used: 1 });
    drop(reservation);
}

#[test]
fn a_watcher_sees_every_change_and_time_too() {
    let bench = Bench::new();
    let id = bench.account("ada");
    let lot = NewLot { expires_at: Some(at(100)), ..NewLot::plain(5, Category::Paid, at(0)) };
    let mut watcher = bench.ledger.watch(id, at(0)).unwrap();
    let mut seen = |what: &str, expected: Option<(u64, u64)>| {
        let changed = watcher.has_changed().unwrap();
        let balance = *watcher.borrow_and_update();
        let now = changed.then_some((balance.remaining, balance.used));
        assert_eq!(now, expected, "{what}");
    };
    bench.grant_lot(id, lot, at(0));
    seen("grant", Some((5, 0)));
    bench.issue(id, 1, at(1)).unwrap();
    seen("use", Some((4, 1)));
    let held = bench.hold(id, None, at(2)).unwrap();
    drop(held);
    seen("a hold is no change", None);
    block_on(bench.ledger.refund(id, serial(1, at(1)), &by(), at(3))).unwrap();
    seen("refund", Some((5, 0)));
    block_on(bench.ledger.suspend(id, &by(), at(4))).unwrap();
    seen("a status is no balance", None);
    block_on(bench.ledger.post_expiries(at(100))).unwrap();
    seen("expiry", Some((0, 0)));
    assert!(bench.ledger.watch(StampAccountId::new(9), at(0)).is_err());
}

#[test]
fn a_lot_that_becomes_effective_is_told_at_the_next_sweep() {
    let bench = Bench::new();
    let id = bench.account("ada");
    let lot = NewLot { effective_at: at(100), ..NewLot::plain(5, Category::Paid, at(0)) };
    bench.grant_lot(id, lot, at(0));
    let watcher = bench.ledger.watch(id, at(0)).unwrap();
    assert_eq!(watcher.borrow().remaining, 0);
    block_on(bench.ledger.post_expiries(at(100))).unwrap();
    assert_eq!(watcher.borrow().remaining, 5);
}

fn account(version: u64, used: u64) -> AccountRecord {
    AccountRecord {
        name: "ada".to_owned(),
        status: Status::Active,
        created_at: 0,
        last_at: 0,
        next_entry: version,
        next_lot: 2,
        granted: 10,
        used,
        expired: 0,
        voided: 0,
    }
}

fn lot(version: u64, used: u64) -> (u64, LotRecord) {
    let record = LotRecord {
        quantity: 10,
        available: 10 - used,
        used,
        expired: 0,
        voided: 0,
        category: Category::Paid,
        priority: 0,
        created_at: 0,
        effective_at: 0,
        expires_at: None,
        unit_price: None,
        vat_rate: None,
        order: None,
        last_entry: version,
        closed: false,
    };
    (1, record)
}

/// What a change becomes when it is durable while the account is being read: the reader may see
/// all of it, none of it, or one record of two.
#[test]
fn a_change_during_a_load_is_not_lost_and_not_counted_twice() {
    for (account_read, lots_read) in [(3, 3), (3, 4), (4, 3), (4, 4)] {
        let cell = Arc::new(Cell::new(StampAccountId::new(1)));
        let change = Change { account: account(4, 2), lots: vec![lot(4, 2)] };
        let loaded = cell.load::<Infallible>(|| {
            let record = account(account_read, account_read - 2);
            let read = Loaded::new(record, vec![lot(lots_read, lots_read - 2)]);
            cell.apply(change.clone());
            Ok(Some(read))
        });
        assert_eq!(loaded, Ok(true));
        let view = cell.view(0).unwrap();
        assert_eq!((view.used, view.remaining), (2, 8), "{account_read} {lots_read}");
    }
}

#[test]
fn a_change_of_an_account_that_nobody_has_in_memory_needs_no_memory() {
    let cell = Arc::new(Cell::new(StampAccountId::new(1)));
    cell.apply(Change { account: account(4, 2), lots: vec![lot(4, 2)] });
    assert!(!cell.is_loaded());
    let loaded = cell.load::<Infallible>(|| Ok(Some(Loaded::new(account(4, 2), vec![lot(4, 2)]))));
    assert_eq!(loaded, Ok(true));
    assert_eq!(cell.view(0).unwrap().remaining, 8);
}
