//! The booking of what has expired.

use super::support::*;
use crate::StampAccountId;
use crate::stamps::tables::EXPIRY;
use crate::stamps::*;
use crate::testing::block_on;

fn grant_until(bench: &Bench, id: StampAccountId, quantity: u64, end: i64) {
    let lot =
        NewLot { expires_at: Some(at(end)), ..NewLot::plain(quantity, Category::Paid, at(0)) };
    bench.grant_lot(id, lot, at(0));
}

fn sweep(bench: &Bench, now: i64) -> u64 {
    block_on(bench.ledger.post_expiries(at(now))).unwrap()
}

fn waiting(bench: &Bench) -> usize {
    bench.store.contents().keys().filter(|(table, _)| *table == EXPIRY.number()).count()
}

#[test]
fn what_is_left_is_booked_once_at_the_instant_of_its_end() {
    let bench = Bench::new();
    let id = bench.account("ada");
    grant_until(&bench, id, 5, 100);
    grant_until(&bench, id, 7, 200);
    bench.issue(id, 1, at(1)).unwrap();
    assert_eq!(sweep(&bench, 99), 0);
    assert_eq!(sweep(&bench, 100), 4);
    assert_eq!(sweep(&bench, 100), 0);
    assert_eq!(sweep(&bench, 1_000), 7);
    let entries = bench.statement(id).entries;
    let expired: Vec<_> = entries
        .iter()
        .filter(|entry| entry.kind == EntryKind::Expire)
        .map(|entry| (entry.quantity, entry.at, entry.actor.as_deref()))
        .collect();
    assert_eq!(expired, [(4, at(100), Some("service")), (7, at(1_000), Some("service"))]);
    assert_eq!(waiting(&bench), 0);
}

#[test]
fn an_empty_or_voided_lot_leaves_the_list_without_an_entry() {
    let bench = Bench::new();
    let id = bench.account("ada");
    grant_until(&bench, id, 1, 100);
    grant_until(&bench, id, 5, 100);
    bench.issue(id, 1, at(1)).unwrap();
    block_on(bench.ledger.void(id, LotId::new(2), &by(), at(2))).unwrap();
    assert_eq!(waiting(&bench), 1);
    let before = bench.statement(id).entries.len();
    assert_eq!(sweep(&bench, 100), 0);
    assert_eq!(waiting(&bench), 0);
    assert_eq!(bench.statement(id).entries.len(), before);
}

#[test]
fn many_lots_of_many_accounts_are_booked_in_pages() {
    let bench = Bench::new();
    let ids: Vec<_> = (0..30).map(|n| bench.account(&format!("a{n}"))).collect();
    for id in &ids {
        for end in 0..20 {
            grant_until(&bench, *id, 1, 100 + end);
        }
    }
    assert_eq!(sweep(&bench, 99), 0);
    assert_eq!(sweep(&bench, 109), 300);
    assert_eq!(sweep(&bench, 500), 300);
    for id in ids {
        assert_eq!(bench.statement(id).closing, 0);
    }
}

#[test]
fn a_stamp_held_before_the_end_and_swept_before_its_commit_comes_from_another_lot() {
    let bench = Bench::new();
    let id = bench.account("ada");
    grant_until(&bench, id, 1, 100);
    bench.grant(id, 1);
    let held = bench.hold(id, None, at(99)).unwrap();
    assert_eq!(sweep(&bench, 100), 1);
    block_on(bench.ledger.commit(held, token(1, None, at(101)))).unwrap();
    assert_eq!(bench.statement(id).entries.last().unwrap().lot, Some(LotId::new(2)));
}

#[test]
fn a_stamp_held_before_the_end_and_committed_after_it_is_taken_at_the_time_of_the_hold() {
    let bench = Bench::new();
    let id = bench.account("ada");
    grant_until(&bench, id, 1, 100);
    let held = bench.hold(id, None, at(99)).unwrap();
    block_on(bench.ledger.commit(held, token(1, None, at(101)))).unwrap();
    let entry = bench.statement(id).entries.pop().unwrap();
    assert_eq!((entry.lot, entry.at), (Some(LotId::new(1)), at(99)));
    assert_eq!(sweep(&bench, 200), 0);
}
