//! A time-stamp token: TSTInfo inside a CMS SignedData with one signature (RFC 3161 §2.4.2).
//!
//! Three types, each consumed by the next: [`TokenContents`], what the token will say →
//! [`PreparedToken`], the octets that are to be signed → [`SignedToken`]. What is the same in every
//! token of a unit is encoded once, in the unit's `Template`; a token is put together from these
//! pieces. Encoding each with rasn's types costs several times as much (`benches/issue.rs` shows
//! both), and `tests/it/token.rs` holds that both give the same octets.

mod certificates;
mod signed_data;
mod template;
mod tst_info;

pub use certificates::CertificateSet;
pub(crate) use signed_data::{SignerId, signer_of, with_certificates};
pub(crate) use template::Template;
pub use template::TemplateError;

use crate::request::{Accepted, Nonce};
use crate::serial::Serial;
use crate::tsu::Tsu;
use certs::KeyError;
use std::sync::Arc;

/// What a token says.
#[derive(Clone, Debug)]
pub struct TokenContents<'a> {
    /// DER of the MessageImprint. RFC 3161 §2.4.2: it "MUST have the same value as the similar
    /// field in TimeStampReq", so its octets are copied.
    pub imprint: &'a [u8],
    /// DER of the policy's OBJECT IDENTIFIER.
    pub policy: &'a [u8],
    /// The token's serial number.
    pub serial: Serial,
    /// genTime in milliseconds since the Unix epoch.
    pub gen_time_ms: i64,
    /// The request's nonce. RFC 3161 §2.4.2: it "MUST be present if the similar field was present
    /// in TimeStampReq. In that case it MUST have the same value."
    pub nonce: Option<Nonce<'a>>,
}

impl<'a> TokenContents<'a> {
    /// The answer to a request.
    ///
    /// Nothing in it names the requester. RFC 3161 §2.1: the TSA is required "not to include any
    /// identification of the requesting entity in the time-stamp tokens".
    #[must_use]
    pub fn answering(request: &Accepted<'a, 'a>, serial: Serial, gen_time_ms: i64) -> Self {
        Self {
            imprint: request.imprint_der(),
            policy: request.policy().der(),
            serial,
            gen_time_ms,
            nonce: request.nonce(),
        }
    }
}

/// A token that lacks only its signature.
#[derive(Debug)]
pub struct PreparedToken {
    unit: Arc<Tsu>,
    serial: Serial,
    gen_time_ms: i64,
    tst_info: Vec<u8>,
    /// The signed attributes as they are signed: a SET OF, not yet `[0] IMPLICIT`.
    attributes: Vec<u8>,
}

/// A token, signed. It may leave when its record and its debit are durable, not before.
#[derive(Debug)]
pub struct SignedToken {
    unit: Arc<Tsu>,
    serial: Serial,
    gen_time_ms: i64,
    tst_info: Vec<u8>,
    attributes: Vec<u8>,
    signature: Vec<u8>,
}

/// Why there is no signature.
#[derive(Debug, thiserror::Error)]
pub enum SignFailure {
    /// The key refused.
    #[error("unit {unit}: {error}")]
    Key {
        /// The unit's identifier.
        unit: String,
        /// What the key said.
        error: KeyError,
    },
    /// The signature does not verify with the certificate's key: the device or memory is at fault.
    /// Nothing more is to be signed with it until someone has looked.
    #[error("unit {unit}: the key gave a signature that its certificate does not verify")]
    DoesNotVerify {
        /// The unit's identifier.
        unit: String,
    },
    /// The pool of signing threads is full.
    #[error("all signing threads are busy and their queue is full")]
    Busy,
    /// The pool of signing threads is gone.
    #[error("the signing threads have ended")]
    PoolEnded,
}

impl PreparedToken {
    /// Encodes everything that is to be signed. `None` when `gen_time_ms` is outside of what a
    /// GeneralizedTime and a serial number can carry.
    #[must_use]
    pub fn new(unit: Arc<Tsu>, contents: &TokenContents<'_>) -> Option<Self> {
        let tst_info = tst_info::encode(contents, unit.template())?;
        let attributes = unit.template().signed_attributes(&tst_info);
        let (serial, gen_time_ms) = (contents.serial, contents.gen_time_ms);
        Some(Self { unit, serial, gen_time_ms, tst_info, attributes })
    }

    /// The unit that is to sign.
    #[must_use]
    pub fn unit(&self) -> &Arc<Tsu> {
        &self.unit
    }

    /// The octets to be signed. RFC 5652 §5.4: "the DER encoding of the EXPLICIT SET OF tag, rather
    /// than of the IMPLICIT \[0\] tag, MUST be included in the message digest calculation".
    #[must_use]
    pub fn to_be_signed(&self) -> &[u8] {
        &self.attributes
    }

    /// Signs, and verifies what came out when the unit's policy says so.
    ///
    /// # Errors
    /// [`SignFailure::Key`], [`SignFailure::DoesNotVerify`].
    pub fn sign(self) -> Result<SignedToken, SignFailure> {
        let signature = self.unit.sign(&self.attributes, &self.serial)?;
        let Self { unit, serial, gen_time_ms, tst_info, attributes } = self;
        Ok(SignedToken { unit, serial, gen_time_ms, tst_info, attributes, signature })
    }
}

impl SignedToken {
    /// The unit that signed.
    #[must_use]
    pub fn unit(&self) -> &Arc<Tsu> {
        &self.unit
    }

    /// The serial number.
    #[must_use]
    pub fn serial(&self) -> Serial {
        self.serial
    }

    /// genTime in milliseconds since the Unix epoch.
    #[must_use]
    pub fn gen_time_ms(&self) -> i64 {
        self.gen_time_ms
    }

    /// The token, a DER ContentInfo. Without its certificates it is what is stored.
    ///
    /// RFC 3161 §2.4.1, of certReq FALSE or absent: "the certificates field from the SignedData
    /// structure MUST not be present in the response"; of TRUE: "the TSA's public key certificate
    /// that is referenced by the ESSCertID identifier inside a SigningCertificate attribute [...]
    /// MUST be provided".
    #[must_use]
    pub fn der(&self, with_certificates: bool) -> Vec<u8> {
        signed_data::encode(
            self.unit.template(),
            &self.tst_info,
            &self.attributes,
            &self.signature,
            with_certificates,
        )
    }
}
