//! Walking over the frames of one segment, for recovery, readers, checks and backups alike.

use super::Position;
use super::frame::{self, FrameHash, FrameHeader, HEADER};
use super::operation::{self, RawOperation};
use super::segment::{self, FIRST_FRAME, HeaderFault, SegmentHeader};
use crate::StoreError;
use crate::disk::{Disk, DiskFile, SECTOR, failed};
use std::io;
use std::ops::Range;
use std::sync::Arc;

/// How much is read at once.
const WINDOW: usize = 1 << 20;

/// A segment, and how far it has been walked.
#[derive(Debug)]
pub(crate) struct SegmentWalk {
    window: Window,
    place: String,
    pub(crate) header: SegmentHeader,
    /// Where the next frame has to begin.
    pub(crate) at: u64,
    /// The sequence that the next transaction has to have.
    pub(crate) next_sequence: u64,
    /// The hash of the frame before.
    pub(crate) previous: FrameHash,
}

/// What stands at the place where a frame has to begin.
#[derive(Debug)]
pub(crate) enum Step<'a> {
    /// A frame that fits.
    Frame(Frame<'a>),
    /// Nothing was written here.
    End,
    /// Something, but not the frame that has to be here.
    Bad(&'static str),
}

/// A frame whose checksum, sequence and chain fit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame<'a> {
    pub(crate) segment: u32,
    /// The header of the segment.
    pub(crate) header: SegmentHeader,
    /// Where the frame begins in its segment.
    pub(crate) offset: u64,
    pub(crate) first_sequence: u64,
    pub(crate) count: u32,
    pub(crate) hash: FrameHash,
    /// Header and payload.
    pub(crate) bytes: &'a [u8],
}

impl<'a> Frame<'a> {
    /// The sequence of the last transaction in the frame.
    pub(crate) fn last_sequence(&self) -> u64 {
        self.first_sequence + u64::from(self.count) - 1
    }

    /// The place behind the frame.
    pub(crate) fn end(&self) -> Position {
        Position {
            segment: self.segment,
            offset: self.offset + frame::padded_length(self.bytes.len() as u64),
            sequence: self.last_sequence(),
            hash: self.hash,
        }
    }

    /// Hands out each operation with the sequence of its transaction. The offset beside a value
    /// counts from the segment's beginning.
    pub(crate) fn operations(
        &self,
        mut visit: impl FnMut(u64, RawOperation<'a>),
    ) -> Result<(), StoreError> {
        let base = self.offset as usize + HEADER;
        let result = operation::for_each(&self.bytes[HEADER..], self.count, |place, mut raw| {
            if let Some((at, _)) = &mut raw.value {
                *at += base;
            }
            visit(self.first_sequence + u64::from(place), raw);
        });
        result.map_err(|_| StoreError::Damaged {
            place: format!("segment {}, offset {}", self.segment, self.offset),
            what: "a frame that does not read as transactions".to_owned(),
        })
    }
}

impl SegmentWalk {
    /// Opens a segment by its number and reads its header.
    pub(crate) fn open(
        disk: &dyn Disk,
        number: u32,
        file: Arc<dyn DiskFile>,
    ) -> Result<Self, StoreError> {
        let name = segment::name(number);
        let place = disk.place(&name).display().to_string();
        let io = |error: io::Error| failed("cannot read", disk, &name, &error);
        let mut window = Window::new(file).map_err(io)?;
        let header = SegmentHeader::parse(window.view(0, FIRST_FRAME).map_err(io)?);
        let damaged = |what: String| StoreError::Damaged { place: place.clone(), what };
        let header = header.map_err(|fault| match fault {
            HeaderFault::Unreadable => damaged("an unreadable segment header".to_owned()),
            HeaderFault::Format(format) => {
                damaged(format!("format {format}; this version reads {}", segment::FORMAT))
            }
        })?;
        if header.number != number {
            return Err(damaged(format!("the header of segment {}", header.number)));
        }
        let (next_sequence, previous) = (header.first_sequence, header.previous);
        Ok(Self { window, place, header, at: FIRST_FRAME, next_sequence, previous })
    }

