//! The proof that a PIN was right: it holds the unlocked key.

use super::open::{Opened, PinAlone};
use crate::holders::credential::CredentialKind;
use crate::holders::keys::KeyPair;
use crate::holders::{CredentialId, HolderError, HolderId, Holders, Room};
use chrono::{DateTime, Utc};
use envelope::Pin;
use std::fmt;

/// A PIN was right. Dropping it wipes the key from memory.
///
/// There is no other way to one than a PIN that was right, and it cannot be copied:
///
/// ```compile_fail
/// fn twice(proof: marca_accounts::holders::pin::PinVerified) {
///     let again = proof.clone();
/// }
/// ```
#[must_use = "a key that is not used is locked again"]
pub struct PinVerified {
    holder: HolderId,
    credential: CredentialId,
    kind: CredentialKind,
    epoch: u64,
    key: KeyPair,
}

impl PinVerified {
    /// Whose PIN it was.
    #[must_use]
    pub fn holder(&self) -> HolderId {
        self.holder
    }

    /// The credential whose key is unlocked.
    #[must_use]
    pub fn credential(&self) -> CredentialId {
        self.credential
    }

    /// How the credential signs.
    #[must_use]
    pub fn kind(&self) -> CredentialKind {
        self.kind
    }

    /// The credential's epoch when the PIN was tried: what changed since then makes it void.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Gives the key to whoever signs with it.
    #[must_use]
    pub fn into_key(self) -> KeyPair {
        self.key
    }
}

impl fmt::Debug for PinVerified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PinVerified")
            .field("holder", &self.holder)
            .field("credential", &self.credential)
            .finish_non_exhaustive()
    }
}

impl Holders {
    /// Unlocks the key of an active credential.
    ///
    /// # Errors
    /// [`CodeRefusal`](super::CodeRefusal): `UnknownCredential`, `WrongPin`, `PinLocked`;
    /// [`HolderError::IllegalTransition`] for a credential that is not active.
    pub async fn verify_pin(
        &self,
        room: &Room,
        (holder, id): (HolderId, CredentialId),
        pin: Pin,
        now: DateTime<Utc>,
    ) -> Result<PinVerified, HolderError> {
        PinVerified::of(holder, id, &self.try_code::<Pin>(room, (holder, id), pin, now).await?)
    }

    /// The same by a PIN that comes without a one-time code, as a system's does: wrong ones do not
    /// lock it.
    ///
    /// # Errors
    /// Those of [`Holders::verify_pin`], and [`CodeRefusal`](super::CodeRefusal): `PinNeedsCode`.
    pub async fn verify_pin_alone(
        &self,
        room: &Room,
        (holder, id): (HolderId, CredentialId),
        pin: Pin,
        now: DateTime<Utc>,
    ) -> Result<PinVerified, HolderError> {
        let opened = self.try_code(room, (holder, id), PinAlone(pin), now).await?;
        PinVerified::of(holder, id, &opened)
    }
}

impl PinVerified {
    fn of(
        holder: HolderId,
        credential: CredentialId,
        opened: &Opened,
    ) -> Result<Self, HolderError> {
        Ok(Self {
            holder,
            credential,
            kind: opened.record.kind,
            epoch: opened.record.life.epoch(),
            key: KeyPair::from_secret(&opened.secret)?,
        })
    }
}
