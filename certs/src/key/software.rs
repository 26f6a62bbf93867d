//! A private key in this process' memory, signing through OpenSSL.

use super::pool::ContextPool;
use super::{KeyError, KeyKind, SignatureScheme, SigningKey};
use openssl::error::ErrorStack;
use openssl::pkey::{KeyType, PKey, Private, Public};
use openssl::rsa::Rsa;
use openssl::sign::Signer;
use std::fmt;
use std::sync::Arc;
use zeroize::Zeroizing;

/// A key pair in memory. OpenSSL wipes the private half when the last owner goes.
pub struct SoftwareKey {
    label: String,
    kind: KeyKind,
    scheme: SignatureScheme,
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
            KeyKind::MlDsa44 => ml_dsa(KeyType::ML_DSA_44),
            KeyKind::MlDsa65 => ml_dsa(KeyType::ML_DSA_65),
            KeyKind::MlDsa87 => ml_dsa(KeyType::ML_DSA_87),
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
        Ok(Self::with(label, kind.scheme(), kind, private, public))
    }

    fn with(
        label: &str,
        scheme: SignatureScheme,
        kind: KeyKind,
        private: PKey<Private>,
        public: PKey<Public>,
    ) -> Self {
        let contexts = ContextPool::new(private.clone(), scheme);
        Self { label: label.to_owned(), kind, scheme, private, public, contexts }
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
        self.scheme
    }

    fn public_key(&self) -> &PKey<Public> {
        &self.public
    }

    fn in_device(&self) -> bool {
        false
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let signature = if self.scheme.signs_message() {
            // A new context each time: keeping one would gain one part in a hundred.
            Signer::new_without_digest(&self.private)
                .and_then(|mut signer| signer.sign_oneshot_to_vec(message))
        } else {
            self.contexts.sign(message)
        };
        signature.map_err(|error| library(&error))
    }

    fn with_scheme(&self, scheme: SignatureScheme) -> Result<Arc<dyn SigningKey>, KeyError> {
        if !self.kind.schemes().contains(&scheme) {
            return Err(KeyError::Scheme { kind: self.kind, scheme });
        }
        let (private, public) = (self.private.clone(), self.public.clone());
        Ok(Arc::new(Self::with(&self.label, scheme, self.kind, private, public)))
    }
}

/// FIPS 204 §5.1: a key pair comes out of 32 random octets; OpenSSL keeps them with the key.
fn ml_dsa(r#type: KeyType) -> Result<PKey<Private>, ErrorStack> {
    let mut seed = Zeroizing::new([0; 32]);
    openssl::rand::rand_priv_bytes(&mut *seed)?;
    PKey::private_key_from_seed(None, r#type, None, &*seed)
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
