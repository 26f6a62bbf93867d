//! `/api/v1/passwords/recovery…`: a new password for a forgotten one.
//!
//! A link by mail, a one-time code by another way, and the answer to the secret question where
//! there is one: none of them is enough alone (NIST SP 800-63B-4 §4.2.2.2). Who asks for the link
//! gets the same answer for every user ID.

use super::body::{OneTimeCode, Secret};
use super::links::LinkToken;
use super::problem::holder as problem;
use super::proof::AskedCode;
use super::{answer, body};
use crate::http::caller::caller_address;
use crate::http::problem::{Problem, ProblemBody};
use crate::http::resource;
use crate::service::Service;
use accounts::holders::otp::Purpose;
use accounts::holders::{HolderError, TypedTwice};
use actix_web::web::{self, Data, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;

/// What this room says of itself.
#[derive(utoipa::OpenApi)]
#[openapi(paths(request_recovery, request_recovery_code, answer_question, recover_password))]
pub(super) struct Described;

pub(super) fn routes(config: &mut ServiceConfig) {
    const RECOVERY: &str = "/api/v1/passwords/recovery";
    let under = |rest: &str| format!("{RECOVERY}/{rest}");
    config
        .service(resource(RECOVERY, "POST", [web::post().to(request_recovery)]))
        .service(resource(&under("code"), "POST", [web::post().to(request_recovery_code)]))
        .service(resource(&under("question"), "POST", [web::post().to(answer_question)]))
        .service(resource(&under("complete"), "POST", [web::post().to(recover_password)]));
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

/// Sends the one-time code that the new password needs besides the link; again sends it again.
#[utoipa::path(post, path = "/api/v1/passwords/recovery/code", tag = "joining",
    operation_id = "request_recovery_code", request_body = LinkToken,
    responses((status = 201, body = AskedCode), (status = 410, body = ProblemBody),
        (status = 429, body = ProblemBody)))]
pub(crate) async fn request_recovery_code(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    let LinkToken { token } = body::json(&request, payload, &service).await?;
    let now = service.clock.now();
    let asked = service.holders.begin_recovery_otp(&token, None, now).await.map_err(problem)?;
    Ok(answer::created(&AskedCode::from(asked)))
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

/// The new password.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPassword {
    /// The link.
    #[schema(value_type = String, format = Password)]
    token: Secret,
    #[schema(value_type = String, format = Password)]
    password: Secret,
    /// The same again.
    #[schema(value_type = String, format = Password)]
    repeat: Secret,
    otp: OneTimeCode,
}

/// Sets the new password. Every session of the holder ends.
#[utoipa::path(post, path = "/api/v1/passwords/recovery/complete", tag = "joining",
    operation_id = "recover_password", request_body = NewPassword,
    responses((status = 204), (status = 403, body = ProblemBody),
        (status = 410, body = ProblemBody),
        (status = 422, body = ProblemBody), (status = 429, body = ProblemBody)))]
pub(crate) async fn recover_password(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    let wanted: NewPassword = body::json(&request, payload, &service).await?;
    let NewPassword { token, password, repeat, otp } = wanted;
    let (holders, now) = (&service.holders, service.clock.now());
    let typed = TypedTwice { new: &password, repeat: &repeat };
    // Before the code is used up: whoever mistypes does not have to ask for another one.
    holders.check_typed_with_link(&token, &typed, now).map_err(problem)?;
    let link = holders.link(&token, now).map_err(problem)?;
    if link.question.is_some() {
        return Err(problem(HolderError::WrongAnswer));
    }
    let (operation, purpose) = (otp.operation()?, Purpose::RecoverPassword);
    let proof = holders.verify_otp(link.holder, operation, &otp.code, purpose, link.bound, now);
    let proof = proof.await.map_err(problem)?;
    holders.recover_password(&token, proof, &typed, now).await.map_err(problem)?;
    service.lock_dead_keys(Some(link.holder)).await;
    Ok(answer::done())
}
