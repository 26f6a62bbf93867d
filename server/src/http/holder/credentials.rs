//! `/api/v1/holder/credentials`: what the holder's signing credentials are, and the acts of their
//! lives: activation, another PIN, suspension, revocation.
//!
//! Every act asks for a one-time code for this act on this credential. It is checked, and used up,
//! before a PIN or PUK is: guessing at those costs a code each time.

mod view;

use self::view::{Credential, shown};
use super::body::{OneTimeCode, Secret};
use super::problem::{holder as problem, refused};
use super::proof::{Act, verify, verify_in_room};
use super::{access, answer, body, id};
use crate::http::problem::{Problem, ProblemBody};
use crate::http::{GET, get, resource};
use crate::service::{HOLDERS, Service};
use accounts::holders::credential::RevocationCause;
use accounts::holders::otp::{OtpVerified, Purpose};
use accounts::holders::pin::{CodeRefusal, NewPin, NextSheet};
use accounts::holders::sessions::Access;
use accounts::holders::{CredentialId, HolderError, Room};
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::web::{self, Data, Path, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use envelope::{BadCode, Pin, Puk};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// RFC 8555 §9.1: a chain of PEM certificates.
const CHAIN: &str = "application/pem-certificate-chain";

/// What this room says of itself.
#[derive(utoipa::OpenApi)]
#[openapi(paths(
    list_credentials,
    show_credential,
    credential_certificate,
    activate,
    change_pin,
    unlock_pin,
    suspend_credential,
    reactivate_credential,
    revoke_credential
))]
pub(super) struct Described;

pub(super) fn routes(config: &mut ServiceConfig) {
    let own = |rest: &str| format!("/api/v1/holder/credentials/{{id}}{rest}");
    config
        .service(resource("/api/v1/holder/credentials", GET, [get(list_credentials)]))
        .service(resource(&own(""), GET, [get(show_credential)]))
        .service(resource(&own("/certificate"), GET, [get(credential_certificate)]))
        .service(resource(&own("/activate"), "POST", [web::post().to(activate)]))
        .service(resource(&own("/pin"), "POST", [web::post().to(change_pin)]))
        .service(resource(&own("/unlock"), "POST", [web::post().to(unlock_pin)]))
        .service(resource(&own("/suspend"), "POST", [web::post().to(suspend_credential)]))
        .service(resource(&own("/reactivate"), "POST", [web::post().to(reactivate_credential)]))
        .service(resource(&own("/revoke"), "POST", [web::post().to(revoke_credential)]));
}

/// The credentials of a holder.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Credentials {
    credentials: Vec<Credential>,
}

/// Lists the credentials of the holder, the oldest first.
#[utoipa::path(get, path = "/api/v1/holder/credentials", tag = "credentials",
    operation_id = "list_credentials",
    responses((status = 200, body = Credentials), (status = 401, body = ProblemBody)),
    security(("holder" = [])))]
pub(crate) async fn list_credentials(
    request: HttpRequest,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    let access = access::holder(&request, &service).await?;
    let now = service.clock.now();
    let mut own = service.holders.credentials_of(access.holder, now).map_err(problem)?;
    own.sort_by_key(|view| view.created_at);
    let credentials = own.into_iter().map(|view| shown(&service, view, now)).collect();
    Ok(answer::ok(&Credentials { credentials }))
}

/// Shows a credential.
#[utoipa::path(get, path = "/api/v1/holder/credentials/{id}", tag = "credentials",
    operation_id = "show_credential", params(("id" = String, Path, description = "Of the list")),
    responses((status = 200, body = Credential), (status = 401, body = ProblemBody),
        (status = 404, body = ProblemBody)), security(("holder" = [])))]
pub(crate) async fn show_credential(
    request: HttpRequest,
    service: Data<Service>,
    path: Path<String>,
) -> Result<HttpResponse, Problem> {
    let access = access::holder(&request, &service).await?;
    answered(&service, &access, own(&path)?, service.clock.now())
}

