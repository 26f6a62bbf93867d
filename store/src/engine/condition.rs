//! Whether the store takes writes, and the counters of what it did.

use super::space::Space;
use crate::StoreError;
use crate::journal::spare::Spare;
use parking_lot::RwLock;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The state of the store as a whole.
#[derive(Clone, Debug)]
pub(crate) enum Condition {
    /// Reads and writes.
    Working,
    /// No space when a segment was needed, or too little for the index. Reads go on, and writes
    /// are tried again.
    Full(StoreError),
    /// Writing has ended for good: poisoned, or closed.
    Stopped(StoreError),
}

/// The condition, shared by all threads.
#[derive(Debug)]
pub(crate) struct Health {
    condition: RwLock<Condition>,
    spare: Arc<Spare>,
    space: Space,
}

impl Health {
    pub(crate) fn new(spare: Arc<Spare>, space: Space) -> Self {
        Self { condition: RwLock::new(Condition::Working), spare, space }
    }

    /// `Ok` while writes are taken.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        match &*self.condition.read() {
            Condition::Full(error) if !self.spare.is_ready() => Err(error.clone()),
            Condition::Stopped(error) => Err(error.clone()),
            // The next group will find the space that has come back.
            Condition::Working | Condition::Full(_) => self.space.check(),
        }
    }

    /// Why writing has ended for good, if it has.
    pub(crate) fn stopped(&self) -> Option<StoreError> {
        match &*self.condition.read() {
            Condition::Stopped(error) => Some(error.clone()),
            Condition::Working | Condition::Full(_) => None,
        }
    }

    /// Whether the last write found no space.
    pub(crate) fn is_full(&self) -> bool {
        matches!(*self.condition.read(), Condition::Full(_))
    }

    /// Writing works.
    pub(crate) fn working(&self) {
        let mut condition = self.condition.write();
        if matches!(*condition, Condition::Full(_)) {
            *condition = Condition::Working;
            tracing::info!("the store writes again");
        }
    }

    /// There was no space for a segment, or too little for the index.
    pub(crate) fn full(&self, error: &StoreError) {
        let mut condition = self.condition.write();
        if matches!(*condition, Condition::Working) {
            tracing::error!(%error, "the store is full");
            *condition = Condition::Full(error.clone());
        }
    }

    /// Ends writing for good. The first reason stays, but for a poisoned store that is closed.
    pub(crate) fn stop(&self, error: StoreError) {
        let mut condition = self.condition.write();
        if !matches!(*condition, Condition::Stopped(_)) || matches!(error, StoreError::Closed) {
            if !matches!(error, StoreError::Closed) {
                tracing::error!(%error, "the store is stopped");
            }
            *condition = Condition::Stopped(error);
        }
    }

    /// Ends writing after an error of the disk, and returns what every job is told.
    pub(crate) fn poison(&self, reason: String) -> StoreError {
        let error = StoreError::Poisoned { reason };
        self.stop(error.clone());
        error
    }
}

/// What the store did since it was opened, and where it stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// The last durable transaction.
    pub durable_sequence: u64,
    /// Jobs that were run.
    pub jobs: u64,
    /// Transactions that were written.
    pub transactions: u64,
    /// Frames that were written, each with one sync.
    pub groups: u64,
    /// Bytes of the journal that were written.
    pub journal_bytes: u64,
    /// Microseconds spent in writing and syncing frames.
    pub sync_micros: u64,
    /// Generations that were carried into the index.
    pub index_batches: u64,
    /// Keys that were carried into the index.
    pub index_keys: u64,
    /// Jobs that wait now.
    pub queued: u64,
    /// Changed keys that are not in the index now.
    pub overlay_keys: u64,
}

/// The counters behind [`Statistics`].
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) durable_sequence: AtomicU64,
    pub(crate) jobs: AtomicU64,
    pub(crate) transactions: AtomicU64,
    pub(crate) groups: AtomicU64,
    pub(crate) journal_bytes: AtomicU64,
    pub(crate) sync_micros: AtomicU64,
    pub(crate) index_batches: AtomicU64,
    pub(crate) index_keys: AtomicU64,
}

/// Counters are figures for people: no other memory hangs on their order.
pub(crate) fn add(counter: &AtomicU64, amount: u64) {
    counter.fetch_add(amount, Ordering::Relaxed);
}

impl Counters {
    pub(crate) fn statistics(&self, queued: usize, overlay_keys: usize) -> Statistics {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Statistics {
            durable_sequence: self.durable_sequence.load(Ordering::Acquire),
            jobs: read(&self.jobs),
            transactions: read(&self.transactions),
            groups: read(&self.groups),
            journal_bytes: read(&self.journal_bytes),
            sync_micros: read(&self.sync_micros),
            index_batches: read(&self.index_batches),
            index_keys: read(&self.index_keys),
            queued: queued as u64,
            overlay_keys: overlay_keys as u64,
        }
    }
}
