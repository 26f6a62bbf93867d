//! Opening a journal: verifying its newest part, cutting off a torn tail, replaying what the index
//! does not hold yet.
//!
//! One frame is in flight at a time, so at most the last one can be torn by a power cut. A frame
//! that does not fit with a whole one behind it is therefore damage, and the store refuses to
//! start; one with nothing whole behind it was never acknowledged, and is cut off. One that is
//! whole may be in the page cache only, and is written again before anybody is told of it.

use super::append::Tail;
use super::last_frame::LastFrame;
use super::salt::Salts;
use super::segment::{self, DIRECTORY, FIRST_FRAME, SegmentHeader};
use super::walk::{Frame, SegmentWalk, Step};
use super::{Position, Reached};
use crate::StoreError;
use crate::disk::{Access, Disk, DiskFile, failed, fill_with_zeros, read_all};
use std::io;
use std::ops::Range;
use std::sync::Arc;

/// What recovery is asked to do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    /// The length of a segment, when the first one has to be made.
    pub(crate) segment_bytes: u64,
    /// How many of the newest bytes are verified at least.
    pub(crate) verify_bytes: u64,
    /// Replay what follows this; `None`: everything.
    pub(crate) applied: Option<&'a Position>,
    /// What the journal is known to have held before.
    pub(crate) reached: Option<&'a Reached>,
    /// For the first segment, when it has to be made.
    pub(crate) salts: Salts,
}

/// A journal that can be appended to.
#[derive(Debug)]
pub(crate) struct Recovered {
    pub(crate) tail: Tail,
    /// What was cut off behind the last whole frame.
    pub(crate) cut: Option<TornTail>,
    pub(crate) verified_bytes: u64,
}

/// A frame that was being written when the power went: it was never acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TornTail {
    /// File and offset.
    pub place: String,
    /// How many bytes were cleared.
    pub bytes: u64,
}

/// Why a journal cannot be opened this way.
#[derive(Debug)]
pub(crate) enum Unrecovered {
    /// The store cannot start.
    Store(StoreError),
    /// The index says that it holds this transaction, which the journal does not reach.
    IndexAhead(u64),
    /// The index stands at a place where the journal has no such frame.
    IndexElsewhere,
}

impl From<StoreError> for Unrecovered {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// The numbers of the segments on a disk: dense, from 1.
pub(crate) fn segments(disk: &dyn Disk) -> Result<Vec<u32>, StoreError> {
    let names =
        disk.list(DIRECTORY).map_err(|error| failed("cannot list", disk, DIRECTORY, &error))?;
    let mut numbers: Vec<u32> = names.iter().filter_map(|name| segment::number(name)).collect();
    numbers.sort_unstable();
    for (expected, number) in (1..).zip(&numbers) {
        if expected != *number {
            return Err(StoreError::Damaged {
                place: disk.place(&segment::name(expected)).display().to_string(),
                what: "a journal segment is missing".to_owned(),
            });
        }
    }
    Ok(numbers)
}

/// Opens the journal for appending. `replay` gets every frame behind `request.applied`, in order.
/// The last of them is durable when this has returned, and not before.
pub(crate) fn recover(
    disk: &dyn Disk,
    request: &Request<'_>,
    replay: &mut dyn FnMut(&Frame<'_>) -> Result<(), StoreError>,
) -> Result<Recovered, Unrecovered> {
    let mut numbers = segments(disk)?;
    let mut unbegun = unbegun(disk, &numbers)?;
    if unbegun.is_some() {
        numbers.pop();
    }
    if numbers.is_empty() {
        must_be_new(disk, request)?;
        if let Some(name) = unbegun.take() {
            remove(disk, &name)?;
        }
        create_first(disk, request)?;
        numbers.push(1);
    }
    let mut recovery = Recovery {
        disk,
        request,
        replay,
        replaying: request.applied.is_none(),
        verified_bytes: 0,
        last_frame: LastFrame::default(),
        torn: None,
    };
    let start = recovery.first_to_walk(&numbers)?;
    let mut before: Option<SegmentWalk> = None;
    for number in &numbers[start..] {
        let mut walk = SegmentWalk::open(disk, *number, recovery.open(*number)?)?;
        if let Some(before) = &before {
            follows(before, &walk)?;
        }
        recovery.walk(&mut walk, Some(number) == numbers.last())?;
        before = Some(walk);
    }
    // The list is not empty and `start` is inside it.
    let Some(last) = before else { return Err(StoreError::Closed.into()) };
    recovery.finish(&last, unbegun)
}

/// Checks that a segment begins where the one before it ended.
pub(crate) fn follows(before: &SegmentWalk, after: &SegmentWalk) -> Result<(), StoreError> {
    let (sequence, hash) = (after.header.first_sequence, after.header.previous);
    if sequence == before.next_sequence && hash == before.previous {
        return Ok(());
    }
    let what = if sequence == before.next_sequence {
        "a frame is not the one that the next segment follows from".to_owned()
    } else {
        format!("transactions {} to {} are missing", before.next_sequence, sequence - 1)
    };
    Err(StoreError::Damaged { place: before.position(), what })
}

struct Recovery<'a> {
    disk: &'a dyn Disk,
    request: &'a Request<'a>,
    replay: &'a mut dyn FnMut(&Frame<'_>) -> Result<(), StoreError>,
    replaying: bool,
    verified_bytes: u64,
    last_frame: LastFrame,
    /// What is to be cut off, should the journal be one to go on with.
    torn: Option<Torn>,
}

