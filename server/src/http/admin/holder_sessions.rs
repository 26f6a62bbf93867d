//! Sessions of holders, seen and ended by an operator.

use super::fresh;
use super::holders::parse;
use super::registrations::operator;
use crate::http::auth;
use crate::http::get;
use crate::http::holder::problem::holder as problem;
use crate::http::problem::{Problem, ProblemBody};
use crate::http::resource;
use crate::http::stamp_account::rfc3339;
use crate::service::Service;
use ::accounts::holders::sessions::SessionView;
use actix_web::web::{self, Data, Path, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

/// What this room says of itself.
#[derive(utoipa::OpenApi)]
#[openapi(paths(sessions_of, end_sessions_of))]
pub(super) struct Described;

pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(resource(
        "/api/v1/admin/holders/{holder}/sessions",
        "GET, HEAD, DELETE",
        [get(sessions_of), web::delete().to(end_sessions_of)],
    ));
}

/// A session of a holder, as the operator sees it.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct AdminSession {
    id: String,
    /// The address that it was opened from.
    from: String,
    /// What the client said that it is; may be empty.
    client: String,
    /// `password` or `qr-code`.
    by: &'static str,
    opened_at: String,
    /// To the minute.
    last_used_at: String,
    ends_at: String,
}

impl From<SessionView> for AdminSession {
    fn from(view: SessionView) -> Self {
        Self {
            id: view.id.to_string(),
            from: view.from,
            client: view.client,
            by: view.by.word(),
            opened_at: rfc3339(view.opened_at),
            last_used_at: rfc3339(view.last_used_at),
            ends_at: rfc3339(view.ends_at),
        }
    }
}

/// The sessions of a holder.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct AdminSessions {
    sessions: Vec<AdminSession>,
}

/// Lists the sessions of a holder, newest first.
#[utoipa::path(get, path = "/api/v1/admin/holders/{holder}/sessions",
    tag = "administration of holders", params(("holder" = String, Path)),
    responses((status = 200, body = AdminSessions), (status = 401, body = ProblemBody),
        (status = 404, body = ProblemBody)), security(("admin" = [])))]
pub(crate) async fn sessions_of(
    request: HttpRequest,
    service: Data<Service>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    auth::administrator(&request, &service)?;
    let sessions = service.holders.sessions(parse(&id)?, service.clock.now()).map_err(problem)?;
    let sessions = sessions.into_iter().map(AdminSession::from).collect();
    Ok(fresh(HttpResponse::Ok(), &AdminSessions { sessions }))
}

/// Ends every session of a holder.
#[utoipa::path(delete, path = "/api/v1/admin/holders/{holder}/sessions",
    tag = "administration of holders", params(("holder" = String, Path)),
    responses((status = 204), (status = 401, body = ProblemBody),
        (status = 404, body = ProblemBody)),
    security(("admin" = [])))]
pub(crate) async fn end_sessions_of(
    request: HttpRequest,
    service: Data<Service>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    auth::administrator(&request, &service)?;
    let (id, now) = (parse(&id)?, service.clock.now());
    service.holders.end_all_sessions(id, operator(), now).await.map_err(problem)?;
    service.lock_dead_keys(Some(id)).await;
    Ok(HttpResponse::NoContent().finish())
}
