//! The store as its callers see it, on a real disk.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod disk_store;
mod maintenance;
mod reader;
mod sled_damage;

use marca_store::{DiskStore, Order, Row, Settings, Store, StoreExt, Table};
use std::ops::Bound::Unbounded;
use std::path::Path;

const T: Table = Table::new(1, "t");

/// Segments of 64 KiB, so that a test fills several.
fn small() -> Settings {
    Settings { segment_bytes: 64 << 10, reserve_bytes: 4096, ..Settings::default() }
}

fn open(directory: &Path) -> DiskStore {
    DiskStore::open(directory, &small()).unwrap().0
}

/// Writes `numbers`, each with a value of its own and the shared key `last`.
fn write(store: &DiskStore, numbers: std::ops::Range<u32>) {
    let writes: Vec<_> = numbers
        .map(|number| {
            store.transact(move |transaction| {
                transaction.put(T, &number.to_be_bytes(), &value(number));
                transaction.put(T, b"last", &number.to_be_bytes());
                Ok(())
            })
        })
        .collect();
    writes.into_iter().for_each(|write| write.wait().unwrap());
}

fn value(number: u32) -> Vec<u8> {
    vec![number as u8; (number as usize * 13) % 800]
}

/// What the store holds after the numbers `0..count`.
fn expected(count: u32) -> Vec<Row> {
    let mut rows: Vec<Row> =
        (0..count).map(|number| (number.to_be_bytes().to_vec(), value(number))).collect();
    rows.push((b"last".to_vec(), (count - 1).to_be_bytes().to_vec()));
    rows
}

fn rows(store: &DiskStore) -> Vec<Row> {
    store.scan(T, Unbounded, Unbounded, Order::Ascending, usize::MAX).unwrap()
}
