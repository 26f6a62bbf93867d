//! Reading the trail, and recording what no transaction of another crate carries.

use crate::record::{self, Head, HeadRecord, Recorded};
use crate::tables::{
    BY_CATEGORY, BY_HOUR, EVENT, HEAD, HEAD_KEY, category_key, event_key, hour_key,
};
use crate::{Category, Event, tables};
use chrono::{DateTime, Utc};
use std::fmt;
use std::ops::Bound;
use std::sync::Arc;
use store::{Order, Pending, Store, StoreError, StoreExt};

/// The most events of a page.
pub const MOST_AT_ONCE: usize = 1_000;

/// The most events that are looked at for one page: a filter that fits nothing costs no more.
const MOST_READ: usize = 10_000;

/// How many rows are read at a time.
const BATCH: usize = 256;

/// The trail of a service. Cloning it gives another handle to the same trail.
#[derive(Clone)]
pub struct Trail {
    store: Arc<dyn Store>,
}

/// Which events are asked for. The default is the first page of all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// Only events with a larger sequence; [`Page::next`] of the page before.
    pub after: u64,
    /// How many events at most; 0 and what is above [`MOST_AT_ONCE`] count as that.
    pub limit: usize,
    /// Only events of this category.
    pub category: Option<Category>,
    /// Only events recorded at this instant or later.
    pub from: Option<DateTime<Utc>>,
    /// Only events recorded before this instant.
    pub to: Option<DateTime<Utc>>,
}

/// Some events, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The events. There may be fewer than asked for, or none, while there is a next page.
    pub events: Vec<Recorded>,
    /// [`Query::after`] of the next page; `None` at the end of the trail.
    pub next: Option<u64>,
}

impl Trail {
    /// Opens the trail in `store`.
    ///
    /// # Errors
    /// [`StoreError`] when its head cannot be read: a service must not begin with a trail that it
    /// could not continue.
    pub fn open(store: Arc<dyn Store>) -> Result<Self, StoreError> {
        let trail = Self { store };
        trail.head()?;
        Ok(trail)
    }

    /// Adds an event in a transaction of its own; durable when this returns. Returns its sequence.
    ///
    /// # Errors
    /// [`StoreError`] of the transaction.
    pub async fn record(&self, event: Event, now: DateTime<Utc>) -> Result<u64, StoreError> {
        self.submit(event, now).durable().await
    }

    /// As [`Trail::record`], for callers that wait in another way or not at all.
    #[must_use]
    pub fn submit(&self, event: Event, now: DateTime<Utc>) -> Pending<u64> {
        self.store.transact(move |tx| crate::append(tx, &event, now))
    }

    /// The end of the chain.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub fn head(&self) -> Result<Head, StoreError> {
        let Some(bytes) = self.store.get(HEAD, HEAD_KEY)? else { return Ok(Head::default()) };
        record::decode::<HeadRecord>(HEAD, HEAD_KEY, &bytes).map(Head::from)
    }

    /// The events that a query asks for. One call reads a bounded number of rows: follow
    /// [`Page::next`] to the end.
    ///
    /// # Errors
    /// [`StoreError`] when events cannot be read.
    pub fn page(&self, query: &Query) -> Result<Page, StoreError> {
        let limit = if query.limit == 0 { MOST_AT_ONCE } else { query.limit.min(MOST_AT_ONCE) };
        let mut after = match query.from {
            Some(from) => match self.first_since(from)? {
                Some(first) => query.after.max(first - 1),
                None => return Ok(Page::default()),
            },
            None => query.after,
        };
        let mut events = Vec::new();
        let mut read = 0;
        loop {
            let batch = self.batch(query.category, after)?;
            let is_last = batch.len() < BATCH;
            for event in batch {
                if events.len() == limit || read == MOST_READ {
                    return Ok(Page { events, next: Some(after) });
                }
                after = event.sequence;
                read += 1;
                if query.fits(&event) {
                    events.push(event);
                }
            }
            if is_last {
                return Ok(Page { events, next: None });
            }
        }
    }

    /// The smallest sequence of all events of the hour of `from` and later hours. Times go back
    /// when a clock is put right, so that events of an earlier hour may follow it.
    fn first_since(&self, from: DateTime<Utc>) -> Result<Option<u64>, StoreError> {
        let mut first = None;
        let mut bound = Bound::Included(hour_key(from.timestamp_millis()).to_vec());
        loop {
            let after = bound.as_ref().map(Vec::as_slice);
            let rows =
                self.store.scan(BY_HOUR, after, Bound::Unbounded, Order::Ascending, BATCH)?;
            let is_last = rows.len() < BATCH;
            for (hour, value) in rows {
                let sequence = tables::number(&value).filter(|sequence| *sequence > 0);
                let sequence =
                    sequence.ok_or_else(|| record::damaged(BY_HOUR, &hour, "not a sequence"))?;
                first = Some(first.map_or(sequence, |first: u64| first.min(sequence)));
                bound = Bound::Excluded(hour);
            }
            if is_last {
                return Ok(first);
            }
        }
    }

    fn batch(&self, category: Option<Category>, after: u64) -> Result<Vec<Recorded>, StoreError> {
        let Some(category) = category else {
            let (from, to) = (event_key(after), event_key(u64::MAX));
            let (from, to) = (Bound::Excluded(&from[..]), Bound::Included(&to[..]));
            let rows = self.store.scan(EVENT, from, to, Order::Ascending, BATCH)?;
            return rows.iter().map(|(key, row)| Recorded::read(key, row)).collect();
        };
        let (from, to) = (category_key(category, after), category_key(category, u64::MAX));
        let (from, to) = (Bound::Excluded(&from[..]), Bound::Included(&to[..]));
        let keys = self.store.scan(BY_CATEGORY, from, to, Order::Ascending, BATCH)?;
        keys.iter().map(|(key, _)| self.of_category(key)).collect()
    }

    fn of_category(&self, key: &[u8]) -> Result<Recorded, StoreError> {
        let lost = || record::damaged(BY_CATEGORY, key, "it leads to no event");
        let sequence = key.get(1..).ok_or_else(lost)?;
        let row = self.store.get(EVENT, sequence)?.ok_or_else(lost)?;
        Recorded::read(sequence, &row)
    }
}

impl Query {
    fn fits(&self, event: &Recorded) -> bool {
        self.from.is_none_or(|from| event.at >= from) && self.to.is_none_or(|to| event.at < to)
    }
}

impl fmt::Debug for Trail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trail").finish_non_exhaustive()
    }
}
