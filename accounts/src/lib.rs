//! Stamp accounts: who may stamp, how many stamps they have, and where each stamp went.
//!
//! Three rooms. [`stamps`] is the only code that changes a balance. [`credentials`] tells who
//! asks. [`audit`] re-adds everything from the journal and trusts neither. No HTTP here, no
//! clock and no source of randomness of its own: both come in as parameters. All state is in a
//! [`store::Store`]; what is kept in memory is a cache that may be dropped at any time.
//!
//! Table numbers 1 to 31 of the store belong to this crate: see [`stamps::tables`] and
//! [`credentials::tables`].

mod account_id;
pub mod audit;
pub mod credentials;
mod encoding;
mod name;
pub mod stamps;
#[cfg(test)]
mod testing;

pub use account_id::{BadAccountId, StampAccountId};
pub use name::{AccountName, BadName};
