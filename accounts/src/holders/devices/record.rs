//! The stored form of a device.

use super::DeviceKind;
use crate::encoding::{decode, encode};
use crate::holders::bearer::{self, Owner, TokenDigest};
use crate::holders::tables::DEVICE;
use crate::holders::{CredentialId, DeviceId, HolderError, HolderId, HolderSettings};
use chrono::{DateTime, Utc};
use minicbor::bytes::ByteArray;
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
    /// SHA-256 of the client certificate that a system comes in with, in the place of a token.
    #[n(8)]
    pub(crate) certificate: Option<ByteArray<32>>,
    /// The automatic credentials that a system may use; none stands for all.
    #[n(9)]
    pub(crate) credentials: Option<Vec<ByteArray<16>>>,
}

impl DeviceRecord {
    pub(crate) fn id(&self) -> DeviceId {
        DeviceId::new(self.id)
    }

    pub(crate) fn holder(&self) -> HolderId {
        HolderId::new(self.holder)
    }

    pub(crate) fn credentials(&self) -> Option<Vec<CredentialId>> {
        let credentials = self.credentials.as_ref()?;
        Some(credentials.iter().map(|id| CredentialId::new(**id)).collect())
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

/// Writes a device under its token, or what stands for it.
pub(crate) fn save(tx: &mut dyn Transaction, digest: &TokenDigest, record: &DeviceRecord) {
    bearer::put(tx, DEVICE, record.owner(), digest, &encode(record, 256));
}
