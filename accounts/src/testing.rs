//! Doubles for tests: a store in a map that runs each job at once, a runtime, and randomness
//! that repeats itself.

use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::future::Future;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use store::{Job, Order, Row, Store, StoreError, Table, Transaction};

type Key = (u8, Vec<u8>);
type Map = BTreeMap<Key, Vec<u8>>;

/// One operation of a transaction, as the journal has it.
pub(crate) type Operation = (u8, Vec<u8>, Option<Vec<u8>>);

/// A store in a map. Jobs run and end inside `submit`, one after another; while it is paused they
/// wait for [`MapStore::resume`].
#[derive(Default)]
pub(crate) struct MapStore {
    map: Mutex<Map>,
    writer: Mutex<Writer>,
    after_read: Mutex<Option<(Table, AfterRead)>>,
    scans: AtomicU64,
}

type AfterRead = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct Writer {
    sequence: u64,
    paused: bool,
    waiting: Vec<Box<dyn Job>>,
    fail_next: Option<StoreError>,
    journal: Vec<Vec<Operation>>,
}

struct MapTransaction<'a> {
    map: &'a Map,
    writes: BTreeMap<Key, Option<Vec<u8>>>,
    sequence: u64,
    scans: &'a AtomicU64,
}

impl MapStore {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Lets jobs wait from now on.
    pub(crate) fn pause(&self) {
        self.writer.lock().paused = true;
    }

    /// Runs the jobs that waited, and does not let them wait any more.
    pub(crate) fn resume(&self) {
        let mut writer = self.writer.lock();
        writer.paused = false;
        for job in std::mem::take(&mut writer.waiting) {
            self.run(&mut writer, job);
        }
    }

    /// How many jobs wait.
    pub(crate) fn waiting(&self) -> usize {
        self.writer.lock().waiting.len()
    }

    /// The next job that runs is not made durable, and fails with this.
    pub(crate) fn fail_next(&self, error: StoreError) {
        self.writer.lock().fail_next = Some(error);
    }

    /// How many scans there were inside transactions.
    pub(crate) fn scans(&self) -> u64 {
        self.scans.load(Ordering::Relaxed)
    }

    /// Every transaction so far.
    pub(crate) fn journal(&self) -> Vec<Vec<Operation>> {
        self.writer.lock().journal.clone()
    }

    /// Everything that is stored.
    pub(crate) fn contents(&self) -> Map {
        self.map.lock().clone()
    }

    /// Another store with the same contents: what a restart finds.
    pub(crate) fn reopened(&self) -> Arc<Self> {
        let writer = self.writer.lock();
        Arc::new(Self {
            map: Mutex::new(self.map.lock().clone()),
            writer: Mutex::new(Writer {
                sequence: writer.sequence,
                journal: writer.journal.clone(),
                ..Writer::default()
            }),
            after_read: Mutex::default(),
            scans: AtomicU64::default(),
        })
    }

    /// Does something, once, when a row of `table` has been read outside a transaction and
    /// before the reader gets it.
    pub(crate) fn after_read(&self, table: Table, act: impl FnOnce() + Send + 'static) {
        *self.after_read.lock() = Some((table, Box::new(act)));
    }

    fn run(&self, writer: &mut Writer, mut job: Box<dyn Job>) {
        let mut map = self.map.lock();
        let sequence = writer.sequence + 1;
        let (writes, scans) = (BTreeMap::new(), &self.scans);
        let mut transaction = MapTransaction { map: &map, writes, sequence, scans };
        let mut outcome = job.run(&mut transaction);
        let writes = transaction.writes;
        if let Some(error) = writer.fail_next.take() {
            outcome = outcome.and(Err(error));
        }
        if outcome.is_ok() && !writes.is_empty() {
            writer.sequence = sequence;
            writer.journal.push(
                writes.iter().map(|((t, key), value)| (*t, key.clone(), value.clone())).collect(),
            );
            for (key, value) in writes {
                match value {
                    Some(value) => map.insert(key, value),
                    None => map.remove(&key),
                };
            }
        }
        drop(map);
        job.done(outcome);
    }
}

