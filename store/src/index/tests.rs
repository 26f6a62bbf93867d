//! Both indexes do the same, and what is stored reads back.

use super::{
    Index, Key, KeyRange, MemoryIndex, Pointer, SledIndex, Slot, is_empty, key_of, range_of,
};
use crate::journal::Position;
use crate::{Order, Table};
use proptest::prelude::{ProptestConfig, Strategy, prop_assert_eq, proptest};
use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Included, Unbounded};
use std::ops::{ControlFlow, RangeBounds};

const POSITION: Position = Position { segment: 3, offset: 1024, sequence: 77, hash: [5; 32] };

fn pointer() -> Slot {
    Slot::Pointer(Pointer { segment: 1, offset: 0x0102_0304, length: 600, crc: 0xdead_beef })
}

fn changes(rows: &[(&str, Slot)]) -> BTreeMap<Key, Slot> {
    rows.iter().map(|(key, slot)| (key_of(1, key.as_bytes()).into(), slot.clone())).collect()
}

fn inline(value: &str) -> Slot {
    Slot::Inline(value.as_bytes().into())
}

#[test]
fn slots_read_back() {
    let mut bytes = Vec::new();
    for slot in [inline(""), inline("value"), pointer()] {
        assert!(slot.encode(&mut bytes));
        assert_eq!(Slot::decode(&bytes), Some(slot));
    }
    assert!(!Slot::Deleted.encode(&mut bytes));
    for unreadable in [&[][..], &[2], &[1, 0, 0], &[1; 18]] {
        assert_eq!(Slot::decode(unreadable), None);
    }
    assert_eq!(Position::decode(&POSITION.encode()), Some(POSITION));
    assert_eq!(Position::decode(&POSITION.encode()[1..]), None);
}

#[test]
fn values_over_the_limit_stay_in_the_journal() {
    assert!(matches!(Slot::of(&[1; 96], 1, 512), Slot::Inline(_)));
    let Slot::Pointer(pointer) = Slot::of(&[1; 97], 2, 512) else { panic!("97 bytes inline") };
    assert_eq!((pointer.segment, pointer.offset, pointer.length), (2, 512, 97));
    assert_eq!(pointer.crc, crc32c::crc32c(&[1; 97]));
}

#[test]
fn a_table_is_a_range_of_its_own() {
    let range = range_of(Table::new(7, "t"), Unbounded, Unbounded);
    assert_eq!(range, (Included(vec![7]), Excluded(vec![8])));
    let last = range_of(Table::new(255, "t"), Excluded(b"a"), Unbounded);
    assert_eq!(last, (Excluded(vec![255, b'a']), Unbounded));
    assert!(is_empty(&(Included(vec![2]), Excluded(vec![2]))));
    assert!(is_empty(&(Excluded(vec![2]), Included(vec![2]))));
    assert!(!is_empty(&(Included(vec![2]), Included(vec![2]))));
}

#[test]
fn both_indexes_do_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let sled = SledIndex::open(&directory.path().join("index"), 1 << 20).unwrap();
    let indexes: [&dyn Index; 2] = [&sled, &MemoryIndex::default()];
    for index in indexes {
        assert_eq!(index.position().unwrap(), None);
        let first = [("a", inline("1")), ("b", pointer()), ("c", inline("3"))];
        index.apply(&changes(&first), &POSITION).unwrap();
        let second = [("c", Slot::Deleted), ("d", inline("4")), ("x", Slot::Deleted)];
        let later = Position { sequence: 78, ..POSITION };
        index.apply(&changes(&second), &later).unwrap();
        assert_eq!(index.position().unwrap(), Some(later));
        assert_eq!(index.get(&key_of(1, b"b")).unwrap(), Some(pointer()));
        assert_eq!(index.get(&key_of(1, b"c")).unwrap(), None);
        assert_eq!(index.get(&key_of(2, b"a")).unwrap(), None);
        assert_eq!(keys(index, Order::Ascending, 9), ["a", "b", "d"]);
        assert_eq!(keys(index, Order::Descending, 2), ["d", "b"]);
    }
}

fn keys(index: &dyn Index, order: Order, limit: usize) -> Vec<String> {
    let range = range_of(Table::new(1, "t"), Unbounded, Unbounded);
    let mut found = Vec::new();
    let mut visit = |key: &[u8], _: Slot| {
        found.push(String::from_utf8(key[1..].to_vec()).unwrap());
        if found.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    index.scan(&range, order, &mut visit).unwrap();
    found
}

#[test]
fn a_closed_sled_opens_again_and_a_broken_one_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("index");
    let index = SledIndex::open(&path, 1 << 20).unwrap();
    index.apply(&changes(&[("a", inline("1"))]), &POSITION).unwrap();
    index.close().unwrap();
    index.close().unwrap();
    assert!(index.get(b"a").is_err());
    let index = SledIndex::open(&path, 1 << 20).unwrap();
    assert_eq!(index.get(&key_of(1, b"a")).unwrap(), Some(inline("1")));
    index.close().unwrap();
    std::fs::write(path.join("conf"), b"no configuration").unwrap();
    assert!(SledIndex::open(&path, 1 << 20).is_err());
}

