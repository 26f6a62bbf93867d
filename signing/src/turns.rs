//! How many signatures are computed at once: as many as there are processors, with a bounded queue.
//!
//! The key is used on threads that may block, and the runtime has hundreds of those. Without a
//! bound, whoever sends enough requests has all processors, and whatever else the process does
//! waits.

use crate::error::SignError;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Who computes, and who waits for it.
pub(crate) struct Turns {
    /// Of all that compute or wait.
    places: Arc<Semaphore>,
    /// Of those that compute.
    turns: Arc<Semaphore>,
}

/// A place in the queue: had before anything is held or reserved.
#[must_use]
pub(crate) struct Queued {
    _permit: OwnedSemaphorePermit,
}

/// Its turn has come. Dropping it lets the next one in.
#[must_use]
pub(crate) struct Turn {
    _place: Queued,
    _turn: OwnedSemaphorePermit,
}

impl Turns {
    pub(crate) fn new(at_once: usize, waiting: usize) -> Self {
        let at_once = at_once.max(1);
        Self {
            places: Arc::new(Semaphore::new(at_once + waiting)),
            turns: Arc::new(Semaphore::new(at_once)),
        }
    }

    /// A place in the queue, or [`SignError::Busy`].
    pub(crate) fn queue(&self) -> Result<Queued, SignError> {
        let permit = Arc::clone(&self.places).try_acquire_owned();
        permit.map(|_permit| Queued { _permit }).map_err(|_| SignError::Busy)
    }

    /// Waits for its turn: no longer than those in front of it compute, and these are few.
    pub(crate) async fn turn(&self, place: Queued) -> Result<Turn, SignError> {
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        // Nobody closes it.
        let turn = turn.map_err(|_| SignError::Busy)?;
        Ok(Turn { _place: place, _turn: turn })
    }
}
