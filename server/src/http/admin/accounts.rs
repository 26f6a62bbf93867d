//! Stamp accounts: opened, listed, shown, suspended, reactivated, closed.

use super::stamps::AdminLot;
use super::{Reason, account, act, admitted, fresh};
use crate::http::auth;
use crate::http::fault::{credential_problem, stamp_problem};
use crate::http::problem::Problem;
use crate::http::stamp_account::{Expiring, rfc3339};
use crate::http::words;
use crate::service::Service;
use accounts::StampAccountId;
use accounts::stamps::{AccountView, Category, NewLot};
use actix_web::web::{Data, Path, Payload, Query};
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Accounts in one page of the list, when the request does not say.
const PAGE: usize = 100;

/// An account, as the operator sees it.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct AdminAccount {
    id: String,
    name: String,
    /// `active`, `suspended` or `closed`.
    status: &'static str,
    remaining: u64,
    used: u64,
    reserved: u64,
    expiring: Option<Expiring>,
    lots: Vec<AdminLot>,
    created_at: String,
}

impl From<AccountView> for AdminAccount {
    fn from(view: AccountView) -> Self {
        Self {
            id: view.id.to_string(),
            name: view.name,
            status: words::status(view.status),
            remaining: view.remaining,
            used: view.used,
            reserved: view.reserved,
            expiring: view.expiring.map(Expiring::from),
            lots: view.lots.into_iter().map(AdminLot::from).collect(),
            created_at: rfc3339(view.created_at),
        }
    }
}

/// An account to be opened.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateAccount {
    /// 1 to 64 of `a-z 0-9 . _ @ -`.
    name: String,
    /// Stamps in a first lot; 0 for none.
    #[serde(default)]
    stamps: u64,
    /// When the first lot expires.
    expires_at: Option<DateTime<Utc>>,
    reason: Option<String>,
}

/// An account that was opened, with its secrets: they are shown this once.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct CreatedAccount {
    id: String,
    name: String,
    password: String,
    api_key: String,
    stamps: u64,
}

/// Opens an account; its password and first API key are in the answer and nowhere else.
#[utoipa::path(post, path = "/api/v1/admin/accounts", tag = "administration",
    operation_id = "create_account", request_body = CreateAccount,
    responses((status = 201, body = CreatedAccount), (status = 400), (status = 401),
        (status = 409, description = "The name is taken")), security(("admin" = [])))]
pub(crate) async fn create(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    let wanted: CreateAccount = admitted(&request, payload, &service).await?;
    // On a task of its own: a client that goes away must not leave an account half opened.
    let opening = actix_web::rt::spawn(async move { open(&service, wanted).await });
    let created = opening.await.map_err(|error| {
        tracing::error!(%error, "an account could not be opened");
        Problem::Internal
    })??;
    tracing::info!(account = created.id, name = created.name, "account opened");
    Ok(fresh(HttpResponse::Created(), &created))
}

async fn open(service: &Service, wanted: CreateAccount) -> Result<CreatedAccount, Problem> {
    let now = service.clock.now();
    let by = act(wanted.reason);
    let mut lot = NewLot::plain(wanted.stamps, Category::Paid, now);
    lot.expires_at = wanted.expires_at;
    if wanted.stamps > 0 {
        // Before anything is written: an account without the stamps asked for would be half done.
        lot.check(now).map_err(stamp_problem)?;
    }
    let view = service.ledger.create(&wanted.name, &by, now).await.map_err(stamp_problem)?;
    let credentials = &service.credentials;
    let password = credentials.generate_password();
    let shown = password.expose().to_owned();
    let set = credentials.set_password(view.id, &view.name, password, now).await;
    set.map_err(credential_problem)?;
    let key = credentials.issue_api_key(view.id, "first", now).await;
    let key = key.map_err(credential_problem)?;
    if wanted.stamps > 0 {
        service.ledger.grant(view.id, lot, &by, now).await.map_err(stamp_problem)?;
    }
    Ok(CreatedAccount {
        id: view.id.to_string(),
        name: view.name,
        password: shown,
        api_key: key.expose().to_owned(),
        stamps: wanted.stamps,
    })
}

/// Which page of the list.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageQuery {
    /// The last account of the page before.
    after: Option<String>,
    /// 1 to 1000.
    limit: Option<usize>,
}

/// A page of the list of accounts.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct AccountList {
    accounts: Vec<AdminAccount>,
    /// `after` of the next page, or null.
    next: Option<String>,
}

/// Lists the accounts, a page at a time.
#[utoipa::path(get, path = "/api/v1/admin/accounts", tag = "administration",
    operation_id = "list_accounts", params(PageQuery),
    responses((status = 200, body = AccountList), (status = 401)), security(("admin" = [])))]
