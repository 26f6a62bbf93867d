//! Private keys behind one narrow trait: the bytes to be signed go in, the signature comes out.
//!
//! [`FileBackend`] keeps keys in PKCS#8 files, [`Pkcs11Backend`] in a device, behind the same two
//! traits. Nothing in here prints, serializes or hands out a private key.

mod file;
mod kind;
mod pkcs11;
mod pool;
mod private_file;
mod public;
mod software;

pub use file::FileBackend;
pub use pkcs11::{
    DeviceError, DigestKind, DigestScheme, Pkcs11Backend, Pkcs11Settings, SealedKey, SealedKeys,
    TokenChoice,
};
pub use public::check_public_key;
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
    /// ML-DSA-44 (FIPS 204, RFC 9881, RFC 9882): post-quantum, category 2.
    MlDsa44,
    /// ML-DSA-65: category 3.
    MlDsa65,
    /// ML-DSA-87: category 5.
    MlDsa87,
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
    /// id-RSASSA-PSS with SHA-256, MGF1 of the same and 32 octets of salt (RFC 4055 §3.1).
    RsaPssSha256,
    /// id-RSASSA-PSS with SHA-384, MGF1 of the same and 48 octets of salt.
    RsaPssSha384,
    /// id-RSASSA-PSS with SHA-512, MGF1 of the same and 64 octets of salt.
    RsaPssSha512,
    /// id-Ed25519 (RFC 8410): signs the message itself.
    Ed25519,
    /// id-ml-dsa-44 (RFC 9881): pure, with an empty context, signs the message itself.
    MlDsa44,
    /// id-ml-dsa-65.
    MlDsa65,
    /// id-ml-dsa-87.
    MlDsa87,
}

/// A private key that can sign and do nothing else.
///
/// The whole message goes in, not its digest: Ed25519 and ML-DSA sign the message itself.
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

    /// Whether the key could sign now, without a signature: a device is reached and has the key.
    ///
    /// RFC 3161 §2.1 (10): a unit's key signs time-stamp tokens and nothing else, so a question
    /// about readiness must not be answered with a signature. May block on the device.
    ///
    /// # Errors
    /// What a signature would fail with.
    fn probe(&self) -> Result<(), KeyError> {
        Ok(())
    }

    /// The same key, signing in another way: an RSA key with another padding.
    ///
    /// # Errors
    /// [`KeyError::Scheme`] when the scheme is not one of [`KeyKind::schemes`].
    fn with_scheme(&self, scheme: SignatureScheme) -> Result<Arc<dyn SigningKey>, KeyError> {
        Err(KeyError::Scheme { kind: self.kind(), scheme })
    }
}

/// Where keys are kept: a directory of files, or a device.
///
/// A label is one or more of `a`-`z`, `0`-`9` and `-`, at most 64, so that it can be a file name,
/// a device label and a part of a log line without ever being more than that.
pub trait KeyBackend: Send + Sync + fmt::Debug {
    /// Makes a key pair and keeps it under `label`; it is durable when this returns.
    ///
    /// # Errors
    /// [`KeyError::Label`], or [`KeyError::File`] when `label` is taken (a key is never replaced)
    /// or the place cannot be written; [`KeyError::Device`] of a device.
    fn generate(&self, label: &str, kind: KeyKind) -> Result<Arc<dyn SigningKey>, KeyError>;

    /// The key kept under `label`.
    ///
    /// # Errors
    /// [`KeyError::File`] when it is missing, open to others or unreadable,
    /// [`KeyError::Unsupported`] when it is of a kind the service does not use,
    /// [`KeyError::Device`] of a device.
    fn open(&self, label: &str) -> Result<Arc<dyn SigningKey>, KeyError>;

    /// Whether a key is kept under `label`, usable or not.
    ///
    /// # Errors
    /// [`KeyError::Label`], or [`KeyError::File`] when the place cannot be read;
    /// [`KeyError::Device`] of a device.
    fn contains(&self, label: &str) -> Result<bool, KeyError>;

