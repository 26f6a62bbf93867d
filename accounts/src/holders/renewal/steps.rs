//! Phases 1 to 4: what is entered is kept, and nothing else changes.

use super::{Phase, RENEWAL_WINDOW, RenewalRecord, put, under_way};
use crate::holders::credential::{CredentialRecord, binding, own};
use crate::holders::history::{HistoryEntry, HistoryKind, append};
use crate::holders::keys::{Lock, Place, Slot};
use crate::holders::otp::{OtpVerified, Purpose};
use crate::holders::pin::{CodeRefusal, NewPin, PinAlone, needs_unused};
use crate::holders::{Actor, CredentialId, HolderError, HolderId, Holders, Inner};
use chrono::{DateTime, Utc};
use envelope::{Passphrase, Pin};
use store::Transaction;
use zeroize::Zeroizing;

/// What the passphrases are sealed for.
pub(super) const PASSPHRASE: &str = "passphrase of an envelope";

/// What becomes of the PIN.
#[derive(Clone, Copy, Debug)]
pub enum PinChoice<'a> {
    /// It stays.
    Keep,
    /// A new one.
    New(NewPin<'a>),
}

impl Holders {
    /// Phase 1: begins a renewal, or begins it again, with the conditions that were accepted (by
    /// the name of their version) and the PIN.
    ///
    /// # Errors
    /// [`CodeRefusal::RenewalTooEarly`], [`CodeRefusal::PinNeedsCode`], and those of
    /// [`Holders::verify_pin`].
    pub async fn begin_renewal(
        &self,
        (holder, id): (HolderId, CredentialId),
        conditions: String,
        pin: Pin,
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        let room = self.room()?;
        let early = move |_: &Inner, tx: &mut dyn Transaction| needs_window(tx, holder, id, now);
        self.transact(early).await?;
        let typed = Zeroizing::new(pin.expose().to_owned());
        let opened = self.try_code(&room, (holder, id), PinAlone(pin), now).await?;
        let (epoch, place) = (opened.record.life.epoch(), next_place(&opened.record, id));
        let work = move |inner: &Inner| Slot::new(inner.stretch_new(Lock::Pin, &typed)?, &place);
        let slot = self.compute(&room, work).await?;
        let begin = move |_: &Inner, tx: &mut dyn Transaction| {
            if own(tx, holder, id)?.life.epoch() != epoch {
                return Err(CodeRefusal::Changed.into());
            }
            let mut record = RenewalRecord {
                next: Phase::Consents,
                begun_at: now.timestamp_millis(),
                epoch,
                conditions,
                slot,
                trace: None,
                passphrase: None,
            };
            put(tx, id, &mut record, Phase::Consents)?;
            let entry = HistoryEntry::new(HistoryKind::RenewalStarted, Actor::Holder(holder))
                .with("credential", id)
                .with("conditions", &record.conditions);
            append(tx, holder, &entry, now).map(drop)
        };
        self.transact(begin).await
    }

    /// Phase 2: a one-time code for [`Purpose::ConfirmRenewal`] bound to [`binding`].
    ///
    /// # Errors
    /// The one-time code's; [`CodeRefusal::NoRenewal`]; [`HolderError::IllegalTransition`] before
    /// its turn, as in all phases.
    pub async fn confirm_renewal(
        &self,
        (holder, id): (HolderId, CredentialId),
        otp: OtpVerified,
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        let operation = otp.operation();
        otp.consume(holder, operation, Purpose::ConfirmRenewal, &binding(id))?;
        self.step((holder, id), Phase::Confirm, |_, _| Ok(()), now).await
    }

    /// Phase 3: the PIN stays, or a new one is chosen. It opens the new key alone: until phase 5
    /// is through, the credential has its old PIN.
    ///
    /// A choice is not taken back without the PIN: to keep it after all, begin again.
    ///
    /// # Errors
    /// The rules of the PIN.
    pub async fn choose_renewal_pin(
        &self,
        (holder, id): (HolderId, CredentialId),
        choice: PinChoice<'_>,
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        let PinChoice::New(new) = choice else {
            let keep = |_: &Inner, record: &mut RenewalRecord| match record.trace {
                None => Ok(()),
                Some(_) => Err(CodeRefusal::NoRenewal.into()),
            };
            return self.step((holder, id), Phase::Pin, keep, now).await;
        };
        let look =
            move |_: &Inner, tx: &mut dyn Transaction| under_way(tx, (holder, id), Phase::Pin, now);
        let (credential, _) = self.transact(look).await?;
        let new = self.check_new_pin(holder, new)?;
        let room = self.room()?;
        let place = next_place(&credential, id);
        let work = move |inner: &Inner| {
            let trace = needs_unused(inner, &credential.former, &new)?;
            Ok((Slot::new(inner.stretch_new(Lock::Pin, new.expose())?, &place)?, trace))
        };
        let (slot, trace) = self.compute(&room, work).await?;
        let put_in = move |_: &Inner, record: &mut RenewalRecord| {
            (record.slot, record.trace) = (slot, Some(trace.into()));
            Ok(())
        };
        self.step((holder, id), Phase::Pin, put_in, now).await
    }

    /// Phase 4: the passphrase of the envelope; without one it is the holder's fiscal code.
    ///
    /// # Errors
    /// [`CodeRefusal::Passphrase`].
    pub async fn secure_renewal(
        &self,
        (holder, id): (HolderId, CredentialId),
        passphrase: Option<Zeroizing<String>>,
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        let text = match passphrase {
            Some(text) => text,
            None => Zeroizing::new(self.holder(holder)?.fiscal_code),
        };
        Passphrase::parse(&text).map_err(CodeRefusal::Passphrase)?;
        let seal = move |inner: &Inner, record: &mut RenewalRecord| {
            let sealed = inner.seal(PASSPHRASE, id.as_bytes(), text.as_bytes())?;
            record.passphrase = Some(sealed.into());
            Ok(())
        };
        self.step((holder, id), Phase::Security, seal, now).await
    }

    async fn step(
        &self,
        (holder, id): (HolderId, CredentialId),
        phase: Phase,
        enter: impl FnOnce(&Inner, &mut RenewalRecord) -> Result<(), HolderError> + Send + 'static,
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        let step = move |inner: &Inner, tx: &mut dyn Transaction| {
            let (_, mut record) = under_way(tx, (holder, id), phase, now)?;
            enter(inner, &mut record)?;
            put(tx, id, &mut record, phase)
        };
        self.transact(step).await
    }
}

/// Refuses a renewal long before the end.
fn needs_window(
    tx: &dyn Transaction,
    holder: HolderId,
    id: CredentialId,
    now: DateTime<Utc>,
) -> Result<(), HolderError> {
    let record = own(tx, holder, id)?;
    let end = record.life.not_after().map(crate::stamps::instant);
    match end.map(|end| end - RENEWAL_WINDOW) {
        Some(from) if now < from => Err(CodeRefusal::RenewalTooEarly { from }.into()),
        _ => Ok(()),
    }
}

/// Where the new key will be. What it is of the certificate, a slot does not need.
fn next_place(record: &CredentialRecord, id: CredentialId) -> Place {
    Place { credential: id, version: record.version + 1, certificate: [0; 32] }
}
