//! The tables of the stamps, and the form of their keys. All of it is stored state: a number or
//! a form is never changed, only added to.

use crate::StampAccountId;
use store::Table;

/// Account (u64, big-endian) → account record.
pub const ACCOUNT: Table = Table::new(1, "stamp-account");
/// Name in lower case → account (u64, big-endian).
pub const NAME: Table = Table::new(2, "stamp-account-name");
/// Account, lot (u64 each, big-endian) → lot record.
pub const LOT: Table = Table::new(3, "stamp-lot");
/// Account, entry (u64 each, big-endian) → entry record; that of a use holds its token.
pub const ENTRY: Table = Table::new(4, "stamp-entry");
/// Serial number (16 bytes, the first six are milliseconds) → where its entry is.
pub const SERIAL: Table = Table::new(5, "stamp-serial");
/// [`GLOBAL_KEY`] → the counters of the whole service.
pub const GLOBAL: Table = Table::new(6, "stamp-global");
/// Expiry (milliseconds, u64 big-endian), account, lot → nothing: lots that are still to expire.
pub const EXPIRY: Table = Table::new(7, "stamp-expiry");

/// The one key of [`GLOBAL`].
pub const GLOBAL_KEY: &[u8] = b"stamps";

/// The key of an account.
pub(crate) fn account_key(account: StampAccountId) -> [u8; 8] {
    account.number().to_be_bytes()
}

/// The key of something numbered inside an account: a lot or an entry.
pub(crate) fn inner_key(account: StampAccountId, number: u64) -> [u8; 16] {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&account.number().to_be_bytes());
    key[8..].copy_from_slice(&number.to_be_bytes());
    key
}

/// The key of a lot in the list of those that are still to expire.
pub(crate) fn expiry_key(expires_at: i64, account: StampAccountId, lot: u64) -> [u8; 24] {
    let mut key = [0; 24];
    // A lot never expires before 1970: `NewLot` is checked against now.
    key[..8].copy_from_slice(&u64::try_from(expires_at).unwrap_or(0).to_be_bytes());
    key[8..].copy_from_slice(&inner_key(account, lot));
    key
}

/// Two numbers from a key of 16 bytes.
pub(crate) fn split_key(key: &[u8]) -> Option<(u64, u64)> {
    let (first, second) = key.split_first_chunk::<8>()?;
    Some((u64::from_be_bytes(*first), u64::from_be_bytes(second.try_into().ok()?)))
}

/// Expiry, account and lot from a key of [`EXPIRY`].
pub(crate) fn split_expiry_key(key: &[u8]) -> Option<(i64, u64, u64)> {
    let (head, rest) = key.split_first_chunk::<8>()?;
    let (account, lot) = split_key(rest)?;
    Some((i64::try_from(u64::from_be_bytes(*head)).ok()?, account, lot))
}