struct Torn {
    range: Range<u64>,
    place: String,
}

impl Recovery<'_> {
    fn open(&self, number: u32) -> Result<Arc<dyn DiskFile>, StoreError> {
        let name = segment::name(number);
        let file = self.disk.open(&name, Access::Write);
        file.map_err(|error| failed("cannot open", self.disk, &name, &error))
    }

    /// The place in the list of the first segment that has to be read: far enough back to verify
    /// what is asked for, and to replay all that the index lacks.
    fn first_to_walk(&self, numbers: &[u32]) -> Result<usize, StoreError> {
        let Some(applied) = self.request.applied else { return Ok(0) };
        let mut start = numbers.len() - 1;
        let mut bytes = 0;
        while start > 0 {
            let file = self.open(numbers[start])?;
            let length = file.length().map_err(|error| {
                failed("cannot read", self.disk, &segment::name(numbers[start]), &error)
            })?;
            bytes += length;
            if bytes >= self.request.verify_bytes && numbers[start] <= applied.segment {
                break;
            }
            start -= 1;
        }
        Ok(start)
    }

    fn walk(&mut self, walk: &mut SegmentWalk, is_last: bool) -> Result<(), Unrecovered> {
        self.meet(walk)?;
        let end = loop {
            match walk.step()? {
                Step::Frame(frame) => {
                    self.verified_bytes += frame.bytes.len() as u64;
                    if let Some(reached) = self.request.reached
                        && frame.last_sequence() == reached.sequence
                        && frame.hash != reached.hash
                    {
                        return Err(another_journal(walk).into());
                    }
                    if is_last {
                        self.last_frame.remember(&frame);
                    }
                    if self.replaying {
                        (self.replay)(&frame)?;
                    }
                }
                Step::End => break "bytes behind the last frame",
                Step::Bad(what) => break what,
            }
            self.meet(walk)?;
        };
        self.end_segment(walk, end, is_last)?;
        Ok(())
    }

    /// Begins to replay where the index ends.
    fn meet(&mut self, walk: &SegmentWalk) -> Result<(), Unrecovered> {
        let Some(applied) = self.request.applied else { return Ok(()) };
        if self.replaying || walk.header.number != applied.segment || walk.at < applied.offset {
            return Ok(());
        }
        let sequence = walk.next_sequence - 1;
        if walk.at == applied.offset
            && sequence == applied.sequence
            && walk.previous == applied.hash
        {
            self.replaying = true;
            return Ok(());
        }
        Err(Unrecovered::IndexElsewhere)
    }

    fn end_segment(
        &mut self,
        walk: &mut SegmentWalk,
        what: &'static str,
        is_last: bool,
    ) -> Result<(), StoreError> {
        let name = segment::name(walk.header.number);
        let disk = self.disk;
        let io = |error: io::Error| failed("cannot read", disk, &name, &error);
        let Some(leftovers) = walk.leftovers().map_err(io)? else { return Ok(()) };
        let place = walk.position();
        if !is_last {
            return Err(StoreError::Damaged { place, what: what.to_owned() });
        }
        if let Some(later) = walk.later_frame().map_err(io)? {
            let what = format!("{what}, and a whole frame behind it at offset {later}");
            return Err(StoreError::Damaged { place, what });
        }
        self.torn = Some(Torn { range: leftovers, place });
        Ok(())
    }

    /// Decides whether the journal is one to go on with. Nothing is changed before that: bytes that
    /// look like a torn tail may be what is left of acknowledged transactions.
    fn finish(self, last: &SegmentWalk, unbegun: Option<String>) -> Result<Recovered, Unrecovered> {
        let sequence = last.next_sequence - 1;
        if let Some(reached) = self.request.reached
            && sequence < reached.sequence
        {
            return Err(Unrecovered::Store(StoreError::Damaged {
                place: last.position(),
                what: format!(
                    "the journal ends with transaction {sequence}, but had reached {}",
                    reached.sequence
                ),
            }));
        }
        if !self.replaying {
            let ahead = self.request.applied.map_or(0, |applied| applied.sequence);
            return Err(Unrecovered::IndexAhead(ahead));
        }
        if let Some(name) = unbegun {
            remove(self.disk, &name)?;
        }
        let file = self.open(last.header.number)?;
        let cut = self.torn.map(|Torn { range, place }| {
            let cleared = fill_with_zeros(&*file, range.start, range.end);
            cleared.map(|()| TornTail { place, bytes: range.end - range.start })
        });
        // One sync is for the zeros and for the last frame.
        let cut = cut.transpose().and_then(|cut| {
            self.last_frame.write_again(self.disk, &last.header, &*file)?;
            Ok(cut)
        });
        let cut = cut.map_err(|error| {
            let name = segment::name(last.header.number);
            failed("cannot make the end durable of", self.disk, &name, &error)
        })?;
        let tail = Tail {
            header: last.header,
            file,
            at: last.at,
            capacity: last.length(),
            next_sequence: last.next_sequence,
            previous: last.previous,
        };
        Ok(Recovered { tail, cut, verified_bytes: self.verified_bytes })
    }
}

