//! Building the index again from the journal.

use super::{Progress, must_be_store};
use crate::disk::RealDisk;
use crate::disk_store::{SledHome, boot_id};
use crate::engine::indexer::guarded;
use crate::engine::marker::{Marker, State};
use crate::engine::open::{IndexHome, Replay};
use crate::index::Index;
use crate::journal::{Reached, Reader};
use crate::lock::DirectoryLock;
use crate::{Settings, StoreError};
use std::path::Path;

/// What was built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RebuildReport {
    /// The last transaction in the index.
    pub sequence: u64,
    /// Transactions that were read.
    pub transactions: u64,
}

/// Deletes the index of the store in `directory`, and builds it again. Refused while a service
/// has the store open.
pub fn rebuild(directory: &Path, progress: Progress<'_>) -> Result<RebuildReport, StoreError> {
    must_be_store(directory)?;
    let _lock = DirectoryLock::take(directory)?;
    let disk = RealDisk::new(directory);
    let mut marker = Marker::read(&disk)?;
    marker.state = State::Unknown;
    marker.write(&disk)?;
    let home = SledHome::new(directory, Settings::default().index_cache_bytes);
    home.discard()?;
    // From here on what is in the index is right as far as its position says.
    marker.state = State::Open(boot_id());
    marker.write(&disk)?;
    let index = guarded(|| home.open())?;
    let mut reader = Reader::open(directory)?;
    let transactions = fill(&*index, &mut reader, u64::MAX, progress)?;
    guarded(|| index.close())?;
    let sequence = reader.sequence();
    let known = marker.reached.map_or(0, |reached| reached.sequence);
    if sequence >= known && sequence > 0 {
        marker.reached = Some(Reached { sequence, hash: reader.hash() });
    }
    marker.state = State::Clean;
    marker.write(&disk)?;
    Ok(RebuildReport { sequence, transactions })
}

/// Carries the journal into an empty index, up to the transaction `last`; how many were carried.
pub(super) fn fill(
    index: &dyn Index,
    reader: &mut Reader,
    last: u64,
    progress: Progress<'_>,
) -> Result<u64, StoreError> {
    let mut replay = Replay::new(index);
    while reader.next_frame(&mut |frame| {
        if frame.last_sequence() <= last { replay.frame(frame) } else { Ok(()) }
    })? {
        let (done, total) = reader.progress();
        progress(done, total);
    }
    replay.carry()?;
    let (_, total) = reader.progress();
    progress(total, total);
    Ok(replay.transactions)
}