/// Sends the certificate and the CA that issued it.
#[utoipa::path(get, path = "/api/v1/holder/credentials/{id}/certificate", tag = "credentials",
    operation_id = "credential_certificate",
    params(("id" = String, Path, description = "Of the list")),
    responses((status = 200, description = "The certificate, then its CA, PEM",
            content_type = "application/pem-certificate-chain", body = String),
        (status = 401, body = ProblemBody),
        (status = 404, description = "Also before the activation", body = ProblemBody)),
    security(("holder" = [])))]
pub(crate) async fn credential_certificate(
    request: HttpRequest,
    service: Data<Service>,
    path: Path<String>,
) -> Result<HttpResponse, Problem> {
    let access = access::holder(&request, &service).await?;
    let now = service.clock.now();
    let view = service.holders.credential(access.holder, own(&path)?, now).map_err(problem)?;
    let none = Problem::NotFound { what: "certificate of this credential yet" };
    let der = view.certificate.ok_or(none)?;
    let ca = service.pki.certificate(HOLDERS);
    let chain = certs::pem::bundle(std::iter::once(der.as_slice()).chain(ca));
    let mut answer = HttpResponse::Ok();
    answer.insert_header((CONTENT_TYPE, CHAIN)).insert_header((CACHE_CONTROL, "no-store"));
    Ok(answer.body(chain))
}

/// What activates a credential.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Activation {
    /// The PIN of the envelope.
    #[schema(value_type = String, format = Password)]
    pin: Secret,
    /// The PUK of the envelope.
    #[schema(value_type = String, format = Password)]
    puk: Secret,
    /// The PIN that replaces that of the envelope: 8 digits.
    #[schema(value_type = String, format = Password)]
    new_pin: Secret,
    /// The same again.
    #[schema(value_type = String, format = Password)]
    repeat: Secret,
    /// A code for `activate`.
    otp: OneTimeCode,
}

/// Activates a credential: its key is made, its certificate issued, and the new PIN opens it.
#[utoipa::path(post, path = "/api/v1/holder/credentials/{id}/activate", tag = "credentials",
    operation_id = "activate", params(("id" = String, Path, description = "Of the list")),
    request_body = Activation,
    responses((status = 200, body = Credential),
        (status = 403, description = "Wrong codes, or the session is limited", body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 409, body = ProblemBody),
        (status = 422, body = ProblemBody), (status = 503, body = ProblemBody)),
    security(("holder" = [])))]
pub(crate) async fn activate(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
    path: Path<String>,
) -> Result<HttpResponse, Problem> {
    let (access, id, wanted) = asked::<Activation>(&request, payload, &service, &path).await?;
    let codes = (pin("pin", &wanted.pin)?, puk(&wanted.puk)?);
    let new = NewPin { pin: &wanted.new_pin, repeat: &wanted.repeat };
    service.holders.check_pin_rules(access.holder, new).map_err(problem)?;
    let now = service.clock.now();
    let otp = proof_in_room(&service, &access, (Purpose::Activate, id), &wanted.otp, now).await?;
    let place = (access.holder, id);
    let done = service.holders.activate(place, codes, new, otp, &service.holder_ca, now);
    done.await.map_err(problem)?;
    answered(&service, &access, id, now)
}

/// Another PIN.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PinChange {
    /// The PIN that is replaced.
    #[schema(value_type = String, format = Password)]
    current: Secret,
    /// 8 digits.
    #[schema(value_type = String, format = Password)]
    new_pin: Secret,
    /// The same again.
    #[schema(value_type = String, format = Password)]
    repeat: Secret,
    /// A code for `change-pin`.
    otp: OneTimeCode,
}

