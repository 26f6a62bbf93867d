//! The port to whoever issues certificates and says whether they are good.

use super::{CredentialKind, RevocationCause};
use crate::holders::{CredentialId, HolderId};
use chrono::{DateTime, Utc};
use std::fmt;
use std::future::Future;

/// What a certificate is to say.
#[derive(Clone)]
pub struct CertificateRequest {
    /// For whom.
    pub holder: HolderId,
    /// For which credential.
    pub credential: CredentialId,
    /// For which use.
    pub kind: CredentialKind,
    /// The given name.
    pub given_name: String,
    /// The surname.
    pub surname: String,
    /// The fiscal code.
    pub fiscal_code: String,
    /// The e-mail address.
    pub email: String,
    /// The public key: DER `SubjectPublicKeyInfo`.
    pub public_key: Vec<u8>,
}

impl fmt::Debug for CertificateRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Personal data do not go into logs.
        f.debug_struct("CertificateRequest")
            .field("holder", &self.holder)
            .field("credential", &self.credential)
            .finish_non_exhaustive()
    }
}

/// A certificate that was issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuedCertificate {
    /// DER.
    pub der: Vec<u8>,
    /// Its serial number, hex.
    pub serial: String,
    /// Its end.
    pub not_after: DateTime<Utc>,
}

/// What the world is to be told of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateStatus {
    /// It is good.
    Good,
    /// It is on hold.
    Suspended {
        /// Until when; `None` is until it is reactivated.
        until: Option<DateTime<Utc>>,
    },
    /// It is revoked.
    Revoked(RevocationCause),
}

/// The issuer did not do it. The text is for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the certificate authority did not do it: {reason}")]
pub struct IssuerFault {
    /// The issuer's words.
    pub reason: String,
}

/// Issues certificates for credentials, and says how they stand.
pub trait CertificateIssuer: Send + Sync {
    /// Issues a certificate. It is durable when this returns.
    ///
    /// # Errors
    /// The issuer's; then there is no certificate.
    fn issue(
        &self,
        request: CertificateRequest,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<IssuedCertificate, IssuerFault>> + Send;

    /// The serial numbers, hex, of what was issued for a credential at or after `since` and is not
    /// revoked.
    ///
    /// # Errors
    /// The issuer's; it is asked again.
    fn issued_for(
        &self,
        credential: CredentialId,
        since: DateTime<Utc>,
    ) -> impl Future<Output = Result<Vec<String>, IssuerFault>> + Send;

    /// Says in CRL and OCSP how a certificate stands. Saying the same again is no error.
    ///
    /// # Errors
    /// The issuer's; it is tried again.
    fn set_status(
        &self,
        serial: &str,
        status: CertificateStatus,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<(), IssuerFault>> + Send;
}
