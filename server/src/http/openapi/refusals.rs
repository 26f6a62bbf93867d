//! Refusals in the document: every operation can be refused, always as a problem (RFC 9457).
//!
//! Rooms name the statuses that matter to whoever calls them. What all have in common, the media
//! type and the body, is added here, so that no room can say it wrong.

use super::super::problem::MEDIA_TYPE;
use actix_web::http::StatusCode;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::{Content, OpenApi, Ref, RefOr, Response};

/// Completes the responses of every operation.
pub(super) fn complete(document: &mut OpenApi) {
    for item in document.paths.paths.values_mut() {
        operations(item).into_iter().flatten().for_each(complete_one);
    }
}

/// The operations of a path that this service may have.
fn operations(item: &mut PathItem) -> [Option<&mut Operation>; 5] {
    let PathItem { get, put, post, delete, patch, .. } = item;
    [get.as_mut(), put.as_mut(), post.as_mut(), delete.as_mut(), patch.as_mut()]
}

fn complete_one(operation: &mut Operation) {
    for (status, response) in &mut operation.responses.responses {
        let RefOr::T(response) = response else { continue };
        let status = status.parse::<u16>().ok().and_then(|code| StatusCode::from_u16(code).ok());
        let Some(status) = status else { continue };
        if response.description.is_empty() {
            let reason = status.canonical_reason().unwrap_or_default();
            response.description = reason.to_owned();
        }
        if status.is_client_error() || status.is_server_error() {
            is_problem(response);
        }
    }
    // Whoever has to say who they are can be turned away for it.
    if operation.security.is_some() {
        refuses(operation, "401", "Unauthorized");
    }
    refuses(operation, "default", "Refused: `type` says what for");
}

/// Adds a refusal that the room did not name.
fn refuses(operation: &mut Operation, status: &str, why: &str) {
    operation.responses.responses.entry(status.to_owned()).or_insert_with(|| {
        let mut response = Response::new(why);
        is_problem(&mut response);
        RefOr::T(response)
    });
}

fn is_problem(response: &mut Response) {
    let body = Content::new(Some(Ref::from_schema_name("ProblemBody")));
    response.content.clear();
    response.content.insert(MEDIA_TYPE.to_owned(), RefOr::T(body));
}