    /// Reads what stands at the next place, and goes on behind it when it is a frame.
    pub(crate) fn step(&mut self) -> Result<Step<'_>, StoreError> {
        let place = &self.place;
        let io = |error: io::Error| StoreError::Io {
            action: "cannot read",
            path: place.into(),
            reason: error.to_string(),
        };
        let head = self.window.view(self.at, HEADER as u64).map_err(io)?;
        if head.len() < HEADER || head.iter().all(|byte| *byte == 0) {
            return Ok(Step::End);
        }
        let Some(header) = FrameHeader::parse(head) else {
            return Ok(Step::Bad("no frame begins here"));
        };
        let bytes = self.window.view(self.at, header.frame_length()).map_err(io)?;
        if bytes.len() as u64 != header.frame_length() {
            return Ok(Step::Bad("a frame longer than the file"));
        }
        if !header.fits(bytes) {
            return Ok(Step::Bad("a frame whose checksum does not fit"));
        }
        if header.salt != self.header.salt || header.first_sequence != self.next_sequence {
            return Ok(Step::Bad("a frame of another place"));
        }
        if header.previous != self.previous || header.count == 0 {
            return Ok(Step::Bad("a frame that does not follow from the one before"));
        }
        let frame = Frame {
            segment: self.header.number,
            header: self.header,
            offset: self.at,
            first_sequence: header.first_sequence,
            count: header.count,
            hash: openssl::sha::sha256(bytes),
            bytes,
        };
        self.at += frame::padded_length(header.frame_length());
        self.next_sequence += u64::from(header.count);
        self.previous = frame.hash;
        Ok(Step::Frame(frame))
    }

    /// Where this walk stands, for messages.
    pub(crate) fn position(&self) -> String {
        format!("{}, offset {}", self.place, self.at)
    }

    /// Forgets what was read ahead: a running service may have written there since.
    pub(crate) fn refresh(&mut self) -> Result<(), StoreError> {
        self.window.forget().map_err(|error| StoreError::Io {
            action: "cannot read",
            path: (&self.place).into(),
            reason: error.to_string(),
        })
    }

    /// The length of the segment's file.
    pub(crate) fn length(&self) -> u64 {
        self.window.length
    }

    /// The offset of a whole frame of this segment behind the place of the next one, if any.
    pub(crate) fn later_frame(&mut self) -> io::Result<Option<u64>> {
        let mut at = (self.at + SECTOR).next_multiple_of(SECTOR);
        while at < self.window.length {
            let header = FrameHeader::parse(self.window.view(at, HEADER as u64)?);
            if let Some(header) = header
                && header.salt == self.header.salt
                && header.first_sequence >= self.next_sequence
            {
                let bytes = self.window.view(at, header.frame_length())?;
                if bytes.len() as u64 == header.frame_length() && header.fits(bytes) {
                    return Ok(Some(at));
                }
            }
            at += SECTOR;
        }
        Ok(None)
    }

    /// From the first to behind the last byte that is not zero, at or behind the next place.
    pub(crate) fn leftovers(&mut self) -> io::Result<Option<Range<u64>>> {
        let mut found: Option<Range<u64>> = None;
        let mut at = self.at;
        while at < self.window.length {
            let bytes = self.window.view(at, WINDOW as u64)?;
            if let Some(first) = bytes.iter().position(|byte| *byte != 0) {
                let last = bytes.iter().rposition(|byte| *byte != 0).unwrap_or(first);
                let start = found.map_or(at + first as u64, |range| range.start);
                found = Some(start..at + last as u64 + 1);
            }
            at += bytes.len().max(1) as u64;
        }
        Ok(found)
    }
}

/// A part of a file in memory, so that small frames do not cost a call each.
#[derive(Debug)]
struct Window {
    file: Arc<dyn DiskFile>,
    length: u64,
    start: u64,
    bytes: Vec<u8>,
}

impl Window {
    fn new(file: Arc<dyn DiskFile>) -> io::Result<Self> {
        let length = file.length()?;
        Ok(Self { file, length, start: 0, bytes: Vec::new() })
    }

    /// `length` bytes at `at`, fewer where the file ends.
    fn view(&mut self, at: u64, length: u64) -> io::Result<&[u8]> {
        let length = length.min(self.length.saturating_sub(at));
        let inside = at >= self.start && at + length <= self.start + self.bytes.len() as u64;
        if !inside {
            let want = length.max(WINDOW as u64).min(self.length.saturating_sub(at));
            self.bytes.resize(usize::try_from(want).map_err(io::Error::other)?, 0);
            let read = self.file.read_at(&mut self.bytes, at)?;
            self.bytes.truncate(read);
            self.start = at;
        }
        let from = usize::try_from(at - self.start).map_err(io::Error::other)?;
        let to = from + usize::try_from(length).map_err(io::Error::other)?;
        Ok(&self.bytes[from.min(self.bytes.len())..to.min(self.bytes.len())])
    }

    fn forget(&mut self) -> io::Result<()> {
        self.bytes.clear();
        self.length = self.file.length()?;
        Ok(())
    }
}
