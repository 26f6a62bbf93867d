//! Tries that are being computed, in this process.
//!
//! A try is counted before it is computed, so that six right ones side by side look like five wrong
//! ones and one more. What is in the air here is known not to have failed: who comes on top of it
//! waits, and ends nothing. After a restart nothing is in the air, and what was counted and never
//! settled counts as wrong.

use super::open::Counted;
use crate::holders::CredentialId;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;

type Key = (CredentialId, Counted);

/// How many tries of which codes are in the air.
#[derive(Clone, Default)]
pub(crate) struct Flights(Arc<Mutex<HashMap<Key, u32>>>);

impl Flights {
    /// Whether a try is in the air.
    pub(super) fn any(&self, id: CredentialId, counted: Counted) -> bool {
        self.0.lock().contains_key(&(id, counted))
    }

    /// One more, until what is returned is dropped.
    pub(super) fn begin(&self, id: CredentialId, counted: Counted) -> Flight {
        *self.0.lock().entry((id, counted)).or_default() += 1;
        Flight { flights: self.clone(), key: (id, counted) }
    }
}

/// A try in the air.
pub(super) struct Flight {
    flights: Flights,
    key: Key,
}

impl Drop for Flight {
    fn drop(&mut self) {
        let mut flights = self.flights.0.lock();
        if let Some(count) = flights.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                flights.remove(&self.key);
            }
        }
    }
}
