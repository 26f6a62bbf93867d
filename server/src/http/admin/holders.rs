//! Holders: listed, shown, blocked, closed, erased, and their credentials stopped.
//!
//! An operator can take away and never give: no route here shows or sets a password, a PIN, an
//! answer or a one-time code.

use super::accounts::{place, query};
use super::registrations::{OPERATOR, operator};
use super::{Reason, admitted, fresh};
use crate::http::auth;
use crate::http::holder::account::ShortCredential;
use crate::http::holder::problem::holder as problem;
use crate::http::holder::{history, personal_data};
use crate::http::problem::{Problem, ProblemBody};
use crate::http::stamp_account::rfc3339;
use crate::http::{GET, get, resource};
use crate::service::Service;
use ::accounts::holders::{HolderError, HolderId, HolderView};
use actix_web::web::{self, Data, Path, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};

/// What this room says of itself.
#[derive(utoipa::OpenApi)]
#[openapi(paths(
    list_holders,
    show_holder,
    block_holder,
    unblock_holder,
    close_holder,
    erase_holder,
    clear_question,
    clear_notice_address,
    holder_history_of,
    personal_data_of
))]
pub(super) struct Described;

pub(super) fn routes(config: &mut ServiceConfig) {
    const ONE: &str = "/api/v1/admin/holders/{holder}";
    let under = |rest: &str| format!("{ONE}/{rest}");
    config
        .service(resource("/api/v1/admin/holders", GET, [get(list_holders)]))
        .service(resource(ONE, GET, [get(show_holder)]))
        .service(resource(&under("block"), "POST", [web::post().to(block_holder)]))
        .service(resource(&under("unblock"), "POST", [web::post().to(unblock_holder)]))
        .service(resource(&under("close"), "POST", [web::post().to(close_holder)]))
        .service(resource(&under("erase"), "POST", [web::post().to(erase_holder)]))
        .service(resource(&under("clear-question"), "POST", [web::post().to(clear_question)]))
        .service(resource(
            &under("clear-notice-address"),
            "POST",
            [web::post().to(clear_notice_address)],
        ))
        .service(resource(&under("history"), GET, [get(holder_history_of)]))
        .service(resource(&under("personal-data"), GET, [get(personal_data_of)]));
}

/// A holder, as the operator sees it.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct AdminHolder {
    /// Identifier, as in `h-1`.
    id: String,
    user_id: String,
    given_name: String,
    surname: String,
    fiscal_code: String,
    #[schema(value_type = Option<String>, format = Date)]
    birth_date: Option<String>,
    phone: String,
    notice_email: Option<String>,
    language: &'static str,
    /// `invited`, `active`, `blocked`, `closed` or `erased`.
    status: &'static str,
    created_at: String,
    password_set: bool,
    must_change_password: bool,
    totp: bool,
    question_set: bool,
    /// `daily-summary`, `each` or `none`.
    notices: &'static str,
    closed_at: Option<String>,
    erased_at: Option<String>,
    credentials: Vec<ShortCredential>,
}

/// Which page of the list.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct HoldersQuery {
    /// The last holder of the page before.
    after: Option<String>,
    /// 1 to 1000.
    limit: Option<usize>,
    /// Only the holder who logs in with this address.
    user_id: Option<String>,
}

/// A page of the list of holders.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct HolderList {
    holders: Vec<AdminHolder>,
    /// `after` of the next page, or null.
    next: Option<String>,
}

/// Lists holders, a page at a time, or looks one up by the user ID.
#[utoipa::path(get, path = "/api/v1/admin/holders", tag = "administration of holders",
    params(HoldersQuery),
    responses((status = 200, body = HolderList), (status = 400, body = ProblemBody),
        (status = 401, body = ProblemBody)), security(("admin" = [])))]
