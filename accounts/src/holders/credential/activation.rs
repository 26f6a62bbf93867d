//! Activation: the codes of the envelope and a one-time code become a key, a certificate, and a
//! PIN that only the holder knows.

use super::record::CredentialRecord;
use super::{
    CertificateIssuer, CertificateRequest, CertificateStatus, Event, IssuedCertificate,
    RevocationCause, binding, delete_wraps, issuing, own, save, save_wraps, short,
};
use crate::holders::history::{HistoryEntry, HistoryKind, append};
use crate::holders::holder::{load as load_holder, notify};
use crate::holders::keys::{KeyPair, Lock, Stretched, Wrapped};
use crate::holders::messages::Template;
use crate::holders::otp::{OtpVerified, Purpose};
use crate::holders::pin::{self, Both, CodeRefusal, NewPin};
use crate::holders::{Actor, CredentialId, HolderError, HolderId, Holders, Inner};
use chrono::{DateTime, Utc};
use envelope::{Pin, Puk};
use minicbor::bytes::ByteVec;
use store::Transaction;
use zeroize::Zeroizing;

/// A key that was just made, and the two codes that will lock it.
struct Fresh {
    key: KeyPair,
    locks: (Stretched, Stretched),
    trace: [u8; 32],
}

impl Holders {
    /// Activates a credential with PIN and PUK of its envelope, a PIN of the holder's own, and a
    /// one-time code for [`Purpose::Activate`] bound to [`binding`].
    ///
    /// The order makes a failure at any point harmless: before the certificate there is nothing,
    /// and a certificate whose credential could not be kept is revoked.
    ///
    /// # Errors
    /// [`HolderError::OtpForOther`]; the rules of the PIN; [`CodeRefusal::WrongCodes`] without
    /// saying which of the two is wrong; [`CodeRefusal::CodesExhausted`] at the fifth time;
    /// [`CodeRefusal::IssuerFailed`]; [`HolderError::KeyDevice`], after which it can be done again.
    pub async fn activate(
        &self,
        (holder, id): (HolderId, CredentialId),
        codes: (Pin, Puk),
        new: NewPin<'_>,
        otp: OtpVerified,
        issuer: &impl CertificateIssuer,
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        let operation = otp.operation();
        otp.consume(holder, operation, Purpose::Activate, &binding(id))?;
        let new = self.check_new_pin(holder, new)?;
        let puk = Zeroizing::new(codes.1.expose().to_owned());
        let opened = self.try_code::<Both>((holder, id), codes, now).await?;

        let room = self.room()?;
        let record = opened.record;
        let (kind, former) = (record.key_kind, record.former.clone());
        let work = move |inner: &Inner| {
            let trace = pin::needs_unused(inner, &former, &new)?;
            let locks =
                (inner.stretch_new(Lock::Pin, new.expose())?, inner.stretch_new(Lock::Puk, &puk)?);
            Ok((locks, trace))
        };
        let (locks, trace) = self.compute(room, work).await?;
        let fresh = Fresh { key: self.new_key(kind).await?, locks, trace };

        let request = self.certificate_request((holder, id), &record, &fresh.key)?;
        let attempt = self.transact(move |_, tx| issuing::begin(tx, id, now)).await?;
        let issued = issuer.issue(request, now).await;
        let issued = issued.map_err(|fault| CodeRefusal::IssuerFailed { fault })?;
        let serial = issued.serial.clone();
        let keep = move |inner: &Inner, tx: &mut dyn Transaction| {
            issuing::end(tx, id, attempt, &issued.serial)?;
            keep(inner, tx, (holder, id), fresh, issued, now)
        };
        let kept = self.transact(keep).await;
        if kept.is_err() {
            // Nobody has its key. When the issuer does not answer, the timer does it.
            let status = CertificateStatus::Revoked(RevocationCause::Cessation);
            drop(issuer.set_status(&serial, status, now).await);
        }
        kept
    }

    pub(crate) fn certificate_request(
        &self,
        (holder, credential): (HolderId, CredentialId),
        record: &CredentialRecord,
        key: &KeyPair,
    ) -> Result<CertificateRequest, HolderError> {
        let of = self.holder(holder)?;
        Ok(CertificateRequest {
            holder,
            credential,
            kind: record.kind,
            given_name: of.given_name,
            surname: of.surname,
            fiscal_code: of.fiscal_code,
            email: of.user_id,
            public_key: key.public_key()?,
        })
    }
}

/// Key, certificate and state, there together or not at all.
fn keep(
    inner: &Inner,
    tx: &mut dyn Transaction,
    (holder, id): (HolderId, CredentialId),
    fresh: Fresh,
    issued: IssuedCertificate,
    now: DateTime<Utc>,
) -> Result<(), HolderError> {
    let mut record = own(tx, holder, id)?;
    let of = load_holder(tx, holder)?;
    of.needs_open(holder)?;
    let not_after = issued.not_after.timestamp_millis();
    record.life = record.life.apply(Event::Activate { not_after }, now)?;
    delete_wraps(tx, id, record.version);
    record.version += 1;
    record.certificate = Some(ByteVec::from(issued.der));
    record.serial = Some(issued.serial);
    record.activated_at = Some(now.timestamp_millis());
    pin::remember(&mut record.former, fresh.trace);
    let (place, secret) = (record.place(id), fresh.key.to_secret()?);
    let (pin, puk) = fresh.locks;
    let (pin, puk) = (pin.wrap(&place, &secret)?, puk.wrap(&place, &secret)?);
    let wraps = Wrapped { pin, puk, deposit: None };
    save_wraps(tx, id, record.version, &wraps);
    save(tx, id, &record)?;
    let entry = HistoryEntry::new(HistoryKind::CredentialActivated, Actor::Holder(holder))
        .with("credential", id)
        .with("certificate", record.serial.as_deref().unwrap_or_default());
    append(tx, holder, &entry, now)?;
    let at = now.timestamp_millis();
    let template = Template::Activated { credential: short(id), until: not_after, at };
    notify(inner, tx, holder, &of, &template, now)
}
