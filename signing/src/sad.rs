//! Signature activation data: 256 random bits, given out once, kept as their hash.

use crate::error::SignError;
use openssl::sha::sha256;
use rand::Rng;
use std::fmt;
use zeroize::Zeroizing;

/// The bearer of an authorisation: 64 hex digits. Wiped when dropped, never printed.
pub struct SignatureActivationData(Zeroizing<String>);

impl SignatureActivationData {
    /// Draws one.
    pub(crate) fn generate(random: &mut (impl Rng + ?Sized)) -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        random.fill_bytes(&mut *bytes);
        Self(Zeroizing::new(hex::encode(*bytes)))
    }

    /// Reads what a client sent.
    ///
    /// # Errors
    /// [`SignError::UnknownSad`]: a text of another form is one that was never given out.
    pub fn parse(text: &str) -> Result<Self, SignError> {
        let well_formed =
            text.len() == 64 && text.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'));
        if !well_formed {
            return Err(SignError::UnknownSad);
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    /// The text, to be given to the client once.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What it is kept under.
    #[must_use]
    pub fn key(&self) -> SadKey {
        SadKey(sha256(self.0.as_bytes()))
    }
}

impl fmt::Debug for SignatureActivationData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignatureActivationData(..)")
    }
}

/// SHA-256 of a SAD: finds an authorisation, and opens nothing. No salt and no slow hash: nobody
/// guesses 256 random bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SadKey(pub [u8; 32]);

impl fmt::Debug for SadKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}
