//! How records become bytes: CBOR arrays with numbered fields (RFC 8949), read back strictly.
//!
//! A field's number is its place in the stored array. A new field is optional and gets the next
//! number; a number is never used again. Each record has a golden test.

use chrono::{DateTime, Utc};
use minicbor::decode::Decode;
use minicbor::encode::Encode;
use store::{StoreError, Table};

/// The bytes of a record.
pub(crate) fn encode<T: Encode<()>>(record: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Writing to memory has no error, and no record here has a codec that refuses a value.
    minicbor::encode(record, &mut bytes).expect("a record is always encodable");
    bytes
}

/// Reads a record; what cannot be read is damage, named by its table and key.
pub(crate) fn decode<'b, T: Decode<'b, ()>>(
    table: Table,
    key: &[u8],
    bytes: &'b [u8],
) -> Result<T, StoreError> {
    minicbor::decode(bytes).map_err(|error| damaged(table, key, &error.to_string()))
}

/// The store's word for a record that should not be as it is.
pub(crate) fn damaged(table: Table, key: &[u8], what: &str) -> StoreError {
    StoreError::Damaged {
        place: format!("table {}, key {}", table.name(), hex::encode(key)),
        what: what.to_owned(),
    }
}

/// A stored instant (milliseconds since the Unix epoch).
pub(crate) fn instant(table: Table, key: &[u8], ms: i64) -> Result<DateTime<Utc>, StoreError> {
    DateTime::from_timestamp_millis(ms).ok_or_else(|| damaged(table, key, "an impossible time"))
}
