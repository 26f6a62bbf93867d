//! What a right code brings up to date: all of it that is under an older version of the pepper, or
//! was stretched at an older cost. Only who types the code can do so, so it is done then.

use crate::holders::credential::{
    CredentialRecord, EmergencyRecord, FormerPins, emergency_record, load_wraps, save_wraps,
};
use crate::holders::keys::{Lock, Wrap, Wrapped};
use crate::holders::{CredentialId, HolderError, Inner};
use envelope::{EmergencyCode, Pin, Puk};
use store::Transaction;
use zeroize::Zeroizing;

/// What takes the place of what is outdated.
#[derive(Default)]
pub(crate) struct Renewed {
    pin: Option<Wrap>,
    puk: Option<Wrap>,
    former: Option<FormerPins>,
    emergency: Option<EmergencyRecord>,
}

type Kept = (CredentialRecord, Wrapped);

impl Renewed {
    /// After a right PIN: the wrap, and what tells this PIN from others. Those before it cannot be
    /// brought along, since nobody has them: they may come back after this.
    pub(super) fn by_pin(
        inner: &Inner,
        id: CredentialId,
        (record, wraps): &Kept,
        (pin, secret): (&Pin, &Zeroizing<Vec<u8>>),
    ) -> Result<Self, HolderError> {
        let mut renewed = Self::default();
        if inner.is_old(&wraps.pin) {
            let lock = inner.stretch_new(Lock::Pin, pin.expose())?;
            renewed.pin = Some(lock.wrap(&record.place(id), secret)?);
        }
        let (cost, pepper) = (inner.settings.argon2.numbers(), inner.pepper.current());
        if record.former.cost != cost || record.former.pepper != pepper {
            let mut salt = [0; 16];
            inner.draw(|random| random.fill_bytes(&mut salt));
            let trace = inner.trace(pin.expose(), (&salt, cost, pepper))?;
            let traces = vec![trace.into()];
            renewed.former = Some(FormerPins { salt: salt.into(), cost, pepper, traces });
        }
        Ok(renewed)
    }

    /// After a right PUK.
    pub(super) fn by_puk(
        inner: &Inner,
        id: CredentialId,
        (record, wraps): &Kept,
        (puk, secret): (&Puk, &Zeroizing<Vec<u8>>),
    ) -> Result<Self, HolderError> {
        if !inner.is_old(&wraps.puk) {
            return Ok(Self::default());
        }
        let lock = inner.stretch_new(Lock::Puk, puk.expose())?;
        Ok(Self { puk: Some(lock.wrap(&record.place(id), secret)?), ..Self::default() })
    }

    /// With a right emergency code as well.
    pub(super) fn and_emergency(
        self,
        inner: &Inner,
        record: &CredentialRecord,
        code: &EmergencyCode,
    ) -> Result<Self, HolderError> {
        let old = record.emergency.pepper != inner.pepper.current();
        let emergency = old.then(|| emergency_record(inner, code.expose())).transpose()?;
        Ok(Self { emergency, ..self })
    }

    /// Puts all of it in its place. The credential is as it was when the code was tried.
    pub(super) fn put(
        self,
        tx: &mut dyn Transaction,
        id: CredentialId,
        record: &mut CredentialRecord,
    ) -> Result<(), HolderError> {
        let Self { pin, puk, former, emergency } = self;
        record.former = former.unwrap_or_else(|| record.former.clone());
        record.emergency = emergency.unwrap_or(record.emergency);
        if pin.is_none() && puk.is_none() {
            return Ok(());
        }
        let mut wraps = load_wraps(tx, id, record.version)?;
        if let Some(pin) = pin {
            // The key itself, and no slot any more.
            (wraps.pin, wraps.deposit) = (pin, None);
        }
        wraps.puk = puk.unwrap_or(wraps.puk);
        save_wraps(tx, id, record.version, &wraps);
        Ok(())
    }
}
