//! The memory of argon2id, kept by a thread for as long as it has checks to make.
//!
//! One check wants some 20 MiB. Asked of the system each time, they cost five thousand page faults
//! and the end of a mapping, and meanwhile the other threads of the process, those that issue
//! tokens, wait for the table of its pages. So a thread of a pool keeps them from one check to the
//! next; when it has nothing to do, it gives them back. Whatever is left in them comes from a
//! password and tells it to nobody who could not read the password itself.

use argon2::Block;
use std::cell::{Cell, RefCell};

thread_local! {
    static KEEPS: Cell<bool> = const { Cell::new(false) };
    static KEPT: RefCell<Option<Vec<Block>>> = const { RefCell::new(None) };
}

/// Blocks of 1 KiB: over 32 MiB, an allocation is a mapping of its own, which goes back to the
/// system when it is dropped. Smaller ones would stay with the allocator.
const MAPPED: usize = 33 * 1024;

/// From now on this thread keeps the memory of its checks.
pub(super) fn keep() {
    KEEPS.set(true);
}

/// Gives back what this thread has kept.
pub(super) fn give_back() {
    drop(KEPT.take());
}

/// Does something with so many blocks, whose content is whatever it was.
pub(super) fn with<T>(blocks: usize, act: impl FnOnce(&mut [Block]) -> T) -> T {
    // Only the blocks that are used are touched.
    let mut memory = KEPT.take().unwrap_or_else(|| Vec::with_capacity(blocks.max(MAPPED)));
    if memory.len() < blocks {
        memory.resize(blocks, Block::new());
    }
    let (used, _) = memory.split_at_mut(blocks);
    let done = act(used);
    if KEEPS.get() {
        KEPT.set(Some(memory));
    }
    done
}

#[cfg(test)]
pub(super) fn kept() -> usize {
    KEPT.with_borrow(|memory| memory.as_ref().map_or(0, Vec::len))
}
