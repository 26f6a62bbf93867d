//! A journal that a disk gave back: read, opened, written to, and opened again.
//!
//! The first byte says what is done to the rest, which is the image of one or two segments: how
//! many frames are put right ([`journal::mend`]), and whether the second half is a segment of its
//! own. A journal that opens must take a write and hold it at the next opening, and a reader must
//! see as many transactions as the store says.

#![no_main]

use libfuzzer_sys::fuzz_target;
use marca_fuzz::journal;
use std::sync::Arc;
use store::journal::Reader;
use store::{MemoryStore, Settings, Store, StoreError, StoreExt, Table};

const TABLE: Table = Table::new(200, "fuzz");
/// Two segments of the shortest length.
const LARGEST: usize = 16 << 10;

fuzz_target!(|input: &[u8]| {
    let Some((mode, image)) = input.split_first() else { return };
    if image.len() > LARGEST {
        return;
    }
    let (first, second) = image.split_at(if mode & 1 == 1 { image.len() / 2 } else { image.len() });
    let mut segments = vec![first.to_vec()];
    if !second.is_empty() {
        segments.push(second.to_vec());
    }
    journal::mend(&mut segments[0], usize::from(mode >> 1));
    check(&segments);
});

fn check(segments: &[Vec<u8>]) {
    let disk = journal::disk(segments);
    let read = Reader::on(Arc::new(disk.clone())).and_then(count);
    let settings = Settings { segment_bytes: 8 << 10, ..Settings::small() };
    let Ok((store, _)) = MemoryStore::open(&disk, &settings) else { return };
    let sequence = store.durable_sequence();
    if let Ok(read) = read {
        assert_eq!(read, sequence, "a reader sees what the store has");
    }
    let written = store.transact(|transaction| {
        transaction.put(TABLE, b"key", b"value");
        Ok(transaction.sequence())
    });
    assert_eq!(written.wait().expect("an open store takes a write"), sequence + 1);
    store.close().expect("a disk in memory");

    let (store, _) = MemoryStore::open(&disk, &settings).expect("what was closed opens");
    assert_eq!(store.durable_sequence(), sequence + 1);
    assert_eq!(store.get(TABLE, b"key").expect("a key"), Some(b"value".to_vec()));
    let read = Reader::on(Arc::new(disk.clone())).and_then(count);
    assert_eq!(read.expect("a clean journal"), sequence + 1);
    store.close().expect("a disk in memory");
}

/// The number of the last transaction; they are dense.
fn count(reader: Reader) -> Result<u64, StoreError> {
    let mut last = 0;
    for transaction in reader {
        let sequence = transaction?.sequence;
        assert!(sequence > last, "in order");
        last = sequence;
    }
    Ok(last)
}