/// Changes to keys out of a small set, so that they meet again; values of every size.
fn batches() -> impl Strategy<Value = Vec<Vec<(u16, Option<u8>)>>> {
    let change = (0..400u16, proptest::option::weighted(0.8, 0..96u8));
    proptest::collection::vec(proptest::collection::vec(change, 1..120), 1..30)
}

fn wide_key(number: u16) -> Vec<u8> {
    // Lengths differ, so that pages are cut everywhere; the first byte is a table.
    let mut key = vec![1 + (number % 3) as u8];
    key.extend_from_slice(&number.to_be_bytes());
    key.resize(3 + usize::from(number % 40), 7);
    key
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Pages are split, emptied and merged, and no key is ever lost, doubled or out of order.
    #[test]
    fn pages_hold_what_a_map_holds(batches in batches(), from in 0..400u16, to in 0..400u16) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("index");
        let mut index = SledIndex::open(&path, 1 << 20).unwrap();
        let mut model = BTreeMap::new();
        for (number, batch) in batches.iter().enumerate() {
            let mut changes: BTreeMap<Key, Slot> = BTreeMap::new();
            for (key, length) in batch {
                let slot = length.map_or(Slot::Deleted, |length| {
                    Slot::Inline(vec![length; usize::from(length)].into())
                });
                changes.insert(wide_key(*key).into(), slot);
            }
            index.apply(&changes, &POSITION).unwrap();
            model.extend(changes);
            model.retain(|_, slot| *slot != Slot::Deleted);
            if number % 8 == 7 {
                index.close().unwrap();
                index = SledIndex::open(&path, 1 << 20).unwrap();
            }
        }
        for key in 0..400 {
            let key = wide_key(key);
            let slot = index.get(&key).unwrap();
            prop_assert_eq!(slot.as_ref(), model.get(key.as_slice()));
        }
        let (from, to) = (wide_key(from), wide_key(to));
        for range in [
            (Unbounded, Unbounded),
            (Included(from.clone()), Excluded(to.clone())),
            (Excluded(from.clone()), Included(to.clone())),
            (Unbounded, Included(to)),
            (Excluded(from), Unbounded),
        ] {
            let inside = |key: &Key| !is_empty(&range) && range.contains(&key.to_vec());
            let mut wanted: Vec<_> = model.clone().into_iter().filter(|(k, _)| inside(k)).collect();
            prop_assert_eq!(&rows(&index, &range, Order::Ascending), &wanted);
            wanted.reverse();
            prop_assert_eq!(&rows(&index, &range, Order::Descending), &wanted);
        }
    }
}

fn rows(index: &SledIndex, range: &KeyRange, order: Order) -> Vec<(Key, Slot)> {
    let mut found = Vec::new();
    let mut visit = |key: &[u8], slot: Slot| {
        found.push((key.into(), slot));
        ControlFlow::Continue(())
    };
    index.scan(range, order, &mut visit).unwrap();
    found
}

/// Readers see every key at any moment, while pages are split under them.
#[test]
fn no_reader_misses_a_key_while_pages_are_split() {
    let directory = tempfile::tempdir().unwrap();
    let index = SledIndex::open(&directory.path().join("index"), 1 << 20).unwrap();
    let all = |range: std::ops::Range<u32>| -> BTreeMap<Key, Slot> {
        let key = |number: u32| number.wrapping_mul(0x9e37_79b9).to_be_bytes();
        range.map(|number| (key_of(1, &key(number)).into(), inline("value"))).collect()
    };
    let first = all(0..500);
    index.apply(&first, &POSITION).unwrap();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for start in (500..20_000).step_by(250) {
                index.apply(&all(start..start + 250), &POSITION).unwrap();
            }
            done.store(true, std::sync::atomic::Ordering::Release);
        });
        let range = range_of(Table::new(1, "t"), Unbounded, Unbounded);
        while !done.load(std::sync::atomic::Ordering::Acquire) {
            for key in first.keys() {
                assert_eq!(index.get(key).unwrap(), Some(inline("value")));
            }
            for order in [Order::Ascending, Order::Descending] {
                let found = rows(&index, &range, order);
                let in_order = found.is_sorted_by(|a, b| match order {
                    Order::Ascending => a.0 < b.0,
                    Order::Descending => a.0 > b.0,
                });
                assert!(in_order, "out of order, or twice");
                let of_first = found.iter().filter(|(key, _)| first.contains_key(key));
                assert_eq!(of_first.count(), first.len());
            }
        }
    });
}
