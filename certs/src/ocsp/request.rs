//! Reads an OCSP request (RFC 6960 §4.1, RFC 9654).
//!
//! A signature on a request is not looked at: RFC 6960 §4.1.2 leaves it to the responder, and who
//! asks makes no difference here.

use super::IssuerId;
use crate::oid;
use crate::serial::Serial;
use openssl::base64;
use rasn::types::{Integer, OctetString, Oid};
use rasn_ocsp::OcspRequest;
use rasn_pkix::{AlgorithmIdentifier, Extensions};

/// The largest request that is read, in bytes.
pub const LARGEST_REQUEST: usize = 16 * 1024;

/// The most certificates that one request may ask for: each costs a look into the register.
pub const MOST_CERTIFICATES: usize = 32;

/// RFC 9654 §2.1: `Nonce ::= OCTET STRING (SIZE(1..128))`.
const LONGEST_NONCE: usize = 128;

/// What a client asks for.
#[derive(Clone, Debug)]
pub struct Request {
    certificates: Vec<CertId>,
    nonce: Option<Vec<u8>>,
}

/// One certificate that is asked for.
#[derive(Clone, Debug)]
pub struct CertId {
    content: rasn_ocsp::CertId,
    serial: Option<Serial>,
}

/// Why a request is answered with [`ErrorStatus::MalformedRequest`](super::ErrorStatus). The
/// client does not learn it; the log may.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestFault {
    /// More than [`LARGEST_REQUEST`] bytes.
    #[error("OCSP request: {0} bytes are too many (at most {LARGEST_REQUEST})")]
    TooLong(usize),
    /// A GET whose path is not base64.
    #[error("OCSP request: the path of the GET is not base64 (RFC 6960 A.1)")]
    Path,
    /// Not the DER encoding of an `OCSPRequest`, or bytes follow it.
    #[error("OCSP request: not one request in DER (RFC 6960 §4.1.1)")]
    Malformed {
        /// What the decoder said; its words change from version to version.
        reason: String,
    },
    /// RFC 6960 §4.1.1 knows one version.
    #[error("OCSP request: version is not v1 (0), the only one there is")]
    Version,
    /// No certificate, or more than [`MOST_CERTIFICATES`].
    #[error("OCSP request: asks for {0} certificates; 1 to {MOST_CERTIFICATES} are answered")]
    Certificates(usize),
    /// Hashes have no parameters (RFC 5754 §2).
    #[error("OCSP request: hashAlgorithm {oid} has parameters other than NULL")]
    HashParameters {
        /// The hash's object identifier.
        oid: String,
    },
    /// RFC 6960 §4.1.2: a critical extension that is not understood.
    #[error("OCSP request: extension {oid} is critical and not known here")]
    UnknownCriticalExtension {
        /// Its object identifier.
        oid: String,
    },
    /// RFC 5280 §4.2: not more than one instance of an extension.
    #[error("OCSP request: the nonce (1.3.6.1.5.5.7.48.1.2) stands there twice")]
    NonceRepeated,
    /// RFC 9654 §2.1: not an OCTET STRING of 1 to 128 octets.
    #[error("OCSP request: the nonce (1.3.6.1.5.5.7.48.1.2) is not 1 to 128 octets (RFC 9654)")]
    Nonce,
}

impl Request {
    /// Reads a request from DER.
    ///
    /// # Errors
    /// [`RequestFault`] for the first thing that is wrong.
    pub fn parse(der: &[u8]) -> Result<Self, RequestFault> {
        if der.len() > LARGEST_REQUEST {
            return Err(RequestFault::TooLong(der.len()));
        }
        let request: OcspRequest = rasn::der::decode(der)
            .map_err(|error| RequestFault::Malformed { reason: error.to_string() })?;
        let request = request.tbs_request;
        if request.version != Integer::ZERO {
            return Err(RequestFault::Version);
        }
        let count = request.request_list.len();
        if !(1..=MOST_CERTIFICATES).contains(&count) {
            return Err(RequestFault::Certificates(count));
        }
        understood(request.request_extensions.as_ref())?;
        let nonce = nonce(request.request_extensions.as_ref())?;
        let mut certificates = Vec::with_capacity(count);
        for single in request.request_list {
            understood(single.single_request_extensions.as_ref())?;
            no_parameters(&single.req_cert.hash_algorithm)?;
            let serial = Serial::from_integer(&single.req_cert.serial_number);
            certificates.push(CertId { content: single.req_cert, serial });
        }
        Ok(Self { certificates, nonce })
    }

    /// The certificates asked for, in the order of the request; at least one.
    #[must_use]
    pub fn certificates(&self) -> &[CertId] {
        &self.certificates
    }

    /// The nonce, which the answer repeats. An answer with a nonce is for this client alone and
    /// must not be cached.
    #[must_use]
    pub fn nonce(&self) -> Option<&[u8]> {
        self.nonce.as_deref()
    }
}

