//! The index on disk: one tree of sled, with pages of keys in it ([`pages`]).
//!
//! Its peculiarities stay in this file. Its `flush` does not sync on Linux, it may panic on files
//! that a power cut has torn, and its transactions serialize everything in the process. So it is
//! asked for none of these: the journal is the truth, the files are synced here at a clean close,
//! pages are written one after another with the position last (its log keeps that
//! order), and opening happens on a thread whose panic is an answer.

use super::memory::is_empty;
use super::pages::{self, Pieces, Rows};
use super::{Index, IndexFault, Key, KeyRange, POSITION_KEY, Slot};
use crate::Order;
use crate::journal::Position;
use parking_lot::RwLock;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::ops::{Bound, ControlFlow, RangeBounds};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Two seconds in all; nobody but this process has a reason to hold the index.
const LOCK_TRIES: u32 = 200;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// One tree of sled in a directory of its own.
#[derive(Debug)]
pub(crate) struct SledIndex {
    directory: PathBuf,
    /// `None` after [`Index::close`].
    tree: RwLock<Option<sled::Db>>,
    /// Held by readers, and against them while rows move from one page to another.
    moving: RwLock<()>,
}

impl SledIndex {
    /// Opens the index, or makes an empty one. A panic of sled is an error.
    pub(crate) fn open(directory: &Path, cache_bytes: u64) -> Result<Self, IndexFault> {
        let config = sled::Config::new()
            .path(directory)
            .cache_capacity(cache_bytes)
            // No timer: sled writes when its buffer is full, and at the close.
            .flush_every_ms(None)
            .mode(sled::Mode::HighThroughput);
        let open = move || open_when_free(&config);
        let thread = std::thread::Builder::new()
            .name("store-index-open".to_owned())
            .spawn(open)
            .map_err(|error| IndexFault(error.to_string()))?;
        let tree = match thread.join() {
            Ok(result) => result.map_err(|error| fault(&error))?,
            Err(_) => return Err(IndexFault("sled panicked while opening".to_owned())),
        };
        Ok(Self {
            directory: directory.to_path_buf(),
            tree: RwLock::new(Some(tree)),
            moving: RwLock::new(()),
        })
    }

    fn with<T>(&self, work: impl FnOnce(&sled::Db) -> sled::Result<T>) -> Result<T, IndexFault> {
        let tree = self.tree.read();
        let tree = tree.as_ref().ok_or_else(closed)?;
        work(tree).map_err(|error| fault(&error))
    }
}

/// Opens a tree. One that this process closed a moment ago is still locked: sled's own threads let
/// go of it a little later than its last user.
fn open_when_free(config: &sled::Config) -> sled::Result<sled::Db> {
    let mut tries = 0;
    loop {
        match config.open() {
            Err(sled::Error::Io(error))
                if tries < LOCK_TRIES && error.to_string().contains("could not acquire lock") =>
            {
                tries += 1;
                std::thread::sleep(LOCK_PAUSE);
            }
            opened => return opened,
        }
    }
}

/// A key of the tree: this byte and the separator of a page. The first page's is empty.
const PAGE: u8 = 1;

/// A page of the tree.
struct Page {
    /// Its key in the tree.
    key: sled::IVec,
    content: sled::IVec,
}

impl Page {
    /// The page whose rows include `key`; an empty first one when there is none yet.
    fn of(tree: &sled::Db, key: &[u8]) -> sled::Result<Self> {
        // The smallest key above the wanted one; the page is the one below it.
        let mut above = page_key(key);
        above.push(0);
        let found = Self::below(tree, &above)?;
        Ok(found.unwrap_or_else(|| Self { key: vec![PAGE].into(), content: sled::IVec::default() }))
    }

    /// The last page below a key of the tree.
    fn below(tree: &sled::Db, key: &[u8]) -> sled::Result<Option<Self>> {
        Ok(tree.get_lt(key)?.and_then(Self::new))
    }

    /// The page behind this one.
    fn next(&self, tree: &sled::Db) -> sled::Result<Option<Self>> {
        Ok(tree.get_gt(&self.key)?.and_then(Self::new))
    }

    /// `None` for the one key of the tree that is no page.
    fn new((key, content): (sled::IVec, sled::IVec)) -> Option<Self> {
        (key.first() == Some(&PAGE)).then_some(Self { key, content })
    }

    fn separator(&self) -> &[u8] {
        self.key.get(1..).unwrap_or_default()
    }

    /// Its rows, up to the page behind it.
    fn rows(&self, next: Option<&Self>) -> Result<Vec<(Vec<u8>, Slot)>, IndexFault> {
        let rows = Rows::new(&self.content, next.map(Self::separator));
        rows.map(|row| {
            let (key, slot) = row?;
            Ok((key.to_vec(), Slot::decode(slot).ok_or_else(unreadable)?))
        })
        .collect()
    }
}

fn page_key(separator: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(2 + separator.len());
    key.push(PAGE);
    key.extend_from_slice(separator);
    key
}

