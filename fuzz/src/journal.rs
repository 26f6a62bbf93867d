//! Journals out of the fuzzer's bytes: the format of `docs/STORAGE-FORMAT.md`, written down here a
//! second time on purpose.
//!
//! Random bytes never pass a checksum, so behind it nothing would be tried. [`mend`] puts magic
//! numbers, chain and checksums right and leaves lengths, counts and payload as the fuzzer wants.

use openssl::sha::sha256;
use store::disk::{Disk, MemoryDisk};

/// Bytes of a frame before its payload.
const HEADER: usize = 64;
/// Frames begin at multiples of this.
const SECTOR: usize = 512;

/// The name of a segment.
#[must_use]
pub fn segment(number: u32) -> String {
    format!("journal/{number:08}.seg")
}

/// A disk with these segments, numbered from 1.
#[must_use]
pub fn disk(segments: &[Vec<u8>]) -> MemoryDisk {
    let disk = MemoryDisk::new();
    disk.create_directory("journal").expect("a disk in memory");
    for (number, bytes) in (1..).zip(segments) {
        let file = disk.create(&segment(number)).expect("a disk in memory");
        file.write_at(bytes, 0).and_then(|()| file.sync_data()).expect("a disk in memory");
    }
    disk.sync_directory("journal").expect("a disk in memory");
    disk
}

/// Makes the beginning of `bytes` a header of segment 1 and puts the first `frames` frames right,
/// as far as there is room.
pub fn mend(bytes: &mut [u8], frames: usize) {
    if bytes.len() < SECTOR {
        return;
    }
    bytes[..8].copy_from_slice(b"MARCAJNL");
    put(bytes, 8, &1u32.to_le_bytes());
    put(bytes, 12, &1u32.to_le_bytes());
    put(bytes, 16, &1u64.to_le_bytes());
    put(bytes, 32, &[0; 32]);
    let crc = crc32c::crc32c(&bytes[..64]);
    put(bytes, 64, &crc.to_le_bytes());
    let salt: [u8; 8] = bytes[24..32].try_into().expect("eight bytes");

    let (mut at, mut sequence, mut previous) = (SECTOR, 1u64, [0; 32]);
    for _ in 0..frames {
        let room = bytes.len().saturating_sub(at);
        if room < HEADER || bytes[at..at + HEADER].iter().all(|byte| *byte == 0) {
            return;
        }
        let frame = &mut bytes[at..];
        // Two bytes are left of the length: enough for a segment, and the fuzzer finds them.
        let length = usize::from(u16::from_le_bytes([frame[8], frame[9]])).min(room - HEADER);
        let count = u32::from(frame[12]).max(1);
        put(frame, 0, b"MJF1");
        put(frame, 8, &(length as u32).to_le_bytes());
        put(frame, 12, &count.to_le_bytes());
        put(frame, 16, &salt);
        put(frame, 24, &sequence.to_le_bytes());
        put(frame, 32, &previous);
        let crc = crc32c::crc32c(&frame[8..HEADER + length]);
        put(frame, 4, &crc.to_le_bytes());
        previous = sha256(&frame[..HEADER + length]);
        sequence += u64::from(count);
        at += (HEADER + length).next_multiple_of(SECTOR);
    }
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes[at..at + value.len()].copy_from_slice(value);
}
