//! The indexer: carries generations of the overlay into the index, behind the writer.

use super::Shared;
use super::condition::add;
use super::group::message_of;
use crate::index::{Index, IndexFault};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Works until the overlay is empty and the store is closing, or the store is poisoned: what was
/// not carried stays in the overlay, so reads stay right.
pub(crate) fn run(shared: &Arc<Shared>) {
    let view = &shared.view;
    while let Some(generation) = view.overlay.next_generation() {
        if shared.health.stopped().is_some() {
            return;
        }
        let Some(position) = generation.position else { continue };
        if let Err(fault) = guarded(|| view.index.apply(&generation.changes, &position)) {
            // The generation stays in the overlay, so reads stay right. The store cannot go on
            // like this: memory would fill.
            drop(shared.health.poison(format!("the index: {fault}")));
            return;
        }
        add(&shared.counters.index_batches, 1);
        add(&shared.counters.index_keys, generation.changes.len() as u64);
        view.overlay.carried();
    }
}

/// A panic of the index's code is a fault of the index.
pub(crate) fn guarded<T>(work: impl FnOnce() -> Result<T, IndexFault>) -> Result<T, IndexFault> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result,
        Err(panic) => Err(IndexFault(format!("panic: {}", message_of(&*panic)))),
    }
}

/// Up to where the index is complete.
pub(crate) fn position(index: &dyn Index) -> Result<Option<crate::journal::Position>, IndexFault> {
    guarded(|| index.position())
}