pub(crate) async fn list_holders(
    request: HttpRequest,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    auth::administrator(&request, &service)?;
    let page: HoldersQuery = query(&request)?;
    let (after, limit) = place::<HolderId>(page.after.as_deref(), page.limit)?;
    let (views, full) = match &page.user_id {
        Some(user_id) => {
            let found = service.holders.holder_by_user_id(user_id).map_err(problem)?;
            (Vec::from_iter(found), false)
        }
        None => {
            let views = service.holders.holders(after, limit).map_err(problem)?;
            let full = views.len() == limit;
            (views, full)
        }
    };
    let next = views.last().filter(|_| full).map(|view| view.id.to_string());
    let holders = views.into_iter().map(|view| with_credentials(&service, view));
    Ok(fresh(HttpResponse::Ok(), &HolderList { holders: holders.collect::<Result<_, _>>()?, next }))
}

/// Shows a holder.
#[utoipa::path(get, path = "/api/v1/admin/holders/{holder}", tag = "administration of holders",
    operation_id = "show_holder_to_operator", params(("holder" = String, Path)),
    responses((status = 200, body = AdminHolder), (status = 401, body = ProblemBody),
        (status = 404, body = ProblemBody)), security(("admin" = [])))]
pub(crate) async fn show_holder(
    request: HttpRequest,
    service: Data<Service>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    auth::administrator(&request, &service)?;
    shown(&service, parse(&id)?)
}

/// Blocks an account: no login, no signature, until it is unblocked.
#[utoipa::path(post, path = "/api/v1/admin/holders/{holder}/block",
    tag = "administration of holders", params(("holder" = String, Path)), request_body = Reason,
    responses((status = 200, body = AdminHolder), (status = 401, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 409, body = ProblemBody),
        (status = 422, description = "No reason", body = ProblemBody)), security(("admin" = [])))]
pub(crate) async fn block_holder(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    change(&request, payload, &service, &id, Change::Block).await
}

/// Lifts the block of an account.
#[utoipa::path(post, path = "/api/v1/admin/holders/{holder}/unblock",
    tag = "administration of holders", params(("holder" = String, Path)), request_body = Reason,
    responses((status = 200, body = AdminHolder), (status = 401, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 409, body = ProblemBody),
        (status = 422, description = "No reason", body = ProblemBody)), security(("admin" = [])))]
pub(crate) async fn unblock_holder(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    change(&request, payload, &service, &id, Change::Unblock).await
}

/// Closes an account for good. Its certificates are revoked first.
#[utoipa::path(post, path = "/api/v1/admin/holders/{holder}/close",
    tag = "administration of holders", params(("holder" = String, Path)), request_body = Reason,
    responses((status = 200, body = AdminHolder), (status = 401, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 409, body = ProblemBody),
        (status = 422, description = "No reason", body = ProblemBody)), security(("admin" = [])))]
pub(crate) async fn close_holder(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    change(&request, payload, &service, &id, Change::Close).await
}

/// Erases what is held about a holder whose account was closed, once the law allows it.
#[utoipa::path(post, path = "/api/v1/admin/holders/{holder}/erase",
    tag = "administration of holders", params(("holder" = String, Path)), request_body = Reason,
    responses((status = 200, body = AdminHolder), (status = 401, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 409, body = ProblemBody)),
    security(("admin" = [])))]
pub(crate) async fn erase_holder(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    change(&request, payload, &service, &id, Change::Erase).await
}

/// Removes the secret question of a holder who forgot the answer.
#[utoipa::path(post, path = "/api/v1/admin/holders/{holder}/clear-question",
    tag = "administration of holders", params(("holder" = String, Path)), request_body = Reason,
    responses((status = 200, body = AdminHolder), (status = 401, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 409, body = ProblemBody)),
    security(("admin" = [])))]
pub(crate) async fn clear_question(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    change(&request, payload, &service, &id, Change::ClearQuestion).await
}

/// Removes the address for notices: they go to the user ID alone again.
#[utoipa::path(post, path = "/api/v1/admin/holders/{holder}/clear-notice-address",
    tag = "administration of holders", params(("holder" = String, Path)), request_body = Reason,
    responses((status = 200, body = AdminHolder), (status = 401, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 409, body = ProblemBody)),
    security(("admin" = [])))]
pub(crate) async fn clear_notice_address(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    change(&request, payload, &service, &id, Change::ClearNoticeAddress).await
}

