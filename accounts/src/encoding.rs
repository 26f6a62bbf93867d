//! How records become bytes: CBOR arrays with numbered fields (RFC 8949), read back strictly.
//!
//! A field's number is its place in the stored array. A new field is optional and gets the next
//! number; a number is never used again. Each record has a golden test beside it.

use minicbor::decode::Decode;
use minicbor::encode::Encode;
use rust_decimal::Decimal;
use store::{StoreError, Table};

/// The bytes of a record. `capacity` spares the buffer its growth.
pub(crate) fn encode<T: Encode<()>>(record: &T, capacity: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(capacity);
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

/// `Option<Decimal>` as its text: exact, and readable in an export.
pub(crate) mod decimal {
    use super::Decimal;
    use minicbor::decode::Error as DecodeError;
    use minicbor::encode::{Error as EncodeError, Write};
    use minicbor::{Decoder, Encoder};

    pub(crate) fn encode<C, W: Write>(
        value: &Option<Decimal>,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        match value {
            Some(value) => e.str(&value.to_string())?.ok(),
            None => e.null()?.ok(),
        }
    }

    pub(crate) fn decode<C>(
        d: &mut Decoder<'_>,
        _: &mut C,
    ) -> Result<Option<Decimal>, DecodeError> {
        if d.datatype()? == minicbor::data::Type::Null {
            d.null()?;
            return Ok(None);
        }
        let text = d.str()?;
        text.parse().map(Some).map_err(|_| DecodeError::message("not a decimal number"))
    }
}
