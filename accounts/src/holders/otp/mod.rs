//! One-time codes: a second factor, bound to one operation of one holder.
//!
//! The walk of a code:
//!
//! 1. [`Holders::begin_otp`] makes six digits for one purpose and for 32 bytes that stand for
//!    what is to be done, and queues them for the holder's telephone. With an authenticator app
//!    enrolled nothing is sent, but to prove a number.
//! 2. [`Holders::resend_otp`] sends the same code again while it lives, then a new one.
//! 3. [`Holders::verify_otp`] counts the try, compares, and hands out an [`OtpVerified`].
//!
//! Whoever needs a code takes an [`OtpVerified`] by value: it cannot be made outside this room,
//! copied, or used for another operation than the one that its code was asked for.
//!
//! At rest a code is an HMAC under the pepper, which is what is compared with, and a copy sealed
//! under the pepper, which is there to be sent again and goes when the code is over. Short
//! messages cost money and can be redirected, so they are counted by number, by block of numbers,
//! by holder and over all (`limit`).

mod begin;
mod check;
mod limit;
mod record;
mod refusal;
mod state;
mod text;
mod verified;

pub use begin::{OtpAsked, OtpRequest};
pub use record::{OtpChannel, UnknownChannel};
pub use refusal::OtpRefusal;
pub use state::{ChallengeEvent, ChallengeState};
pub use text::{SmsCoding, SmsText, sms_text};
pub use verified::{Change, OtpVerified, Purpose};

pub(crate) use begin::begin_to_number;
pub(crate) use check::digits;
pub(crate) use record::{ChallengeRecord, end_all};
#[cfg(test)]
pub(crate) use {
    limit::{TimesRecord, WindowRecord},
    record::CodeRecord,
};

#[cfg(doc)]
use crate::holders::Holders;

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
