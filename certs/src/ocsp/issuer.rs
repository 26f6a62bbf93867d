//! The hashes by which an OCSP request names the CA that issued a certificate (RFC 6960 §4.1.1).

use crate::ca::{IssueError, build};
use crate::check::ParsedCertificate;
use crate::oid;
use openssl::error::ErrorStack;
use openssl::hash::{MessageDigest, hash};
use rasn::types::Oid;

/// A CA as OCSP names it, under every hash that is answered. SHA-1 is only a name here: what an
/// attacker could gain from a collision is an answer about a CA of his own making.
#[derive(Debug)]
pub struct IssuerId {
    hashes: Vec<Hashes>,
    responder_key: Vec<u8>,
}

#[derive(Debug)]
struct Hashes {
    algorithm: &'static Oid,
    name: Vec<u8>,
    key: Vec<u8>,
}

impl IssuerId {
    /// The hashes of a CA certificate's subject and key.
    ///
    /// RFC 6960 §4.1.1: issuerNameHash is over "the DER encoding of the issuer's name field in the
    /// certificate being checked", issuerKeyHash over "the value (excluding tag and length) of the
    /// subject public key field in the issuer's certificate".
    pub(crate) fn of(ca: &ParsedCertificate) -> Result<Self, IssueError> {
        let name = rasn::der::encode(ca.subject())
            .map_err(|error| build::unencodable("the CA's name", &error))?;
        let key = &ca.content().tbs_certificate.subject_public_key_info.subject_public_key;
        let hashes = [
            (oid::SHA1, MessageDigest::sha1()),
            (oid::SHA256, MessageDigest::sha256()),
            (oid::SHA384, MessageDigest::sha384()),
            (oid::SHA512, MessageDigest::sha512()),
        ]
        .into_iter()
        .map(|(algorithm, digest)| {
            Ok(Hashes {
                algorithm,
                name: hash(digest, &name).map_err(|error| refused(&error))?.to_vec(),
                key: hash(digest, key.as_raw_slice()).map_err(|error| refused(&error))?.to_vec(),
            })
        })
        .collect::<Result<_, IssueError>>()?;
        Ok(Self { hashes, responder_key: key_hash(ca)? })
    }

    /// Whether name and key hash, made with `algorithm`, are this CA's.
    pub(super) fn fits(&self, algorithm: &Oid, name: &[u8], key: &[u8]) -> bool {
        self.hashes
            .iter()
            .any(|own| *own.algorithm == *algorithm && own.name == name && own.key == key)
    }

    /// The `KeyHash` of a response that the CA signs itself.
    pub(super) fn responder_key(&self) -> &[u8] {
        &self.responder_key
    }
}

/// RFC 6960 §4.2.1: `KeyHash ::= OCTET STRING -- SHA-1 hash of responder's public key (excluding
/// the tag and length fields)`. There is no choice of another hash.
pub(super) fn key_hash(certificate: &ParsedCertificate) -> Result<Vec<u8>, IssueError> {
    let key = &certificate.content().tbs_certificate.subject_public_key_info.subject_public_key;
    Ok(hash(MessageDigest::sha1(), key.as_raw_slice()).map_err(|error| refused(&error))?.to_vec())
}

fn refused(error: &ErrorStack) -> IssueError {
    IssueError::Encoding { what: "the hashes of the CA", reason: error.to_string() }
}
