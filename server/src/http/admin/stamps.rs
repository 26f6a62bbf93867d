//! Stamps: lots granted and voided, stamps given back, statements.

use super::accounts::{invalid, query};
use super::{Reason, account, act, admitted, fresh};
use crate::http::auth;
use crate::http::fault::stamp_problem;
use crate::http::problem::Problem;
use crate::http::stamp_account::rfc3339;
use crate::http::token::parse_serial;
use crate::http::words;
use crate::service::Service;
use accounts::stamps::{Book, Category, Entry, LotId, LotView, NewLot, Period};
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// A lot, as the operator sees it.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct AdminLot {
    id: String,
    quantity: u64,
    remaining: u64,
    /// `paid`, `promotional`, `compensation` or `test`.
    category: &'static str,
    /// 0 is used first.
    priority: u8,
    effective_at: String,
    expires_at: Option<String>,
    /// EUR for one stamp, without VAT.
    unit_price: Option<String>,
    /// VAT in per cent.
    vat_rate: Option<String>,
    order: Option<String>,
}

impl From<LotView> for AdminLot {
    fn from(lot: LotView) -> Self {
        Self {
            id: lot.id.to_string(),
            quantity: lot.quantity,
            remaining: lot.remaining,
            category: words::category(lot.category),
            priority: lot.priority,
            effective_at: rfc3339(lot.effective_at),
            expires_at: lot.expires_at.map(rfc3339),
            unit_price: lot.unit_price.map(|price| price.to_string()),
            vat_rate: lot.vat_rate.map(|rate| rate.to_string()),
            order: lot.order,
        }
    }
}

/// A lot to be granted.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewLotBody {
    /// 1 to 1,000,000,000.
    quantity: u64,
    /// `paid` (default), `promotional`, `compensation` or `test`.
    category: Option<String>,
    /// 0 is used first; the default is 100.
    priority: Option<u8>,
    /// From when the stamps can be used; the default is now.
    effective_at: Option<DateTime<Utc>>,
    /// From when they no longer can; the default is never.
    expires_at: Option<DateTime<Utc>>,
    /// EUR for one stamp, without VAT.
    unit_price: Option<Decimal>,
    /// VAT in per cent.
    vat_rate: Option<Decimal>,
    /// The order that the lot fulfils.
    order: Option<String>,
    reason: Option<String>,
}

/// Grants a lot of stamps.
#[utoipa::path(post, path = "/api/v1/admin/accounts/{account}/lots", tag = "administration",
    operation_id = "grant_stamps", params(("account" = String, Path)), request_body = NewLotBody,
    responses((status = 201, body = AdminLot), (status = 400), (status = 401), (status = 404),
        (status = 409)), security(("admin" = [])))]
pub(crate) async fn grant(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
    name: Path<String>,
) -> Result<HttpResponse, Problem> {
    let wanted: NewLotBody = admitted(&request, payload, &service).await?;
    let id = account(&service, &name)?;
    let now = service.clock.now();
    let category = match wanted.category.as_deref() {
        None => Category::Paid,
        Some(text) => words::parse_category(text)
            .ok_or_else(|| invalid("category", "use paid, promotional, compensation or test"))?,
    };
    let mut lot = NewLot::plain(wanted.quantity, category, now);
    lot.priority = wanted.priority.unwrap_or(lot.priority);
    lot.effective_at = wanted.effective_at.unwrap_or(now);
    lot.expires_at = wanted.expires_at;
    lot.unit_price = wanted.unit_price;
    lot.vat_rate = wanted.vat_rate;
    lot.order = wanted.order;
    let by = act(wanted.reason);
    let lot = service.ledger.grant(id, lot, &by, now).await.map_err(stamp_problem)?;
    tracing::info!(account = %id, lot = %lot.id, quantity = lot.quantity, "stamps granted");
    Ok(fresh(HttpResponse::Created(), &AdminLot::from(lot)))
}

/// Takes back what is left of a lot.
#[utoipa::path(post, path = "/api/v1/admin/accounts/{account}/lots/{lot}/void",
    tag = "administration", operation_id = "void_lot", request_body = Reason,
    params(("account" = String, Path), ("lot" = String, Path)),
    responses((status = 200, body = AdminLot), (status = 401), (status = 404), (status = 409)),
    security(("admin" = [])))]
pub(crate) async fn void(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
    path: Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let Reason { reason } = admitted(&request, payload, &service).await?;
    let (name, lot) = path.into_inner();
    let id = account(&service, &name)?;
    let lot: LotId = lot.parse().map_err(stamp_problem)?;
    let (by, now) = (act(reason), service.clock.now());
    let lot = service.ledger.void(id, lot, &by, now).await.map_err(stamp_problem)?;
    tracing::info!(account = %id, lot = %lot.id, voided = lot.voided, "lot voided");
    Ok(fresh(HttpResponse::Ok(), &AdminLot::from(lot)))
}