pub(crate) async fn list_accounts(
    request: HttpRequest,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    auth::administrator(&request, &service)?;
    let page: PageQuery = query(&request)?;
    let after = page.after.as_deref().map(str::parse::<StampAccountId>).transpose();
    let after = after.map_err(|error| invalid("after", &error.to_string()))?;
    let limit = page.limit.unwrap_or(PAGE);
    if !(1..=1000).contains(&limit) {
        return Err(invalid("limit", "use 1 to 1000"));
    }
    let now = service.clock.now();
    let views = service.ledger.list(after, limit, now).await.map_err(stamp_problem)?;
    let full = views.len() == limit;
    let next = views.last().filter(|_| full).map(|view| view.id.to_string());
    let accounts = views.into_iter().map(AdminAccount::from).collect();
    Ok(fresh(HttpResponse::Ok(), &AccountList { accounts, next }))
}

/// Shows an account, by its name or its identifier.
#[utoipa::path(get, path = "/api/v1/admin/accounts/{account}", tag = "administration",
    operation_id = "show_account", params(("account" = String, Path, description = "Name or id")),
    responses((status = 200, body = AdminAccount), (status = 401), (status = 404)),
    security(("admin" = [])))]
pub(crate) async fn show_account(
    request: HttpRequest,
    service: Data<Service>,
    name: Path<String>,
) -> Result<HttpResponse, Problem> {
    auth::administrator(&request, &service)?;
    let id = account(&service, &name)?;
    let view = service.ledger.view(id, service.clock.now()).await.map_err(stamp_problem)?;
    Ok(fresh(HttpResponse::Ok(), &AdminAccount::from(view)))
}

/// What is done to an account's status.
enum Change {
    Suspend,
    Reactivate,
    Close,
}

/// Suspends an account: it gets no timestamps until it is reactivated.
#[utoipa::path(post, path = "/api/v1/admin/accounts/{account}/suspend", tag = "administration",
    operation_id = "suspend_account", params(("account" = String, Path)), request_body = Reason,
    responses((status = 200, body = AdminAccount), (status = 401), (status = 404), (status = 409)),
    security(("admin" = [])))]
pub(crate) async fn suspend(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
    name: Path<String>,
) -> Result<HttpResponse, Problem> {
    change(&request, payload, &service, &name, Change::Suspend).await
}

/// Reactivates a suspended account.
#[utoipa::path(post, path = "/api/v1/admin/accounts/{account}/reactivate", tag = "administration",
    operation_id = "reactivate_account", params(("account" = String, Path)), request_body = Reason,
    responses((status = 200, body = AdminAccount), (status = 401), (status = 404), (status = 409)),
    security(("admin" = [])))]
pub(crate) async fn reactivate(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
    name: Path<String>,
) -> Result<HttpResponse, Problem> {
    change(&request, payload, &service, &name, Change::Reactivate).await
}

/// Closes an account for good; the rest of its stamps is voided.
#[utoipa::path(post, path = "/api/v1/admin/accounts/{account}/close", tag = "administration",
    operation_id = "close_account", params(("account" = String, Path)), request_body = Reason,
    responses((status = 200, body = AdminAccount), (status = 401), (status = 404), (status = 409)),
    security(("admin" = [])))]
pub(crate) async fn close(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
    name: Path<String>,
) -> Result<HttpResponse, Problem> {
    change(&request, payload, &service, &name, Change::Close).await
}

async fn change(
    request: &HttpRequest,
    payload: Payload,
    service: &Service,
    name: &str,
    change: Change,
) -> Result<HttpResponse, Problem> {
    let Reason { reason } = admitted(request, payload, service).await?;
    let id = account(service, name)?;
    let (by, now) = (act(reason), service.clock.now());
    let view = match change {
        Change::Suspend => service.ledger.suspend(id, &by, now).await,
        Change::Reactivate => service.ledger.reactivate(id, &by, now).await,
        Change::Close => service.ledger.close(id, &by, now).await,
    };
    let view = view.map_err(stamp_problem)?;
    tracing::info!(account = %id, status = words::status(view.status), "account status changed");
    Ok(fresh(HttpResponse::Ok(), &AdminAccount::from(view)))
}

/// The query string, with every parameter known.
pub(super) fn query<T: serde::de::DeserializeOwned>(request: &HttpRequest) -> Result<T, Problem> {
    Query::from_query(request.query_string())
        .map(Query::into_inner)
        .map_err(|error| invalid("query", &words::told(&error)))
}

/// Where a page begins and how long it is, out of `after` and `limit`.
pub(super) fn place<T: std::str::FromStr<Err: std::fmt::Display>>(
    after: Option<&str>,
    limit: Option<usize>,
) -> Result<(Option<T>, usize), Problem> {
    let after = after.map(str::parse).transpose();
    let after = after.map_err(|error: T::Err| invalid("after", &error.to_string()))?;
    let limit = limit.unwrap_or(PAGE);
    if !(1..=1000).contains(&limit) {
        return Err(invalid("limit", "use 1 to 1000"));
    }
    Ok((after, limit))
}

pub(super) fn invalid(field: &str, reason: &str) -> Problem {
    Problem::Invalid { field: field.to_owned(), reason: reason.to_owned() }
}
