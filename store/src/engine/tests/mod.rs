//! The engine on a disk in memory: what must survive, and what must be refused.

mod damage;
mod faults;
mod index_trust;
mod model;
mod power_cut;

use crate::conformance::Fixture;
use crate::disk::MemoryDisk;
use crate::{Job, MemoryStore, Order, Settings, Store, StoreError, StoreExt, Table, Transaction};
use std::collections::BTreeMap;
use std::ops::Bound::Unbounded;
use std::sync::{Arc, mpsc};
use std::time::Duration;

const T: Table = Table::new(1, "t");

/// Small segments, so that a few transactions fill several.
fn tiny() -> Settings {
    Settings {
        segment_bytes: 8 << 10,
        gather: Duration::ZERO,
        index_batch_keys: 8,
        index_delay: Duration::from_millis(1),
        ..Settings::small()
    }
}

struct Memory(MemoryDisk);

impl Fixture for Memory {
    fn open(&mut self, queue: usize) -> Arc<dyn Store> {
        Arc::new(MemoryStore::open(&self.0, &Settings { queue, ..Settings::small() }).unwrap().0)
    }
}

mod small_segments {
    //! The suite on a store in memory, as other crates use it.
    crate::conformance_suite!(super::Memory(crate::disk::MemoryDisk::new()));
}

/// What transaction `number` of the test run writes: an own key, a shared key, a removal.
fn writes(number: u64) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
    let value = vec![number as u8; (number as usize * 37) % 900];
    let mut writes = vec![
        (number.to_be_bytes().to_vec(), Some(value)),
        (b"shared".to_vec(), Some(number.to_be_bytes().to_vec())),
    ];
    if number.is_multiple_of(5) {
        writes.push(((number / 2).to_be_bytes().to_vec(), None));
    }
    writes
}

/// The state after the first `count` transactions of the test run.
fn state_after(count: u64) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut state = BTreeMap::new();
    for (key, value) in (1..=count).flat_map(writes) {
        match value {
            Some(value) => state.insert(key, value),
            None => state.remove(&key),
        };
    }
    state
}

/// What a store holds.
fn state_of(store: &dyn Store) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, StoreError> {
    store
        .scan(T, Unbounded, Unbounded, Order::Ascending, usize::MAX)
        .map(|rows| rows.into_iter().collect())
}

/// A transaction of the test run. It is told with the number of disk operations so far.
struct Numbered {
    disk: MemoryDisk,
    sequence: u64,
    ended: mpsc::Sender<(u64, u64, Result<(), StoreError>)>,
}

impl Job for Numbered {
    fn run(&mut self, transaction: &mut dyn Transaction) -> Result<(), StoreError> {
        self.sequence = transaction.sequence();
        for (key, value) in writes(self.sequence) {
            match value {
                Some(value) => transaction.put(T, &key, &value),
                None => transaction.delete(T, &key),
            }
        }
        Ok(())
    }

    fn done(self: Box<Self>, outcome: Result<(), StoreError>) {
        self.ended.send((self.sequence, self.disk.operations(), outcome)).unwrap();
    }
}

/// Runs `count` transactions, some alone and some in groups. For each: its sequence, the number
/// of disk operations when it was told its end, and that end.
fn run(store: &MemoryStore, count: u64) -> Vec<(u64, u64, Result<(), StoreError>)> {
    let (ended, ends) = mpsc::channel();
    let mut all = Vec::new();
    let mut left = count;
    for size in [1, 3, 1, 7].into_iter().cycle() {
        let size = size.min(left);
        for _ in 0..size {
            let disk = store.disk().clone();
            let job = Numbered { disk, sequence: 0, ended: ended.clone() };
            store.submit(Box::new(job)).unwrap();
        }
        all.extend(ends.iter().take(size as usize));
        left -= size;
        if left == 0 {
            break;
        }
    }
    all
}

/// The last transaction that was acknowledged.
fn acknowledged(ends: &[(u64, u64, Result<(), StoreError>)]) -> u64 {
    ends.iter().filter(|end| end.2.is_ok()).map(|end| end.0).max().unwrap_or(0)
}

/// A job that owns its store, and may close it.
struct Owner {
    store: Arc<MemoryStore>,
    closes: bool,
    ended: mpsc::Sender<Result<(), StoreError>>,
}

impl Job for Owner {
    fn run(&mut self, transaction: &mut dyn Transaction) -> Result<(), StoreError> {
        transaction.put(T, b"k", b"v");
        Ok(())
    }

    fn done(self: Box<Self>, outcome: Result<(), StoreError>) {
        if self.closes {
            self.store.close().unwrap();
        }
        let Self { store, ended, .. } = *self;
        drop(store);
        ended.send(outcome).unwrap();
    }
}

#[test]
fn a_job_may_close_its_store_or_be_its_last_owner() {
    for closes in [false, true] {
        let disk = MemoryDisk::new();
        let (store, _) = MemoryStore::open(&disk, &tiny()).unwrap();
        let store = Arc::new(store);
        let (ended, end) = mpsc::channel();
        let (begin, begun) = mpsc::channel::<()>();
        // The writer waits until the job is the only owner left.
        let waiting = store.transact(move |_| {
            begun.recv().unwrap();
            Ok(())
        });
        let job = Owner { store: Arc::clone(&store), closes, ended };
        store.submit(Box::new(job)).unwrap();
        drop(store);
        begin.send(()).unwrap();
        waiting.wait().unwrap();
        end.recv().unwrap().unwrap();
        // The closing goes on behind the job, and ends as any other.
        while !String::from_utf8(disk.content("state").unwrap_or_default())
            .unwrap()
            .contains("\nclean\nreached 1 ")
        {
            std::thread::yield_now();
        }
    }
}
