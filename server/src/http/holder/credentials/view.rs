//! A signing credential as its holder sees it.

use crate::http::stamp_account::rfc3339;
use crate::service::Service;
use accounts::holders::SigningKeyKind;
use accounts::holders::credential::{CredentialView, State};
use authority::Certificate;
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
    /// The number of its newest envelope.
    envelope: String,
    /// The serial number of its certificate, hex; null, like the following, before there is one.
    serial: Option<String>,
    subject: Option<String>,
    issuer: Option<String>,
    not_before: Option<String>,
    /// The end of the certificate.
    not_after: Option<String>,
}

/// Everything that a holder may know of a credential.
pub(super) fn shown(service: &Service, view: CredentialView, now: DateTime<Utc>) -> Credential {
    let registered = view.serial.as_deref().and_then(|serial| registered(service, serial, now));
    let (subject, issuer, not_before) = registered.map_or((None, None, None), |found| {
        let issuer = service.pki.authority().ca(&found.ca).map(CertificateAuthority::certificate);
        let issuer = issuer.map(|ca| certs::display_name(ca.subject()));
        (Some(found.subject), issuer, Some(rfc3339(found.not_before)))
    });
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
        envelope: view.envelope,
        serial: view.serial,
        subject,
        issuer,
        not_before,
        not_after: view.not_after.map(rfc3339),
    }
}

/// What the registry says of a certificate.
fn registered(service: &Service, serial: &str, now: DateTime<Utc>) -> Option<Certificate> {
    let shown = service.pki.authority().show(&serial.parse().ok()?, now).ok()??;
    Some(shown.certificate)
}

/// The algorithms that a kind of key signs with.
fn algorithms(key: SigningKeyKind) -> Vec<&'static str> {
    let is_rsa = !matches!(key, SigningKeyKind::P256 | SigningKeyKind::P384);
    let of_key = SignatureAlgorithm::ALL.into_iter().filter(|one| one.is_rsa() == is_rsa);
    of_key.map(SignatureAlgorithm::name).collect()
}
