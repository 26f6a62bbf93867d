//! Signing contexts that are made ready once and used again.
//!
//! Making one costs OpenSSL a tenth of a P-256 signature (look-ups of algorithms by name), see
//! `benches/signing.rs`; the digest is therefore computed here and a kept context signs it.

use super::SignatureScheme;
use openssl::error::ErrorStack;
use openssl::md::Md;
use openssl::pkey::{PKey, Private};
use openssl::pkey_ctx::PkeyCtx;
use openssl::rsa::Padding;
use openssl::sha;
use openssl::sign::RsaPssSaltlen;
use std::sync::{Mutex, PoisonError};

/// Contexts for one key; as many as there were threads signing at once.
pub(super) struct ContextPool {
    key: PKey<Private>,
    scheme: SignatureScheme,
    longest_signature: usize,
    idle: Mutex<Vec<PkeyCtx<Private>>>,
}

impl ContextPool {
    /// A pool for a key that signs digests: any but Ed25519 and ML-DSA.
    pub(super) fn new(key: PKey<Private>, scheme: SignatureScheme) -> Self {
        let longest_signature = key.size();
        Self { key, scheme, longest_signature, idle: Mutex::default() }
    }

    /// Hashes `message` and signs the digest.
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, ErrorStack> {
        let mut context = match self.take() {
            Some(context) => context,
            None => self.ready()?,
        };
        let mut signature = vec![0; self.longest_signature];
        let target = Some(signature.as_mut_slice());
        let length = match self.scheme {
            SignatureScheme::EcdsaSha384 | SignatureScheme::RsaPssSha384 => {
                context.sign(&sha::sha384(message), target)
            }
            SignatureScheme::EcdsaSha512 | SignatureScheme::RsaPssSha512 => {
                context.sign(&sha::sha512(message), target)
            }
            _ => context.sign(&sha::sha256(message), target),
        }?;
        signature.truncate(length);
        // Only a context that has just worked is kept.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(context);
        Ok(signature)
    }

    fn take(&self) -> Option<PkeyCtx<Private>> {
        // Nothing that can panic runs under this lock, and a list of idle contexts is always whole.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn ready(&self) -> Result<PkeyCtx<Private>, ErrorStack> {
        let mut context = PkeyCtx::new(&self.key)?;
        context.sign_init()?;
        let digest = match self.scheme {
            SignatureScheme::EcdsaSha384 | SignatureScheme::RsaPssSha384 => Md::sha384(),
            SignatureScheme::EcdsaSha512 | SignatureScheme::RsaPssSha512 => Md::sha512(),
            _ => Md::sha256(),
        };
        if self.scheme.is_pss() {
            context.set_rsa_padding(Padding::PKCS1_PSS)?;
            context.set_signature_md(digest)?;
            context.set_rsa_mgf1_md(digest)?;
            context.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH)?;
            return Ok(context);
        }
        if self.scheme.is_rsa() {
            context.set_rsa_padding(Padding::PKCS1)?;
        }
        context.set_signature_md(digest)?;
        Ok(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_is_made_once_and_kept() {
        let key = PKey::ec_gen("prime256v1").unwrap();
        let pool = ContextPool::new(key, SignatureScheme::EcdsaSha256);
        for _ in 0..3 {
            pool.sign(b"message").unwrap();
            assert_eq!(pool.idle.lock().unwrap().len(), 1);
        }
    }
}
