//! Phase 5: a new key, certificate and envelope, there together or not at all.

use super::steps::PASSPHRASE;
use super::{Phase, RenewalRecord, bound_to, encoded, under_way};
use crate::holders::credential::{
    CertificateIssuer, CertificateStatus, CredentialRecord, Event, IssuedCertificate,
    RevocationCause, delete_wraps, issuing, save, save_wraps, short,
};
use crate::holders::history::{HistoryEntry, HistoryKind, append};
use crate::holders::holder::{load as load_holder, mail, notify};
use crate::holders::keys::{KeyPair, Wrapped};
use crate::holders::messages::Template;
use crate::holders::otp::{OtpVerified, Purpose};
use crate::holders::pin::{CodeRefusal, EnvelopeAddresses, Sheet, new_sheet, remember};
use crate::holders::tables::RENEWAL;
use crate::holders::{Actor, CredentialId, HolderError, HolderId, HolderView, Holders, Inner};
use chrono::{DateTime, Utc};
use envelope::Passphrase;
use minicbor::bytes::ByteVec;
use store::Transaction;

/// What was made for the last phase, before anything was issued.
struct Ready {
    key: KeyPair,
    sheet: Sheet,
}

impl Holders {
    /// Phase 5: a one-time code for [`Purpose::CompleteRenewal`] bound to
    /// [`Holders::renewal_bound`] brings the new key and certificate, and mails the new envelope.
    /// What was authorised before ends; the old certificate stays good to its end, for what was
    /// signed with it, unless the credential is suspended or revoked before.
    ///
    /// # Errors
    /// Those of the other phases; [`CodeRefusal::IssuerFailed`], [`HolderError::KeyDevice`] and
    /// [`CodeRefusal::EnvelopeFailed`], after which the old state is all there is and the phase
    /// can be tried again.
    pub async fn complete_renewal(
        &self,
        (holder, id): (HolderId, CredentialId),
        otp: OtpVerified,
        addresses: EnvelopeAddresses,
        issuer: &impl CertificateIssuer,
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        let look = move |_: &Inner, tx: &mut dyn Transaction| {
            under_way(tx, (holder, id), Phase::Complete, now)
        };
        let (credential, renewal) = self.transact(look).await?;
        let operation = otp.operation();
        let entered = bound_to(id, &encoded(&renewal));
        otp.consume(holder, operation, Purpose::CompleteRenewal, &entered)?;
        let of = self.holder(holder)?;
        let key = self.new_key(credential.key_kind).await?;
        let (room, seen) = (self.room()?, renewal.clone());
        let work = move |inner: &Inner| ready(inner, (id, key), &of, &seen, (&addresses, now));
        let ready = self.compute(room, work).await?;
        let request = self.certificate_request((holder, id), &credential, &ready.key)?;
        let attempt = self.transact(move |_, tx| issuing::begin(tx, id, now)).await?;
        let issued = issuer.issue(request, now).await;
        let issued = issued.map_err(|fault| CodeRefusal::IssuerFailed { fault })?;
        let serial = issued.serial.clone();
        let keep = move |inner: &Inner, tx: &mut dyn Transaction| {
            let (record, current) = under_way(tx, (holder, id), Phase::Complete, now)?;
            if current != renewal {
                return Err(CodeRefusal::Changed.into());
            }
            issuing::end(tx, id, attempt, &issued.serial)?;
            keep(inner, tx, (id, record), (current, ready), issued, now)
        };
        let kept = self.transact(keep).await;
        if kept.is_err() {
            // Nobody has its key. When the issuer does not answer, the timer does it.
            let status = CertificateStatus::Revoked(RevocationCause::Cessation);
            drop(issuer.set_status(&serial, status, now).await);
        }
        kept
    }
}

/// All that takes long: key, codes, and the envelope.
fn ready(
    inner: &Inner,
    (id, key): (CredentialId, KeyPair),
    of: &HolderView,
    renewal: &RenewalRecord,
    (addresses, now): (&EnvelopeAddresses, DateTime<Utc>),
) -> Result<Ready, HolderError> {
    let sealed = renewal.passphrase.as_ref().ok_or(CodeRefusal::NoRenewal)?;
    let opened = inner.pepper.open(PASSPHRASE, id.as_bytes(), sealed)?;
    let text = std::str::from_utf8(&opened);
    let text = text.map_err(|_| HolderError::Unsealable { purpose: PASSPHRASE })?;
    let passphrase = Passphrase::parse(text).map_err(CodeRefusal::Passphrase)?;
    Ok(Ready { key, sheet: new_sheet(inner, of, &passphrase, (addresses, now))? })
}

/// The one change of a renewal.
fn keep(
    inner: &Inner,
    tx: &mut dyn Transaction,
    (id, mut record): (CredentialId, CredentialRecord),
    (renewal, Ready { key, sheet }): (RenewalRecord, Ready),
    issued: IssuedCertificate,
    now: DateTime<Utc>,
) -> Result<(), HolderError> {
    let holder = HolderId::new(record.holder);
    let of = load_holder(tx, holder)?;
    of.needs_open(holder)?;
    let not_after = issued.not_after.timestamp_millis();
    let (at, former_end) = (now.timestamp_millis(), record.life.not_after());
    record.life = record.life.apply(Event::Renew { not_after }, now)?;
    delete_wraps(tx, id, record.version);
    record.version += 1;
    record.certificate = Some(ByteVec::from(issued.der));
    record.replace_serial(issued.serial, former_end, at);
    record.envelope = sheet.number;
    record.replace_emergency(sheet.emergency, at);
    (record.pin_tries, record.puk_tries) = (0, 0);
    if let Some(trace) = renewal.trace {
        remember(&mut record.former, trace.into());
    }
    let place = record.place(id);
    let secret = key.to_secret()?;
    let deposit = Some(renewal.slot.deposit(&place, &secret)?);
    let puk = sheet.puk.wrap(&place, &secret)?;
    save_wraps(tx, id, record.version, &Wrapped { pin: renewal.slot.pin, puk, deposit });
    save(tx, id, &record)?;
    tx.delete(RENEWAL, id.as_bytes());
    let entry = HistoryEntry::new(HistoryKind::RenewalCompleted, Actor::Holder(holder))
        .with("credential", id)
        .with("certificate", record.serial.as_deref().unwrap_or_default());
    append(tx, holder, &entry, now)?;
    let attachment = Sheet::attachment(sheet.pdf);
    // The envelope goes to the user ID, and to no other address.
    let template = Template::Renewed { credential: short(id), until: not_after, at };
    mail(inner, tx, (holder, &of), of.email()?, template, Some(attachment), now)?;
    if renewal.trace.is_some() {
        let template = Template::PinChanged { credential: short(id), at };
        notify(inner, tx, holder, &of, &template, now)?;
    }
    Ok(())
}
