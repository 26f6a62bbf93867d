//! Opening: which index may be trusted, and how it is brought to the end of the journal.

use super::indexer::{guarded, position};
use super::marker::{Marker, State};
use crate::disk::Disk;
use crate::index::{Index, IndexFault, Key, Slot, key_of};
use crate::journal::recover::{Recovered, Request, TornTail, Unrecovered, recover};
use crate::journal::segment::DIRECTORY;
use crate::journal::walk::Frame;
use crate::journal::{Position, Reached, salt};
use crate::settings::Settings;
use crate::{StoreError, disk};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

/// Changed keys that are carried into the index at once while it is rebuilt.
const REPLAY_KEYS: usize = 64 << 10;

/// Where the index lives.
pub(crate) trait IndexHome: Debug {
    /// Opens the index, or makes an empty one.
    fn open(&self) -> Result<Arc<dyn Index>, IndexFault>;

    /// Deletes it; no index is open. True when there was one.
    fn discard(&self) -> Result<bool, StoreError>;
}

/// What was found when the store was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpenReport {
    /// The last durable transaction; 0 in a new store.
    pub sequence: u64,
    /// Bytes of the journal whose checksums and chain were verified.
    pub verified_bytes: u64,
    /// A frame that a power cut had torn, and that was cut off: it was never acknowledged.
    pub torn_tail: Option<TornTail>,
    /// Why the index was deleted and built again, if it was.
    pub index_rebuilt: Option<String>,
    /// Transactions that were carried from the journal into the index.
    pub replayed: u64,
}

/// A store that is ready to be started.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) recovered: Recovered,
    pub(crate) index: Arc<dyn Index>,
    pub(crate) report: OpenReport,
}

/// Opens the journal and an index that holds all of it.
pub(crate) fn open(
    disk: &dyn Disk,
    home: &dyn IndexHome,
    settings: &Settings,
    boot: &str,
) -> Result<Opened, StoreError> {
    disk.create_directory(DIRECTORY)
        .and_then(|()| disk.sync_directory(""))
        .map_err(|error| disk::failed("cannot create", disk, DIRECTORY, &error))?;
    let mut marker = Marker::read(disk)?;
    let mut why_rebuilt = None;
    if marker.trusts_index(boot) {
        marker.state = State::Open(boot.to_owned());
        marker.write(disk)?;
    } else if discard(disk, home, &mut marker, boot)? {
        why_rebuilt = Some("the machine or the store was not shut down cleanly".to_owned());
    }
    let (reached, cut) = (marker.reached, None);
    let mut opening = Opening { disk, home, settings, reached, cut };
    let first = opening.attempt();
    let (opened, why_rebuilt) = match first {
        Ok(opened) => (opened, why_rebuilt),
        Err(Refused::Store(error)) => return Err(error),
        Err(Refused::Index(why)) => {
            tracing::warn!(why, "the index is deleted and built again from the journal");
            discard(disk, home, &mut marker, boot)?;
            let opened = opening.attempt().map_err(|refused| match refused {
                Refused::Store(error) => error,
                Refused::Index(reason) => StoreError::Index { reason },
            })?;
            (opened, Some(why))
        }
    };
    let position = opened.recovered.tail.position();
    if position.sequence > 0 {
        marker.reached = Some(position.into());
        marker.write(disk)?;
    }
    let report = OpenReport { index_rebuilt: why_rebuilt, torn_tail: opening.cut, ..opened.report };
    Ok(Opened { report, ..opened })
}

/// Deletes the index, and marks the next one as ours. True when there was one.
fn discard(
    disk: &dyn Disk,
    home: &dyn IndexHome,
    marker: &mut Marker,
    boot: &str,
) -> Result<bool, StoreError> {
    // Should this end half way, the half that is left must not be trusted.
    marker.state = State::Unknown;
    marker.write(disk)?;
    let discarded = home.discard()?;
    marker.state = State::Open(boot.to_owned());
    marker.write(disk)?;
    Ok(discarded)
}

enum Refused {
    /// The store cannot start.
    Store(StoreError),
    /// This index is of no use.
    Index(String),
}

impl From<IndexFault> for Refused {
    fn from(fault: IndexFault) -> Self {
        Self::Index(fault.0)
    }
}

struct Opening<'a> {
    disk: &'a dyn Disk,
    home: &'a dyn IndexHome,
    settings: &'a Settings,
    reached: Option<Reached>,
    /// What was cut off, by this attempt or by the one before.
    cut: Option<TornTail>,
}

impl Opening<'_> {
    /// Opens with the index that is there.
    fn attempt(&mut self) -> Result<Opened, Refused> {
        let index = guarded(|| self.home.open())?;
        let applied = position(&*index)?;
        let request = Request {
            segment_bytes: self.settings.segment_length(),
            verify_bytes: self.settings.verify_at_start_bytes,
            applied: applied.as_ref(),
            reached: self.reached.as_ref(),
            salts: salt::from_system,
        };
        let mut replay = Replay::new(&*index);
        let result = recover(self.disk, &request, &mut |frame: &Frame<'_>| replay.frame(frame));
        let recovered = result.and_then(|recovered| {
            self.cut = self.cut.take().or_else(|| recovered.cut.clone());
            replay.carry()?;
            Ok(recovered)
        });
        let replayed = replay.transactions;
        let recovered = recovered.map_err(|reason| match reason {
            Unrecovered::Store(StoreError::Index { reason }) => Refused::Index(reason),
            Unrecovered::Store(error) => Refused::Store(error),
            Unrecovered::IndexElsewhere => {
                Refused::Index("the index belongs to another journal".to_owned())
            }
            // Only durable frames are carried into the index, and it is trusted here.
            Unrecovered::IndexAhead(sequence) => Refused::Store(StoreError::Damaged {
                place: self.disk.place(DIRECTORY).display().to_string(),
                what: format!("the journal ends before transaction {sequence}, which it had"),
            }),
        })?;
        let report = OpenReport {
            sequence: recovered.tail.next_sequence - 1,
            verified_bytes: recovered.verified_bytes,
            torn_tail: None,
            index_rebuilt: None,
            replayed,
        };
        Ok(Opened { recovered, index, report })
    }
}

/// Frames of the journal on their way into the index.
pub(crate) struct Replay<'a> {
    index: &'a dyn Index,
    changes: BTreeMap<Key, Slot>,
    position: Option<Position>,
    /// How many transactions were seen.
    pub(crate) transactions: u64,
}

impl<'a> Replay<'a> {
    pub(crate) fn new(index: &'a dyn Index) -> Self {
        Self { index, changes: BTreeMap::new(), position: None, transactions: 0 }
    }

    /// Takes one frame, and carries only those before it: the last one of a journal may not be
    /// durable yet, and the index must not hear of it before it is.
    pub(crate) fn frame(&mut self, frame: &Frame<'_>) -> Result<(), StoreError> {
        if self.changes.len() >= REPLAY_KEYS {
            self.carry()?;
        }
        let changes = &mut self.changes;
        frame.operations(|_, raw| {
            let slot = raw.value.map_or(Slot::Deleted, |(offset, value)| {
                Slot::of(value, frame.segment, offset as u64)
            });
            changes.insert(key_of(raw.table, raw.key).into(), slot);
        })?;
        self.transactions += u64::from(frame.count);
        self.position = Some(frame.end());
        Ok(())
    }

    /// Carries what was taken into the index.
    pub(crate) fn carry(&mut self) -> Result<(), StoreError> {
        let Some(position) = self.position.take() else { return Ok(()) };
        guarded(|| self.index.apply(&self.changes, &position))?;
        self.changes.clear();
        Ok(())
    }
}