/// Changes the PIN, by knowing the current one. What was authorised with it ends.
#[utoipa::path(post, path = "/api/v1/holder/credentials/{id}/pin", tag = "credentials",
    operation_id = "change_pin", params(("id" = String, Path, description = "Of the list")),
    request_body = PinChange,
    responses((status = 200, body = Credential), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 409, body = ProblemBody),
        (status = 422, body = ProblemBody)), security(("holder" = [])))]
pub(crate) async fn change_pin(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
    path: Path<String>,
) -> Result<HttpResponse, Problem> {
    let (access, id, wanted) = asked::<PinChange>(&request, payload, &service, &path).await?;
    let current = pin("current", &wanted.current)?;
    let new = NewPin { pin: &wanted.new_pin, repeat: &wanted.repeat };
    service.holders.check_pin_rules(access.holder, new).map_err(problem)?;
    let now = service.clock.now();
    let otp = proof_in_room(&service, &access, (Purpose::ChangePin, id), &wanted.otp, now).await?;
    let done = service.holders.change_pin((access.holder, id), current, new, otp, now).await;
    ended(&service, &access, id, done, now).map_err(|problem| match problem {
        // The member has another name here.
        Problem::Refused(mut refused) if refused.field == Some("pin") => {
            refused.field = Some("current");
            Problem::Refused(refused)
        }
        other => other,
    })
}

/// A new PIN with the PUK.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PinUnlock {
    /// The PUK of the newest envelope.
    #[schema(value_type = String, format = Password)]
    puk: Secret,
    /// 8 digits.
    #[schema(value_type = String, format = Password)]
    new_pin: Secret,
    /// The same again.
    #[schema(value_type = String, format = Password)]
    repeat: Secret,
    /// What opens the envelope with the next PUK; without it the fiscal code does.
    #[schema(value_type = Option<String>, format = Password)]
    passphrase: Option<Secret>,
    /// A code for `unlock-pin`.
    otp: OneTimeCode,
}

/// Sets a new PIN with the PUK, whether the PIN is locked or forgotten. The PUK is used up: the
/// next one, with a new emergency code, comes by mail in a new envelope.
#[utoipa::path(post, path = "/api/v1/holder/credentials/{id}/unlock", tag = "credentials",
    operation_id = "unlock_pin", params(("id" = String, Path, description = "Of the list")),
    request_body = PinUnlock,
    responses((status = 200, body = Credential), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 409, body = ProblemBody),
        (status = 422, body = ProblemBody)), security(("holder" = [])))]
pub(crate) async fn unlock_pin(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
    path: Path<String>,
) -> Result<HttpResponse, Problem> {
    let (access, id, wanted) = asked::<PinUnlock>(&request, payload, &service, &path).await?;
    let typed = puk(&wanted.puk)?;
    let new = NewPin { pin: &wanted.new_pin, repeat: &wanted.repeat };
    check_passphrase(wanted.passphrase.as_deref())?;
    service.holders.check_pin_rules(access.holder, new).map_err(problem)?;
    let now = service.clock.now();
    let otp = proof_in_room(&service, &access, (Purpose::UnlockPin, id), &wanted.otp, now).await?;
    let passphrase = wanted.passphrase.clone().map(Secret::into_inner);
    let sheet = NextSheet { passphrase, addresses: service.envelope_addresses() };
    let place = (access.holder, id);
    let done = service.holders.unlock_pin(place, typed, new, sheet, otp, now).await;
    ended(&service, &access, id, done, now)
}

/// Whether a passphrase can be one, before a one-time code is used up for it.
fn check_passphrase(text: Option<&str>) -> Result<(), Problem> {
    let parsed = text.map(envelope::Passphrase::parse).transpose();
    parsed.map(drop).map_err(|rule| problem(CodeRefusal::Passphrase(rule).into()))
}

/// A suspension.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CredentialSuspension {
    /// When it ends by itself; without it, it lasts until it is lifted.
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<String>,
    /// A code for `suspend`.
    otp: OneTimeCode,
}

