//! The stored form of a login by QR code.

use super::state::{QrEvent, QrStatus};
use crate::encoding::{decode, encode};
use crate::holders::devices::DeviceRecord;
use crate::holders::tables::QR_LOGIN;
use crate::holders::{HolderError, HolderId, HolderSettings, QrLoginId};
use chrono::{DateTime, TimeDelta, Utc};
use minicbor::{Decode, Encode};
use store::Transaction;

/// For so long a browser is told what became of its code.
const TOLD_FOR: TimeDelta = TimeDelta::minutes(10);

/// A login by QR code. Used in stored state: fields are numbered, numbers are never reused, and a
/// new field is optional. Instants are milliseconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct QrRecord {
    #[n(0)]
    pub(crate) status: QrStatus,
    /// SHA-256 of what only the browser has.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub(crate) secret: [u8; 32],
    /// What the browser shows: 10 to 99.
    #[n(2)]
    pub(crate) number: u8,
    /// What the phone is offered: that number, and two others.
    #[n(3)]
    #[cbor(with = "minicbor::bytes")]
    pub(crate) choices: [u8; 3],
    /// What the device signs.
    #[n(4)]
    #[cbor(with = "minicbor::bytes")]
    pub(crate) challenge: [u8; 32],
    #[n(5)]
    pub(crate) begun_at: i64,
    /// Of the code; once it is approved, of the time to fetch the session.
    #[n(6)]
    pub(crate) ends_at: i64,
    /// The browser's IP address.
    #[n(7)]
    pub(crate) from: String,
    /// What the browser says that it is.
    #[n(8)]
    pub(crate) client: String,
    /// Whose device looked.
    #[n(9)]
    pub(crate) holder: Option<u64>,
    #[n(10)]
    #[cbor(with = "minicbor::bytes")]
    pub(crate) device: Option<[u8; 16]>,
    /// Of the holder's password when it was approved.
    #[n(11)]
    pub(crate) generation: Option<u64>,
}

impl QrRecord {
    /// Where it is at an instant. The end is exclusive.
    pub(crate) fn at(&self, now: DateTime<Utc>) -> QrStatus {
        let over = now.timestamp_millis() >= self.ends_at;
        let expired = self.status.apply(QrEvent::Expire).ok().filter(|_| over);
        expired.unwrap_or(self.status)
    }

    /// Turns it by an event at an instant.
    pub(crate) fn turn(&mut self, event: QrEvent, now: DateTime<Utc>) -> Result<(), HolderError> {
        self.status = self.at(now).apply(event)?;
        Ok(())
    }

    pub(crate) fn is_of_device(&self, device: &DeviceRecord) -> bool {
        self.is_of_holder(device.holder()) && self.device == Some(device.id)
    }

    pub(crate) fn is_of_holder(&self, holder: HolderId) -> bool {
        self.holder == Some(holder.number())
    }

    /// From when on nobody asks for it any more: a session that came of it may be disowned while
    /// it can live.
    pub(crate) fn is_done(&self, settings: &HolderSettings, now: DateTime<Utc>) -> bool {
        let kept = match self.status {
            QrStatus::Collected => settings.session_life,
            _ => TOLD_FOR,
        };
        now.timestamp_millis() - self.ends_at >= kept.num_milliseconds()
    }
}

/// A login by QR code, in a transaction.
pub(crate) fn load(tx: &dyn Transaction, id: QrLoginId) -> Result<QrRecord, HolderError> {
    let bytes = tx.get(QR_LOGIN, id.as_bytes())?;
    read(id, bytes.as_deref())
}

/// The same out of the bytes of its row.
pub(crate) fn read(id: QrLoginId, bytes: Option<&[u8]>) -> Result<QrRecord, HolderError> {
    Ok(decode(QR_LOGIN, id.as_bytes(), bytes.ok_or(HolderError::QrInvalid)?)?)
}

pub(crate) fn save(tx: &mut dyn Transaction, id: QrLoginId, record: &QrRecord) {
    tx.put(QR_LOGIN, id.as_bytes(), &encode(record, 256));
}
