//! `/api/v1/sessions` and `/api/v1/holder/session(s)`: logging in, raising, listing, logging out.
//!
//! Bearer tokens alone are taken, never cookies: no page of another site can make a browser send
//! one.

use super::body::{OneTimeCode, Secret};
use super::problem::holder as problem;
use super::proof::{self, Act};
use super::{access, answer, body, id};
use crate::http::auth::caller_address;
use crate::http::problem::{Problem, ProblemBody};
use crate::http::stamp_account::rfc3339;
use crate::http::{get, resource};
use crate::service::Service;
use accounts::holders::sessions::{OpenedSession, SessionView};
use accounts::holders::{HolderView, SessionId};
use actix_web::http::header::{HeaderName, HeaderValue, USER_AGENT};
use actix_web::web::{self, Data, Path, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};

/// What this room says of itself.
#[derive(utoipa::OpenApi)]
#[openapi(paths(log_in, log_out, step_up, list_sessions, end_other_sessions, end_session))]
pub(super) struct Described;

pub(super) fn routes(config: &mut ServiceConfig) {
    const SESSIONS: &str = "/api/v1/holder/sessions";
    config
        .service(resource("/api/v1/sessions", "POST", [web::post().to(log_in)]))
        .service(resource("/api/v1/holder/session", "DELETE", [web::delete().to(log_out)]))
        .service(resource("/api/v1/holder/session/step-up", "POST", [web::post().to(step_up)]))
        .service(resource(
            SESSIONS,
            "GET, HEAD, DELETE",
            [get(list_sessions), web::delete().to(end_other_sessions)],
        ))
        .service(resource(
            &format!("{SESSIONS}/{{id}}"),
            "DELETE",
            [web::delete().to(end_session)],
        ));
}

/// Somebody who logs in.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Login {
    /// The e-mail address that the holder logs in with.
    user_id: String,
    #[schema(value_type = String, format = Password)]
    password: Secret,
}

/// A login that succeeded.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct LoggedIn {
    /// To be sent with every request, as `Authorization: Bearer …`. It is not shown again.
    #[schema(format = Password)]
    token: String,
    session: Session,
    /// Nothing else may be done before the first password is replaced.
    must_change_password: bool,
    holder: ShortHolder,
}

/// A holder, in the answer to a login.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct ShortHolder {
    /// Identifier, as in `h-1`.
    id: String,
    user_id: String,
    given_name: String,
    surname: String,
    /// `en` or `it`.
    language: &'static str,
}

impl From<HolderView> for ShortHolder {
    fn from(view: HolderView) -> Self {
        Self {
            id: view.id.to_string(),
            user_id: view.user_id,
            given_name: view.given_name,
            surname: view.surname,
            language: view.language.code(),
        }
    }
}

/// A session with its token.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct OpenSession {
    /// To be sent with every request, as `Authorization: Bearer …`. It is not shown again.
    #[schema(format = Password)]
    pub(super) token: String,
    pub(super) session: Session,
}

impl From<OpenedSession> for OpenSession {
    fn from(opened: OpenedSession) -> Self {
        let session = Session::own(opened.view);
        Self { token: opened.token.expose().to_owned(), session }
    }
}

/// A session. It ends a quarter of an hour after its last use, and at `ends_at` whatever its use.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Session {
    /// 32 digits 0-9 a-f; names the session and opens nothing.
    id: String,
    /// The IP address that it was opened from.
    from: String,
    /// What the client says that it is; may be empty.
    client: String,
    /// `password` or `qr-code`.
    by: &'static str,
    opened_at: String,
    /// To the minute.
    last_used_at: String,
    ends_at: String,
    /// Until when it is raised by a one-time code, or null.
    stepped_up_until: Option<String>,
    /// Whether it is the one that asks.
    current: bool,
}

impl Session {
    /// The session of whoever asks.
    fn own(view: SessionView) -> Self {
        Self { current: true, ..Self::from(view) }
    }
}

impl From<SessionView> for Session {
    fn from(view: SessionView) -> Self {
        Self {
            id: view.id.to_string(),
            from: view.from,
            client: view.client,
            by: view.by.word(),
            opened_at: rfc3339(view.opened_at),
            last_used_at: rfc3339(view.last_used_at),
            ends_at: rfc3339(view.ends_at),
            stepped_up_until: view.stepped_up_until.map(rfc3339),
            current: false,
        }
    }
}

/// The sessions of a holder.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Sessions {
    /// The one that was opened last first.
    sessions: Vec<Session>,
}

/// Logs in with user ID and password. A holder has five sessions at most; one more ends the one
/// that was opened first.
#[utoipa::path(post, path = "/api/v1/sessions", tag = "joining", operation_id = "log_in",
    request_body = Login,
    responses((status = 201, body = LoggedIn),
        (status = 401, description = "User ID or password is not right", body = ProblemBody),
        (status = 429, description = "Too many tries that failed", body = ProblemBody)))]
