//! Two generations that look like one.

use super::Overlay;
use crate::Order::{self, Ascending, Descending};
use crate::Table;
use crate::index::{Key, KeyRange, Slot, key_of, range_of};
use crate::journal::Position;
use std::ops::Bound::{Excluded, Included, Unbounded};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const LONG: Duration = Duration::from_secs(3600);

fn position(sequence: u64) -> Position {
    Position { segment: 1, offset: sequence * 512, sequence, hash: [0; 32] }
}

fn slot(text: &str) -> Slot {
    if text.is_empty() { Slot::Deleted } else { Slot::Inline(text.as_bytes().into()) }
}

fn key(text: &str) -> Key {
    key_of(1, text.as_bytes()).into()
}

/// Publishes keys with their values; an empty value is a removal.
fn publish(overlay: &Overlay, sequence: u64, changes: &[(&str, &str)]) {
    let changes = changes.iter().map(|(name, value)| (key(name), slot(value)));
    overlay.publish(changes.collect::<Vec<_>>().into_iter(), position(sequence));
}

fn everything() -> KeyRange {
    range_of(Table::new(1, "t"), Unbounded, Unbounded)
}

fn seen(overlay: &Overlay, range: &KeyRange, order: Order, values: usize) -> String {
    let rows = overlay.changes_in(range, order, values).into_iter();
    let rows = rows.map(|(key, slot)| {
        let value = match slot {
            Slot::Inline(value) => String::from_utf8(value.into_vec()).unwrap(),
            Slot::Deleted => "-".to_owned(),
            Slot::Pointer(_) => "pointer".to_owned(),
        };
        format!("{}{value}", char::from(key[1]))
    });
    rows.collect::<Vec<_>>().join(" ")
}

/// An overlay whose older generation is on its way into the index.
fn two_generations() -> (Overlay, Arc<super::Generation>) {
    let overlay = Overlay::new(1, LONG);
    publish(&overlay, 1, &[("a", "1"), ("b", "1"), ("c", "1"), ("e", "")]);
    let older = overlay.next_generation().unwrap();
    publish(&overlay, 2, &[("b", "2"), ("c", ""), ("d", "2"), ("e", "2")]);
    (overlay, older)
}

#[test]
fn the_newer_change_of_a_key_is_found() {
    let (overlay, older) = two_generations();
    assert_eq!(older.position, Some(position(1)));
    assert_eq!(older.changes.len(), 4);
    for (name, value) in [("a", "1"), ("b", "2"), ("c", ""), ("d", "2"), ("e", "2")] {
        assert_eq!(overlay.find(&key(name)), Some(slot(value)), "{name}");
    }
    assert_eq!(overlay.find(&key("x")), None);
    assert_eq!(overlay.keys(), 8);
}

#[test]
fn scans_merge_both_generations() {
    let (overlay, _older) = two_generations();
    let all = everything();
    assert_eq!(seen(&overlay, &all, Ascending, 99), "a1 b2 c- d2 e2");
    assert_eq!(seen(&overlay, &all, Descending, 99), "e2 d2 c- b2 a1");
    let some = range_of(Table::new(1, "t"), Excluded(b"a"), Included(b"d"));
    assert_eq!(seen(&overlay, &some, Ascending, 99), "b2 c- d2");
    let none = range_of(Table::new(1, "t"), Included(b"d"), Excluded(b"a"));
    assert_eq!(seen(&overlay, &none, Ascending, 99), "");
}

#[test]
fn removals_do_not_count_against_the_values_asked_for() {
    let (overlay, _older) = two_generations();
    let all = everything();
    assert_eq!(seen(&overlay, &all, Ascending, 3), "a1 b2 c- d2");
    assert_eq!(seen(&overlay, &all, Descending, 2), "e2 d2");
    assert_eq!(seen(&overlay, &all, Ascending, 0), "");
}

#[test]
fn what_was_carried_is_gone_and_what_came_meanwhile_is_not() {
    let (overlay, older) = two_generations();
    drop(older);
    overlay.carried();
    assert_eq!(overlay.find(&key("a")), None);
    assert_eq!(overlay.find(&key("c")), Some(Slot::Deleted));
    assert_eq!(seen(&overlay, &everything(), Ascending, 99), "b2 c- d2 e2");
    let newer = overlay.next_generation().unwrap();
    assert_eq!((newer.position, newer.changes.len()), (Some(position(2)), 4));
    overlay.carried();
    assert_eq!(overlay.keys(), 0);
}

#[test]
fn repeated_writes_of_a_key_are_one_change() {
    let overlay = Overlay::new(1, LONG);
    (1..=9).for_each(|round| publish(&overlay, round, &[("k", &round.to_string())]));
    let generation = overlay.next_generation().unwrap();
    assert_eq!(generation.changes[&key("k")], slot("9"));
    assert_eq!((generation.changes.len(), generation.position), (1, Some(position(9))));
}

#[test]
fn at_the_end_everything_is_handed_out_however_little() {
    let overlay = Overlay::new(1000, LONG);
    publish(&overlay, 1, &[("a", "1")]);
    overlay.stop();
    assert_eq!(overlay.next_generation().unwrap().changes.len(), 1);
    overlay.carried();
    assert!(overlay.next_generation().is_none());
}

#[test]
fn enough_keys_wake_the_indexer_before_its_delay() {
    let overlay = Overlay::new(3, LONG);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| overlay.next_generation().unwrap().changes.len());
        for name in ["a", "b", "c"] {
            publish(&overlay, 1, &[(name, "1")]);
        }
        // With an hour of delay this ends only because there are three.
        assert_eq!(waiting.join().unwrap(), 3);
    });
}

#[test]
fn a_writer_waits_for_room_until_there_is_some() {
    let overlay = Overlay::new(1, LONG);
    publish(&overlay, 1, &[("a", "1"), ("b", "1")]);
    assert!(overlay.wait_for_room(3, || false));
    let older = overlay.next_generation().unwrap();
    let has_room = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            assert!(overlay.wait_for_room(2, || false));
            assert!(has_room.load(Ordering::Acquire));
        });
        drop(older);
        has_room.store(true, Ordering::Release);
        overlay.carried();
        waiting.join().unwrap();
    });
}

#[test]
fn a_writer_gives_up_waiting_when_the_store_is_stopped() {
    let overlay = Overlay::new(1, LONG);
    publish(&overlay, 1, &[("a", "1"), ("b", "1")]);
    assert!(!overlay.wait_for_room(1, || true));
}

#[test]
fn a_scan_holds_the_next_generation_back() {
    let overlay = Overlay::new(1, LONG);
    publish(&overlay, 1, &[("a", "1")]);
    let scanned = AtomicBool::new(false);
    let hold = overlay.hold_for_scan();
    std::thread::scope(|scope| {
        let indexer = scope.spawn(|| {
            let generation = overlay.next_generation().unwrap();
            assert!(scanned.load(Ordering::Acquire), "a generation left during a scan");
            generation.changes.len()
        });
        // The writer is not held back.
        publish(&overlay, 2, &[("b", "2")]);
        assert_eq!(overlay.find(&key("b")), Some(slot("2")));
        scanned.store(true, Ordering::Release);
        drop(hold);
        assert_eq!(indexer.join().unwrap(), 2);
    });
}
