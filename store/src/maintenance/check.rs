//! Checking a store: the whole journal, and the index against it.

use super::reached::Expected;
use super::rebuild::fill;
use super::{Progress, must_be_store};
use crate::disk::{Disk, RealDisk};
use crate::disk_store::{SledHome, boot_id};
use crate::engine::indexer::{guarded, position};
use crate::engine::marker::{Marker, State};
use crate::engine::open::IndexHome;
use crate::index::{Index, Key, Slot};
use crate::journal::Reader;
use crate::lock::DirectoryLock;
use crate::{Order, Settings, StoreError};
use std::ops::{Bound, ControlFlow};
use std::path::Path;

/// What was checked, and found right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CheckReport {
    /// The last transaction.
    pub sequence: u64,
    /// The hash of the last frame: it stands for all that came before.
    pub hash: [u8; 32],
    /// Frames of the journal.
    pub frames: u64,
    /// Bytes of the journal's segments.
    pub bytes: u64,
    /// What was found out about the index.
    pub index: IndexCheck,
}

/// What was found out about the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IndexCheck {
    /// Each key and value is what the journal says; this many keys.
    Right {
        /// The keys that were compared.
        keys: u64,
    },
    /// A service has the store open: only the journal was checked.
    InUse,
    /// The store was not closed: the index may hold the first part of a batch, which the next
    /// start completes from the journal, or it will be built again. There is nothing to compare.
    NotTrusted,
}

/// Where an index is built for comparison.
const COMPARISON: &str = "index.check";

/// Rows that are compared at once.
const PAGE: usize = 1024;

/// Verifies every frame of the journal, and, unless a service has the store open, each key and
/// value of the index against it. Damage is [`StoreError::Damaged`]; an index that differs is
/// [`StoreError::Index`]; [`super::rebuild()`] repairs it, and so does the next opening.
pub fn check(directory: &Path, progress: Progress<'_>) -> Result<CheckReport, StoreError> {
    must_be_store(directory)?;
    let lock = match DirectoryLock::take(directory) {
        Ok(lock) => Some(lock),
        Err(StoreError::InUse { .. }) => None,
        Err(error) => return Err(error),
    };
    let disk = RealDisk::new(directory);
    let marker = Marker::read(&disk)?;
    let (mut frames, mut expected) = (0, Expected::new(marker.reached));
    let mut reader = Reader::open(directory)?;
    while reader.next_frame(&mut |frame| {
        frames += 1;
        expected.frame(frame);
        // Reads every operation, so that a frame that cannot be read is found here.
        frame.operations(|_, _| {})
    })? {
        let (done, total) = reader.progress();
        progress(done, total * 2);
    }
    let (_, bytes) = reader.progress();
    expected.must_be_met(&disk, &reader)?;
    let index = match lock {
        None => IndexCheck::InUse,
        Some(_) if marker.state != State::Clean => IndexCheck::NotTrusted,
        Some(_) => check_index(directory, &disk, &marker, &mut |done, total| {
            progress(total + done, total * 2);
        })?,
    };
    progress(bytes * 2, bytes * 2);
    let (sequence, hash) = (reader.sequence(), reader.hash());
    Ok(CheckReport { sequence, hash, frames, bytes, index })
}

fn check_index(
    directory: &Path,
    disk: &dyn Disk,
    marker: &Marker,
    progress: Progress<'_>,
) -> Result<IndexCheck, StoreError> {
    let cache_bytes = Settings::default().index_cache_bytes;
    let home = SledHome::new(directory, cache_bytes);
    // Opening the index writes to it, without a sync.
    let open = Marker { state: State::Open(boot_id()), ..marker.clone() };
    open.write(disk)?;
    let compared = compare_with_journal(directory, &home, progress);
    let left = match &compared {
        // What the index held before is on the disk now, so the old word about it is true again.
        Ok(_) => marker.clone(),
        // It is not to be trusted, and is built again at the next start.
        Err(_) => Marker { state: State::Unknown, ..marker.clone() },
    };
    left.write(disk)?;
    compared.map(|keys| IndexCheck::Right { keys })
}

/// Builds a second index from the journal beside the one that is there; the number of their keys
/// when they are the same.
fn compare_with_journal(
    directory: &Path,
    home: &SledHome,
    progress: Progress<'_>,
) -> Result<u64, StoreError> {
    let index = guarded(|| home.open())?;
    let comparison =
        SledHome { directory: directory.join(COMPARISON), cache_bytes: home.cache_bytes };
    comparison.discard()?;
    let other = guarded(|| comparison.open())?;
    let compared = position(&*index).map_err(StoreError::from).and_then(|applied| {
        let mut reader = Reader::open(directory)?;
        fill(&*other, &mut reader, applied.map_or(0, |applied| applied.sequence), progress)?;
        compare(&*index, &*other)
    });
    guarded(|| other.close())?;
    comparison.discard()?;
    guarded(|| index.close())?;
    compared
}

/// Compares two indexes; the number of their keys when they are the same.
fn compare(index: &dyn Index, expected: &dyn Index) -> Result<u64, StoreError> {
    let mut keys = 0;
    let mut from = Bound::Included(vec![0]);
    loop {
        let (found, wanted) = (page(index, &from)?, page(expected, &from)?);
        if found != wanted {
            let differing = found.iter().zip(&wanted).find(|(found, wanted)| found != wanted);
            let shorter = found.len().min(wanted.len());
            let longer = if found.len() > shorter { &found } else { &wanted };
            let key = match differing {
                Some(((found, _), (wanted, _))) => Some(found.min(wanted)),
                None => longer.get(shorter).map(|(key, _)| key),
            };
            let key = key.map(hex::encode).unwrap_or_default();
            let reason = format!("key {key} (with its table) is not as in the journal");
            return Err(StoreError::Index { reason });
        }
        keys += found.len() as u64;
        match found.into_iter().next_back() {
            Some((last, _)) => from = Bound::Excluded(last.into_vec()),
            None => return Ok(keys),
        }
    }
}

fn page(index: &dyn Index, from: &Bound<Vec<u8>>) -> Result<Vec<(Key, Slot)>, StoreError> {
    let mut rows = Vec::with_capacity(PAGE);
    let range = (from.clone(), Bound::Unbounded);
    guarded(|| {
        index.scan(&range, Order::Ascending, &mut |key, slot| {
            rows.push((key.into(), slot));
            if rows.len() < PAGE { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })
    })?;
    Ok(rows)
}
