//! The index on disk: one tree of sled.
//!
//! Its peculiarities stay in this file. Its `flush` does not sync on Linux, it may panic on files
//! that a power cut has torn, and its transactions serialize everything in the process. So it is
//! asked for none of these: the journal is the truth, the files are synced here at a clean close,
//! changes are written one after another in key order with the position last (its log keeps that
//! order), and opening happens on a thread whose panic is an answer.

use super::memory::is_empty;
use super::{Index, IndexFault, Key, KeyRange, POSITION_KEY, Slot};
use crate::Order;
use crate::journal::Position;
use parking_lot::RwLock;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// One tree of sled in a directory of its own.
#[derive(Debug)]
pub(crate) struct SledIndex {
    directory: PathBuf,
    /// `None` after [`Index::close`].
    tree: RwLock<Option<sled::Db>>,
}

impl SledIndex {
    /// Opens the index, or makes an empty one. A panic of sled is an error.
    pub(crate) fn open(directory: &Path, cache_bytes: u64) -> Result<Self, IndexFault> {
        let path = directory.to_path_buf();
        let open = move || {
            sled::Config::new()
                .path(path)
                .cache_capacity(cache_bytes)
                // No timer: sled writes when its buffer is full, and at the close.
                .flush_every_ms(None)
                .mode(sled::Mode::HighThroughput)
                .open()
        };
        let thread = std::thread::Builder::new()
            .name("store-index-open".to_owned())
            .spawn(open)
            .map_err(|error| IndexFault(error.to_string()))?;
        let tree = match thread.join() {
            Ok(result) => result.map_err(|error| fault(&error))?,
            Err(_) => return Err(IndexFault("sled panicked while opening".to_owned())),
        };
        Ok(Self { directory: directory.to_path_buf(), tree: RwLock::new(Some(tree)) })
    }

    fn with<T>(&self, work: impl FnOnce(&sled::Db) -> sled::Result<T>) -> Result<T, IndexFault> {
        let tree = self.tree.read();
        let tree = tree.as_ref().ok_or_else(|| IndexFault("the index is closed".to_owned()))?;
        work(tree).map_err(|error| fault(&error))
    }
}

impl Index for SledIndex {
    fn get(&self, key: &[u8]) -> Result<Option<Slot>, IndexFault> {
        let Some(bytes) = self.with(|tree| tree.get(key))? else { return Ok(None) };
        Slot::decode(&bytes).map(Some).ok_or_else(unreadable)
    }

    fn scan(
        &self,
        range: &KeyRange,
        order: Order,
        visit: &mut dyn FnMut(&[u8], Slot) -> ControlFlow<()>,
    ) -> Result<(), IndexFault> {
        if is_empty(range) {
            return Ok(());
        }
        let mut rows = self.with(|tree| Ok(tree.range(range.clone())))?;
        loop {
            let row = match order {
                Order::Ascending => rows.next(),
                Order::Descending => rows.next_back(),
            };
            let Some(row) = row else { return Ok(()) };
            let (key, bytes) = row.map_err(|error| fault(&error))?;
            let slot = Slot::decode(&bytes).ok_or_else(unreadable)?;
            if visit(&key, slot).is_break() {
                return Ok(());
            }
        }
    }

    fn apply(&self, changes: &BTreeMap<Key, Slot>, position: &Position) -> Result<(), IndexFault> {
        let mut buffer = Vec::new();
        self.with(|tree| {
            for (key, slot) in changes {
                if slot.encode(&mut buffer) {
                    tree.insert(key, buffer.as_slice())?;
                } else {
                    tree.remove(key)?;
                }
            }
            tree.insert(POSITION_KEY, position.encode().as_slice())?;
            Ok(())
        })
    }

    fn position(&self) -> Result<Option<Position>, IndexFault> {
        let Some(bytes) = self.with(|tree| tree.get(POSITION_KEY))? else { return Ok(None) };
        Position::decode(&bytes).map(Some).ok_or_else(unreadable)
    }

    fn close(&self) -> Result<(), IndexFault> {
        let Some(tree) = self.tree.write().take() else { return Ok(()) };
        tree.flush().map_err(|error| fault(&error))?;
        drop(tree);
        sync_tree(&self.directory).map_err(|error| IndexFault(error.to_string()))
    }
}

/// Syncs each file and directory below a directory.
fn sync_tree(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_tree(&entry.path())?;
        } else {
            File::open(entry.path())?.sync_all()?;
        }
    }
    File::open(directory)?.sync_all()
}

fn fault(error: &sled::Error) -> IndexFault {
    IndexFault(format!("sled: {error}"))
}

fn unreadable() -> IndexFault {
    IndexFault("an entry that cannot be read".to_owned())
}
