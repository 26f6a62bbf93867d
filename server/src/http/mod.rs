//! The routes. Only this room knows of HTTP and of status codes.
//!
//! | room | routes |
//! |---|---|
//! | [`timestamp`] | `POST /tsa…` |
//! | [`token`], [`stamp_account`] | `GET /api/v1/…` of a stamp account |
//! | [`admin`] | `/api/v1/admin/…` |
//! | [`pki`], [`operation`], [`openapi`], [`page`] | certificates, health, metrics, documents |
//!
//! Every request passes [`access`] on its way in and out; every fault leaves through [`problem`].

pub(crate) mod access;
pub(crate) mod admin;
pub(crate) mod auth;
pub(crate) mod body;
pub(crate) mod fault;
pub(crate) mod openapi;
pub(crate) mod operation;
pub(crate) mod page;
pub(crate) mod pki;
pub(crate) mod problem;
pub(crate) mod stamp_account;
pub(crate) mod timestamp;
pub(crate) mod token;
pub(crate) mod words;

use actix_web::web::{self, ServiceConfig};
use actix_web::{Resource, Responder, Route};
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
        .service(resource("/healthz", "GET", [web::get().to(operation::healthz)]))
        .service(resource("/readyz", "GET", [web::get().to(operation::readyz)]))
        .service(resource("/metrics", "GET", [web::get().to(operation::metrics)]))
        .service(resource("/pki/chain.pem", "GET", [web::get().to(pki::chain)]))
        .service(resource("/pki/{ca}.crt", "GET", [web::get().to(pki::certificate)]))
        .service(resource("/api/v1/stamp-account", "GET", [web::get().to(stamp_account::show)]))
        .service(resource(
            "/api/v1/stamp-account/events",
            "GET",
            [web::get().to(stamp_account::events)],
        ))
        .service(resource("/api/v1/timestamps/{serial}", "GET", [web::get().to(token::show)]))
        .configure(admin::routes)
        .configure(openapi::routes)
        .service(resource("/", "GET", [web::get().to(page::home)]))
        .default_service(web::to(nothing_here));
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
    Err(Problem::NotFound { what: "page or resource" })
}
