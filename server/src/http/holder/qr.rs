//! `/api/v1/qr-logins` for the browser that shows a code, `/api/v1/holder/qr-logins` for the phone
//! that reads it.
//!
//! The code holds an address of the portal with the identifier behind its `#`. Whoever opens it
//! with a camera gets a page that approves nothing: approving takes the key of a linked phone.

use super::body::Secret;
use super::devices::octets;
use super::problem::holder as problem;
use super::sessions::{NewSession, Session, client};
use super::{access, answer, body, id};
use crate::http::caller::caller_address;
use crate::http::problem::{Problem, ProblemBody};
use crate::http::qr_image::svg;
use crate::http::resource;
use crate::http::stamp_account::rfc3339;
use crate::service::Service;
use accounts::holders::QrLoginId;
use accounts::holders::qr::QrState;
use actix_web::web::{self, Data, Path, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use openssl::base64::encode_block;
use serde::{Deserialize, Serialize};

/// What this room says of itself.
#[derive(utoipa::OpenApi)]
#[openapi(paths(
    begin_qr_login,
    poll_qr_login,
    look_at_qr_login,
    approve_qr_login,
    deny_qr_login,
    disown_qr_login
))]
pub(super) struct Described;

pub(super) fn routes(config: &mut ServiceConfig) {
    const OWN: &str = "/api/v1/holder/qr-logins/{id}";
    let post = |path: &str, route| resource(path, "POST", [route]);
    config
        .service(post("/api/v1/qr-logins", web::post().to(begin_qr_login)))
        .service(post("/api/v1/qr-logins/{id}/poll", web::post().to(poll_qr_login)))
        .service(post(OWN, web::post().to(look_at_qr_login)))
        .service(post(&format!("{OWN}/approve"), web::post().to(approve_qr_login)))
        .service(post(&format!("{OWN}/deny"), web::post().to(deny_qr_login)))
        .service(post(&format!("{OWN}/disown"), web::post().to(disown_qr_login)));
}

/// A login that a browser began.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct QrLogin {
    /// 32 digits 0-9 a-f.
    id: String,
    /// For the browser alone: to be sent with each question how it went.
    #[schema(format = Password)]
    secret: String,
    /// To be shown beside the code: two digits.
    #[schema(example = "47")]
    number: String,
    /// What the code holds.
    text: String,
    /// The code, an SVG image.
    svg: String,
    /// A minute later: show a new one then.
    expires_at: String,
}

/// Nothing, said in JSON: a form of another site cannot, and so uses up no codes of its readers.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewQrLogin {}

/// Begins a login by QR code for a browser. Sixty in ten minutes from one address.
#[utoipa::path(post, path = "/api/v1/qr-logins", tag = "sessions", operation_id = "begin_qr_login",
    request_body = NewQrLogin,
    responses((status = 201, body = QrLogin), (status = 415, body = ProblemBody),
        (status = 429, description = "Too many from this address", body = ProblemBody)))]
pub(crate) async fn begin_qr_login(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    let NewQrLogin {} = body::json(&request, payload, &service).await?;
    let (from, now) = (caller_address(&request), service.clock.now());
    let begun = service.holders.begin_qr_login(from, &client(&request), now).await;
    let begun = begun.map_err(problem)?;
    let text = format!("{}/qr#{}", service.public_url, begun.id);
    // An address of a portal and 36 characters: it fits.
    let svg = svg(&text).ok_or(Problem::Internal)?;
    Ok(answer::created(&QrLogin {
        id: begun.id.to_string(),
        secret: begun.secret.expose().to_owned(),
        number: begun.number,
        text,
        svg,
        expires_at: rfc3339(begun.expires_at),
    }))
}

/// The browser's own secret.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct QrPoll {
    #[schema(value_type = String, format = Password)]
    secret: Secret,
}

/// How a login by QR code went.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct QrOutcome {
    /// `waiting`, `seen`, `approved`, `denied`, `expired` or `failed`.
    state: &'static str,
    /// With `approved`, once: to be sent with every request, as `Authorization: Bearer …`.
    #[schema(format = Password)]
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    /// With `approved`. It is limited: what matters asks for a one-time code first.
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<Session>,
}

/// Tells the browser how it went; once a second is often enough. The session is given once.
#[utoipa::path(post, path = "/api/v1/qr-logins/{id}/poll", tag = "sessions",
    operation_id = "poll_qr_login", request_body = QrPoll,
    params(("id" = String, Path, description = "As it was answered: 32 digits 0-9 a-f")),
    responses((status = 200, body = QrOutcome),
        (status = 410, description = "Unknown, another's, or given already",
            body = ProblemBody)))]
pub(crate) async fn poll_qr_login(
    request: HttpRequest,
    payload: Payload,
    login: Path<String>,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    let QrPoll { secret } = body::json(&request, payload, &service).await?;
    let login: QrLoginId = id(&login, "login by QR code with this identifier")?;
    let polled = service.holders.poll_qr_login(login, &secret, service.clock.now()).await;
    let polled = polled.map_err(problem)?;
    let state = polled.word();
    let (token, session) = match polled {
        QrState::Approved(opened) => {
            let NewSession { token, session } = opened.into();
            (Some(token), Some(session))
        }
        _ => (None, None),
    };
    Ok(answer::ok(&QrOutcome { state, token, session }))
}

