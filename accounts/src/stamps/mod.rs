//! Stamps: lots, entries and balances. The only code in the service that changes a balance.
//!
//! The story of one stamp:
//!
//! 1. [`StampLedger::grant`] brings a lot into being: an entry from the world to the lot.
//! 2. [`StampLedger::reserve`] picks a lot in draw order and holds one stamp, in memory only.
//! 3. The token is signed elsewhere.
//! 4. [`StampLedger::commit`] debits the lot and keeps the token (or both of a pair), in one
//!    durable transaction.
//!    Dropping the [`Reservation`] instead gives the stamp back.
//! 5. [`StampLedger::refund`], [`StampLedger::void`], [`StampLedger::post_expiries`] and
//!    [`StampLedger::close`] move stamps by new entries; no entry is ever changed.
//!
//! The model, the invariants and where each is checked: docs/STAMPS.md.

mod admin;
mod cache;
mod cell;
pub(crate) mod draft;
mod draw;
mod error;
mod expiry;
mod issue;
mod model;
mod read;
pub(crate) mod records;
pub(crate) mod retry;
pub mod tables;
#[cfg(test)]
mod tests;

pub use cell::Reservation;
pub use error::{Refused, StampError};
pub use issue::Reserved;
pub use model::{
    AccountView, Act, Balance, Book, Committed, CompanionToken, Entry, Expiring, LARGEST_LOT,
    LotId, LotView, NewLot, NewToken, Period, Statement, StoredToken,
};
pub use records::{Category, EntryKind, Status};

pub(crate) use model::instant;

use crate::StampAccountId;
use crate::encoding::decode;
use cache::Cache;
use cell::{Cell, Loaded};
use chrono::TimeDelta;
use parking_lot::Mutex;
use records::{GlobalRecord, SerialRecord};
use retry::RetryMemory;
use std::ops::Bound;
use std::sync::Arc;
use store::{Order, Store, StoreError};

/// How many serial numbers are read at a time when the ledger opens.
const PAGE: usize = 8_192;

/// What can be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LedgerSettings {
    /// How long a repeated request gets the same token.
    pub retry_window: TimeDelta,
    /// About how many accounts are kept in memory.
    pub cached_accounts: usize,
}

impl Default for LedgerSettings {
    fn default() -> Self {
        Self { retry_window: TimeDelta::minutes(10), cached_accounts: 10_000 }
    }
}

/// The stamp accounts of a service. Cloning it gives another handle to the same ledger.
///
/// Reads and the bookkeeping of holds are short and synchronous; only waiting for durability,
/// and for the same request that is under way, suspends the caller.
#[derive(Clone)]
pub struct StampLedger(Arc<Inner>);

pub(crate) struct Inner {
    store: Arc<dyn Store>,
    cache: Cache,
    retries: RetryMemory,
    last_gen_time: Mutex<Option<i64>>,
}

impl StampLedger {
    /// Opens the ledger in `store`. Reads the counters and the serial numbers of the retry window
    /// that ends with the newest token, and nothing per account.
    // The end is the newest token and not the clock: one that is wrong at this moment must not
    // decide for the whole life of the process which requests are repetitions.
    pub fn open(store: Arc<dyn Store>, settings: LedgerSettings) -> Result<Self, StampError> {
        let last_gen_time = read_global(&*store)?.last_gen_time;
        let retries = RetryMemory::new(settings.retry_window);
        if let Some(newest) = last_gen_time {
            remember_recent(&*store, &retries, newest)?;
        }
        let cache = Cache::new(settings.cached_accounts);
        let last_gen_time = Mutex::new(last_gen_time);
        Ok(Self(Arc::new(Inner { store, cache, retries, last_gen_time })))
    }

    /// The newest genTime of any token, milliseconds since the Unix epoch; across restarts too.
    #[must_use]
    pub fn last_gen_time_ms(&self) -> Option<i64> {
        *self.0.last_gen_time.lock()
    }

    /// An upper estimate of the bytes that recent requests take in memory.
    #[must_use]
    pub fn retry_memory_bytes(&self) -> usize {
        self.0.retries.bytes()
    }
}

impl std::fmt::Debug for StampLedger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StampLedger").finish_non_exhaustive()
    }
}

impl Inner {
    /// The cell of an account, with the account in it. `None`: there is no such account.
    fn loaded(&self, id: StampAccountId) -> Result<Option<Arc<Cell>>, StoreError> {
        let cell = self.cache.cell(id);
        if cell.is_loaded() || cell.load(|| self.read(id))? {
            return Ok(Some(cell));
        }
        Ok(None)
    }

    /// The durable state of an account. The two reads are not one instant: that is repaired
    /// where the result is merged, by the versions in the records.
    fn read(&self, id: StampAccountId) -> Result<Option<Loaded>, StoreError> {
        let key = tables::account_key(id);
        let Some(bytes) = self.store.get(tables::ACCOUNT, &key)? else { return Ok(None) };
        let record = decode(tables::ACCOUNT, &key, &bytes)?;
        let lots = draft::read_lots(id, |from, to| {
            self.store.scan(tables::LOT, from, to, Order::Ascending, draft::PAGE)
        })?;
        Ok(Some(Loaded::new(record, lots)))
    }
}

fn read_global(store: &dyn Store) -> Result<GlobalRecord, StoreError> {
    match store.get(tables::GLOBAL, tables::GLOBAL_KEY)? {
        Some(bytes) => decode(tables::GLOBAL, tables::GLOBAL_KEY, &bytes),
        None => Ok(GlobalRecord::default()),
    }
}

/// Fills the retry memory from the serial numbers of the window that ends at `newest`. They begin
/// with their time, so the window is one range of keys.
fn remember_recent(
    store: &dyn Store,
    retries: &RetryMemory,
    newest: i64,
) -> Result<(), StoreError> {
    let start = u64::try_from(newest.saturating_sub(retries.window())).unwrap_or(0);
    let mut from = [0; 16];
    from[..6].copy_from_slice(&start.to_be_bytes()[2..]);
    let mut bound = Bound::Included(from);
    loop {
        let after = bound.as_ref().map(<[u8; 16]>::as_slice);
        let rows = store.scan(tables::SERIAL, after, Bound::Unbounded, Order::Ascending, PAGE)?;
        for (key, value) in &rows {
            let serial: [u8; 16] = key.as_slice().try_into().map_err(|_| {
                crate::encoding::damaged(tables::SERIAL, key, "a key of the wrong length")
            })?;
            let record: SerialRecord = decode(tables::SERIAL, key, value)?;
            if let Some(fingerprint) = record.retry {
                retries.insert(fingerprint, record.entry, serial_time(&serial));
            }
            bound = Bound::Excluded(serial);
        }
        if rows.len() < PAGE {
            return Ok(());
        }
    }
}

/// The milliseconds at the head of a serial number.
pub(crate) fn serial_time(serial: &[u8; 16]) -> i64 {
    serial[..6].iter().fold(0, |time, byte| (time << 8) | i64::from(*byte))
}
