//! A new PIN: chosen by the holder, by the current one or by the PUK.

use super::open::Opened;
use super::sheet::{EnvelopeAddresses, Sheet, new_sheet};
use super::{CodeRefusal, REMEMBERED_PINS};
use crate::holders::credential::{
    CredentialRecord, Event, FormerPins, binding, load_wraps, own, save, save_wraps, short, tell,
};
use crate::holders::fields::birth_dates_in;
use crate::holders::history::{HistoryEntry, HistoryKind, append};
use crate::holders::keys::{Lock, Stretched};
use crate::holders::messages::Template;
use crate::holders::otp::{OtpVerified, Purpose};
use crate::holders::{
    Actor, CredentialId, HolderError, HolderId, HolderView, Holders, Inner, Room, holder,
};
use chrono::{DateTime, Utc};
use envelope::{Passphrase, Pin, PinContext, PinRefused, Puk};
use store::Transaction;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// A new PIN as it was typed, twice.
#[derive(Clone, Copy)]
pub struct NewPin<'a> {
    /// The PIN.
    pub pin: &'a str,
    /// The PIN again.
    pub repeat: &'a str,
}

impl std::fmt::Debug for NewPin<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NewPin(..)")
    }
}

/// The envelope that brings the next PUK when one was used.
#[derive(Clone)]
pub struct NextSheet {
    /// What opens it; `None` is the holder's fiscal code.
    pub passphrase: Option<Zeroizing<String>>,
    /// What it says of the service.
    pub addresses: EnvelopeAddresses,
}

impl NextSheet {
    fn passphrase_for(&self, of: &HolderView) -> Result<Passphrase, HolderError> {
        let text = self.passphrase.as_ref().map_or(of.fiscal_code.as_str(), |text| text.as_str());
        Ok(Passphrase::parse(text).map_err(CodeRefusal::Passphrase)?)
    }
}

impl std::fmt::Debug for NextSheet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NextSheet").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

impl Holders {
    /// Changes the PIN with the current one and a one-time code for [`Purpose::ChangePin`] bound
    /// to [`binding`]. What was authorised with the old PIN ends.
    ///
    /// # Errors
    /// The one-time code's, the rules of the new PIN (before a try is counted, all but that it
    /// was used before), and those of [`Holders::verify_pin`].
    pub async fn change_pin(
        &self,
        (holder, id): (HolderId, CredentialId),
        current: Pin,
        new: NewPin<'_>,
        (otp, room): (OtpVerified, Room),
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        let operation = otp.operation();
        otp.consume(holder, operation, Purpose::ChangePin, &binding(id))?;
        let new = self.check_new_pin(holder, new)?;
        let opened = self.try_code::<Pin>(&room, (holder, id), current, now).await?;
        let new = (new, HistoryKind::PinChanged);
        self.rewrap(&room, (holder, id), opened, new, |_| Ok(None), now).await
    }

    /// Sets a new PIN with the PUK and a one-time code for [`Purpose::UnlockPin`] bound to
    /// [`binding`], whether the PIN is locked or forgotten. The PUK is used up: a new envelope with
    /// the next PUK and emergency code is mailed to the user ID.
    ///
    /// # Errors
    /// Like [`Holders::change_pin`], with [`CodeRefusal::WrongPuk`],
    /// [`CodeRefusal::CodesExhausted`], [`CodeRefusal::Passphrase`] and
    /// [`CodeRefusal::EnvelopeFailed`].
    pub async fn unlock_pin(
        &self,
        (holder, id): (HolderId, CredentialId),
        puk: Puk,
        new: NewPin<'_>,
        sheet: NextSheet,
        (otp, room): (OtpVerified, Room),
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        let operation = otp.operation();
        otp.consume(holder, operation, Purpose::UnlockPin, &binding(id))?;
        let new = self.check_new_pin(holder, new)?;
        let of = self.holder(holder)?;
        let passphrase = sheet.passphrase_for(&of)?;
        let opened = self.try_code::<Puk>(&room, (holder, id), puk, now).await?;
        let make = move |inner: &Inner| {
            new_sheet(inner, &of, &passphrase, (&sheet.addresses, now)).map(Some)
        };
        let new = (new, HistoryKind::PinUnlocked);
        self.rewrap(&room, (holder, id), opened, new, make, now).await
    }

    /// Whether a new PIN keeps the rules, but for those before it, which take long to compare:
    /// so that a one-time code is not used up for a PIN that is refused.
    ///
    /// # Errors
    /// [`CodeRefusal::NewPin`], [`HolderError::RepeatDiffers`].
    pub fn check_pin_rules(&self, holder: HolderId, new: NewPin<'_>) -> Result<(), HolderError> {
        self.check_new_pin(holder, new).map(drop)
    }

