//! Whose turn it is to tell the issuer of a certificate how it stands.
//!
//! News of one credential goes to the issuer one after the other, each read when its turn comes.
//! The store marks what was not told yet; this keeps older news from arriving behind newer.

use crate::holders::CredentialId;
use tokio::sync::Mutex;

/// So many places that two credentials seldom share one. Those that do wait for each other.
const PLACES: usize = 64;

/// A turn for each credential.
pub(crate) struct Turns([Mutex<()>; PLACES]);

impl Default for Turns {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Mutex::new(())))
    }
}

impl Turns {
    /// The turn of a credential. Identifiers are random, and so is any of their bytes.
    pub(crate) fn of(&self, id: CredentialId) -> &Mutex<()> {
        &self.0[usize::from(id.as_bytes()[0]) % PLACES]
    }
}
