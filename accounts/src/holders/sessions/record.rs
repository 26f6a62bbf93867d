//! The stored form of a session, and whether it lives.

use super::OpenedBy;
use crate::encoding::{decode, encode};
use crate::holders::bearer::{self, Owner, TokenDigest};
use crate::holders::holder::HolderRecord;
use crate::holders::login::may_log_in;
use crate::holders::tables::SESSION;
use crate::holders::{HolderError, HolderId, HolderSettings, SessionId};
use chrono::{DateTime, Utc};
use minicbor::{Decode, Encode};
use store::Transaction;

/// A session. Used in stored state: fields are numbered, numbers are never reused, and a new
/// field is optional. Instants are milliseconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct SessionRecord {
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub(crate) id: [u8; 16],
    #[n(1)]
    pub(crate) holder: u64,
    /// Of the password when it began; a newer one ends it.
    #[n(2)]
    pub(crate) generation: u64,
    #[n(3)]
    pub(crate) by: OpenedBy,
    #[n(4)]
    pub(crate) opened_at: i64,
    #[n(5)]
    pub(crate) last_used_at: i64,
    /// An IP address.
    #[n(6)]
    pub(crate) from: String,
    #[n(7)]
    pub(crate) client: String,
    #[n(8)]
    pub(crate) stepped_up_until: Option<i64>,
    /// The login by QR code that it came of.
    #[n(9)]
    #[cbor(with = "minicbor::bytes")]
    pub(crate) qr: Option<[u8; 16]>,
}

impl SessionRecord {
    pub(crate) fn id(&self) -> SessionId {
        SessionId::new(self.id)
    }

    pub(crate) fn holder(&self) -> HolderId {
        HolderId::new(self.holder)
    }

    pub(crate) fn owner(&self) -> Owner {
        Owner { holder: self.holder(), id: self.id }
    }

    /// Whether it opens anything. Ends are exclusive: at that instant it is over.
    pub(crate) fn lives(
        &self,
        settings: &HolderSettings,
        holder: &HolderRecord,
        now: DateTime<Utc>,
    ) -> bool {
        let at = now.timestamp_millis();
        let Some(password) = &holder.password else { return false };
        at - self.last_used_at < settings.session_idle.num_milliseconds()
            && at - self.opened_at < settings.session_life.num_milliseconds()
            && password.generation == self.generation
            && may_log_in(holder, password, now)
    }

    pub(crate) fn stepped_up(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.stepped_up_until.map(crate::stamps::instant).filter(|until| now < *until)
    }
}

/// The session of a token.
pub(crate) fn load(
    tx: &dyn Transaction,
    digest: &TokenDigest,
) -> Result<Option<SessionRecord>, HolderError> {
    let bytes = tx.get(SESSION, digest)?;
    Ok(bytes.map(|bytes| decode(SESSION, digest, &bytes)).transpose()?)
}

/// Writes a session under its token.
pub(crate) fn save(tx: &mut dyn Transaction, digest: &TokenDigest, record: &SessionRecord) {
    bearer::put(tx, SESSION, record.owner(), digest, &encode(record, 160));
}
