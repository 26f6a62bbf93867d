//! The built-in CAs: what they are, and their revocation lists.

use super::{Reason, admitted, by, fresh};
use crate::http::auth;
use crate::http::fault::authority_problem;
use crate::http::problem::Problem;
use crate::http::stamp_account::rfc3339;
use crate::service::Service;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use authority::{AuthorityFacts, Crl, ResponderFacts};
use serde::Serialize;

/// A certificate authority.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct AuthorityView {
    /// Its name in `/pki/{ca}.crt` and `/pki/{ca}.crl`.
    id: String,
    subject: String,
    not_before: String,
    not_after: String,
    /// Certificates that it issued.
    issued: u64,
    /// Its revocation list, or null while there is none.
    crl: Option<CrlView>,
    /// Who signs its OCSP answers, or null while there is nobody.
    responder: Option<ResponderView>,
}

/// A certificate revocation list.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct CrlView {
    number: u64,
    this_update: String,
    next_update: String,
    /// Certificates on it.
    entries: usize,
    /// Bytes of its DER.
    size: usize,
}

impl From<&Crl> for CrlView {
    fn from(crl: &Crl) -> Self {
        Self {
            number: crl.number,
            this_update: rfc3339(crl.this_update),
            next_update: rfc3339(crl.next_update),
            entries: crl.entries,
            size: crl.der.len(),
        }
    }
}

/// The certificate that signs OCSP answers.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct ResponderView {
    /// Its serial number, or null when the CA signs by itself.
    serial: Option<String>,
    not_after: String,
}

impl From<ResponderFacts> for ResponderView {
    fn from(facts: ResponderFacts) -> Self {
        let serial = facts.serial.map(|serial| serial.to_string());
        Self { serial, not_after: rfc3339(facts.not_after) }
    }
}

impl From<AuthorityFacts> for AuthorityView {
    fn from(facts: AuthorityFacts) -> Self {
        Self {
            id: facts.id,
            subject: facts.subject,
            not_before: rfc3339(facts.not_before),
            not_after: rfc3339(facts.not_after),
            issued: facts.issued,
            crl: facts.crl.as_deref().map(CrlView::from),
            responder: facts.responder.map(ResponderView::from),
        }
    }
}

/// All authorities.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct AuthorityList {
    authorities: Vec<AuthorityView>,
}

/// Lists the built-in CAs.
#[utoipa::path(get, path = "/api/v1/admin/authorities", tag = "administration",
    operation_id = "list_authorities",
    responses((status = 200, body = AuthorityList), (status = 401)), security(("admin" = [])))]
pub(crate) async fn list_authorities(
    request: HttpRequest,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    auth::administrator(&request, &service)?;
    let facts = service.pki.authority().authorities().map_err(authority_problem)?;
    let authorities = facts.into_iter().map(AuthorityView::from).collect();
    Ok(fresh(HttpResponse::Ok(), &AuthorityList { authorities }))
}

/// Makes a new revocation list of a CA now.
#[utoipa::path(post, path = "/api/v1/admin/authorities/{ca}/crl", tag = "administration",
    operation_id = "publish_crl", params(("ca" = String, Path)), request_body = Reason,
    responses((status = 200, body = CrlView), (status = 401), (status = 404), (status = 503)),
    security(("admin" = [])))]
pub(crate) async fn publish_crl(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
    ca: Path<String>,
) -> Result<HttpResponse, Problem> {
    let Reason { reason } = admitted(&request, payload, &service).await?;
    let (by, now) = (by(reason), service.clock.now());
    let crl = service.pki.authority().publish_crl(&ca, &by, now).await;
    let crl = crl.map_err(authority_problem)?;
    tracing::info!(ca = ca.as_str(), number = crl.number, "revocation list made");
    Ok(fresh(HttpResponse::Ok(), &CrlView::from(crl.as_ref())))
}
