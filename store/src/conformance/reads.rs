//! Checks of what reads find.

#![expect(clippy::unwrap_used, reason = "checks fail by panicking")]

use super::{AMPLE, Fixture, LETTERS, NUMBERS, delete, put};
use crate::{Order, Row, Store, StoreExt, Table};
use std::ops::Bound::{self, Excluded, Included, Unbounded};
use std::sync::atomic::{AtomicBool, Ordering};

/// What was committed is read back, and what was replaced or removed is not.
pub fn committed_writes_are_read_back(fixture: &mut dyn Fixture) {
    let store = fixture.open(AMPLE);
    assert_eq!(store.get(LETTERS, b"a").unwrap(), None);
    put(&*store, LETTERS, &[(b"a", b"1"), (b"b", b""), (b"", b"empty key")]);
    assert_eq!(store.get(LETTERS, b"a").unwrap().unwrap(), b"1");
    assert_eq!(store.get(LETTERS, b"b").unwrap().unwrap(), b"");
    assert_eq!(store.get(LETTERS, b"").unwrap().unwrap(), b"empty key");
    put(&*store, LETTERS, &[(b"a", b"2")]);
    delete(&*store, LETTERS, b"b");
    delete(&*store, LETTERS, b"never there");
    assert_eq!(store.get(LETTERS, b"a").unwrap().unwrap(), b"2");
    assert_eq!(store.get(LETTERS, b"b").unwrap(), None);
}

/// Values of all sizes, and the last of several writes of a key in one transaction.
pub fn large_values_are_read_back(fixture: &mut dyn Fixture) {
    let store = fixture.open(AMPLE);
    for length in [95, 96, 97, 511, 512, 600, 5000] {
        let value: Vec<u8> = (0..length).map(|place| (place * 7 + length) as u8).collect();
        put(&*store, LETTERS, &[(b"k", b"first"), (b"k", &value)]);
        assert_eq!(store.get(LETTERS, b"k").unwrap().unwrap(), value);
        let read = store.transact(|transaction| transaction.get(LETTERS, b"k"));
        assert_eq!(read.wait().unwrap().unwrap(), value);
    }
}

/// The same key in two tables is two keys.
pub fn tables_are_apart(fixture: &mut dyn Fixture) {
    let store = fixture.open(AMPLE);
    put(&*store, LETTERS, &[(b"k", b"letter")]);
    put(&*store, NUMBERS, &[(b"k", b"number")]);
    delete(&*store, LETTERS, b"k");
    assert_eq!(store.get(LETTERS, b"k").unwrap(), None);
    assert_eq!(store.get(NUMBERS, b"k").unwrap().unwrap(), b"number");
    let last = Table::new(255, "last");
    put(&*store, last, &[(&[255; 3], b"edge")]);
    assert_eq!(all(&*store, last, Order::Ascending, 9).len(), 1);
    assert_eq!(all(&*store, LETTERS, Order::Descending, 9).len(), 0);
}

fn all(store: &dyn Store, table: Table, order: Order, limit: usize) -> Vec<Row> {
    store.scan(table, Unbounded, Unbounded, order, limit).unwrap()
}

fn keys(rows: &[Row]) -> String {
    rows.iter().map(|(key, _)| String::from_utf8(key.clone()).unwrap()).collect()
}

/// Bounds, both directions, limits.
pub fn scans_are_ordered_and_bounded(fixture: &mut dyn Fixture) {
    use Order::{Ascending, Descending};
    let store = fixture.open(AMPLE);
    put(&*store, LETTERS, &[(b"d", b"4"), (b"a", b"1"), (b"c", &[3; 300]), (b"b", b"2")]);
    put(&*store, NUMBERS, &[(b"0", b"")]);
    type Case = (Bound<&'static [u8]>, Bound<&'static [u8]>, Order, usize, &'static str);
    let cases: [Case; 12] = [
        (Unbounded, Unbounded, Ascending, 9, "abcd"),
        (Unbounded, Unbounded, Descending, 9, "dcba"),
        (Unbounded, Unbounded, Ascending, 2, "ab"),
        (Unbounded, Unbounded, Descending, 3, "dcb"),
        (Unbounded, Unbounded, Ascending, 0, ""),
        (Included(b"b"), Unbounded, Ascending, 9, "bcd"),
        (Excluded(b"b"), Unbounded, Ascending, 1, "c"),
        (Unbounded, Included(b"b"), Descending, 9, "ba"),
        (Unbounded, Excluded(b"b"), Descending, 9, "a"),
        (Included(b"b"), Included(b"b"), Ascending, 9, "b"),
        (Excluded(b"b"), Excluded(b"b"), Ascending, 9, ""),
        (Included(b"c"), Included(b"a"), Ascending, 9, ""),
    ];
    for (from, to, order, limit, expected) in cases {
        let rows = store.scan(LETTERS, from, to, order, limit).unwrap();
        assert_eq!(keys(&rows), expected, "{from:?} {to:?} {order:?} {limit}");
    }
    let rows = all(&*store, LETTERS, Ascending, usize::MAX);
    assert_eq!(rows[2].1, [3; 300]);
}

/// A job's own writes and removals are in its scans, at their places.
pub fn scans_inside_a_transaction_see_its_writes(fixture: &mut dyn Fixture) {
    let store = fixture.open(AMPLE);
    put(&*store, LETTERS, &[(b"a", b"1"), (b"b", b"2"), (b"c", b"3"), (b"e", b"5")]);
    let scans = store.transact(|transaction| {
        transaction.delete(LETTERS, b"a");
        transaction.delete(LETTERS, b"b");
        transaction.put(LETTERS, b"d", &[4; 200]);
        transaction.put(LETTERS, b"c", b"new");
        let scan = |order, limit| transaction.scan(LETTERS, Unbounded, Unbounded, order, limit);
        Ok((scan(Order::Ascending, 2)?, scan(Order::Descending, 9)?))
    });
    let (ascending, descending) = scans.wait().unwrap();
    assert_eq!(ascending[0], (b"c".to_vec(), b"new".to_vec()));
    assert_eq!(ascending[1], (b"d".to_vec(), vec![4; 200]));
    assert_eq!(keys(&descending), "edc");
    assert_eq!(keys(&all(&*store, LETTERS, Order::Ascending, 9)), "cde");
}

/// Scans beside a writer: removed keys stay away, and of a transaction all or nothing is seen.
pub fn scans_see_neither_removed_nor_half_of_anything(fixture: &mut dyn Fixture) {
    let store = fixture.open(AMPLE);
    let moves = move |store: &dyn Store, round: u32| {
        let write = store.transact(move |transaction| {
            // One mark moves over 64 places, so that it is always at exactly one of them.
            transaction.delete(NUMBERS, &[(round % 64) as u8]);
            transaction.put(NUMBERS, &[((round + 1) % 64) as u8], &round.to_be_bytes());
            Ok(())
        });
        write.wait().unwrap();
    };
    moves(&*store, 0);
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            (1..2000).for_each(|round| moves(&*store, round));
            ended.store(true, Ordering::Release);
        });
        while !ended.load(Ordering::Acquire) {
            for order in [Order::Ascending, Order::Descending] {
                let rows = all(&*store, NUMBERS, order, 9);
                assert_eq!(rows.len(), 1, "{rows:?}");
            }
        }
    });
}
