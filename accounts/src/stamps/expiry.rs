//! Booking the stamps that expired unused.
//!
//! A lot is unusable from the instant of its expiry, whether it has been booked or not; the
//! booking moves what is left into the book of expired stamps, so that a statement shows it.

use super::StampLedger;
use super::draft::{Detail, Draft};
use super::error::StampError;
use super::model::Act;
use super::records::EntryKind;
use super::tables::{EXPIRY, expiry_key, split_expiry_key};
use crate::StampAccountId;
use crate::encoding::damaged;
use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use std::ops::Bound;
use store::{Order, Transaction};

/// How many lots are booked at a time: they share a few syncs of the disk.
const PAGE: usize = 256;

impl StampLedger {
    /// Books what has expired at `now`, in all accounts, and gives the number of stamps. What
    /// watchers of accounts in memory see is brought up to `now` too.
    pub async fn post_expiries(&self, now: DateTime<Utc>) -> Result<u64, StampError> {
        let by = Act::new("service", "expired");
        let mut total: u64 = 0;
        loop {
            let due = self.due(now.timestamp_millis())?;
            let booked = due.iter().map(|(account, lot, end)| {
                let by_entry = by.clone();
                let (lot, end) = (*lot, *end);
                self.change(*account, &by, now, move |tx, draft| {
                    let rest = draft.lot(tx, lot)?.available;
                    if rest > 0 {
                        expire_rest(tx, draft, lot, &by_entry)?;
                    } else {
                        draft.settle_expiry(end, lot);
                    }
                    Ok(rest)
                })
            });
            for rest in join_all(booked).await {
                total = total.saturating_add(rest?);
            }
            if due.len() < PAGE {
                break;
            }
        }
        for cell in self.0.cache.all() {
            cell.tell(now.timestamp_millis());
        }
        Ok(total)
    }

    /// The first lots whose expiry has come and is not booked: account, lot, expiry.
    fn due(&self, now: i64) -> Result<Vec<(StampAccountId, u64, i64)>, StampError> {
        // The expiry instant is exclusive for use, so at `now` itself the lot is due.
        let end = expiry_key(now, StampAccountId::new(u64::MAX), u64::MAX);
        let to = Bound::Included(end.as_slice());
        let rows = self.0.store.scan(EXPIRY, Bound::Unbounded, to, Order::Ascending, PAGE)?;
        let mut due = Vec::with_capacity(rows.len());
        for (key, _) in rows {
            let (end, account, lot) =
                split_expiry_key(&key).ok_or_else(|| damaged(EXPIRY, &key, "a malformed key"))?;
            due.push((StampAccountId::new(account), lot, end));
        }
        Ok(due)
    }
}

/// Moves what a lot has left into the book of expired stamps.
pub(super) fn expire_rest(
    tx: &dyn Transaction,
    draft: &mut Draft,
    number: u64,
    by: &Act,
) -> Result<(), StampError> {
    let lot = draft.lot(tx, number)?;
    let (rest, end) = (lot.available, lot.expires_at);
    let detail = Detail { by: Some(by), ..Detail::default() };
    draft.post(EntryKind::Expire, number, rest, detail)?;
    if let Some(end) = end {
        draft.settle_expiry(end, number);
    }
    Ok(())
}
