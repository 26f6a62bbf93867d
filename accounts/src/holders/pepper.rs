//! The pepper: secret keys that are kept outside the store, so that a stolen store is not enough.
//!
//! Every use has its own key, derived with HKDF (RFC 5869) from the secret of a version and the
//! name of the purpose: what is sealed or hashed for one purpose is nothing for another. A new
//! version is added in front; the older ones stay until nothing is under them any more.

use super::error::HolderError;
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::md::Md;
use openssl::pkey::{Id, PKey};
use openssl::pkey_ctx::{HkdfMode, PkeyCtx};
use openssl::sign::Signer;
use openssl::symm::{Cipher, decrypt_aead, encrypt_aead};
use rand::CryptoRng;
use std::collections::BTreeMap;
use std::fmt;
use zeroize::Zeroizing;

/// The bytes of the secret of a version.
const SECRET: usize = 32;
/// AES-GCM: "For IVs, it is recommended that implementations restrict support to the length of
/// 96 bits" (NIST SP 800-38D §5.2.1.1).
const NONCE: usize = 12;
const TAG: usize = 16;
/// In front of what is sealed: the version, and the nonce.
const HEAD: usize = 2 + NONCE;

/// A key of 32 bytes, wiped when dropped.
pub type Key = Zeroizing<[u8; SECRET]>;

/// The pepper of the service.
pub struct Pepper {
    versions: BTreeMap<u16, Key>,
    current: u16,
}

/// The text is not a pepper. It is not repeated here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPepper {
    /// There is no line with a key.
    #[error("the pepper file has no key: write a line with a version and 64 digits 0-9 a-f")]
    Empty,
    /// A line is not a version and a key.
    #[error(
        "line {0} of the pepper file is not a key: write a version (1 to 65535), a blank, and 64 \
         digits 0-9 a-f"
    )]
    Line(usize),
    /// Two lines have the same version.
    #[error("line {0} of the pepper file repeats a version: give each key its own")]
    Repeated(usize),
    /// A key that nobody drew at random.
    #[error("line {0} of the pepper file repeats one byte: draw the key at random")]
    Weak(usize),
}

