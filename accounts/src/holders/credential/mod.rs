//! Signing credentials: a certificate and the key behind it, from the envelope to the end.
//!
//! [`Life`] says what may happen when. [`Holders::create_credential`] makes one that waits for its
//! activation; [`Holders::activate`] makes its key and has its certificate issued; suspension,
//! reactivation and revocation change its state first and tell the issuer after, so that signing
//! stops in the same instant whatever the issuer does. What the issuer was not told is told again
//! by [`Holders::credentials_tick`].

mod activation;
mod create;
mod follow;
mod issuer;
pub(crate) mod issuing;
mod leftovers;
mod record;
mod state;
mod suspension;
#[cfg(test)]
pub(crate) mod tests;
mod turns;

pub use create::NewCredential;
pub use issuer::{
    CertificateIssuer, CertificateRequest, CertificateStatus, IssuedCertificate, IssuerFault,
};
pub use leftovers::KEY_GRACE;
pub use record::CredentialKind;
pub use state::{Event, Life, RevocationCause, State, SuspensionCause};

pub(crate) use create::{emergency_record, insert};
pub(crate) use record::{
    CredentialRecord, EmergencyRecord, FormerPins, delete_wraps, erase, find, is_record_key, load,
    load_wraps, own, read, save, save_wraps, to_be_told,
};
pub(crate) use suspension::{end_of_codes, is_emergency_code};
pub(crate) use turns::Turns;

use super::messages::Template;
use super::tables::SIGNING_CREDENTIAL;
use super::{CredentialId, HolderError, HolderId, Holders, Inner, SigningKeyKind, holder};
use chrono::{DateTime, Utc};
use openssl::sha::sha256;
use store::{Order, Transaction};

/// A credential as its holder and operators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialView {
    /// The identifier.
    pub id: CredentialId,
    /// Whose it is.
    pub holder: HolderId,
    /// How it signs.
    pub kind: CredentialKind,
    /// What kind of key it has or will have.
    pub key_kind: SigningKeyKind,
    /// Where it is in its life, at the instant that was asked for.
    pub state: State,
    /// See [`Life::epoch`].
    pub epoch: u64,
    /// When its envelope was made.
    pub created_at: DateTime<Utc>,
    /// When it was activated.
    pub activated_at: Option<DateTime<Utc>>,
    /// The end of its certificate.
    pub not_after: Option<DateTime<Utc>>,
    /// The certificate, DER.
    pub certificate: Option<Vec<u8>>,
    /// The serial number of the certificate, hex.
    pub serial: Option<String>,
    /// The number of its newest envelope.
    pub envelope: String,
}

/// What a one-time code for an act on a credential is bound to.
#[must_use]
pub fn binding(credential: CredentialId) -> [u8; 32] {
    sha256(&[b"marca credential\0", credential.as_bytes().as_slice()].concat())
}

impl Holders {
    /// A holder's own credential.
    ///
    /// # Errors
    /// [`CodeRefusal::UnknownCredential`](super::pin::CodeRefusal) for that of another, too.
    pub fn credential(
        &self,
        holder: HolderId,
        id: CredentialId,
        now: DateTime<Utc>,
    ) -> Result<CredentialView, HolderError> {
        let record = read(self.store(), id)?;
        if record.holder != holder.number() {
            return Err(super::pin::CodeRefusal::UnknownCredential.into());
        }
        Ok(view(id, record, now))
    }

    /// The credentials of a holder.
    ///
    /// # Errors
    /// The store's.
    pub fn credentials_of(
        &self,
        holder: HolderId,
        now: DateTime<Utc>,
    ) -> Result<Vec<CredentialView>, HolderError> {
        let store = self.store();
        let scan = |from: std::ops::Bound<&[u8]>, to: std::ops::Bound<&[u8]>, limit| {
            store.scan(SIGNING_CREDENTIAL, from, to, Order::Ascending, limit)
        };
        let ids = record::of_holder(scan, holder)?;
        ids.into_iter().map(|id| Ok(view(id, read(store, id)?, now))).collect()
    }
}

/// The credentials of a holder, in a transaction.
pub(crate) fn all_of(
    tx: &dyn Transaction,
    holder: HolderId,
) -> Result<Vec<CredentialId>, HolderError> {
    let scan = |from: std::ops::Bound<&[u8]>, to: std::ops::Bound<&[u8]>, limit| {
        tx.scan(SIGNING_CREDENTIAL, from, to, Order::Ascending, limit)
    };
    Ok(record::of_holder(scan, holder)?)
}

/// Queues a notice to a holder.
pub(crate) fn tell(
    inner: &Inner,
    tx: &mut dyn Transaction,
    id: HolderId,
    template: &Template,
    now: DateTime<Utc>,
) -> Result<(), HolderError> {
    let record = holder::load(tx, id)?;
    holder::notify(inner, tx, id, &record, template, now)
}

/// The last characters of an identifier, for messages.
pub(crate) fn short(id: CredentialId) -> String {
    let text = id.to_string();
    text.get(text.len().saturating_sub(6)..).unwrap_or_default().to_owned()
}

fn view(id: CredentialId, record: CredentialRecord, now: DateTime<Utc>) -> CredentialView {
    let instant = crate::stamps::instant;
    CredentialView {
        id,
        holder: HolderId::new(record.holder),
        kind: record.kind,
        key_kind: record.key_kind,
        state: record.life.at(now),
        epoch: record.life.epoch(),
        created_at: instant(record.created_at),
        activated_at: record.activated_at.map(instant),
        not_after: record.life.not_after().map(instant),
        certificate: record.certificate.map(Into::into),
        serial: record.serial,
        envelope: record.envelope,
    }
}
