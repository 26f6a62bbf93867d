//! `/api/v1/admin/…`: what the command line and an operator's tools do. Every route asks for the
//! administration token before it looks at anything else.

mod accounts;
mod authorities;
mod certificates;
mod credentials;
mod holder_credentials;
mod holder_devices;
mod holder_sessions;
mod holders;
mod messages;
mod pepper;
mod registrations;
mod stamps;
mod store;
mod time;
mod trail;
mod tsus;
mod units;

use super::fault::stamp_problem;
use super::problem::Problem;
use super::{GET, acts, auth, body, get, resource, stamp_links};
use crate::service::Service;
use ::accounts::StampAccountId;
use ::accounts::stamps::Act;
use actix_web::web::{self, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::OpenApi;
use utoipa::openapi::OpenApi as Document;

/// The handlers' paths, for the OpenAPI document.
pub(crate) mod paths {
    pub(crate) use super::accounts::*;
    pub(crate) use super::authorities::*;
    pub(crate) use super::certificates::*;
    pub(crate) use super::credentials::*;
    pub(crate) use super::stamps::*;
    pub(crate) use super::store::*;
    pub(crate) use super::time::*;
    pub(crate) use super::trail::*;
    pub(crate) use super::tsus::*;
    pub(crate) use super::units::*;
}

/// The routes of the administration API.
pub(crate) fn routes(config: &mut ServiceConfig) {
    const ACCOUNT: &str = "/api/v1/admin/accounts/{account}";
    let under = |rest: &str| format!("{ACCOUNT}/{rest}");
    config
        .service(resource(
            "/api/v1/admin/accounts",
            "GET, POST",
            [get(accounts::list_accounts), web::post().to(accounts::create)],
        ))
        .service(resource(ACCOUNT, GET, [get(accounts::show_account)]))
        .service(resource(&under("suspend"), "POST", [web::post().to(accounts::suspend)]))
        .service(resource(&under("reactivate"), "POST", [web::post().to(accounts::reactivate)]))
        .service(resource(&under("close"), "POST", [web::post().to(accounts::close)]))
        .service(resource(&under("password"), "POST", [web::post().to(credentials::password)]))
        .service(resource(&under("lots"), "POST", [web::post().to(stamps::grant)]))
        .service(resource(&under("lots/{lot}/void"), "POST", [web::post().to(stamps::void)]))
        .service(resource(&under("refunds"), "POST", [web::post().to(stamps::refund)]))
        .service(resource(&under("statement"), GET, [get(stamps::statement)]))
        .service(resource(
            &under("api-keys"),
            "GET, POST",
            [get(credentials::list_api_keys), web::post().to(credentials::create_api_key)],
        ))
        .service(resource(
            &under("api-keys/{prefix}"),
            "DELETE",
            [web::delete().to(credentials::revoke_api_key)],
        ))
        .service(resource(
            &under("certificates"),
            "GET, POST",
            [get(credentials::list_certificates), web::post().to(credentials::bind_certificate)],
        ))
        .service(resource(
            &under("certificates/{sha256}"),
            "DELETE",
            [web::delete().to(credentials::unbind_certificate)],
        ))
        .configure(stamp_links::admin_routes)
        .configure(authority_routes)
        .configure(unit_routes)
        .configure(registrations::routes)
        .configure(holders::routes)
        .configure(holder_credentials::routes)
        .configure(holder_sessions::routes)
        .configure(holder_devices::routes)
        .configure(pepper::routes)
        .configure(messages::routes)
        .service(resource("/api/v1/admin/time", GET, [get(time::show_time)]))
        .service(resource("/api/v1/admin/trail", GET, [get(trail::show_trail)]))
        .service(resource("/api/v1/admin/store", GET, [get(store::store)]));
}

/// What the rooms of holders say of themselves, for the document.
pub(super) fn described() -> Vec<Document> {
    vec![
        registrations::Described::openapi(),
        holders::Described::openapi(),
        holder_credentials::Described::openapi(),
        holder_sessions::Described::openapi(),
        holder_devices::Described::openapi(),
        pepper::Described::openapi(),
        messages::Described::openapi(),
    ]
}

/// The built-in CAs and what they issued.
fn authority_routes(config: &mut ServiceConfig) {
    const CERTIFICATE: &str = "/api/v1/admin/certificates/{serial}";
    let under = |rest: &str| format!("{CERTIFICATE}/{rest}");
    config
        .service(resource("/api/v1/admin/authorities", GET, [get(authorities::list_authorities)]))
        .service(resource(
            "/api/v1/admin/authorities/{ca}/crl",
            "POST",
            [web::post().to(authorities::publish_crl)],
        ))
        .service(resource(
            "/api/v1/admin/certificates",
            "GET, POST",
            [get(certificates::list_issued), web::post().to(certificates::issue_certificate)],
        ))
        .service(resource(CERTIFICATE, GET, [get(certificates::show_issued)]))
        .service(resource(
            &under("suspend"),
            "POST",
            [web::post().to(certificates::suspend_certificate)],
        ))
        .service(resource(
            &under("reactivate"),
            "POST",
            [web::post().to(certificates::reactivate_certificate)],
        ))
        .service(resource(
            &under("revoke"),
            "POST",
            [web::post().to(certificates::revoke_certificate)],
        ));
}

/// The life of the units.
fn unit_routes(config: &mut ServiceConfig) {
    const UNIT: &str = "/api/v1/admin/tsus/{id}";
    let under = |rest: &str| format!("{UNIT}/{rest}");
    config
        .service(resource(
            "/api/v1/admin/tsus",
            "GET, POST",
            [get(units::list_units), web::post().to(tsus::create_unit)],
        ))
        .service(resource(UNIT, GET, [get(units::show_unit)]))
        .service(resource(&under("keys"), "POST", [web::post().to(tsus::new_unit_key)]))
        .service(resource(&under("csr"), GET, [get(tsus::unit_csr)]))
        .service(resource(
            &under("certificate"),
            "POST",
            [web::post().to(tsus::import_unit_certificate)],
        ))
        .service(resource(&under("activate"), "POST", [web::post().to(tsus::activate_unit_key)]))
        .service(resource(&under("default"), "POST", [web::post().to(tsus::default_unit)]))
        .service(resource(&under("retire"), "POST", [web::post().to(tsus::retire_unit_key)]));
}

/// Why an act is done; written into the account's book.
#[derive(Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reason {
    /// 1 to 500 characters.
    reason: Option<String>,
}

