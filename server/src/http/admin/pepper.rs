//! What is kept under which version of the pepper, for an operator who wants to take one out.

use super::fresh;
use crate::http::auth;
use crate::http::get;
use crate::http::holder::problem::holder as problem;
use crate::http::problem::{Problem, ProblemBody};
use crate::http::resource;
use crate::service::Service;
use ::accounts::holders::PepperUse;
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use std::collections::BTreeMap;

/// What this room says of itself.
#[derive(utoipa::OpenApi)]
#[openapi(paths(pepper_uses))]
pub(super) struct Described;

pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(resource("/api/v1/admin/pepper", "GET, HEAD", [get(pepper_uses)]));
}

/// The versions of the pepper.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct PepperVersions {
    /// The oldest first.
    versions: Vec<PepperVersion>,
}

/// A version of the pepper.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct PepperVersion {
    version: u16,
    /// Whether new things are put under it.
    current: bool,
    /// How much is kept under it.
    total: u64,
    /// By kind, as in `passwords`; a kind of which there is nothing is not named.
    kept: BTreeMap<&'static str, u64>,
}

impl From<PepperUse> for PepperVersion {
    fn from(of: PepperUse) -> Self {
        Self {
            version: of.version,
            current: of.current,
            total: of.kept.values().sum(),
            kept: of.kept.into_iter().map(|(kind, count)| (kind.word(), count)).collect(),
        }
    }
}

/// Counts what is kept under each version of the pepper. A version that is not the current one and
/// has nothing under it can be taken out of the pepper file. Looks through all holders.
#[utoipa::path(get, path = "/api/v1/admin/pepper", tag = "administration of holders",
    operation_id = "pepper_uses",
    responses((status = 200, body = PepperVersions), (status = 401, body = ProblemBody)),
    security(("admin" = [])))]
pub(crate) async fn pepper_uses(
    request: HttpRequest,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    auth::administrator(&request, &service)?;
    let holders = service.holders.clone();
    let uses = web::block(move || holders.pepper_uses()).await;
    // A task that panicked has said so itself.
    let uses = uses.map_err(|_| Problem::Unavailable)?.map_err(problem)?;
    let versions = uses.into_iter().map(PepperVersion::from).collect();
    Ok(fresh(HttpResponse::Ok(), &PepperVersions { versions }))
}
