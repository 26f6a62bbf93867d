//! Reading: views, lists, statements and tokens. Nothing here writes.

use super::error::StampError;
use super::model::{
    AccountView, Balance, CompanionToken, Entry, LotView, Period, Statement, StoredToken,
};
use super::records::{AccountRecord, EntryRecord, SerialRecord};
use super::tables::{ACCOUNT, ENTRY, NAME, SERIAL, account_key, inner_key, split_key};
use super::{Inner, StampLedger, draft};
use crate::encoding::{damaged, decode};
use crate::{AccountName, StampAccountId};
use chrono::{DateTime, Utc};
use std::ops::Bound;
use store::{Order, StoreError};
use tokio::sync::watch;

/// The most accounts of a list, and the most entries of a statement, in one answer.
const LARGEST_PAGE: usize = 10_000;

impl StampLedger {
    /// The account with this name, in any case of letters. A text that cannot be a name is the
    /// name of no account.
    pub fn by_name(&self, name: &str) -> Result<Option<StampAccountId>, StampError> {
        let Ok(name) = AccountName::parse(name) else { return Ok(None) };
        let key = name.as_str().as_bytes();
        let Some(bytes) = self.0.store.get(NAME, key)? else { return Ok(None) };
        let number = bytes.try_into().map_err(|_| damaged(NAME, key, "not an account number"))?;
        Ok(Some(StampAccountId::new(u64::from_be_bytes(number))))
    }

    /// The account as it is at `now`.
    pub async fn view(
        &self,
        id: StampAccountId,
        now: DateTime<Utc>,
    ) -> Result<AccountView, StampError> {
        self.0.view(id, now.timestamp_millis())
    }

    /// Up to `limit` accounts (at most 10 000) with identifiers after `after`, in their order.
    pub async fn list(
        &self,
        after: Option<StampAccountId>,
        limit: usize,
        now: DateTime<Utc>,
    ) -> Result<Vec<AccountView>, StampError> {
        let start = after.map_or([0; 8], account_key);
        let from = match after {
            Some(_) => Bound::Excluded(start.as_slice()),
            None => Bound::Unbounded,
        };
        let limit = limit.min(LARGEST_PAGE);
        let store = &self.0.store;
        let rows = store.scan(ACCOUNT, from, Bound::Unbounded, Order::Ascending, limit)?;
        let mut views = Vec::with_capacity(rows.len());
        for (key, _) in rows {
            let number = key.as_slice().try_into();
            let number = number.map_err(|_| damaged(ACCOUNT, &key, "a key of the wrong length"))?;
            let id = StampAccountId::new(u64::from_be_bytes(number));
            views.push(self.0.look(id, now.timestamp_millis())?);
        }
        Ok(views)
    }

    /// All lots of the account, oldest first, those without stamps too.
    pub async fn lots(&self, id: StampAccountId) -> Result<Vec<LotView>, StampError> {
        self.0.account(id)?;
        let lots = draft::read_lots(id, |from, to| {
            self.0.store.scan(super::tables::LOT, from, to, Order::Ascending, draft::PAGE)
        })?;
        Ok(lots.iter().map(|(id, record)| LotView::new(*id, record)).collect())
    }

    /// The balance of the account as a channel that is set on every change.
    pub fn watch(
        &self,
        id: StampAccountId,
        now: DateTime<Utc>,
    ) -> Result<watch::Receiver<Balance>, StampError> {
        let unknown = StampError::UnknownAccount { account: id };
        let cell = self.0.loaded(id)?.ok_or_else(|| unknown.clone())?;
        cell.watch(now.timestamp_millis()).ok_or(unknown)
    }

    /// The account's own token with this serial number; another account's is `None`. The other
    /// one of a pair is its `companion`, whichever of the two was asked for.
    pub async fn token(
        &self,
        id: StampAccountId,
        serial: [u8; 16],
    ) -> Result<Option<StoredToken>, StampError> {
        let Some(bytes) = self.0.store.get(SERIAL, &serial)? else { return Ok(None) };
        let record: SerialRecord = decode(SERIAL, &serial, &bytes)?;
        if record.account != id.number() {
            return Ok(None);
        }
        let token = self.0.stored_token(id, record.entry)?;
        let lost = || damaged(SERIAL, &serial, "its entry holds no token of this number");
        let token = token.ok_or_else(lost)?;
        let token = if token.serial == serial { token } else { token.turned() };
        if token.serial != serial {
            return Err(lost().into());
        }
        Ok(Some(token))
    }

