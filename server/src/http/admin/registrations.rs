//! Registrations: looked at, made, approved, rejected, invited.

use super::accounts::{invalid, place, query};
use super::{Reason, admitted, fresh};
use crate::http::auth;
use crate::http::holder::problem::{holder as problem, refused};
use crate::http::holder::reachable;
use crate::http::holder::registration::Registration;
use crate::http::problem::{Problem, ProblemBody};
use crate::http::stamp_account::rfc3339;
use crate::http::{get, resource};
use crate::service::{InviteError, Service};
use ::accounts::holders::credential::CredentialKind;
use ::accounts::holders::registration::{RegistrationState, RegistrationView};
use ::accounts::holders::{Actor, RegistrationId};
use actix_web::web::{self, Data, Path, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};

/// What this room says of itself.
#[derive(utoipa::OpenApi)]
#[openapi(paths(
    list_registrations,
    register_holder,
    show_registration,
    approve_registration,
    reject_registration,
    invite_holder
))]
pub(super) struct Described;

pub(super) fn routes(config: &mut ServiceConfig) {
    const ALL: &str = "/api/v1/admin/registrations";
    const ONE: &str = "/api/v1/admin/registrations/{registration}";
    let under = |rest: &str| format!("{ONE}/{rest}");
    config
        .service(resource(
            ALL,
            "GET, POST",
            [get(list_registrations), web::post().to(register_holder)],
        ))
        .service(resource(ONE, "GET, HEAD", [get(show_registration)]))
        .service(resource(&under("approve"), "POST", [web::post().to(approve_registration)]))
        .service(resource(&under("reject"), "POST", [web::post().to(reject_registration)]))
        .service(resource(&under("invite"), "POST", [web::post().to(invite_holder)]));
}

/// The operator, as histories and the audit trail name whoever has the administration token.
pub(super) fn operator() -> Actor {
    Actor::Operator(OPERATOR.to_owned())
}

/// See [`operator`].
pub(super) const OPERATOR: &str = "admin";

/// A registration. What is personal is null once nothing of it is kept.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct AdminRegistration {
    /// Identifier, as in `r-1`.
    id: String,
    /// `requested`, `approved`, `invited`, `active`, `rejected` or `expired`.
    state: &'static str,
    created_at: String,
    changed_at: String,
    /// Whether the holder asked for it; else an operator made it.
    self_service: bool,
    given_name: Option<String>,
    surname: Option<String>,
    email: Option<String>,
    fiscal_code: Option<String>,
    /// Or null where none was given.
    #[schema(value_type = Option<String>, format = Date)]
    birth_date: Option<String>,
    phone: Option<String>,
    /// `remote` or `automatic`.
    kind: Option<&'static str>,
    /// The holder that it made, or null.
    holder: Option<String>,
    /// Why it was rejected, or null.
    reason: Option<String>,
    /// When it ends unused, or null.
    ends_at: Option<String>,
}

impl From<RegistrationView> for AdminRegistration {
    fn from(view: RegistrationView) -> Self {
        let (given_name, surname) = view.name.unzip();
        Self {
            id: view.id.to_string(),
            state: view.state.word(),
            created_at: rfc3339(view.created_at),
            changed_at: rfc3339(view.changed_at),
            self_service: view.self_service,
            given_name,
            surname,
            email: view.email,
            fiscal_code: view.fiscal_code,
            birth_date: view.birth_date.map(|date| date.to_string()),
            phone: view.phone,
            kind: view.kind.map(CredentialKind::word),
            holder: view.holder.map(|holder| holder.to_string()),
            reason: view.reason,
            ends_at: view.ends_at.map(rfc3339),
        }
    }
}

/// Which page of the list.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct RegistrationsQuery {
    /// The last registration of the page before.
    after: Option<String>,
    /// 1 to 1000.
    limit: Option<usize>,
    /// Only those in this state; a page can then be empty and have a next one.
    state: Option<String>,
}

/// A page of the list of registrations.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct RegistrationList {
    registrations: Vec<AdminRegistration>,
    /// `after` of the next page, or null.
    next: Option<String>,
}

/// Lists registrations, a page at a time.
#[utoipa::path(get, path = "/api/v1/admin/registrations", tag = "administration of holders",
    params(RegistrationsQuery),
    responses((status = 200, body = RegistrationList), (status = 400, body = ProblemBody),
        (status = 401, body = ProblemBody)), security(("admin" = [])))]
pub(crate) async fn list_registrations(
    request: HttpRequest,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    auth::administrator(&request, &service)?;
    let page: RegistrationsQuery = query(&request)?;
    let (after, limit) = place::<RegistrationId>(page.after.as_deref(), page.limit)?;
    let state = page.state.map(|word| {
        let known = RegistrationState::ALL.into_iter().find(|state| state.word() == word);
        known.ok_or_else(|| invalid("state", "there is no such state"))
    });
    let state = state.transpose()?;
    let mut views = service.holders.registrations(after, limit).map_err(problem)?;
    let full = views.len() == limit;
    let next = views.last().filter(|_| full).map(|view| view.id.to_string());
    views.retain(|view| state.is_none_or(|state| view.state == state));
    let registrations = views.into_iter().map(AdminRegistration::from).collect();
    Ok(fresh(HttpResponse::Ok(), &RegistrationList { registrations, next }))
}

