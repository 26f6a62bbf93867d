//! The identifier of a stamp account.

use std::fmt;
use std::str::FromStr;

/// The identifier of a stamp account: a number that is never given twice, written `sa-<number>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StampAccountId(u64);

impl StampAccountId {
    /// The account with this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number, as it stands in stored keys.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for StampAccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sa-{}", self.0)
    }
}

/// A text is not the identifier of a stamp account.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the identifier of a stamp account: use `sa-` and a number, as in sa-17")]
pub struct BadAccountId;

impl FromStr for StampAccountId {
    type Err = BadAccountId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix("sa-").ok_or(BadAccountId)?;
        // Exactly one way to write each identifier: no sign, no leading zero.
        let number = digits.parse::<u64>().map_err(|_| BadAccountId)?;
        if number.to_string() == digits { Ok(Self(number)) } else { Err(BadAccountId) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_read_back_from_its_own_text() {
        let id = StampAccountId::new(17);
        assert_eq!(id.to_string(), "sa-17");
        assert_eq!("sa-17".parse(), Ok(id));
    }

    #[test]
    fn other_spellings_are_refused() {
        for text in ["", "17", "sa-", "sa-017", "sa-+1", "sa--1", "SA-1", "sa-1 ", "sa-x"] {
            assert_eq!(text.parse::<StampAccountId>(), Err(BadAccountId), "{text}");
        }
    }
}