    /// The key under `label`, of which the public half is known, from a certificate say.
    ///
    /// A device may be away meanwhile: it is looked for at the first use, and that its key is this
    /// one is checked then.
    ///
    /// # Errors
    /// As [`open`](Self::open); [`KeyError::OtherKey`] when the key is not the one that is known.
    fn open_known(
        &self,
        label: &str,
        public: PKey<Public>,
    ) -> Result<Arc<dyn SigningKey>, KeyError> {
        let key = self.open(label)?;
        if key.public_key().public_eq(&public) {
            Ok(key)
        } else {
            Err(KeyError::OtherKey { label: label.to_owned() })
        }
    }

    /// Destroys the key under `label`; it is gone, durably, when this returns. A key that is in use
    /// elsewhere in this process may go on signing until it is dropped.
    ///
    /// # Errors
    /// [`KeyError::File`] or [`KeyError::Device`] when there is no such key, or it cannot be
    /// removed.
    fn destroy(&self, label: &str) -> Result<(), KeyError>;

    /// Destroys the key under `label` if it is the one whose public half is known: a label may be
    /// that of another key, in another token say.
    ///
    /// # Errors
    /// As [`open`](Self::open) and [`destroy`](Self::destroy); [`KeyError::OtherKey`] when the key
    /// is not the one that is known. Nothing is destroyed then.
    fn destroy_known(&self, label: &str, public: &PKey<Public>) -> Result<(), KeyError> {
        if !self.open(label)?.public_key().public_eq(public) {
            return Err(KeyError::OtherKey { label: label.to_owned() });
        }
        self.destroy(label)
    }
}

fn check_label(label: &str) -> Result<(), KeyError> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if label.is_empty() || label.len() > 64 || !label.chars().all(allowed) {
        return Err(KeyError::Label { label: label.to_owned() });
    }
    Ok(())
}

/// Why a key could not be made, read or used.
#[derive(Clone, Debug, thiserror::Error)]
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
        "{0:?} is not a kind of key: use p256, p384, p521, rsa2048, rsa3072, rsa4096, ed25519, \
         ml-dsa-44, ml-dsa-65 or ml-dsa-87"
    )]
    UnknownKind(String),
    /// The name of a signature scheme is not known.
    #[error(
        "{0:?} is not a signature scheme: use ecdsa-sha256, ecdsa-sha384, ecdsa-sha512, \
         rsa-pkcs1-sha256, rsa-pss-sha256, rsa-pss-sha384, rsa-pss-sha512, ed25519, ml-dsa-44, \
         ml-dsa-65 or ml-dsa-87"
    )]
    UnknownScheme(String),
    /// The key is of a kind that the service does not use.
    #[error(
        "{what}: not a key the service can use (RSA 2048-4096, P-256, P-384, P-521, Ed25519, \
         ML-DSA)"
    )]
    Unsupported {
        /// What was found.
        what: String,
    },
    /// Everybody can sign with this key: it was made to deceive, or by a broken generator.
    #[error("{what}: anybody can sign with such a key; make a new one")]
    Unsafe {
        /// What was found.
        what: String,
    },
    /// Keys of this kind do not sign like this.
    #[error("a key of kind {kind} does not sign with {scheme}: leave the scheme out, or change it")]
    Scheme {
        /// The kind of the key.
        kind: KeyKind,
        /// The scheme asked for.
        scheme: SignatureScheme,
    },
    /// The key is not the one that a certificate or a record names.
    #[error(
        "key {label:?} is not the key of its certificate: restore the matching pair from a backup"
    )]
    OtherKey {
        /// The key's label.
        label: String,
    },
    /// A device, its module, its PIN or its keys.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The library refused to sign.
    #[error("signing failed: {0}")]
    Signing(String),
}
