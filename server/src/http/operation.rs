//! `GET /healthz`, `/readyz`, `/metrics`: for whoever keeps the service running.

use super::auth;
use super::problem::Problem;
use crate::metrics;
use crate::service::Service;
use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use std::collections::BTreeMap;
use store::Store;

/// Alive: the process answers. Says nothing of whether it may issue.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Health {
    /// Always `alive`.
    status: &'static str,
}

/// Whether the service may issue, and what keeps it from it.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Readiness {
    /// All checks are good.
    ready: bool,
    /// Each check: `ok`, or what is wrong.
    checks: Checks,
}

/// The checks behind readiness: each `ok`, or what is wrong.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Checks {
    /// The clock, and the unit behind `POST /tsa`.
    issuing: String,
    /// The clock: its state, and whether there is time for tokens.
    clock: String,
    /// Every unit that should stamp: its key, its certificate, its companion.
    units: BTreeMap<String, String>,
    /// The store takes writes.
    store: String,
    /// Free space on the disk.
    disk: String,
    /// Mails and short messages to holders. Does not decide whether the service may issue.
    messages: String,
}

/// Tells that the process answers.
#[utoipa::path(get, path = "/healthz", tag = "operation",
    responses((status = 200, description = "The process answers", body = Health)))]
pub(crate) async fn healthz() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(Health { status: "alive" })
}

/// Tells whether the service may issue now, and what keeps it from it.
#[utoipa::path(get, path = "/readyz", tag = "operation",
    responses((status = 200, description = "May issue", body = Readiness),
        (status = 503, description = "May not issue, and why", body = Readiness)))]
pub(crate) async fn readyz(service: Data<Service>) -> HttpResponse {
    let readiness = readiness(&service);
    let mut answer = match readiness.ready {
        true => HttpResponse::Ok(),
        false => HttpResponse::ServiceUnavailable(),
    };
    answer.insert_header((header::CACHE_CONTROL, "no-store")).json(readiness)
}

fn readiness(service: &Service) -> Readiness {
    let verdict = |check: Result<(), String>| match check {
        Ok(()) => (true, "ok".to_owned()),
        Err(reason) => (false, reason),
    };
    let (issuing_ok, issuing) = verdict(service.issuer.readiness().map_err(|e| e.to_string()));
    let clock = service.clock.monitor().now();
    let (clock_ok, clock) = verdict(clock.map(drop).map_err(|e| e.to_string()));
    let (store_ok, store) = verdict(service.store.health().map_err(|e| e.to_string()));
    let (disk_ok, disk) = verdict(service.disk.check());
    Readiness {
        ready: issuing_ok && clock_ok && store_ok && disk_ok,
        checks: Checks {
            issuing,
            clock,
            units: units(service),
            store,
            disk,
            messages: messages(service),
        },
    }
}

/// Whether holders can be reached.
fn messages(service: &Service) -> String {
    let resting = service.delivery.resting();
    match service.delivery.ready() {
        Err(reason) => reason.to_owned(),
        Ok(()) if resting.is_empty() => "ok".to_owned(),
        Ok(()) => format!("gateways that failed again and again rest: {}", resting.join(", ")),
    }
}

/// Every unit that should stamp, and what keeps it from it. Without time the clock's check has the
/// reason, and the units have none to add. Only the default unit (with its companion) decides
/// whether the service is ready: a fault of another one must not take it away from all.
fn units(service: &Service) -> BTreeMap<String, String> {
    let mut units = BTreeMap::new();
    for unit in service.issuer.unit_readiness().unwrap_or_default() {
        let words = unit.ready.map_or_else(|reason| reason.to_string(), |()| "ok".to_owned());
        units.insert(unit.unit, words);
    }
    units.extend(service.unit_faults());
    for unit in service.pending_units() {
        units.insert(unit, "its key cannot be made yet: its device is away".to_owned());
    }
    units
}

/// Sends the metrics, on the machine itself or with the administration token.
#[utoipa::path(get, path = "/metrics", tag = "operation",
    responses((status = 200, description = "OpenMetrics text",
        content_type = "application/openmetrics-text", body = String)))]
pub(crate) async fn metrics(
    request: HttpRequest,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    auth::local_or_administrator(&request, &service)?;
    let gauges = service.metrics.gauges();
    let statistics = service.store.statistics();
    gauges.ready.set(i64::from(readiness(&service).ready));
    gauges.under_way.set(signed(service.limits.under_way() as u64));
    gauges.sequence.set(signed(statistics.durable_sequence));
    gauges.groups.set(signed(statistics.groups));
    gauges.journal_bytes.set(signed(statistics.journal_bytes));
    gauges.free_bytes.set(signed(service.disk.free().unwrap_or(0)));
    let ends = service.unit_ends();
    gauges.unit_end.set(ends.iter().map(|(_, end)| end.timestamp()).min().unwrap_or(0));
    service.metrics.unit_ends(&ends);
    service.metrics.clock(&service.clock.monitor().status());
    gauges.trail.set(service.trail.head().map_or(0, |head| signed(head.count)));
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, metrics::MEDIA_TYPE))
        .body(service.metrics.text()))
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
