//! A private key in this process' memory, signing through OpenSSL.

use super::{KeyError, KeyKind, SignatureScheme, SigningKey};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private, Public};
use openssl::rsa::Rsa;
use openssl::sign::Signer;
use std::fmt;
use zeroize::Zeroizing;

/// A key pair in memory. OpenSSL wipes the private half when the last owner goes.
pub struct SoftwareKey {
    label: String,
    kind: KeyKind,
    private: PKey<Private>,
    public: PKey<Public>,
}

impl SoftwareKey {
    /// Makes a key pair with OpenSSL's own generator, which cannot be replaced from outside.
    ///
    /// # Errors
    /// [`KeyError::Signing`] when the library has no randomness or no memory.
    pub fn generate(label: &str, kind: KeyKind) -> Result<Self, KeyError> {
        let private = match kind {
            KeyKind::P256 => PKey::ec_gen("prime256v1"),
            KeyKind::P384 => PKey::ec_gen("secp384r1"),
            KeyKind::P521 => PKey::ec_gen("secp521r1"),
            KeyKind::Rsa2048 => Rsa::generate(2048).and_then(PKey::from_rsa),
            KeyKind::Rsa3072 => Rsa::generate(3072).and_then(PKey::from_rsa),
            KeyKind::Rsa4096 => Rsa::generate(4096).and_then(PKey::from_rsa),
            KeyKind::Ed25519 => PKey::generate_ed25519(),
        };
        Self::new(label, private.map_err(|error| library(&error))?)
    }

    /// Takes over an existing key pair.
    ///
    /// # Errors
    /// [`KeyError::Unsupported`] when the service does not use keys of this kind.
    pub fn new(label: &str, private: PKey<Private>) -> Result<Self, KeyError> {
        let kind = KeyKind::of(&private)?;
        let public = private
            .public_key_to_der()
            .and_then(|der| PKey::public_key_from_der(&der))
            .map_err(|error| library(&error))?;
        Ok(Self { label: label.to_owned(), kind, private, public })
    }

    /// The PKCS#8 form (RFC 5958), wiped when dropped. For the key's own back end only.
    pub(super) fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let der = self.private.private_key_to_pkcs8().map_err(|error| library(&error))?;
        Ok(Zeroizing::new(der))
    }
}

impl SigningKey for SoftwareKey {
    fn kind(&self) -> KeyKind {
        self.kind
    }

    fn scheme(&self) -> SignatureScheme {
        self.kind.scheme()
    }

    fn public_key(&self) -> &PKey<Public> {
        &self.public
    }

    fn in_device(&self) -> bool {
        false
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let mut signer = match self.scheme() {
            SignatureScheme::EcdsaSha256 | SignatureScheme::RsaPkcs1Sha256 => {
                Signer::new(MessageDigest::sha256(), &self.private)
            }
            SignatureScheme::EcdsaSha384 => Signer::new(MessageDigest::sha384(), &self.private),
            SignatureScheme::EcdsaSha512 => Signer::new(MessageDigest::sha512(), &self.private),
            SignatureScheme::Ed25519 => Signer::new_without_digest(&self.private),
        }
        .map_err(|error| library(&error))?;
        signer.sign_oneshot_to_vec(message).map_err(|error| library(&error))
    }
}

impl fmt::Debug for SoftwareKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SoftwareKey")
            .field("label", &self.label)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

fn library(error: &ErrorStack) -> KeyError {
    KeyError::Signing(error.to_string())
}