pub(crate) async fn log_in(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    let Login { user_id, password } = body::json(&request, payload, &service).await?;
    let (from, now, holders) = (caller_address(&request), service.clock.now(), &service.holders);
    let login = holders.login(&user_id, &password, from, now).await.map_err(problem)?;
    let opened = holders.open_session(&login, from, client(&request), now).await;
    let OpenSession { token, session } = opened.map_err(problem)?.into();
    let holder = holders.holder(login.holder).map_err(problem)?;
    let must_change_password = login.must_change_password;
    Ok(answer::created(&LoggedIn { token, session, must_change_password, holder: holder.into() }))
}

/// Logs out: the token is dead, and a browser forgets what it kept.
#[utoipa::path(delete, path = "/api/v1/holder/session", tag = "holder", operation_id = "log_out",
    responses((status = 204), (status = 401, body = ProblemBody)), security(("holder" = [])))]
pub(crate) async fn log_out(
    request: HttpRequest,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    let access = access::own_password(&request, &service).await?;
    let (session, now) = (access.session().map_err(problem)?, service.clock.now());
    let ended = service.holders.end_session(access.holder, session, access.actor(), now).await;
    ended.map_err(problem)?;
    let mut answer = answer::done();
    // W3C Clear Site Data §3.1; cookies there are none of.
    let name = HeaderName::from_static("clear-site-data");
    answer.headers_mut().insert(name, HeaderValue::from_static("\"cache\", \"storage\""));
    Ok(answer)
}

/// A one-time code, and nothing else.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StepUp {
    otp: OneTimeCode,
}

/// Raises the session for five minutes, with a code that was asked for to `step-up`. It gets
/// another token; the old one is dead.
#[utoipa::path(post, path = "/api/v1/holder/session/step-up", tag = "holder",
    operation_id = "step_up", request_body = StepUp,
    responses((status = 201, body = OpenSession), (status = 401, body = ProblemBody),
        (status = 403, description = "The code is not right", body = ProblemBody),
        (status = 409, description = "The code is over, or for something else",
            body = ProblemBody)),
    security(("holder" = [])))]
pub(crate) async fn step_up(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    let access = access::session(&request, &service).await?;
    let StepUp { otp } = body::json(&request, payload, &service).await?;
    let now = service.clock.now();
    let proof = proof::verify(&service, &access, &Act::StepUp, &otp, now).await?;
    let raised = service.holders.step_up(&access, proof, now).await.map_err(problem)?;
    Ok(answer::created(&OpenSession::from(raised)))
}

/// Lists the sessions that live.
#[utoipa::path(get, path = "/api/v1/holder/sessions", tag = "holder",
    operation_id = "list_sessions",
    responses((status = 200, body = Sessions), (status = 401, body = ProblemBody),
        (status = 403, body = ProblemBody)),
    security(("holder" = [])))]
pub(crate) async fn list_sessions(
    request: HttpRequest,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    let access = access::session(&request, &service).await?;
    let own = access.session().map_err(problem)?;
    let views = service.holders.sessions(access.holder, service.clock.now()).map_err(problem)?;
    let sessions = views.into_iter().map(|view| match view.id == own {
        true => Session::own(view),
        false => Session::from(view),
    });
    Ok(answer::ok(&Sessions { sessions: sessions.collect() }))
}

/// Ends every other session.
#[utoipa::path(delete, path = "/api/v1/holder/sessions", tag = "holder",
    operation_id = "end_other_sessions",
    responses((status = 204), (status = 401, body = ProblemBody), (status = 403,
        body = ProblemBody)),
    security(("holder" = [])))]
pub(crate) async fn end_other_sessions(
    request: HttpRequest,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    let access = access::session(&request, &service).await?;
    let ended = service.holders.end_other_sessions(&access, service.clock.now()).await;
    ended.map_err(problem)?;
    Ok(answer::done())
}

/// Ends a session of the holder at once.
#[utoipa::path(delete, path = "/api/v1/holder/sessions/{id}", tag = "holder",
    operation_id = "end_session",
    params(("id" = String, Path, description = "As it is listed: 32 digits 0-9 a-f")),
    responses((status = 204), (status = 401, body = ProblemBody), (status = 403,
        body = ProblemBody), (status = 404, description = "No such session", body = ProblemBody)),
    security(("holder" = [])))]
pub(crate) async fn end_session(
    request: HttpRequest,
    session: Path<String>,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    let access = access::session(&request, &service).await?;
    let session: SessionId = id(&session, "session of yours")?;
    let now = service.clock.now();
    let ended = service.holders.end_session(access.holder, session, access.actor(), now).await;
    ended.map_err(problem)?;
    Ok(answer::done())
}

/// What the client says that it is. `accounts` cuts and cleans it.
pub(super) fn client(request: &HttpRequest) -> &str {
    request.headers().get(USER_AGENT).and_then(|said| said.to_str().ok()).unwrap_or_default()
}
