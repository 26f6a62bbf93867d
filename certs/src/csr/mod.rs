//! Requests for a certificate in PKCS#10 (RFC 2986): made for a key of this service, so that a CA
//! outside can certify it, and read when somebody wants a certificate from the CA in here.
//!
//! A request that [`parse`] lets through proves that its maker has the private key. What else it
//! asks for (a name, extensions) is a wish: the CA grants what its own profiles say.

mod fault;

pub use fault::CsrFault;

use crate::ca::profile::EndKind;
use crate::ca::{IssueError, build, extension};
use crate::check::weak_signature;
use crate::der;
use crate::key::{KeyError, KeyKind, SigningKey, check_public_key};
use crate::name::DistinguishedName;
use crate::oid;
use crate::pem;
use openssl::pkey::{PKey, Public};
use openssl::x509::X509Req;
use rasn::types::{Any, BitString, Integer, SetOf};
use rasn::{AsnType, Decode, Decoder, Encode};
use rasn_pkix::{
    AlgorithmIdentifier, Attribute, Extension, Extensions, Name, SubjectPublicKeyInfo,
};
use std::fmt;

/// No request comes near this size, in bytes; post-quantum ones take about 10 kB.
pub const LARGEST_REQUEST: usize = 64 * 1024;

/// The label of a request in PEM (RFC 7468 §7).
const LABEL: &str = "CERTIFICATE REQUEST";
/// The label that older software writes.
const OLD_LABEL: &str = "NEW CERTIFICATE REQUEST";

/// What a request asks for besides name and key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Nothing: the CA decides.
    Nothing,
    /// The extensions of a time-stamping unit: keyUsage, and id-kp-timeStamping alone and critical.
    Tsu,
}

/// Makes a request for `key` under the name `subject`; returns it in DER.
///
/// # Errors
/// [`IssueError`] when the name is not possible or the key does not sign.
pub fn build(
    key: &dyn SigningKey,
    subject: &DistinguishedName,
    wanted: Wanted,
) -> Result<Vec<u8>, IssueError> {
    let attributes = match wanted {
        Wanted::Nothing => Vec::new(),
        Wanted::Tsu => vec![extension_request(extension::usage(&EndKind::Tsu.shape())?)?],
    };
    let info = CertificationRequestInfo {
        version: Integer::ZERO,
        subject: subject.to_name()?,
        subject_public_key_info: build::public_key_info(key.public_key())?,
        attributes: SetOf::from_vec(attributes),
    };
    let info = encoded(&info)?;
    let algorithm = encoded(&key.scheme().signature_algorithm())?;
    let signature = der::bit_string(&build::sign(key, &info)?);
    Ok(der::value(der::SEQUENCE, &[&info, &algorithm, &signature]))
}

fn extension_request(extensions: Vec<Extension>) -> Result<Attribute, IssueError> {
    let value = encoded(&Extensions::from(extensions))?;
    Ok(Attribute {
        r#type: oid::EXTENSION_REQUEST.into(),
        values: SetOf::from_vec(vec![Any::new(value)]),
    })
}

fn encoded<T: Encode>(value: &T) -> Result<Vec<u8>, IssueError> {
    rasn::der::encode(value)
        .map_err(|error| build::unencodable("the certification request", &error))
}

/// A request in PEM.
#[must_use]
pub fn to_pem(der: &[u8]) -> String {
    pem::encode(LABEL, der)
}

/// Reads the one request of a PEM text; see [`parse`].
///
/// # Errors
/// [`CsrFault`] when the text holds anything but one request, or the request is no good.
pub fn from_pem(text: &[u8]) -> Result<CertificationRequest, CsrFault> {
    match pem::decode(text)?.as_slice() {
        [block] if [LABEL, OLD_LABEL].contains(&block.label.as_str()) => parse(&block.der),
        [block] => Err(CsrFault::NotARequest { label: block.label.clone() }),
        blocks => Err(CsrFault::Several { blocks: blocks.len() }),
    }
}

