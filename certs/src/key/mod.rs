//! Private keys behind one narrow trait: the bytes to be signed go in, the signature comes out.
//!
//! [`FileBackend`] keeps keys in PKCS#8 files; a device comes behind the same two traits. Nothing
//! in here prints, serializes or hands out a private key.

mod file;
mod kind;
mod pool;
mod software;

pub use file::FileBackend;
pub use software::SoftwareKey;

use openssl::pkey::{PKey, Public};
use std::fmt;
use std::sync::Arc;

/// What kind of key pair to make, or what kind one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyKind {
    /// NIST P-256 (RFC 5480).
    P256,
    /// NIST P-384.
    P384,
    /// NIST P-521.
    P521,
    /// RSA, modulus of 2048 bits.
    Rsa2048,
    /// RSA, modulus of 3072 bits.
    Rsa3072,
    /// RSA, modulus of 4096 bits.
    Rsa4096,
    /// Ed25519 (RFC 8032, RFC 8419).
    Ed25519,
}

/// How a key signs: which algorithm identifiers belong into the structures around the signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SignatureScheme {
    /// ecdsa-with-SHA256 (RFC 5758): P-256.
    EcdsaSha256,
    /// ecdsa-with-SHA384: P-384.
    EcdsaSha384,
    /// ecdsa-with-SHA512: P-521.
    EcdsaSha512,
    /// sha256WithRSAEncryption, PKCS#1 v1.5 (RFC 8017): every RSA size.
    RsaPkcs1Sha256,
    /// id-Ed25519 (RFC 8410): signs the message itself.
    Ed25519,
}

/// A private key that can sign and do nothing else.
///
/// The whole message goes in, not its digest: Ed25519 signs the message itself.
pub trait SigningKey: Send + Sync + fmt::Debug {
    /// The key's kind.
    fn kind(&self) -> KeyKind;

    /// The scheme of its signatures.
    fn scheme(&self) -> SignatureScheme;

    /// The public half.
    fn public_key(&self) -> &PKey<Public>;

    /// Whether the private key lives in a device. Then a signature is always verified before it
    /// is used, and signing may block on the device.
    fn in_device(&self) -> bool;

    /// Signs `message`. For ECDSA the result is the DER `ECDSA-Sig-Value`, ready for CMS and X.509.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError>;
}

/// Where keys are kept: a directory of files, or later a device.
///
/// A label is one or more of `a`-`z`, `0`-`9` and `-`, at most 64, so that it can be a file name,
/// a device label and a part of a log line without ever being more than that.
pub trait KeyBackend: Send + Sync + fmt::Debug {
    /// Makes a key pair and keeps it under `label`; it is durable when this returns.
    ///
    /// # Errors
    /// [`KeyError::Label`], or [`KeyError::File`] when `label` is taken (a key is never replaced)
    /// or the place cannot be written.
    fn generate(&self, label: &str, kind: KeyKind) -> Result<Arc<dyn SigningKey>, KeyError>;

    /// The key kept under `label`.
    ///
    /// # Errors
    /// [`KeyError::File`] when it is missing, open to others or unreadable,
    /// [`KeyError::Unsupported`] when it is of a kind the service does not use.
    fn open(&self, label: &str) -> Result<Arc<dyn SigningKey>, KeyError>;

    /// Whether a key is kept under `label`, usable or not.
    ///
    /// # Errors
    /// [`KeyError::Label`], or [`KeyError::File`] when the place cannot be read.
    fn contains(&self, label: &str) -> Result<bool, KeyError>;
}

/// Why a key could not be made, read or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The key file cannot be read or written, or is open to others.
    #[error("key file {path}: {reason}")]
    File {
        /// Path of the key file.
        path: std::path::PathBuf,
        /// What is wrong and what to do.
        reason: String,
    },
    /// The label cannot name a key.
    #[error("key label {label:?}: use 1 to 64 of the characters a-z, 0-9 and '-'")]
    Label {
        /// The label as it was given.
        label: String,
    },
    /// The name of a kind of key is not known.
    #[error(
        "{0:?} is not a kind of key: use p256, p384, p521, rsa2048, rsa3072, rsa4096 or ed25519"
    )]
    UnknownKind(String),
    /// The key is of a kind that the service does not use.
    #[error("{what}: not a key the service can use (RSA 2048-4096, P-256, P-384, P-521, Ed25519)")]
    Unsupported {
        /// What was found.
        what: String,
    },
    /// The library or the device refused to sign.
    #[error("signing failed: {0}")]
    Signing(String),
}
