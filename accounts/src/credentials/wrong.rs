//! Passwords that were wrong a moment ago: a tool that goes on with an old password is answered at
//! once, and neither its own next try nor its owner's has to wait for it.
//!
//! What is kept is a keyed hash of name and password, for names that do not exist as well, in a
//! table that does not grow. Nothing is learned by asking the same thing twice, so it costs no
//! check and is not counted.

use super::keyed::{Digest, place};
use parking_lot::Mutex;

/// How many are kept; one more takes the place of another. 160 KiB.
const PLACES: usize = 4_096;

/// Digests of what was wrong, each with the epoch in which it was.
pub(crate) struct Wrong(Mutex<Vec<(Digest, u64)>>);

impl Wrong {
    pub(crate) fn new() -> Self {
        // No epoch is this one, so an empty place is never found.
        Self(Mutex::new(vec![([0; 32], u64::MAX); PLACES]))
    }

    /// Whether this was wrong, and no password was changed since.
    pub(crate) fn contains(&self, digest: &Digest, epoch: u64) -> bool {
        self.0.lock().get(place(digest, PLACES)) == Some(&(*digest, epoch))
    }

    /// Remembers what was wrong in `epoch`.
    pub(crate) fn insert(&self, digest: Digest, epoch: u64) {
        if let Some(slot) = self.0.lock().get_mut(place(&digest, PLACES)) {
            *slot = (digest, epoch);
        }
    }
}
