//! `GET /api/v1/holder/history`: what happened to an account, as JSON a page at a time or as one
//! CSV table, and its signatures as a [`receipt`]. Operators read the same by [`page`].

mod csv;
mod receipt;

use super::access;
use super::body::AN_INSTANT;
use super::problem::holder as problem;
use crate::http::holder::answer;
use crate::http::problem::{Problem, ProblemBody};
use crate::http::stamp_account::rfc3339;
use crate::http::{GET, get, resource, words};
use crate::service::Service;
use accounts::holders::HolderId;
use accounts::holders::history::{
    HistoryKind, HistoryPage, HistoryPlace, HistoryQuery, RecordedEntry,
};
use actix_web::http::header::{ACCEPT, VARY};
use actix_web::web::{Data, Query, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Entries of a page, when the request does not say.
const PAGE: usize = 100;

/// What this room says of itself.
#[derive(utoipa::OpenApi)]
#[openapi(paths(show_history, receipt::show_receipt))]
pub(super) struct Described;

pub(super) fn routes(config: &mut ServiceConfig) {
    let receipt = get(receipt::show_receipt);
    config.service(resource("/api/v1/holder/history", GET, [get(show_history)])).service(resource(
        "/api/v1/holder/history/receipt",
        GET,
        [receipt],
    ));
}

/// Which part of a history.
#[derive(Clone, Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct HistoryParams {
    /// The first instant, RFC 3339; included.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<String>,
    /// The end, RFC 3339; excluded.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<String>,
    /// Only this kind of event, as in `signature-made`; docs/ACCOUNTS.md lists them.
    kind: Option<String>,
    /// `next` of the page before.
    after: Option<String>,
    /// 1 to 1000.
    limit: Option<usize>,
}

/// A page of a history, oldest first.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct History {
    entries: Vec<HistoryEntry>,
    /// `after` of the next page, or null. With a `kind`, a page can be empty and have a next one.
    next: Option<String>,
}

/// Something that happened.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct HistoryEntry {
    number: u64,
    /// Where the entry stands in the history: names it when a receipt is asked for.
    place: String,
    at: String,
    /// A stable word, as in `login-succeeded`.
    kind: &'static str,
    success: bool,
    /// `holder h-1`, an operator's name, `service`, or `anyone` before a login.
    actor: String,
    details: BTreeMap<String, String>,
}

impl From<RecordedEntry> for HistoryEntry {
    fn from(entry: RecordedEntry) -> Self {
        let place = HistoryPlace { at: entry.at.timestamp_millis(), number: entry.number };
        Self {
            number: entry.number,
            place: told(place),
            at: rfc3339(entry.at),
            kind: entry.kind.word(),
            success: entry.success,
            actor: entry.actor,
            details: entry.details.into_iter().collect(),
        }
    }
}

impl From<HistoryPage> for History {
    fn from(page: HistoryPage) -> Self {
        let next = page.next.map(told);
        Self { entries: page.entries.into_iter().map(HistoryEntry::from).collect(), next }
    }
}

impl HistoryParams {
    fn read(self) -> Result<HistoryQuery, Problem> {
        let kind = self.kind.map(|word| {
            let known = HistoryKind::ALL.iter().find(|kind| kind.word() == word);
            known.copied().ok_or_else(|| invalid("kind", NO_SUCH_KIND))
        });
        let from = self.from.map(|text| instant("from", &text)).transpose()?;
        let to = self.to.map(|text| instant("to", &text)).transpose()?;
        let after = self.after.map(|text| {
            place(&text).ok_or_else(|| invalid("after", "use `next` of the page before"))
        });
        let limit = self.limit.unwrap_or(PAGE);
        if !(1..=1_000).contains(&limit) {
            return Err(invalid("limit", "use 1 to 1000"));
        }
        let kinds = kind.transpose()?.into_iter().collect();
        Ok(HistoryQuery { from, to, kinds, after: after.transpose()?, limit })
    }
}

const NO_SUCH_KIND: &str =
    "no event has this name; docs/ACCOUNTS.md lists them, under \"Kinds of history\"";

/// An instant of the query. In a query `+` is a blank, so it is best written with `Z`.
fn instant(field: &str, text: &str) -> Result<DateTime<Utc>, Problem> {
    let read = DateTime::parse_from_rfc3339(text);
    read.map(|at| at.to_utc())
        .map_err(|_| invalid(field, &format!("use RFC 3339, as in {AN_INSTANT}")))
}

/// A place, as a client has it.
fn told(HistoryPlace { at, number }: HistoryPlace) -> String {
    format!("{at}-{number}")
}

/// The reverse of [`told`].
fn place(text: &str) -> Option<HistoryPlace> {
    let (at, number) = text.split_once('-')?;
    Some(HistoryPlace { at: at.parse().ok()?, number: number.parse().ok()? })
}

fn invalid(field: &str, reason: &str) -> Problem {
    Problem::Invalid { field: field.to_owned(), reason: reason.to_owned() }
}

/// Shows what happened to the account. With `Accept: text/csv` the answer is one table of all that
/// happened in the time asked for, whatever `limit` says.
#[utoipa::path(get, path = "/api/v1/holder/history", tag = "holder",
    operation_id = "holder_history", params(HistoryParams),
    responses((status = 200, content((History = "application/json"), (String = "text/csv"))),
        (status = 400, body = ProblemBody), (status = 401, body = ProblemBody)),
    security(("holder" = [])))]
pub(crate) async fn show_history(
    request: HttpRequest,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    let access = access::reader(&request, &service).await?;
    page(&request, service, access.holder)
}

/// The part of a holder's history that a request's query asks for, in the form that it takes.
pub(crate) fn page(
    request: &HttpRequest,
    service: Data<Service>,
    holder: HolderId,
) -> Result<HttpResponse, Problem> {
    let params = Query::<HistoryParams>::from_query(request.query_string());
    let params = params.map_err(|error| invalid("query", &words::told(&error)))?;
    let query = params.into_inner().read()?;
    let accept = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok());
    if accept.is_some_and(|accept| accept.contains(csv::MEDIA_TYPE)) {
        return csv::answer(service, holder, query);
    }
    let page = service.holders.history(holder, &query).map_err(problem)?;
    let mut answer = answer::ok(&History::from(page));
    answer.headers_mut().insert(VARY, ACCEPT_VALUE);
    Ok(answer)
}

/// The same address has JSON and CSV.
const ACCEPT_VALUE: actix_web::http::header::HeaderValue =
    actix_web::http::header::HeaderValue::from_static("accept");
