//! Keys and signatures that are too weak, in any certificate of the chain.

use super::fault::TsuFault;
use super::parse::ParsedCertificate;
use crate::oid;
use openssl::pkey::Id;

/// The certified key: at least 112 bits of security, and a warning for RSA below 3072 bits.
pub(super) fn of_key(certificate: &ParsedCertificate, which: &str, faults: &mut Vec<TsuFault>) {
    let Some(key) = certificate.public_key() else { return };
    let (which, bits) = (which.to_owned(), key.bits());
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
    let algorithm = &certificate.content().signature_algorithm.algorithm;
    let weak = [
        (oid::MD5_WITH_RSA, "md5WithRSAEncryption"),
        (oid::SHA1_WITH_RSA, "sha1WithRSAEncryption"),
        (oid::ECDSA_WITH_SHA1, "ecdsa-with-SHA1"),
        (oid::SHA1_WITH_DSA, "dsa-with-sha1"),
    ];
    if let Some((id, name)) = weak.into_iter().find(|(id, _)| **id == *algorithm) {
        let which = which.to_owned();
        faults.push(TsuFault::SignatureWeak { which, name, oid: id.to_string() });
    }
}
