//! Logging in and out, the sessions that are open, and raising one with a one-time code.
//!
//! A token is shown once, when its session begins or is raised; it is in no list.

use super::body::Secret;
use super::problem::holder as problem;
use super::proof::{self, Act};
use super::question::CodeAlone;
use super::{access, answer, body, id};
use crate::http::caller::{caller_address, peer};
use crate::http::problem::{Problem, ProblemBody};
use crate::http::stamp_account::rfc3339;
use crate::http::{get, resource};
use crate::service::Service;
use accounts::holders::HolderError::{PasswordDisabled, Slowed, WrongLogin};
use accounts::holders::HolderView;
use accounts::holders::sessions::{OpenedSession, SessionView};
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::web::{self, Data, Path, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Everything of this origin that a browser keeps (W3C Clear Site Data §3.1; ASVS 5.0, 14.3.1).
const CLEAR: (HeaderName, HeaderValue) = (
    HeaderName::from_static("clear-site-data"),
    HeaderValue::from_static("\"cache\", \"cookies\", \"storage\""),
);

/// What this room says of itself.
#[derive(utoipa::OpenApi)]
#[openapi(paths(log_in, log_out, list_sessions, end_other_sessions, end_session, step_up))]
pub(super) struct Described;

pub(super) fn routes(config: &mut ServiceConfig) {
    let others = [get(list_sessions), web::delete().to(end_other_sessions)];
    let step_up = web::post().to(step_up);
    config
        .service(resource("/api/v1/sessions", "POST", [web::post().to(log_in)]))
        .service(resource("/api/v1/holder/session", "DELETE", [web::delete().to(log_out)]))
        .service(resource("/api/v1/holder/session/step-up", "POST", [step_up]))
        .service(resource("/api/v1/holder/sessions", "GET, HEAD, DELETE", others))
        .service(resource(
            "/api/v1/holder/sessions/{id}",
            "DELETE",
            [web::delete().to(end_session)],
        ));
}

/// A session, as its holder sees it.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Session {
    id: String,
    /// The address that it was opened from.
    from: String,
    /// What the client said that it is; may be empty.
    client: String,
    /// `password` or `qr-code`.
    by: &'static str,
    /// Whether it is the one that asks.
    current: bool,
    opened_at: String,
    /// To the minute.
    last_used_at: String,
    /// The end, whatever its use.
    ends_at: String,
    /// Until when it is raised with a one-time code, or null.
    stepped_up_until: Option<String>,
}

impl Session {
    fn shown(view: SessionView, current: bool) -> Self {
        Self {
            id: view.id.to_string(),
            from: view.from,
            client: view.client,
            by: view.by.word(),
            current,
            opened_at: rfc3339(view.opened_at),
            last_used_at: rfc3339(view.last_used_at),
            ends_at: rfc3339(view.ends_at),
            stepped_up_until: view.stepped_up_until.map(rfc3339),
        }
    }
}

/// A session with its token, which is not shown again.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct NewSession {
    /// For `Authorization: Bearer …`.
    pub(super) token: String,
    pub(super) session: Session,
}

impl From<OpenedSession> for NewSession {
    fn from(opened: OpenedSession) -> Self {
        let token = opened.token.expose().to_owned();
        Self { token, session: Session::shown(opened.view, true) }
    }
}

/// Who logs in.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Login {
    user_id: String,
    #[schema(value_type = String, format = Password)]
    password: Secret,
}

/// Who has logged in.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct LoggedInHolder {
    /// Identifier, as in `h-1`.
    id: String,
    user_id: String,
    given_name: String,
    surname: String,
    /// `en` or `it`.
    language: &'static str,
}

/// A login that was right.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct LoggedIn {
    #[serde(flatten)]
    opened: NewSession,
    /// Whether the password has to be replaced before anything else can be done.
    must_change_password: bool,
    holder: LoggedInHolder,
}

/// Logs in. Whoever cannot is told the same, for every reason.
#[utoipa::path(post, path = "/api/v1/sessions", tag = "sessions", operation_id = "log_in",
    request_body = Login, responses((status = 201, body = LoggedIn),
        (status = 401, body = ProblemBody), (status = 429, body = ProblemBody),
        (status = 503, body = ProblemBody)))]
pub(crate) async fn log_in(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    let Login { user_id, password } = body::json(&request, payload, &service).await?;
    let (from, now) = (caller_address(&request), service.clock.now());
    let login = service.holders.login(&user_id, &password, from, now).await;
    let login = login.map_err(|refusal| {
        if matches!(refusal, WrongLogin | Slowed { .. } | PasswordDisabled) {
            service.logins.login_refused(peer(&request), now);
        }
        problem(refusal)
    })?;
    let opened = service
        .holders
        .open_session(&login, from, &client(&request), now)
        .await
        .map_err(problem)?;
    let holder = service.holders.holder(login.holder).map_err(problem)?;
    let HolderView { user_id, given_name, surname, language, .. } = holder;
    Ok(answer::created(&LoggedIn {
        opened: opened.into(),
        must_change_password: login.must_change_password,
        holder: LoggedInHolder {
            id: login.holder.to_string(),
            user_id,
            given_name,
            surname,
            language: language.code(),
        },
    }))
}