/// What is done to a holder's account.
#[derive(Clone, Copy)]
enum Change {
    Block,
    Unblock,
    Close,
    Erase,
    ClearQuestion,
    ClearNoticeAddress,
}

impl Change {
    async fn done(self, service: &Service, id: HolderId, reason: &str) -> Result<(), HolderError> {
        let (holders, by, now) = (&service.holders, operator(), service.clock.now());
        match self {
            Self::Block => {
                holders.block(id, reason, by, now).await?;
                service.forget_keys_of(id);
                Ok(())
            }
            Self::Unblock => holders.unblock(id, reason, by, now).await,
            Self::Close => service.close_holder(id, reason, OPERATOR, now).await,
            Self::Erase => service.erase_holder(id, OPERATOR, now).await,
            Self::ClearQuestion => holders.clear_question(id, by, now).await,
            Self::ClearNoticeAddress => holders.clear_notice_address(id, by, now).await,
        }
    }
}

async fn change(
    request: &HttpRequest,
    payload: Payload,
    service: &Service,
    id: &str,
    change: Change,
) -> Result<HttpResponse, Problem> {
    let Reason { reason } = admitted(request, payload, service).await?;
    let id = parse(id)?;
    change.done(service, id, &reason.unwrap_or_default()).await.map_err(problem)?;
    shown(service, id)
}

/// Shows what happened to a holder's account, as the holder sees it.
#[utoipa::path(get, path = "/api/v1/admin/holders/{holder}/history",
    tag = "administration of holders",
    params(("holder" = String, Path), history::HistoryParams),
    responses((status = 200, content((history::History = "application/json"),
            (String = "text/csv"))), (status = 401, body = ProblemBody),
        (status = 404, body = ProblemBody)), security(("admin" = [])))]
pub(crate) async fn holder_history_of(
    request: HttpRequest,
    service: Data<Service>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    auth::administrator(&request, &service)?;
    let id = parse(&id)?;
    // A holder who is not there has no history, which is not the same as an empty one.
    service.holders.holder(id).map_err(problem)?;
    history::page(&request, service, id)
}

/// Hands over all personal data of a holder, who asked the operator for them.
#[utoipa::path(get, path = "/api/v1/admin/holders/{holder}/personal-data",
    tag = "administration of holders", params(("holder" = String, Path)),
    responses((status = 200, body = Object), (status = 401, body = ProblemBody),
        (status = 404, body = ProblemBody)), security(("admin" = [])))]
pub(crate) async fn personal_data_of(
    request: HttpRequest,
    service: Data<Service>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    auth::administrator(&request, &service)?;
    personal_data::exported(&service, parse(&id)?, operator()).await
}

/// The holder of a path.
pub(super) fn parse(text: &str) -> Result<HolderId, Problem> {
    crate::http::holder::id(text, "holder with this identifier")
}

pub(super) fn shown(service: &Service, id: HolderId) -> Result<HttpResponse, Problem> {
    let view = service.holders.holder(id).map_err(problem)?;
    Ok(fresh(HttpResponse::Ok(), &with_credentials(service, view)?))
}

fn with_credentials(service: &Service, view: HolderView) -> Result<AdminHolder, Problem> {
    let credentials = service.holders.credentials_of(view.id, service.clock.now());
    let credentials = credentials.map_err(problem)?;
    Ok(AdminHolder {
        id: view.id.to_string(),
        user_id: view.user_id,
        given_name: view.given_name,
        surname: view.surname,
        fiscal_code: view.fiscal_code,
        birth_date: view.birth_date.map(|date| date.to_string()),
        phone: view.phone,
        notice_email: view.notice_email,
        language: view.language.code(),
        status: view.status.word(),
        created_at: rfc3339(view.created_at),
        password_set: view.password_set,
        must_change_password: view.must_change_password,
        totp: view.totp,
        question_set: view.question_set,
        notices: view.notices.word(),
        closed_at: view.closed_at.map(rfc3339),
        erased_at: view.erased_at.map(rfc3339),
        credentials: credentials.iter().map(ShortCredential::from).collect(),
    })
}
