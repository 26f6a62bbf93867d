//! `POST /api/v1/holder/personal-data`: everything that is held about a holder, handed over
//! (GDPR Art. 15 and 20).
//!
//! The document is made piece by piece while it is sent: its size is nobody's memory.

use super::problem::holder as problem;
use super::proof::{self, Act};
use super::question::CodeAlone;
use super::{access, body};
use crate::http::problem::{Problem, ProblemBody};
use crate::http::resource;
use crate::service::Service;
use accounts::holders::otp::Purpose;
use accounts::holders::{Actor, HolderId};
use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION};
use actix_web::web::{self, Bytes, Data, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::stream::unfold;

/// What this room says of itself.
#[derive(utoipa::OpenApi)]
#[openapi(paths(export_personal_data))]
pub(super) struct Described;

pub(super) fn routes(config: &mut ServiceConfig) {
    let export = web::post().to(export_personal_data);
    config.service(resource("/api/v1/holder/personal-data", "POST", [export]));
}

/// Hands over all personal data, as one JSON document. Secrets are not in it: nobody can read them
/// out of what is stored.
#[utoipa::path(post, path = "/api/v1/holder/personal-data", tag = "holder",
    operation_id = "export_personal_data", request_body = CodeAlone,
    responses((status = 200, body = Object), (status = 401, body = ProblemBody),
        (status = 403, body = ProblemBody)), security(("holder" = [])))]
pub(crate) async fn export_personal_data(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    let access = access::full_session(&request, &service).await?;
    let CodeAlone { otp } = body::json(&request, payload, &service).await?;
    let (act, now) = (Act::Plain(Purpose::ExportData), service.clock.now());
    let proof = proof::verify(&service, &access, &act, &otp, now).await?;
    let (operation, bound) = (proof.operation(), proof.bound());
    proof.consume(access.holder, operation, Purpose::ExportData, &bound).map_err(problem)?;
    exported(&service, access.holder, access.actor()).await
}

/// The document, for whoever may have it.
pub(crate) async fn exported(
    service: &Service,
    holder: HolderId,
    actor: Actor,
) -> Result<HttpResponse, Problem> {
    let export = service.holders.export_personal_data(holder, actor, service.clock.now()).await;
    let pieces = unfold(Some(export.map_err(problem)?), |state| async {
        let mut export = state?;
        // Reading and writing a piece takes a while, with nothing to wait for.
        match web::block(move || (export.next(), export)).await {
            Ok((Some(Ok(text)), export)) => Some((Ok(Bytes::from(text)), Some(export))),
            Ok((Some(Err(error)), _)) => Some((Err(broken(&error)), None)),
            Ok((None, _)) => None,
            Err(panicked) => Some((Err(broken(&panicked)), None)),
        }
    });
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((CONTENT_DISPOSITION, "attachment; filename=\"personal-data.json\""))
        .content_type("application/json")
        .streaming(pieces))
}

/// A document that breaks off must not look like a whole one: the connection breaks.
fn broken(error: &dyn std::fmt::Display) -> actix_web::Error {
    tracing::error!(%error, "an export of personal data breaks off");
    Problem::Unavailable.into()
}
