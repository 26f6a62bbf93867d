//! Phone numbers in the one form in which they are stored: E.164, `+` and 8 to 15 digits.

use super::HolderError;
use super::fields::FieldRule;
use std::fmt;

/// A phone number: `+`, the country code, and the number, without anything between.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PhoneNumber(String);

impl PhoneNumber {
    /// Reads a number with its country code, `+39` or `0039` in front. Blanks, dots, hyphens,
    /// slashes and parentheses between digits are what people write, and are left out.
    pub fn parse(field: &'static str, text: &str) -> Result<Self, HolderError> {
        let bad = || FieldRule::Phone.broken_by(field);
        let text = text.trim();
        let written = text.strip_prefix('+').or_else(|| text.strip_prefix("00")).ok_or_else(bad)?;
        let digits: String =
            written.chars().filter(|c| !matches!(c, ' ' | '.' | '-' | '/' | '(' | ')')).collect();
        // ITU-T E.164 §6.2.1: at most 15 digits; a country code does not begin with 0.
        let allowed = (8..=15).contains(&digits.len())
            && digits.bytes().all(|c| c.is_ascii_digit())
            && !digits.starts_with('0');
        if allowed { Ok(Self(format!("+{digits}"))) } else { Err(bad()) }
    }

    /// The number as it is stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The number for somebody who may not know it: `+39 … 67`.
    #[must_use]
    pub fn masked(&self) -> String {
        let head: String = self.0.chars().take(3).collect();
        let tail = self.0.len().saturating_sub(2);
        format!("{head} … {}", self.0.get(tail..).unwrap_or_default())
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Personal data do not go into logs.
        f.write_str("PhoneNumber")
    }
}
