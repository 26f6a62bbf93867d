//! Linked devices of holders, seen and unlinked by an operator.

use super::fresh;
use super::holders::parse;
use super::registrations::operator;
use crate::http::auth;
use crate::http::holder::problem::holder as problem;
use crate::http::problem::{Problem, ProblemBody};
use crate::http::stamp_account::rfc3339;
use crate::http::{GET, get, resource};
use crate::service::Service;
use ::accounts::holders::DeviceId;
use ::accounts::holders::devices::DeviceView;
use actix_web::web::{self, Data, Path, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

/// What this room says of itself.
#[derive(utoipa::OpenApi)]
#[openapi(paths(devices_of, unlink_device_of))]
pub(super) struct Described;

pub(super) fn routes(config: &mut ServiceConfig) {
    const DEVICES: &str = "/api/v1/admin/holders/{holder}/devices";
    config.service(resource(DEVICES, GET, [get(devices_of)])).service(resource(
        &format!("{DEVICES}/{{device}}"),
        "DELETE",
        [web::delete().to(unlink_device_of)],
    ));
}

/// A linked device of a holder, as the operator sees it.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct AdminDevice {
    id: String,
    /// What its holder calls it.
    name: String,
    /// `phone` or `system`.
    kind: &'static str,
    linked_at: String,
    /// To the minute.
    last_used_at: String,
    /// The address that it was linked from.
    from: String,
    /// SHA-256 of the client certificate that a system comes in with, in hex; null with a token.
    certificate_sha256: Option<String>,
    /// The credentials that a system may use; null is all of its holder's.
    credentials: Option<Vec<String>>,
}

impl From<DeviceView> for AdminDevice {
    fn from(view: DeviceView) -> Self {
        Self {
            id: view.id.to_string(),
            name: view.name,
            kind: view.kind.word(),
            linked_at: rfc3339(view.linked_at),
            last_used_at: rfc3339(view.last_used_at),
            from: view.from,
            certificate_sha256: view.certificate.map(hex::encode),
            credentials: view.credentials.map(|ids| ids.iter().map(ToString::to_string).collect()),
        }
    }
}

/// The linked devices of a holder.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct AdminDevices {
    devices: Vec<AdminDevice>,
}

/// Lists the linked devices of a holder, the one that was linked first first.
#[utoipa::path(get, path = "/api/v1/admin/holders/{holder}/devices",
    tag = "administration of holders", params(("holder" = String, Path)),
    responses((status = 200, body = AdminDevices), (status = 401, body = ProblemBody),
        (status = 404, body = ProblemBody)), security(("admin" = [])))]
pub(crate) async fn devices_of(
    request: HttpRequest,
    service: Data<Service>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    auth::administrator(&request, &service)?;
    let holder = service.holders.holder(parse(&id)?).map_err(problem)?.id;
    let devices = service.holders.devices(holder).map_err(problem)?;
    let devices = devices.into_iter().map(AdminDevice::from).collect();
    Ok(fresh(HttpResponse::Ok(), &AdminDevices { devices }))
}

/// Unlinks a device of a holder: its token is dead in the next request. Every address of the
/// holder is told.
#[utoipa::path(delete, path = "/api/v1/admin/holders/{holder}/devices/{device}",
    tag = "administration of holders",
    params(("holder" = String, Path), ("device" = String, Path)),
    responses((status = 204), (status = 401, body = ProblemBody),
        (status = 404, body = ProblemBody)),
    security(("admin" = [])))]
pub(crate) async fn unlink_device_of(
    request: HttpRequest,
    service: Data<Service>,
    path: Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    auth::administrator(&request, &service)?;
    let (id, device) = path.into_inner();
    let id = parse(&id)?;
    let device: DeviceId = device.parse().map_err(|_not_one| Problem::NotFound {
        what: "device of this holder with this identifier",
    })?;
    let now = service.clock.now();
    service.holders.unlink_device(id, device, operator(), now).await.map_err(problem)?;
    service.lock_dead_keys(Some(id)).await;
    Ok(HttpResponse::NoContent().finish())
}
