//! `GET /pki/…`: the certificates that a verifier needs. Public, and the same for everybody.

use super::problem::Problem;
use crate::service::Service;
use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::{Data, Path};

/// RFC 2585 §3: one DER certificate.
const CERTIFICATE: &str = "application/pkix-cert";
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
