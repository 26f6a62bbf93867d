//! Answers to a holder: JSON that nobody keeps.
//!
//! They hold personal data or secrets, so no cache may store them (RFC 9111 §5.2.2.5).

use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde::Serialize;

const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// What was asked for was taken; how it ends is told to whom it concerns.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Received {
    /// Always `received`.
    #[schema(example = "received")]
    status: &'static str,
}

/// 200 with a body.
pub(crate) fn ok<T: Serialize>(body: &T) -> HttpResponse {
    kept_by_nobody(HttpResponse::Ok()).json(body)
}

/// 201 with what was made.
pub(crate) fn created<T: Serialize>(body: &T) -> HttpResponse {
    kept_by_nobody(HttpResponse::Created()).json(body)
}

/// 202, the same for everybody who asks.
pub(crate) fn accepted() -> HttpResponse {
    kept_by_nobody(HttpResponse::Accepted()).json(Received { status: "received" })
}

/// 204: done.
pub(crate) fn done() -> HttpResponse {
    kept_by_nobody(HttpResponse::NoContent()).finish()
}

fn kept_by_nobody(mut answer: HttpResponseBuilder) -> HttpResponseBuilder {
    answer.insert_header((CACHE_CONTROL, NO_STORE));
    answer
}
