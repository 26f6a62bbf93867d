//! A segment: one preallocated file of the journal, `journal/00000001.seg` and so on.
//!
//! ```text
//!   0  magic            [8]   "MARCAJNL"
//!   8  format           u32   1
//!  12  number           u32   as in the file's name
//!  16  first sequence   u64   of the first transaction in this segment
//!  24  salt             u64   repeated in each frame of this segment
//!  32  previous         [32]  hash of the last frame of the segment before; zeros in the first
//!  64  CRC32C           u32   over bytes 0..64
//!  68  zeros to 512, then the first frame
//! ```
//! The header is synced before the first frame is written. The salt is not known outside: a value
//! made to look like a frame cannot pass for one when a torn tail is examined.

use super::frame::{FrameHash, field};
use crate::disk::SECTOR;

/// The directory of the segments.
pub(crate) const DIRECTORY: &str = "journal";

/// Where the first frame begins.
pub(crate) const FIRST_FRAME: u64 = SECTOR;

/// The version of the format that this code writes, and the only one that it reads.
pub(crate) const FORMAT: u32 = 1;

const MAGIC: [u8; 8] = *b"MARCAJNL";

/// What stands at the beginning of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) number: u32,
    pub(crate) first_sequence: u64,
    pub(crate) salt: u64,
    pub(crate) previous: FrameHash,
}

/// Why the beginning of a file is not the header of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeaderFault {
    /// Not ours, or damaged.
    Unreadable,
    /// Written by another version.
    Format(u32),
}

impl SegmentHeader {
    /// The first sector of the segment.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(FIRST_FRAME as usize);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&FORMAT.to_le_bytes());
        bytes.extend_from_slice(&self.number.to_le_bytes());
        bytes.extend_from_slice(&self.first_sequence.to_le_bytes());
        bytes.extend_from_slice(&self.salt.to_le_bytes());
        bytes.extend_from_slice(&self.previous);
        let crc = crc32c::crc32c(&bytes);
        bytes.extend_from_slice(&crc.to_le_bytes());
        bytes.resize(FIRST_FRAME as usize, 0);
        bytes
    }

    /// Reads the first sector of a segment.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, HeaderFault> {
        Self::fields(bytes).unwrap_or(Err(HeaderFault::Unreadable))
    }

    fn fields(bytes: &[u8]) -> Option<Result<Self, HeaderFault>> {
        let crc = u32::from_le_bytes(field(bytes, 64)?);
        if field(bytes, 0)? != MAGIC || crc32c::crc32c(bytes.get(..64)?) != crc {
            return None;
        }
        let format = u32::from_le_bytes(field(bytes, 8)?);
        if format != FORMAT {
            return Some(Err(HeaderFault::Format(format)));
        }
        Some(Ok(Self {
            number: u32::from_le_bytes(field(bytes, 12)?),
            first_sequence: u64::from_le_bytes(field(bytes, 16)?),
            salt: u64::from_le_bytes(field(bytes, 24)?),
            previous: field(bytes, 32)?,
        }))
    }
}

/// The name of a segment on its disk.
pub(crate) fn name(number: u32) -> String {
    format!("{DIRECTORY}/{number:08}.seg")
}

/// The number in a file name, when it is the name of a segment.
pub(crate) fn number(file_name: &str) -> Option<u32> {
    let digits = file_name.strip_suffix(".seg")?;
    let all_digits = digits.len() >= 8 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if all_digits { digits.parse().ok() } else { None }
}
