//! Statements: opening and entries make closing, and closing is the next opening.

use super::support::*;
use crate::StampAccountId;
use crate::stamps::*;
use crate::testing::block_on;
use chrono::{DateTime, Utc};

fn busy_account() -> (Bench, StampAccountId) {
    let bench = Bench::new();
    let id = bench.account("ada");
    let lot = NewLot { expires_at: Some(at(500)), ..NewLot::plain(3, Category::Promo, at(0)) };
    bench.grant_lot(id, lot, at(10));
    for n in 0..5_u64 {
        if n == 2 {
            bench.grant(id, 10);
        }
        bench.issue(id, n, at(100 * (i64::try_from(n).unwrap() + 1))).unwrap();
    }
    block_on(bench.ledger.refund(id, serial(4, at(500)), &by(), at(600))).unwrap();
    block_on(bench.ledger.post_expiries(at(700))).unwrap();
    (bench, id)
}

fn page(bench: &Bench, id: StampAccountId, period: Period) -> Statement {
    let statement = block_on(bench.ledger.statement(id, period)).unwrap();
    let changes: i128 = statement.entries.iter().map(Entry::change).sum();
    assert_eq!(i128::from(statement.opening) + changes, i128::from(statement.closing));
    statement
}

fn between(from: DateTime<Utc>, to: DateTime<Utc>) -> Period {
    Period { from: Some(from), to: Some(to), ..Period::default() }
}

#[test]
fn closing_of_a_period_is_opening_of_the_next_wherever_it_is_cut() {
    let (bench, id) = busy_account();
    let whole = page(&bench, id, Period::default());
    assert_eq!((whole.opening, whole.next), (0, None));
    assert_eq!(whole.closing, bench.view(id, at(700)).remaining);
    for cut in 0..80 {
        let cut = at(cut * 10 + 5);
        let before = page(&bench, id, between(at(-1_000), cut));
        let after = page(&bench, id, between(cut, at(10_000)));
        assert_eq!(before.closing, after.opening);
        assert_eq!(after.closing, whole.closing);
        assert_eq!([before.entries, after.entries].concat(), whole.entries);
    }
}

#[test]
fn a_period_begins_with_its_first_instant_and_ends_before_its_last() {
    let (bench, id) = busy_account();
    let used = |from, to| page(&bench, id, between(at(from), at(to))).entries.len();
    assert_eq!(used(100, 101), 1);
    assert_eq!(used(99, 100), 0);
    assert_eq!(used(100, 200), 1);
    assert_eq!(used(101, 200), 0);
}

#[test]
fn closing_of_a_page_is_opening_of_the_next() {
    let (bench, id) = busy_account();
    let whole = page(&bench, id, Period::default());
    for limit in 1..=whole.entries.len() {
        let mut after = None;
        let mut entries = Vec::new();
        let mut closing = 0;
        loop {
            let part = page(&bench, id, Period { after, limit, ..Period::default() });
            assert_eq!(part.opening, closing);
            closing = part.closing;
            entries.extend(part.entries);
            after = part.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!((&entries, closing), (&whole.entries, whole.closing));
    }
}

#[test]
fn entries_are_dense_and_name_their_books() {
    let (bench, id) = busy_account();
    let entries = page(&bench, id, Period::default()).entries;
    assert!(entries.iter().map(|entry| entry.number).eq(1..=entries.len() as u64));
    for entry in entries {
        let lot = entry.lot.map(Book::Available);
        let books = match entry.kind {
            EntryKind::Open => None,
            EntryKind::Grant => lot.map(|lot| (Book::World, lot)),
            EntryKind::Use => lot.map(|lot| (lot, Book::Used)),
            EntryKind::Refund => lot.map(|lot| (Book::Used, lot)),
            EntryKind::Expire => lot.map(|lot| (lot, Book::Expired)),
            other => panic!("{other:?}"),
        };
        assert_eq!(entry.books, books);
        assert_eq!(entry.quantity > 0, books.is_some());
    }
}

#[test]
fn the_time_of_an_account_does_not_go_back_with_the_clock() {
    let bench = Bench::new();
    let id = bench.account("ada");
    bench.grant_lot(id, NewLot::plain(3, Category::Paid, at(0)), at(1_000));
    bench.issue(id, 1, at(400)).unwrap();
    let entries = page(&bench, id, Period::default()).entries;
    assert_eq!(entries.last().unwrap().at, at(1_000));
}

#[test]
fn an_empty_period_and_a_bad_limit() {
    let (bench, id) = busy_account();
    let later = page(&bench, id, between(at(5_000), at(6_000)));
    assert_eq!((later.entries.len(), later.opening), (0, later.closing));
    assert_eq!(later.opening, bench.view(id, at(700)).remaining);
    let after_all = Period { after: Some(u64::MAX), ..Period::default() };
    assert_eq!(page(&bench, id, after_all).opening, later.opening);
    for limit in [0, 10_001] {
        let period = Period { limit, ..Period::default() };
        let error = block_on(bench.ledger.statement(id, period)).unwrap_err();
        assert!(error.to_string().contains("1 to 10000"), "{error}");
    }
    let nobody = bench.ledger.statement(StampAccountId::new(9), Period::default());
    assert!(matches!(block_on(nobody), Err(StampError::UnknownAccount { .. })));
}
