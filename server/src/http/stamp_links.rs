//! `/api/v1/stamp-account/links` and `/api/v1/admin/accounts/{account}/links`: the holders who
//! linked a timestamp account, seen and cut by its owner or by an operator.
//!
//! Whoever has the login of an account may see who takes its stamps and end that: a password or a
//! key that went around is not always changed at once. A holder is named by number and by a masked
//! address, which is enough to know somebody by whom one knows.

use super::admin::account as named_account;
use super::auth;
use super::holder::problem::holder as problem;
use super::problem::{Problem, ProblemBody};
use super::stamp_account::rfc3339;
use super::{GET, get, resource, words};
use crate::service::Service;
use accounts::StampAccountId;
use accounts::credentials::LoginProof;
use accounts::holders::{Actor, HolderId, StampLinkView};
use actix_web::http::header;
use actix_web::web::{self, Data, Path, Query, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};

/// Links in one page of the list, when the request does not say.
const PAGE: usize = 100;

/// What this room says of itself.
#[derive(utoipa::OpenApi)]
#[openapi(paths(list_links, cut_link, links_of_account, cut_link_of_account))]
pub(super) struct Described;

pub(super) fn routes(config: &mut ServiceConfig) {
    const OWN: &str = "/api/v1/stamp-account/links";
    config.service(resource(OWN, GET, [get(list_links)])).service(resource(
        &format!("{OWN}/{{holder}}"),
        "DELETE",
        [web::delete().to(cut_link)],
    ));
}

/// Those of the operator, below the other routes of accounts.
pub(super) fn admin_routes(config: &mut ServiceConfig) {
    const OF: &str = "/api/v1/admin/accounts/{account}/links";
    config.service(resource(OF, GET, [get(links_of_account)])).service(resource(
        &format!("{OF}/{{holder}}"),
        "DELETE",
        [web::delete().to(cut_link_of_account)],
    ));
}

/// A holder who linked the account.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct StampLink {
    /// As in `h-1`.
    holder: String,
    /// The address that the holder logs in with, masked.
    #[schema(example = "a…@example.org")]
    user_id: String,
    linked_at: String,
    /// The login that was shown: `password` or `api-key`; null in links of early versions.
    by: Option<&'static str>,
    /// With `api-key`: the key's prefix.
    api_key_prefix: Option<String>,
}

impl From<StampLinkView> for StampLink {
    fn from(view: StampLinkView) -> Self {
        Self {
            holder: view.holder.to_string(),
            user_id: view.user_id,
            linked_at: rfc3339(view.linked_at),
            by: view.by.as_ref().map(LoginProof::word),
            api_key_prefix: match view.by {
                Some(LoginProof::ApiKey { prefix }) => Some(prefix),
                _ => None,
            },
        }
    }
}

/// A page of the holders who linked an account.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct StampLinks {
    /// In the order of their numbers.
    links: Vec<StampLink>,
    /// `after` of the next page, or null.
    next: Option<String>,
}

/// Which page of the list.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct LinksQuery {
    /// The last holder of the page before.
    after: Option<String>,
    /// 1 to 1000.
    limit: Option<usize>,
}

/// Lists the holders who linked the account of the caller and take stamps from it.
#[utoipa::path(get, path = "/api/v1/stamp-account/links", tag = "stamp account",
    operation_id = "list_stamp_account_links", params(LinksQuery),
    responses((status = 200, body = StampLinks), (status = 400, body = ProblemBody),
        (status = 401, body = ProblemBody)),
    security(("basic" = []), ("bearer" = [])))]
pub(crate) async fn list_links(
    request: HttpRequest,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    let account = auth::caller(&request, &service).await?;
    page(&request, &service, account)
}

/// Cuts the link of a holder to the account of the caller, at once. The holder is told.
#[utoipa::path(delete, path = "/api/v1/stamp-account/links/{holder}", tag = "stamp account",
    operation_id = "cut_stamp_account_link", params(("holder" = String, Path)),
    responses((status = 204), (status = 401, body = ProblemBody),
        (status = 404, description = "This holder has not linked the account",
            body = ProblemBody)),
    security(("basic" = []), ("bearer" = [])))]
pub(crate) async fn cut_link(
    request: HttpRequest,
    service: Data<Service>,
    holder: Path<String>,
) -> Result<HttpResponse, Problem> {
    let account = auth::caller(&request, &service).await?;
    cut(&service, account, &holder, Actor::StampAccount(account)).await
}

/// Lists the holders who linked an account and take stamps from it.
#[utoipa::path(get, path = "/api/v1/admin/accounts/{account}/links", tag = "administration",
    operation_id = "links_of_account", params(("account" = String, Path), LinksQuery),
    responses((status = 200, body = StampLinks), (status = 400, body = ProblemBody),
        (status = 401, body = ProblemBody), (status = 404, body = ProblemBody)),
    security(("admin" = [])))]
pub(crate) async fn links_of_account(
    request: HttpRequest,
    service: Data<Service>,
    name: Path<String>,
) -> Result<HttpResponse, Problem> {
    auth::administrator(&request, &service)?;
    page(&request, &service, named_account(&service, &name)?)
}

/// Cuts the link of a holder to an account, at once. The holder is told.
#[utoipa::path(delete, path = "/api/v1/admin/accounts/{account}/links/{holder}",
    tag = "administration", operation_id = "cut_link_of_account",
    params(("account" = String, Path), ("holder" = String, Path)),
    responses((status = 204), (status = 401, body = ProblemBody),
        (status = 404, description = "No such account, or this holder has not linked it",
            body = ProblemBody)),
    security(("admin" = [])))]
pub(crate) async fn cut_link_of_account(
    request: HttpRequest,
    service: Data<Service>,
    path: Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    auth::administrator(&request, &service)?;
    let (name, holder) = path.into_inner();
    let account = named_account(&service, &name)?;
    cut(&service, account, &holder, Actor::Operator("admin".to_owned())).await
}

fn page(
    request: &HttpRequest,
    service: &Service,
    account: StampAccountId,
) -> Result<HttpResponse, Problem> {
    let invalid =
        |field: &str, reason: String| Problem::Invalid { field: field.to_owned(), reason };
    let query = Query::<LinksQuery>::from_query(request.query_string());
    let LinksQuery { after, limit } =
        query.map_err(|error| invalid("query", words::told(&error)))?.into_inner();
    let after = after.as_deref().map(str::parse::<HolderId>).transpose();
    let after = after.map_err(|error| invalid("after", error.to_string()))?;
    let limit = limit.unwrap_or(PAGE);
    if !(1..=1000).contains(&limit) {
        return Err(invalid("limit", "use 1 to 1000".to_owned()));
    }
    let views = service.holders.stamp_links(account, after, limit).map_err(problem)?;
    let next = views.last().filter(|_| views.len() == limit).map(|last| last.holder.to_string());
    let links = views.into_iter().map(StampLink::from).collect();
    let mut answer = HttpResponse::Ok();
    answer.insert_header((header::CACHE_CONTROL, "no-store"));
    Ok(answer.json(&StampLinks { links, next }))
}

async fn cut(
    service: &Service,
    account: StampAccountId,
    holder: &str,
    actor: Actor,
) -> Result<HttpResponse, Problem> {
    let unknown = || Problem::NotFound { what: "holder who linked this account" };
    let holder: HolderId = holder.parse().map_err(|_not_one| unknown())?;
    let now = service.clock.now();
    match service.holders.cut_stamp_link(account, holder, actor, now).await.map_err(problem)? {
        true => Ok(HttpResponse::NoContent().finish()),
        false => Err(unknown()),
    }
}
