//! Building the index again from the journal.

use super::{Progress, must_be_store};
use crate::disk::{Access, Disk, RealDisk, failed};
use crate::disk_store::{SledHome, boot_id};
use crate::engine::indexer::guarded;
use crate::engine::marker::{Marker, State};
use crate::engine::open::{IndexHome, Replay};
use crate::index::Index;
use crate::journal::last_frame::LastFrame;
use crate::journal::{Reached, Reader, segment};
use crate::lock::DirectoryLock;
use crate::{Settings, StoreError};
use std::path::Path;
use std::sync::Arc;

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
    let home = SledHome::new(directory, Settings::default().index_cache_bytes);
    let disk: Arc<dyn Disk> = Arc::new(RealDisk::new(directory));
    rebuild_on(&disk, &home, &boot_id(), progress)
}

/// Builds the index again of a store that nobody else has open.
fn rebuild_on(
    disk: &Arc<dyn Disk>,
    home: &dyn IndexHome,
    boot: &str,
    progress: Progress<'_>,
) -> Result<RebuildReport, StoreError> {
    let mut marker = Marker::read(&**disk)?;
    marker.state = State::Unknown;
    marker.write(&**disk)?;
    home.discard()?;
    // From here on what is in the index is right as far as its position says.
    marker.state = State::Open(boot.to_owned());
    marker.write(&**disk)?;
    let index = guarded(|| home.open())?;
    let mut reader = Reader::on(Arc::clone(disk))?;
    let (mut replay, mut last_frame) = (Replay::new(&*index), LastFrame::default());
    while reader.next_frame(&mut |frame| {
        last_frame.remember(frame);
        replay.frame(frame)
    })? {
        let (done, total) = reader.progress();
        progress(done, total);
    }
    make_durable(&**disk, &reader, last_frame)?;
    replay.carry()?;
    let transactions = replay.transactions;
    let (_, total) = reader.progress();
    progress(total, total);
    guarded(|| index.close())?;
    let sequence = reader.sequence();
    let known = marker.reached.map_or(0, |reached| reached.sequence);
    if sequence >= known && sequence > 0 {
        marker.reached = Some(Reached { sequence, hash: reader.hash() });
    }
    marker.state = State::Clean;
    marker.write(&**disk)?;
    Ok(RebuildReport { sequence, transactions })
}

/// The index and the marker are told of the journal's end only when it is durable.
fn make_durable(disk: &dyn Disk, reader: &Reader, last_frame: LastFrame) -> Result<(), StoreError> {
    let Some(header) = reader.header() else { return Ok(()) };
    let name = segment::name(header.number);
    disk.open(&name, Access::Write)
        .and_then(|file| last_frame.write_again(disk, &header, &*file))
        .map_err(|error| failed("cannot make the end durable of", disk, &name, &error))
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

#[cfg(test)]
mod tests {
    use super::rebuild_on;
    use crate::disk::{Disk, Loss, MemoryDisk};
    use crate::engine::open::IndexHome;
    use crate::index::{Index, IndexFault, MemoryIndex};
    use crate::{MemoryStore, Settings, Store, StoreError, StoreExt, Table};
    use std::sync::Arc;

    #[derive(Debug)]
    struct Home;

    impl IndexHome for Home {
        fn open(&self) -> Result<Arc<dyn Index>, IndexFault> {
            Ok(Arc::new(MemoryIndex::default()))
        }

        fn discard(&self) -> Result<bool, StoreError> {
            Ok(false)
        }
    }

    #[test]
    fn what_it_says_was_reached_survives_a_power_cut() {
        let settings = Settings::small();
        let (store, _) = MemoryStore::open(&MemoryDisk::new(), &settings).unwrap();
        let write = |value: &'static [u8]| {
            let write = store.transact(move |transaction| {
                transaction.put(Table::new(1, "t"), b"k", value);
                Ok(())
            });
            write.wait()
        };
        write(b"1").unwrap();
        // Its frame stays in the page cache, and is never written back.
        store.disk().fail_sync(1);
        assert!(matches!(write(b"2"), Err(StoreError::Poisoned { .. })));
        let disk = store.disk().after_kill();
        drop(store);
        let shared: Arc<dyn Disk> = Arc::new(disk.clone());
        let report = rebuild_on(&shared, &Home, "memory", &mut |_, _| {}).unwrap();
        assert_eq!(report.sequence, 2);
        let disk = disk.after_power_cut(Loss::All);
        let (store, report) = MemoryStore::open(&disk, &settings).unwrap();
        assert_eq!(report.sequence, 2);
        assert_eq!(store.get(Table::new(1, "t"), b"k").unwrap().unwrap(), b"2");
    }
}
