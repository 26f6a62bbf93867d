//! A table: a named range of keys. The number is part of the stored state.

/// A named range of keys inside the store. The number is written to disk with every key, so a
/// number once given to a table is never given to another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Table {
    number: u8,
    name: &'static str,
}

impl Table {
    /// A table with its number (stored) and its name (for messages and exports, not stored).
    /// Number 0 is the store's own.
    #[must_use]
    pub const fn new(number: u8, name: &'static str) -> Self {
        Self { number, name }
    }

    /// The number that stands before each of the table's keys on disk.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.number
    }

    /// The name for messages and exports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.name
    }
}
