//! `/api/v1/holder/credentials/{id}/renewal`: another certificate before the old one ends, in five
//! phases. Each may be left and come back to, and nothing changes before the last.

use super::body::{OneTimeCode, Secret};
use super::credentials::{asked, own, pin, proof, proof_in_room};
use super::problem::{holder as problem, refused};
use super::{access, answer};
use crate::http::problem::{Problem, ProblemBody};
use crate::http::stamp_account::rfc3339;
use crate::http::{GET, get, resource};
use crate::service::Service;
use accounts::holders::credential::CredentialView;
use accounts::holders::otp::Purpose;
use accounts::holders::pin::NewPin;
use accounts::holders::renewal::{Phase, PinChoice, RenewalView};
use accounts::holders::sessions::Access;
use accounts::holders::{CredentialId, HolderError};
use actix_web::web::{self, Data, Path, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Longest name of a version of the conditions.
const LONGEST_CONDITIONS: usize = 64;

/// What this room says of itself.
#[derive(utoipa::OpenApi)]
#[openapi(paths(
    show_renewal,
    consent_to_renewal,
    confirm_renewal,
    choose_renewal_pin,
    secure_renewal,
    complete_renewal
))]
pub(super) struct Described;

pub(super) fn routes(config: &mut ServiceConfig) {
    let phase = |rest: &str| format!("/api/v1/holder/credentials/{{id}}/renewal{rest}");
    config
        .service(resource(&phase(""), GET, [get(show_renewal)]))
        .service(resource(&phase("/consents"), "POST", [web::post().to(consent_to_renewal)]))
        .service(resource(&phase("/confirm"), "POST", [web::post().to(confirm_renewal)]))
        .service(resource(&phase("/pin"), "POST", [web::post().to(choose_renewal_pin)]))
        .service(resource(&phase("/security"), "POST", [web::post().to(secure_renewal)]))
        .service(resource(&phase("/complete"), "POST", [web::post().to(complete_renewal)]));
}

/// Where a renewal is.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Renewal {
    /// The phase whose turn it is, by the last word of its path: `confirm`, `pin`, `security` or
    /// `complete`.
    next: &'static str,
    /// Its number, 2 to 5.
    phase: u8,
    begun_at: String,
    /// It has to be begun again from then on.
    ends_at: String,
    /// Whether a new PIN was chosen.
    new_pin: bool,
}

impl From<RenewalView> for Renewal {
    fn from(view: RenewalView) -> Self {
        Self {
            next: word(view.next),
            phase: view.next.number(),
            begun_at: rfc3339(view.begun_at),
            ends_at: rfc3339(view.ends_at),
            new_pin: view.new_pin,
        }
    }
}

const fn word(phase: Phase) -> &'static str {
    match phase {
        Phase::Consents => "consents",
        Phase::Confirm => "confirm",
        Phase::Pin => "pin",
        Phase::Security => "security",
        Phase::Complete => "complete",
    }
}

/// A renewal that is through.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Renewed {
    /// The end of the new certificate.
    not_after: Option<String>,
    /// Its serial number, hex.
    serial: Option<String>,
    /// The number of the envelope that is on its way.
    envelope: String,
}

/// Shows where the renewal is.
#[utoipa::path(get, path = "/api/v1/holder/credentials/{id}/renewal", tag = "renewal",
    operation_id = "show_renewal", params(("id" = String, Path, description = "Of the list")),
    responses((status = 200, body = Renewal), (status = 401, body = ProblemBody),
        (status = 404, description = "None is under way: it begins with the consents",
            body = ProblemBody)), security(("holder" = [])))]
pub(crate) async fn show_renewal(
    request: HttpRequest,
    service: Data<Service>,
    path: Path<String>,
) -> Result<HttpResponse, Problem> {
    let access = access::holder(&request, &service).await?;
    let (id, now) = (own(&path)?, service.clock.now());
    let view = service.holders.renewal(access.holder, id, now).map_err(problem)?;
    let view = view.ok_or(Problem::NotFound { what: "renewal of this credential under way" })?;
    Ok(answer::ok(&Renewal::from(view)))
}

