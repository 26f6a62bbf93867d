//! The emergency code: ten characters that a frightened person can read to somebody else.
//!
//! Of each group of characters that are mistaken for each other at most one is in the alphabet,
//! so that a slip of the eye can be put right. No vowels, so that no word comes out.

use std::fmt;

use rand::CryptoRng;
use zeroize::Zeroizing;

use super::{BadCode, is_separator, random_text};

/// Ten characters that suspend a credential without a login; 45 bits.
pub struct EmergencyCode(Zeroizing<String>);

/// Without 0 and O, 1, I and L, and without the look-alikes of 8 (B), 6 (G), 5 (S), 2 (Z) and
/// V (U). The 24 that stay are written in capitals.
const ALPHABET: &[u8; 24] = b"23456789CDFHJKMNPQRTVWXY";

impl EmergencyCode {
    /// Characters of an emergency code.
    pub const LENGTH: usize = 10;

    /// Draws one.
    pub fn generate(rng: &mut dyn CryptoRng) -> Self {
        Self(random_text(rng, ALPHABET, Self::LENGTH))
    }

    /// Reads what a person typed: small letters, spaces and hyphens are welcome, and a character
    /// that is not in the alphabet but looks like one that is, is taken for it.
    ///
    /// # Errors
    /// [`BadCode::EmergencyCode`] for all but ten characters of the alphabet.
    pub fn parse(text: &str) -> Result<Self, BadCode> {
        let mut code = Zeroizing::new(String::with_capacity(Self::LENGTH));
        for typed in text.chars().filter(|c| !is_separator(*c)) {
            let meant = match typed.to_ascii_uppercase() {
                'B' => '8',
                'G' => '6',
                'S' => '5',
                'Z' => '2',
                'U' => 'V',
                other => other,
            };
            let known = u8::try_from(meant).is_ok_and(|byte| ALPHABET.contains(&byte));
            if !known || code.len() == Self::LENGTH {
                return Err(BadCode::EmergencyCode);
            }
            code.push(meant);
        }
        if code.len() == Self::LENGTH { Ok(Self(code)) } else { Err(BadCode::EmergencyCode) }
    }

    /// The ten characters.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for EmergencyCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EmergencyCode(..)")
    }
}
