//! The number of an envelope: twelve random digits and a check digit.
//!
//! It names an envelope in a talk with the staff and opens nothing, so it may be shown and kept.
//! It tells neither how many envelopes there are nor when this one was made. That no two are the
//! same is for the keeper of the numbers to see to.

use std::fmt;

use rand::CryptoRng;

use super::{BadCode, digits, grouped, random_text};

/// Thirteen digits, the last of which is the check character of ISO/IEC 7064, MOD 11,10 (the hybrid
/// system for digits): it finds every single wrong digit and nearly every pair that changed places.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EnvelopeNumber(String);

impl EnvelopeNumber {
    /// Digits of an envelope number, the check digit among them.
    pub const LENGTH: usize = 13;

    /// Draws one.
    pub fn generate(rng: &mut dyn CryptoRng) -> Self {
        let mut number = random_text(rng, b"0123456789", Self::LENGTH - 1).to_string();
        number.push(check_digit(&number));
        Self(number)
    }

    /// Reads what a person typed; spaces and hyphens are nothing.
    ///
    /// # Errors
    /// [`BadCode::EnvelopeNumber`] for all but thirteen digits, [`BadCode::CheckDigit`] for digits
    /// that do not belong together.
    pub fn parse(text: &str) -> Result<Self, BadCode> {
        let number = digits(text, Self::LENGTH).ok_or(BadCode::EnvelopeNumber)?;
        let (body, check) = number.split_at(Self::LENGTH - 1);
        if check.starts_with(check_digit(body)) {
            Ok(Self(number.to_string()))
        } else {
            Err(BadCode::CheckDigit)
        }
    }

    /// The thirteen digits, without spaces.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// As it is printed: `1234 5678 9012 3`.
impl fmt::Display for EnvelopeNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&grouped(&self.0, 4))
    }
}

/// ISO/IEC 7064:2003, 9: the recursive method of a hybrid system, with M = 10.
pub(super) fn check_digit(body: &str) -> char {
    let product = body.bytes().fold(10, |product, byte| {
        let sum = (product + u32::from(byte - b'0')) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    // The product is 1 to 10, so that this is one digit.
    char::from(b'0' + ((11 - product) % 10) as u8)
}