impl Pepper {
    /// Reads the text of a pepper file: a line for each version, as in `1 <64 hex digits>`. The
    /// highest version is the current one. Empty lines and those with `#` in front are skipped.
    pub fn parse(text: &str) -> Result<Self, BadPepper> {
        let mut versions = BTreeMap::new();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let bad = BadPepper::Line(number);
            let (version, digits) = line.split_once(' ').ok_or(bad)?;
            let version = version.parse::<u16>().ok().filter(|version| *version > 0).ok_or(bad)?;
            let mut key = Key::default();
            hex::decode_to_slice(digits.trim(), &mut *key).map_err(|_| bad)?;
            if key.iter().all(|byte| *byte == key[0]) {
                return Err(BadPepper::Weak(number));
            }
            if versions.insert(version, key).is_some() {
                return Err(BadPepper::Repeated(number));
            }
        }
        let current = *versions.last_key_value().ok_or(BadPepper::Empty)?.0;
        Ok(Self { versions, current })
    }

    /// The text of a new pepper file with one key.
    #[must_use]
    pub fn generate(random: &mut dyn CryptoRng) -> Zeroizing<String> {
        let mut key = Key::default();
        random.fill_bytes(&mut *key);
        let digits = Zeroizing::new(hex::encode(*key));
        Zeroizing::new(format!("1 {}\n", *digits))
    }

    /// The version that new things are put under.
    #[must_use]
    pub fn current(&self) -> u16 {
        self.current
    }

    /// The oldest version: for what must stay in its place when a version is added.
    #[must_use]
    pub fn oldest(&self) -> u16 {
        self.versions.first_key_value().map_or(self.current, |(version, _)| *version)
    }

    /// Whether there is such a version.
    pub(crate) fn has(&self, version: u16) -> bool {
        self.versions.contains_key(&version)
    }

    /// Every version, the oldest first.
    pub(crate) fn versions(&self) -> impl Iterator<Item = u16> + '_ {
        self.versions.keys().copied()
    }

    /// HMAC-SHA-256 over `parts` with the current key of a purpose. To be stored beside
    /// [`Pepper::current`] by whoever compares with it later.
    pub fn mac(&self, purpose: &'static str, parts: &[&[u8]]) -> Result<[u8; 32], HolderError> {
        self.mac_under(self.current, purpose, parts)
    }

    /// The same under a version that was noted before.
    pub fn mac_under(
        &self,
        version: u16,
        purpose: &'static str,
        parts: &[&[u8]],
    ) -> Result<[u8; 32], HolderError> {
        let key = self.derive(version, purpose, &[])?;
        Ok(hmac(&key, parts)?)
    }

    /// A key for a purpose, out of the secret of a version and of `input`: what a holder types,
    /// stretched, becomes a key that a stolen store does not give away.
    pub fn derive(
        &self,
        version: u16,
        purpose: &'static str,
        input: &[u8],
    ) -> Result<Key, HolderError> {
        let secret = self.versions.get(&version).ok_or(HolderError::PepperMissing { version })?;
        Ok(hkdf(secret, purpose, input)?)
    }

    /// Seals a small secret for storage: AES-256-GCM with the current key of a purpose. It opens
    /// only with the same purpose and the same `aad`, which says where it belongs.
    pub fn seal(
        &self,
        purpose: &'static str,
        aad: &[u8],
        bytes: &[u8],
        random: &mut dyn CryptoRng,
    ) -> Result<Vec<u8>, HolderError> {
        let key = self.derive(self.current, purpose, &[])?;
        let mut sealed = Vec::with_capacity(HEAD + bytes.len() + TAG);
        sealed.extend_from_slice(&self.current.to_be_bytes());
        let mut nonce = [0; NONCE];
        random.fill_bytes(&mut nonce);
        sealed.extend_from_slice(&nonce);
        let mut tag = [0; TAG];
        let (cipher, bound) = (Cipher::aes_256_gcm(), bound(self.current, aad));
        let text = encrypt_aead(cipher, &*key, Some(&nonce), &bound, bytes, &mut tag)?;
        sealed.extend_from_slice(&text);
        sealed.extend_from_slice(&tag);
        Ok(sealed)
    }

    /// Opens what was sealed for the same purpose and place.
    pub fn open(
        &self,
        purpose: &'static str,
        aad: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, HolderError> {
        let broken = || HolderError::Unsealable { purpose };
        let (version, rest) = sealed.split_first_chunk::<2>().ok_or_else(broken)?;
        let (nonce, rest) = rest.split_first_chunk::<NONCE>().ok_or_else(broken)?;
        let (text, tag) = rest.split_last_chunk::<TAG>().ok_or_else(broken)?;
        let version = u16::from_be_bytes(*version);
        let key = self.derive(version, purpose, &[])?;
        let (cipher, bound) = (Cipher::aes_256_gcm(), bound(version, aad));
        let open = decrypt_aead(cipher, &*key, Some(nonce), &bound, text, tag);
        Ok(Zeroizing::new(open.map_err(|_| broken())?))
    }
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pepper").field("current", &self.current).finish_non_exhaustive()
    }
}

/// The version is bound as well: nobody turns it into another.
fn bound(version: u16, aad: &[u8]) -> Vec<u8> {
    [&version.to_be_bytes(), aad].concat()
}

fn hkdf(secret: &Key, purpose: &str, input: &[u8]) -> Result<Key, ErrorStack> {
    let mut key = Key::default();
    let mut context = PkeyCtx::new_id(Id::HKDF)?;
    context.derive_init()?;
    context.set_hkdf_mode(HkdfMode::EXTRACT_THEN_EXPAND)?;
    context.set_hkdf_md(Md::sha256())?;
    // RFC 5869 §3.1: "the use of salt adds significantly to the strength of HKDF"; the pepper is
    // the secret one of the two, so that it does for an empty input as well.
    let material = Zeroizing::new([input, secret.as_slice()].concat());
    context.set_hkdf_key(&material)?;
    context.set_hkdf_salt(b"marca pepper")?;
    context.add_hkdf_info(&(input.len() as u64).to_be_bytes())?;
    context.add_hkdf_info(purpose.as_bytes())?;
    context.derive(Some(key.as_mut_slice()))?;
    Ok(key)
}