    /// A part of the account's book.
    ///
    /// An account's time never goes back, so entries are in the order of time as well, and the
    /// first one of a period is found by bisection.
    pub async fn statement(
        &self,
        id: StampAccountId,
        period: Period,
    ) -> Result<Statement, StampError> {
        if !(1..=LARGEST_PAGE).contains(&period.limit) {
            return Err(StampError::bad("limit", &period.limit, "1 to 10000 entries"));
        }
        let account = self.0.account(id)?;
        let mut first = match period.from {
            Some(from) => self.0.first_entry_at(id, &account, from.timestamp_millis())?,
            None => 1,
        };
        first = first.max(period.after.map_or(0, |after| after.saturating_add(1)));
        let end = period.to.map_or(i64::MAX, |to| to.timestamp_millis());
        // What is written meanwhile belongs to the next statement.
        let last = account.next_entry.saturating_sub(1);
        let opening = match first {
            0 | 1 => 0,
            first => self.0.entry(id, first.min(account.next_entry) - 1)?.balance,
        };
        let (entries, next) = if first > last {
            (Vec::new(), None)
        } else {
            self.0.entries(id, first, last, end, period.limit)?
        };
        let closing = entries.last().map_or(opening, |entry| entry.balance);
        Ok(Statement { opening, entries, closing, next })
    }
}

impl Inner {
    pub(super) fn view(&self, id: StampAccountId, at: i64) -> Result<AccountView, StampError> {
        let unknown = StampError::UnknownAccount { account: id };
        let cell = self.loaded(id)?.ok_or_else(|| unknown.clone())?;
        cell.view(at).ok_or(unknown)
    }

    /// A view that does not push other accounts out of memory.
    fn look(&self, id: StampAccountId, at: i64) -> Result<AccountView, StampError> {
        if let Some(view) = self.cache.peek(id).and_then(|cell| cell.view(at)) {
            return Ok(view);
        }
        let loaded = self.read(id)?.ok_or(StampError::UnknownAccount { account: id })?;
        Ok(loaded.view(id, at))
    }

    fn account(&self, id: StampAccountId) -> Result<AccountRecord, StampError> {
        let key = account_key(id);
        let bytes = self.store.get(ACCOUNT, &key)?;
        let bytes = bytes.ok_or(StampError::UnknownAccount { account: id })?;
        Ok(decode(ACCOUNT, &key, &bytes)?)
    }

    fn entry(&self, id: StampAccountId, number: u64) -> Result<EntryRecord, StoreError> {
        let key = inner_key(id, number);
        let bytes = self.store.get(ENTRY, &key)?;
        let bytes = bytes.ok_or_else(|| damaged(ENTRY, &key, "an entry is missing"))?;
        decode(ENTRY, &key, &bytes)
    }

    /// The token of an entry with its companion, or `None` when it has none.
    pub(super) fn stored_token(
        &self,
        id: StampAccountId,
        number: u64,
    ) -> Result<Option<StoredToken>, StoreError> {
        let key = inner_key(id, number);
        let Some(bytes) = self.store.get(ENTRY, &key)? else { return Ok(None) };
        let record: EntryRecord = decode(ENTRY, &key, &bytes)?;
        let companion = record.companion.map(|companion| CompanionToken {
            serial: companion.serial,
            tsu: companion.tsu,
            token: companion.der,
        });
        Ok(record.serial.zip(record.token).map(|(serial, token)| StoredToken {
            serial,
            gen_time_ms: token.gen_time,
            tsu: token.tsu,
            token: token.der,
            retry_key: token.retry_key,
            log_index: token.log_index,
            companion,
        }))
    }

    /// The number of the first entry at or after `at`, or that after the last one.
    fn first_entry_at(
        &self,
        id: StampAccountId,
        account: &AccountRecord,
        at: i64,
    ) -> Result<u64, StoreError> {
        let (mut low, mut high) = (1, account.next_entry);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.entry(id, middle)?.at < at {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    /// Entries from `first` to `last` before the instant `end`, at most `limit`; and the number
    /// after which the next page begins, when there is one.
    fn entries(
        &self,
        id: StampAccountId,
        first: u64,
        last: u64,
        end: i64,
        limit: usize,
    ) -> Result<(Vec<Entry>, Option<u64>), StoreError> {
        let (from, to) = (inner_key(id, first), inner_key(id, last));
        let (from, to) = (Bound::Included(from.as_slice()), Bound::Included(to.as_slice()));
        let mut entries = Vec::new();
        for (key, value) in self.store.scan(ENTRY, from, to, Order::Ascending, limit + 1)? {
            let wrong = || damaged(ENTRY, &key, "a key of the wrong length");
            let number = split_key(&key).ok_or_else(wrong)?.1;
            let record: EntryRecord = decode(ENTRY, &key, &value)?;
            if record.at >= end {
                break;
            }
            if entries.len() == limit {
                let next = entries.last().map(|entry: &Entry| entry.number);
                return Ok((entries, next));
            }
            entries.push(Entry::new(number, record));
        }
        Ok((entries, None))
    }
}
