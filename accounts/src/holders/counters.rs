//! Numbers that are given once, in the order of the journal.

use super::error::HolderError;
use super::tables::COUNTER;
use crate::encoding::damaged;
use store::Transaction;

/// The next holder.
pub(crate) const NEXT_HOLDER: &[u8] = b"next-holder";
/// The next registration.
pub(crate) const NEXT_REGISTRATION: &[u8] = b"next-registration";
/// The next message.
pub(crate) const NEXT_MESSAGE: &[u8] = b"next-message";
/// The next entry of a history: one count over all holders, so that a key is never used again.
pub(crate) const NEXT_HISTORY: &[u8] = b"next-history";

/// How many requests for an account wait.
pub(crate) const WAITING_REQUESTS: &[u8] = b"next-waiting";

/// When somebody tried to log in with a name that nobody has.
pub(crate) const UNKNOWN_LOGIN: &[u8] = b"unknown-login";

/// Where the check value of a version of the pepper is.
pub(crate) fn pepper_row(version: u16) -> [u8; 8] {
    let [high, low] = version.to_be_bytes();
    [b'p', b'e', b'p', b'p', b'e', b'r', high, low]
}

/// Takes the next number of a count, from 1 on.
pub(crate) fn next(tx: &mut dyn Transaction, count: &[u8]) -> Result<u64, HolderError> {
    let number = read(tx, count)?.unwrap_or(1);
    tx.put(COUNTER, count, &(number + 1).to_be_bytes());
    Ok(number)
}

/// A count that goes up and down.
pub(crate) fn count(tx: &dyn Transaction, count: &[u8]) -> Result<u64, HolderError> {
    Ok(read(tx, count)?.unwrap_or(0))
}

/// Writes such a count.
pub(crate) fn set_count(tx: &mut dyn Transaction, count: &[u8], value: u64) {
    tx.put(COUNTER, count, &value.to_be_bytes());
}

fn read(tx: &dyn Transaction, count: &[u8]) -> Result<Option<u64>, HolderError> {
    let Some(bytes) = tx.get(COUNTER, count)? else { return Ok(None) };
    let wrong = |_| damaged(COUNTER, count, "not a number of eight bytes");
    Ok(Some(u64::from_be_bytes(bytes.try_into().map_err(wrong)?)))
}
