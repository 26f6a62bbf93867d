//! The journal alone: its bytes, its opening, its spare segment.

mod format;
mod recovery;
mod spare;

use super::append::{Appender, Tail};
use super::recover::{Recovered, Request, Unrecovered, recover};
use super::spare::{Spare, SpareSettings};
use super::{Position, Reached, frame, operation};
use crate::disk::MemoryDisk;
use std::sync::Arc;
use std::time::Duration;

const SEGMENT: u64 = 8 << 10;
const SALT: u64 = 0x5a17;

fn spare_settings() -> SpareSettings {
    SpareSettings { segment_bytes: SEGMENT, keep_free_bytes: 0, retry: Duration::from_millis(1) }
}

fn request<'a>(applied: Option<&'a Position>, reached: Option<&'a Reached>) -> Request<'a> {
    let salts = || Ok(SALT);
    Request { segment_bytes: SEGMENT, verify_bytes: u64::MAX, applied, reached, salts }
}

/// Opens a journal; the sequences that were replayed.
fn open(disk: &MemoryDisk, request: &Request<'_>) -> Result<(Recovered, Vec<u64>), Unrecovered> {
    let mut replayed = Vec::new();
    let recovered = recover(disk, request, &mut |frame| {
        frame.operations(|sequence, _| replayed.push(sequence))
    })?;
    Ok((recovered, replayed))
}

fn tail(disk: &MemoryDisk) -> Tail {
    open(disk, &request(None, None)).unwrap().0.tail
}

/// Appends `count` frames of one transaction with a value of 700 bytes each, and returns the
/// places behind them.
fn append(disk: &MemoryDisk, count: usize) -> Vec<Position> {
    let spare = Spare::start(Arc::new(disk.clone()), spare_settings()).unwrap();
    let mut appender = Appender::new(tail(disk), Arc::new(spare), || Ok(SALT));
    let mut buffer = Vec::new();
    let places = (0..count).map(|_| {
        frame::begin(&mut buffer);
        let at = operation::begin_transaction(&mut buffer);
        let key = appender.next_sequence().to_be_bytes();
        operation::append_put(&mut buffer, 1, &key, &[7; 700]);
        operation::end_transaction(&mut buffer, at, 1);
        appender.append(&mut buffer, 1).unwrap();
        appender.position()
    });
    places.collect()
}