/// What the phone shows before anything is approved.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct QrSeen {
    /// The browser's IP address.
    from: String,
    /// What the browser says that it is; may be empty.
    client: String,
    asked_at: String,
    /// Whether phone and browser come from one network. If not, look twice; null when a trusted
    /// proxy does not say where they come from, or they come from the machine itself. Behind a
    /// proxy that is not among `server.trusted_proxies` everybody comes from one network.
    same_network: Option<bool>,
    /// One of them is shown by the browser: the holder picks it.
    #[schema(example = json!(["12", "47", "83"]))]
    choices: [String; 3],
    /// 32 octets to be signed, in base64.
    challenge: String,
    expires_at: String,
}

/// Reads a code with a linked phone. The first phone that does is the only one that can approve.
#[utoipa::path(post, path = "/api/v1/holder/qr-logins/{id}", tag = "sessions",
    operation_id = "look_at_qr_login",
    params(("id" = String, Path, description = "What stands behind the `#` of the code")),
    responses((status = 200, body = QrSeen), (status = 401, body = ProblemBody),
        (status = 403, description = "Not a linked phone", body = ProblemBody),
        (status = 410, description = "Unknown, over, or another phone was first",
            body = ProblemBody),
        (status = 429, description = "Too many codes for this phone", body = ProblemBody)),
    security(("holder" = [])))]
pub(crate) async fn look_at_qr_login(
    request: HttpRequest,
    login: Path<String>,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    let access = access::device(&request, &service).await?;
    let login: QrLoginId = id(&login, "login by QR code with this identifier")?;
    let (from, now) = (caller_address(&request), service.clock.now());
    let seen = service.holders.look_at_qr_login(&access, login, from, now).await;
    let seen = seen.map_err(problem)?;
    Ok(answer::ok(&QrSeen {
        from: seen.from,
        client: seen.client,
        asked_at: rfc3339(seen.asked_at),
        same_network: seen.same_network,
        choices: seen.choices,
        challenge: encode_block(&seen.challenge),
        expires_at: rfc3339(seen.expires_at),
    }))
}

/// An approval, signed by the phone.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct QrApproval {
    /// What the browser shows.
    #[schema(example = "47")]
    number: String,
    /// ECDSA with SHA-256 by the linked key, DER in base64, over: `marca-qr-v1` and a zero octet,
    /// the 16 octets of the identifier, the 32 of the challenge, the two digits of the number.
    signature: String,
}

/// Approves a login: the browser gets a limited session. A wrong number or a wrong signature ends
/// the login.
#[utoipa::path(post, path = "/api/v1/holder/qr-logins/{id}/approve", tag = "sessions",
    operation_id = "approve_qr_login", request_body = QrApproval,
    params(("id" = String, Path, description = "As it was read")),
    responses((status = 204), (status = 401, body = ProblemBody),
        (status = 403, description = "Number or signature are wrong", body = ProblemBody),
        (status = 410, description = "Unknown, over, or not read by this phone",
            body = ProblemBody)),
    security(("holder" = [])))]
pub(crate) async fn approve_qr_login(
    request: HttpRequest,
    payload: Payload,
    login: Path<String>,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    let access = access::device(&request, &service).await?;
    let QrApproval { number, signature } = body::json(&request, payload, &service).await?;
    let login: QrLoginId = id(&login, "login by QR code with this identifier")?;
    let (signature, now) = (octets("signature", &signature)?, service.clock.now());
    let holders = &service.holders;
    holders.approve_qr_login(&access, login, &number, &signature, now).await.map_err(problem)?;
    Ok(answer::done())
}

/// Says no to a login that the phone has read.
#[utoipa::path(post, path = "/api/v1/holder/qr-logins/{id}/deny", tag = "sessions",
    operation_id = "deny_qr_login",
    params(("id" = String, Path, description = "As it was read")),
    responses((status = 204), (status = 401, body = ProblemBody),
        (status = 403, description = "Not a linked phone", body = ProblemBody),
        (status = 410, description = "Unknown, over, or not read by this phone",
            body = ProblemBody)),
    security(("holder" = [])))]
pub(crate) async fn deny_qr_login(
    request: HttpRequest,
    login: Path<String>,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    let access = access::device(&request, &service).await?;
    let login: QrLoginId = id(&login, "login by QR code with this identifier")?;
    let now = service.clock.now();
    service.holders.deny_qr_login(&access, login, now).await.map_err(problem)?;
    Ok(answer::done())
}

/// "That was not me": ends the session that an approved login gave, at once. Every address of the
/// holder is told.
#[utoipa::path(post, path = "/api/v1/holder/qr-logins/{id}/disown", tag = "sessions",
    operation_id = "disown_qr_login",
    params(("id" = String, Path, description = "As it was read")),
    responses((status = 204), (status = 401, body = ProblemBody),
        (status = 403, description = "Not a linked phone", body = ProblemBody),
        (status = 410, description = "Not approved, or over", body = ProblemBody)),
    security(("holder" = [])))]
pub(crate) async fn disown_qr_login(
    request: HttpRequest,
    login: Path<String>,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    let access = access::device(&request, &service).await?;
    let login: QrLoginId = id(&login, "login by QR code with this identifier")?;
    let now = service.clock.now();
    service.holders.disown_qr_login(&access, login, now).await.map_err(problem)?;
    service.lock_dead_keys(Some(access.holder)).await;
    Ok(answer::done())
}
