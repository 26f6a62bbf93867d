//! `/api/v1/holder/stamp-account` and `/timestamps`: the timestamp account that a holder linked,
//! what is left in it, and stamping without a signature.
//!
//! Who links an account shows the login of that account once; it is not kept. From then on the
//! holder's own token stands for it, until it is unlinked, its owner cuts the link, or the login is
//! changed or revoked: a stream of its balance ends then too.

use super::body::Secret;
use super::problem::{holder as problem, refused};
use super::{access, answer, body};
use crate::http::problem::{Problem, ProblemBody};
use crate::http::stamp_account::{self, StampAccount};
use crate::http::{auth, get, resource, timestamp};
use crate::service::Service;
use accounts::StampAccountId;
use accounts::credentials::{AuthError, Credentials};
use accounts::holders::sessions::Access;
use actix_web::web::{self, Data, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;

/// What this room says of itself.
#[derive(utoipa::OpenApi)]
#[openapi(paths(
    show_linked,
    link_stamp_account,
    unlink_stamp_account,
    linked_events,
    stamp_for_holder
))]
pub(super) struct Described;

pub(super) fn routes(config: &mut ServiceConfig) {
    let linked = "/api/v1/holder/stamp-account";
    let change = [
        get(show_linked),
        web::put().to(link_stamp_account),
        web::delete().to(unlink_stamp_account),
    ];
    config
        .service(resource(linked, "GET, HEAD, PUT, DELETE", change))
        .service(resource(&format!("{linked}/events"), "GET", [web::get().to(linked_events)]))
        .service(resource("/api/v1/holder/timestamps", "POST", [web::post().to(stamp_for_holder)]));
}

/// The login of a timestamp account: name and password, or an API key alone.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StampLogin {
    name: Option<String>,
    #[schema(value_type = Option<String>, format = Password)]
    password: Option<Secret>,
    #[schema(value_type = Option<String>, format = Password)]
    api_key: Option<Secret>,
}

/// Shows the linked account.
#[utoipa::path(get, path = "/api/v1/holder/stamp-account", tag = "stamp account",
    operation_id = "show_linked_stamp_account",
    responses((status = 200, body = StampAccount), (status = 401, body = ProblemBody),
        (status = 404, description = "None is linked", body = ProblemBody)),
    security(("holder" = [])))]
pub(crate) async fn show_linked(
    request: HttpRequest,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    let access = access::holder(&request, &service).await?;
    let account = linked(&service, &access)?;
    let account = account.ok_or(Problem::NotFound { what: "linked timestamp account" })?;
    shown(&service, account).await
}

/// Links an account with its own login, in the place of one that was linked.
#[utoipa::path(put, path = "/api/v1/holder/stamp-account", tag = "stamp account",
    operation_id = "link_stamp_account", request_body = StampLogin,
    responses((status = 200, body = StampAccount), (status = 401, body = ProblemBody),
        (status = 403, description = "The login of the account is not right", body = ProblemBody),
        (status = 422, body = ProblemBody), (status = 429, body = ProblemBody)),
    security(("holder" = [])))]
pub(crate) async fn link_stamp_account(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    let access = access::full(&request, &service).await?;
    let login: StampLogin = body::json(&request, payload, &service).await?;
    // What the login rests on is noted before it is checked: one that is changed meanwhile leaves
    // a link that opens nothing.
    let (proof, found) = match (&login.name, &login.password, &login.api_key) {
        (Some(name), Some(password), None) => {
            let proof = service.credentials.proof_of_password(name).map_err(|e| unreadable(&e))?;
            (proof, auth::by_name(name, password, &request, &service).await)
        }
        (None, None, Some(key)) => {
            let proof = Credentials::proof_of_api_key(key);
            (proof, auth::by_api_key(key, &request, &service).await)
        }
        _ => {
            let detail = "send name and password of the timestamp account, or its api_key alone";
            return Err(refused("invalid-field", detail.to_owned(), Some("name"), None));
        }
    };
    let account = found.map_err(not_the_holders)?;
    let proof = proof.ok_or_else(|| not_the_holders(Problem::Unauthorized))?;
    let now = service.clock.now();
    service.holders.link_stamp_account(&access, account, proof, now).await.map_err(problem)?;
    shown(&service, account).await
}