fn another_journal(walk: &SegmentWalk) -> StoreError {
    StoreError::Damaged {
        place: walk.position(),
        what: "the journal is not the one that was written here before".to_owned(),
    }
}

/// Refuses to begin a new journal where there was one.
fn must_be_new(disk: &dyn Disk, request: &Request<'_>) -> Result<(), Unrecovered> {
    if let Some(reached) = request.reached {
        return Err(Unrecovered::Store(StoreError::Damaged {
            place: disk.place(DIRECTORY).display().to_string(),
            what: format!(
                "the journal is empty (lost, or on a disk that is not mounted), but had reached \
                 transaction {}",
                reached.sequence
            ),
        }));
    }
    request.applied.map_or(Ok(()), |applied| Err(Unrecovered::IndexAhead(applied.sequence)))
}

/// The name of a last segment that got its name, but not its header before the power went.
fn unbegun(disk: &dyn Disk, numbers: &[u32]) -> Result<Option<String>, StoreError> {
    let Some(number) = numbers.last() else { return Ok(None) };
    let name = segment::name(*number);
    let io = |error: io::Error| failed("cannot read", disk, &name, &error);
    let file = disk.open(&name, Access::Read).map_err(io)?;
    let mut head = vec![0; FIRST_FRAME as usize];
    file.read_at(&mut head, 0).map_err(io)?;
    if SegmentHeader::parse(&head) != Err(segment::HeaderFault::Unreadable) {
        return Ok(None);
    }
    let bytes = read_all(&*file).map_err(io)?;
    // Frames without a header: SegmentWalk::open reports it.
    let has_frames = bytes.iter().skip(FIRST_FRAME as usize).any(|byte| *byte != 0);
    Ok(if has_frames { None } else { Some(name) })
}

fn remove(disk: &dyn Disk, name: &str) -> Result<(), StoreError> {
    disk.remove(name)
        .and_then(|()| disk.sync_directory(DIRECTORY))
        .map_err(|error| failed("cannot remove", disk, name, &error))
}

/// Makes the first segment of a new journal.
fn create_first(disk: &dyn Disk, request: &Request<'_>) -> Result<(), StoreError> {
    let name = segment::name(1);
    let made = || -> io::Result<()> {
        let salt = (request.salts)()?;
        let header = SegmentHeader { number: 1, first_sequence: 1, salt, previous: [0; 32] };
        let file = disk.create(&name)?;
        fill_with_zeros(&*file, 0, request.segment_bytes)?;
        file.write_at(&header.encode(), 0)?;
        file.sync_data()?;
        disk.sync_directory(DIRECTORY)
    };
    made().map_err(|error| {
        // Nobody was told of it. The next start begins anew, with pages that are not in doubt.
        if let Err(error) = disk.remove(&name) {
            tracing::warn!(%error, "cannot remove the first journal segment");
        }
        if crate::disk::is_full(&error) {
            let directory = disk.place(DIRECTORY);
            return StoreError::Full { directory, reason: error.to_string() };
        }
        failed("cannot create", disk, &name, &error)
    })
}
