//! The time-stamping units and the store, as the operator sees them.

use super::fresh;
use crate::http::auth;
use crate::http::problem::Problem;
use crate::http::stamp_account::rfc3339;
use crate::service::Service;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use store::Store;
use tsa::Tsu;

/// A time-stamping unit.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Unit {
    id: String,
    /// The one behind `POST /tsa`.
    default: bool,
    /// Kind of its key, as in `p256`.
    key: String,
    /// Policies offered; the first is the default.
    policies: Vec<String>,
    /// Stated in each token.
    accuracy_ms: u64,
    subject: String,
    not_before: String,
    not_after: String,
    /// After this it signs no more, though its certificate is still valid.
    private_key_usage_end: Option<String>,
    issued_by: String,
    certificate_sha256: String,
    /// It can issue now.
    usable: bool,
    /// Why it cannot.
    problem: Option<String>,
}

impl Unit {
    fn of(service: &Service, unit: &Tsu) -> Self {
        let certificate = unit.certificate();
        let problem = unit.usable_at(service.clock.now()).err().map(|fault| fault.to_string());
        Self {
            id: unit.id().to_owned(),
            default: unit.id() == service.default_unit,
            key: unit.key_kind().to_string(),
            policies: unit.policies().iter().map(ToString::to_string).collect(),
            accuracy_ms: unit.accuracy().as_micros() / 1000,
            subject: certs::display_name(certificate.subject()),
            not_before: rfc3339(certificate.not_before()),
            not_after: rfc3339(certificate.not_after()),
            private_key_usage_end: certificate.private_key_usage_not_after().map(rfc3339),
            issued_by: certs::display_name(certificate.issuer()),
            certificate_sha256: hex::encode(certificate.sha256()),
            usable: problem.is_none(),
            problem,
        }
    }
}

/// All units.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct UnitList {
    tsus: Vec<Unit>,
}

/// Lists the time-stamping units.
#[utoipa::path(get, path = "/api/v1/admin/tsus", tag = "administration",
    operation_id = "list_units", responses((status = 200, body = UnitList), (status = 401)),
    security(("admin" = [])))]
pub(crate) async fn list_units(
    request: HttpRequest,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    auth::administrator(&request, &service)?;
    let units = service.issuer.units();
    let tsus = units.iter().map(|unit| Unit::of(&service, unit)).collect();
    Ok(fresh(HttpResponse::Ok(), &UnitList { tsus }))
}

/// One unit with its certificate.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct UnitDetail {
    #[serde(flatten)]
    unit: Unit,
    /// The unit's certificate and its chain below the root, PEM.
    certificate: String,
}

/// Shows a time-stamping unit with its certificate.
#[utoipa::path(get, path = "/api/v1/admin/tsus/{id}", tag = "administration",
    operation_id = "show_unit", params(("id" = String, Path)),
    responses((status = 200, body = UnitDetail), (status = 401), (status = 404)),
    security(("admin" = [])))]
pub(crate) async fn show_unit(
    request: HttpRequest,
    service: Data<Service>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    auth::administrator(&request, &service)?;
    let unit = service.issuer.units().into_iter().find(|unit| unit.id() == id.as_str());
    let unit = unit.ok_or(Problem::NotFound { what: "time-stamping unit of this name" })?;
    let certificate = unit.certificate();
    let chain = certificate.chain().iter().map(Vec::as_slice);
    let pem = certs::pem::bundle(std::iter::once(certificate.der()).chain(chain));
    Ok(fresh(HttpResponse::Ok(), &UnitDetail { unit: Unit::of(&service, &unit), certificate: pem }))
}

/// The state of the store.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct StoreView {
    /// Number of the last durable transaction.
    sequence: u64,
    /// Since the start: transactions written.
    transactions: u64,
    /// Since the start: groups of transactions, each with one sync.
    groups: u64,
    /// Since the start: bytes written to the journal.
    journal_bytes: u64,
    /// Jobs that wait for the writer now.
    queued: u64,
    /// Changed keys that are not in the index yet.
    unindexed_keys: u64,
    /// `ok`, or why nothing is written.
    health: String,
}

/// Shows the state of the store.
#[utoipa::path(get, path = "/api/v1/admin/store", tag = "administration",
    operation_id = "show_store", responses((status = 200, body = StoreView), (status = 401)),
    security(("admin" = [])))]
pub(crate) async fn store(
    request: HttpRequest,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    auth::administrator(&request, &service)?;
    let statistics = service.store.statistics();
    let view = StoreView {
        sequence: statistics.durable_sequence,
        transactions: statistics.transactions,
        groups: statistics.groups,
        journal_bytes: statistics.journal_bytes,
        queued: statistics.queued,
        unindexed_keys: statistics.overlay_keys,
        health: service.store.health().map_or_else(|e| e.to_string(), |()| "ok".to_owned()),
    };
    Ok(fresh(HttpResponse::Ok(), &view))
}
