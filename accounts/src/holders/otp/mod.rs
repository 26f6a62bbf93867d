//! One-time codes: a second factor, bound to one operation of one holder.
//!
//! Whoever needs one takes an [`OtpVerified`] by value: it cannot be made outside this room,
//! copied, or used for another operation than the one that its code was asked for.

mod verified;

pub use verified::{OtpVerified, Purpose};

/// What a one-time code is bound to: SHA-256 over parts, each with its length in front.
#[must_use]
pub fn bound(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = openssl::sha::Sha256::new();
    for part in parts {
        hash.update(&(part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finish()
}
