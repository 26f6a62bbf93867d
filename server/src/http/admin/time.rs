//! The clock, as the operator sees it.

use super::fresh;
use crate::http::auth;
use crate::http::problem::Problem;
use crate::http::stamp_account::rfc3339;
use crate::service::Service;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use clock::{KernelStatus, SourceStatus, Status};
use serde::Serialize;

/// How the service knows the time. An offset is positive when the machine's clock is ahead.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct TimeView {
    /// `ntp`, or `machine-clock` when nobody is asked.
    mode: &'static str,
    /// `in-sync`, `holdover`, `out-of-sync`, `leap-window` or `machine-clock`.
    state: &'static str,
    since: String,
    /// There is time for tokens.
    available: bool,
    /// Why there is none, or why it is held over.
    reason: Option<String>,
    offset_us: Option<i64>,
    /// The machine's clock is no further from UTC than this; null when it is not measured.
    error_us: Option<u64>,
    /// From which error on there is no time at all.
    limit_us: Option<u64>,
    /// When the servers last agreed.
    last_sync: Option<String>,
    /// Servers that agree.
    agreeing: usize,
    /// Servers that must agree.
    needed: usize,
    observed_drift_ppm: Option<f64>,
    /// The instant after an announced leap second.
    leap_second_at: Option<String>,
    sources: Vec<TimeServer>,
    kernel: KernelWitness,
}

/// A time server.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct TimeServer {
    /// As it is configured.
    server: String,
    address: Option<String>,
    /// Its answers are authenticated (NTS).
    authenticated: bool,
    /// `undecided`, `truechimer`, `falseticker`, `unreachable`, `unusable` or `denied`.
    standing: &'static str,
    reachable: bool,
    stratum: Option<u8>,
    offset_us: Option<i64>,
    delay_us: Option<u64>,
    root_distance_us: Option<u64>,
    /// The code of its last refusal.
    kiss_of_death: Option<String>,
    /// When it last answered with a time.
    last: Option<String>,
    poll_s: f64,
    problem: Option<String>,
}

impl From<SourceStatus> for TimeServer {
    fn from(source: SourceStatus) -> Self {
        Self {
            server: source.server,
            address: source.address.map(|address| address.to_string()),
            authenticated: source.authenticated,
            standing: source.standing.as_str(),
            reachable: source.reachable,
            stratum: source.stratum,
            offset_us: source.offset_us,
            delay_us: source.delay_us,
            root_distance_us: source.root_distance_us,
            kiss_of_death: source.kiss_of_death,
            last: source.last.map(rfc3339),
            poll_s: source.poll_s,
            problem: source.problem,
        }
    }
}

/// What the kernel says of its own clock.
#[derive(Default, Serialize, utoipa::ToSchema)]
pub(crate) struct KernelWitness {
    /// Somebody steers it and vouches for it; null when it cannot be asked.
    synchronised: Option<bool>,
    max_error_us: Option<u64>,
    estimated_error_us: Option<u64>,
    frequency_ppm: Option<f64>,
    tai_offset_s: Option<i32>,
    /// Why it cannot be asked.
    problem: Option<String>,
}

impl From<KernelStatus> for KernelWitness {
    fn from(kernel: KernelStatus) -> Self {
        match kernel {
            KernelStatus::Absent { reason } => Self { problem: Some(reason), ..Self::default() },
            KernelStatus::Present {
                synchronised,
                max_error_us,
                estimated_error_us,
                frequency_ppm,
                tai_offset_s,
                ..
            } => Self {
                synchronised: Some(synchronised),
                max_error_us: Some(max_error_us),
                estimated_error_us: Some(estimated_error_us),
                frequency_ppm: Some(frequency_ppm),
                tai_offset_s: Some(tai_offset_s),
                problem: None,
            },
        }
    }
}

impl TimeView {
    fn of(status: Status, available: bool) -> Self {
        Self {
            mode: status.mode,
            state: status.state.as_str(),
            since: rfc3339(status.since),
            available,
            reason: status.reason,
            offset_us: status.offset_us,
            error_us: status.error_us,
            limit_us: status.limit_us,
            last_sync: status.last_sync.map(rfc3339),
            agreeing: status.agreeing,
            needed: status.needed,
            observed_drift_ppm: status.observed_drift_ppm,
            leap_second_at: status.leap_second_at.map(rfc3339),
            sources: status.sources.into_iter().map(TimeServer::from).collect(),
            kernel: status.kernel.into(),
        }
    }
}

/// Shows how the service knows the time.
#[utoipa::path(get, path = "/api/v1/admin/time", tag = "administration",
    operation_id = "show_time", responses((status = 200, body = TimeView), (status = 401)),
    security(("admin" = [])))]
pub(crate) async fn show_time(
    request: HttpRequest,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    auth::administrator(&request, &service)?;
    let monitor = service.clock.monitor();
    let view = TimeView::of(monitor.status(), monitor.now().is_ok());
    Ok(fresh(HttpResponse::Ok(), &view))
}
