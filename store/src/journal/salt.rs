//! The salts of segments: random, so that nobody outside can make a value that looks like a frame.

use std::io;

/// Draws a salt. A parameter of all that begins a segment, so that tests can fix it.
pub(crate) type Salts = fn() -> io::Result<u64>;

/// From the generator of the operating system.
pub(crate) fn from_system() -> io::Result<u64> {
    getrandom::u64().map_err(|error| io::Error::other(error.to_string()))
}
