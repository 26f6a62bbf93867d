//! The index: which value each key has now. It can be deleted at any time and is rebuilt from the
//! journal.
//!
//! Small values are kept in it; for larger ones it keeps a pointer into the journal, so that they
//! are on the disk once. It also remembers up to which place of the journal it is complete.

mod memory;
mod pages;
mod sled;
#[cfg(test)]
mod tests;

pub(crate) use memory::{MemoryIndex, is_empty};
pub(crate) use sled::SledIndex;

use crate::journal::Position;
use crate::{Order, Table};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::ops::{Bound, ControlFlow};

/// A table's number and a key, in one piece.
pub(crate) type Key = Box<[u8]>;

/// Values up to this many bytes are kept in the index.
pub(crate) const INLINE_BYTES: usize = 96;

/// Key of the index's own place in the journal: no table has it, since theirs begin with a number.
pub(crate) const POSITION_KEY: &[u8] = &[];

/// What a key has: the state of the index, and the changes on their way to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    /// The key was removed. Never stored.
    Deleted,
    /// The value itself.
    Inline(Box<[u8]>),
    /// The place of the value in the journal.
    Pointer(Pointer),
}

/// The place of a value in the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pointer {
    pub(crate) segment: u32,
    /// Bytes from the beginning of the segment.
    pub(crate) offset: u32,
    pub(crate) length: u32,
    /// CRC32C of the value.
    pub(crate) crc: u32,
}

const INLINE: u8 = 0;
const POINTER: u8 = 1;

impl Slot {
    /// The slot of a value that begins at `offset` of a segment.
    pub(crate) fn of(value: &[u8], segment: u32, offset: u64) -> Self {
        if value.len() <= INLINE_BYTES {
            return Self::Inline(value.into());
        }
        Self::Pointer(Pointer {
            segment,
            // Segments are at most 1 GiB long; see Settings::segment_bytes.
            offset: offset as u32,
            length: value.len() as u32,
            crc: crc32c::crc32c(value),
        })
    }

    /// The stored form, or `None` for a key that is to be removed.
    pub(crate) fn encode(&self, buffer: &mut Vec<u8>) -> bool {
        buffer.clear();
        match self {
            Self::Deleted => return false,
            Self::Inline(value) => {
                buffer.push(INLINE);
                buffer.extend_from_slice(value);
            }
            Self::Pointer(pointer) => {
                buffer.push(POINTER);
                for field in [pointer.segment, pointer.offset, pointer.length, pointer.crc] {
                    buffer.extend_from_slice(&field.to_le_bytes());
                }
            }
        }
        true
    }

    /// Reads the stored form.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        match bytes.split_first()? {
            (&INLINE, value) => Some(Self::Inline(value.into())),
            (&POINTER, fields) if fields.len() == 16 => {
                let mut fields = fields.chunks_exact(4).map(|field| {
                    field.iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte))
                });
                Some(Self::Pointer(Pointer {
                    segment: fields.next()?,
                    offset: fields.next()?,
                    length: fields.next()?,
                    crc: fields.next()?,
                }))
            }
            _ => None,
        }
    }
}

/// The index could not do what it was asked for; its words say why.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct IndexFault(pub(crate) String);

/// Keys between two bounds, each a table's number and a key.
pub(crate) type KeyRange = (Bound<Vec<u8>>, Bound<Vec<u8>>);

/// A table's number and a key.
pub(crate) fn key_of(table: u8, key: &[u8]) -> Vec<u8> {
    let mut whole = Vec::with_capacity(1 + key.len());
    whole.push(table);
    whole.extend_from_slice(key);
    whole
}

/// The keys of a table inside the bounds.
pub(crate) fn range_of(table: Table, from: Bound<&[u8]>, to: Bound<&[u8]>) -> KeyRange {
    let number = table.number();
    let from = match from {
        Bound::Unbounded => Bound::Included(vec![number]),
        bound => bound.map(|key| key_of(number, key)),
    };
    let to = match (to, number.checked_add(1)) {
        (Bound::Unbounded, Some(next)) => Bound::Excluded(vec![next]),
        (Bound::Unbounded, None) => Bound::Unbounded,
        (bound, _) => bound.map(|key| key_of(number, key)),
    };
    (from, to)
}

/// An ordered map of keys to slots.
pub(crate) trait Index: Send + Sync + Debug {
    /// The slot of a key.
    fn get(&self, key: &[u8]) -> Result<Option<Slot>, IndexFault>;

    /// Shows the keys inside the bounds to `visit`, until it breaks.
    fn scan(
        &self,
        range: &KeyRange,
        order: Order,
        visit: &mut dyn FnMut(&[u8], Slot) -> ControlFlow<()>,
    ) -> Result<(), IndexFault>;

    /// Carries changes into the index, and remembers that it is complete up to `position` then.
    /// After a crash of the process it holds a first part of what was asked for, and the position
    /// comes last: replaying the journal from the old position repairs it.
    fn apply(&self, changes: &BTreeMap<Key, Slot>, position: &Position) -> Result<(), IndexFault>;

    /// Up to where the index is complete; `None` when it is empty.
    fn position(&self) -> Result<Option<Position>, IndexFault>;

    /// Makes everything durable and lets go of its files.
    fn close(&self) -> Result<(), IndexFault>;
}
