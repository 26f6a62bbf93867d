//! An index in memory: gone with the process, and rebuilt from the journal at every start.

use super::{Index, IndexFault, Key, KeyRange, Slot};
use crate::Order;
use crate::journal::Position;
use parking_lot::RwLock;
use std::collections::BTreeMap;
use std::ops::{Bound, ControlFlow};

/// The map.
#[derive(Debug, Default)]
pub(crate) struct MemoryIndex {
    content: RwLock<(BTreeMap<Key, Slot>, Option<Position>)>,
}

impl Index for MemoryIndex {
    fn get(&self, key: &[u8]) -> Result<Option<Slot>, IndexFault> {
        Ok(self.content.read().0.get(key).cloned())
    }

    fn scan(
        &self,
        range: &KeyRange,
        order: Order,
        visit: &mut dyn FnMut(&[u8], Slot) -> ControlFlow<()>,
    ) -> Result<(), IndexFault> {
        if is_empty(range) {
            return Ok(());
        }
        let content = self.content.read();
        let bounds = (range.0.as_ref().map(Vec::as_slice), range.1.as_ref().map(Vec::as_slice));
        let rows = content.0.range::<[u8], _>(bounds);
        let mut show = |(key, slot): (&Key, &Slot)| visit(key, slot.clone());
        let _: ControlFlow<()> = match order {
            Order::Ascending => rows.into_iter().try_for_each(&mut show),
            Order::Descending => rows.rev().try_for_each(&mut show),
        };
        Ok(())
    }

    fn apply(&self, changes: &BTreeMap<Key, Slot>, position: &Position) -> Result<(), IndexFault> {
        let mut content = self.content.write();
        for (key, slot) in changes {
            if *slot == Slot::Deleted {
                content.0.remove(key);
            } else {
                content.0.insert(key.clone(), slot.clone());
            }
        }
        content.1 = Some(*position);
        Ok(())
    }

    fn position(&self) -> Result<Option<Position>, IndexFault> {
        Ok(self.content.read().1)
    }

    fn close(&self) -> Result<(), IndexFault> {
        Ok(())
    }
}

/// Whether no key can be inside the bounds. The standard map panics on some of these.
pub(crate) fn is_empty(range: &KeyRange) -> bool {
    match range {
        (Bound::Included(from), Bound::Included(to)) => from > to,
        (Bound::Included(from), Bound::Excluded(to))
        | (Bound::Excluded(from), Bound::Included(to) | Bound::Excluded(to)) => from >= to,
        (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
    }
}
