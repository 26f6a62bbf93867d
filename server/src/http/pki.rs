//! `GET /pki/…`: the certificates and revocation lists that a verifier needs. Public, and the same
//! for everybody.

use super::problem::Problem;
use crate::service::Service;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, EntityTag, HttpDate};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use std::time::SystemTime;

/// RFC 2585 §3: one DER certificate.
const CERTIFICATE: &str = "application/pkix-cert";
/// RFC 2585 §3: one DER revocation list.
const LIST: &str = "application/pkix-crl";
/// A list is made at once when a status changes, so caches may not hold one for long, in seconds.
const LIST_MAX_AGE: u64 = 60;
/// RFC 8555 §9.1: a chain of PEM certificates.
const CHAIN: &str = "application/pem-certificate-chain";

/// Sends the certificate of a CA: `root`, or the name of an issuing one.
#[utoipa::path(get, path = "/pki/{ca}.crt", tag = "pki",
    params(("ca" = String, Path, description = "`root` or the name of an issuing CA")),
    responses((status = 200, description = "DER certificate",
        content_type = "application/pkix-cert", body = Vec<u8>), (status = 404)))]
pub(crate) async fn certificate(
    service: Data<Service>,
    name: Path<String>,
) -> Result<HttpResponse, Problem> {
    let der =
        service.pki.certificate(&name).ok_or(Problem::NotFound { what: "CA of this name" })?;
    Ok(public(CERTIFICATE).body(der.to_vec()))
}

/// Sends the revocation list of a CA.
#[utoipa::path(get, path = "/pki/{ca}.crl", tag = "pki", operation_id = "crl",
    params(("ca" = String, Path, description = "`root` or the name of an issuing CA")),
    responses((status = 200, description = "DER CertificateList (RFC 5280 §5)",
            content_type = "application/pkix-crl", body = Vec<u8>),
        (status = 304, description = "As `If-None-Match` or `If-Modified-Since` has it"),
        (status = 404), (status = 503, description = "There is none yet")))]
pub(crate) async fn revocations(
    request: HttpRequest,
    service: Data<Service>,
    name: Path<String>,
) -> Result<HttpResponse, Problem> {
    let authority = service.pki.authority();
    let Some(crl) = authority.crl(&name) else {
        return Err(match authority.ca(&name) {
            Some(_no_list_yet) => Problem::Unavailable,
            None => Problem::NotFound { what: "CA of this name" },
        });
    };
    service.metrics.list_asked();
    let date = |at: DateTime<Utc>| HttpDate::from(SystemTime::from(at));
    let mut answer = HttpResponse::Ok();
    answer
        .insert_header((header::ETAG, crl.etag.as_str()))
        .insert_header((header::LAST_MODIFIED, date(crl.this_update)))
        .insert_header((header::CACHE_CONTROL, format!("public, max-age={LIST_MAX_AGE}")));
    let tag = EntityTag::new_strong(crl.etag.trim_matches('"').to_owned());
    if super::is_known(&request, &tag) {
        return Ok(answer.status(StatusCode::NOT_MODIFIED).finish());
    }
    Ok(answer.insert_header((header::CONTENT_TYPE, LIST)).body(crl.der.clone()))
}

/// Sends what a verifier needs: the issuing CA and the root.
#[utoipa::path(get, path = "/pki/chain.pem", tag = "pki",
    responses((status = 200, description = "Issuing CA, then root, PEM",
        content_type = "application/pem-certificate-chain", body = String)))]
pub(crate) async fn chain(service: Data<Service>) -> HttpResponse {
    public(CHAIN).body(service.pki.chain_pem().to_owned())
}

fn public(media_type: &'static str) -> actix_web::HttpResponseBuilder {
    let mut answer = HttpResponse::Ok();
    answer.insert_header((header::CONTENT_TYPE, media_type));
    answer.insert_header((header::CACHE_CONTROL, "public, max-age=3600"));
    answer
}
