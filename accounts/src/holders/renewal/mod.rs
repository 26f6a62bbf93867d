//! The renewal of a certificate: five phases, of which only the last one changes anything.
//!
//! ```text
//! 1 consents ─▶ 2 confirm ─▶ 3 PIN ─▶ 4 security ─▶ 5 complete ─▶ done
//!      ▲             └───────────┴─ any phase again ─┘
//!      └── after a day, or when the credential changed: from the beginning
//! ```
//!
//! A phase may be left and come back to: what was entered is kept, the passphrase and the way to
//! the new key so that the service alone can use neither. Doing a phase again is the same as doing
//! it once, and puts what was entered in its place. Until the last phase is through, the old key
//! and certificate are all there is; when it fails, they still are.

mod complete;
mod steps;
#[cfg(test)]
mod tests;

pub use steps::PinChoice;

use super::credential::{CredentialRecord, State, own, read as record_of};
use super::keys::Slot;
use super::pin::CodeRefusal;
use super::tables::RENEWAL;
use super::{CredentialId, HolderError, HolderId, Holders};
use crate::encoding::{decode, encode};
use chrono::{DateTime, TimeDelta, Utc};
use minicbor::bytes::{ByteArray, ByteVec};
use minicbor::{Decode, Encode};
use openssl::sha::sha256;
use store::Transaction;

/// So long before the end of a certificate it can be renewed.
pub const RENEWAL_WINDOW: TimeDelta = TimeDelta::days(90);
/// So long after its beginning a renewal has to be begun again.
pub const RENEWAL_LIFETIME: TimeDelta = TimeDelta::hours(24);

/// A phase of the renewal. Used in stored state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Phase {
    /// The conditions are accepted, and the PIN entered.
    #[n(1)]
    Consents,
    /// A one-time code.
    #[n(2)]
    Confirm,
    /// The PIN is kept, or a new one chosen.
    #[n(3)]
    Pin,
    /// The passphrase of the envelope.
    #[n(4)]
    Security,
    /// A one-time code: the certificate is issued.
    #[n(5)]
    Complete,
}

impl Phase {
    /// All of them, in their order.
    pub const ALL: [Self; 5] =
        [Self::Consents, Self::Confirm, Self::Pin, Self::Security, Self::Complete];

    /// Its number, from 1.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8 + 1
    }

    /// What comes after `done`, when `self` was next; `None` is the end.
    ///
    /// # Errors
    /// [`HolderError::IllegalTransition`] for a phase before whose turn it is.
    pub fn after(self, done: Self) -> Result<Option<Self>, HolderError> {
        if done > self {
            return Err(HolderError::IllegalTransition {
                machine: "the renewal",
                state: self.state(),
                event: done.event(),
            });
        }
        Ok(Self::ALL.into_iter().find(|phase| *phase > done))
    }

    const fn state(self) -> &'static str {
        match self {
            Self::Consents => "not begun",
            Self::Confirm => "in phase 2",
            Self::Pin => "in phase 3",
            Self::Security => "in phase 4",
            Self::Complete => "in phase 5",
        }
    }

    const fn event(self) -> &'static str {
        match self {
            Self::Consents => "begin",
            Self::Confirm => "be confirmed",
            Self::Pin => "take a PIN",
            Self::Security => "take a passphrase",
            Self::Complete => "be completed",
        }
    }
}

/// A renewal under way. Used in stored state.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct RenewalRecord {
    #[n(0)]
    pub(crate) next: Phase,
    #[n(1)]
    pub(crate) begun_at: i64,
    /// Of the credential, when it began: after a suspension or another PIN it begins again.
    #[n(2)]
    pub(crate) epoch: u64,
    /// Which conditions were accepted.
    #[n(3)]
    pub(crate) conditions: String,
    /// Where the new key goes.
    #[n(4)]
    pub(crate) slot: Slot,
    /// What tells a new PIN from others, when one was chosen.
    #[n(5)]
    pub(crate) trace: Option<ByteArray<32>>,
    /// The passphrase of the envelope, sealed under the pepper.
    #[n(6)]
    pub(crate) passphrase: Option<ByteVec>,
}

