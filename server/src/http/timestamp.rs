//! `POST /tsa`, `POST /tsa/key/{api_key}`, `POST /tsa/{tsu}`: RFC 3161 over HTTP (§3.4).
//!
//! The order is fixed: authenticate, then look at the media type, then read the body, then issue.

use super::problem::Problem;
use super::{access::Facts, auth, body};
use crate::service::Service;
use accounts::StampAccountId;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::web::{Bytes, Data, Path, Payload};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, HttpResponseBuilder};
use tsa::{Outcome, Reply};

/// RFC 3161 §3.4: the media type of a request.
pub(crate) const QUERY: &str = "application/timestamp-query";

/// RFC 3161 §3.4: the media type of a reply. Several clients compare the whole header, so there
/// is never a parameter.
pub(crate) const REPLY: &str = "application/timestamp-reply";

/// Header of a granted reply: stamps that remain in the account after it.
const STAMPS_REMAINING: HeaderName = HeaderName::from_static("stamps-remaining");

/// Issues a timestamp with the default unit, for one stamp.
#[utoipa::path(post, path = "/tsa", tag = "timestamps", operation_id = "stamp",
    request_body(content = Vec<u8>, content_type = "application/timestamp-query",
        description = "DER TimeStampReq (RFC 3161 §2.4.1)"),
    responses(
        (status = 200, description = "TimeStampResp: granted, or rejected by the protocol. A \
            granted one carries `Stamps-Remaining`", content_type = "application/timestamp-reply",
            body = Vec<u8>, headers(("Stamps-Remaining" = u64), ("Link" = String,
                description = "For a paired unit: the other token, `rel=\"companion\"`"))),
        (status = 401, description = "No valid credentials"),
        (status = 402, description = "No stamps left: a TimeStampResp that says so",
            content_type = "application/timestamp-reply", body = Vec<u8>),
        (status = 403, description = "The account is suspended or closed: a TimeStampResp that \
            says so", content_type = "application/timestamp-reply", body = Vec<u8>),
        (status = 413, description = "Over 16 KiB"), (status = 415, description = "Media type"),
        (status = 429, description = "Too many failed tries"),
        (status = 503, description = "Too much to do, or not ready")),
    security(("basic" = []), ("bearer" = [])))]
pub(crate) async fn stamp(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    let account = auth::caller(&request, &service).await?;
    answer(&request, payload, &service, account, None).await
}

/// Issues a timestamp with the unit named, for one stamp.
#[utoipa::path(post, path = "/tsa/{tsu}", tag = "timestamps", operation_id = "stamp_with_unit",
    params(("tsu" = String, Path, description = "Identifier of the unit")),
    request_body(content = Vec<u8>, content_type = "application/timestamp-query"),
    responses((status = 200, description = "As POST /tsa",
        content_type = "application/timestamp-reply", body = Vec<u8>),
        (status = 404, description = "No such unit")),
    security(("basic" = []), ("bearer" = [])))]
pub(crate) async fn stamp_with_unit(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
    unit: Path<String>,
) -> Result<HttpResponse, Problem> {
    let account = auth::caller(&request, &service).await?;
    answer(&request, payload, &service, account, Some(&unit)).await
}

/// Issues a timestamp for tools that cannot send credentials in a header.
#[utoipa::path(post, path = "/tsa/key/{api_key}", tag = "timestamps",
    operation_id = "stamp_with_key",
    params(("api_key" = String, Path, description = "An API key of the account")),
    request_body(content = Vec<u8>, content_type = "application/timestamp-query"),
    responses((status = 200, description = "As POST /tsa",
        content_type = "application/timestamp-reply", body = Vec<u8>)))]
pub(crate) async fn stamp_with_key(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
    key: Path<String>,
) -> Result<HttpResponse, Problem> {
    let account = auth::by_api_key(&key, &request, &service).await?;
    answer(&request, payload, &service, account, None).await
}

/// Issues for an account that is known, whoever asked for it.
pub(super) async fn answer(
    request: &HttpRequest,
    payload: Payload,
    service: &Service,
    account: StampAccountId,
    unit: Option<&str>,
) -> Result<HttpResponse, Problem> {
    request.extensions_mut().insert(Facts::of(account));
    body::check_media_type(request, QUERY)?;
    let body = body::read(request, payload, service.limits.body_timeout).await?;
    let _under_way = service.limits.enter().ok_or(Problem::Busy)?;
    let Reply { der, outcome } = service.issuer.issue(&account, unit, &body).await;
    service.metrics.answered(&outcome);
    request.extensions_mut().insert(Facts::of(account).with(&outcome));
    match outcome {
        Outcome::Granted { remaining, companion, .. } => {
            let mut answer = HttpResponse::Ok();
            answer.insert_header((STAMPS_REMAINING, HeaderValue::from(remaining)));
            companion.inspect(|serial| link_companion(&mut answer, *serial));
            Ok(reply(answer, der))
        }
        Outcome::Rejected { .. } => Ok(reply(HttpResponse::Ok(), der)),
        Outcome::NoStamps => Ok(reply(HttpResponse::build(StatusCode::PAYMENT_REQUIRED), der)),
        Outcome::AccountNotActive => Ok(reply(HttpResponse::Forbidden(), der)),
        Outcome::Busy => Err(Problem::Busy),
        Outcome::UnknownUnit => Err(Problem::NotFound { what: "time-stamping unit of this name" }),
    }
}

/// Says where the other token of a pair is (RFC 8288 §3): the same imprint and time, signed by the
/// companion of the unit, for the same stamp.
pub(super) fn link_companion(answer: &mut HttpResponseBuilder, serial: [u8; 16]) {
    let serial = hex::encode(serial);
    let link = format!("</api/v1/timestamps/{serial}>; rel=\"companion\"");
    answer.insert_header((header::LINK, link));
}

/// A reply with exactly the media type that clients compare with.
pub(crate) fn reply(mut answer: HttpResponseBuilder, der: Vec<u8>) -> HttpResponse {
    answer.insert_header((header::CONTENT_TYPE, HeaderValue::from_static(REPLY)));
    answer.body(Bytes::from(der))
}
