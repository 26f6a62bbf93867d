//! The draw order, one rule at a time (I7), and the time of a lot (I5).

use super::support::*;
use crate::stamps::draft::Draft;
use crate::stamps::*;
use crate::testing::block_on;
use store::{StoreExt, Transaction};

/// Grants the lots, and gives the numbers of those that pay, one after another.
fn drawn(lots: Vec<NewLot>) -> Vec<u64> {
    let bench = Bench::new();
    let id = bench.account("ada");
    let stamps: u64 = lots.iter().map(|lot| lot.quantity).sum();
    for lot in lots {
        bench.grant_lot(id, lot, at(0));
    }
    for n in 0..stamps {
        bench.issue(id, n, at(10)).unwrap();
    }
    let entries = bench.statement(id).entries;
    let uses = entries.iter().filter(|entry| entry.kind == EntryKind::Use);
    uses.map(|entry| entry.lot.unwrap().number()).collect()
}

fn lot() -> NewLot {
    NewLot::plain(1, Category::Paid, at(0))
}

#[test]
fn the_lowest_priority_number_goes_first() {
    let lots = [7, 0, 3].map(|priority| NewLot { priority, ..lot() });
    assert_eq!(drawn(lots.into()), [2, 3, 1]);
}

#[test]
fn then_the_earliest_expiry_and_never_is_last() {
    let lots =
        [None, Some(at(900)), Some(at(500))].map(|expires_at| NewLot { expires_at, ..lot() });
    assert_eq!(drawn(lots.into()), [3, 2, 1]);
}

#[test]
fn priority_goes_before_expiry() {
    let late = NewLot { priority: 0, ..lot() };
    let soon = NewLot { priority: 1, expires_at: Some(at(500)), ..lot() };
    assert_eq!(drawn(vec![soon, late]), [2, 1]);
}

#[test]
fn then_what_was_given_before_what_was_paid() {
    let lots = [Category::Paid, Category::Test, Category::Comp, Category::Promo]
        .map(|category| NewLot { category, ..lot() });
    assert_eq!(drawn(lots.into()), [4, 3, 2, 1]);
}

#[test]
fn then_the_oldest() {
    assert_eq!(drawn(vec![lot(), lot(), lot()]), [1, 2, 3]);
}

#[test]
fn a_lot_is_empty_before_the_next_is_touched() {
    let two = NewLot { quantity: 2, ..lot() };
    assert_eq!(drawn(vec![two.clone(), two]), [1, 1, 2, 2]);
}

#[test]
fn a_lot_is_usable_from_its_first_instant_to_before_its_last() {
    let bench = Bench::new();
    let id = bench.account("ada");
    let times = NewLot { effective_at: at(100), expires_at: Some(at(200)), ..lot() };
    bench.grant_lot(id, NewLot { quantity: 5, ..times }, at(0));
    for (now, usable) in [(99, false), (100, true), (199, true), (200, false), (201, false)] {
        assert_eq!(bench.hold(id, None, at(now)).is_ok(), usable, "{now}");
        assert_eq!(bench.view(id, at(now)).remaining, if usable { 5 } else { 0 }, "{now}");
    }
    let coming = bench.view(id, at(99));
    assert_eq!((coming.lots.len(), coming.expiring), (1, None));
    let now = bench.view(id, at(100));
    assert_eq!(now.expiring, Some(Expiring { count: 5, at: at(200) }));
    assert!(bench.view(id, at(200)).lots.is_empty());
}

#[test]
fn the_soonest_expiry_is_shown() {
    let bench = Bench::new();
    let id = bench.account("ada");
    assert_eq!(bench.view(id, at(0)).expiring, None);
    for (quantity, end) in [(5, 900), (2, 500), (3, 500)] {
        let lot = NewLot { quantity, expires_at: Some(at(end)), ..lot() };
        bench.grant_lot(id, lot, at(0));
    }
    let expiring = bench.view(id, at(1)).expiring;
    assert_eq!(expiring, Some(Expiring { count: 5, at: at(500) }), "two lots at one instant");
}

#[test]
fn a_held_stamp_is_passed_over_and_the_next_lot_pays() {
    let bench = Bench::new();
    let id = bench.account("ada");
    bench.grant_lot(id, lot(), at(0));
    bench.grant_lot(id, lot(), at(0));
    let first = bench.hold(id, None, at(1)).unwrap();
    let second = bench.hold(id, None, at(1)).unwrap();
    assert_eq!((first.lot, second.lot), (1, 2));
    drop(first);
    assert_eq!(bench.hold(id, None, at(1)).unwrap().lot, 1);
}

#[test]
fn the_lot_that_pays_for_one_that_is_gone_is_found_without_reading_all() {
    let bench = Bench::new();
    let id = bench.account("ada");
    let first = bench.grant_lot(id, NewLot { priority: 0, ..lot() }, at(0));
    let second = bench.grant_lot(id, lot(), at(0));
    bench.grant_lot(id, lot(), at(0));
    let reservation = bench.hold(id, None, at(1)).unwrap();
    block_on(bench.ledger.void(id, first, &by(), at(2))).unwrap();
    block_on(bench.ledger.commit(reservation, token(1, None, at(3)))).unwrap();
    let entries = bench.statement(id).entries;
    assert_eq!(entries.last().unwrap().lot, Some(second));
    assert_eq!(bench.store.scans(), 0, "nobody waits for a walk over all lots");
}

#[test]
fn a_lot_that_memory_does_not_know_yet_pays_all_the_same() {
    let bench = Bench::new();
    let id = bench.account("ada");
    let (first, second) = (bench.grant(id, 1), bench.grant(id, 1));
    bench.issue(id, 1, at(1)).unwrap();
    // A lot that was granted in the same group of the writer is not in memory before its end.
    for known in [vec![], vec![first.number()], vec![99]] {
        let next = move |tx: &mut dyn Transaction| {
            let draft = Draft::open(tx, id, START + 2).unwrap();
            draft.next_lot(tx, &known)
        };
        assert_eq!(bench.store.transact(next).wait().unwrap(), Some(second.number()));
    }
}