impl SledIndex {
    /// Merges changes into the pages that they belong to.
    fn write_pages(
        &self,
        tree: &sled::Db,
        changes: &BTreeMap<Key, Slot>,
    ) -> Result<(), IndexFault> {
        let mut changes = changes.iter().peekable();
        while let Some((first, _)) = changes.peek() {
            let page = Page::of(tree, first).map_err(|error| fault(&error))?;
            let next = page.next(tree).map_err(|error| fault(&error))?;
            let until = next.as_ref().map(Page::separator);
            let pieces = pages::merge(&page.content, until, &mut changes)?;
            // While rows move from one page to another, a reader could miss them in both.
            let moving = (pieces.len() > 1).then(|| self.moving.write());
            replace(tree, &page, pieces).map_err(|error| fault(&error))?;
            drop(moving);
        }
        Ok(())
    }
}

/// Writes the pieces of a page, the last one first: until the page itself has been shortened, its
/// rows are in both, and those behind the next separator count for nothing.
fn replace(tree: &sled::Db, page: &Page, pieces: Pieces) -> sled::Result<()> {
    if pieces.is_empty() {
        tree.remove(&page.key)?;
    }
    for (separator, rows) in pieces.into_iter().rev() {
        match separator {
            Some(separator) => tree.insert(page_key(&separator), rows)?,
            None => tree.insert(&page.key, rows)?,
        };
    }
    Ok(())
}

/// What is shown each row of a scan.
type Visit<'a> = dyn FnMut(&[u8], Slot) -> ControlFlow<()> + 'a;

/// Shows the rows inside a range, smallest key first.
fn scan_up(tree: &sled::Db, range: &KeyRange, visit: &mut Visit<'_>) -> Result<(), IndexFault> {
    let from: &[u8] = match &range.0 {
        Bound::Included(key) | Bound::Excluded(key) => key,
        Bound::Unbounded => &[],
    };
    let mut page = Some(Page::of(tree, from).map_err(|error| fault(&error))?);
    while let Some(current) = page {
        let next = current.next(tree).map_err(|error| fault(&error))?;
        for (key, slot) in current.rows(next.as_ref())? {
            if is_above(range, &key) {
                return Ok(());
            }
            if range.contains(&key) && visit(&key, slot).is_break() {
                return Ok(());
            }
        }
        page = next;
    }
    Ok(())
}

/// Shows the rows inside a range, largest key first.
fn scan_down(tree: &sled::Db, range: &KeyRange, visit: &mut Visit<'_>) -> Result<(), IndexFault> {
    let last = match &range.1 {
        Bound::Included(key) | Bound::Excluded(key) => Page::of(tree, key).map(Some),
        Bound::Unbounded => Page::below(tree, &[PAGE + 1]),
    };
    let mut page = last.map_err(|error| fault(&error))?;
    let Some(last) = &page else { return Ok(()) };
    let mut next = last.next(tree).map_err(|error| fault(&error))?;
    while let Some(current) = page {
        for (key, slot) in current.rows(next.as_ref())?.into_iter().rev() {
            if range.contains(&key) {
                if visit(&key, slot).is_break() {
                    return Ok(());
                }
            } else if !is_above(range, &key) {
                return Ok(());
            }
        }
        page = Page::below(tree, &current.key).map_err(|error| fault(&error))?;
        next = Some(current);
    }
    Ok(())
}

/// Whether a key lies behind the end of a range.
fn is_above(range: &KeyRange, key: &[u8]) -> bool {
    match &range.1 {
        Bound::Included(end) => key > end.as_slice(),
        Bound::Excluded(end) => key >= end.as_slice(),
        Bound::Unbounded => false,
    }
}

impl Index for SledIndex {
    fn get(&self, key: &[u8]) -> Result<Option<Slot>, IndexFault> {
        let page = self.with(|tree| {
            let _still = self.moving.read();
            Page::of(tree, key)
        })?;
        let Some(slot) = pages::find(&page.content, key)? else { return Ok(None) };
        Slot::decode(slot).map(Some).ok_or_else(unreadable)
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
        let tree = self.tree.read();
        let tree = tree.as_ref().ok_or_else(closed)?;
        let _still = self.moving.read();
        match order {
            Order::Ascending => scan_up(tree, range, visit),
            Order::Descending => scan_down(tree, range, visit),
        }
    }

    fn apply(&self, changes: &BTreeMap<Key, Slot>, position: &Position) -> Result<(), IndexFault> {
        let tree = self.tree.read();
        let tree = tree.as_ref().ok_or_else(closed)?;
        self.write_pages(tree, changes)?;
        tree.insert(POSITION_KEY, position.encode().as_slice()).map_err(|error| fault(&error))?;
        Ok(())
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

fn closed() -> IndexFault {
    IndexFault("the index is closed".to_owned())
}

fn unreadable() -> IndexFault {
    IndexFault("an entry that cannot be read".to_owned())
}
