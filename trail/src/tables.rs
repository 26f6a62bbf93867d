//! The tables of the trail, and the form of their keys. All of it is stored state: a number or a
//! form is never changed, only added to.

use crate::Category;
use store::Table;

/// Sequence (u64, big-endian) → hash of the event before (32 bytes), then the record in CBOR.
pub const EVENT: Table = Table::new(40, "trail-event");
/// [`HEAD_KEY`] → how many events there are and the hash of the last one.
pub const HEAD: Table = Table::new(41, "trail-head");
/// Category (one byte), sequence (u64, big-endian) → nothing.
pub const BY_CATEGORY: Table = Table::new(42, "trail-category");
/// Hour (since the Unix epoch, u64 big-endian) → the first event of that hour (u64, big-endian).
pub const BY_HOUR: Table = Table::new(43, "trail-hour");

/// The one key of [`HEAD`].
pub const HEAD_KEY: &[u8] = b"trail";

/// The key of an event.
pub(crate) fn event_key(sequence: u64) -> [u8; 8] {
    sequence.to_be_bytes()
}

/// The key of an event among those of its category.
pub(crate) fn category_key(category: Category, sequence: u64) -> [u8; 9] {
    let mut key = [0; 9];
    key[0] = category.number();
    key[1..].copy_from_slice(&sequence.to_be_bytes());
    key
}

/// The key of the hour that an instant (milliseconds) is in. Before 1970 counts as hour 0.
pub(crate) fn hour_key(at: i64) -> [u8; 8] {
    u64::try_from(at / 3_600_000).unwrap_or(0).to_be_bytes()
}

/// A number from a key or a value of eight bytes.
pub(crate) fn number(bytes: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.try_into().ok()?))
}
