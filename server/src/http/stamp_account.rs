//! `GET /api/v1/stamp-account` and its event stream: what a caller may know of its own account.

use super::auth;
use super::problem::Problem;
use crate::http::fault::stamp_problem;
use crate::http::words;
use crate::service::Service;
use accounts::StampAccountId;
use accounts::stamps::{AccountView, Balance};
use actix_web::http::header::{self, EntityTag, Header, IfNoneMatch};
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, SecondsFormat, Utc};
use futures_util::Stream;
use futures_util::stream::unfold;
use serde::Serialize;
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::watch::Receiver;
use tokio::time::Instant;

/// A comment goes down an idle stream this often, so that a proxy does not close it.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// A stream ends after this time and the client comes back by itself, with its credentials: so a
/// revoked key or a suspended account does not listen on for ever.
const STREAM_LIFE: Duration = Duration::from_secs(15 * 60);
/// A stream that may end earlier, since who listens may no longer, does so within this time.
const LOOKED_AFTER: Duration = Duration::from_secs(2);

/// A stamp account, as its owner sees it.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct StampAccount {
    /// Identifier, as in `sa-1`.
    id: String,
    /// The name that the account logs in with.
    name: String,
    /// `active`, `suspended` or `closed`.
    status: &'static str,
    /// Stamps that can still be used: those of requests under way are among them until their
    /// token is durable.
    remaining: u64,
    /// Stamps used, less those given back.
    used: u64,
    /// Stamps held by requests under way at this instant.
    reserved: u64,
    /// The stamps that expire first, or null when none does.
    expiring: Option<Expiring>,
    /// The lots that the stamps come from, in the order in which they are used.
    lots: Vec<Lot>,
}

/// The stamps that expire first.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Expiring {
    /// How many.
    count: u64,
    /// When (UTC, exclusive).
    at: String,
}

impl From<accounts::stamps::Expiring> for Expiring {
    fn from(expiring: accounts::stamps::Expiring) -> Self {
        Self { count: expiring.count, at: rfc3339(expiring.at) }
    }
}

/// A lot of stamps bought or granted at once.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Lot {
    /// Identifier inside the account.
    id: String,
    /// Stamps in the lot at first.
    quantity: u64,
    /// Stamps that remain in it.
    remaining: u64,
    /// When the rest expires (UTC, exclusive), or null for never.
    expires_at: Option<String>,
}

/// A time as every JSON answer has it: RFC 3339, UTC, milliseconds only when there are any.
pub(crate) fn rfc3339(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

impl From<AccountView> for StampAccount {
    fn from(view: AccountView) -> Self {
        let lots = view.lots.into_iter().map(|lot| Lot {
            id: lot.id.to_string(),
            quantity: lot.quantity,
            remaining: lot.remaining,
            expires_at: lot.expires_at.map(rfc3339),
        });
        Self {
            id: view.id.to_string(),
            name: view.name,
            status: words::status(view.status),
            remaining: view.remaining,
            used: view.used,
            reserved: view.reserved,
            expiring: view.expiring.map(Expiring::from),
            lots: lots.collect(),
        }
    }
}

/// Shows the account of the caller.
#[utoipa::path(get, path = "/api/v1/stamp-account", tag = "stamp account",
    operation_id = "show_stamp_account",
    responses((status = 200, description = "The caller's account", body = StampAccount,
            headers(("ETag" = String))),
        (status = 304, description = "As `If-None-Match` has it"),
        (status = 401, description = "No valid credentials")),
    security(("basic" = []), ("bearer" = [])))]
pub(crate) async fn show(
    request: HttpRequest,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    let account = auth::caller(&request, &service).await?;
    let view = view(&service, account).await?;
    // The body is made of strings and numbers: it always serializes.
    let body = serde_json::to_vec(&view).unwrap_or_default();
    let digest = openssl::sha::sha256(&body);
    let tag = EntityTag::new_strong(hex::encode(&digest[..16]));
    let mut answer = HttpResponse::Ok();
    if matches(&request, &tag) {
        answer.status(actix_web::http::StatusCode::NOT_MODIFIED);
    }
    answer.insert_header((header::ETAG, tag.to_string()));
    answer.insert_header((header::CACHE_CONTROL, "private, no-cache"));
    if matches(&request, &tag) {
        return Ok(answer.finish());
    }
    Ok(answer.content_type("application/json").body(body))
}

