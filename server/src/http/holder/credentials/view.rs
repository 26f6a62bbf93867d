//! A signing credential as its holder sees it.

use crate::http::stamp_account::rfc3339;
use crate::service::Service;
use accounts::holders::SigningKeyKind;
use accounts::holders::credential::{CredentialView, State};
use certs::CertificateAuthority;
use chrono::{DateTime, Utc};
use serde::Serialize;
use signing::SignatureAlgorithm;

/// A signing credential: a certificate and the key behind it.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Credential {
    /// Identifier: 32 digits 0-9 a-f.
    id: String,
    /// `remote` (every signature with PIN and one-time code) or `automatic` (unattended).
    kind: &'static str,
    /// `awaiting-activation`, `active`, `suspended`, `pin-locked`, `revoked` or `expired`.
    state: &'static str,
    /// The end of a suspension, or null when it lasts until it is lifted, or is none.
    suspended_until: Option<String>,
    /// The kind of key: `p256`, `p384`, `rsa2048`, `rsa3072` or `rsa4096`.
    key: &'static str,
    /// The algorithms that it signs with.
    algorithms: Vec<&'static str>,
    created_at: String,
    activated_at: Option<String>,
    /// The end of its certificate, or null before there is one.
    not_after: Option<String>,
    /// The number of its newest envelope.
    envelope: String,
    /// The certificate, or null before there is one.
    certificate: Option<Certificate>,
}

/// The certificate of a credential.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Certificate {
    /// Serial number, hex.
    serial: String,
    subject: String,
    issuer: String,
    not_before: String,
    not_after: String,
}

/// Everything that a holder may know of a credential.
pub(super) fn shown(service: &Service, view: CredentialView, now: DateTime<Utc>) -> Credential {
    let certificate = view.serial.as_deref().and_then(|serial| certificate(service, serial, now));
    Credential {
        id: view.id.to_string(),
        kind: view.kind.word(),
        state: view.state.word(),
        suspended_until: match view.state {
            State::Suspended { until: Some(until), .. } => {
                DateTime::from_timestamp_millis(until).map(rfc3339)
            }
            _ => None,
        },
        key: view.key_kind.name(),
        algorithms: algorithms(view.key_kind),
        created_at: rfc3339(view.created_at),
        activated_at: view.activated_at.map(rfc3339),
        not_after: view.not_after.map(rfc3339),
        envelope: view.envelope,
        certificate,
    }
}

/// What the registry says of a certificate.
fn certificate(service: &Service, serial: &str, now: DateTime<Utc>) -> Option<Certificate> {
    let authority = service.pki.authority();
    let shown = authority.show(&serial.parse().ok()?, now).ok()??.certificate;
    let issuer = authority.ca(&shown.ca).map(CertificateAuthority::certificate);
    Some(Certificate {
        serial: serial.to_owned(),
        subject: shown.subject,
        issuer: issuer.map(|ca| certs::display_name(ca.subject())).unwrap_or_default(),
        not_before: rfc3339(shown.not_before),
        not_after: rfc3339(shown.not_after),
    })
}

/// The algorithms that a kind of key signs with.
fn algorithms(key: SigningKeyKind) -> Vec<&'static str> {
    let is_rsa = !matches!(key, SigningKeyKind::P256 | SigningKeyKind::P384);
    let of_key = SignatureAlgorithm::ALL.into_iter().filter(|one| one.is_rsa() == is_rsa);
    of_key.map(SignatureAlgorithm::name).collect()
}
