//! Signatures over messages by their algorithm identifier, and the hash that confirms a
//! certificate.

use super::CmpError;
use crate::oid;
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
    let Some((kind, digest)) = kind_and_digest(algorithm) else {
        let what = format!("the signature algorithm {}", algorithm.algorithm);
        return Err(CmpError::ProtectionUnsupported { what });
    };
    let verifier = match digest {
        Some(digest) => Verifier::new(digest, key),
        None => Verifier::new_without_digest(key),
    };
    let verified = verifier.and_then(|mut verifier| verifier.verify_oneshot(signature, message));
    Ok(key.id() == kind && verified.unwrap_or(false))
}

fn kind_and_digest(algorithm: &AlgorithmIdentifier) -> Option<(Id, Option<MessageDigest>)> {
    [
        (oid::ECDSA_WITH_SHA256, Id::EC, Some(MessageDigest::sha256())),
        (oid::ECDSA_WITH_SHA384, Id::EC, Some(MessageDigest::sha384())),
        (oid::ECDSA_WITH_SHA512, Id::EC, Some(MessageDigest::sha512())),
        (oid::SHA256_WITH_RSA, Id::RSA, Some(MessageDigest::sha256())),
        (oid::SHA384_WITH_RSA, Id::RSA, Some(MessageDigest::sha384())),
        (oid::SHA512_WITH_RSA, Id::RSA, Some(MessageDigest::sha512())),
        (oid::ED25519, Id::ED25519, None),
    ]
    .into_iter()
    .find_map(|(id, kind, digest)| (*id == algorithm.algorithm).then_some((kind, digest)))
}

/// The hash that `certHash` takes over a certificate signed with `algorithm`.
pub(super) struct ConfirmHash {
    pub(super) digest: MessageDigest,
    /// Whether it has to be named in `hashAlg`.
    pub(super) named: bool,
}

/// RFC 9810 §5.3.18: "the certHash … using the same hash algorithm as is used to create and verify
/// the certificate signature"; where that names no hash, `hashAlg` does.
pub(super) fn confirm_hash(algorithm: &AlgorithmIdentifier) -> Option<ConfirmHash> {
    let (_, digest) = kind_and_digest(algorithm)?;
    Some(match digest {
        Some(digest) => ConfirmHash { digest, named: false },
        // RFC 9481 §3.3: for Ed25519 it is SHA-512.
        None => ConfirmHash { digest: MessageDigest::sha512(), named: true },
    })
}