impl RenewalRecord {
    /// Whether it may go on: for a day, and while the credential is what it was.
    pub(crate) fn goes_on(&self, credential: &CredentialRecord, now: DateTime<Utc>) -> bool {
        now < crate::stamps::instant(self.begun_at) + RENEWAL_LIFETIME
            && credential.life.at(now) == State::Active
            && self.epoch == credential.life.epoch()
    }
}

/// A renewal as its holder sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenewalView {
    /// The phase whose turn it is.
    pub next: Phase,
    /// When it began.
    pub begun_at: DateTime<Utc>,
    /// When it has to be begun again.
    pub ends_at: DateTime<Utc>,
    /// Whether a new PIN was chosen.
    pub new_pin: bool,
}

impl Holders {
    /// What a one-time code for [`Purpose::CompleteRenewal`](super::otp::Purpose) is bound to: the
    /// credential, and all that was entered in the phases before. Whoever does a phase again,
    /// with another PIN or passphrase, makes a code void that was asked for before.
    ///
    /// # Errors
    /// [`CodeRefusal::UnknownCredential`].
    pub fn renewal_bound(
        &self,
        holder: HolderId,
        id: CredentialId,
    ) -> Result<[u8; 32], HolderError> {
        let entered = self.store().get(RENEWAL, id.as_bytes())?;
        if record_of(self.store(), id)?.holder != holder.number() {
            return Err(CodeRefusal::UnknownCredential.into());
        }
        // Without a renewal the code does for nothing.
        Ok(bound_to(id, entered.as_deref().unwrap_or_default()))
    }

    /// Where the renewal of a credential is; `None` when it has to begin with phase 1.
    ///
    /// # Errors
    /// [`CodeRefusal::UnknownCredential`].
    pub fn renewal(
        &self,
        holder: HolderId,
        id: CredentialId,
        now: DateTime<Utc>,
    ) -> Result<Option<RenewalView>, HolderError> {
        let credential = self.credential(holder, id, now)?;
        let Some(bytes) = self.store().get(RENEWAL, id.as_bytes())? else { return Ok(None) };
        let record: RenewalRecord = decode(RENEWAL, id.as_bytes(), &bytes)?;
        let begun_at = crate::stamps::instant(record.begun_at);
        let ends_at = begun_at + RENEWAL_LIFETIME;
        if record.epoch != credential.epoch || now >= ends_at || credential.state != State::Active {
            return Ok(None);
        }
        let (next, new_pin) = (record.next, record.trace.is_some());
        Ok(Some(RenewalView { next, begun_at, ends_at, new_pin }))
    }
}

/// See [`Holders::renewal_bound`].
fn bound_to(id: CredentialId, entered: &[u8]) -> [u8; 32] {
    sha256(&[b"marca renewal\0", id.as_bytes().as_slice(), entered].concat())
}

/// A renewal in which `phase` may be done now, and its credential.
fn under_way(
    tx: &dyn Transaction,
    (holder, id): (HolderId, CredentialId),
    phase: Phase,
    now: DateTime<Utc>,
) -> Result<(CredentialRecord, RenewalRecord), HolderError> {
    let credential = own(tx, holder, id)?;
    let bytes = tx.get(RENEWAL, id.as_bytes())?.ok_or(CodeRefusal::NoRenewal)?;
    let record: RenewalRecord = decode(RENEWAL, id.as_bytes(), &bytes)?;
    if !record.goes_on(&credential, now) {
        return Err(CodeRefusal::NoRenewal.into());
    }
    record.next.after(phase)?;
    Ok((credential, record))
}

/// The bytes that stand in the store.
fn encoded(record: &RenewalRecord) -> Vec<u8> {
    encode(record, 1_024)
}

/// Keeps a renewal in which `done` was just done.
fn put(
    tx: &mut dyn Transaction,
    id: CredentialId,
    record: &mut RenewalRecord,
    done: Phase,
) -> Result<(), HolderError> {
    record.next = record.next.after(done)?.unwrap_or(Phase::Complete);
    tx.put(RENEWAL, id.as_bytes(), &encoded(record));
    Ok(())
}