/// Reads a request from DER, and proves that its maker has the private key.
///
/// # Errors
/// [`CsrFault`] for the first thing that is wrong.
pub fn parse(der: &[u8]) -> Result<CertificationRequest, CsrFault> {
    if der.len() > LARGEST_REQUEST {
        return Err(CsrFault::TooLong(der.len()));
    }
    let malformed = |reason: String| CsrFault::Malformed { reason };
    let content: Pkcs10 = rasn::der::decode(der).map_err(|error| malformed(error.to_string()))?;
    let request = X509Req::from_der(der).map_err(|error| malformed(error.to_string()))?;
    let info = content.certification_request_info;
    // RFC 2986 §4.1: "version is the version number ... It shall be 0 for this version".
    if info.version != Integer::ZERO {
        return Err(CsrFault::Version);
    }
    let algorithm = info.subject_public_key_info.algorithm.algorithm;
    let public_key = request.public_key().map_err(|_| CsrFault::KeyUnsupported {
        found: format!("a key of algorithm {algorithm}"),
    })?;
    // Before the proof: with some keys everybody can make one.
    let kind = check_public_key(&public_key).map_err(|error| match error {
        KeyError::Unsafe { what: found } => CsrFault::KeyUnsafe { found },
        KeyError::Unsupported { what: found } => CsrFault::KeyUnsupported { found },
        other => CsrFault::KeyUnsupported { found: other.to_string() },
    })?;
    if let Some(name) = weak_signature(&content.signature_algorithm) {
        let oid = content.signature_algorithm.algorithm.to_string();
        return Err(CsrFault::SignatureWeak { name, oid });
    }
    if !request.verify(&public_key).unwrap_or(false) {
        return Err(CsrFault::NotProven);
    }
    let extensions = wanted_extensions(&info.attributes)?;
    Ok(CertificationRequest {
        der: der.to_vec(),
        subject: info.subject,
        public_key,
        kind,
        extensions,
    })
}

/// The extensions asked for: one attribute with one value, or nothing.
fn wanted_extensions(attributes: &SetOf<Attribute>) -> Result<Vec<Extension>, CsrFault> {
    let mut found = attributes
        .to_vec()
        .into_iter()
        .filter(|attribute| *oid::EXTENSION_REQUEST == attribute.r#type);
    let Some(attribute) = found.next() else { return Ok(Vec::new()) };
    let values = attribute.values.to_vec();
    // RFC 2985 §5.4.2: "SINGLE VALUE TRUE".
    match (values.as_slice(), found.next()) {
        ([value], None) => rasn::der::decode::<Extensions>(value.as_bytes())
            .map(|extensions| extensions.to_vec())
            .map_err(|_| CsrFault::ExtensionRequest),
        _ => Err(CsrFault::ExtensionRequest),
    }
}

/// A request whose maker has the private key.
pub struct CertificationRequest {
    der: Vec<u8>,
    subject: Name,
    public_key: PKey<Public>,
    kind: KeyKind,
    extensions: Vec<Extension>,
}

impl CertificationRequest {
    /// The bytes as they were given.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The name asked for.
    #[must_use]
    pub fn subject(&self) -> &Name {
        &self.subject
    }

    /// The key to be certified.
    #[must_use]
    pub fn public_key(&self) -> &PKey<Public> {
        &self.public_key
    }

    /// The key's kind.
    #[must_use]
    pub fn key_kind(&self) -> KeyKind {
        self.kind
    }

    /// The extensions asked for. The CA of this crate writes its profile's instead.
    #[must_use]
    pub fn extensions(&self) -> &[Extension] {
        &self.extensions
    }
}

impl fmt::Debug for CertificationRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CertificationRequest")
            .field("subject", &crate::display_name(&self.subject))
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

/// RFC 2986 §4.2: `CertificationRequest`.
#[derive(AsnType, Decode)]
#[expect(dead_code, reason = "OpenSSL reads the signature; here it only has to be there")]
struct Pkcs10 {
    certification_request_info: CertificationRequestInfo,
    signature_algorithm: AlgorithmIdentifier,
    signature: BitString,
}

/// RFC 2986 §4.1: `CertificationRequestInfo`.
#[derive(AsnType, Decode, Encode)]
struct CertificationRequestInfo {
    version: Integer,
    subject: Name,
    subject_public_key_info: SubjectPublicKeyInfo,
    #[rasn(tag(0))]
    attributes: SetOf<Attribute>,
}
