//! Requests, good ones and all kinds of others.

use marca_tsa::HashAlgorithm;
use rasn::types::{Any, Integer, ObjectIdentifier, Oid};
use rasn_cms::tsp::{MessageImprint, TimeStampReq};
use rasn_pkix::{AlgorithmIdentifier, Extension};

/// What most tools send: SHA-256, a nonce of eight octets, certReq TRUE.
pub(crate) fn usual() -> TimeStampReq {
    TimeStampReq {
        version: 1,
        message_imprint: imprint(HashAlgorithm::Sha256),
        req_policy: None,
        nonce: Some(Integer::from(0x1122_3344_5566_7788_i64)),
        cert_req: true,
        extensions: None,
    }
}

pub(crate) fn with_nonce(nonce: i64) -> Vec<u8> {
    encode(&TimeStampReq { nonce: Some(Integer::from(nonce)), ..usual() })
}

pub(crate) fn encode(request: &TimeStampReq) -> Vec<u8> {
    rasn::der::encode(request).unwrap()
}

pub(crate) fn imprint(hash: HashAlgorithm) -> MessageImprint {
    imprint_of(hash.oid(), None, hash.digest_len())
}

pub(crate) fn imprint_of(oid: &Oid, parameters: Option<&[u8]>, length: usize) -> MessageImprint {
    MessageImprint {
        hash_algorithm: AlgorithmIdentifier {
            algorithm: oid.to_owned(),
            parameters: parameters.map(|parameters| Any::new(parameters.to_vec())),
        },
        hashed_message: (0..length).map(|index| index as u8).collect::<Vec<u8>>().into(),
    }
}

pub(crate) fn oid(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new(text.split('.').map(|arc| arc.parse().unwrap()).collect::<Vec<u32>>())
        .unwrap()
}

pub(crate) fn extension(critical: bool) -> Extension {
    Extension { extn_id: oid("1.2.3.4"), critical, extn_value: vec![5, 0].into() }
}

/// The usual request with these contents octets as its nonce, whatever they are.
pub(crate) fn with_raw_nonce(contents: &[u8]) -> Vec<u8> {
    let bare = encode(&TimeStampReq { nonce: None, cert_req: false, ..usual() });
    let mut body = bare[2..].to_vec();
    body.extend_from_slice(&value(0x02, contents));
    body.extend_from_slice(&[0x01, 0x01, 0xFF]);
    value(0x30, &body)
}

/// One DER value.
pub(crate) fn value(tag: u8, contents: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match contents.len() {
        length @ 0..0x80 => out.push(length as u8),
        length @ 0x80..0x100 => out.extend_from_slice(&[0x81, length as u8]),
        length @ 0x100..0x1_0000 => {
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
