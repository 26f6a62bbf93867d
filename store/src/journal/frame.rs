//! A frame: what one group commit wrote, with what is needed to trust it.
//!
//! ```text
//!  0  magic            u32   "MJF1"
//!  4  CRC32C           u32   over bytes 8..64 and the payload
//!  8  payload length   u32
//! 12  transactions     u32   at least 1
//! 16  salt             u64   the segment's
//! 24  first sequence   u64   of the first transaction in the payload
//! 32  previous         [32]  SHA-256 of the frame before, from magic to the payload's end
//! 64  payload
//! ```
//! All numbers are little-endian. A frame begins at a multiple of 512 bytes, so that it shares no
//! sector with another one: a torn write of a new frame cannot hurt an acknowledged one.

use crate::disk::SECTOR;

/// Bytes before the payload.
pub(crate) const HEADER: usize = 64;

/// "MJF1", little-endian.
const MAGIC: [u8; 4] = *b"MJF1";

/// The SHA-256 of a frame.
pub(crate) type FrameHash = [u8; 32];

/// What stands in the header beside the checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    pub(crate) crc: u32,
    pub(crate) length: u32,
    pub(crate) count: u32,
    pub(crate) salt: u64,
    pub(crate) first_sequence: u64,
    pub(crate) previous: FrameHash,
}

impl FrameHeader {
    /// Reads a header; `None` when this is not the beginning of a frame.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        if field::<4>(bytes, 0)? != MAGIC {
            return None;
        }
        Some(Self {
            crc: u32::from_le_bytes(field(bytes, 4)?),
            length: u32::from_le_bytes(field(bytes, 8)?),
            count: u32::from_le_bytes(field(bytes, 12)?),
            salt: u64::from_le_bytes(field(bytes, 16)?),
            first_sequence: u64::from_le_bytes(field(bytes, 24)?),
            previous: field(bytes, 32)?,
        })
    }

    /// Bytes of header and payload.
    pub(crate) fn frame_length(&self) -> u64 {
        HEADER as u64 + u64::from(self.length)
    }

    /// Whether the checksum fits the bytes of the whole frame.
    pub(crate) fn fits(&self, frame: &[u8]) -> bool {
        crc32c::crc32c(&frame[8..]) == self.crc
    }
}

/// Begins a frame in an empty buffer: room for the header.
pub(crate) fn begin(buffer: &mut Vec<u8>) {
    buffer.clear();
    buffer.resize(HEADER, 0);
}

/// Fills in the header of a frame whose payload is complete, pads the buffer to whole sectors,
/// and returns the frame's hash.
pub(crate) fn finish(
    buffer: &mut Vec<u8>,
    count: u32,
    salt: u64,
    first_sequence: u64,
    previous: &FrameHash,
) -> FrameHash {
    let end = buffer.len();
    let length = (end - HEADER) as u32;
    buffer[0..4].copy_from_slice(&MAGIC);
    buffer[8..12].copy_from_slice(&length.to_le_bytes());
    buffer[12..16].copy_from_slice(&count.to_le_bytes());
    buffer[16..24].copy_from_slice(&salt.to_le_bytes());
    buffer[24..32].copy_from_slice(&first_sequence.to_le_bytes());
    buffer[32..64].copy_from_slice(previous);
    let crc = crc32c::crc32c(&buffer[8..]);
    buffer[4..8].copy_from_slice(&crc.to_le_bytes());
    let hash = openssl::sha::sha256(buffer);
    buffer.resize(end.next_multiple_of(SECTOR as usize), 0);
    hash
}

/// The bytes that a frame with this payload takes in a segment.
pub(crate) fn padded_length(frame_length: u64) -> u64 {
    frame_length.next_multiple_of(SECTOR)
}

/// `N` bytes at `at`.
pub(crate) fn field<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}
