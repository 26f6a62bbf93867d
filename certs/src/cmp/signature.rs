//! Signatures over messages by their algorithm identifier, and the hash that confirms a
//! certificate.

use super::CmpError;
use crate::{SignatureScheme, oid};
use openssl::hash::MessageDigest;
use openssl::pkey::{Id, PKey, Public};
use openssl::sign::Verifier;
use rasn_pkix::AlgorithmIdentifier;

/// Whether `signature` over `message` was made with `key`; no signature makes this fail.
///
/// # Errors
/// [`CmpError::ProtectionUnsupported`] for an algorithm that is not known.
pub(super) fn verify(
    algorithm: &AlgorithmIdentifier,
    key: &PKey<Public>,
    message: &[u8],
    signature: &[u8],
) -> Result<bool, CmpError> {
    if let Some(scheme) = SignatureScheme::from_algorithm(algorithm) {
        return Ok(scheme.verify(key, message, signature).unwrap_or(false));
    }
    let Some(digest) = rsa_digest(algorithm) else {
        let what = format!("the signature algorithm {}", algorithm.algorithm);
        return Err(CmpError::ProtectionUnsupported { what });
    };
    let verified = Verifier::new(digest, key)
        .and_then(|mut verifier| verifier.verify_oneshot(signature, message));
    Ok(key.id() == Id::RSA && verified.unwrap_or(false))
}

/// Two schemes that a CA may sign with, but this service does not.
fn rsa_digest(algorithm: &AlgorithmIdentifier) -> Option<MessageDigest> {
    [
        (oid::SHA384_WITH_RSA, MessageDigest::sha384()),
        (oid::SHA512_WITH_RSA, MessageDigest::sha512()),
    ]
    .into_iter()
    .find_map(|(id, digest)| (*id == algorithm.algorithm).then_some(digest))
}

/// The hash that `certHash` takes over a certificate.
pub(super) struct ConfirmHash {
    pub(super) digest: MessageDigest,
    /// Whether it has to be named in `hashAlg`.
    pub(super) named: bool,
}

/// The hash for a certificate signed with `algorithm`; `None` when that is not known.
///
/// RFC 9810 §5.3.18: it is the hash of the certificate's signature, and `hashAlg` names one where
/// the signature algorithm names none. RFC 9481 §3.3: with Ed25519 it is SHA-512; so it is for
/// ML-DSA here.
pub(super) fn confirm_hash(algorithm: &AlgorithmIdentifier) -> Option<ConfirmHash> {
    match SignatureScheme::from_algorithm(algorithm) {
        Some(scheme) => {
            Some(ConfirmHash { digest: scheme.message_digest(), named: scheme.signs_message() })
        }
        None => rsa_digest(algorithm).map(|digest| ConfirmHash { digest, named: false }),
    }
}