/// The token whose stamp is given back.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefundBody {
    /// Serial number, 32 lower-case hex digits.
    serial: String,
    reason: Option<String>,
}

/// What a refund leaves.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Refund {
    remaining: u64,
    used: u64,
}

/// Gives back the stamp of one token, once.
#[utoipa::path(post, path = "/api/v1/admin/accounts/{account}/refunds", tag = "administration",
    operation_id = "refund_stamp", params(("account" = String, Path)), request_body = RefundBody,
    responses((status = 200, body = Refund), (status = 400), (status = 401), (status = 404),
        (status = 409)), security(("admin" = [])))]
pub(crate) async fn refund(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
    name: Path<String>,
) -> Result<HttpResponse, Problem> {
    let RefundBody { serial, reason } = admitted(&request, payload, &service).await?;
    let id = account(&service, &name)?;
    let bytes = parse_serial(&serial)
        .ok_or_else(|| invalid("serial", "use 32 lower-case hexadecimal digits"))?;
    let (by, now) = (act(reason), service.clock.now());
    service.ledger.refund(id, bytes, &by, now).await.map_err(stamp_problem)?;
    let view = service.ledger.view(id, now).await.map_err(stamp_problem)?;
    tracing::info!(account = %id, serial, "stamp given back");
    Ok(fresh(HttpResponse::Ok(), &Refund { remaining: view.remaining, used: view.used }))
}

/// Which part of the book.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct StatementQuery {
    /// From this instant on.
    #[serde(default, deserialize_with = "words::instant")]
    from: Option<DateTime<Utc>>,
    /// Before this instant.
    #[serde(default, deserialize_with = "words::instant")]
    to: Option<DateTime<Utc>>,
    /// `next` of the page before.
    after: Option<u64>,
    /// 1 to 10,000 entries.
    limit: Option<usize>,
}

/// A page of an account's book: `opening` and the entries' changes make `closing`.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct AdminStatement {
    account: String,
    from: Option<String>,
    to: Option<String>,
    /// Stamps in all lots before the first entry.
    opening: u64,
    entries: Vec<AdminEntry>,
    /// Stamps in all lots after the last entry.
    closing: u64,
    /// `after` of the next page, or null.
    next: Option<u64>,
}

/// One line of the book.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct AdminEntry {
    seq: u64,
    at: String,
    kind: &'static str,
    quantity: u64,
    /// The book that gives, or null when nothing moves.
    from: Option<String>,
    /// The book that receives.
    to: Option<String>,
    /// Stamps in all lots afterwards.
    balance: u64,
    lot: Option<String>,
    serial: Option<String>,
    actor: Option<String>,
    reason: Option<String>,
}

impl From<Entry> for AdminEntry {
    fn from(entry: Entry) -> Self {
        let (from, to) = entry.books.unzip();
        Self {
            seq: entry.number,
            at: rfc3339(entry.at),
            kind: words::kind(entry.kind),
            quantity: entry.quantity,
            from: from.map(book),
            to: to.map(book),
            balance: entry.balance,
            lot: entry.lot.map(|lot| lot.to_string()),
            serial: entry.serial.map(hex::encode),
            actor: entry.actor,
            reason: entry.reason,
        }
    }
}

fn book(book: Book) -> String {
    match book {
        Book::World => "world".to_owned(),
        Book::Available(lot) => lot.to_string(),
        Book::Used => "used".to_owned(),
        Book::Expired => "expired".to_owned(),
        Book::Voided => "voided".to_owned(),
    }
}

/// Shows every movement of an account, a page at a time.
#[utoipa::path(get, path = "/api/v1/admin/accounts/{account}/statement", tag = "administration",
    operation_id = "statement", params(("account" = String, Path), StatementQuery),
    responses((status = 200, body = AdminStatement), (status = 401), (status = 404)),
    security(("admin" = [])))]
pub(crate) async fn statement(
    request: HttpRequest,
    service: Data<Service>,
    name: Path<String>,
) -> Result<HttpResponse, Problem> {
    auth::administrator(&request, &service)?;
    let id = account(&service, &name)?;
    let wanted: StatementQuery = query(&request)?;
    let limit = wanted.limit.unwrap_or(Period::default().limit);
    if !(1..=10_000).contains(&limit) {
        return Err(invalid("limit", "use 1 to 10000"));
    }
    let period = Period { from: wanted.from, to: wanted.to, after: wanted.after, limit };
    let page = service.ledger.statement(id, period).await.map_err(stamp_problem)?;
    let statement = AdminStatement {
        account: id.to_string(),
        from: wanted.from.map(rfc3339),
        to: wanted.to.map(rfc3339),
        opening: page.opening,
        entries: page.entries.into_iter().map(AdminEntry::from).collect(),
        closing: page.closing,
        next: page.next,
    };
    Ok(fresh(HttpResponse::Ok(), &statement))
}
