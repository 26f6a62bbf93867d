//! `/api/v1/passwords/recovery…`: a new password for a forgotten one.
//!
//! A link by mail, a one-time code by another way, and the answer to the secret question where
//! there is one: none of them is enough alone (NIST SP 800-63B-4 §4.2.2.2). Who asks for the link
//! gets the same answer for every user ID.

use super::body::Secret;
use super::problem::holder as problem;
use super::{answer, body};
use crate::http::auth::caller_address;
use crate::http::problem::{Problem, ProblemBody};
use crate::http::resource;
use crate::service::Service;
use actix_web::web::{self, Data, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;

/// What this room says of itself.
#[derive(utoipa::OpenApi)]
#[openapi(paths(request_recovery, answer_question))]
pub(super) struct Described;

pub(super) fn routes(config: &mut ServiceConfig) {
    const RECOVERY: &str = "/api/v1/passwords/recovery";
    let under = |rest: &str| format!("{RECOVERY}/{rest}");
    config
        .service(resource(RECOVERY, "POST", [web::post().to(request_recovery)]))
        .service(resource(&under("question"), "POST", [web::post().to(answer_question)]));
}

/// Whose password was forgotten.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Recovery {
    /// The e-mail address that the holder logs in with.
    user_id: String,
}

/// Mails a link to set a new password, if there is such a user; the answer does not say it.
#[utoipa::path(post, path = "/api/v1/passwords/recovery", tag = "joining",
    operation_id = "request_recovery", request_body = Recovery,
    responses((status = 202, body = answer::Received), (status = 429, body = ProblemBody)))]
pub(crate) async fn request_recovery(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    let Recovery { user_id } = body::json(&request, payload, &service).await?;
    let (from, now) = (caller_address(&request), service.clock.now());
    service.holders.request_recovery(&user_id, from, now).await.map_err(problem)?;
    Ok(answer::accepted())
}

/// The answer to the secret question.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Answer {
    /// The link.
    #[schema(value_type = String, format = Password)]
    token: Secret,
    /// Upper and lower case and blanks do not matter.
    #[schema(value_type = String, format = Password)]
    answer: Secret,
}

/// Answers the secret question. It opens nothing by itself; the fifth wrong answer ends the link.
#[utoipa::path(post, path = "/api/v1/passwords/recovery/question", tag = "joining",
    operation_id = "answer_question", request_body = Answer,
    responses((status = 204), (status = 403, description = "Wrong", body = ProblemBody),
        (status = 410, body = ProblemBody)))]
pub(crate) async fn answer_question(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    let Answer { token, answer } = body::json(&request, payload, &service).await?;
    let now = service.clock.now();
    service.holders.answer_question(&token, &answer, now).await.map_err(problem)?;
    Ok(answer::done())
}
