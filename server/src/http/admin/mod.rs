//! `/api/v1/admin/…`: what the command line and an operator's tools do. Every route asks for the
//! administration token before it looks at anything else.

mod accounts;
mod credentials;
mod stamps;
mod trail;
mod units;

use super::fault::stamp_problem;
use super::problem::Problem;
use super::{GET, acts, auth, body, get, resource};
use crate::service::Service;
use ::accounts::StampAccountId;
use ::accounts::stamps::Act;
use actix_web::web::{self, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// The handlers' paths, for the OpenAPI document.
pub(crate) mod paths {
    pub(crate) use super::accounts::*;
    pub(crate) use super::credentials::*;
    pub(crate) use super::stamps::*;
    pub(crate) use super::trail::*;
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
        .service(resource("/api/v1/admin/tsus", GET, [get(units::list_units)]))
        .service(resource("/api/v1/admin/tsus/{id}", GET, [get(units::show_unit)]))
        .service(resource("/api/v1/admin/trail", GET, [get(trail::show_trail)]))
        .service(resource("/api/v1/admin/store", GET, [get(units::store)]));
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

/// Checks the token, then reads a JSON body. An empty body is read as `{}`.
async fn admitted<T: DeserializeOwned>(
    request: &HttpRequest,
    payload: Payload,
    service: &Service,
) -> Result<T, Problem> {
    auth::administrator(request, service)?;
    let bytes = body::read(request, payload, service.limits.body_timeout).await?;
    acts::note(request, &bytes);
    if bytes.is_empty() {
        return parse(b"{}");
    }
    body::check_media_type(request, "application/json")?;
    parse(&bytes)
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(bytes).map_err(|error| Problem::Invalid {
        field: "body".to_owned(),
        reason: format!("not the JSON object asked for: {error}"),
    })
}

/// The account named in a path: by its identifier or by its name.
fn account(service: &Service, text: &str) -> Result<StampAccountId, Problem> {
    if let Ok(id) = text.parse() {
        return Ok(id);
    }
    let found = service.ledger.by_name(text);
    match found {
        Ok(Some(id)) => Ok(id),
        // A text that cannot be a name names nobody.
        Ok(None) | Err(::accounts::stamps::StampError::BadName(_)) => {
            Err(Problem::NotFound { what: "stamp account" })
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
