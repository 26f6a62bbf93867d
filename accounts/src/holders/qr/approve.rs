//! The phone's side of a login by QR code: look, approve, deny; and "that was not me".

use super::record::{self, QrRecord};
use super::{QrEvent, QrStatus};
use crate::encoding::decode;
use crate::holders::devices::{self, DeviceRecord, is_signed};
use crate::holders::history::{self, HistoryEntry, HistoryKind};
use crate::holders::holder::{self, HolderStatus, notify};
use crate::holders::messages::Template;
use crate::holders::sessions::{self, Access};
use crate::holders::tables::{DEVICE, QR_LOGIN};
use crate::holders::{Actor, HolderError, Holders, Inner, QrLoginId, throttle};
use chrono::{DateTime, Utc};
use std::net::IpAddr;
use store::Transaction;

/// What a phone shows its holder before anything is approved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QrSeen {
    /// The browser's IP address.
    pub from: String,
    /// What the browser says that it is; may be empty.
    pub client: String,
    /// When the browser asked.
    pub asked_at: DateTime<Utc>,
    /// Whether phone and browser come from one network. A sign, and no proof either way; `None`
    /// where an address is that of a proxy on the same machine, which says nothing of who is
    /// behind it.
    pub same_network: Option<bool>,
    /// Three numbers of two digits; the browser shows one of them.
    pub choices: [String; 3],
    /// What goes into [`signed_bytes`].
    pub challenge: [u8; 32],
    /// When it will be too late.
    pub expires_at: DateTime<Utc>,
}

/// What a device signs to approve (ECDSA with SHA-256): `marca-qr-v1` and a zero octet, the 16
/// octets of the identifier, the 32 of the challenge, and the digits of the number.
#[must_use]
pub fn signed_bytes(id: QrLoginId, challenge: &[u8; 32], number: &str) -> Vec<u8> {
    [b"marca-qr-v1\0".as_slice(), id.as_bytes(), challenge, number.as_bytes()].concat()
}

impl Holders {
    /// Reads a code with a linked phone: what its holder has to know. The first phone is the only
    /// one; the same one may read it again.
    ///
    /// # Errors
    /// [`HolderError::QrInvalid`]; [`HolderError::Slowed`] for a phone that reads too many.
    pub async fn look_at_qr_login(
        &self,
        access: &Access,
        id: QrLoginId,
        from: IpAddr,
        now: DateTime<Utc>,
    ) -> Result<QrSeen, HolderError> {
        let access = access.clone();
        self.transact(move |inner, tx| {
            let device = phone(tx, &access)?;
            throttle::may_look_at_qr(inner, tx, &device.id, now)?;
            // What is refused from here on was a look, and counts as one.
            Ok(look(tx, &device, id, from, now))
        })
        .await?
    }

    /// Approves a login with the number that the browser shows, signed by the phone's key over
    /// [`signed_bytes`]. A wrong number or signature ends it.
    ///
    /// # Errors
    /// [`HolderError::QrMismatch`], [`HolderError::QrInvalid`].
    pub async fn approve_qr_login(
        &self,
        access: &Access,
        id: QrLoginId,
        number: &str,
        signature: &[u8],
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        let right = self.is_right(access, id, number, signature)?;
        let access = access.clone();
        self.transact(move |inner, tx| {
            let device = phone(tx, &access)?;
            let record = record::load(tx, id)?;
            if !record.is_of_device(&device) {
                return Err(HolderError::QrInvalid);
            }
            if right {
                return approve(inner, tx, id, record, &device, now).map(Ok);
            }
            // The login is dead in spite of the refusal.
            mismatch(tx, id, record, &device, now)?;
            Ok(Err(HolderError::QrMismatch))
        })
        .await?
    }

    /// Says no.
    pub async fn deny_qr_login(
        &self,
        access: &Access,
        id: QrLoginId,
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        let access = access.clone();
        self.transact(move |_, tx| {
            let device = phone(tx, &access)?;
            let mut record = record::load(tx, id)?;
            if !record.is_of_device(&device) {
                return Err(HolderError::QrInvalid);
            }
            record.turn(QrEvent::Deny, now)?;
            record::save(tx, id, &record);
            let entry = HistoryEntry::new(HistoryKind::QrLoginDenied, access.actor());
            tell_history(tx, &device, &record, entry, now)
        })
        .await
    }

    /// "That was not me": ends the session that came of a login, at once, and tells every address.
    /// Any session or device of the same holder may say so.
    ///
    /// # Errors
    /// [`HolderError::QrInvalid`] for a login of somebody else, too.
    pub async fn disown_qr_login(
        &self,
        access: &Access,
        id: QrLoginId,
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        let (holder, actor) = (access.holder, access.actor());
        self.transact(move |inner, tx| {
            let mut record = record::load(tx, id)?;
            if !record.is_of_holder(holder) {
                return Err(HolderError::QrInvalid);
            }
            record.turn(QrEvent::Disown, now)?;
            record::save(tx, id, &record);
            let ended = sessions::end_of_qr(tx, holder, id)?;
            let entry = HistoryEntry::failure(HistoryKind::QrLoginDisowned, actor);
            let entry = entry.with("from", &record.from).with("session-ended", ended);
            history::append(tx, holder, &entry, now)?;
            let template = Template::QrLoginDisowned { at: now.timestamp_millis() };
            let owner = holder::load(tx, holder)?;
            notify(inner, tx, holder, &owner, &template, now)
        })
        .await
    }

