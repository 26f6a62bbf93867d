//! Whether the disk has room for the index, which stops for good when it meets a full one.
//!
//! The journal's segments are prepared ahead and say themselves when there is no space. The index
//! writes when it likes, so writes are refused before it can run out: below a floor, until there is
//! space again. Somebody asks with each group and with each question for the store's health; the
//! disk is asked now and then.

use crate::StoreError;
use crate::disk::Disk;
use crate::journal::segment::DIRECTORY;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The floor, and what the disk said last.
#[derive(Debug)]
pub(crate) struct Space {
    disk: Arc<dyn Disk>,
    floor: u64,
    every: Duration,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    at: Option<Instant>,
    low: Option<StoreError>,
}

impl Space {
    /// `floor` in bytes; the disk is asked again after `every`.
    pub(crate) fn new(disk: Arc<dyn Disk>, floor: u64, every: Duration) -> Self {
        Self { disk, floor, every, known: Mutex::default() }
    }

    /// [`StoreError::Full`] below the floor.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        if self.floor == 0 {
            return Ok(());
        }
        let mut known = self.known.lock();
        if known.at.is_none_or(|at| at.elapsed() >= self.every) {
            known.low = self.measure();
            known.at = Some(Instant::now());
        }
        known.low.clone().map_or(Ok(()), Err)
    }

    /// A disk that does not tell is not taken for a full one: writes would end for good.
    fn measure(&self) -> Option<StoreError> {
        let free = self.disk.free_bytes().ok()?;
        (free < self.floor).then(|| StoreError::Full {
            directory: self.disk.place(DIRECTORY),
            reason: format!("{free} bytes are free, and the index may need {}", self.floor),
        })
    }
}
