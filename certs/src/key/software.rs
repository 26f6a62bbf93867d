//! A private key in this process' memory, signing through OpenSSL.

use super::pool::ContextPool;
use super::{KeyError, KeyKind, SignatureScheme, SigningKey};
use openssl::error::ErrorStack;
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
    contexts: ContextPool,
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
        let contexts = ContextPool::new(private.clone(), kind.scheme());
        Ok(Self { label: label.to_owned(), kind, private, public, contexts })
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
        let signature = match self.scheme() {
            // RFC 8032: the message itself is signed. A new context each time: keeping one would
            // gain one part in a hundred.
            SignatureScheme::Ed25519 => Signer::new_without_digest(&self.private)
                .and_then(|mut signer| signer.sign_oneshot_to_vec(message)),
            _ => self.contexts.sign(message),
        };
        signature.map_err(|error| library(&error))
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