    /// The rules of a new PIN that need no computation.
    pub(crate) fn check_new_pin(
        &self,
        holder: HolderId,
        new: NewPin<'_>,
    ) -> Result<Pin, HolderError> {
        let of = self.holder(holder)?;
        let context = |birth_date| PinContext { birth_date, used_before: &|_| false };
        let pin = Pin::choose(new.pin, &context(of.birth_date)).map_err(CodeRefusal::NewPin)?;
        // Whoever has the fiscal code has the birth date, whether it was given or not.
        for date in birth_dates_in(&of.fiscal_code).into_iter().flatten() {
            drop(Pin::choose(new.pin, &context(Some(date))).map_err(CodeRefusal::NewPin)?);
        }
        if new.pin != new.repeat {
            return Err(HolderError::RepeatDiffers { field: "repeat" });
        }
        Ok(pin)
    }

    async fn rewrap(
        &self,
        room: &Room,
        (holder, id): (HolderId, CredentialId),
        opened: Opened,
        (new, told): (Pin, HistoryKind),
        sheet: impl FnOnce(&Inner) -> Result<Option<Sheet>, HolderError> + Send + 'static,
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        let Opened { record, secret } = opened;
        let (epoch, former) = (record.life.epoch(), record.former);
        let work = move |inner: &Inner| {
            let trace = needs_unused(inner, &former, &new)?;
            Ok((inner.stretch_new(Lock::Pin, new.expose())?, trace, sheet(inner)?))
        };
        let (lock, trace, sheet) = self.compute(room, work).await?;
        let change = move |inner: &Inner, tx: &mut dyn Transaction| {
            let mut record = own(tx, holder, id)?;
            if record.life.epoch() != epoch {
                return Err(CodeRefusal::Changed.into());
            }
            record.life = record.life.apply(Event::SetPin, now)?;
            record.pin_tries = 0;
            remember(&mut record.former, trace);
            put_pin(tx, id, &record, lock, &secret)?;
            let entry = HistoryEntry::new(told, Actor::Holder(holder)).with("credential", id);
            append(tx, holder, &entry, now)?;
            let at = now.timestamp_millis();
            if let Some(sheet) = sheet {
                put_sheet(inner, tx, (id, &mut record), sheet, &secret, now)?;
            }
            save(tx, id, &record)?;
            let template = Template::PinChanged { credential: short(id), at };
            tell(inner, tx, holder, &template, now)
        };
        self.transact(change).await
    }
}

/// The key under a new PUK, in the place of that under the one that was used, and the envelope
/// that brings it.
fn put_sheet(
    inner: &Inner,
    tx: &mut dyn Transaction,
    (id, record): (CredentialId, &mut CredentialRecord),
    sheet: Sheet,
    secret: &Zeroizing<Vec<u8>>,
    now: DateTime<Utc>,
) -> Result<(), HolderError> {
    let mut wraps = load_wraps(tx, id, record.version)?;
    wraps.puk = sheet.puk.wrap(&record.place(id), secret)?;
    save_wraps(tx, id, record.version, &wraps);
    record.puk_tries = 0;
    record.replace_emergency(sheet.emergency, now.timestamp_millis());
    record.envelope = sheet.number;
    let holder = HolderId::new(record.holder);
    let of = holder::load(tx, holder)?;
    let template = Template::NewEnvelope { credential: short(id), at: now.timestamp_millis() };
    let attachment = Some(Sheet::attachment(sheet.pdf));
    // To the user ID, and to no other address.
    holder::mail(inner, tx, (holder, &of), of.email()?, template, attachment, now).map(drop)
}

/// The key under a new PIN; that under the PUK stays.
fn put_pin(
    tx: &mut dyn Transaction,
    id: CredentialId,
    record: &CredentialRecord,
    lock: Stretched,
    secret: &Zeroizing<Vec<u8>>,
) -> Result<(), HolderError> {
    let mut wraps = load_wraps(tx, id, record.version)?;
    wraps.pin = lock.wrap(&record.place(id), secret)?;
    wraps.deposit = None;
    save_wraps(tx, id, record.version, &wraps);
    Ok(())
}

/// The trace of a PIN that is none of the last three. Takes long.
pub(crate) fn needs_unused(
    inner: &Inner,
    former: &FormerPins,
    new: &Pin,
) -> Result<[u8; 32], HolderError> {
    let under = (&*former.salt, former.cost, former.pepper);
    let trace = inner.trace(new.expose(), under)?;
    let same = |one: &minicbor::bytes::ByteArray<32>| bool::from(one.ct_eq(trace.as_slice()));
    if former.traces.iter().any(same) {
        return Err(CodeRefusal::NewPin(PinRefused::UsedBefore).into());
    }
    Ok(trace)
}

/// Adds a PIN to the last ones.
pub(crate) fn remember(former: &mut FormerPins, trace: [u8; 32]) {
    former.traces.push(trace.into());
    let over = former.traces.len().saturating_sub(REMEMBERED_PINS);
    former.traces.drain(..over);
}
