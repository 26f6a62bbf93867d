//! Events and the head of their chain as they are stored, and as a reader gets them.
//!
//! The records here are **used in stored state**: fields are numbered, numbers are never reused,
//! and a new field is optional. `tests/golden.rs` holds the bytes of each.

use crate::event::{self, Category, Event, Outcome};
use chrono::{DateTime, TimeZone, Utc};
use minicbor::decode::Decode as DecodeRecord;
use minicbor::{Decode, Encode};
use store::{StoreError, Table};

/// The length of a hash, and of what stands before each record.
pub(crate) const HASH: usize = 32;

/// An event. Used in stored state.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct EventRecord {
    /// The same as in its key: a record cannot stand in another one's place.
    #[n(0)]
    pub(crate) sequence: u64,
    /// Milliseconds since the Unix epoch.
    #[n(1)]
    pub(crate) at: i64,
    #[n(2)]
    pub(crate) category: Category,
    #[n(3)]
    pub(crate) action: String,
    #[n(4)]
    pub(crate) actor: String,
    #[n(5)]
    pub(crate) subject: String,
    #[n(6)]
    pub(crate) outcome: Outcome,
    #[n(7)]
    pub(crate) details: Vec<DetailRecord>,
}

/// A named fact of an event. Used in stored state.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct DetailRecord {
    #[n(0)]
    pub(crate) name: String,
    #[n(1)]
    pub(crate) value: String,
}

/// The end of the chain. Used in stored state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(crate) struct HeadRecord {
    #[n(0)]
    pub(crate) count: u64,
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub(crate) hash: [u8; HASH],
}

/// The end of the chain: keep it elsewhere, and nobody can rewrite what is before it unseen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// How many events there are; also the sequence of the last one.
    pub count: u64,
    /// The hash of the last one; zeros when there is none.
    pub hash: [u8; 32],
}

/// An event that is in the trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Its place: 1 is the first.
    pub sequence: u64,
    /// When it was recorded, by the service's clock, in whole milliseconds.
    pub at: DateTime<Utc>,
    /// What it is about.
    pub category: Category,
    /// What was done.
    pub action: String,
    /// Who did it.
    pub actor: String,
    /// What it was done to.
    pub subject: String,
    /// Whether it was done.
    pub outcome: Outcome,
    /// Named facts.
    pub details: Vec<(String, String)>,
    /// The hash of the event before; zeros in the first.
    pub previous_hash: [u8; 32],
    /// SHA-256 over `previous_hash` and this event's record.
    pub hash: [u8; 32],
}

impl EventRecord {
    pub(crate) fn of(event: &Event, sequence: u64, now: DateTime<Utc>) -> Self {
        let detail = |(name, value)| DetailRecord { name, value };
        Self {
            sequence,
            at: now.timestamp_millis(),
            category: event.category,
            action: event::bounded_action(event.action),
            actor: event::bounded_actor(&event.actor),
            subject: event::bounded_subject(&event.subject),
            outcome: event.outcome,
            details: event::bounded_details(&event.details).map(detail).collect(),
        }
    }
}

impl Recorded {
    /// The hash of this event, computed again from what is in it: equal to [`Self::hash`] unless
    /// the event was changed on its way, for instance in an export.
    #[must_use]
    pub fn computed_hash(&self) -> [u8; 32] {
        let detail = |(name, value): &(String, String)| DetailRecord {
            name: name.clone(),
            value: value.clone(),
        };
        let record = EventRecord {
            sequence: self.sequence,
            at: self.at.timestamp_millis(),
            category: self.category,
            action: self.action.clone(),
            actor: self.actor.clone(),
            subject: self.subject.clone(),
            outcome: self.outcome,
            details: self.details.iter().map(detail).collect(),
        };
        openssl::sha::sha256(&row(&self.previous_hash, &record))
    }

    /// Reads the row of an event.
    pub(crate) fn read(key: &[u8], row: &[u8]) -> Result<Self, StoreError> {
        let (previous_hash, record) = split_row(key, row)?;
        let at = Utc.timestamp_millis_opt(record.at).single();
        let details = record.details.into_iter().map(|detail| (detail.name, detail.value));
        Ok(Self {
            sequence: record.sequence,
            at: at.ok_or_else(|| damaged(crate::tables::EVENT, key, "an impossible time"))?,
            category: record.category,
            action: record.action,
            actor: record.actor,
            subject: record.subject,
            outcome: record.outcome,
            details: details.collect(),
            previous_hash,
            hash: openssl::sha::sha256(row),
        })
    }
}

/// The value of an event's row: the hash of the one before it, then its record. Its SHA-256 is the
/// event's own hash.
pub(crate) fn row(previous: &[u8; HASH], record: &EventRecord) -> Vec<u8> {
    let mut bytes = previous.to_vec();
    encode_to(record, &mut bytes);
    bytes
}

/// The parts of an event's row.
pub(crate) fn split_row(key: &[u8], row: &[u8]) -> Result<([u8; HASH], EventRecord), StoreError> {
    let table = crate::tables::EVENT;
    let (previous, record) =
        row.split_first_chunk::<HASH>().ok_or_else(|| damaged(table, key, "a row cut short"))?;
    Ok((*previous, decode(table, key, record)?))
}

/// The bytes of a record.
pub(crate) fn encode<T: Encode<()>>(record: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_to(record, &mut bytes);
    bytes
}

fn encode_to<T: Encode<()>>(record: &T, bytes: &mut Vec<u8>) {
    // Writing to memory has no error, and no record here has a codec that refuses a value.
    minicbor::encode(record, bytes).expect("a record is always encodable");
}

/// Reads a record; what cannot be read is damage, named by its table and key.
pub(crate) fn decode<'b, T: DecodeRecord<'b, ()>>(
    table: Table,
    key: &[u8],
    bytes: &'b [u8],
) -> Result<T, StoreError> {
    minicbor::decode(bytes).map_err(|error| damaged(table, key, &error.to_string()))
}

/// The store's word for a record that should not be as it is.
pub(crate) fn damaged(table: Table, key: &[u8], what: &str) -> StoreError {
    StoreError::Damaged {
        place: format!("table {}, key {}", table.name(), hex::encode(key)),
        what: what.to_owned(),
    }
}

impl From<HeadRecord> for Head {
    fn from(record: HeadRecord) -> Self {
        Self { count: record.count, hash: record.hash }
    }
}
