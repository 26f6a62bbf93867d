//! Where a new key pair comes from, and in which of two forms its private half is kept.
//!
//! A software key is wrapped as PKCS#8 (RFC 5958). One of a device never is in clear here: what is
//! wrapped are the octets that the device sealed it into, so that a signature takes both, the
//! holder's PIN and the device. Which of the two a wrap holds stands inside it, where nobody can
//! change it, and only the code opens it. The forms stay readable side by side, whatever makes new
//! keys today.

use super::SigningKeyKind;
use crate::holders::{HolderError, Holders};
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use openssl::pkey::{PKey, Private};
use std::fmt;
use std::sync::Arc;
use tokio::sync::oneshot;
use zeroize::Zeroizing;

/// What makes key pairs: this process, or a device.
pub trait KeyMaker: Send + Sync + fmt::Debug {
    /// Makes a key pair. May block on a device: called on a thread of its own. A pair that is
    /// dropped leaves nothing behind.
    ///
    /// # Errors
    /// [`KeyMakerFault`].
    fn generate(&self, kind: SigningKeyKind) -> Result<KeyPair, KeyMakerFault>;
}

/// Why there is no new key. Whoever found it out has told the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyMakerFault {
    /// The device is away, or refused.
    #[error("the device: {reason}")]
    Device {
        /// For the log.
        reason: String,
    },
    /// The library failed.
    #[error("the cryptographic library: {reason}")]
    Library {
        /// For the log.
        reason: String,
    },
}

/// A holder's key pair.
pub enum KeyPair {
    /// In this process. OpenSSL wipes it when its last owner goes.
    Software(PKey<Private>),
    /// Of a device.
    Sealed(SealedPair),
}

/// A key pair of a device, of which the private half is ciphertext under a key of the device.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedPair {
    /// SubjectPublicKeyInfo, DER.
    pub public_key: Vec<u8>,
    /// What the device calls the key that it was sealed under.
    pub wrapping: String,
    /// The private half, as the device gave it.
    pub octets: Zeroizing<Vec<u8>>,
}

/// The form inside a wrap. An array in CBOR (0x83), where PKCS#8 in DER is a SEQUENCE (0x30).
/// Used in stored state.
#[derive(Encode, Decode)]
struct Sealed {
    #[n(0)]
    wrapping: String,
    #[n(1)]
    public_key: ByteVec,
    #[n(2)]
    octets: ByteVec,
}

/// The first octet of PKCS#8 in DER.
const SEQUENCE: u8 = 0x30;

impl KeyPair {
    /// SubjectPublicKeyInfo, DER.
    ///
    /// # Errors
    /// [`HolderError::Crypto`].
    pub fn public_key(&self) -> Result<Vec<u8>, HolderError> {
        match self {
            Self::Software(key) => Ok(key.public_key_to_der()?),
            Self::Sealed(key) => Ok(key.public_key.clone()),
        }
    }

    /// What is wrapped.
    pub(crate) fn to_secret(&self) -> Result<Zeroizing<Vec<u8>>, HolderError> {
        let key = match self {
            Self::Software(key) => return Ok(Zeroizing::new(key.private_key_to_pkcs8()?)),
            Self::Sealed(key) => key,
        };
        let sealed = Sealed {
            wrapping: key.wrapping.clone(),
            public_key: ByteVec::from(key.public_key.clone()),
            octets: ByteVec::from(key.octets.to_vec()),
        };
        Ok(Zeroizing::new(crate::encoding::encode(&sealed, 4_096)))
    }

    /// What a wrap held.
    pub(crate) fn from_secret(secret: &[u8]) -> Result<Self, HolderError> {
        if secret.first() == Some(&SEQUENCE) {
            return Ok(Self::Software(PKey::private_key_from_pkcs8(secret)?));
        }
        let read: Result<Sealed, _> = minicbor::decode(secret);
        let sealed = read.map_err(|error| HolderError::Crypto(format!("a sealed key: {error}")))?;
        Ok(Self::Sealed(SealedPair {
            public_key: sealed.public_key.into(),
            wrapping: sealed.wrapping,
            octets: Zeroizing::new(sealed.octets.into()),
        }))
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Software(_) => f.write_str("Software(..)"),
            Self::Sealed(key) => key.fmt(f),
        }
    }
}

impl fmt::Debug for SealedPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedPair").field("wrapping", &self.wrapping).finish_non_exhaustive()
    }
}

/// Key pairs of this process.
#[derive(Debug)]
pub(crate) struct SoftwareKeys;

impl KeyMaker for SoftwareKeys {
    fn generate(&self, kind: SigningKeyKind) -> Result<KeyPair, KeyMakerFault> {
        let fault = |error: openssl::error::ErrorStack| KeyMakerFault::Library {
            reason: error.to_string(),
        };
        kind.generate().map(KeyPair::Software).map_err(fault)
    }
}

impl Holders {
    /// Makes a key pair, on a thread of its own: a device that hangs must not hold those up that
    /// check passwords. As many are made at once as passwords are checked; some more wait, and
    /// keep no more than half of the places for computations meanwhile.
    pub(crate) async fn new_key(&self, kind: SigningKeyKind) -> Result<KeyPair, HolderError> {
        let inner = Arc::clone(self.inner());
        let waits = Arc::clone(&inner.waiting_for_keys).try_acquire_owned();
        let _waits = waits.map_err(|_| HolderError::Busy)?;
        let place = Arc::clone(&inner.making).acquire_owned().await;
        let place = place.map_err(|_| HolderError::Busy)?;
        let (answer, made) = oneshot::channel();
        let task = move || {
            let pair = inner.keys.generate(kind);
            drop((place, inner));
            // The asker may have gone away: then there is nothing to clean up.
            drop(answer.send(pair));
        };
        let thread = std::thread::Builder::new().name("new key".to_owned()).spawn(task);
        thread.map_err(|error| HolderError::NoThread(error.to_string()))?;
        Ok(made.await.map_err(|_| HolderError::Crypto("no key was made".to_owned()))??)
    }
}

impl From<KeyMakerFault> for HolderError {
    fn from(fault: KeyMakerFault) -> Self {
        match fault {
            KeyMakerFault::Device { .. } => Self::KeyDevice,
            KeyMakerFault::Library { reason } => Self::Crypto(reason),
        }
    }
}