/// Registers a holder, who can be invited then.
#[utoipa::path(post, path = "/api/v1/admin/registrations", tag = "administration of holders",
    request_body = Registration,
    responses((status = 201, body = AdminRegistration), (status = 401, body = ProblemBody),
        (status = 409, description = "The address is taken", body = ProblemBody),
        (status = 422, body = ProblemBody)), security(("admin" = [])))]
pub(crate) async fn register_holder(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    let wanted: Registration = admitted(&request, payload, &service).await?;
    reachable(&service)?;
    let (new, now) = (wanted.read()?, service.clock.now());
    let (id, holder) = service.holders.register(new, operator(), now).await.map_err(problem)?;
    tracing::info!(registration = %id, %holder, "holder registered");
    Ok(fresh(HttpResponse::Created(), &shown(&service, id)?))
}

/// Shows a registration.
#[utoipa::path(get, path = "/api/v1/admin/registrations/{registration}",
    tag = "administration of holders", params(("registration" = String, Path)),
    responses((status = 200, body = AdminRegistration), (status = 401, body = ProblemBody),
        (status = 404, body = ProblemBody)), security(("admin" = [])))]
pub(crate) async fn show_registration(
    request: HttpRequest,
    service: Data<Service>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    auth::administrator(&request, &service)?;
    Ok(fresh(HttpResponse::Ok(), &shown(&service, parse(&id)?)?))
}

/// Approves a request: makes the holder, who can be invited then.
#[utoipa::path(post, path = "/api/v1/admin/registrations/{registration}/approve",
    tag = "administration of holders", params(("registration" = String, Path)),
    request_body = Reason,
    responses((status = 200, body = AdminRegistration), (status = 401, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 409, body = ProblemBody)),
    security(("admin" = [])))]
pub(crate) async fn approve_registration(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let _reason: Reason = admitted(&request, payload, &service).await?;
    let (id, now) = (parse(&id)?, service.clock.now());
    service.holders.approve(id, operator(), now).await.map_err(problem)?;
    Ok(fresh(HttpResponse::Ok(), &shown(&service, id)?))
}

/// Rejects a registration, with a reason that its address is told.
#[utoipa::path(post, path = "/api/v1/admin/registrations/{registration}/reject",
    tag = "administration of holders", params(("registration" = String, Path)),
    request_body = Reason,
    responses((status = 200, body = AdminRegistration), (status = 401, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 409, body = ProblemBody),
        (status = 422, description = "No reason", body = ProblemBody)), security(("admin" = [])))]
pub(crate) async fn reject_registration(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let Reason { reason } = admitted(&request, payload, &service).await?;
    let (id, reason, now) = (parse(&id)?, reason.unwrap_or_default(), service.clock.now());
    service.holders.reject(id, &reason, operator(), now).await.map_err(problem)?;
    Ok(fresh(HttpResponse::Ok(), &shown(&service, id)?))
}

/// How somebody is invited.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Invitation {
    /// A first password goes out by short message besides the link in the mail.
    #[serde(default)]
    first_password: bool,
}

/// Mails the envelope and the link. An earlier invitation ends with its envelope.
#[utoipa::path(post, path = "/api/v1/admin/registrations/{registration}/invite",
    tag = "administration of holders", params(("registration" = String, Path)),
    request_body = Invitation,
    responses((status = 200, body = AdminRegistration), (status = 401, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 409, body = ProblemBody),
        (status = 503, body = ProblemBody)), security(("admin" = [])))]
pub(crate) async fn invite_holder(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let Invitation { first_password } = admitted(&request, payload, &service).await?;
    reachable(&service)?;
    let (id, now) = (parse(&id)?, service.clock.now());
    let invited = service.invite(id, first_password, operator(), now).await;
    let holder = invited.map_err(|error| match error {
        InviteError::Holder(error) => problem(error),
        InviteError::Seal(error) => {
            tracing::error!(%error, registration = %id, "no envelope");
            refused("envelope-failed", format!("{error}: nothing was changed"), None, None)
        }
    })?;
    tracing::info!(registration = %id, %holder, "holder invited");
    Ok(fresh(HttpResponse::Ok(), &shown(&service, id)?))
}

fn parse(text: &str) -> Result<RegistrationId, Problem> {
    crate::http::holder::id(text, "registration with this identifier")
}

fn shown(service: &Service, id: RegistrationId) -> Result<AdminRegistration, Problem> {
    service.holders.registration(id).map(AdminRegistration::from).map_err(problem)
}