/// Suspends a credential: it does not sign from this instant on, and CRL and OCSP say so.
#[utoipa::path(post, path = "/api/v1/holder/credentials/{id}/suspend", tag = "credentials",
    operation_id = "suspend_credential",
    params(("id" = String, Path, description = "Of the list")),
    request_body = CredentialSuspension,
    responses((status = 200, body = Credential), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 409, body = ProblemBody),
        (status = 422, body = ProblemBody)), security(("holder" = [])))]
pub(crate) async fn suspend_credential(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
    path: Path<String>,
) -> Result<HttpResponse, Problem> {
    // A limited session may: who fears for the key should not be kept waiting.
    let access = access::holder(&request, &service).await?;
    access::by_person(&access)?;
    let id = own(&path)?;
    let wanted: CredentialSuspension = body::json(&request, payload, &service).await?;
    let now = service.clock.now();
    let until = wanted.until.map(|until| body::instant("until", &until)).transpose()?;
    if until.is_some_and(|until| until <= now) {
        let detail = "until is not allowed: use an instant that is still to come, or leave it out";
        return Err(refused("invalid-field", detail.to_owned(), Some("until"), Some("future")));
    }
    let otp = proof(&service, &access, (Purpose::Suspend, id), &wanted.otp, now).await?;
    let place = (access.holder, id);
    let done = service.holders.suspend(place, until, otp, &service.holder_ca, now).await;
    ended(&service, &access, id, done, now)
}

/// A reactivation.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reactivation {
    /// The PUK of the newest envelope; needed when the emergency code suspended the credential.
    #[schema(value_type = Option<String>, format = Password)]
    puk: Option<Secret>,
    /// A code for `reactivate`.
    otp: OneTimeCode,
}

/// Lifts a suspension. Needs a session, and the PUK where the emergency code suspended; what an
/// operator suspended, an operator lifts.
#[utoipa::path(post, path = "/api/v1/holder/credentials/{id}/reactivate", tag = "credentials",
    operation_id = "reactivate_credential",
    params(("id" = String, Path, description = "Of the list")), request_body = Reactivation,
    responses((status = 200, body = Credential), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 409, body = ProblemBody)),
    security(("holder" = [])))]
pub(crate) async fn reactivate_credential(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
    path: Path<String>,
) -> Result<HttpResponse, Problem> {
    // No device: the suspension may be there because the phone is in other hands.
    let access = access::full_session(&request, &service).await?;
    let id = own(&path)?;
    let Reactivation { puk: typed, otp } = body::json(&request, payload, &service).await?;
    let typed = typed.map(|typed| puk(&typed)).transpose()?;
    let (place, now) = ((access.holder, id), service.clock.now());
    service.holders.check_reactivation(place, typed.is_some(), now).map_err(problem)?;
    // The place first: without one for the PUK, the code is not used up.
    let typed = typed.map(|typed| Ok((typed, service.holders.room()?))).transpose();
    let typed = typed.map_err(problem)?;
    let otp = proof(&service, &access, (Purpose::Reactivate, id), &otp, now).await?;
    let done = service.holders.reactivate(place, typed, otp, &service.holder_ca, now).await;
    ended(&service, &access, id, done, now)
}

/// A revocation.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CredentialRevocation {
    /// `cessation`, `key-compromise` or `affiliation-changed`.
    #[schema(example = "cessation")]
    cause: String,
    /// A code for `revoke`.
    otp: OneTimeCode,
}

/// Ends a credential for good: its key is deleted, and CRL and OCSP say so.
#[utoipa::path(post, path = "/api/v1/holder/credentials/{id}/revoke", tag = "credentials",
    operation_id = "revoke_credential",
    params(("id" = String, Path, description = "Of the list")),
    request_body = CredentialRevocation,
    responses((status = 200, body = Credential), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 409, body = ProblemBody),
        (status = 422, body = ProblemBody)), security(("holder" = [])))]
