//! `GET /`: what a person sees who opens the service's address.

use crate::service::Service;
use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::Data;

/// The page names the service's own address, so that the commands can be pasted as they stand.
const HOME: &str = include_str!("home.html");

/// `GET /`
pub(crate) async fn home(service: Data<Service>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
        .insert_header((
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; \
             frame-ancestors 'none'",
        ))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .body(HOME.replace("{url}", &service.public_url))
}
