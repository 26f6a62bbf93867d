//! The end of the journal, where the writer adds frames: one in flight at a time.

use super::Position;
use super::frame::{self, FrameHash};
use super::salt::Salts;
use super::segment::{FIRST_FRAME, SegmentHeader};
use super::spare::{NoSpare, Spare};
use crate::StoreError;
use crate::disk::DiskFile;
use std::io;
use std::sync::Arc;

/// Where the journal ends.
#[derive(Debug)]
pub(crate) struct Tail {
    pub(crate) header: SegmentHeader,
    pub(crate) file: Arc<dyn DiskFile>,
    /// Where the next frame begins.
    pub(crate) at: u64,
    /// The length of the segment.
    pub(crate) capacity: u64,
    pub(crate) next_sequence: u64,
    /// The hash of the last frame.
    pub(crate) previous: FrameHash,
}

impl Tail {
    /// What is durable.
    pub(crate) fn position(&self) -> Position {
        Position {
            segment: self.header.number,
            offset: self.at,
            sequence: self.next_sequence - 1,
            hash: self.previous,
        }
    }
}

/// Appends frames. Owned by the writer thread.
#[derive(Debug)]
pub(crate) struct Appender {
    tail: Tail,
    spare: Arc<Spare>,
    salts: Salts,
}

/// Why a frame is not durable.
#[derive(Debug)]
pub(crate) enum NotAppended {
    /// There is no space, and nothing was written: the next frame may be tried.
    Full(StoreError),
    /// What the disk holds is unknown: nothing may be written any more.
    Unknown(String),
}

impl From<io::Error> for NotAppended {
    fn from(error: io::Error) -> Self {
        Self::Unknown(error.to_string())
    }
}

/// A frame that is durable.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Appended {
    pub(crate) segment: u32,
    /// Where the frame begins in its segment.
    pub(crate) offset: u64,
    pub(crate) bytes: u64,
}

impl Appender {
    pub(crate) fn new(tail: Tail, spare: Arc<Spare>, salts: Salts) -> Self {
        Self { tail, spare, salts }
    }

    /// The sequence that the next transaction will have.
    pub(crate) fn next_sequence(&self) -> u64 {
        self.tail.next_sequence
    }

    /// What is durable.
    pub(crate) fn position(&self) -> Position {
        self.tail.position()
    }

    /// Writes a frame, begun with [`frame::begin`] and holding `count` transactions, and syncs it.
    pub(crate) fn append(
        &mut self,
        buffer: &mut Vec<u8>,
        count: u32,
    ) -> Result<Appended, NotAppended> {
        let bytes = frame::padded_length(buffer.len() as u64);
        if self.tail.at + bytes > self.tail.capacity {
            self.begin_segment()?;
        }
        let tail = &mut self.tail;
        let hash =
            frame::finish(buffer, count, tail.header.salt, tail.next_sequence, &tail.previous);
        tail.file.write_at(buffer, tail.at)?;
        tail.file.sync_data()?;
        let appended = Appended { segment: tail.header.number, offset: tail.at, bytes };
        tail.at += bytes;
        tail.next_sequence += u64::from(count);
        tail.previous = hash;
        Ok(appended)
    }

    /// Goes on in a new segment. Its header is durable before its first frame is written: a frame
    /// under a header that cannot be read is damage then, and never a torn tail.
    fn begin_segment(&mut self) -> Result<(), NotAppended> {
        let number = self.tail.header.number + 1;
        let salt = (self.salts)()?;
        let file = self.spare.take(number).map_err(|reason| match reason {
            NoSpare::Later(error) => NotAppended::Full(error),
            NoSpare::Failed(reason) => NotAppended::Unknown(reason),
        })?;
        let (next_sequence, previous) = (self.tail.next_sequence, self.tail.previous);
        let header = SegmentHeader { number, first_sequence: next_sequence, salt, previous };
        file.write_at(&header.encode(), 0)?;
        file.sync_data()?;
        let capacity = file.length()?;
        self.tail = Tail { header, file, at: FIRST_FRAME, capacity, next_sequence, previous };
        Ok(())
    }
}
