//! One-time codes: a second factor, bound to one operation of one holder.
//!
//! Whoever needs one takes an [`OtpVerified`] by value: it cannot be made outside this room,
//! copied, or used for another operation than the one that its code was asked for.

mod verified;

pub use verified::{OtpVerified, Purpose};
