//! The passphrase that opens an envelope.
//!
//! ISO 32000-2, 7.6.4.3.3 (Algorithm 2.A): the password is prepared with the SASLprep profile
//! (RFC 4013) of stringprep, written in UTF-8 and cut to 127 bytes. A passphrase that would be cut
//! is refused, for its end would protect nothing.

use std::fmt;

use zeroize::Zeroizing;

/// A prepared passphrase. Wiped when dropped; `Debug` does not show it.
pub struct Passphrase(Zeroizing<String>);

/// Why a text cannot be a passphrase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadPassphrase {
    /// Fewer characters than [`Passphrase::MIN_CHARACTERS`].
    #[error("the passphrase has {found} characters: it needs at least {minimum}")]
    TooShort {
        /// Characters after preparation.
        found: usize,
        /// [`Passphrase::MIN_CHARACTERS`].
        minimum: usize,
    },
    /// More bytes than [`Passphrase::MAX_BYTES`].
    #[error("the passphrase has {found} bytes in UTF-8: a PDF takes at most {maximum}")]
    TooLong {
        /// Bytes after preparation.
        found: usize,
        /// [`Passphrase::MAX_BYTES`].
        maximum: usize,
    },
    /// A control character, a character that Unicode 3.2 does not know (an emoji, for example), or
    /// scripts of both directions mixed against the rule of RFC 3454, 6.
    #[error(
        "the passphrase has a character that a PDF reader may not accept, such as a control \
         character or an emoji: use letters, digits and punctuation"
    )]
    ForbiddenCharacter,
}

impl Passphrase {
    /// An envelope travels by mail, and whoever has it can try passphrases without end: a shorter
    /// one would protect nothing.
    pub const MIN_CHARACTERS: usize = 8;
    /// ISO 32000-2, 7.6.4.3.3: "truncate … to 127 bytes".
    pub const MAX_BYTES: usize = 127;

    /// Prepares what a holder typed.
    ///
    /// # Errors
    /// See [`BadPassphrase`].
    pub fn parse(text: &str) -> Result<Self, BadPassphrase> {
        let prepared = stringprep::saslprep(text).map_err(|_| BadPassphrase::ForbiddenCharacter)?;
        let prepared = Zeroizing::new(prepared.into_owned());
        let characters = prepared.chars().count();
        if characters < Self::MIN_CHARACTERS {
            let minimum = Self::MIN_CHARACTERS;
            return Err(BadPassphrase::TooShort { found: characters, minimum });
        }
        if prepared.len() > Self::MAX_BYTES {
            let maximum = Self::MAX_BYTES;
            return Err(BadPassphrase::TooLong { found: prepared.len(), maximum });
        }
        Ok(Self(prepared))
    }

    /// As a PDF reader has to receive it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(..)")
    }
}