impl CertId {
    /// The serial number; `None` when it is one that no CA of this crate gives (negative, zero,
    /// more than 20 octets), whose status is therefore unknown.
    #[must_use]
    pub fn serial(&self) -> Option<&Serial> {
        self.serial.as_ref()
    }

    /// Whether the certificate was issued by this CA. False as well for a hash algorithm that is
    /// not answered (others than SHA-1, SHA-256, SHA-384 and SHA-512).
    #[must_use]
    pub fn is_of(&self, issuer: &IssuerId) -> bool {
        let CertIdHashes { algorithm, name, key } = self.hashes();
        issuer.fits(algorithm, name, key)
    }

    /// The structure as it came, for the answer.
    pub(super) fn content(&self) -> &rasn_ocsp::CertId {
        &self.content
    }

    fn hashes(&self) -> CertIdHashes<'_> {
        CertIdHashes {
            algorithm: &self.content.hash_algorithm.algorithm,
            name: &self.content.issuer_name_hash,
            key: &self.content.issuer_key_hash,
        }
    }
}

struct CertIdHashes<'a> {
    algorithm: &'a Oid,
    name: &'a [u8],
    key: &'a [u8],
}

/// The request in the path of a GET, `path` being what stands after `/ocsp/`, as it was sent.
///
/// RFC 6960 A.1: "GET {url}/{url-encoding of base-64 encoding of the DER encoding of the
/// OCSPRequest}". Clients that forget the url-encoding are understood too: base64's `+`, `/` and
/// `=` stand for themselves in a path.
///
/// # Errors
/// [`RequestFault::TooLong`] and [`RequestFault::Path`].
pub fn from_path(path: &str) -> Result<Vec<u8>, RequestFault> {
    // Base64 makes 4 characters of 3 bytes, and the url-encoding at most 3 of each.
    if path.len() > LARGEST_REQUEST * 4 {
        return Err(RequestFault::TooLong(path.len()));
    }
    let mut text = String::with_capacity(path.len());
    let mut rest = path.chars();
    while let Some(next) = rest.next() {
        match next {
            '%' => match [rest.next(), rest.next()] {
                [Some('2'), Some('b' | 'B')] => text.push('+'),
                [Some('2'), Some('f' | 'F')] => text.push('/'),
                [Some('3'), Some('d' | 'D')] => text.push('='),
                _ => return Err(RequestFault::Path),
            },
            '+' | '/' | '=' => text.push(next),
            next if next.is_ascii_alphanumeric() => text.push(next),
            _ => return Err(RequestFault::Path),
        }
    }
    // OpenSSL takes an empty text, and padding in the middle, for more than they are.
    let digits = text.trim_end_matches('=');
    let padding = text.len() - digits.len();
    if digits.is_empty() || padding > 2 || digits.contains('=') || !text.len().is_multiple_of(4) {
        return Err(RequestFault::Path);
    }
    base64::decode_block(&text).map_err(|_| RequestFault::Path)
}

/// RFC 6960 §4.1.2: extensions that are not known are ignored, "unless they have the critical flag
/// set and are not understood".
fn understood(extensions: Option<&Extensions>) -> Result<(), RequestFault> {
    // Known and without effect: which response types and algorithms the client prefers (there is
    // one of each), and whom to ask instead.
    let known = [oid::OCSP_NONCE, oid::OCSP_RESPONSES, oid::OCSP_LOCATOR, oid::OCSP_ALGORITHMS];
    for extension in extensions.into_iter().flat_map(|list| list.iter()) {
        if extension.critical && !known.iter().any(|id| **id == extension.extn_id) {
            let oid = extension.extn_id.to_string();
            return Err(RequestFault::UnknownCriticalExtension { oid });
        }
    }
    Ok(())
}

/// RFC 5754 §2: parameters of a hash are absent, or NULL. The answer repeats them, and nothing but
/// these two should go back to the client.
fn no_parameters(hash: &AlgorithmIdentifier) -> Result<(), RequestFault> {
    match &hash.parameters {
        Some(parameters) if parameters.as_bytes() != [0x05, 0x00] => {
            Err(RequestFault::HashParameters { oid: hash.algorithm.to_string() })
        }
        _ => Ok(()),
    }
}

fn nonce(extensions: Option<&Extensions>) -> Result<Option<Vec<u8>>, RequestFault> {
    let mut found = extensions
        .into_iter()
        .flat_map(|list| list.iter())
        .filter(|extension| *oid::OCSP_NONCE == extension.extn_id);
    let Some(extension) = found.next() else { return Ok(None) };
    if found.next().is_some() {
        return Err(RequestFault::NonceRepeated);
    }
    // RFC 9654 §2.1: a responder "MUST reject any OCSP request that has a nonce ... with a length
    // of either 0 octets or more than 128 octets, with the malformedRequest".
    match rasn::der::decode::<OctetString>(&extension.extn_value) {
        Ok(nonce) if (1..=LONGEST_NONCE).contains(&nonce.len()) => Ok(Some(nonce.to_vec())),
        _ => Err(RequestFault::Nonce),
    }
}
