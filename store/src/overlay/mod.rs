//! Changes that are durable in the journal and not yet in the index.
//!
//! There are two generations: the active one takes the writer's changes, the other is being carried
//! into the index. Readers ask the overlay first, then the index. A key that changes often costs
//! the index one write per generation.

#[cfg(test)]
mod tests;

use crate::Order;
use crate::index::{Key, KeyRange, Slot, is_empty};
use crate::journal::Position;
use parking_lot::{Condvar, Mutex, RwLock, RwLockReadGuard};
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::iter::Peekable;
use std::sync::Arc;
use std::time::Duration;

/// A generation: the newest change of each key, and the journal's place behind the last of them.
#[derive(Debug, Default)]
pub(crate) struct Generation {
    pub(crate) changes: BTreeMap<Key, Slot>,
    pub(crate) position: Option<Position>,
}

#[derive(Debug, Default)]
struct Generations {
    active: Generation,
    flushing: Option<Arc<Generation>>,
}

impl Generations {
    fn keys(&self) -> usize {
        let flushing = self.flushing.as_ref().map_or(0, |generation| generation.changes.len());
        self.active.changes.len() + flushing
    }
}

/// The overlay.
#[derive(Debug)]
pub(crate) struct Overlay {
    generations: RwLock<Generations>,
    /// Held by scans from outside the writer: no generation begins to flow into the index while
    /// one of them is under way, so that it sees no part of a later transaction.
    scans: RwLock<()>,
    stopping: Mutex<bool>,
    /// The indexer waits here.
    work: Condvar,
    /// The writer waits here for room.
    room: Condvar,
    batch_keys: usize,
    delay: Duration,
}

impl Overlay {
    pub(crate) fn new(batch_keys: usize, delay: Duration) -> Self {
        Self {
            generations: RwLock::default(),
            scans: RwLock::default(),
            stopping: Mutex::new(false),
            work: Condvar::new(),
            room: Condvar::new(),
            batch_keys: batch_keys.max(1),
            delay,
        }
    }

    /// Makes changes visible. The journal holds them, and ends at `position`.
    pub(crate) fn publish(&self, changes: impl Iterator<Item = (Key, Slot)>, position: Position) {
        let (before, after) = {
            let mut generations = self.generations.write();
            let active = &mut generations.active;
            let before = active.changes.len();
            active.changes.extend(changes);
            active.position = Some(position);
            (before, active.changes.len())
        };
        let is_first = before == 0;
        let is_enough = before < self.batch_keys && after >= self.batch_keys;
        if is_first || is_enough {
            drop(self.stopping.lock());
            self.work.notify_one();
        }
    }

    /// The newest change of a key, if the index does not have it for certain.
    pub(crate) fn find(&self, key: &[u8]) -> Option<Slot> {
        let generations = self.generations.read();
        if let Some(slot) = generations.active.changes.get(key) {
            return Some(slot.clone());
        }
        generations.flushing.as_ref()?.changes.get(key).cloned()
    }

    /// The newest changes inside the bounds, in order, until `values` of them are not removals.
    pub(crate) fn changes_in(
        &self,
        range: &KeyRange,
        order: Order,
        values: usize,
    ) -> Vec<(Key, Slot)> {
        let generations = self.generations.read();
        let nothing = BTreeMap::new();
        let active = &generations.active.changes;
        let flushing = generations.flushing.as_ref().map_or(&nothing, |older| &older.changes);
        let mut merged = Merged {
            newer: rows(active, range, order).peekable(),
            older: rows(flushing, range, order).peekable(),
            order,
        };
        let mut found = Vec::new();
        let mut left = values;
        while left > 0
            && let Some((key, slot)) = merged.next()
        {
            if *slot != Slot::Deleted {
                left -= 1;
            }
            found.push((key.clone(), slot.clone()));
        }
        found
    }

    /// A hold on the index: what it lacks is in the overlay, and what it has is not newer.
    pub(crate) fn hold_for_scan(&self) -> RwLockReadGuard<'_, ()> {
        self.scans.read()
    }

    /// Waits until there is a generation to be carried into the index. `None`: the overlay is empty
    /// and the store is closing.
    pub(crate) fn next_generation(&self) -> Option<Arc<Generation>> {
        let mut stopping = self.stopping.lock();
        loop {
            let keys = self.generations.read().active.changes.len();
            if keys > 0 {
                if keys < self.batch_keys && !*stopping {
                    self.work.wait_for(&mut stopping, self.delay);
                }
                break;
            }
            if *stopping {
                return None;
            }
            self.work.wait(&mut stopping);
        }
        drop(stopping);
        let quiet = self.scans.write();
        let mut generations = self.generations.write();
        let generation = Arc::new(std::mem::take(&mut generations.active));
        generations.flushing = Some(Arc::clone(&generation));
        drop(generations);
        drop(quiet);
        Some(generation)
    }

    /// The generation given out by [`Overlay::next_generation`] is in the index.
    pub(crate) fn carried(&self) {
        let carried = self.generations.write().flushing.take();
        drop(self.stopping.lock());
        self.room.notify_all();
        drop(carried);
    }

    /// Waits until fewer keys than `limit` are held. False when `given_up` says so first.
    pub(crate) fn wait_for_room(&self, limit: usize, given_up: impl Fn() -> bool) -> bool {
        if self.keys() < limit {
            return true;
        }
        let mut stopping = self.stopping.lock();
        while self.keys() >= limit {
            if given_up() {
                return false;
            }
            self.room.wait_for(&mut stopping, Duration::from_millis(100));
        }
        true
    }

    /// How many changed keys are held.
    pub(crate) fn keys(&self) -> usize {
        self.generations.read().keys()
    }

    /// The indexer is to carry what is left, and to end.
    pub(crate) fn stop(&self) {
        *self.stopping.lock() = true;
        self.work.notify_all();
    }
}

type Rows<'a> = Box<dyn Iterator<Item = (&'a Key, &'a Slot)> + 'a>;

/// The changes of one generation inside the bounds.
fn rows<'a>(changes: &'a BTreeMap<Key, Slot>, range: &KeyRange, order: Order) -> Rows<'a> {
    if changes.is_empty() || is_empty(range) {
        return Box::new(std::iter::empty());
    }
    let bounds = (range.0.as_ref().map(Vec::as_slice), range.1.as_ref().map(Vec::as_slice));
    let rows = changes.range::<[u8], _>(bounds);
    match order {
        Order::Ascending => Box::new(rows),
        Order::Descending => Box::new(rows.rev()),
    }
}

/// Two generations as one: of a key that both have, the newer change.
struct Merged<'a> {
    newer: Peekable<Rows<'a>>,
    older: Peekable<Rows<'a>>,
    order: Order,
}

impl<'a> Iterator for Merged<'a> {
    type Item = (&'a Key, &'a Slot);

    fn next(&mut self) -> Option<Self::Item> {
        let (newer, older) = match (self.newer.peek(), self.older.peek()) {
            (Some(newer), Some(older)) => (newer.0, older.0),
            (Some(_), None) => return self.newer.next(),
            (None, _) => return self.older.next(),
        };
        match self.order.compare(newer, older) {
            Ordering::Less => self.newer.next(),
            Ordering::Greater => self.older.next(),
            Ordering::Equal => {
                self.older.next();
                self.newer.next()
            }
        }
    }
}
