//! `/api/v1/sms-reports/…`: what a gateway says later of a message that it took.
//!
//! Anybody can call this, so nothing of it is believed before the gateway's own signature was
//! checked, and all that a report can do is to mark one message as arrived or failed.

use super::problem::{Problem, ProblemBody, Refused};
use super::{body, resource};
use crate::delivery::ReportRequest;
use crate::service::Service;
use actix_web::http::StatusCode;
use actix_web::web::{self, Data, Path, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use std::time::Duration;

/// A report can be quicker than the record that the message was taken: it is looked for again.
const TRIES: usize = 4;
const AGAIN: Duration = Duration::from_millis(250);

/// What this room says of itself.
#[derive(utoipa::OpenApi)]
#[openapi(paths(by_post, by_get))]
pub(crate) struct Described;

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/api/v1/sms-reports/{gateway}", "POST", [web::post().to(by_post)]))
        .service(resource(
            "/api/v1/sms-reports/{gateway}/{message}/{mac}",
            "GET",
            [web::get().to(by_get)],
        ));
}

/// Takes a delivery report from a gateway that signs it: `webhook` or `twilio`.
///
/// A webhook sends `{"id", "status": "delivered" | "failed", "detail"}` with the headers
/// `webhook-id`, `webhook-timestamp` and `webhook-signature` of Standard Webhooks; a Twilio-like
/// gateway a form with `X-Twilio-Signature`.
#[utoipa::path(post, path = "/api/v1/sms-reports/{gateway}", tag = "messages",
    params(("gateway" = String, Path, description = "Its name in the configuration")),
    request_body(content = String, content_type = "application/json"),
    responses((status = 204, description = "Known, or of no interest"),
        (status = 403, description = "Not the gateway's", body = ProblemBody),
        (status = 404, description = "No such message", body = ProblemBody)))]
pub(crate) async fn by_post(
    request: HttpRequest,
    gateway: Path<String>,
    payload: Payload,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    let body = body::read(&request, payload, service.limits.body_timeout).await?;
    take(&request, &gateway, &[], &body, &service).await
}

/// Takes a delivery report from Kannel, at the address that it was given with the message.
#[utoipa::path(get, path = "/api/v1/sms-reports/{gateway}/{message}/{mac}", tag = "messages",
    params(("gateway" = String, Path, description = "Its name in the configuration"),
        ("message" = String, Path, description = "The message"),
        ("mac" = String, Path, description = "Lets its bearer report on this message"),
        ("status" = String, Query, description = "Kannel's %d"),
        ("detail" = Option<String>, Query, description = "Kannel's %A")),
    responses((status = 204, description = "Known, or of no interest"),
        (status = 403, description = "Not the gateway's", body = ProblemBody),
        (status = 404, description = "No such message", body = ProblemBody)))]
pub(crate) async fn by_get(
    request: HttpRequest,
    path: Path<(String, String, String)>,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    let (gateway, message, mac) = path.into_inner();
    take(&request, &gateway, &[&message, &mac], &[], &service).await
}

async fn take(
    request: &HttpRequest,
    gateway: &str,
    rest: &[&str],
    body: &[u8],
    service: &Service,
) -> Result<HttpResponse, Problem> {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let (query, at) = (request.query_string(), service.clock.now());
    let read = ReportRequest { rest, query, header: &header, body, at };
    let report = service.delivery.read_report(gateway, &read).map_err(|_| refused())?;
    let Some(report) = report else { return Ok(HttpResponse::NoContent().finish()) };
    for _try in 0..TRIES {
        let (delivered, detail) = (report.delivered, report.detail.as_str());
        let id = report.gateway_id.as_str();
        let known = service.holders.message_report(gateway, id, delivered, detail, at).await;
        match known {
            Ok(true) => return Ok(HttpResponse::NoContent().finish()),
            Ok(false) => tokio::time::sleep(AGAIN).await,
            Err(error) => {
                tracing::error!(%error, gateway, "a delivery report is not recorded");
                return Err(Problem::Unavailable);
            }
        }
    }
    Err(Problem::NotFound { what: "such message of this gateway" })
}

fn refused() -> Problem {
    Problem::Refused(Box::new(Refused {
        status: StatusCode::FORBIDDEN,
        slug: "report-refused",
        title: "Not a report of this gateway",
        detail: "There is no gateway of this name that reports, or the report does not have its \
                 signature."
            .to_owned(),
        field: None,
        rule: None,
        retry_after: None,
    }))
}
