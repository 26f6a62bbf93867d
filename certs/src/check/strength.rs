//! Keys and signatures that are too weak, in any certificate of the chain.

use super::fault::TsuFault;
use super::parse::ParsedCertificate;
use crate::key::{KeyError, check_public_key};
use crate::oid;
use openssl::pkey::Id;
use rasn::types::{Any, Integer};
use rasn::{AsnType, Decode, Decoder};
use rasn_pkix::AlgorithmIdentifier;

/// The certified key: one that not everybody has, at least 112 bits of security, and a warning for
/// RSA below 3072 bits.
pub(super) fn of_key(certificate: &ParsedCertificate, which: &str, faults: &mut Vec<TsuFault>) {
    let Some(key) = certificate.public_key() else { return };
    let (which, bits) = (which.to_owned(), key.bits());
    if let Err(KeyError::Unsafe { what: found }) = check_public_key(&key) {
        faults.push(TsuFault::KeyUnsafe { which: which.clone(), found });
    }
    if key.security_bits() < 112 {
        faults.push(TsuFault::KeyWeak { which, bits });
    } else if key.id() == Id::RSA && bits < 3072 {
        faults.push(TsuFault::KeyShort { which, bits });
    }
}

/// The signature over the certificate: MD5 and SHA-1 are refused. Of no interest for a root, which
/// is trusted for what it is and not for its signature.
pub(super) fn of_signature(
    certificate: &ParsedCertificate,
    which: &str,
    faults: &mut Vec<TsuFault>,
) {
    let algorithm = &certificate.content().signature_algorithm;
    if let Some(name) = weak_signature(algorithm) {
        let oid = algorithm.algorithm.to_string();
        faults.push(TsuFault::SignatureWeak { which: which.to_owned(), name, oid });
    }
}

/// The name of a signature algorithm whose digest is broken (MD5, SHA-1).
pub(crate) fn weak_signature(algorithm: &AlgorithmIdentifier) -> Option<&'static str> {
    let weak = [
        (oid::MD5_WITH_RSA, "md5WithRSAEncryption"),
        (oid::SHA1_WITH_RSA, "sha1WithRSAEncryption"),
        (oid::ECDSA_WITH_SHA1, "ecdsa-with-SHA1"),
        (oid::SHA1_WITH_DSA, "dsa-with-sha1"),
    ];
    if *oid::RSASSA_PSS == algorithm.algorithm {
        return pss_with_sha1(algorithm).then_some("id-RSASSA-PSS with SHA-1");
    }
    weak.into_iter().find_map(|(id, name)| (*id == algorithm.algorithm).then_some(name))
}

/// RFC 4055 §3.1: hashAlgorithm "DEFAULT sha1Identifier". Parameters that cannot be read count as
/// broken too.
fn pss_with_sha1(algorithm: &AlgorithmIdentifier) -> bool {
    let parameters = algorithm.parameters.as_ref().map(Any::as_bytes);
    let parameters = parameters.and_then(|der| rasn::der::decode::<PssParameters>(der).ok());
    match parameters.and_then(|parameters| parameters.hash_algorithm) {
        Some(hash) => *oid::SHA1 == hash.algorithm,
        None => true,
    }
}

/// RFC 4055 §3.1: `RSASSA-PSS-params`.
#[derive(AsnType, Decode)]
#[expect(dead_code, reason = "the hash is looked at; the others only have to be readable")]
struct PssParameters {
    #[rasn(tag(explicit(0)))]
    hash_algorithm: Option<AlgorithmIdentifier>,
    #[rasn(tag(explicit(1)))]
    mask_gen_algorithm: Option<AlgorithmIdentifier>,
    #[rasn(tag(explicit(2)))]
    salt_length: Option<Integer>,
    #[rasn(tag(explicit(3)))]
    trailer_field: Option<Integer>,
}
