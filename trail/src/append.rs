//! The one way into the trail: an event is added at the end of the chain.

use crate::Event;
use crate::record::{self, EventRecord, HeadRecord};
use crate::tables::{
    BY_CATEGORY, BY_HOUR, EVENT, HEAD, HEAD_KEY, category_key, event_key, hour_key,
};
use chrono::{DateTime, Utc};
use store::{StoreError, Transaction};

/// Adds `event` inside the caller's transaction, so that the event and the change it tells of are
/// durable together or not at all. Returns its sequence: dense, from 1.
///
/// # Errors
/// [`StoreError`] when the head of the trail cannot be read; then the whole transaction has to
/// fail: what cannot be recorded is not done.
pub fn append(
    tx: &mut dyn Transaction,
    event: &Event,
    now: DateTime<Utc>,
) -> Result<u64, StoreError> {
    let head = match tx.get(HEAD, HEAD_KEY)? {
        Some(bytes) => record::decode(HEAD, HEAD_KEY, &bytes)?,
        None => HeadRecord::default(),
    };
    let sequence = head.count + 1;
    let record = EventRecord::of(event, sequence, now);
    let row = record::row(&head.hash, &record);
    let head = HeadRecord { count: sequence, hash: openssl::sha::sha256(&row) };
    tx.put(EVENT, &event_key(sequence), &row);
    tx.put(HEAD, HEAD_KEY, &record::encode(&head));
    tx.put(BY_CATEGORY, &category_key(record.category, sequence), &[]);
    let hour = hour_key(record.at);
    if tx.get(BY_HOUR, &hour)?.is_none() {
        tx.put(BY_HOUR, &hour, &sequence.to_be_bytes());
    }
    Ok(sequence)
}
