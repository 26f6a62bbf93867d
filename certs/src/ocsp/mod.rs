//! The Online Certificate Status Protocol, messages only: what a request asks, and the signed
//! answer to it (RFC 6960, in the lightweight profile of RFC 5019, with the nonce of RFC 9654).
//!
//! `request` reads, `responder` answers, `issuer` holds the hashes by which a request names a CA.
//! Which certificates there are and what became of them is the caller's knowledge. No request
//! makes anything here panic: what cannot be read is answered with
//! [`ErrorStatus::MalformedRequest`].
//!
//! Choosing the answer: the first [`CertId`] that is of one of our CAs chooses the [`Responder`];
//! certificates of other issuers in the same request are [`CertStatus::Unknown`], as is a serial
//! number that the CA did not issue. When no [`CertId`] is of a CA of ours the answer is
//! [`ErrorStatus::Unauthorized`] (RFC 5019 §2.2.3).

mod issuer;
mod request;
mod responder;

pub use issuer::IssuerId;
pub use request::{CertId, LARGEST_REQUEST, MOST_CERTIFICATES, Request, RequestFault, from_path};
pub use responder::{Responder, ResponderFault, SingleAnswer};

use crate::revocation::RevocationReason;
use chrono::{DateTime, Utc};

/// The status of a certificate (RFC 6960 §2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertStatus {
    /// Issued and not revoked, whether it is still valid or not.
    Good,
    /// Revoked, or suspended with [`RevocationReason::CertificateHold`].
    Revoked {
        /// Since when.
        at: DateTime<Utc>,
        /// Why.
        reason: RevocationReason,
    },
    /// Not one of ours.
    Unknown,
}

/// An answer without a status of any certificate, and without a signature (RFC 6960 §2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorStatus {
    /// The request is not an OCSP request.
    MalformedRequest,
    /// The responder cannot answer for a reason of its own.
    InternalError,
    /// The responder cannot answer now.
    TryLater,
    /// The responder does not speak for the issuer of these certificates.
    Unauthorized,
}

impl ErrorStatus {
    /// The whole `OCSPResponse` in DER: a SEQUENCE with one ENUMERATED (RFC 6960 §4.2.1).
    #[must_use]
    pub const fn to_der(self) -> [u8; 5] {
        let status = match self {
            Self::MalformedRequest => 1,
            Self::InternalError => 2,
            Self::TryLater => 3,
            Self::Unauthorized => 6,
        };
        [0x30, 0x03, 0x0a, 0x01, status]
    }
}
