//! The accounts in memory: loaded when they are first used, a bounded number of them.
//!
//! An account is never dropped while somebody holds its cell (a reservation, a job under way) or
//! watches it: whoever changes an account takes its cell before the transaction is submitted, so
//! that the change finds the same cell when it is durable.

use super::cell::Cell;
use crate::StampAccountId;
use parking_lot::RwLock;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// The accounts in memory.
#[derive(Debug)]
pub(crate) struct Cache {
    wanted: usize,
    cells: RwLock<HashMap<u64, Arc<Cell>>>,
}

impl Cache {
    /// A cache that keeps about `wanted` accounts.
    pub(crate) fn new(wanted: usize) -> Self {
        Self { wanted: wanted.max(1), cells: RwLock::default() }
    }

    /// The cell of an account; a new one is empty.
    pub(crate) fn cell(&self, id: StampAccountId) -> Arc<Cell> {
        if let Some(cell) = self.peek(id) {
            return cell;
        }
        let mut cells = self.cells.write();
        // Cleaning costs one walk over the cells, so it waits until an eighth is too much.
        if cells.len() >= self.wanted.saturating_add(self.wanted / 8) {
            self.clean(&mut cells);
        }
        Arc::clone(cells.entry(id.number()).or_insert_with(|| Arc::new(Cell::new(id))))
    }

    /// The cell of an account that is in memory.
    pub(crate) fn peek(&self, id: StampAccountId) -> Option<Arc<Cell>> {
        self.cells.read().get(&id.number()).cloned()
    }

    /// All cells that are in memory.
    pub(crate) fn all(&self) -> Vec<Arc<Cell>> {
        self.cells.read().values().cloned().collect()
    }

    /// Drops accounts that were not used since the last time, then, when that is not enough,
    /// others; never one that is in use.
    fn clean(&self, cells: &mut HashMap<u64, Arc<Cell>>) {
        for spare_touched in [true, false] {
            let mut excess = cells.len().saturating_sub(self.wanted);
            cells.retain(|_, cell| {
                let touched = cell.touched.swap(false, Ordering::Relaxed);
                // Only this map holds the cell, and nobody can take it now: the map is locked.
                let idle = Arc::strong_count(cell) == 1 && !cell.is_watched();
                let drop = excess > 0 && idle && !(touched && spare_touched);
                excess -= usize::from(drop);
                !drop
            });
            if excess == 0 {
                return;
            }
        }
    }
}
