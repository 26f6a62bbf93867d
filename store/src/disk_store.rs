//! The store of the service: the journal and the index in a data directory.

use crate::disk::RealDisk;
use crate::engine::Engine;
use crate::engine::condition::Statistics;
use crate::engine::open::{IndexHome, OpenReport};
use crate::index::{Index, IndexFault, SledIndex};
use crate::lock::DirectoryLock;
use crate::settings::Settings;
use crate::{Job, Order, Row, Store, StoreError, Table};
use std::fs;
use std::io;
use std::ops::Bound;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The directory of the index inside the data directory.
const INDEX: &str = "index";

/// A store in a data directory.
///
/// ```text
/// lock                  held by the one process that has the store open
/// state                 whether the index may be trusted, and what the journal holds at least
/// journal/00000001.seg  the journal: the truth
/// index/                can be deleted while the store is closed
/// reserve               space for a clean shutdown on a full disk
/// ```
#[derive(Debug)]
pub struct DiskStore {
    engine: Engine,
}

impl DiskStore {
    /// Opens the store in `directory`, or makes one there.
    ///
    /// Errors: [`StoreError::InUse`] when another process has it, [`StoreError::Damaged`] when the
    /// journal is damaged anywhere but in an unacknowledged tail.
    pub fn open(directory: &Path, settings: &Settings) -> Result<(Self, OpenReport), StoreError> {
        create(directory)?;
        let lock = DirectoryLock::take(directory)?;
        let home = SledHome::new(directory, settings.index_cache_bytes);
        let disk = Arc::new(RealDisk::new(directory));
        let (engine, report) = Engine::open(disk, &home, settings, &boot_id())?;
        engine.hold(lock);
        Ok((Self { engine }, report))
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

impl Store for DiskStore {
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

/// The place of the index in a data directory.
#[derive(Debug)]
pub(crate) struct SledHome {
    pub(crate) directory: PathBuf,
    pub(crate) cache_bytes: u64,
}

impl SledHome {
    pub(crate) fn new(directory: &Path, cache_bytes: u64) -> Self {
        Self { directory: directory.join(INDEX), cache_bytes }
    }
}

impl IndexHome for SledHome {
    fn open(&self) -> Result<Arc<dyn Index>, IndexFault> {
        Ok(Arc::new(SledIndex::open(&self.directory, self.cache_bytes)?))
    }

    fn discard(&self) -> Result<bool, StoreError> {
        match fs::remove_dir_all(&self.directory) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(failed("cannot delete the index", &self.directory, &error)),
        }
    }
}

/// Makes the data directory, for its owner alone, and its name durable.
pub(crate) fn create(directory: &Path) -> Result<(), StoreError> {
    if directory.is_dir() {
        return Ok(());
    }
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .and_then(|()| match directory.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => fs::File::open(parent)?.sync_all(),
            _ => fs::File::open(".")?.sync_all(),
        })
        .map_err(|error| failed("cannot create", directory, &error))
}

/// The kernel's name for this boot of the machine; empty where there is none, and then the index
/// is trusted after a clean close only.
pub(crate) fn boot_id() -> String {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    text.trim().to_owned()
}

pub(crate) fn failed(action: &'static str, path: &Path, error: &io::Error) -> StoreError {
    StoreError::Io { action, path: path.to_path_buf(), reason: error.to_string() }
}
