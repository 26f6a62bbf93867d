//! The routes. Only this room knows of HTTP and of status codes.
//!
//! | room | routes |
//! |---|---|
//! | [`timestamp`] | `POST /tsa…` |
//! | [`token`], [`stamp_account`], [`stamp_links`] | `/api/v1/…` of a stamp account |
//! | [`holder`] | what holders of remote-signature accounts do |
//! | [`admin`] | `/api/v1/admin/…` |
//! | [`pki`], [`ocsp`] | certificates, revocation lists, OCSP |
//! | [`sms_reports`] | delivery reports of gateways |
//! | [`dev`] | the demo's outbox |
//! | [`operation`] | health, metrics |
//! | [`openapi`], [`docs`], [`page`] | the interface, described, and pages |
//!
//! Every request passes [`access`] on its way in and out, and [`acts`] when it changes something;
//! every fault leaves through [`problem`].

pub(crate) mod access;
pub(crate) mod acts;
pub(crate) mod admin;
pub(crate) mod auth;
pub(crate) mod body;
pub(crate) mod caller;
pub(crate) mod dev;
pub(crate) mod docs;
pub(crate) mod fault;
pub(crate) mod holder;
pub(crate) mod ocsp;
pub(crate) mod openapi;
pub(crate) mod operation;
pub(crate) mod page;
pub(crate) mod pki;
pub(crate) mod problem;
mod qr_image;
pub(crate) mod sms_reports;
pub(crate) mod stamp_account;
pub(crate) mod stamp_links;
pub(crate) mod timestamp;
pub(crate) mod token;
pub(crate) mod words;

use actix_web::http::header::{self, EntityTag};
use actix_web::web::{self, ServiceConfig};
use actix_web::{FromRequest, Handler, HttpRequest, Resource, Responder, Route, guard};
use problem::Problem;

/// All routes. The one that is asked most stands first.
pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/tsa", "POST", [web::post().to(timestamp::stamp)]))
        .service(resource(
            "/tsa/key/{api_key}",
            "POST",
            [web::post().to(timestamp::stamp_with_key)],
        ))
        .service(resource("/tsa/{tsu}", "POST", [web::post().to(timestamp::stamp_with_unit)]))
        .service(resource("/healthz", GET, [get(operation::healthz)]))
        .service(resource("/readyz", GET, [get(operation::readyz)]))
        .service(resource("/metrics", GET, [get(operation::metrics)]))
        .service(resource("/pki/chain.pem", GET, [get(pki::chain)]))
        .service(resource("/pki/{ca}.crt", GET, [get(pki::certificate)]))
        .service(resource("/pki/{ca}.crl", GET, [get(pki::revocations)]))
        .service(resource("/ocsp", "POST", [web::post().to(ocsp::by_post)]))
        .service(resource("/ocsp/{request:.*}", GET, [get(ocsp::by_get)]))
        .service(resource("/api/v1/stamp-account", GET, [get(stamp_account::show)]))
        .service(resource(
            "/api/v1/stamp-account/events",
            "GET",
            [web::get().to(stamp_account::events)],
        ))
        .configure(stamp_links::routes)
        .service(resource("/api/v1/timestamps/{serial}", GET, [get(token::show)]))
        .configure(holder::routes)
        .configure(sms_reports::routes)
        .configure(admin::routes)
        .configure(openapi::routes)
        .configure(docs::routes)
        .service(resource("/", GET, [get(page::home)]))
        .service(resource("/qr", GET, [get(page::qr)]))
        .default_service(web::to(nothing_here));
}

/// The methods of a resource that is read (RFC 9110 §9.3.2: HEAD is GET without the content).
pub(crate) const GET: &str = "GET, HEAD";

/// The route of a resource that is read.
pub(crate) fn get<F, Args>(handler: F) -> Route
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    web::route().guard(guard::Any(guard::Get()).or(guard::Head())).to(handler)
}

/// Whether the client has this very content, by its tag. A date has whole seconds, and a status
/// can change twice in one: `If-Modified-Since` is passed over, as RFC 9110 §13.1.3 allows.
fn is_known(request: &HttpRequest, tag: &EntityTag) -> bool {
    request.headers().contains_key(header::IF_NONE_MATCH) && stamp_account::matches(request, tag)
}

/// A path with its methods; any other method gets 405 with `allow`.
pub(crate) fn resource<const N: usize>(
    path: &str,
    allow: &'static str,
    routes: [Route; N],
) -> Resource {
    let resource = routes.into_iter().fold(web::resource(path), Resource::route);
    resource.default_service(web::to(move || async move { refuse(allow) }))
}

fn refuse(allow: &'static str) -> impl Responder {
    Err::<&str, Problem>(Problem::MethodNotAllowed { allow })
}

async fn nothing_here() -> Result<&'static str, Problem> {
    Err(Problem::NotFound { what: "page or resource at this address" })
}
