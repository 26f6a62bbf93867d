//! The journal: the truth of the store, an append-only chain of frames in segments.
//!
//! * `segment`: the files and their headers, `salt`: what is random in them; `frame`: what one
//!   group commit writes; `operation`: what is inside. All three, for a reader of the files:
//!   `docs/STORAGE-FORMAT.md`.
//! * `append` adds frames at the end, one in flight at a time; `spare` prepares the next file.
//! * `walk` reads the frames of a segment; `recover` opens a journal, and `last_frame` makes its
//!   end durable then; `reader` walks over it for audits, `values` reads single values through
//!   pointers.
//!
//! Each frame carries the SHA-256 of the one before it, so that the last hash stands for the whole
//! history of the store.

pub(crate) mod append;
pub(crate) mod frame;
pub(crate) mod last_frame;
pub(crate) mod operation;
mod reader;
pub(crate) mod recover;
pub(crate) mod salt;
pub(crate) mod segment;
pub(crate) mod spare;
#[cfg(test)]
mod tests;
pub(crate) mod values;
pub(crate) mod walk;

pub use reader::{Operation, ReadTransaction, Reader};
pub use recover::TornTail;

use frame::FrameHash;

/// A place between two frames of the journal, and what is behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) segment: u32,
    /// Where the next frame of the segment begins.
    pub(crate) offset: u64,
    /// The last transaction before this place.
    pub(crate) sequence: u64,
    /// The hash of the frame that ends here.
    pub(crate) hash: FrameHash,
}

impl From<Position> for Reached {
    fn from(position: Position) -> Self {
        Self { sequence: position.sequence, hash: position.hash }
    }
}

/// A transaction that the journal is known to have held, and the hash of its frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reached {
    pub(crate) sequence: u64,
    pub(crate) hash: FrameHash,
}

impl Position {
    /// The stored form.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(52);
        bytes.extend_from_slice(&self.segment.to_le_bytes());
        bytes.extend_from_slice(&self.offset.to_le_bytes());
        bytes.extend_from_slice(&self.sequence.to_le_bytes());
        bytes.extend_from_slice(&self.hash);
        bytes
    }

    /// Reads the stored form.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        Some(Self {
            segment: u32::from_le_bytes(frame::field(bytes, 0)?),
            offset: u64::from_le_bytes(frame::field(bytes, 4)?),
            sequence: u64::from_le_bytes(frame::field(bytes, 12)?),
            hash: frame::field(bytes, 20)?,
        })
    }
}
