//! Signing keys at rest: wrapped once under the PIN and once under the PUK, and under nothing else.
//!
//! A wrap is AES-256-GCM (NIST SP 800-38D) over the PKCS#8 form of the key, or over what a device
//! sealed it into. Its key comes out of
//! the code by argon2id (RFC 9106) and then out of the pepper by HKDF (RFC 5869): eight digits are
//! guessed in days with the store alone, so that the pepper is what a thief of the store lacks.
//! No value is kept to check a code against: that a wrap opens is the check. There is no third
//! wrap, and therefore nobody in the service who can use a holder's key.
//!
//! Before its activation a credential has no key. Then a wrap is over 32 random octets, so that
//! the codes of the envelope are checked in the same way.

mod pair;
mod slot;

pub(crate) use pair::SoftwareKeys;
pub use pair::{KeyMaker, KeyMakerFault, KeyPair, SealedPair};
pub(crate) use slot::{Deposit, Slot};

use super::{CredentialId, HolderError, Inner, Key};
use crate::credentials::hashing::stretch;
use minicbor::{Decode, Encode};
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::symm::{Cipher, decrypt_aead, encrypt_aead};
use std::fmt;
use std::str::FromStr;
use zeroize::Zeroizing;

const TAG: usize = 16;

/// What kind of key a credential gets. Used in stored state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum SigningKeyKind {
    /// NIST P-256.
    #[n(0)]
    P256,
    /// NIST P-384.
    #[n(1)]
    P384,
    /// RSA with 3072 bits.
    #[n(2)]
    Rsa3072,
    /// RSA with 4096 bits.
    #[n(3)]
    Rsa4096,
    /// RSA with 2048 bits, for readers that take nothing longer.
    #[n(4)]
    Rsa2048,
}

impl SigningKeyKind {
    /// Every kind.
    pub const ALL: [Self; 5] =
        [Self::P256, Self::P384, Self::Rsa3072, Self::Rsa4096, Self::Rsa2048];

    /// The name in requests and settings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::P256 => "p256",
            Self::P384 => "p384",
            Self::Rsa3072 => "rsa3072",
            Self::Rsa4096 => "rsa4096",
            Self::Rsa2048 => "rsa2048",
        }
    }

    /// Makes a key pair with OpenSSL's own generator, which cannot be replaced from outside.
    fn generate(self) -> Result<PKey<Private>, ErrorStack> {
        let rsa = |bits| Rsa::generate(bits).and_then(PKey::from_rsa);
        let ec = |curve: Nid| PKey::ec_gen(curve.short_name()?);
        match self {
            Self::P256 => ec(Nid::X9_62_PRIME256V1),
            Self::P384 => ec(Nid::SECP384R1),
            Self::Rsa3072 => rsa(3072),
            Self::Rsa4096 => rsa(4096),
            Self::Rsa2048 => rsa(2048),
        }
    }
}

impl fmt::Display for SigningKeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that is none of the five.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no kind of signing key: use p256, p384, rsa2048, rsa3072 or rsa4096")]
pub struct UnknownSigningKeyKind(pub String);

impl FromStr for SigningKeyKind {
    type Err = UnknownSigningKeyKind;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|kind| kind.name() == name);
        found.ok_or_else(|| UnknownSigningKeyKind(name.to_owned()))
    }
}

/// Which code opens a wrap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lock {
    Pin,
    Puk,
}

impl Lock {
    const fn purpose(self) -> &'static str {
        match self {
            Self::Pin => "signing key under the PIN",
            Self::Puk => "signing key under the PUK",
        }
    }
}

/// What a wrap is bound to: nothing of it can be put in another place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) credential: CredentialId,
    /// 0 before the activation, then one more with each certificate.
    pub(crate) version: u32,
    /// SHA-256 of the certificate; zeros while there is none.
    pub(crate) certificate: [u8; 32],
}

impl Place {
    /// Where the slot for a key of this version is: made before there is a certificate.
    pub(crate) fn slot(&self) -> Self {
        Self { certificate: [0; 32], ..*self }
    }

    fn aad(&self, lock: Lock) -> Vec<u8> {
        let version = self.version.to_be_bytes();
        let parts: [&[u8]; 4] =
            [self.credential.as_bytes(), &self.certificate, &version, lock.purpose().as_bytes()];
        parts.concat()
    }
}

