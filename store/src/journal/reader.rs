//! A read-only walk over the journal of a data directory, also while a service writes to it.

use super::frame::FrameHash;
use super::recover::{follows, segments};
use super::segment::{self, SegmentHeader};
use super::walk::{Frame, SegmentWalk, Step};
use crate::StoreError;
use crate::disk::{Access, Disk, RealDisk, failed};
use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// A transaction as the journal holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadTransaction {
    /// Its number: dense, from 1.
    pub sequence: u64,
    /// What it did, in its order.
    pub operations: Vec<Operation>,
}

/// One change of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// The number of the table.
    pub table: u8,
    /// The key inside the table.
    pub key: Vec<u8>,
    /// What it was set to, or `None` when it was removed.
    pub value: Option<Vec<u8>>,
}

/// How often a frame that does not fit is read again: the service may have been writing it.
const ATTEMPTS: u32 = 3;

/// The walk. As an iterator it yields transactions in order, and ends where the journal ends.
#[derive(Debug)]
pub struct Reader {
    disk: Arc<dyn Disk>,
    walk: Option<SegmentWalk>,
    ready: VecDeque<ReadTransaction>,
    failed: bool,
    total_bytes: u64,
    walked_bytes: u64,
}

impl Reader {
    /// Begins a walk over the journal in the data directory. No lock is needed or taken.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        Self::on(Arc::new(RealDisk::new(directory)))
    }

    /// Begins a walk over the journal on a disk.
    pub fn on(disk: Arc<dyn Disk>) -> Result<Self, StoreError> {
        let mut total_bytes = 0;
        for number in segments(&*disk)? {
            let name = segment::name(number);
            let length = disk.open(&name, Access::Read).and_then(|file| file.length());
            total_bytes += length.map_err(|error| failed("cannot read", &*disk, &name, &error))?;
        }
        let mut reader = Self {
            disk,
            walk: None,
            ready: VecDeque::new(),
            failed: false,
            total_bytes,
            walked_bytes: 0,
        };
        reader.walk = open_segment(&*reader.disk, 1)?;
        Ok(reader)
    }

    /// The last transaction that was read.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.walk.as_ref().map_or(0, |walk| walk.next_sequence - 1 - self.ready.len() as u64)
    }

    /// The hash of the last frame that was read: it stands for all that came before.
    #[must_use]
    pub fn hash(&self) -> FrameHash {
        self.walk.as_ref().map_or([0; 32], |walk| walk.previous)
    }

    /// The header of the segment that was walked last; `None` in an empty journal.
    pub(crate) fn header(&self) -> Option<SegmentHeader> {
        self.walk.as_ref().map(|walk| walk.header)
    }

    /// Bytes that were walked, and bytes in all segments when the walk began.
    #[must_use]
    pub fn progress(&self) -> (u64, u64) {
        let walked = self.walked_bytes + self.walk.as_ref().map_or(0, |walk| walk.at);
        (walked.min(self.total_bytes), self.total_bytes)
    }

    /// Reads the next frame; false at the end of the journal.
    pub(crate) fn next_frame(
        &mut self,
        visit: &mut dyn FnMut(&Frame<'_>) -> Result<(), StoreError>,
    ) -> Result<bool, StoreError> {
        let mut attempts = 0;
        loop {
            let Some(walk) = &mut self.walk else { return Ok(false) };
            let bad = match walk.step()? {
                Step::Frame(frame) => {
                    visit(&frame)?;
                    return Ok(true);
                }
                Step::End => None,
                Step::Bad(what) => Some(what),
            };
            let trouble = match self.go_on(bad) {
                Ok(GoOn::End) => return Ok(false),
                Ok(GoOn::NextSegment) => continue,
                Err(error) => error,
            };
            attempts += 1;
            if attempts == ATTEMPTS {
                return Err(trouble);
            }
            // The service may have gone on between two looks at its files.
            if let Some(walk) = &mut self.walk {
                walk.refresh()?;
            }
        }
    }

    /// Decides what follows behind the last frame that fits in this segment.
    fn go_on(&mut self, bad: Option<&'static str>) -> Result<GoOn, StoreError> {
        let Some(number) = self.walk.as_ref().map(|walk| walk.header.number) else {
            return Ok(GoOn::End);
        };
        let next = open_segment(&*self.disk, number + 1)?;
        let Some(walk) = &mut self.walk else { return Ok(GoOn::End) };
        let damaged =
            |what: &str| StoreError::Damaged { place: walk.position(), what: what.to_owned() };
        if let Some(next) = next {
            if let Some(what) = bad {
                return Err(damaged(what));
            }
            follows(walk, &next)?;
            self.walked_bytes += walk.length();
            self.walk = Some(next);
            return Ok(GoOn::NextSegment);
        }
        let found = damaged(bad.unwrap_or("a frame is missing, and a whole one is behind it"));
        let place = walk.position();
        match walk.later_frame() {
            Ok(None) => Ok(GoOn::End),
            Ok(Some(_)) => Err(found),
            Err(error) => Err(StoreError::Io {
                action: "cannot read",
                path: place.into(),
                reason: error.to_string(),
            }),
        }
    }
}

enum GoOn {
    End,
    NextSegment,
}

impl Iterator for Reader {
    type Item = Result<ReadTransaction, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ready.is_empty() && !self.failed {
            let mut ready = VecDeque::new();
            let read = self.next_frame(&mut |frame| transactions(frame, &mut ready));
            self.ready = ready;
            if let Err(error) = read {
                self.failed = true;
                self.ready.clear();
                return Some(Err(error));
            }
        }
        self.ready.pop_front().map(Ok)
    }
}

fn transactions(frame: &Frame<'_>, into: &mut VecDeque<ReadTransaction>) -> Result<(), StoreError> {
    frame.operations(|sequence, raw| {
        let operation = Operation {
            table: raw.table,
            key: raw.key.to_vec(),
            value: raw.value.map(|(_, value)| value.to_vec()),
        };
        match into.back_mut() {
            Some(last) if last.sequence == sequence => last.operations.push(operation),
            _ => into.push_back(ReadTransaction { sequence, operations: vec![operation] }),
        }
    })
}

/// Opens a segment; `None` when there is none, or when a service is just about to begin it.
fn open_segment(disk: &dyn Disk, number: u32) -> Result<Option<SegmentWalk>, StoreError> {
    let name = segment::name(number);
    let file = match disk.open(&name, Access::Read) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("cannot open", disk, &name, &error)),
    };
    let mut head = vec![0; segment::FIRST_FRAME as usize];
    file.read_at(&mut head, 0).map_err(|error| failed("cannot read", disk, &name, &error))?;
    if head.iter().all(|byte| *byte == 0) {
        return Ok(None);
    }
    SegmentWalk::open(disk, number, file).map(Some)
}
