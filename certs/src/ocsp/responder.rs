//! Signs answers for one CA, under a delegated certificate or as the CA itself (RFC 6960 §4.2).

use super::request::{CertId, Request};
use super::{CertStatus, issuer};
use crate::ca::{CertificateAuthority, IssueError, build};
use crate::check::{self, ParseError, ParsedCertificate};
use crate::der;
use crate::key::SigningKey;
use crate::oid;
use crate::revocation::RevocationReason;
use chrono::{DateTime, SubsecRound, Utc};
use rasn::Encode;
use rasn::types::{GeneralizedTime, Integer, OctetString, Oid};
use rasn_ocsp::{CertStatus as Status, ResponderId, ResponseData, RevokedInfo, SingleResponse};
use rasn_pkix::{CrlReason, ExtKeyUsageSyntax, Extension, Extensions};
use std::fmt;
use std::sync::Arc;

/// The status of one certificate, and how long the answer may be relied on.
#[derive(Clone, Debug)]
pub struct SingleAnswer<'a> {
    /// The certificate, as the request named it.
    pub certificate: &'a CertId,
    /// Its status.
    pub status: CertStatus,
    /// The last instant at which the status was known to be right.
    pub this_update: DateTime<Utc>,
    /// When there is something newer at the latest; RFC 5019 §2.2.4 wants it in every answer that
    /// may be cached.
    pub next_update: Option<DateTime<Utc>>,
}

/// Who signs the answers for one CA.
#[derive(Clone)]
pub struct Responder {
    key: Arc<dyn SigningKey>,
    /// The signature algorithm, encoded.
    algorithm: Arc<[u8]>,
    /// SHA-1 of the public key.
    key_hash: OctetString,
    /// The field `certs` with the delegated certificate in it, encoded; empty when the CA signs.
    certificates: Arc<[u8]>,
    not_before: DateTime<Utc>,
    not_after: DateTime<Utc>,
}

/// Why a certificate does not make a responder.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResponderFault {
    /// It cannot be read.
    #[error("the OCSP responder's certificate cannot be read: {0}; have a new one issued")]
    Unreadable(#[from] ParseError),
    /// RFC 6960 §4.2.2.2: it must be "issued directly by the CA".
    #[error(
        "the OCSP responder's certificate was not issued by CA {ca:?}, for which it should answer; \
         have one issued by that CA"
    )]
    WrongIssuer {
        /// The CA's id.
        ca: String,
    },
    /// RFC 6960 §4.2.2.2: id-kp-OCSPSigning designates the responder.
    #[error(
        "the OCSP responder's certificate: extension extendedKeyUsage (2.5.29.37) does not hold \
         id-kp-OCSPSigning (1.3.6.1.5.5.7.3.9); have one issued by profile ocsp-responder"
    )]
    NotForOcsp,
    /// Without id-pkix-ocsp-nocheck clients would ask the responder about itself.
    #[error(
        "the OCSP responder's certificate: extension id-pkix-ocsp-nocheck (1.3.6.1.5.5.7.48.1.5) \
         is missing, clients would ask for its status in a circle; have one issued by profile \
         ocsp-responder"
    )]
    NoCheckMissing,
    /// The key is not the certificate's.
    #[error("the OCSP responder's key is not the key in its certificate: use the matching pair")]
    WrongKey,
    /// A part could not be encoded.
    #[error(transparent)]
    Encoding(#[from] IssueError),
}

impl Responder {
    /// A responder with a certificate of its own, issued by `ca` under
    /// [`EndKind::OcspResponder`](crate::EndKind::OcspResponder).
    ///
    /// # Errors
    /// [`ResponderFault`] when the certificate does not entitle `key` to answer for `ca`.
    pub fn delegated(
        ca: &CertificateAuthority,
        certificate_der: &[u8],
        key: Arc<dyn SigningKey>,
    ) -> Result<Self, ResponderFault> {
        let certificate = check::parse(certificate_der)?;
        if certificate.issuer() != ca.subject() || !certificate.is_signed_by(ca.key().public_key())
        {
            return Err(ResponderFault::WrongIssuer { ca: ca.id().to_owned() });
        }
        let purposes: Option<ExtKeyUsageSyntax> = certificate.extension(oid::EXTENDED_KEY_USAGE);
        if !purposes.is_some_and(|list| list.iter().any(|purpose| *oid::OCSP_SIGNING == *purpose)) {
            return Err(ResponderFault::NotForOcsp);
        }
        if !certificate.has(oid::OCSP_NO_CHECK) {
            return Err(ResponderFault::NoCheckMissing);
        }
        if !certificate.public_key().is_some_and(|own| own.public_eq(key.public_key())) {
            return Err(ResponderFault::WrongKey);
        }
        // certs [0] EXPLICIT SEQUENCE OF Certificate
        let list = der::value(der::SEQUENCE, &[certificate.der()]);
        let certificates = der::value(der::explicit(0), &[&list]);
        let key_hash = issuer::key_hash(&certificate)?;
        Ok(Self::new(key, &key_hash, certificates, &certificate)?)
    }