/// An account as it is now.
pub(super) async fn view(
    service: &Service,
    account: StampAccountId,
) -> Result<StampAccount, Problem> {
    let view = service.ledger.view(account, service.clock.now()).await.map_err(stamp_problem)?;
    Ok(view.into())
}

/// RFC 9110 §13.1.2: weak comparison.
pub(super) fn matches(request: &HttpRequest, tag: &EntityTag) -> bool {
    if !request.headers().contains_key(header::IF_NONE_MATCH) {
        return false;
    }
    match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(sent)) => sent.iter().any(|sent| sent.weak_eq(tag)),
        Err(_) => false,
    }
}

/// Tells every change of the balance, as server-sent events.
#[utoipa::path(get, path = "/api/v1/stamp-account/events", tag = "stamp account",
    responses((status = 200, description = "`event: balance` with `data: {\"remaining\",\"used\"}` \
            at once and on every change", content_type = "text/event-stream", body = String),
        (status = 401, description = "No valid credentials")),
    security(("basic" = []), ("bearer" = [])))]
pub(crate) async fn events(
    request: HttpRequest,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    let account = auth::caller(&request, &service).await?;
    balance_events(&service, account, || std::future::ready(true))
}

/// A stream of an account's balance, for as long as it `goes_on`.
pub(super) fn balance_events<F>(
    service: &Service,
    account: StampAccountId,
    goes_on: impl Fn() -> F + 'static,
) -> Result<HttpResponse, Problem>
where
    F: Future<Output = bool> + 'static,
{
    let now = service.clock.now();
    let balances = service.ledger.watch(account, now).map_err(stamp_problem)?;
    let stream = stream(balances, service.limits.ending(), goes_on);
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/event-stream"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        // A proxy that gathers the answer before it passes it on would hold back the events.
        .insert_header(("x-accel-buffering", "no"))
        .streaming(stream))
}

struct Events<G> {
    balances: Receiver<Balance>,
    ending: Receiver<bool>,
    until: Instant,
    goes_on: G,
    first: bool,
}

fn stream<F: Future<Output = bool>>(
    balances: Receiver<Balance>,
    ending: Receiver<bool>,
    goes_on: impl Fn() -> F,
) -> impl Stream<Item = Result<Bytes, Infallible>> {
    let until = Instant::now() + STREAM_LIFE;
    let events = Events { balances, ending, until, goes_on, first: true };
    unfold(events, |mut events| async move {
        let text = events.next().await?;
        Some((Ok(Bytes::from(text)), events))
    })
}

impl<F: Future<Output = bool>, G: Fn() -> F> Events<G> {
    /// The next piece of the stream, or its end. Changes that come faster than the client reads
    /// are told as one: the last.
    async fn next(&mut self) -> Option<String> {
        if std::mem::take(&mut self.first) {
            return Some(self.balance());
        }
        if *self.ending.borrow() {
            return None;
        }
        let alive = Instant::now() + KEEP_ALIVE;
        loop {
            tokio::select! {
                changed = self.balances.changed() => {
                    changed.ok()?;
                    return (self.goes_on)().await.then(|| self.balance());
                }
                () = tokio::time::sleep_until(alive) => return Some(": alive\n\n".to_owned()),
                () = tokio::time::sleep_until(self.until) => return None,
                _ending = self.ending.changed() => return None,
                () = tokio::time::sleep(LOOKED_AFTER) => if !(self.goes_on)().await {
                    return None;
                },
            }
        }
    }

    fn balance(&mut self) -> String {
        let Balance { remaining, used } = *self.balances.borrow_and_update();
        format!("event: balance\ndata: {{\"remaining\":{remaining},\"used\":{used}}}\n\n")
    }
}
