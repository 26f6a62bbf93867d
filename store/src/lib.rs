//! The durable transactional key-value store of the service.
//!
//! This room knows keys, values and disks, and no word of the domain: what a table holds is its
//! caller's business. Data walks through it in one direction:
//!
//! 1. a [`Job`] is submitted and waits in the queue of the one writer thread;
//! 2. the writer runs it against current state, collecting its writes ([`Transaction`]);
//! 3. the writes of all jobs of a group become one frame of the journal, written and synced once;
//! 4. the frame's writes become visible, and every job of the group is told that it is durable;
//! 5. later, an indexer carries the writes into the index, which can be deleted at any time.
//!
//! The journal is the truth. An error of the disk poisons the store: nothing is retried.

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
pub mod disk;
mod disk_store;
mod engine;
mod error;
mod index;
pub mod journal;
mod lock;
pub mod maintenance;
mod memory_store;
mod overlay;
mod settings;
mod table;
mod transact;

pub use disk_store::DiskStore;
pub use engine::condition::Statistics;
pub use engine::open::OpenReport;
pub use error::StoreError;
pub use memory_store::MemoryStore;
pub use settings::Settings;
pub use table::Table;
pub use transact::{Job, Order, Pending, Row, Store, StoreExt, Transaction};
