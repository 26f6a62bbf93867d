//! Credentials of holders, stopped by an operator: suspended, reactivated, revoked.

use super::holders::{parse, shown};
use super::registrations::OPERATOR;
use super::{Reason, admitted};
use crate::http::holder::body::{Word, instant};
use crate::http::holder::problem::{holder as problem, refused};
use crate::http::problem::{Problem, ProblemBody};
use crate::http::resource;
use crate::service::Service;
use ::accounts::holders::CredentialId;
use ::accounts::holders::credential::{Event, RevocationCause, SuspensionCause};
use actix_web::web::{self, Data, Path, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;

/// What this room says of itself.
#[derive(utoipa::OpenApi)]
#[openapi(paths(suspend_credential_of, reactivate_credential_of, revoke_credential_of))]
pub(super) struct Described;

pub(super) fn routes(config: &mut ServiceConfig) {
    let under =
        |act: &str| format!("/api/v1/admin/holders/{{holder}}/credentials/{{credential}}/{act}");
    let reactivate = web::post().to(reactivate_credential_of);
    config
        .service(resource(&under("suspend"), "POST", [web::post().to(suspend_credential_of)]))
        .service(resource(&under("reactivate"), "POST", [reactivate]))
        .service(resource(&under("revoke"), "POST", [web::post().to(revoke_credential_of)]));
}

/// How long a credential is suspended.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OperatorSuspension)]
pub(crate) struct Suspension {
    /// The end; without it, until it is reactivated.
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<String>,
}

/// Suspends a holder's credential: signing stops at once.
#[utoipa::path(post, path = "/api/v1/admin/holders/{holder}/credentials/{credential}/suspend",
    tag = "administration of holders",
    params(("holder" = String, Path), ("credential" = String, Path)), request_body = Suspension,
    responses((status = 200, body = super::holders::AdminHolder),
        (status = 401, body = ProblemBody), (status = 404, body = ProblemBody),
        (status = 409, body = ProblemBody)), security(("admin" = [])))]
pub(crate) async fn suspend_credential_of(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
    place: Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let Suspension { until } = admitted(&request, payload, &service).await?;
    let until = until.map(|until| instant("until", &until)).transpose()?;
    if until.is_some_and(|until| until <= service.clock.now()) {
        let detail = "until is not allowed: use an instant that is still to come, or leave it out";
        return Err(refused("invalid-field", detail.to_owned(), Some("until"), Some("future")));
    }
    let until = until.map(|until| until.timestamp_millis());
    change(&service, &place, Event::Suspend { until, cause: SuspensionCause::Operator }).await
}

/// Reactivates a holder's suspended credential.
#[utoipa::path(post, path = "/api/v1/admin/holders/{holder}/credentials/{credential}/reactivate",
    tag = "administration of holders",
    params(("holder" = String, Path), ("credential" = String, Path)), request_body = Reason,
    responses((status = 200, body = super::holders::AdminHolder),
        (status = 401, body = ProblemBody), (status = 404, body = ProblemBody),
        (status = 409, body = ProblemBody)), security(("admin" = [])))]
pub(crate) async fn reactivate_credential_of(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
    place: Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let _reason: Reason = admitted(&request, payload, &service).await?;
    change(&service, &place, Event::Reactivate).await
}

/// Why a credential ends.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OperatorRevocation)]
pub(crate) struct Revocation {
    #[schema(value_type = Cause)]
    cause: Word<Cause>,
}

/// Why a credential ends (RFC 5280 §5.3.1).
#[derive(Clone, Copy, Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = RevocationCause)]
pub(crate) enum Cause {
    /// The holder does not want it any more.
    Cessation,
    /// Somebody else may have PIN, telephone or envelope.
    KeyCompromise,
    /// What the certificate says of the holder is not so any more.
    AffiliationChanged,
    /// Another credential takes its place.
    Superseded,
    /// The holder may not have it any more.
    PrivilegeWithdrawn,
}

impl From<Cause> for RevocationCause {
    fn from(cause: Cause) -> Self {
        match cause {
            Cause::Cessation => Self::Cessation,
            Cause::KeyCompromise => Self::KeyCompromise,
            Cause::AffiliationChanged => Self::AffiliationChanged,
            Cause::Superseded => Self::Superseded,
            Cause::PrivilegeWithdrawn => Self::PrivilegeWithdrawn,
        }
    }
}

/// Revokes a holder's credential for good.
#[utoipa::path(post, path = "/api/v1/admin/holders/{holder}/credentials/{credential}/revoke",
    tag = "administration of holders",
    params(("holder" = String, Path), ("credential" = String, Path)), request_body = Revocation,
    responses((status = 200, body = super::holders::AdminHolder),
        (status = 401, body = ProblemBody), (status = 404, body = ProblemBody),
        (status = 409, body = ProblemBody)), security(("admin" = [])))]
pub(crate) async fn revoke_credential_of(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
    place: Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let Revocation { cause } = admitted(&request, payload, &service).await?;
    let cause = cause.known("cause")?.into();
    change(&service, &place, Event::Revoke { cause }).await
}

/// The state changes first, and with it signing stops; the key in memory is locked after.
async fn change(
    service: &Service,
    (holder, credential): &(String, String),
    event: Event,
) -> Result<HttpResponse, Problem> {
    let holder = parse(holder)?;
    let id: CredentialId =
        crate::http::holder::id(credential, "credential of this holder with this identifier")?;
    let now = service.clock.now();
    let by = OPERATOR.to_owned();
    let changed =
        service.holders.change_by_operator((holder, id), event, by, &service.holder_ca, now).await;
    changed.map_err(problem)?;
    service.forget_keys(id);
    shown(service, holder)
}
