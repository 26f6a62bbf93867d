//! `/ocsp`: the status of a certificate, asked for and answered as RFC 6960 has it, and in the way
//! of RFC 5019 where caches stand in between. Public, and the same for everybody.
//!
//! A fault of the request is an answer of the protocol, in DER; only what is no OCSP at all gets a
//! problem.

use super::body::{self, LIMIT};
use super::problem::Problem;
use crate::service::Service;
use actix_web::http::header::{self, EntityTag, HttpDate};
use actix_web::web::{self, Data, Payload};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use authority::{AnswerKind, Caching, OcspAnswer};
use std::time::SystemTime;

/// RFC 6960 appendix C.1.
const REQUEST: &str = "application/ocsp-request";
/// RFC 6960 appendix C.2.
const RESPONSE: &str = "application/ocsp-response";

const PATH: &str = "/ocsp/";

/// Answers what the status of certificates is.
#[utoipa::path(post, path = "/ocsp", tag = "pki", operation_id = "ocsp",
    request_body(content = Vec<u8>, content_type = "application/ocsp-request",
        description = "DER OCSPRequest (RFC 6960 §4.1), at most 16 KiB"),
    responses((status = 200, description = "DER OCSPResponse; faults of the request are in it",
            content_type = "application/ocsp-response", body = Vec<u8>),
        (status = 413, description = "Over 16 KiB"), (status = 415, description = "Media type")))]
pub(crate) async fn by_post(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    body::check_media_type(&request, REQUEST)?;
    let der = body::read(&request, payload, service.limits.body_timeout).await?;
    let answer = ask(&service, der.to_vec()).await?;
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CACHE_CONTROL, "no-store"));
    Ok(finish(response, &answer))
}

/// Answers what the status of a certificate is; the answer may be kept by caches.
#[utoipa::path(get, path = "/ocsp/{request}", tag = "pki", operation_id = "ocsp_cached",
    params(("request" = String, Path, description = "Base64 of the DER OCSPRequest, url-encoded")),
    responses((status = 200, description = "As POST /ocsp",
            content_type = "application/ocsp-response", body = Vec<u8>),
        (status = 304, description = "As `If-None-Match` or `If-Modified-Since` has it"),
        (status = 413, description = "Over 16 KiB")))]
pub(crate) async fn by_get(
    request: HttpRequest,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    // As it was sent: what actix makes of a path has lost which slash was one of base64's.
    let sent = request.uri().path().strip_prefix(PATH).unwrap_or_default();
    if sent.len() > 2 * LIMIT {
        return Err(Problem::TooLarge { limit: LIMIT });
    }
    // What is no base64 is a malformed request, which an empty one is too.
    let answer = ask(&service, decode(sent).unwrap_or_default()).await?;
    let mut response = HttpResponse::Ok();
    match &answer.caching {
        Some(caching) => {
            cacheable(&mut response, caching);
            if is_known(&request, caching) {
                response.status(actix_web::http::StatusCode::NOT_MODIFIED);
                return Ok(response.finish());
            }
        }
        None => drop(response.insert_header((header::CACHE_CONTROL, "no-store"))),
    }
    Ok(finish(response, &answer))
}

/// Asks the authority; off the threads that serve when a device signs.
async fn ask(service: &Data<Service>, der: Vec<u8>) -> Result<OcspAnswer, Problem> {
    let now = service.clock.now();
    let authority = service.pki.authority();
    let answer = if authority.signs_in_device() {
        let authority = authority.clone();
        web::block(move || authority.ocsp(&der, now))
            .await
            .map_err(|_ended| Problem::Unavailable)?
    } else {
        authority.ocsp(&der, now)
    };
    service.metrics.status_asked(kind(answer.kind));
    Ok(answer)
}

/// The stable label of an answer in the metrics.
fn kind(kind: AnswerKind) -> &'static str {
    match kind {
        AnswerKind::Signed => "signed",
        AnswerKind::Malformed => "malformed",
        AnswerKind::TryLater => "try_later",
    }
}

fn finish(mut response: HttpResponseBuilder, answer: &OcspAnswer) -> HttpResponse {
    if answer.kind == AnswerKind::TryLater {
        response.insert_header((header::RETRY_AFTER, 10));
    }
    response.insert_header((header::CONTENT_TYPE, RESPONSE)).body(answer.der.to_vec())
}

/// RFC 5019 §6.2: what a cache has to know. It must not give out what is past its time.
fn cacheable(response: &mut HttpResponseBuilder, caching: &Caching) {
    let Caching { etag, last_modified, expires, max_age_s } = caching;
    let date = |at: &chrono::DateTime<chrono::Utc>| HttpDate::from(SystemTime::from(*at));
    response
        .insert_header((header::ETAG, etag.as_str()))
        .insert_header((header::LAST_MODIFIED, date(last_modified)))
        .insert_header((header::EXPIRES, date(expires)))
        .insert_header((
            header::CACHE_CONTROL,
            format!("max-age={max_age_s}, public, no-transform, must-revalidate"),
        ));
}

/// Whether the client has this very answer (RFC 9110 §13.2.2: the tag goes before the date).
fn is_known(request: &HttpRequest, caching: &Caching) -> bool {
    let unquoted = caching.etag.trim_matches('"').to_owned();
    super::is_known(request, &EntityTag::new_strong(unquoted))
}

/// Base64 in a path: percent-decoded first (RFC 6960 appendix A.1), padding may be missing.
fn decode(sent: &str) -> Option<Vec<u8>> {
    let mut text = Vec::with_capacity(sent.len());
    let mut bytes = sent.bytes();
    while let Some(byte) = bytes.next() {
        text.push(match byte {
            b'%' => {
                let digits = [bytes.next()?, bytes.next()?];
                let mut decoded = [0];
                hex::decode_to_slice(digits, &mut decoded).ok()?;
                decoded[0]
            }
            // The alphabet for addresses (RFC 4648 §5), which some clients take.
            b'-' => b'+',
            b'_' => b'/',
            byte => byte,
        });
    }
    while !text.len().is_multiple_of(4) {
        text.push(b'=');
    }
    let text = std::str::from_utf8(&text).ok()?;
    // OpenSSL reads padding anywhere as zeros.
    let padding = text.len() - text.trim_end_matches('=').len();
    if padding > 2 || text.matches('=').count() != padding {
        return None;
    }
    openssl::base64::decode_block(text).ok()
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn a_path_is_decoded_however_it_was_encoded() {
        let bytes = [0xfb, 0xff, 0xfe, 0x01];
        for path in ["+//+AQ==", "%2B%2F%2f%2BAQ%3D%3D", "+//+AQ", "-__-AQ"] {
            assert_eq!(decode(path).as_deref(), Some(&bytes[..]), "{path}");
        }
    }

    #[test]
    fn what_is_no_base64_is_nothing() {
        for path in ["%", "%2", "%zz", "???", "MA=MA", "%c3%28"] {
            assert_eq!(decode(path), None, "{path}");
        }
    }
}