/// A key, or what stands for one, that only a code opens. Used in stored state.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Wrap {
    #[cbor(n(0), with = "minicbor::bytes")]
    salt: [u8; 16],
    /// argon2id: memory in KiB, passes, lanes.
    #[n(1)]
    cost: [u32; 3],
    #[n(2)]
    pepper: u16,
    #[cbor(n(3), with = "minicbor::bytes")]
    nonce: [u8; 12],
    /// The ciphertext and its tag.
    #[cbor(n(4), with = "minicbor::bytes")]
    sealed: Vec<u8>,
}

impl Wrap {
    /// The version of the pepper that it is under.
    pub(crate) fn pepper(&self) -> u16 {
        self.pepper
    }
}

impl fmt::Debug for Wrap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wrap").field("cost", &self.cost).finish_non_exhaustive()
    }
}

/// Both wraps of one key. Used in stored state.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Wrapped {
    #[n(0)]
    pub(crate) pin: Wrap,
    #[n(1)]
    pub(crate) puk: Wrap,
    /// After a renewal: the key, in the slot that the PIN opens.
    #[n(2)]
    pub(crate) deposit: Option<Deposit>,
}

/// A key that a code was stretched to, and what is needed to come to it again.
///
/// Making one takes as long as argon2id takes; using it takes no time, so that it can be made
/// before what it wraps is known.
pub(crate) struct Stretched {
    lock: Lock,
    key: Key,
    salt: [u8; 16],
    cost: [u32; 3],
    pepper: u16,
    nonce: [u8; 12],
}

impl Stretched {
    /// Wraps a secret, once.
    pub(crate) fn wrap(self, place: &Place, secret: &[u8]) -> Result<Wrap, HolderError> {
        let Self { lock, key, salt, cost, pepper, nonce } = self;
        let (cipher, mut tag) = (Cipher::aes_256_gcm(), [0; TAG]);
        let aad = place.aad(lock);
        let mut sealed = encrypt_aead(cipher, &*key, Some(&nonce), &aad, secret, &mut tag)?;
        sealed.extend_from_slice(&tag);
        Ok(Wrap { salt, cost, pepper, nonce, sealed })
    }
}

impl Inner {
    /// Stretches a new code, with a salt of its own and the parameters of today. Takes long.
    pub(crate) fn stretch_new(&self, lock: Lock, code: &str) -> Result<Stretched, HolderError> {
        let (mut salt, mut nonce) = ([0; 16], [0; 12]);
        self.draw(|random| {
            random.fill_bytes(&mut salt);
            random.fill_bytes(&mut nonce);
        });
        let (cost, pepper) = (self.settings.argon2.numbers(), self.pepper.current());
        let key = self.kek(lock, code, (&salt, cost, pepper))?;
        Ok(Stretched { lock, key, salt, cost, pepper, nonce })
    }

    /// Opens a wrap, or says with `None` that the code is wrong. Takes long, and as long for a
    /// wrong code as for a right one. The try must have been counted, durably, before this.
    pub(crate) fn open_wrap(
        &self,
        lock: Lock,
        place: &Place,
        code: &str,
        wrap: &Wrap,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, HolderError> {
        let key = self.kek(lock, code, (&wrap.salt, wrap.cost, wrap.pepper))?;
        let Some((text, tag)) = wrap.sealed.split_last_chunk::<TAG>() else {
            return Err(HolderError::Unsealable { purpose: lock.purpose() });
        };
        let (cipher, aad) = (Cipher::aes_256_gcm(), place.aad(lock));
        let opened = decrypt_aead(cipher, &*key, Some(&wrap.nonce), &aad, text, tag);
        Ok(opened.ok().map(Zeroizing::new))
    }

    /// Whether a wrap was made with an older pepper or at another cost than today's.
    pub(crate) fn is_old(&self, wrap: &Wrap) -> bool {
        wrap.pepper != self.pepper.current() || wrap.cost != self.settings.argon2.numbers()
    }

    /// What tells whether a PIN was used before: under the pepper, and as slow as the PIN itself.
    pub(crate) fn trace(
        &self,
        code: &str,
        (salt, cost, pepper): (&[u8; 16], [u32; 3], u16),
    ) -> Result<[u8; 32], HolderError> {
        let stretched = stretch(cost, code.as_bytes(), salt)?;
        self.pepper.mac_under(pepper, "former PIN", &[&*stretched])
    }

    fn kek(
        &self,
        lock: Lock,
        code: &str,
        (salt, cost, pepper): (&[u8; 16], [u32; 3], u16),
    ) -> Result<Key, HolderError> {
        let stretched = stretch(cost, code.as_bytes(), salt)?;
        self.pepper.derive(pepper, lock.purpose(), &*stretched)
    }
}

#[cfg(test)]
mod tests;
