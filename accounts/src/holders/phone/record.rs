//! The stored form of a change of the phone number.

use super::state::{PhoneEvent, PhoneState};
use crate::encoding::{decode, encode};
use crate::holders::tables::PHONE_CHANGE;
use crate::holders::{HolderError, HolderId, PhoneNumber};
use chrono::{DateTime, Utc};
use minicbor::{Decode, Encode};
use store::Transaction;

/// A change of the phone number that is under way. Used in stored state: fields are numbered,
/// numbers are never reused, and a new field is optional. Instants are milliseconds since the
/// Unix epoch.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct PhoneChangeRecord {
    #[n(0)]
    pub(crate) state: PhoneState,
    /// The new number.
    #[n(1)]
    pub(crate) number: String,
    #[n(2)]
    pub(crate) begun_at: i64,
    /// Of the time to prove it; once it is proved, of the while.
    #[n(3)]
    pub(crate) ends_at: i64,
}

impl PhoneChangeRecord {
    pub(crate) fn number(&self) -> Result<PhoneNumber, HolderError> {
        PhoneNumber::parse("number", &self.number)
    }

    /// Where it is at an instant; the end of the time to prove it is exclusive. That a while is
    /// over counts when the timer finds it.
    pub(crate) fn at(&self, now: DateTime<Utc>) -> PhoneState {
        let over = now.timestamp_millis() >= self.ends_at;
        let ended = self.state.apply(PhoneEvent::End).ok().filter(|_| over);
        ended.unwrap_or(self.state)
    }

    /// Turns it by an event at an instant.
    pub(crate) fn turn(
        &mut self,
        event: PhoneEvent,
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        self.state = self.at(now).apply(event)?;
        Ok(())
    }

    /// Whether it is a change still: one whose time to prove it is over is none.
    pub(crate) fn is_live(&self, now: DateTime<Utc>) -> bool {
        self.at(now) != PhoneState::Ended
    }
}

/// The change of a holder that is under way.
pub(crate) fn load(
    tx: &dyn Transaction,
    holder: HolderId,
    now: DateTime<Utc>,
) -> Result<Option<PhoneChangeRecord>, HolderError> {
    read(holder, tx.get(PHONE_CHANGE, &holder.key())?.as_deref(), now)
}

/// The same out of the bytes of its row.
pub(crate) fn read(
    holder: HolderId,
    bytes: Option<&[u8]>,
    now: DateTime<Utc>,
) -> Result<Option<PhoneChangeRecord>, HolderError> {
    let record = bytes.map(|bytes| decode(PHONE_CHANGE, &holder.key(), bytes)).transpose()?;
    Ok(record.filter(|record: &PhoneChangeRecord| record.is_live(now)))
}

pub(crate) fn save(tx: &mut dyn Transaction, holder: HolderId, record: &PhoneChangeRecord) {
    tx.put(PHONE_CHANGE, &holder.key(), &encode(record, 64));
}

pub(crate) fn delete(tx: &mut dyn Transaction, holder: HolderId) {
    tx.delete(PHONE_CHANGE, &holder.key());
}
