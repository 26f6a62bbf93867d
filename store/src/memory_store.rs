//! The store for tests of other crates: the same journal, writer and indexer, on a disk in memory.

use crate::disk::{Disk, MemoryDisk};
use crate::engine::Engine;
use crate::engine::condition::Statistics;
use crate::engine::open::{IndexHome, OpenReport};
use crate::index::{Index, IndexFault, MemoryIndex};
use crate::settings::Settings;
use crate::{Job, Order, Row, Store, StoreError, Table};
use std::ops::Bound;
use std::sync::Arc;

/// A store on a [`MemoryDisk`], whose faults can be injected, with an index in memory that is
/// rebuilt at each opening.
#[derive(Debug)]
pub struct MemoryStore {
    engine: Engine,
    disk: MemoryDisk,
}

#[derive(Debug)]
struct NoHome;

impl IndexHome for NoHome {
    fn open(&self) -> Result<Arc<dyn Index>, IndexFault> {
        Ok(Arc::new(MemoryIndex::default()))
    }

    fn discard(&self) -> Result<bool, StoreError> {
        Ok(false)
    }
}

impl MemoryStore {
    /// An empty store on a disk of its own.
    pub fn new() -> Result<Self, StoreError> {
        Self::open(&MemoryDisk::new(), &Settings::small()).map(|(store, _)| store)
    }

    /// Opens the store that is on `disk`, or makes one.
    pub fn open(disk: &MemoryDisk, settings: &Settings) -> Result<(Self, OpenReport), StoreError> {
        let shared: Arc<dyn Disk> = Arc::new(disk.clone());
        let (engine, report) = Engine::open(shared, &NoHome, settings, "memory")?;
        Ok((Self { engine, disk: disk.clone() }, report))
    }

    /// The disk that the store is on.
    #[must_use]
    pub fn disk(&self) -> &MemoryDisk {
        &self.disk
    }

    /// The last durable transaction; 0 in an empty store.
    #[must_use]
    pub fn durable_sequence(&self) -> u64 {
        self.engine.durable_sequence()
    }

    /// What the store did since it was opened.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        self.engine.statistics()
    }
}

impl Store for MemoryStore {
    fn submit(&self, job: Box<dyn Job>) -> Result<(), StoreError> {
        self.engine.submit(job)
    }

    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.engine.get(table, key)
    }

    fn scan(
        &self,
        table: Table,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        order: Order,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        self.engine.scan(table, from, to, order, limit)
    }

    fn health(&self) -> Result<(), StoreError> {
        self.engine.health()
    }

    fn close(&self) -> Result<(), StoreError> {
        self.engine.close()
    }
}