pub(crate) async fn revoke_credential(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
    path: Path<String>,
) -> Result<HttpResponse, Problem> {
    let (access, id, wanted) = asked(&request, payload, &service, &path).await?;
    let CredentialRevocation { cause, otp } = wanted;
    let cause = own_cause(&cause)?;
    let now = service.clock.now();
    let otp = proof(&service, &access, (Purpose::Revoke, id), &otp, now).await?;
    let place = (access.holder, id);
    let done = service.holders.revoke(place, cause, otp, &service.holder_ca, now).await;
    ended(&service, &access, id, done, now)
}

/// Why a holder may end a credential. The other causes are for others to know.
fn own_cause(word: &str) -> Result<RevocationCause, Problem> {
    let causes = [
        RevocationCause::Cessation,
        RevocationCause::KeyCompromise,
        RevocationCause::AffiliationChanged,
    ];
    causes.into_iter().find(|cause| cause.word() == word).ok_or_else(|| {
        let detail =
            "cause is not allowed: use cessation, key-compromise or affiliation-changed".to_owned();
        refused("invalid-field", detail, Some("cause"), Some("revocation-cause"))
    })
}

/// What a person asks for a credential: who asks, which one it is, and the body.
pub(super) async fn asked<T: DeserializeOwned>(
    request: &HttpRequest,
    payload: Payload,
    service: &Service,
    path: &str,
) -> Result<(Access, CredentialId, T), Problem> {
    let access = access::person(request, service).await?;
    let id = own(path)?;
    Ok((access, id, body::json(request, payload, service).await?))
}

/// A code that was typed for an act on a credential, checked and used up.
pub(super) async fn proof(
    service: &Service,
    access: &Access,
    (purpose, id): (Purpose, CredentialId),
    otp: &OneTimeCode,
    now: DateTime<Utc>,
) -> Result<OtpVerified, Problem> {
    verify(service, access, &Act::Credential(purpose, id), otp, now).await
}

/// The same for an act that computes, with the place for that.
pub(super) async fn proof_in_room(
    service: &Service,
    access: &Access,
    (purpose, id): (Purpose, CredentialId),
    otp: &OneTimeCode,
    now: DateTime<Utc>,
) -> Result<(OtpVerified, Room), Problem> {
    verify_in_room(service, access, &Act::Credential(purpose, id), otp, now).await
}

/// The end of an act after which what was authorised before is over, also when it was refused: a
/// wrong code may have locked or ended the credential.
fn ended(
    service: &Service,
    access: &Access,
    id: CredentialId,
    done: Result<(), HolderError>,
    now: DateTime<Utc>,
) -> Result<HttpResponse, Problem> {
    match done {
        Ok(()) => service.forget_keys(id),
        // Only when the credential is the holder's own: nobody locks another's key by asking.
        Err(HolderError::Code(_)) => service.forget_locked(access.holder, id),
        Err(_) => {}
    }
    done.map_err(problem)?;
    answered(service, access, id, now)
}

/// The credential as it is now.
fn answered(
    service: &Service,
    access: &Access,
    id: CredentialId,
    now: DateTime<Utc>,
) -> Result<HttpResponse, Problem> {
    let view = service.holders.credential(access.holder, id, now).map_err(problem)?;
    Ok(answer::ok(&shown(service, view, now)))
}

/// An identifier in a path.
pub(super) fn own(path: &str) -> Result<CredentialId, Problem> {
    id(path, "credential of yours with this identifier")
}

/// A PIN that was typed. A text that is none is no try.
pub(super) fn pin(field: &'static str, typed: &str) -> Result<Pin, Problem> {
    Pin::parse(typed).map_err(|bad| malformed(field, bad))
}

fn puk(typed: &str) -> Result<Puk, Problem> {
    Puk::parse(typed).map_err(|bad| malformed("puk", bad))
}

fn malformed(field: &'static str, bad: BadCode) -> Problem {
    let refusal = CodeRefusal::from(bad);
    refused(refusal.slug(), refusal.to_string(), Some(field), refusal.rule())
}
