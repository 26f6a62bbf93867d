//! A new credential: the codes of its envelope, kept so that only who has them gets on.

use super::record::{EmergencyRecord, FormerPins};
use super::{CredentialKind, CredentialRecord, Life, save, save_wraps};
use crate::holders::history::{HistoryEntry, HistoryKind, append};
use crate::holders::keys::{Lock, Place, Wrapped};
use crate::holders::{
    Actor, CredentialId, HolderError, HolderId, Holders, Inner, SigningKeyKind, holder,
};
use chrono::{DateTime, Utc};
use envelope::Codes;
use store::Transaction;
use zeroize::Zeroizing;

/// What the emergency codes are hashed for.
pub(super) const EMERGENCY: &str = "emergency code";

/// What kind of credential is made, and for whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewCredential {
    /// For whom.
    pub holder: HolderId,
    /// How it will sign.
    pub kind: CredentialKind,
    /// The kind of key that it gets when it is activated.
    pub key_kind: SigningKeyKind,
}

/// The codes of an envelope, ready to be kept. Made before the transaction: it takes long.
pub(crate) struct Prepared {
    pub(crate) id: CredentialId,
    wrapped: Wrapped,
    emergency: EmergencyRecord,
    envelope: String,
    former: FormerPins,
}

impl Holders {
    /// Makes a credential that waits for its activation with these codes. They are to be printed
    /// into the envelope, and forgotten.
    ///
    /// # Errors
    /// [`HolderError::UnknownHolder`], [`HolderError::Busy`], and the store's.
    pub async fn create_credential(
        &self,
        new: NewCredential,
        codes: &Codes,
        by: Actor,
        now: DateTime<Utc>,
    ) -> Result<CredentialId, HolderError> {
        let prepared = self.prepare_credential(codes).await?;
        self.transact(move |_, tx| insert(tx, new, &prepared, by, now)).await
    }

    /// The computation before [`insert`].
    pub(crate) async fn prepare_credential(&self, codes: &Codes) -> Result<Prepared, HolderError> {
        let room = self.room()?;
        let envelope = codes.number.as_str().to_owned();
        let owned = |text: &str| Zeroizing::new(text.to_owned());
        // Without a PIN in the envelope there is no code that opens this wrap.
        let pin = match &codes.pin {
            Some(pin) => owned(pin.expose()),
            None => self.inner().draw(|random| {
                let mut nobody = Zeroizing::new([0_u8; 32]);
                random.fill_bytes(&mut *nobody);
                Zeroizing::new(hex::encode(*nobody))
            }),
        };
        let (puk, emergency) = (owned(codes.puk.expose()), owned(codes.emergency_code.expose()));
        self.compute(&room, move |inner| prepare(inner, (&pin, &puk, &emergency), envelope)).await
    }
}

fn prepare(
    inner: &Inner,
    (pin, puk, emergency): (&str, &str, &str),
    envelope: String,
) -> Result<Prepared, HolderError> {
    let (mut salt, mut nothing) = ([0; 16], Zeroizing::new([0; 32]));
    let id = inner.draw(|random| {
        random.fill_bytes(&mut salt);
        random.fill_bytes(&mut *nothing);
        CredentialId::generate(random)
    });
    let place = Place { credential: id, version: 0, certificate: [0; 32] };
    let (cost, pepper) = (inner.settings.argon2.numbers(), inner.pepper.current());
    let trace = inner.trace(pin, (&salt, cost, pepper))?;
    Ok(Prepared {
        id,
        wrapped: Wrapped {
            pin: inner.stretch_new(Lock::Pin, pin)?.wrap(&place, &*nothing)?,
            puk: inner.stretch_new(Lock::Puk, puk)?.wrap(&place, &*nothing)?,
            deposit: None,
        },
        emergency: emergency_record(inner, emergency)?,
        envelope,
        former: FormerPins { salt: salt.into(), cost, pepper, traces: vec![trace.into()] },
    })
}

/// An emergency code, to be kept. 45 random bits need no slow hash while the pepper is secret.
pub(crate) fn emergency_record(inner: &Inner, code: &str) -> Result<EmergencyRecord, HolderError> {
    let mac = inner.pepper.mac(EMERGENCY, &[code.as_bytes()])?;
    Ok(EmergencyRecord { mac: mac.into(), pepper: inner.pepper.current() })
}

/// Keeps a new credential, in the transaction of whatever it belongs to.
pub(crate) fn insert(
    tx: &mut dyn Transaction,
    new: NewCredential,
    prepared: &Prepared,
    by: Actor,
    now: DateTime<Utc>,
) -> Result<CredentialId, HolderError> {
    holder::load(tx, new.holder)?.needs_open(new.holder)?;
    let id = prepared.id;
    let record = CredentialRecord {
        holder: new.holder.number(),
        kind: new.kind,
        key_kind: new.key_kind,
        life: Life::new(),
        created_at: now.timestamp_millis(),
        activated_at: None,
        version: 0,
        certificate: None,
        serial: None,
        envelope: prepared.envelope.clone(),
        emergency: prepared.emergency,
        pin_tries: 0,
        puk_tries: 0,
        former: prepared.former.clone(),
        unpublished: false,
        renewal_told: None,
        former_codes: None,
        former_certificates: None,
    };
    save(tx, id, &record)?;
    save_wraps(tx, id, 0, &prepared.wrapped);
    let entry = HistoryEntry::new(HistoryKind::CredentialCreated, by)
        .with("credential", id)
        .with("kind", new.kind.word());
    append(tx, new.holder, &entry, now)?;
    Ok(id)
}