    /// Whether number and signature are right; computed outside of the transaction, since neither
    /// what is compared with nor the device's key ever changes.
    fn is_right(
        &self,
        access: &Access,
        id: QrLoginId,
        number: &str,
        signature: &[u8],
    ) -> Result<bool, HolderError> {
        access.device()?;
        let bytes = self.store().get(QR_LOGIN, id.as_bytes())?;
        let login = record::read(id, bytes.as_deref())?;
        let bytes = self.store().get(DEVICE, &access.reference)?;
        let bytes = bytes.ok_or(HolderError::NotLoggedIn)?;
        let device: DeviceRecord = decode(DEVICE, &access.reference, &bytes)?;
        if !login.is_of_device(&device) {
            return Err(HolderError::QrInvalid);
        }
        let message = signed_bytes(id, &login.challenge, number);
        let signed = is_signed(&device.public_key, &message, signature)?;
        Ok(signed && number == login.number.to_string())
    }
}

/// The linked phone of an access, of a holder who may log in.
fn phone(tx: &dyn Transaction, access: &Access) -> Result<DeviceRecord, HolderError> {
    let device = devices::of_access(tx, access)?;
    match holder::load(tx, device.holder())?.status {
        HolderStatus::Active => Ok(device),
        _ => Err(HolderError::NotLoggedIn),
    }
}

fn look(
    tx: &mut dyn Transaction,
    device: &DeviceRecord,
    id: QrLoginId,
    from: IpAddr,
    now: DateTime<Utc>,
) -> Result<QrSeen, HolderError> {
    let mut record = record::load(tx, id)?;
    if !(record.at(now) == QrStatus::Seen && record.is_of_device(device)) {
        record.turn(QrEvent::Look, now)?;
        record.holder = Some(device.holder);
        record.device = Some(device.id);
        record::save(tx, id, &record);
    }
    let known = |address: &IpAddr| {
        let address = address.to_canonical();
        !address.is_loopback() && !address.is_unspecified()
    };
    let browser: Option<IpAddr> = record.from.parse().ok().filter(known);
    let pair = browser.zip(Some(from).filter(known));
    Ok(QrSeen {
        same_network: pair.map(|(browser, phone)| throttle::is_same_caller(browser, phone)),
        asked_at: crate::stamps::instant(record.begun_at),
        choices: record.choices.map(|number| number.to_string()),
        challenge: record.challenge,
        expires_at: crate::stamps::instant(record.ends_at),
        from: record.from,
        client: record.client,
    })
}

fn approve(
    inner: &Inner,
    tx: &mut dyn Transaction,
    id: QrLoginId,
    mut record: QrRecord,
    device: &DeviceRecord,
    now: DateTime<Utc>,
) -> Result<(), HolderError> {
    record.turn(QrEvent::Approve, now)?;
    let holder = device.holder();
    let owner = holder::load(tx, holder)?;
    record.generation = owner.password.as_ref().map(|password| password.generation);
    // The browser asks each second or two; so it has time enough whenever it was approved.
    record.ends_at = (now + inner.settings.qr_lifetime).timestamp_millis();
    record::save(tx, id, &record);
    let entry = HistoryEntry::new(HistoryKind::QrLoginApproved, Actor::Holder(holder));
    tell_history(tx, device, &record, entry, now)?;
    let template = Template::QrLoginApproved {
        device: device.name.clone(),
        from: record.from,
        client: record.client,
        at: now.timestamp_millis(),
    };
    notify(inner, tx, holder, &owner, &template, now)
}

fn mismatch(
    tx: &mut dyn Transaction,
    id: QrLoginId,
    mut record: QrRecord,
    device: &DeviceRecord,
    now: DateTime<Utc>,
) -> Result<(), HolderError> {
    record.turn(QrEvent::Mismatch, now)?;
    record::save(tx, id, &record);
    let actor = Actor::Holder(device.holder());
    let entry = HistoryEntry::failure(HistoryKind::QrLoginFailed, actor);
    tell_history(tx, device, &record, entry, now)
}

fn tell_history(
    tx: &mut dyn Transaction,
    device: &DeviceRecord,
    record: &QrRecord,
    entry: HistoryEntry,
    now: DateTime<Utc>,
) -> Result<(), HolderError> {
    let entry = entry.with("device", &device.name).with("from", &record.from);
    history::append(tx, device.holder(), &entry, now).map(drop)
}
