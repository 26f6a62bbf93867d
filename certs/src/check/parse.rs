//! Reads one certificate: strict about its frame, without judging what it says.

use chrono::{DateTime, Utc};
use openssl::asn1::Asn1OctetStringRef;
use openssl::pkey::{PKey, Public};
use openssl::x509::X509;
use rasn::Decode;
use rasn::types::{Integer, Oid};
use rasn_pkix::{Certificate, Extension, Name, Time};
use std::fmt;

/// No certificate of a time-stamping chain comes near this size, in bytes; post-quantum ones
/// take about 20 kB.
pub const LARGEST_CERTIFICATE: usize = 64 * 1024;

/// Why some bytes are not a certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// More than [`LARGEST_CERTIFICATE`] bytes.
    #[error("{0} bytes are too many for a certificate (at most {LARGEST_CERTIFICATE})")]
    TooLong(usize),
    /// Not the DER encoding of a `Certificate`, or bytes follow it.
    #[error("not one certificate in DER (RFC 5280 §4.1), but {what}")]
    Malformed {
        /// What it looks like instead.
        what: &'static str,
        /// What the decoder said; its words change from version to version.
        reason: String,
    },
}

/// A certificate that has been read. Whether it is any good is for others to say.
pub struct ParsedCertificate {
    der: Vec<u8>,
    content: Certificate,
    x509: X509,
}

/// Reads a certificate from DER.
///
/// # Errors
/// [`ParseError`] when `der` is not exactly one certificate.
pub fn parse(der: &[u8]) -> Result<ParsedCertificate, ParseError> {
    if der.len() > LARGEST_CERTIFICATE {
        return Err(ParseError::TooLong(der.len()));
    }
    let content: Certificate =
        rasn::der::decode(der).map_err(|error| malformed(der, error.to_string()))?;
    let x509 = X509::from_der(der).map_err(|error| malformed(der, error.to_string()))?;
    Ok(ParsedCertificate { der: der.to_vec(), content, x509 })
}

fn malformed(der: &[u8], reason: String) -> ParseError {
    let what = match der {
        [] => "nothing at all",
        [b'-', b'-', b'-', b'-', b'-', ..] => "PEM text",
        // The tag of the SEQUENCE that a certificate is.
        [0x30, ..] => "something cut off, changed or of another type",
        _ => "other bytes",
    };
    ParseError::Malformed { what, reason }
}

impl ParsedCertificate {
    /// The bytes as they were given.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The decoded structure.
    #[must_use]
    pub fn content(&self) -> &Certificate {
        &self.content
    }

    /// The issuer's name.
    #[must_use]
    pub fn issuer(&self) -> &Name {
        &self.content.tbs_certificate.issuer
    }

    /// The subject's name.
    #[must_use]
    pub fn subject(&self) -> &Name {
        &self.content.tbs_certificate.subject
    }

    /// The serial number.
    #[must_use]
    pub fn serial_number(&self) -> &Integer {
        &self.content.tbs_certificate.serial_number
    }

    /// The first instant of the validity.
    #[must_use]
    pub fn not_before(&self) -> DateTime<Utc> {
        instant(&self.content.tbs_certificate.validity.not_before)
    }

    /// The last instant of the validity.
    #[must_use]
    pub fn not_after(&self) -> DateTime<Utc> {
        instant(&self.content.tbs_certificate.validity.not_after)
    }

    /// The certified key, when OpenSSL knows its algorithm.
    #[must_use]
    pub fn public_key(&self) -> Option<PKey<Public>> {
        self.x509.public_key().ok()
    }

    /// Content of the extension subjectKeyIdentifier.
    #[must_use]
    pub fn subject_key_identifier(&self) -> Option<&[u8]> {
        self.x509.subject_key_id().map(Asn1OctetStringRef::as_slice)
    }

    /// Whether the certificate's signature was made with `key`.
    #[must_use]
    pub fn is_signed_by(&self, key: &PKey<Public>) -> bool {
        self.x509.verify(key).unwrap_or(false)
    }

    /// All extensions, in the order of the certificate.
    pub(crate) fn extensions(&self) -> impl Iterator<Item = &Extension> {
        self.content.tbs_certificate.extensions.iter().flat_map(|list| list.iter())
    }

    /// The extensions with this identifier: RFC 5280 §4.2 allows at most one.
    pub(crate) fn extensions_named(&self, id: &Oid) -> Vec<&Extension> {
        self.extensions().filter(|extension| *id == extension.extn_id).collect()
    }

    /// The decoded value of an extension; `None` when it is absent or unreadable.
    pub(crate) fn extension<T: Decode>(&self, id: &Oid) -> Option<T> {
        let found = self.extensions().find(|extension| *id == extension.extn_id)?;
        rasn::der::decode(&found.extn_value).ok()
    }

    /// Whether the extension is there at all.
    pub(crate) fn has(&self, id: &Oid) -> bool {
        self.extensions().any(|extension| *id == extension.extn_id)
    }
}

impl fmt::Debug for ParsedCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParsedCertificate")
            .field("subject", &crate::display_name(self.subject()))
            .field("serial_number", &self.serial_number().to_string())
            .finish_non_exhaustive()
    }
}

fn instant(time: &Time) -> DateTime<Utc> {
    match time {
        Time::Utc(time) => *time,
        Time::General(time) => time.to_utc(),
    }
}
