//! The tables of the units, and the form of their keys. All of it is stored state: a number or a
//! form is never changed, only added to. Numbers 56 to 59 are free.

use store::Table;

/// Identifier of a unit → its record.
pub const UNIT: Table = Table::new(52, "tsu");
/// Identifier of a unit, a zero byte, number of the generation (u32, big-endian) → its record.
pub const GENERATION: Table = Table::new(53, "tsu-generation");
/// [`DEFAULT_KEY`] → identifier of the unit for requests that name none.
pub const CHOICE: Table = Table::new(54, "tsu-choice");

/// Key of a generation → its key is being made, and its record is still to come.
pub const MAKING: Table = Table::new(55, "tsu-making");

/// The one key of [`CHOICE`].
pub const DEFAULT_KEY: &[u8] = b"default";

/// The key of a generation. An identifier has no zero byte, so all of a unit stand together.
pub(super) fn generation_key(id: &str, number: u32) -> Vec<u8> {
    let mut key = generation_prefix(id);
    key.extend_from_slice(&number.to_be_bytes());
    key
}

/// What the keys of all generations of a unit begin with.
pub(super) fn generation_prefix(id: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(id.len() + 5);
    key.extend_from_slice(id.as_bytes());
    key.push(0);
    key
}

/// The number in the key of a generation.
pub(super) fn generation_number(key: &[u8]) -> Option<u32> {
    key.last_chunk::<4>().map(|number| u32::from_be_bytes(*number))
}