/// Each part with its length in front, so that no two lists of parts are the same bytes.
fn hmac(key: &Key, parts: &[&[u8]]) -> Result<[u8; 32], ErrorStack> {
    let key = PKey::hmac(key.as_slice())?;
    let mut signer = Signer::new(MessageDigest::sha256(), &key)?;
    for part in parts {
        signer.update(&(part.len() as u64).to_be_bytes())?;
        signer.update(part)?;
    }
    let mut mac = [0; 32];
    signer.sign(&mut mac)?;
    Ok(mac)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestRandom;

    fn pepper() -> Pepper {
        Pepper::parse(&format!("# ours\n\n1 {}\n2 {}\n", "01ab".repeat(16), "02cd".repeat(16)))
            .unwrap()
    }

    #[test]
    fn the_highest_version_is_the_current_one() {
        assert_eq!(pepper().current(), 2);
        let text = Pepper::generate(&mut TestRandom::new(3));
        assert_eq!(Pepper::parse(&text).unwrap().current(), 1);
    }

    #[test]
    fn what_is_not_a_pepper_is_named_by_its_line() {
        let good = "01ab".repeat(16);
        for (text, error) in [
            (String::new(), BadPepper::Empty),
            ("# only this".to_owned(), BadPepper::Empty),
            (good.clone(), BadPepper::Line(1)),
            (format!("0 {good}"), BadPepper::Line(1)),
            (format!("\n1 {}", &good[1..]), BadPepper::Line(2)),
            (format!("1 {good}00"), BadPepper::Line(1)),
            (format!("1 {good}\n1 {good}"), BadPepper::Repeated(2)),
            (format!("1 {}", "00".repeat(32)), BadPepper::Weak(1)),
        ] {
            assert_eq!(Pepper::parse(&text).unwrap_err(), error, "{text}");
        }
    }

    #[test]
    fn a_mac_depends_on_version_purpose_and_every_part() {
        let pepper = pepper();
        let mac = pepper.mac("a", &[b"one", b"two"]).unwrap();
        assert_eq!(mac, pepper.mac_under(2, "a", &[b"one", b"two"]).unwrap());
        assert_ne!(mac, pepper.mac_under(1, "a", &[b"one", b"two"]).unwrap());
        assert_ne!(mac, pepper.mac("b", &[b"one", b"two"]).unwrap());
        assert_ne!(mac, pepper.mac("a", &[b"onet", b"wo"]).unwrap());
        assert_ne!(mac, pepper.mac("a", &[b"onetwo"]).unwrap());
    }

    #[test]
    fn a_derived_key_depends_on_its_input() {
        let pepper = pepper();
        let key = pepper.derive(1, "a", b"input").unwrap();
        assert_ne!(key, pepper.derive(1, "a", b"inpu").unwrap());
        assert_ne!(key, pepper.derive(1, "b", b"input").unwrap());
        assert_ne!(key, pepper.derive(2, "a", b"input").unwrap());
    }

    #[test]
    fn what_is_sealed_opens_at_its_place_alone() {
        let pepper = pepper();
        let sealed = pepper.seal("a", b"h-1", b"secret", &mut TestRandom::new(1)).unwrap();
        assert_eq!(**pepper.open("a", b"h-1", &sealed).unwrap(), *b"secret");
        assert!(pepper.open("b", b"h-1", &sealed).is_err());
        assert!(pepper.open("a", b"h-2", &sealed).is_err());
        for place in 0..sealed.len() {
            let mut other = sealed.clone();
            other[place] ^= 1;
            assert!(pepper.open("a", b"h-1", &other).is_err(), "byte {place}");
        }
        for length in 0..sealed.len() {
            assert!(pepper.open("a", b"h-1", &sealed[..length]).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn an_older_version_opens_what_it_sealed() {
        let old = Pepper::parse(&format!("1 {}", "01ab".repeat(16))).unwrap();
        let sealed = old.seal("a", b"", b"secret", &mut TestRandom::new(1)).unwrap();
        assert_eq!(**pepper().open("a", b"", &sealed).unwrap(), *b"secret");
        let new = Pepper::parse(&format!("2 {}", "02cd".repeat(16))).unwrap();
        let error = new.open("a", b"", &sealed).unwrap_err();
        assert!(matches!(error, HolderError::PepperMissing { version: 1 }), "{error}");
    }

    #[test]
    fn a_pepper_is_not_shown() {
        assert_eq!(format!("{:?}", pepper()), "Pepper { current: 2, .. }");
    }
}