fn scan_map<'a>(
    rows: impl DoubleEndedIterator<Item = (&'a Key, &'a Vec<u8>)>,
    order: Order,
    limit: usize,
) -> Vec<Row> {
    let row = |(key, value): (&Key, &Vec<u8>)| (key.1.clone(), value.clone());
    match order {
        Order::Ascending => rows.take(limit).map(row).collect(),
        Order::Descending => rows.rev().take(limit).map(row).collect(),
    }
}

fn bounds(table: Table, from: Bound<&[u8]>, to: Bound<&[u8]>) -> (Bound<Key>, Bound<Key>) {
    let number = table.number();
    let from = match from {
        Bound::Unbounded => Bound::Included((number, Vec::new())),
        bound => bound.map(|key| (number, key.to_vec())),
    };
    let to = match to {
        Bound::Unbounded => Bound::Excluded((number + 1, Vec::new())),
        bound => bound.map(|key| (number, key.to_vec())),
    };
    (from, to)
}

impl Transaction for MapTransaction<'_> {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let key = (table.number(), key.to_vec());
        Ok(match self.writes.get(&key) {
            Some(written) => written.clone(),
            None => self.map.get(&key).cloned(),
        })
    }

    fn scan(
        &self,
        table: Table,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        order: Order,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        self.scans.fetch_add(1, Ordering::Relaxed);
        let mut merged: Map = self
            .map
            .range(bounds(table, from, to))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        for (key, value) in self.writes.range(bounds(table, from, to)) {
            match value {
                Some(value) => merged.insert(key.clone(), value.clone()),
                None => merged.remove(key),
            };
        }
        Ok(scan_map(merged.iter(), order, limit))
    }

    fn put(&mut self, table: Table, key: &[u8], value: &[u8]) {
        self.writes.insert((table.number(), key.to_vec()), Some(value.to_vec()));
    }

    fn delete(&mut self, table: Table, key: &[u8]) {
        self.writes.insert((table.number(), key.to_vec()), None);
    }

    fn sequence(&self) -> u64 {
        self.sequence
    }
}

impl Store for MapStore {
    fn submit(&self, job: Box<dyn Job>) -> Result<(), StoreError> {
        let mut writer = self.writer.lock();
        if writer.paused {
            writer.waiting.push(job);
        } else {
            self.run(&mut writer, job);
        }
        Ok(())
    }

    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let read = self.map.lock().get(&(table.number(), key.to_vec())).cloned();
        let act = self.after_read.lock().take_if(|(of, _)| *of == table);
        if let Some((_, act)) = act {
            act();
        }
        Ok(read)
    }

    fn scan(
        &self,
        table: Table,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        order: Order,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        Ok(scan_map(self.map.lock().range(bounds(table, from, to)), order, limit))
    }

    fn health(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn close(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// Runs a future on this thread.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// Polls a future once, and tells whether it still waits.
pub(crate) fn is_pending<F: Future + Unpin>(future: &mut F) -> bool {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    std::pin::Pin::new(future).poll(&mut context).is_pending()
}

/// Randomness for tests: SHA-256 over a seed and a counter.
pub(crate) struct TestRandom {
    seed: u64,
    counter: u64,
}

impl TestRandom {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, counter: 0 }
    }
}

impl rand::TryRng for TestRandom {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        self.try_next_u64().map(|n| (n >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_be_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, target: &mut [u8]) -> Result<(), Self::Error> {
        for chunk in target.chunks_mut(32) {
            self.counter += 1;
            let input = [self.seed.to_be_bytes(), self.counter.to_be_bytes()].concat();
            chunk.copy_from_slice(&openssl::sha::sha256(&input)[..chunk.len()]);
        }
        Ok(())
    }
}

impl rand::TryCryptoRng for TestRandom {}
