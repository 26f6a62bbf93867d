//! The certificates of a unit as a token carries them, and the name by which it refers to its own.

use super::template::encode;
use super::{SignerId, TemplateError};
use crate::der;
use rasn_cms::{Certificate, IssuerAndSerialNumber};

/// A signer's certificates, encoded once. Also what is kept of a unit that signs no more.
#[derive(Clone, Debug)]
pub struct CertificateSet {
    sid: Vec<u8>,
    /// `[0] IMPLICIT CertificateSet`, tag and length included.
    field: Vec<u8>,
}

impl CertificateSet {
    /// The signer's certificate and those that go with it, all in DER.
    ///
    /// # Errors
    /// [`TemplateError`] when the signer's is no certificate.
    pub fn new(signer: &[u8], others: &[Vec<u8>]) -> Result<Self, TemplateError> {
        let parsed: Certificate = rasn::der::decode(signer).map_err(|error| TemplateError {
            what: "signer's certificate",
            reason: error.to_string(),
        })?;
        // RFC 5652 §10.2.4: "The IssuerAndSerialNumber type identifies a certificate".
        let sid = IssuerAndSerialNumber {
            issuer: parsed.tbs_certificate.issuer,
            serial_number: parsed.tbs_certificate.serial_number,
        };
        let mut sorted = vec![signer];
        sorted.extend(others.iter().map(Vec::as_slice));
        // X.690 11.6: a SET OF is in ascending order; some verifiers refuse any other.
        sorted.sort_unstable();
        sorted.dedup();
        Ok(Self {
            sid: encode("SignerIdentifier", &sid)?,
            field: der::tlv(der::CONTEXT_0, &sorted),
        })
    }

    /// DER of the signer's IssuerAndSerialNumber.
    pub(crate) fn sid(&self) -> SignerId<'_> {
        &self.sid
    }

    /// DER of the certificates field of SignedData.
    pub(crate) fn field(&self) -> &[u8] {
        &self.field
    }
}
