//! `/api/v1/holder/authenticator`: enrolling an authenticator app, and taking it away.
//!
//! The secret is shown once, when the enrolment begins. The app counts when a code out of it came
//! back; until then nothing has changed.

use super::body::Secret;
use super::problem::holder as problem;
use super::question::{CodeAlone, by_code};
use super::{access, answer, body};
use crate::http::problem::{Problem, ProblemBody};
use crate::http::qr_image::svg;
use crate::http::resource;
use crate::http::stamp_account::rfc3339;
use crate::service::Service;
use accounts::holders::otp::{Change, Purpose};
use actix_web::web::{self, Data, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};

/// What this room says of itself.
#[derive(utoipa::OpenApi)]
#[openapi(paths(enrol_authenticator, confirm_authenticator, remove_authenticator))]
pub(super) struct Described;

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(resource(
            "/api/v1/holder/authenticator",
            "POST, DELETE",
            [web::post().to(enrol_authenticator), web::delete().to(remove_authenticator)],
        ))
        .service(resource(
            "/api/v1/holder/authenticator/confirm",
            "POST",
            [web::post().to(confirm_authenticator)],
        ));
}

/// The secret of an authenticator app. It is not shown again.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Enrolment {
    /// Base32, to be typed where nothing can be scanned.
    #[schema(format = Password, example = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")]
    secret: String,
    /// `otpauth://totp/…`: what the QR code holds.
    #[schema(format = Password)]
    uri: String,
    /// The QR code, an SVG image.
    #[schema(format = Password)]
    svg: String,
    /// The first code has to come before.
    ends_at: String,
}

/// Begins the enrolment of an authenticator app. An app that is enrolled already counts until the
/// new one is confirmed.
#[utoipa::path(post, path = "/api/v1/holder/authenticator", tag = "holder",
    operation_id = "enrol_authenticator", request_body = CodeAlone,
    responses((status = 201, body = Enrolment), (status = 401, body = ProblemBody),
        (status = 403, body = ProblemBody), (status = 409, body = ProblemBody)),
    security(("holder" = [])))]
pub(crate) async fn enrol_authenticator(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    let what = (Purpose::ChangeOtpMethod, Change::Set);
    let (access, proof) = by_code(&request, payload, &service, what).await?;
    let now = service.clock.now();
    let begun = service.holders.begin_totp(access.holder, proof, now).await.map_err(problem)?;
    // The address has some 200 characters: it fits.
    let svg = svg(&begun.uri).ok_or(Problem::Internal)?;
    Ok(answer::created(&Enrolment {
        secret: begun.secret.to_string(),
        uri: begun.uri.to_string(),
        svg,
        ends_at: rfc3339(begun.ends_at),
    }))
}

/// The first code of a new app.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FirstCode {
    /// The six digits that the app shows.
    #[schema(value_type = String, format = Password, example = "123456")]
    code: Secret,
}

/// Enrols the app that shows this code. From now on codes are asked from it.
#[utoipa::path(post, path = "/api/v1/holder/authenticator/confirm", tag = "holder",
    operation_id = "confirm_authenticator", request_body = FirstCode,
    responses((status = 204), (status = 401, body = ProblemBody),
        (status = 403, description = "The code is wrong", body = ProblemBody),
        (status = 409, description = "No enrolment waits", body = ProblemBody),
        (status = 422, body = ProblemBody)),
    security(("holder" = [])))]
pub(crate) async fn confirm_authenticator(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    let access = access::full_session(&request, &service).await?;
    let FirstCode { code } = body::json(&request, payload, &service).await?;
    let now = service.clock.now();
    let confirmed = service.holders.confirm_totp(access.holder, &code, now).await;
    confirmed.map_err(|error| in_code(problem(error)))?;
    Ok(answer::done())
}

/// The code stands alone here, and not in the member `otp`.
fn in_code(problem: Problem) -> Problem {
    match problem {
        Problem::Refused(mut refused) if refused.field.is_some() => {
            refused.field = Some("code");
            Problem::Refused(refused)
        }
        other => other,
    }
}

/// Takes the app away. From now on codes are sent by short message.
#[utoipa::path(delete, path = "/api/v1/holder/authenticator", tag = "holder",
    operation_id = "remove_authenticator", request_body = CodeAlone,
    responses((status = 204), (status = 401, body = ProblemBody),
        (status = 403, body = ProblemBody),
        (status = 409, description = "There is none", body = ProblemBody)),
    security(("holder" = [])))]
pub(crate) async fn remove_authenticator(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    let what = (Purpose::ChangeOtpMethod, Change::Remove);
    let (access, proof) = by_code(&request, payload, &service, what).await?;
    let now = service.clock.now();
    service.holders.remove_totp(access.holder, proof, now).await.map_err(problem)?;
    Ok(answer::done())
}
