//! Whether a journal that is read from its beginning holds what it is known to have held.

use crate::StoreError;
use crate::disk::Disk;
use crate::journal::segment::DIRECTORY;
use crate::journal::walk::Frame;
use crate::journal::{Reached, Reader};

/// What the marker says that was reached, and whether its frame was met.
#[derive(Debug)]
pub(super) struct Expected {
    reached: Option<Reached>,
    met: bool,
}

impl Expected {
    /// To be made before the reading begins: a running service goes on, and the marker with it.
    pub(super) fn new(reached: Option<Reached>) -> Self {
        Self { reached, met: false }
    }

    /// Takes notice of a frame.
    pub(super) fn frame(&mut self, frame: &Frame<'_>) {
        self.met |= self.reached.is_some_and(|reached| {
            reached.sequence == frame.last_sequence() && reached.hash == frame.hash
        });
    }

    /// At the end of the journal.
    pub(super) fn must_be_met(&self, disk: &dyn Disk, reader: &Reader) -> Result<(), StoreError> {
        match self.reached {
            Some(reached) if !self.met => Err(StoreError::Damaged {
                place: disk.place(DIRECTORY).display().to_string(),
                what: format!(
                    "the journal ends with transaction {}, and {} is not in it as it was written",
                    reader.sequence(),
                    reached.sequence
                ),
            }),
            _ => Ok(()),
        }
    }
}
