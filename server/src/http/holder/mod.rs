//! What holders of remote-signature accounts do over HTTP: one room for each thing, all below
//! `/api/v1`. docs/API-HOLDERS.md tells the whole of it.
//!
//! A room asks who it is first ([`access`]), reads a body then ([`body`]), and has the act done by
//! `accounts` or `signing`, which decide. It turns refusals into problems ([`problem`]) and results
//! into JSON ([`answer`]). Nothing here is remembered between two requests.

pub(crate) mod access;
pub(crate) mod account;
mod addresses;
pub(crate) mod answer;
mod authenticator;
pub(crate) mod body;
mod codes;
pub(crate) mod credentials;
mod devices;
pub(crate) mod history;
mod links;
mod password;
pub(crate) mod personal_data;
mod phone;
pub(crate) mod problem;
pub(crate) mod proof;
mod qr;
mod question;
mod recovery;
pub(crate) mod registration;
pub(crate) mod renewal;
mod sessions;
pub(crate) mod signing;
pub(crate) mod stamps;
mod suspension;

use super::problem::Problem;
use crate::service::Service;
use actix_web::web::ServiceConfig;
use std::str::FromStr;
use utoipa::OpenApi;
use utoipa::openapi::OpenApi as Document;

/// The routes of every room.
pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .configure(registration::routes)
        .configure(links::routes)
        .configure(password::routes)
        .configure(recovery::routes)
        .configure(suspension::routes)
        .configure(sessions::routes)
        .configure(account::routes)
        .configure(history::routes)
        .configure(question::routes)
        .configure(addresses::routes)
        .configure(personal_data::routes)
        .configure(credentials::routes)
        .configure(renewal::routes)
        .configure(signing::routes)
        .configure(stamps::routes)
        .configure(codes::routes)
        .configure(authenticator::routes)
        .configure(devices::routes)
        .configure(qr::routes)
        .configure(phone::routes);
}

/// What every room says of itself, for the document.
pub(super) fn described() -> Vec<Document> {
    vec![
        registration::Described::openapi(),
        links::Described::openapi(),
        password::Described::openapi(),
        recovery::Described::openapi(),
        suspension::Described::openapi(),
        sessions::Described::openapi(),
        account::Described::openapi(),
        history::Described::openapi(),
        question::Described::openapi(),
        addresses::Described::openapi(),
        personal_data::Described::openapi(),
        credentials::Described::openapi(),
        renewal::Described::openapi(),
        signing::Described::openapi(),
        stamps::Described::openapi(),
        codes::Described::openapi(),
        authenticator::Described::openapi(),
        devices::Described::openapi(),
        qr::Described::openapi(),
        phone::Described::openapi(),
    ]
}

/// Whether mails and short messages go anywhere: nobody is brought in whom nothing can reach.
pub(crate) fn reachable(service: &Service) -> Result<(), Problem> {
    service.delivery.ready().map_err(|reason| {
        let detail = format!("{reason}: holders cannot be reached, so nobody is registered");
        problem::refused("no-channel", detail, None, None)
    })
}

/// An identifier in a path. What cannot be one names nothing.
pub(crate) fn id<T: FromStr>(text: &str, what: &'static str) -> Result<T, Problem> {
    text.parse().map_err(|_no_identifier| Problem::NotFound { what })
}
