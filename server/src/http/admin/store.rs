//! The store, as the operator sees it.

use super::fresh;
use crate::http::auth;
use crate::http::problem::Problem;
use crate::service::Service;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use store::Store;

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
