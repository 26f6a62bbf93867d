//! What all operations have in common, added to the document here so that no room can say it
//! wrong: each can be refused, always as a problem (RFC 9457), and each has a summary of one line.
//!
//! Rooms name the statuses that matter to whoever calls them.

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

/// Leaves the first sentence in the summary, on one line as clients show it, and moves the others
/// into the description.
fn summarise(operation: &mut Operation) {
    let Some(text) = operation.summary.take() else { return };
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let Some((first, others)) = text.split_once(". ") else {
        operation.summary = Some(text);
        return;
    };
    operation.summary = Some(format!("{first}."));
    let described = operation.description.take().filter(|described| !described.is_empty());
    let parts = [Some(others.to_owned()), described];
    operation.description = Some(parts.into_iter().flatten().collect::<Vec<_>>().join("\n\n"));
}

fn complete_one(operation: &mut Operation) {
    summarise(operation);
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
