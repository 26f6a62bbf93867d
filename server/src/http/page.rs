//! Pages for people: `GET /` for whoever opens the service's address, and `GET /qr` for whoever
//! opens the code of a login with a camera.

use crate::service::Service;
use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::Data;

/// The page names the service's own address, so that the commands can be pasted as they stand.
const HOME: &str = include_str!("home.html");

/// It does nothing, and says so: a login is approved by a linked phone alone, which reads the
/// identifier behind the `#` and never opens the address.
const QR: &str = include_str!("qr.html");

/// `GET /`
pub(crate) async fn home(service: Data<Service>) -> HttpResponse {
    page(HOME.replace("{url}", &service.public_url))
}

/// `GET /qr`
pub(crate) async fn qr() -> HttpResponse {
    page(QR.to_owned())
}

/// A page without scripts, that no other page may show inside itself.
fn page(html: String) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
        .insert_header((
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; \
             frame-ancestors 'none'",
        ))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .body(html)
}