/// Phase 1.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Consents {
    /// The version of the general conditions that were accepted, as the
    /// portal shows it.
    #[schema(example = "2026-11")]
    conditions: String,
    #[schema(value_type = String, format = Password)]
    pin: Secret,
}

/// Phase 1: accepts the conditions and enters the PIN. Begins the renewal, or begins it again.
#[utoipa::path(post, path = "/api/v1/holder/credentials/{id}/renewal/consents", tag = "renewal",
    operation_id = "consent_to_renewal",
    params(("id" = String, Path, description = "Of the list")), request_body = Consents,
    responses((status = 200, body = Renewal), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody),
        (status = 409, description = "Too early, or not active", body = ProblemBody),
        (status = 422, body = ProblemBody)), security(("holder" = [])))]
pub(crate) async fn consent_to_renewal(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
    path: Path<String>,
) -> Result<HttpResponse, Problem> {
    let (access, id, wanted) = asked(&request, payload, &service, &path).await?;
    let Consents { conditions, pin: typed } = wanted;
    if conditions.is_empty() || conditions.len() > LONGEST_CONDITIONS || !is_plain(&conditions) {
        let detail = "conditions is not allowed: use the name of a version of the conditions, 1 \
                      to 64 letters, digits, dots, hyphens and underlines";
        return Err(refused("invalid-field", detail.to_owned(), Some("conditions"), None));
    }
    let (typed, now) = (pin("pin", &typed)?, service.clock.now());
    let begun = service.holders.begin_renewal((access.holder, id), conditions, typed, now).await;
    if let Err(HolderError::Code(_)) = begun {
        // The last wrong PIN locks it.
        service.forget_locked(access.holder, id);
    }
    under_way(&service, &access, id, begun, now)
}

fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
}

/// Phase 2 and 5.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RenewalCode {
    /// A code for `confirm-renewal`, or `complete-renewal` in the last phase.
    otp: OneTimeCode,
}

/// Phase 2: confirms with a one-time code.
#[utoipa::path(post, path = "/api/v1/holder/credentials/{id}/renewal/confirm", tag = "renewal",
    operation_id = "confirm_renewal", params(("id" = String, Path, description = "Of the list")),
    request_body = RenewalCode,
    responses((status = 200, body = Renewal), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 409, body = ProblemBody)),
    security(("holder" = [])))]
pub(crate) async fn confirm_renewal(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
    path: Path<String>,
) -> Result<HttpResponse, Problem> {
    let (access, id, wanted) = asked(&request, payload, &service, &path).await?;
    let RenewalCode { otp } = wanted;
    let now = service.clock.now();
    let otp = proof(&service, &access, (Purpose::ConfirmRenewal, id), &otp, now).await?;
    let done = service.holders.confirm_renewal((access.holder, id), otp, now).await;
    under_way(&service, &access, id, done, now)
}

/// Phase 3: `keep` is true, or a new PIN is there twice.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RenewalPin {
    /// The PIN stays.
    #[serde(default)]
    keep: bool,
    /// 8 digits.
    #[schema(value_type = Option<String>, format = Password)]
    new_pin: Option<Secret>,
    /// The same again.
    #[schema(value_type = Option<String>, format = Password)]
    repeat: Option<Secret>,
}

/// Phase 3: keeps the PIN, or chooses a new one, which counts with the last phase.
#[utoipa::path(post, path = "/api/v1/holder/credentials/{id}/renewal/pin", tag = "renewal",
    operation_id = "choose_renewal_pin",
    params(("id" = String, Path, description = "Of the list")), request_body = RenewalPin,
    responses((status = 200, body = Renewal), (status = 404, body = ProblemBody),
        (status = 409, body = ProblemBody), (status = 422, body = ProblemBody)),
    security(("holder" = [])))]