/// Who does it, as it is written into the account's book.
fn act(reason: Option<String>) -> Act {
    let reason = reason.filter(|text| !text.is_empty());
    Act { actor: "admin".to_owned(), reason: reason.unwrap_or_else(|| "not stated".to_owned()) }
}

/// Who does it, as it is written beside a certificate or a key.
fn by(reason: Option<String>) -> authority::Act {
    let reason = reason.filter(|text| !text.is_empty());
    authority::Act::new("admin", reason.as_deref().unwrap_or("not stated"))
}

/// Checks the token, then reads a JSON body. An empty body is read as `{}`.
async fn admitted<T: DeserializeOwned>(
    request: &HttpRequest,
    payload: Payload,
    service: &Service,
) -> Result<T, Problem> {
    admitted_within(request, payload, service, body::LIMIT).await
}

/// As [`admitted`], for a body of at most `limit` bytes.
async fn admitted_within<T: DeserializeOwned>(
    request: &HttpRequest,
    payload: Payload,
    service: &Service,
    limit: usize,
) -> Result<T, Problem> {
    auth::administrator(request, service)?;
    let bytes = body::read_within(request, payload, limit, service.limits.body_timeout).await?;
    acts::note(request, &bytes);
    if bytes.is_empty() {
        return body::object(b"{}");
    }
    body::check_media_type(request, "application/json")?;
    body::object(&bytes)
}

/// The account named in a path: by its identifier or by its name.
pub(super) fn account(service: &Service, text: &str) -> Result<StampAccountId, Problem> {
    if let Ok(id) = text.parse() {
        return Ok(id);
    }
    let found = service.ledger.by_name(text);
    match found {
        Ok(Some(id)) => Ok(id),
        // A text that cannot be a name names nobody.
        Ok(None) | Err(::accounts::stamps::StampError::BadName(_)) => {
            Err(Problem::NotFound { what: "stamp account of this name or identifier" })
        }
        Err(error) => Err(stamp_problem(error)),
    }
}

/// An answer that holds a secret, or the state of this instant.
fn fresh<T: serde::Serialize>(
    mut answer: actix_web::HttpResponseBuilder,
    body: &T,
) -> HttpResponse {
    answer.insert_header((actix_web::http::header::CACHE_CONTROL, "no-store"));
    answer.json(body)
}
