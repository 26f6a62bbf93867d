//! The end of the journal, written again and synced before anybody builds upon it.
//!
//! What an opening reads is what the page cache has, and that may be more than the disk has: the
//! process may have died between the write of a frame and its sync, or its sync may have failed. A
//! failed sync leaves the pages marked as clean, so that a second one succeeds and saves nothing.
//! Writing the same bytes again makes them dirty again. One frame is in flight at a time, and the
//! header of a segment is synced before its first frame: the last of each is all that can be in
//! doubt.

use super::segment::{DIRECTORY, SegmentHeader};
use super::walk::Frame;
use crate::disk::{Disk, DiskFile, SECTOR};
use std::io;

/// A copy of the newest frame that was walked over. It is kept in memory since clean pages may
/// leave the cache at any time: a second reading may find older bytes.
#[derive(Debug, Default)]
pub(crate) struct LastFrame {
    segment: u32,
    offset: u64,
    bytes: Vec<u8>,
}

impl LastFrame {
    /// Keeps this frame instead of the one before.
    pub(crate) fn remember(&mut self, frame: &Frame<'_>) {
        self.segment = frame.segment;
        self.offset = frame.offset;
        self.bytes.clear();
        self.bytes.extend_from_slice(frame.bytes);
    }

    /// Writes the header of the last segment, and the last frame if it is in there, at their
    /// places with the bytes that they have, then syncs them and the names of the segments.
    pub(crate) fn write_again(
        mut self,
        disk: &dyn Disk,
        header: &SegmentHeader,
        file: &dyn DiskFile,
    ) -> io::Result<()> {
        if self.segment == header.number {
            let padded = self.bytes.len().next_multiple_of(SECTOR as usize);
            self.bytes.resize(padded, 0);
            file.write_at(&self.bytes, self.offset)?;
        }
        file.write_at(&header.encode(), 0)?;
        file.sync_data()?;
        disk.sync_directory(DIRECTORY)
    }
}
