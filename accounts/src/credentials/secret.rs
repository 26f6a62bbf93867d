//! Secrets as types: not shown, not copied by accident, wiped when dropped.

use super::error::CredentialError;
use rand::Rng;
use zeroize::Zeroizing;

/// The shortest and the longest password, in characters.
const PASSWORD_LENGTH: std::ops::RangeInclusive<usize> = 8..=128;
/// The longest prefix of an API key.
const PREFIX_LENGTH: std::ops::RangeInclusive<usize> = 1..=16;
/// Hex digits of the secret part of an API key: 128 bits.
const SECRET_LENGTH: usize = 32;
/// Without `i l o u`, which are read as something else: 5 bits for a character.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// A service password.
pub struct Password(Zeroizing<String>);

impl Password {
    /// Takes a password of 8 to 128 characters as it is: nothing is cut or changed.
    pub fn new(text: String) -> Result<Self, CredentialError> {
        let text = Zeroizing::new(text);
        if !PASSWORD_LENGTH.contains(&text.chars().count()) {
            return Err(CredentialError::BadPassword);
        }
        Ok(Self(text))
    }

    /// The password itself: to be shown once, or to be hashed.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password")
    }
}

/// A password of 26 characters, 130 random bits.
pub fn generate_password(random: &mut (impl Rng + ?Sized)) -> Password {
    let mut bytes = Zeroizing::new([0; 26]);
    random.fill_bytes(&mut *bytes);
    let character = |byte: &u8| char::from(ALPHABET[usize::from(byte % 32)]);
    Password(Zeroizing::new(bytes.iter().map(character).collect()))
}

/// An API key: `marca_<prefix>_<secret>`. It is shown once; what is stored is its hash.
pub struct ApiKey {
    text: Zeroizing<String>,
    prefix: usize,
}

impl ApiKey {
    /// Reads a key that was made elsewhere.
    pub fn parse(text: &str) -> Result<Self, CredentialError> {
        let prefix = prefix_of(text).ok_or(CredentialError::BadKey)?.len();
        Ok(Self { text: Zeroizing::new(text.to_owned()), prefix })
    }

    /// A new key: a prefix of 8 characters to find it by, and 128 random bits.
    pub fn generate(random: &mut (impl Rng + ?Sized)) -> Self {
        let mut bytes = Zeroizing::new([0; 8 + SECRET_LENGTH / 2]);
        random.fill_bytes(&mut *bytes);
        let (head, secret) = bytes.split_at(8);
        let prefix: String =
            head.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect();
        let secret = Zeroizing::new(hex::encode(secret));
        let text = Zeroizing::new(format!("marca_{prefix}_{}", *secret));
        Self { text, prefix: prefix.len() }
    }

    /// The key itself, to be shown once.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// The part that may be shown always.
    #[must_use]
    pub fn prefix(&self) -> &str {
        let start = "marca_".len();
        self.text.get(start..start + self.prefix).unwrap_or_default()
    }
}

impl std::fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ApiKey")
    }
}

/// The prefix of a text that has the form of an API key.
pub(crate) fn prefix_of(text: &str) -> Option<&str> {
    let (prefix, secret) = text.strip_prefix("marca_")?.split_once('_')?;
    let lower = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    let hex = |c: u8| matches!(c, b'0'..=b'9' | b'a'..=b'f');
    let well_formed = PREFIX_LENGTH.contains(&prefix.len())
        && prefix.bytes().all(lower)
        && secret.len() == SECRET_LENGTH
        && secret.bytes().all(hex);
    well_formed.then_some(prefix)
}
