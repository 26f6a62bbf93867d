//! `GET /api/v1/openapi.json`: the API, described by the code that serves it.

mod common;
#[cfg(test)]
mod tests;

use super::admin::paths as admin;
#[cfg(test)]
use super::problem::MEDIA_TYPE;
use super::{
    GET, get, holder, ocsp, operation, pki, problem, resource, sms_reports, stamp_account,
    stamp_links, timestamp, token,
};
use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::{Bytes, ServiceConfig};
use std::future::ready;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Marca",
        description = "Timestamps (RFC 3161) for prepaid stamps. Every error that is not an answer \
            of the protocol is `application/problem+json` (RFC 9457).",
    ),
    paths(
        timestamp::stamp, timestamp::stamp_with_unit, timestamp::stamp_with_key, token::show,
        stamp_account::show, stamp_account::events, pki::certificate, pki::chain,
        pki::revocations, ocsp::by_post, ocsp::by_get,
        operation::healthz, operation::readyz, operation::metrics,
        admin::create, admin::list_accounts, admin::show_account, admin::suspend,
        admin::reactivate, admin::close, admin::password, admin::create_api_key,
        admin::list_api_keys, admin::revoke_api_key, admin::bind_certificate,
        admin::list_certificates, admin::unbind_certificate, admin::grant, admin::void,
        admin::refund, admin::statement, admin::list_units, admin::show_unit, admin::store,
        admin::create_unit, admin::new_unit_key, admin::unit_csr, admin::import_unit_certificate,
        admin::activate_unit_key, admin::retire_unit_key, admin::default_unit,
        admin::list_authorities, admin::publish_crl, admin::list_issued, admin::show_issued,
        admin::issue_certificate,
        admin::suspend_certificate, admin::reactivate_certificate, admin::revoke_certificate,
        admin::show_time, admin::show_trail,
    ),
    tags(
        (name = "timestamps", description = "Stamp, and fetch a token again"),
        (name = "stamp account", description = "What an account knows of itself"),
        (name = "pki", description = "What a verifier needs"),
        (name = "operation", description = "For whoever keeps the service running"),
        (name = "joining", description = "Holders, before they are logged in"),
        (name = "holder", description = "A holder's own account"),
        (name = "sessions", description = "How a holder is let in: by password, or by QR code"),
        (name = "credentials", description = "A holder's signing credentials"),
        (name = "renewal", description = "Another certificate before the old one ends"),
        (name = "signing", description = "Authorise hashes, and sign them"),
        (name = "messages", description = "What gateways say of short messages"),
        (name = "administration", description = "For the operator, with the administration token"),
        (name = "administration of holders", description = "Registrations, holders and messages"),
    ),
    components(schemas(problem::ProblemBody)),
    modifiers(&Schemes),
)]
struct Document;

/// The ways to authenticate.
struct Schemes;

impl Modify for Schemes {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = |scheme, text: &str| {
            let http = HttpBuilder::new().scheme(scheme).description(Some(text)).build();
            SecurityScheme::Http(http)
        };
        let components = document.components.get_or_insert_default();
        let basic = scheme(HttpAuthScheme::Basic, "Name and password of a stamp account");
        components.add_security_scheme("basic", basic);
        let bearer = scheme(HttpAuthScheme::Bearer, "API key of a stamp account");
        components.add_security_scheme("bearer", bearer);
        let admin = scheme(HttpAuthScheme::Bearer, "The token in the data directory's admin-token");
        components.add_security_scheme("admin", admin);
        let holder = "Token of a holder's login, or of a linked device";
        components.add_security_scheme("holder", scheme(HttpAuthScheme::Bearer, holder));
    }
}

/// The document, and the way to the page for browsing it ([`super::docs`]).
pub(super) fn routes(config: &mut ServiceConfig) {
    let text = document();
    let show = move || {
        let mut answer = HttpResponse::Ok();
        answer.insert_header((header::CACHE_CONTROL, "public, max-age=300"));
        ready(answer.content_type("application/json").body(text.clone()))
    };
    config.service(resource("/api/v1/openapi.json", GET, [get(show)])).service(resource(
        "/api/v1/docs",
        GET,
        [get(to_page)],
    ));
}

/// The document, with what every room says of itself.
pub(super) fn described() -> utoipa::openapi::OpenApi {
    let mut document = Document::openapi();
    rooms().into_iter().for_each(|room| document.merge(room));
    common::complete(&mut document);
    document
}

/// What the rooms with a document of their own say.
fn rooms() -> Vec<utoipa::openapi::OpenApi> {
    let mut rooms = vec![sms_reports::Described::openapi(), stamp_links::Described::openapi()];
    rooms.extend(holder::described());
    rooms.extend(super::admin::described());
    rooms
}

/// It takes milliseconds to put together, so that is done once, at the start.
fn document() -> Bytes {
    let mut document = described();
    document.info.version = env!("CARGO_PKG_VERSION").to_owned();
    // The document is made of strings and numbers: it always serializes.
    Bytes::from(serde_json::to_vec(&document).unwrap_or_default())
}

async fn to_page() -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header((header::LOCATION, "/api/v1/docs/")).finish()
}
