//! Everything that can be wrong with a request for a certificate.

use super::LARGEST_REQUEST;
use crate::pem::PemError;

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CsrFault {
    /// The text is not PEM.
    #[error("certification request: {0}")]
    Pem(#[from] PemError),
    /// The PEM text holds something else.
    #[error(
        "certification request: a PEM block {label:?} stands where a CERTIFICATE REQUEST belongs"
    )]
    NotARequest {
        /// The label found.
        label: String,
    },
    /// The PEM text holds more than one block.
    #[error("certification request: the text holds {blocks} PEM blocks; give exactly one request")]
    Several {
        /// How many.
        blocks: usize,
    },
    /// More than [`LARGEST_REQUEST`] bytes.
    #[error("certification request: {0} bytes are too many (at most {LARGEST_REQUEST})")]
    TooLong(usize),
    /// Not the DER encoding of a `CertificationRequest`, or bytes follow it.
    #[error("certification request: not one PKCS#10 request in DER (RFC 2986 §4)")]
    Malformed {
        /// What the decoder said; its words change from version to version.
        reason: String,
    },
    /// RFC 2986 §4.1 knows one version.
    #[error("certification request: version is not 0, the only one there is (RFC 2986 §4.1)")]
    Version,
    /// The algorithm, curve or size of the key is not one that is used here.
    #[error(
        "certification request: subjectPKInfo holds {found}, which this CA does not certify; use \
         RSA 2048, 3072 or 4096, P-256, P-384, P-521, Ed25519 or ML-DSA"
    )]
    KeyUnsupported {
        /// What was found.
        found: String,
    },
    /// Everybody can sign with the key, so that no signature proves possession.
    #[error(
        "certification request: subjectPKInfo holds {found}: anybody can sign with such a key; \
         make a new one"
    )]
    KeyUnsafe {
        /// What was found.
        found: String,
    },
    /// Signed with MD5 or SHA-1.
    #[error(
        "certification request: signatureAlgorithm is {name} ({oid}), which is broken; sign the \
         request with SHA-256 or better"
    )]
    SignatureWeak {
        /// The algorithm's name.
        name: &'static str,
        /// Its object identifier.
        oid: String,
    },
    /// RFC 2986 §3: the signature is the proof of possession.
    #[error(
        "certification request: signature does not verify with the key in subjectPKInfo; the \
         request was changed, or its maker does not have the private key"
    )]
    NotProven,
    /// The attribute extensionRequest is there twice, has not one value, or an unreadable one.
    #[error(
        "certification request: attribute extensionRequest (1.2.840.113549.1.9.14) must stand \
         there once, with one list of extensions (RFC 2985 §5.4.2)"
    )]
    ExtensionRequest,
}
