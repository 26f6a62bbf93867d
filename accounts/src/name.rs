//! The name of a stamp account, which is its login name as well.

use std::fmt;

/// The longest name, in characters.
const LONGEST: usize = 64;

/// The name of a stamp account: 1 to 64 of `a-z 0-9 . _ @ -`, in lower case. Upper-case letters
/// are accepted and lowered, so two names that differ only in case are the same name. A name is
/// not `.` or `..`, which a path would swallow, and does not look like an identifier (`sa-17`),
/// for which it would be taken.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountName(String);

/// A text cannot be the name of an account.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "name {0:?} is not allowed: use 1 to 64 of the characters a-z 0-9 . _ @ -, but not only dots, \
     and not `sa-` with a number"
)]
pub struct BadName(pub String);

impl AccountName {
    /// Reads a name.
    pub fn parse(text: &str) -> Result<Self, BadName> {
        let allowed = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'@' | b'-');
        if text.is_empty() || text.len() > LONGEST || !text.bytes().all(allowed) {
            // What is shown is bounded: the text comes from outside.
            return Err(BadName(text.chars().take(LONGEST).collect()));
        }
        let name = text.to_ascii_lowercase();
        let number = name.strip_prefix("sa-").unwrap_or_default();
        let like_an_id = !number.is_empty() && number.bytes().all(|c| c.is_ascii_digit());
        if like_an_id || name.bytes().all(|c| c == b'.') {
            return Err(BadName(name));
        }
        Ok(Self(name))
    }

    /// The name in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_lowered() {
        assert_eq!(
            AccountName::parse("Ada.L_1@Example-Org").unwrap().as_str(),
            "ada.l_1@example-org"
        );
    }

    #[test]
    fn a_name_is_not_taken_for_an_identifier_or_a_path() {
        for text in ["sa-1", "SA-99", ".", ".."] {
            assert!(AccountName::parse(text).is_err(), "{text}");
        }
        for text in ["sa-", "sa-x1", "sa-1a", "...a", "sa1"] {
            assert!(AccountName::parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn the_longest_name_has_64_characters() {
        assert!(AccountName::parse(&"a".repeat(64)).is_ok());
        assert!(AccountName::parse(&"a".repeat(65)).is_err());
    }

    #[test]
    fn other_characters_are_refused_and_named() {
        for text in ["", "a b", "a:b", "è", "a/b", "a\n", "a\0", "A+b"] {
            let error = AccountName::parse(text).unwrap_err();
            assert!(error.to_string().contains("a-z 0-9 . _ @ -"), "{error}");
        }
    }
}
