//! `GET /api/v1/docs/`: the page to browse the interface, Swagger UI as the program carries it.
//!
//! Nothing is loaded from elsewhere. The files stand in the program's own memory and are sent
//! from there, a piece at a time, so that a client which does not read costs a piece.

#[cfg(test)]
mod tests;

use super::problem::Problem;
use super::stamp_account::matches;
use super::{GET, get, resource};
use actix_web::body::{BodySize, MessageBody};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, EntityTag};
use actix_web::web::{Bytes, Path, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use std::borrow::Cow;
use std::convert::Infallible;
use std::future::ready;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use utoipa_swagger_ui::{Config, serve};

/// What the page may load and run. Swagger UI writes styles into its elements and draws icons
/// from `data:` addresses.
const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'";

/// The files that the page is made of; the first is the page itself.
const NAMES: [&str; 8] = [
    "",
    "index.css",
    "swagger-ui.css",
    "swagger-ui-bundle.js",
    "swagger-ui-standalone-preset.js",
    "swagger-initializer.js",
    "favicon-16x16.png",
    "favicon-32x32.png",
];

/// How much of a file is handed over at once, in bytes.
const PIECE: usize = 32 * 1024;

/// The page and what it is made of.
pub(super) fn routes(config: &mut ServiceConfig) {
    let files: Arc<[File]> = files().into();
    let show = move |request: HttpRequest, name: Path<String>| {
        let file = files.iter().find(|file| file.name == name.as_str());
        ready(
            file.map(|file| file.answer(&request))
                .ok_or(Problem::NotFound { what: "page at this address" }),
        )
    };
    config.service(resource("/api/v1/docs/{file:.*}", GET, [get(show)]));
}

/// One file.
struct File {
    name: &'static str,
    media_type: String,
    content: Bytes,
    tag: EntityTag,
}

/// All of them. They are part of the program: each name is there, as a test makes sure.
fn files() -> Vec<File> {
    // No badge of an outside validator, which would be told the service's address.
    let settings = Config::from("/api/v1/openapi.json").use_base_layout().validator_url("none");
    let settings = Arc::new(settings);
    let load = |name| {
        let file = serve(name, Arc::clone(&settings)).ok()??;
        let content = match file.bytes {
            Cow::Borrowed(bytes) => Bytes::from_static(bytes),
            Cow::Owned(bytes) => Bytes::from(bytes),
        };
        let mut media_type = file.content_type;
        if media_type.starts_with("text/") {
            media_type.push_str("; charset=utf-8");
        }
        let digest = openssl::sha::sha256(&content);
        let tag = EntityTag::new_strong(hex::encode(&digest[..16]));
        Some(File { name, media_type, content, tag })
    };
    NAMES.into_iter().filter_map(load).collect()
}

impl File {
    fn answer(&self, request: &HttpRequest) -> HttpResponse {
        let mut answer = HttpResponse::Ok();
        answer.insert_header((header::ETAG, self.tag.to_string()));
        // The names stay when the content changes with a new version: ask each time.
        answer.insert_header((header::CACHE_CONTROL, "public, no-cache"));
        answer.insert_header((header::CONTENT_SECURITY_POLICY, POLICY));
        answer.insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"));
        answer.insert_header((header::REFERRER_POLICY, "no-referrer"));
        if matches(request, &self.tag) {
            return answer.status(StatusCode::NOT_MODIFIED).finish();
        }
        answer.content_type(self.media_type.as_str()).body(Pieces(self.content.clone()))
    }
}

/// Content that is already in memory, handed over as fast as the client reads, not all at once:
/// the server copies into its buffer what it is given.
struct Pieces(Bytes);

impl MessageBody for Pieces {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.0.len() as u64)
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        if self.0.is_empty() {
            return Poll::Ready(None);
        }
        let length = PIECE.min(self.0.len());
        Poll::Ready(Some(Ok(self.0.split_to(length))))
    }
}
