//! The audit trail: a page of it as JSON, or the whole of it as lines of JSON.

use super::accounts::{invalid, query};
use super::fresh;
use crate::http::auth;
use crate::http::fault::store_problem;
use crate::http::problem::Problem;
use crate::http::stamp_account::rfc3339;
use crate::http::words;
use crate::service::Service;
use ::trail::{Category, Head, Page, Query, Recorded, Trail};
use actix_web::http::header;
use actix_web::web::{self, Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use futures_util::Stream;
use futures_util::stream::unfold;
use serde::{Deserialize, Serialize};
use store::StoreError;

/// One JSON object a line.
const LINES: &str = "application/jsonl";

/// Events in one page, when the request does not say.
const PAGE: usize = 100;

/// Which events.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct TrailQuery {
    /// `next` of the page before.
    #[serde(default)]
    after: u64,
    /// 1 to 1000; passed over for lines.
    limit: Option<usize>,
    /// `key`, `certificate`, `clock`, `configuration`, `login`, `administration` or `service`.
    category: Option<String>,
    /// From this instant on.
    #[serde(default, deserialize_with = "words::instant")]
    from: Option<DateTime<Utc>>,
    /// Before this instant.
    #[serde(default, deserialize_with = "words::instant")]
    to: Option<DateTime<Utc>>,
}

impl TrailQuery {
    fn parsed(self) -> Result<Query, Problem> {
        let limit = self.limit.unwrap_or(PAGE);
        if !(1..=::trail::MOST_AT_ONCE).contains(&limit) {
            return Err(invalid("limit", "use 1 to 1000"));
        }
        let category = self.category.as_deref().map(str::parse::<Category>).transpose();
        let category = category.map_err(|error| invalid("category", &error.to_string()))?;
        Ok(Query { after: self.after, limit, category, from: self.from, to: self.to })
    }
}

/// A page of the audit trail.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct TrailPage {
    events: Vec<TrailEvent>,
    /// `after` of the next page, or null at the end. A page may be short, or empty, before that.
    next: Option<u64>,
    /// The end of the chain now.
    head: TrailHead,
}

/// The end of the chain: whoever keeps it elsewhere can tell that nothing before it was rewritten.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct TrailHead {
    /// Events in the trail.
    count: u64,
    /// Hash of the last one.
    hash: String,
}

impl From<Head> for TrailHead {
    fn from(head: Head) -> Self {
        Self { count: head.count, hash: hex::encode(head.hash) }
    }
}

/// An event.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct TrailEvent {
    sequence: u64,
    at: String,
    category: &'static str,
    action: String,
    actor: String,
    subject: String,
    /// `success` or `failure`.
    outcome: &'static str,
    /// Named facts, each a name and a value, in the order in which they are hashed.
    details: Vec<(String, String)>,
    previous_hash: String,
    hash: String,
}

impl From<Recorded> for TrailEvent {
    fn from(event: Recorded) -> Self {
        Self {
            sequence: event.sequence,
            at: rfc3339(event.at),
            category: event.category.word(),
            action: event.action,
            actor: event.actor,
            subject: event.subject,
            outcome: event.outcome.word(),
            details: event.details,
            previous_hash: hex::encode(event.previous_hash),
            hash: hex::encode(event.hash),
        }
    }
}

/// Shows the audit trail, a page at a time; with `Accept: application/jsonl` all of it, a line for
/// each event.
#[utoipa::path(get, path = "/api/v1/admin/trail", tag = "administration",
    operation_id = "show_trail", params(TrailQuery),
    responses((status = 200, body = TrailPage), (status = 400), (status = 401)),
    security(("admin" = [])))]
pub(crate) async fn show_trail(
    request: HttpRequest,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    auth::administrator(&request, &service)?;
    let wanted = query::<TrailQuery>(&request)?.parsed()?;
    let accepted = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
    if accepted.is_some_and(|accepted| accepted.contains(LINES)) {
        return Ok(HttpResponse::Ok()
            .insert_header((header::CONTENT_TYPE, LINES))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .streaming(lines(service.trail.clone(), wanted)));
    }
    let head = service.trail.head().map_err(|error| store_problem(&error))?;
    let page = page(&service.trail, wanted).await.map_err(|error| store_problem(&error))?;
    let events = page.events.into_iter().map(TrailEvent::from).collect();
    Ok(fresh(HttpResponse::Ok(), &TrailPage { events, next: page.next, head: head.into() }))
}

/// A page, read off the threads that serve.
async fn page(trail: &Trail, query: Query) -> Result<Page, StoreError> {
    let trail = trail.clone();
    web::block(move || trail.page(&query)).await.unwrap_or(Err(StoreError::Closed))
}

/// All events from the query on, a page in memory at a time. A trail that cannot be read on breaks
/// the answer off, so that the client sees that it is not whole.
fn lines(trail: Trail, mut query: Query) -> impl Stream<Item = Result<Bytes, StoreError>> {
    query.limit = ::trail::MOST_AT_ONCE;
    unfold(Some(query), move |query| {
        let trail = trail.clone();
        async move {
            let query = query?;
            let page = match page(&trail, query.clone()).await {
                Ok(page) => page,
                Err(error) => return Some((Err(error), None)),
            };
            let mut text = String::new();
            for event in page.events {
                // An event is made of texts and numbers: it always serializes.
                let line = serde_json::to_string(&TrailEvent::from(event)).unwrap_or_default();
                text.push_str(&line);
                text.push('\n');
            }
            let next = page.next.map(|after| Query { after, ..query });
            Some((Ok(Bytes::from(text)), next))
        }
    })
}
