//! Random operations against a map of the standard library.

use super::{T, tiny};
use crate::disk::{Loss, MemoryDisk};
use crate::{MemoryStore, Order, Settings, Store, StoreError, StoreExt};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::ops::Bound;

#[derive(Clone, Debug)]
enum Step {
    Write(Vec<(Vec<u8>, Option<Vec<u8>>)>),
    /// The same, but the job fails in the end.
    Fail(Vec<(Vec<u8>, Option<Vec<u8>>)>),
    Get(Vec<u8>),
    Scan(Bound<Vec<u8>>, Bound<Vec<u8>>, bool, usize),
    /// Inside a transaction, on top of these writes; the job fails in the end.
    ScanOver(Vec<(Vec<u8>, Option<Vec<u8>>)>, Bound<Vec<u8>>, bool, usize),
    Reopen,
    PowerCut,
}

fn key() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(vec![0, 1, b'a', 255]), 0..3)
}

fn bound() -> impl Strategy<Value = Bound<Vec<u8>>> {
    prop_oneof![
        key().prop_map(Bound::Included),
        key().prop_map(Bound::Excluded),
        Just(Bound::Unbounded)
    ]
}

fn changes() -> impl Strategy<Value = Vec<(Vec<u8>, Option<Vec<u8>>)>> {
    let value = (any::<u8>(), 0..300_usize).prop_map(|(byte, length)| vec![byte; length]);
    prop::collection::vec((key(), prop::option::weighted(0.7, value)), 0..6)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => changes().prop_map(Step::Write),
        1 => changes().prop_map(Step::Fail),
        4 => key().prop_map(Step::Get),
        4 => (bound(), bound(), any::<bool>(), 0..9_usize)
            .prop_map(|(from, to, back, limit)| Step::Scan(from, to, back, limit)),
        4 => (changes(), bound(), any::<bool>(), 0..9_usize)
            .prop_map(|(over, from, back, limit)| Step::ScanOver(over, from, back, limit)),
        1 => Just(Step::Reopen),
        1 => Just(Step::PowerCut),
    ]
}

type Model = BTreeMap<Vec<u8>, Vec<u8>>;

fn change(model: &mut Model, changes: &[(Vec<u8>, Option<Vec<u8>>)]) {
    for (key, value) in changes {
        match value {
            Some(value) => model.insert(key.clone(), value.clone()),
            None => model.remove(key),
        };
    }
}

fn scan(
    model: &Model,
    from: &Bound<Vec<u8>>,
    to: &Bound<Vec<u8>>,
    order: Order,
    limit: usize,
) -> Vec<(Vec<u8>, Vec<u8>)> {
    let inside = |key: &Vec<u8>| {
        let after = match from {
            Bound::Included(from) => key >= from,
            Bound::Excluded(from) => key > from,
            Bound::Unbounded => true,
        };
        after
            && match to {
                Bound::Included(to) => key <= to,
                Bound::Excluded(to) => key < to,
                Bound::Unbounded => true,
            }
    };
    let mut rows: Vec<_> = model
        .iter()
        .filter(|(key, _)| inside(key))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    if order == Order::Descending {
        rows.reverse();
    }
    rows.truncate(limit);
    rows
}

fn borrow(bound: &Bound<Vec<u8>>) -> Bound<&[u8]> {
    bound.as_ref().map(Vec::as_slice)
}

fn order(back: bool) -> Order {
    if back { Order::Descending } else { Order::Ascending }
}

fn follow(steps: Vec<Step>, settings: &Settings) {
    let mut disk = MemoryDisk::new();
    let mut store = MemoryStore::open(&disk, settings).unwrap().0;
    let mut model = Model::new();
    for step in steps {
        match step {
            Step::Write(changes) => {
                change(&mut model, &changes);
                transact(&store, changes, false);
            }
            Step::Fail(changes) => transact(&store, changes, true),
            Step::Get(key) => assert_eq!(store.get(T, &key).unwrap().as_ref(), model.get(&key)),
            Step::Scan(from, to, back, limit) => {
                let rows = store.scan(T, borrow(&from), borrow(&to), order(back), limit);
                assert_eq!(rows.unwrap(), scan(&model, &from, &to, order(back), limit));
            }
            Step::ScanOver(changes, from, back, limit) => {
                let mut over = model.clone();
                change(&mut over, &changes);
                let expected = scan(&over, &from, &Bound::Unbounded, order(back), limit);
                let rows = store.transact(move |transaction| {
                    apply(transaction, &changes);
                    let to = Bound::Unbounded;
                    let rows = transaction.scan(T, borrow(&from), to, order(back), limit)?;
                    // Not even a failed job takes this result with it: it is compared here.
                    assert_eq!(rows, expected);
                    Err::<(), _>(StoreError::Closed)
                });
                assert!(matches!(rows.wait(), Err(StoreError::Closed)));
            }
            Step::Reopen => {
                store.close().unwrap();
                store = MemoryStore::open(&disk, settings).unwrap().0;
            }
            Step::PowerCut => {
                disk = disk.after_power_cut(Loss::All);
                store = MemoryStore::open(&disk, settings).unwrap().0;
            }
        }
    }
}

fn apply(transaction: &mut dyn crate::Transaction, changes: &[(Vec<u8>, Option<Vec<u8>>)]) {
    for (key, value) in changes {
        match value {
            Some(value) => transaction.put(T, key, value),
            None => transaction.delete(T, key),
        }
    }
}

fn transact(store: &MemoryStore, changes: Vec<(Vec<u8>, Option<Vec<u8>>)>, fail: bool) {
    let write = store.transact(move |transaction| {
        apply(transaction, &changes);
        if fail { Err(StoreError::Closed) } else { Ok(()) }
    });
    assert_eq!(write.wait().is_err(), fail);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// The indexer carries a generation every few keys, so that reads meet all three layers.
    #[test]
    fn the_store_is_a_map(steps in prop::collection::vec(step(), 1..80)) {
        follow(steps, &Settings { index_batch_keys: 3, overlay_keys: 6, ..tiny() });
    }

    /// The indexer carries nothing before the close, so that everything is in the overlay.
    #[test]
    fn the_overlay_alone_is_a_map(steps in prop::collection::vec(step(), 1..40)) {
        let index_delay = std::time::Duration::from_secs(3600);
        follow(steps, &Settings { index_batch_keys: 9999, index_delay, ..tiny() });
    }
}
