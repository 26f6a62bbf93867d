//! `POST /api/v1/suspensions`: stops every credential of an emergency code, without a login.
//!
//! Whoever lost the phone or fears that somebody else has the PIN needs no password for it. A right
//! code, a wrong one and an unknown user get the same answer.

use super::body::Secret;
use super::problem::holder as problem;
use super::{answer, body};
use crate::http::caller::caller_address;
use crate::http::problem::{Problem, ProblemBody};
use crate::http::resource;
use crate::service::Service;
use accounts::holders::HolderError;
use accounts::holders::pin::CodeRefusal;
use actix_web::web::{self, Data, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use envelope::EmergencyCode;
use serde::Deserialize;

/// What this room says of itself.
#[derive(utoipa::OpenApi)]
#[openapi(paths(suspend_without_login))]
pub(super) struct Described;

pub(super) fn routes(config: &mut ServiceConfig) {
    let suspend = web::post().to(suspend_without_login);
    config.service(resource("/api/v1/suspensions", "POST", [suspend]));
}

/// Whose credentials are to be suspended.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Suspension {
    /// The e-mail address that the holder logs in with.
    user_id: String,
    /// The emergency code of the envelope.
    #[schema(value_type = String, format = Password)]
    emergency_code: Secret,
}

/// Suspends at once and until reactivated. The answer does not say whether the code was right: the
/// holder gets a mail.
#[utoipa::path(post, path = "/api/v1/suspensions", tag = "joining",
    operation_id = "suspend_without_login", request_body = Suspension,
    responses((status = 202, body = answer::Received),
        (status = 422, description = "No emergency code at all", body = ProblemBody),
        (status = 429, body = ProblemBody)))]
pub(crate) async fn suspend_without_login(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    let Suspension { user_id, emergency_code } = body::json(&request, payload, &service).await?;
    let code = EmergencyCode::parse(&emergency_code);
    let code = code.map_err(|bad| problem(CodeRefusal::from(bad).into()))?;
    let (from, now) = (caller_address(&request), service.clock.now());
    match service.suspend_by_code(&user_id, code, from, now).await {
        Ok(()) | Err(HolderError::Code(CodeRefusal::WrongEmergencyCode)) => Ok(answer::accepted()),
        Err(error) => Err(problem(error)),
    }
}