pub(crate) async fn choose_renewal_pin(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
    path: Path<String>,
) -> Result<HttpResponse, Problem> {
    let (access, id, wanted) = asked::<RenewalPin>(&request, payload, &service, &path).await?;
    let choice = match (wanted.keep, &wanted.new_pin, &wanted.repeat) {
        (true, None, None) => PinChoice::Keep,
        (false, Some(pin), Some(repeat)) => PinChoice::New(NewPin { pin, repeat }),
        _ => {
            let detail = "new_pin is not allowed: send keep = true alone, or new_pin and repeat";
            return Err(refused("invalid-field", detail.to_owned(), Some("new_pin"), None));
        }
    };
    let now = service.clock.now();
    let done = service.holders.choose_renewal_pin((access.holder, id), choice, now).await;
    under_way(&service, &access, id, done, now)
}

/// Phase 4: a passphrase, or `fiscal_code` is true.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RenewalSecurity {
    /// What opens the new envelope.
    #[schema(value_type = Option<String>, format = Password)]
    passphrase: Option<Secret>,
    /// The fiscal code opens it.
    #[serde(default)]
    fiscal_code: bool,
}

/// Phase 4: chooses what opens the new envelope.
#[utoipa::path(post, path = "/api/v1/holder/credentials/{id}/renewal/security", tag = "renewal",
    operation_id = "secure_renewal", params(("id" = String, Path, description = "Of the list")),
    request_body = RenewalSecurity,
    responses((status = 200, body = Renewal), (status = 404, body = ProblemBody),
        (status = 409, body = ProblemBody), (status = 422, body = ProblemBody)),
    security(("holder" = [])))]
pub(crate) async fn secure_renewal(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
    path: Path<String>,
) -> Result<HttpResponse, Problem> {
    let (access, id, wanted) = asked::<RenewalSecurity>(&request, payload, &service, &path).await?;
    let passphrase = match (wanted.passphrase, wanted.fiscal_code) {
        (Some(passphrase), false) => Some(passphrase.into_inner()),
        (None, true) => None,
        _ => {
            let detail =
                "passphrase is not allowed: send a passphrase alone, or fiscal_code = true";
            return Err(refused("invalid-field", detail.to_owned(), Some("passphrase"), None));
        }
    };
    let now = service.clock.now();
    let done = service.holders.secure_renewal((access.holder, id), passphrase, now).await;
    under_way(&service, &access, id, done, now)
}

/// Phase 5: issues the new certificate with a one-time code, and mails the new envelope.
#[utoipa::path(post, path = "/api/v1/holder/credentials/{id}/renewal/complete", tag = "renewal",
    operation_id = "complete_renewal", params(("id" = String, Path, description = "Of the list")),
    request_body = RenewalCode,
    responses((status = 200, body = Renewed), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 409, body = ProblemBody),
        (status = 503, description = "Nothing was changed", body = ProblemBody)),
    security(("holder" = [])))]
pub(crate) async fn complete_renewal(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
    path: Path<String>,
) -> Result<HttpResponse, Problem> {
    let (access, id, wanted) = asked(&request, payload, &service, &path).await?;
    let RenewalCode { otp } = wanted;
    let now = service.clock.now();
    let otp = proof_in_room(&service, &access, (Purpose::CompleteRenewal, id), &otp, now).await?;
    let place = (access.holder, id);
    let (addresses, ca) = (service.envelope_addresses(), &service.holder_ca);
    let done = service.holders.complete_renewal(place, otp, addresses, ca, now).await;
    done.map_err(problem)?;
    service.forget_keys(id);
    let view = service.holders.credential(access.holder, id, now).map_err(problem)?;
    let CredentialView { not_after, serial, envelope, .. } = view;
    Ok(answer::ok(&Renewed { not_after: not_after.map(rfc3339), serial, envelope }))
}

/// Where the renewal is after a phase.
fn under_way(
    service: &Service,
    access: &Access,
    id: CredentialId,
    done: Result<(), HolderError>,
    now: DateTime<Utc>,
) -> Result<HttpResponse, Problem> {
    done.map_err(problem)?;
    let view = service.holders.renewal(access.holder, id, now).map_err(problem)?;
    // Another request may have ended it meanwhile.
    let view = view.ok_or(Problem::NotFound { what: "renewal of this credential under way" })?;
    Ok(answer::ok(&Renewal::from(view)))
}
