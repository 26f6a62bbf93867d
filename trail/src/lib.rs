//! The audit trail: every event of a key, a certificate, the clock, the configuration, a login or
//! the administration, in an append-only, hash-chained log in the store.
//!
//! An event is appended inside the transaction of the change that it tells of ([`append()`]), so
//! that neither is there without the other; what changes nothing in the store is recorded on its
//! own ([`Trail::record`]). Each event holds the hash of the one before it, so that nobody can
//! change, remove, insert or reorder events without changing every hash that follows:
//!
//! ```text
//! hash(n) = SHA-256(hash(n - 1) ‖ record(n))        hash(0) = 32 zero bytes
//! ```
//!
//! [`Checker`] walks the journal and re-computes all of it. Whoever can rewrite the whole journal
//! can rewrite the chain as well: keep the head that a check prints where the service cannot
//! write, then that is found too.
//!
//! **No secret goes in here.** The newtypes of secrets have neither `Display` nor `ToString`, so
//! that [`Event::with`] does not take them; names, numbers, fingerprints and reasons are what it
//! is for.
//!
//! Table numbers 40 to 43 of the store belong to this crate: see [`tables`].

mod append;
mod check;
mod event;
mod read;
mod record;
pub mod tables;
#[cfg(test)]
mod tests;

pub use append::append;
pub use check::{Checker, Fault, Operation, Report};
pub use event::{Category, Event, Outcome, UnknownWord};
pub use read::{MOST_AT_ONCE, Page, Query, Trail};
pub use record::{Head, Recorded};
