//! E-mail addresses: another user ID, or an address for notices, each confirmed with a link that
//! is mailed to it.

use super::body::{OneTimeCode, Word};
use super::links::LinkToken;
use super::problem::holder as problem;
use super::proof::{self, Act};
use super::{access, answer, body};
use crate::http::problem::{Problem, ProblemBody};
use crate::http::resource;
use crate::service::Service;
use accounts::holders::{AddressKind, Email};
use actix_web::web::{self, Data, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;

/// What this room says of itself.
#[derive(utoipa::OpenApi)]
#[openapi(paths(request_address, confirm_address))]
pub(super) struct Described;

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/api/v1/holder/addresses", "POST", [web::post().to(request_address)]))
        .service(resource("/api/v1/addresses/confirm", "POST", [web::post().to(confirm_address)]));
}

/// Another address.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewAddress {
    #[schema(value_type = Kind)]
    kind: Word<Kind>,
    address: String,
    /// Asked for with the purpose `change-email`, this kind and this address.
    otp: OneTimeCode,
}

/// Which address.
#[derive(Clone, Copy, Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = AddressKind)]
pub(crate) enum Kind {
    /// That the holder logs in with.
    UserId,
    /// That notices about signatures go to.
    Notices,
}

impl From<Kind> for AddressKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::UserId => Self::UserId,
            Kind::Notices => Self::Notices,
        }
    }
}

/// Mails a link to a new address, and tells the old one. Nothing changes before the link is used.
#[utoipa::path(post, path = "/api/v1/holder/addresses", tag = "holder",
    operation_id = "request_address", request_body = NewAddress,
    responses((status = 202, body = answer::Received), (status = 401, body = ProblemBody),
        (status = 403, body = ProblemBody), (status = 422, body = ProblemBody)),
    security(("holder" = [])))]
pub(crate) async fn request_address(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    let access = access::full_session(&request, &service).await?;
    let NewAddress { kind, address, otp } = body::json(&request, payload, &service).await?;
    let kind = AddressKind::from(kind.known("kind")?);
    let address = Email::parse("address", &address).map_err(problem)?;
    let now = service.clock.now();
    let act = Act::Address(kind, &address);
    let proof = proof::verify(&service, &access, &act, &otp, now).await?;
    let asked = service.holders.request_address(access.holder, kind, &address, proof, now);
    asked.await.map_err(problem)?;
    Ok(answer::accepted())
}

/// Confirms a new address with the link that was mailed to it.
#[utoipa::path(post, path = "/api/v1/addresses/confirm", tag = "joining",
    operation_id = "confirm_address", request_body = LinkToken,
    responses((status = 204), (status = 410, body = ProblemBody)))]
pub(crate) async fn confirm_address(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    let LinkToken { token } = body::json(&request, payload, &service).await?;
    service.holders.confirm_address(&token, service.clock.now()).await.map_err(problem)?;
    Ok(answer::done())
}
