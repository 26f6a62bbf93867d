//! Reading current state: the overlay over the index, with pointers followed into the journal.

use super::condition::Health;
use super::group::message_of;
use crate::index::{Index, IndexFault, Key, KeyRange, Slot};
use crate::journal::values::Values;
use crate::overlay::Overlay;
use crate::{Order, Row, StoreError};
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// What is needed to read.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub(crate) overlay: Arc<Overlay>,
    pub(crate) index: Arc<dyn Index>,
    pub(crate) values: Arc<Values>,
    pub(crate) health: Arc<Health>,
}

/// The state of a key in a scan.
#[derive(Debug)]
pub(crate) enum Found {
    /// In the journal, the index or the overlay.
    Stored(Slot),
    /// Written by the group under way, not yet in the journal. `None`: removed.
    Pending(Option<Vec<u8>>),
}

impl Found {
    fn is_removed(&self) -> bool {
        matches!(self, Self::Stored(Slot::Deleted) | Self::Pending(None))
    }
}

impl From<IndexFault> for StoreError {
    fn from(fault: IndexFault) -> Self {
        Self::Index { reason: fault.0 }
    }
}

impl View {
    /// The value of a key (a table's number and a key).
    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let slot = match self.overlay.find(key) {
            Some(slot) => Some(slot),
            None => self.read_index(|index| index.get(key))?,
        };
        slot.map_or(Ok(None), |slot| self.value(slot))
    }

    /// Rows inside the bounds, as a reader outside the writer sees them: durable, and of no
    /// transaction a part.
    pub(crate) fn scan_durable(
        &self,
        range: &KeyRange,
        order: Order,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let hold = self.overlay.hold_for_scan();
        let found = self.find_rows(range, order, limit, BTreeMap::new())?;
        drop(hold);
        self.rows(found)
    }

    /// Rows inside the bounds, as the writer sees them with the changes of its group on top.
    pub(crate) fn scan_with(
        &self,
        range: &KeyRange,
        order: Order,
        limit: usize,
        pending: BTreeMap<Key, Found>,
    ) -> Result<Vec<Row>, StoreError> {
        self.rows(self.find_rows(range, order, limit, pending)?)
    }

    fn find_rows(
        &self,
        range: &KeyRange,
        order: Order,
        limit: usize,
        pending: BTreeMap<Key, Found>,
    ) -> Result<Vec<(Key, Found)>, StoreError> {
        // Each pending change may hide one value of the overlay, so that many more are needed.
        let values = limit.saturating_add(pending.len());
        let mut changes: BTreeMap<Key, Found> = self
            .overlay
            .changes_in(range, order, values)
            .into_iter()
            .map(|(key, slot)| (key, Found::Stored(slot)))
            .collect();
        changes.extend(pending);
        let mut rows = Rows { changes, order, limit, found: Vec::new() };
        if limit > 0 {
            self.read_index(|index| {
                index.scan(range, order, &mut |key, slot| rows.stored(key, slot))
            })?;
        }
        Ok(rows.finish())
    }

    /// Reads the index. A panic of its code ends writing, for nothing is known of the state that it
    /// leaves behind, but not the thread of a reader.
    fn read_index<T>(
        &self,
        work: impl FnOnce(&dyn Index) -> Result<T, IndexFault>,
    ) -> Result<T, StoreError> {
        match catch_unwind(AssertUnwindSafe(|| work(&*self.index))) {
            Ok(result) => result.map_err(StoreError::from),
            Err(panic) => {
                let reason = format!("the index: panic: {}", message_of(&*panic));
                Err(self.health.poison(reason))
            }
        }
    }

    fn rows(&self, found: Vec<(Key, Found)>) -> Result<Vec<Row>, StoreError> {
        let mut rows = Vec::with_capacity(found.len());
        for (key, found) in found {
            let value = match found {
                Found::Pending(value) => value,
                Found::Stored(slot) => self.value(slot)?,
            };
            // The first byte of a key is its table.
            rows.extend(value.map(|value| (key[1..].to_vec(), value)));
        }
        Ok(rows)
    }

    fn value(&self, slot: Slot) -> Result<Option<Vec<u8>>, StoreError> {
        match slot {
            Slot::Deleted => Ok(None),
            Slot::Inline(value) => Ok(Some(value.into_vec())),
            Slot::Pointer(pointer) => self.values.read(&pointer).map(Some),
        }
    }
}

/// Changes laid over the rows of the index as these go by.
struct Rows {
    changes: BTreeMap<Key, Found>,
    order: Order,
    limit: usize,
    found: Vec<(Key, Found)>,
}

impl Rows {
    /// The next row of the index.
    fn stored(&mut self, key: &[u8], slot: Slot) -> ControlFlow<()> {
        while self.found.len() < self.limit {
            match self.next_change().map(|change| self.order.compare(change, key)) {
                Some(Ordering::Less) => self.take_change(),
                Some(Ordering::Equal) => {
                    self.take_change();
                    return self.go_on();
                }
                Some(Ordering::Greater) | None => {
                    self.found.push((key.into(), Found::Stored(slot)));
                    return self.go_on();
                }
            }
        }
        ControlFlow::Break(())
    }

    /// The index has no more rows.
    fn finish(mut self) -> Vec<(Key, Found)> {
        while self.found.len() < self.limit && !self.changes.is_empty() {
            self.take_change();
        }
        self.found
    }

    fn go_on(&self) -> ControlFlow<()> {
        if self.found.len() < self.limit {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    }

    fn next_change(&self) -> Option<&Key> {
        match self.order {
            Order::Ascending => self.changes.first_key_value(),
            Order::Descending => self.changes.last_key_value(),
        }
        .map(|(key, _)| key)
    }

    fn take_change(&mut self) {
        let change = match self.order {
            Order::Ascending => self.changes.pop_first(),
            Order::Descending => self.changes.pop_last(),
        };
        self.found.extend(change.filter(|(_, found)| !found.is_removed()));
    }
}
