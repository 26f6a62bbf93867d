//! The codes of an envelope: what they look like, how they are drawn, how a typed one is read.
//!
//! Randomness comes in as a parameter. A secret code is wiped when it is dropped, is never part of
//! a `Debug` output, and cannot be compared by accident: what checks one keeps a hash or a wrapped
//! key, and no code. Which codes are too easy to guess is told in [`pin`].

mod emergency;
mod number;
pub mod pin;
#[cfg(test)]
mod tests;

use std::fmt;

use rand::{CryptoRng, RngExt};
use zeroize::Zeroizing;

pub use emergency::EmergencyCode;
pub use number::EnvelopeNumber;
pub use pin::{Pin, PinContext, PinRefused};

/// All that one envelope tells its holder.
///
/// They exist in clear only between [`Codes::generate`] and the end of the envelope's making.
#[derive(Debug)]
pub struct Codes {
    /// Which envelope this is. Opens nothing.
    pub number: EnvelopeNumber,
    /// The first PIN. `None` in the envelope of a renewal, whose holder has a PIN of their own.
    pub pin: Option<Pin>,
    /// Sets a new PIN.
    pub puk: Puk,
    /// Suspends without a login.
    pub emergency_code: EmergencyCode,
}

impl Codes {
    /// The codes of a first envelope.
    pub fn generate(rng: &mut dyn CryptoRng) -> Self {
        let pin = Pin::generate(rng);
        Self { pin: Some(pin), ..Self::renew(rng) }
    }

    /// The codes of a renewal's envelope: no PIN, for the holder's own is kept or chosen on the
    /// portal, and nobody else knows it.
    pub fn renew(rng: &mut dyn CryptoRng) -> Self {
        Self {
            number: EnvelopeNumber::generate(rng),
            pin: None,
            puk: Puk::generate(rng),
            emergency_code: EmergencyCode::generate(rng),
        }
    }
}

/// Ten digits that set a new PIN, when the old one is forgotten or locked.
pub struct Puk(Zeroizing<String>);

impl Puk {
    /// Digits of a PUK.
    pub const LENGTH: usize = 10;

    /// A PUK that is none of the first guesses (the same rules as for a PIN).
    pub fn generate(rng: &mut dyn CryptoRng) -> Self {
        Self(digits_hard_to_guess(rng, Self::LENGTH))
    }

    /// Reads what a person typed from the sheet; spaces and hyphens are nothing.
    ///
    /// # Errors
    /// [`BadCode::Puk`] for all but ten digits.
    pub fn parse(text: &str) -> Result<Self, BadCode> {
        digits(text, Self::LENGTH).map(Self).ok_or(BadCode::Puk)
    }

    /// The ten digits.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Puk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Puk(..)")
    }
}

/// What was typed is no code of that kind. Says nothing of what it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadCode {
    /// Not eight digits.
    #[error("a PIN has 8 digits: type the digits only, spaces do not matter")]
    Pin,
    /// Not ten digits.
    #[error("a PUK has 10 digits: type the digits only, spaces do not matter")]
    Puk,
    /// Not ten characters of the alphabet.
    #[error(
        "an emergency code has 10 letters and digits, as printed on the sheet; it never has the \
         digits 0 and 1, nor the letters A, E, I, L and O"
    )]
    EmergencyCode,
    /// Not thirteen digits.
    #[error("an envelope number has 13 digits: type the digits only, spaces do not matter")]
    EnvelopeNumber,
    /// The check digit says that one digit is wrong, or two stand in each other's place.
    #[error("this envelope number is mistyped: compare it with the sheet, digit by digit")]
    CheckDigit,
}

/// Random digits without the first guesses of [`pin::first_guess`].
fn digits_hard_to_guess(rng: &mut dyn CryptoRng, length: usize) -> Zeroizing<String> {
    // Fewer than one in fifty is refused, so that this ends after a round or two.
    loop {
        let drawn = random_text(rng, b"0123456789", length);
        if pin::first_guess(&drawn).is_none() {
            return drawn;
        }
    }
}

/// `length` characters, each drawn from the whole alphabet with the same chance.
fn random_text(rng: &mut dyn CryptoRng, alphabet: &[u8], length: usize) -> Zeroizing<String> {
    // With its full size from the start: a string that grows leaves unwiped copies behind.
    let mut text = Zeroizing::new(String::with_capacity(length));
    for _ in 0..length {
        text.push(char::from(alphabet[rng.random_range(0..alphabet.len())]));
    }
    text
}

/// The digits of `text`, when there are `length` of them and nothing else but spaces and hyphens.
fn digits(text: &str, length: usize) -> Option<Zeroizing<String>> {
    let mut found = Zeroizing::new(String::with_capacity(length));
    for character in text.chars().filter(|c| !is_separator(*c)) {
        if !character.is_ascii_digit() || found.len() == length {
            return None;
        }
        found.push(character);
    }
    (found.len() == length).then_some(found)
}

/// What people type, or a copied PDF holds, between the groups of a code.
fn is_separator(character: char) -> bool {
    character.is_whitespace() || matches!(character, '-' | '\u{2010}'..='\u{2013}')
}

/// `code` as it is printed: groups of `size` characters with a space between.
pub(crate) fn grouped(code: &str, size: usize) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(code.len() * 2));
    for (position, character) in code.chars().enumerate() {
        if position > 0 && position % size == 0 {
            text.push(' ');
        }
        text.push(character);
    }
    text
}