/// Logs out: the session ends at once.
#[utoipa::path(delete, path = "/api/v1/holder/session", tag = "sessions", operation_id = "log_out",
    responses((status = 204), (status = 401, body = ProblemBody)), security(("holder" = [])))]
pub(crate) async fn log_out(
    request: HttpRequest,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    let access = access::own_password(&request, &service).await?;
    let (session, now) = (access.session().map_err(problem)?, service.clock.now());
    let ended = service.holders.end_session(access.holder, session, access.actor(), now);
    ended.await.map_err(problem)?;
    service.lock_dead_keys(Some(access.holder)).await;
    let mut answer = answer::done();
    answer.headers_mut().insert(CLEAR.0, CLEAR.1);
    Ok(answer)
}

/// The sessions of a holder.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Sessions {
    sessions: Vec<Session>,
}

/// Lists the sessions that are open, newest first.
#[utoipa::path(get, path = "/api/v1/holder/sessions", tag = "sessions",
    operation_id = "list_sessions",
    responses((status = 200, body = Sessions), (status = 401, body = ProblemBody),
        (status = 403, body = ProblemBody)), security(("holder" = [])))]
pub(crate) async fn list_sessions(
    request: HttpRequest,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    let access = access::session(&request, &service).await?;
    let own = access.session().map_err(problem)?;
    let open = service.holders.sessions(access.holder, service.clock.now()).map_err(problem)?;
    let shown = |view: SessionView| {
        let current = view.id == own;
        Session::shown(view, current)
    };
    Ok(answer::ok(&Sessions { sessions: open.into_iter().map(shown).collect() }))
}

/// Ends every session but the one that asks.
#[utoipa::path(delete, path = "/api/v1/holder/sessions", tag = "sessions",
    operation_id = "end_other_sessions",
    responses((status = 204), (status = 401, body = ProblemBody),
        (status = 403, body = ProblemBody)),
    security(("holder" = [])))]
pub(crate) async fn end_other_sessions(
    request: HttpRequest,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    let access = access::full_session(&request, &service).await?;
    service.holders.end_other_sessions(&access, service.clock.now()).await.map_err(problem)?;
    service.lock_dead_keys(Some(access.holder)).await;
    Ok(answer::done())
}

/// Ends a session.
#[utoipa::path(delete, path = "/api/v1/holder/sessions/{id}", tag = "sessions",
    operation_id = "end_session", params(("id" = String, Path)),
    responses((status = 204), (status = 401, body = ProblemBody),
        (status = 404, body = ProblemBody)), security(("holder" = [])))]
pub(crate) async fn end_session(
    request: HttpRequest,
    service: Data<Service>,
    path: Path<String>,
) -> Result<HttpResponse, Problem> {
    let access = access::session(&request, &service).await?;
    let (session, now) = (id(&path, "session of yours with this identifier")?, service.clock.now());
    if access.session().map_err(problem)? != session {
        // One that began with a QR code ends itself, and none of its holder's others.
        access.needs_password().map_err(problem)?;
    }
    let ended = service.holders.end_session(access.holder, session, access.actor(), now);
    ended.await.map_err(problem)?;
    service.lock_dead_keys(Some(access.holder)).await;
    Ok(answer::done())
}

/// Raises the session with a one-time code for `step-up`: what matters most can be done for five
/// minutes, also when it began with a QR code. The session gets another token; the old one is dead.
#[utoipa::path(post, path = "/api/v1/holder/session/step-up", tag = "sessions",
    operation_id = "step_up", request_body = CodeAlone,
    responses((status = 201, body = NewSession), (status = 401, body = ProblemBody),
        (status = 403, body = ProblemBody), (status = 409, body = ProblemBody)),
    security(("holder" = [])))]
pub(crate) async fn step_up(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    let access = access::session(&request, &service).await?;
    let CodeAlone { otp } = body::json(&request, payload, &service).await?;
    let now = service.clock.now();
    let proof = proof::verify(&service, &access, &Act::StepUp, &otp, now).await?;
    let raised = service.holders.step_up(&access, proof, now).await.map_err(problem)?;
    Ok(answer::created(&NewSession::from(raised)))
}

/// What the client says that it is. `accounts` cuts it, and leaves out what is no plain text.
pub(super) fn client(request: &HttpRequest) -> Cow<'_, str> {
    let said = request.headers().get(header::USER_AGENT).map(HeaderValue::as_bytes);
    String::from_utf8_lossy(said.unwrap_or_default())
}
