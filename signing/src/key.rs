//! A holder's unlocked key, and the use of one that is in memory.

use crate::algorithm::{DigestAlgorithm, SignatureAlgorithm};
use openssl::error::ErrorStack;
use openssl::md::{Md, MdRef};
use openssl::pkey::{HasPublic, Id, PKey, PKeyRef, Private};
use openssl::pkey_ctx::{PkeyCtx, PkeyCtxRef};
use openssl::rsa::Padding;
use openssl::sign::RsaPssSaltlen;

/// A holder's private key, unlocked by the PIN. It signs digests and can do nothing else.
///
/// Dropping it locks it again: what is in memory is wiped, a device is told to forget.
pub trait HolderKey: Send + Sync {
    /// Whether the key can sign with `algorithm`.
    fn fits(&self, algorithm: SignatureAlgorithm) -> bool;

    /// Whether the key lives in a device: then using it and [`probe`](Self::probe) may block.
    fn in_device(&self) -> bool {
        false
    }

    /// Whether the key could be used now, without using it.
    ///
    /// # Errors
    /// What a signature would fail with.
    fn probe(&self) -> Result<(), KeyFault> {
        Ok(())
    }

    /// Signs `digest`, which has the length that `algorithm` asks for. May block on a device.
    ///
    /// # Errors
    /// [`KeyFault`]. The caller takes every fault for "perhaps signed".
    fn sign_digest(
        &self,
        algorithm: SignatureAlgorithm,
        digest: &[u8],
    ) -> Result<Vec<u8>, KeyFault>;
}

/// Why a key did not sign. The texts are for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFault {
    /// The key is of another kind than the algorithm.
    #[error("the key cannot sign with {0}")]
    Algorithm(SignatureAlgorithm),
    /// The library refused.
    #[error("the cryptographic library failed: {0}")]
    Library(String),
    /// The device refused or went away.
    #[error("the key's device failed: {0}")]
    Device(String),
    /// The signature that came out does not verify: a fault of the hardware or of memory. Such a
    /// value can give the key away (Boneh, DeMillo and Lipton, 1997), so that it never leaves.
    #[error("the signature does not verify with the key's public half, and was thrown away")]
    WrongSignature,
}

/// OpenSSL wipes a private key when its last owner goes.
impl HolderKey for PKey<Private> {
    fn fits(&self, algorithm: SignatureAlgorithm) -> bool {
        match self.id() {
            // PSS with the longest digest needs 2·64 + 2 octets (RFC 8017 §9.1.1).
            Id::RSA => algorithm.is_rsa() && self.bits() >= 2048,
            Id::EC => !algorithm.is_rsa(),
            _ => false,
        }
    }

    fn sign_digest(
        &self,
        algorithm: SignatureAlgorithm,
        digest: &[u8],
    ) -> Result<Vec<u8>, KeyFault> {
        if !self.fits(algorithm) {
            return Err(KeyFault::Algorithm(algorithm));
        }
        let signature = sign(self, algorithm, digest).map_err(|error| library(&error))?;
        match verify(self, algorithm, digest, &signature) {
            Ok(true) => Ok(signature),
            _ => Err(KeyFault::WrongSignature),
        }
    }
}

fn sign(
    key: &PKeyRef<Private>,
    algorithm: SignatureAlgorithm,
    digest: &[u8],
) -> Result<Vec<u8>, ErrorStack> {
    let mut context = PkeyCtx::new(key)?;
    context.sign_init()?;
    set_up(&mut context, algorithm)?;
    let mut signature = Vec::with_capacity(key.size());
    context.sign_to_vec(digest, &mut signature)?;
    Ok(signature)
}

fn verify<T: HasPublic>(
    key: &PKeyRef<T>,
    algorithm: SignatureAlgorithm,
    digest: &[u8],
    signature: &[u8],
) -> Result<bool, ErrorStack> {
    let mut context = PkeyCtx::new(key)?;
    context.verify_init()?;
    set_up(&mut context, algorithm)?;
    context.verify(digest, signature)
}

fn set_up<T>(context: &mut PkeyCtxRef<T>, algorithm: SignatureAlgorithm) -> Result<(), ErrorStack> {
    let md = message_digest(algorithm.digest());
    match algorithm {
        SignatureAlgorithm::RsaPkcs1(_) => context.set_rsa_padding(Padding::PKCS1)?,
        SignatureAlgorithm::RsaPss(_) => context.set_rsa_padding(Padding::PKCS1_PSS)?,
        SignatureAlgorithm::Ecdsa(_) => (),
    }
    context.set_signature_md(md)?;
    if matches!(algorithm, SignatureAlgorithm::RsaPss(_)) {
        // RFC 4055 §3.1: MGF1 with the digest of the message, and a salt as long as it.
        context.set_rsa_mgf1_md(md)?;
        context.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH)?;
    }
    Ok(())
}

fn message_digest(algorithm: DigestAlgorithm) -> &'static MdRef {
    match algorithm {
        DigestAlgorithm::Sha256 => Md::sha256(),
        DigestAlgorithm::Sha384 => Md::sha384(),
        DigestAlgorithm::Sha512 => Md::sha512(),
    }
}

fn library(error: &ErrorStack) -> KeyFault {
    KeyFault::Library(error.to_string())
}
