//! RFC 3161 time-stamping: request, policy, time, unit, token, and the issuing of one.
//!
//! No HTTP and no storage here: the debit and the record go through the [`ledger`] port.

pub mod ledger;
pub mod time;
