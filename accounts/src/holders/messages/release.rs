//! What a process that is gone had claimed.

use super::record::{self, MessageRecord, due_key};
use super::{Delivery, LEASE};
use crate::holders::tables::MESSAGE;
use crate::holders::{HolderError, Holders, MessageId};
use chrono::{DateTime, Utc};
use std::ops::Bound;
use store::{Order, Transaction};

/// Messages that are looked at in one transaction.
const BATCH: usize = 100;

impl Holders {
    /// Makes every claimed message due again, and tells how many those were. For the start of the
    /// service: one process has the store, so whoever claimed a message before is gone, and a
    /// one-time code must not wait for the end of its lease.
    ///
    /// # Errors
    /// The store's.
    pub async fn release_messages(&self, now: DateTime<Utc>) -> Result<usize, HolderError> {
        let mut released = 0;
        for delivery in [Delivery::Mail, Delivery::Sms] {
            let mut from = Some(due_key(delivery, 0, MessageId::new(0)));
            while let Some(key) = from {
                let batch = move |tx: &mut dyn Transaction| release(tx, delivery, key, now);
                let (count, next) = self.transact(move |_, tx| batch(tx)).await?;
                (released, from) = (released + count, next);
            }
        }
        Ok(released)
    }
}

/// One batch: how many were claimed, and where the next one begins.
fn release(
    tx: &mut dyn Transaction,
    delivery: Delivery,
    from: [u8; 17],
    now: DateTime<Utc>,
) -> Result<(usize, Option<[u8; 17]>), HolderError> {
    let at = now.timestamp_millis();
    // No lease ends later, unless the clock was set back; those that do run out by themselves.
    let last = (now + LEASE).timestamp_millis().saturating_add(1);
    let to = due_key(delivery, last, MessageId::new(0));
    let range = (Bound::Included(&from[..]), Bound::Excluded(&to[..]));
    let rows = tx.scan(MESSAGE, range.0, range.1, Order::Ascending, BATCH)?;
    let mut released = 0;
    for (row, _) in &rows {
        let id = super::read_id(row)?;
        let Some(before) = record::load(tx, id)? else { continue };
        if before.lease.is_some() {
            let record = MessageRecord { lease: None, next_try_at: at, ..before.clone() };
            record::save(tx, id, Some(&before), &record);
            released += 1;
        }
    }
    let next = rows.last().filter(|_| rows.len() == BATCH).map(|(row, _)| after(row));
    Ok((released, next))
}

/// The first key behind a row's: a number ends it, and the next one is one higher.
fn after(row: &[u8]) -> [u8; 17] {
    let mut key = [u8::MAX; 17];
    if let Some((head, number)) = row.split_last_chunk::<8>()
        && head.len() == 9
    {
        let number = u64::from_be_bytes(*number).saturating_add(1);
        key[..9].copy_from_slice(head);
        key[9..].copy_from_slice(&number.to_be_bytes());
    }
    key
}
