//! The chain holds for any events, across restarts, and together with the change it tells of.

use super::support::*;
use crate::{Head, Query, Recorded, Trail};
use proptest::prelude::*;
use std::sync::Arc;
use store::{MemoryStore, Settings, Store, StoreError, StoreExt, Table};

const OTHER: Table = Table::new(200, "other");

fn events(world: &World) -> Vec<Recorded> {
    world.trail.page(&Query::default()).unwrap().events
}

#[test]
fn the_first_event_follows_zeros() {
    let world = world();
    assert_eq!(world.trail.head().unwrap(), Head::default());
    assert_eq!(world.record(event("a"), 0), 1);
    assert_eq!(world.record(event("b"), 1), 2);
    let events = events(&world);
    assert_eq!(events[0].previous_hash, [0; 32]);
    assert_eq!(events[1].previous_hash, events[0].hash);
    assert_eq!(world.trail.head().unwrap(), Head { count: 2, hash: events[1].hash });
}

#[test]
fn an_event_is_there_only_when_its_change_is() {
    let world = world();
    let refused = world.store.transact(|tx| -> Result<(), StoreError> {
        tx.put(OTHER, b"key", b"value");
        crate::append(tx, &event("never"), at(0))?;
        Err(StoreError::Busy)
    });
    assert!(refused.wait().is_err());
    assert!(events(&world).is_empty());
    let done = world.store.transact(|tx| {
        tx.put(OTHER, b"key", b"value");
        crate::append(tx, &event("done"), at(0))
    });
    assert_eq!(done.wait().unwrap(), 1);
    assert_eq!(world.store.get(OTHER, b"key").unwrap().unwrap(), b"value");
    assert_eq!(events(&world).len(), 1);
}

#[test]
fn the_chain_goes_on_after_a_restart() {
    let world = world();
    world.record(event("before"), 0);
    let before = world.trail.head().unwrap();
    world.store.close().unwrap();
    let (store, _) = MemoryStore::open(world.store.disk(), &Settings::small()).unwrap();
    let store = Arc::new(store);
    let trail = Trail::open(store.clone()).unwrap();
    assert_eq!(trail.head().unwrap(), before);
    let world = World { store, trail };
    assert_eq!(world.record(event("after"), 1), 2);
    assert_eq!(events(&world)[1].previous_hash, before.hash);
    assert_eq!(world.journal().check().unwrap().head, world.trail.head().unwrap());
}

#[test]
fn a_head_that_cannot_be_read_fails_the_start_and_every_change() {
    let world = world();
    let spoil = |tx: &mut dyn store::Transaction| {
        tx.put(crate::tables::HEAD, crate::tables::HEAD_KEY, b"\xff");
        Ok(())
    };
    world.store.transact(spoil).wait().unwrap();
    assert!(matches!(Trail::open(world.store.clone()), Err(StoreError::Damaged { .. })));
    let refused = world.trail.submit(event("x"), at(0)).wait();
    assert!(matches!(refused, Err(StoreError::Damaged { .. })));
}

#[test]
fn many_at_once_are_one_chain() {
    let world = Arc::new(world());
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let world = world.clone();
            scope.spawn(move || {
                for n in 0..50 {
                    world.record(event(&format!("{thread}/{n}")), n);
                }
            });
        }
    });
    let report = world.journal().check().unwrap();
    assert_eq!(report.events, 400);
    assert_eq!(report.head, world.trail.head().unwrap());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// However events come, alone or many in a transaction: the chain joins, each has the hash
    /// that its content makes, and the check finds nothing.
    #[test]
    fn the_chain_joins(groups in prop::collection::vec(
        (prop::collection::vec(any_event(), 1..4), -4_000_000_i64..4_000_000), 1..8)
    ) {
        let world = world();
        for (events, ms) in &groups {
            world.together(events.clone(), *ms);
        }
        let mut before = [0; 32];
        let recorded = events(&world);
        for (sequence, event) in (1..).zip(&recorded) {
            prop_assert_eq!(event.sequence, sequence);
            prop_assert_eq!(event.previous_hash, before);
            prop_assert_eq!(event.computed_hash(), event.hash);
            before = event.hash;
        }
        let report = world.journal().check().unwrap();
        let head = Head { count: recorded.len() as u64, hash: before };
        prop_assert_eq!(report.head, head);
        prop_assert_eq!(report.events, head.count);
        prop_assert_eq!(world.trail.head().unwrap(), head);
    }
}
