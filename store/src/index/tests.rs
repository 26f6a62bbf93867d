//! Both indexes do the same, and what is stored reads back.

use super::{Index, Key, MemoryIndex, Pointer, SledIndex, Slot, is_empty, key_of, range_of};
use crate::journal::Position;
use crate::{Order, Table};
use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Included, Unbounded};
use std::ops::ControlFlow;

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
