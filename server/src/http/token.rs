//! `GET /api/v1/timestamps/{serial-hex}`: an account's own token again, for no stamp.

use super::problem::Problem;
use super::{auth, timestamp};
use crate::http::fault::stamp_problem;
use crate::service::Service;
use actix_web::http::header;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};

/// A serial number in a path: 32 lower-case hexadecimal digits.
pub(crate) fn parse_serial(text: &str) -> Option<[u8; 16]> {
    let lower = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let mut serial = [0; 16];
    (lower && hex::decode_to_slice(text, &mut serial).is_ok()).then_some(serial)
}

/// Sends a token of the caller again, with its certificate, for no stamp.
#[utoipa::path(get, path = "/api/v1/timestamps/{serial}", tag = "timestamps",
    operation_id = "show_timestamp",
    params(("serial" = String, Path, description = "Serial number, 32 lower-case hex digits"),),
    responses((status = 200, description = "TimeStampResp with the token and its certificate",
            content_type = "application/timestamp-reply", body = Vec<u8>),
        (status = 404, description = "No token of this account has this serial")),
    security(("basic" = []), ("bearer" = [])))]
pub(crate) async fn show(
    request: HttpRequest,
    service: Data<Service>,
    serial: Path<String>,
) -> Result<HttpResponse, Problem> {
    const NOT_FOUND: Problem = Problem::NotFound { what: "timestamp of this serial number" };
    let account = auth::caller(&request, &service).await?;
    let serial = parse_serial(&serial).ok_or(NOT_FOUND)?;
    let stored = service.ledger.token(account, serial).await.map_err(stamp_problem)?;
    let stored = stored.ok_or(NOT_FOUND)?;
    let der = service.issuer.token_reply(&stored.token, &stored.tsu, true).map_err(|error| {
        let serial = hex::encode(serial);
        tracing::error!(%error, serial, "a stored token cannot be given out");
        Problem::Unavailable
    })?;
    let mut answer = HttpResponse::Ok();
    if let Some(other) = &stored.companion {
        timestamp::link_companion(&mut answer, other.serial);
    }
    answer.insert_header((header::CACHE_CONTROL, "private, max-age=31536000, immutable"));
    Ok(timestamp::reply(answer, der))
}
