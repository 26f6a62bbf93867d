//! Accounts: who may stamp and how many stamps they have, and who may sign.
//!
//! Four rooms. Of stamp accounts, [`stamps`] is the only code that changes a balance,
//! [`credentials`] tells who asks, and [`audit`] re-adds everything from the journal and trusts
//! neither. [`holders`] are the people who own remote-signature accounts. No HTTP here, no
//! clock and no source of randomness of its own: both come in as parameters. All state is in a
//! [`store::Store`]; what is kept in memory is a cache that may be dropped at any time.
//!
//! Table numbers 1 to 31 of the store belong to this crate: see [`stamps::tables`],
//! [`credentials::tables`] and [`holders::tables`].

mod account_id;
pub mod audit;
pub mod credentials;
mod encoding;
pub mod holders;
mod name;
pub mod stamps;
#[cfg(test)]
mod testing;

pub use account_id::{BadAccountId, StampAccountId};
pub use name::{AccountName, BadName};