/// Unlinks the account. Nothing happens to the account itself.
#[utoipa::path(delete, path = "/api/v1/holder/stamp-account", tag = "stamp account",
    operation_id = "unlink_stamp_account",
    responses((status = 204), (status = 401, body = ProblemBody), (status = 403)),
    security(("holder" = [])))]
pub(crate) async fn unlink_stamp_account(
    request: HttpRequest,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    let access = access::holder(&request, &service).await?;
    let now = service.clock.now();
    service.holders.unlink_stamp_account(&access, now).await.map_err(problem)?;
    Ok(answer::done())
}

/// Tells every change of the linked account's balance, as server-sent events.
#[utoipa::path(get, path = "/api/v1/holder/stamp-account/events", tag = "stamp account",
    operation_id = "linked_stamp_account_events",
    responses((status = 200, description = "`event: balance` with `data: {\"remaining\",\"used\"}` \
            at once and on every change; ends when the account is unlinked or the token is over",
            content_type = "text/event-stream", body = String),
        (status = 401, body = ProblemBody),
        (status = 404, description = "None is linked", body = ProblemBody)),
    security(("holder" = [])))]
pub(crate) async fn linked_events(
    request: HttpRequest,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    // A page that stays open listens by itself, and comes back by itself: neither is a use.
    let (access, watcher) = access::watching(&request, &service)?;
    let account = linked(&service, &access)?;
    let account = account.ok_or(Problem::NotFound { what: "linked timestamp account" })?;
    let watched = Data::clone(&service);
    let goes_on = move || {
        let still =
            watcher.peek(&watched).ok().and_then(|access| linked(&watched, &access).ok().flatten());
        std::future::ready(still == Some(account))
    };
    stamp_account::balance_events(&service, account, goes_on)
}

/// Issues a timestamp with the default unit, for one stamp of the linked account.
#[utoipa::path(post, path = "/api/v1/holder/timestamps", tag = "stamp account",
    operation_id = "stamp_for_holder",
    request_body(content = Vec<u8>, content_type = "application/timestamp-query",
        description = "DER TimeStampReq (RFC 3161 §2.4.1)"),
    responses((status = 200, description = "As POST /tsa",
            content_type = "application/timestamp-reply", body = Vec<u8>),
        (status = 401, body = ProblemBody),
        (status = 402, description = "No stamps left: a TimeStampResp that says so",
            content_type = "application/timestamp-reply", body = Vec<u8>),
        (status = 403, description = "The session has to be raised first", body = ProblemBody),
        (status = 409, description = "No account is linked", body = ProblemBody)),
    security(("holder" = [])))]
pub(crate) async fn stamp_for_holder(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    // A stamp costs: a session of a QR code, that reads and signs nothing, spends none.
    let access = access::full(&request, &service).await?;
    let account = linked(&service, &access)?.ok_or_else(none_linked)?;
    timestamp::answer(&request, payload, &service, account, None).await
}

/// The account that the holder linked.
pub(super) fn linked(
    service: &Service,
    access: &Access,
) -> Result<Option<StampAccountId>, Problem> {
    service.holders.linked_stamp_account(access.holder).map_err(problem)
}

/// An act that takes a stamp, and nothing to take it from.
pub(super) fn none_linked() -> Problem {
    let detail = "no timestamp account is linked: link one first, or sign without stamping";
    refused("no-stamp-account", detail.to_owned(), None, None)
}

/// A wrong login of a timestamp account is not one of the holder.
fn not_the_holders(fault: Problem) -> Problem {
    match fault {
        Problem::Unauthorized => {
            let detail = "the login of the timestamp account is not right: check it and try again";
            refused("wrong-stamp-login", detail.to_owned(), None, None)
        }
        other => other,
    }
}

fn unreadable(error: &AuthError) -> Problem {
    tracing::error!(%error, "credentials cannot be read");
    Problem::Unavailable
}

async fn shown(service: &Service, account: StampAccountId) -> Result<HttpResponse, Problem> {
    Ok(answer::ok(&stamp_account::view(service, account).await?))
}