    /// The CA answers itself.
    ///
    /// # Errors
    /// [`ResponderFault::Encoding`] only.
    pub fn direct(ca: &CertificateAuthority) -> Result<Self, ResponderFault> {
        let key_hash = ca.issuer_id().responder_key();
        Ok(Self::new(Arc::clone(ca.key()), key_hash, Vec::new(), ca.certificate())?)
    }

    fn new(
        key: Arc<dyn SigningKey>,
        key_hash: &[u8],
        certificates: Vec<u8>,
        certificate: &ParsedCertificate,
    ) -> Result<Self, IssueError> {
        let algorithm = encoded(&key.scheme().signature_algorithm())?.into();
        Ok(Self {
            key,
            algorithm,
            key_hash: OctetString::from_slice(key_hash),
            certificates: certificates.into(),
            not_before: certificate.not_before(),
            not_after: certificate.not_after(),
        })
    }

    /// The last instant at which clients accept this responder's answers.
    #[must_use]
    pub fn not_after(&self) -> DateTime<Utc> {
        self.not_after
    }

    /// Whether the responder's certificate is valid at `now`.
    #[must_use]
    pub fn usable_at(&self, now: DateTime<Utc>) -> bool {
        (self.not_before..=self.not_after).contains(&now)
    }

    /// Signs the answers to a request; returns the whole `OCSPResponse` in DER.
    ///
    /// The request's nonce is repeated. Each certificate asked for should have its answer: clients
    /// look for theirs (RFC 6960 §3.2).
    ///
    /// # Errors
    /// [`IssueError::Key`] when the key does not sign.
    pub fn respond(
        &self,
        request: &Request,
        answers: &[SingleAnswer<'_>],
        produced_at: DateTime<Utc>,
    ) -> Result<Vec<u8>, IssueError> {
        let nonce = request.nonce().map(nonce).transpose()?;
        let tbs = encoded(&ResponseData {
            version: Integer::ZERO,
            // The hash of the key is shorter than the name; both are allowed (RFC 6960 §4.2.2.3).
            responder_id: ResponderId::ByKey(self.key_hash.clone()),
            produced_at: time(produced_at),
            responses: answers.iter().map(single).collect(),
            response_extensions: nonce.map(|nonce| Extensions::from(vec![nonce])),
        })?;
        let signature = der::bit_string(&build::sign(self.key.as_ref(), &tbs)?);
        let basic =
            der::value(der::SEQUENCE, &[&tbs, &self.algorithm, &signature, &self.certificates]);
        successful(&basic)
    }
}

/// RFC 6960 §4.2.1: `OCSPResponse` with status successful and a `BasicOCSPResponse` inside.
fn successful(basic: &[u8]) -> Result<Vec<u8>, IssueError> {
    let kind = encoded(&rasn::types::ObjectIdentifier::from(oid::OCSP_BASIC))?;
    let content = der::value(der::OCTET_STRING, &[basic]);
    let bytes = der::value(der::explicit(0), &[&der::value(der::SEQUENCE, &[&kind, &content])]);
    let status = der::value(der::ENUMERATED, &[&[0]]);
    Ok(der::value(der::SEQUENCE, &[&status, &bytes]))
}

fn single(answer: &SingleAnswer<'_>) -> SingleResponse {
    SingleResponse {
        cert_id: answer.certificate.content().clone(),
        cert_status: match answer.status {
            CertStatus::Good => Status::Good,
            CertStatus::Revoked { at, reason } => Status::Revoked(RevokedInfo {
                revocation_time: time(at),
                revocation_reason: Some(crl_reason(reason)),
            }),
            CertStatus::Unknown => Status::Unknown(()),
        },
        this_update: time(answer.this_update),
        next_update: answer.next_update.map(time),
        single_extensions: None,
    }
}

fn crl_reason(reason: RevocationReason) -> CrlReason {
    match reason {
        RevocationReason::KeyCompromise => CrlReason::KeyCompromise,
        RevocationReason::CaCompromise => CrlReason::CaCompromise,
        RevocationReason::AffiliationChanged => CrlReason::AffiliationChanged,
        RevocationReason::Superseded => CrlReason::Superseded,
        RevocationReason::CessationOfOperation => CrlReason::CessationOfOperation,
        RevocationReason::CertificateHold => CrlReason::CertificateHold,
        RevocationReason::PrivilegeWithdrawn => CrlReason::PrivilegeWithdrawn,
    }
}

fn nonce(nonce: &[u8]) -> Result<Extension, IssueError> {
    let value = der::value(der::OCTET_STRING, &[nonce]);
    let id: &Oid = oid::OCSP_NONCE;
    Ok(Extension { extn_id: id.into(), critical: false, extn_value: value.into() })
}

/// RFC 5280 §4.1.2.5.2: "GeneralizedTime values MUST NOT include fractional seconds."
fn time(instant: DateTime<Utc>) -> GeneralizedTime {
    instant.trunc_subsecs(0).fixed_offset()
}

fn encoded<T: Encode>(value: &T) -> Result<Vec<u8>, IssueError> {
    rasn::der::encode(value).map_err(|error| build::unencodable("the OCSP response", &error))
}

impl fmt::Debug for Responder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Responder")
            .field("key", &self.key)
            .field("not_after", &self.not_after)
            .finish_non_exhaustive()
    }
}
