//! The stored form of a device.

use super::DeviceKind;
use crate::encoding::{decode, encode};
use crate::holders::bearer::{self, Owner, TokenDigest};
use crate::holders::tables::DEVICE;
use crate::holders::{DeviceId, HolderError, HolderId, HolderSettings};
use chrono::{DateTime, Utc};
use minicbor::{Decode, Encode};
use store::Transaction;

/// A linked device. Used in stored state: fields are numbered, numbers are never reused, and a new
/// field is optional. Instants are milliseconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct DeviceRecord {
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub(crate) id: [u8; 16],
    #[n(1)]
    pub(crate) holder: u64,
    #[n(2)]
    pub(crate) name: String,
    #[n(3)]
    pub(crate) kind: DeviceKind,
    /// DER of SubjectPublicKeyInfo.
    #[n(4)]
    #[cbor(with = "minicbor::bytes")]
    pub(crate) public_key: Vec<u8>,
    #[n(5)]
    pub(crate) linked_at: i64,
    #[n(6)]
    pub(crate) last_used_at: i64,
    /// The IP address that it was linked from.
    #[n(7)]
    pub(crate) from: String,
}

impl DeviceRecord {
    pub(crate) fn id(&self) -> DeviceId {
        DeviceId::new(self.id)
    }

    pub(crate) fn holder(&self) -> HolderId {
        HolderId::new(self.holder)
    }

    /// Whether it was not used for so long that it is unlinked.
    pub(crate) fn is_unused(&self, settings: &HolderSettings, now: DateTime<Utc>) -> bool {
        let idle = now.timestamp_millis() - self.last_used_at;
        idle >= settings.device_idle.num_milliseconds()
    }

    pub(crate) fn owner(&self) -> Owner {
        Owner { holder: self.holder(), id: self.id }
    }
}

/// The device of a token.
pub(crate) fn load(
    tx: &dyn Transaction,
    digest: &TokenDigest,
) -> Result<Option<DeviceRecord>, HolderError> {
    let bytes = tx.get(DEVICE, digest)?;
    Ok(bytes.map(|bytes| decode(DEVICE, digest, &bytes)).transpose()?)
}

/// Writes a device under its token.
pub(crate) fn save(tx: &mut dyn Transaction, digest: &TokenDigest, record: &DeviceRecord) {
    bearer::put(tx, DEVICE, record.owner(), digest, &encode(record, 256));
}
