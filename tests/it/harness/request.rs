//! Requests for a timestamp: good ones and others, made with rasn's own types.

use rand::RngExt;
use rasn::types::{Any, Integer, ObjectIdentifier};
use rasn_cms::tsp::{MessageImprint, TimeStampReq};
use rasn_pkix::{AlgorithmIdentifier, Extension};

/// id-sha256
pub(crate) const SHA256: &str = "2.16.840.1.101.3.4.2.1";

/// What most tools send: SHA-256, a nonce of eight octets, certReq TRUE.
pub(crate) fn usual() -> TimeStampReq {
    TimeStampReq {
        version: 1,
        message_imprint: imprint(SHA256, 32),
        req_policy: None,
        nonce: Some(Integer::from(random())),
        cert_req: true,
        extensions: None,
    }
}

/// A good request with a fresh nonce, DER.
pub(crate) fn fresh() -> Vec<u8> {
    encode(&usual())
}

/// A good request without a nonce, DER.
pub(crate) fn without_nonce() -> Vec<u8> {
    encode(&TimeStampReq { nonce: None, ..usual() })
}

/// The DER of a request.
pub(crate) fn encode(request: &TimeStampReq) -> Vec<u8> {
    rasn::der::encode(request).unwrap()
}

/// An imprint of `length` octets that says it is of the algorithm `oid`.
pub(crate) fn imprint(oid: &str, length: usize) -> MessageImprint {
    let parameters = Some(Any::new(vec![5, 0]));
    MessageImprint {
        hash_algorithm: AlgorithmIdentifier { algorithm: identifier(oid), parameters },
        hashed_message: (0..length).map(|index| index as u8).collect::<Vec<u8>>().into(),
    }
}

/// An object identifier from its dotted form.
pub(crate) fn identifier(text: &str) -> ObjectIdentifier {
    let arcs: Vec<u32> = text.split('.').map(|arc| arc.parse().unwrap()).collect();
    ObjectIdentifier::new(arcs).unwrap()
}

/// An extension that nobody knows.
pub(crate) fn extension(critical: bool) -> Extension {
    Extension { extn_id: identifier("1.2.3.4"), critical, extn_value: vec![5, 0].into() }
}

/// A positive number that has not been used before.
pub(crate) fn random() -> i64 {
    #[expect(clippy::disallowed_methods, reason = "a test may draw its own nonces")]
    let number: u64 = rand::rng().random();
    (number >> 2) as i64 | 1 << 61
}

/// One DER value.
pub(crate) fn value(tag: u8, contents: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match contents.len() {
        length @ 0..0x80 => out.push(length as u8),
        length @ 0x80..0x1_0000 => {
            out.push(0x82);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            out.push(0x84);
            out.extend_from_slice(&(length as u32).to_be_bytes());
        }
    }
    out.extend_from_slice(contents);
    out
}
