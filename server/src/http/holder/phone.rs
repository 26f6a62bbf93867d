//! `/api/v1/holder/phone`: another phone number, with the old one or without it.

use super::body::{OneTimeCode, Secret};
use super::links::LinkToken;
use super::problem::{holder as problem, refused};
use super::proof::{self, Act, AskedCode};
use super::{access, answer, body, id};
use crate::http::problem::{Problem, ProblemBody};
use crate::http::stamp_account::rfc3339;
use crate::http::{get, resource};
use crate::service::Service;
use accounts::holders::otp::Purpose;
use accounts::holders::phone::{PhoneChangeView, PhoneProofs};
use accounts::holders::pin::CodeRefusal;
use accounts::holders::{CredentialId, HolderError, PhoneNumber};
use actix_web::web::{self, Data, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use envelope::{BadCode, EmergencyCode, Puk};
use serde::{Deserialize, Serialize};

/// What this room says of itself.
#[derive(utoipa::OpenApi)]
#[openapi(paths(
    show_phone,
    change_phone,
    change_lost_phone,
    confirm_phone,
    cancel_phone_change,
    cancel_phone_change_by_link
))]
pub(super) struct Described;

pub(super) fn routes(config: &mut ServiceConfig) {
    const PHONE: &str = "/api/v1/holder/phone";
    config
        .service(resource(
            PHONE,
            "GET, HEAD, POST, DELETE",
            [get(show_phone), web::post().to(change_phone), web::delete().to(cancel_phone_change)],
        ))
        .service(resource(&format!("{PHONE}/lost"), "POST", [web::post().to(change_lost_phone)]))
        .service(resource(&format!("{PHONE}/confirm"), "POST", [web::post().to(confirm_phone)]))
        .service(resource(
            "/api/v1/phone-changes/cancel",
            "POST",
            [web::post().to(cancel_phone_change_by_link)],
        ));
}

/// The phone number of a holder.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Phone {
    /// The number that one-time codes go to.
    #[schema(example = "+393471234567")]
    number: String,
    /// A change that is under way, or null.
    change: Option<PhoneChange>,
}

/// A change of the phone number.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct PhoneChange {
    /// `agreed` (by the old number) or `vouched` (by PUK and emergency code) while the new number
    /// has to be confirmed, then `waiting`; `counted` once the new number counts.
    state: &'static str,
    /// The new number, masked.
    number: String,
    begun_at: String,
    /// It has to be confirmed before, or null.
    prove_until: Option<String>,
    /// When it will count, or null.
    counts_at: Option<String>,
}

impl From<PhoneChangeView> for PhoneChange {
    fn from(view: PhoneChangeView) -> Self {
        Self {
            state: view.state.word(),
            number: view.number,
            begun_at: rfc3339(view.begun_at),
            prove_until: view.prove_until.map(rfc3339),
            counts_at: view.counts_at.map(rfc3339),
        }
    }
}

/// Shows the number, and a change that is under way.
#[utoipa::path(get, path = "/api/v1/holder/phone", tag = "holder", operation_id = "show_phone",
    responses((status = 200, body = Phone), (status = 401, body = ProblemBody)),
    security(("holder" = [])))]
pub(crate) async fn show_phone(
    request: HttpRequest,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    let access = access::reader(&request, &service).await?;
    let (holders, now) = (&service.holders, service.clock.now());
    let number = holders.holder(access.holder).map_err(problem)?.phone;
    let change = holders.phone_change(access.holder, now).map_err(problem)?;
    Ok(answer::ok(&Phone { number, change: change.map(PhoneChange::from) }))
}

/// Another number, agreed to by the old one.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPhone {
    #[schema(example = "+39 347 123 4567")]
    number: String,
    /// A code that went to the old number, for this very new one.
    otp: OneTimeCode,
    /// Where an authenticator app is enrolled: a code of it, asked for to `change-phone-app` with
    /// this very number.
    app_otp: Option<OneTimeCode>,
}

/// Begins a change that the old number agrees to, with a code that was asked for to
/// `change-phone`. A code goes to the new number. Where an authenticator app is enrolled, a code of
/// it is needed besides: the number alone can be had by fraud.
#[utoipa::path(post, path = "/api/v1/holder/phone", tag = "holder",
    operation_id = "change_phone", request_body = NewPhone,
    responses((status = 201, body = AskedCode), (status = 401, body = ProblemBody),
        (status = 403, description = "The code is not right", body = ProblemBody),
        (status = 409, description = "Another change waits", body = ProblemBody),
        (status = 422, body = ProblemBody), (status = 429, body = ProblemBody)),
    security(("holder" = [])))]
pub(crate) async fn change_phone(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    let access = access::full_session(&request, &service).await?;
    let NewPhone { number, otp, app_otp } = body::json(&request, payload, &service).await?;
    let number = PhoneNumber::parse("number", &number).map_err(problem)?;
    let now = service.clock.now();
    let enrolled = service.holders.holder(access.holder).map_err(problem)?.totp;
    if enrolled && app_otp.is_none() {
        let detail = "app_otp is missing: a code of the authenticator app is needed as well";
        return Err(refused("invalid-field", detail.to_owned(), Some("app_otp"), Some("needed")));
    }
    let verified = |purpose, otp| {
        let (service, access, number) = (&service, &access, &number);
        async move { proof::verify(service, access, &Act::Phone(purpose, number), otp, now).await }
    };
    // That of the app first: it costs no message to ask for another.
    let app = match &app_otp {
        Some(otp) => Some(verified(Purpose::ChangePhoneApp, otp).await?),
        None => None,
    };
    let proofs = PhoneProofs { app, number: verified(Purpose::ChangePhone, &otp).await? };
    let asked = service.holders.begin_phone_change(&access, &number, proofs, now).await;
    Ok(answer::created(&AskedCode::from(asked.map_err(problem)?)))
}

/// Another number, for a holder who lost the phone.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LostPhone {
    /// The credential whose envelope the codes stand in: 32 digits 0-9 a-f.
    credential: String,
    #[schema(example = "+39 347 123 4567")]
    number: String,
    #[schema(value_type = String, format = Password)]
    puk: Secret,
    #[schema(value_type = String, format = Password)]
    emergency_code: Secret,
}

/// Begins a change without the old number. A code goes to the new one; when it is confirmed, the
/// number waits for three days, everybody is told, and anybody of them can stop it. Five pairs of
/// codes are tried in a day, and every address is told of a wrong one.
#[utoipa::path(post, path = "/api/v1/holder/phone/lost", tag = "holder",
    operation_id = "change_lost_phone", request_body = LostPhone,
    responses((status = 201, body = AskedCode), (status = 401, body = ProblemBody),
        (status = 403, description = "One of the two codes is not right", body = ProblemBody),
        (status = 404, description = "No such credential", body = ProblemBody),
        (status = 409, description = "Another change waits, or the credential ended",
            body = ProblemBody),
        (status = 422, body = ProblemBody), (status = 429, body = ProblemBody)),
    security(("holder" = [])))]
pub(crate) async fn change_lost_phone(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    let access = access::full_session(&request, &service).await?;
    let wanted: LostPhone = body::json(&request, payload, &service).await?;
    let credential: CredentialId =
        id(&wanted.credential, "credential of yours with this identifier")?;
    let number = PhoneNumber::parse("number", &wanted.number).map_err(problem)?;
    let malformed = |bad: BadCode| problem(CodeRefusal::from(bad).into());
    let puk = Puk::parse(&wanted.puk).map_err(malformed)?;
    let code = EmergencyCode::parse(&wanted.emergency_code).map_err(malformed)?;
    let (codes, now) = ((puk, code), service.clock.now());
    let begun = service.holders.begin_lost_phone(&access, credential, &number, codes, now).await;
    if let Err(HolderError::Code(CodeRefusal::CodesExhausted)) = &begun {
        service.forget_keys(credential);
    }
    Ok(answer::created(&AskedCode::from(begun.map_err(problem)?)))
}

/// The code that went to the new number.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConfirmPhone {
    otp: OneTimeCode,
}

/// Confirms the new number. When the old one agreed it counts at once; else it waits.
#[utoipa::path(post, path = "/api/v1/holder/phone/confirm", tag = "holder",
    operation_id = "confirm_phone", request_body = ConfirmPhone,
    responses((status = 200, body = PhoneChange), (status = 401, body = ProblemBody),
        (status = 403, description = "The code is not right", body = ProblemBody),
        (status = 404, description = "No change is under way", body = ProblemBody),
        (status = 409, body = ProblemBody)),
    security(("holder" = [])))]
pub(crate) async fn confirm_phone(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    let access = access::full_session(&request, &service).await?;
    let ConfirmPhone { otp } = body::json(&request, payload, &service).await?;
    let (holders, now) = (&service.holders, service.clock.now());
    let change = holders.phone_change(access.holder, now).map_err(problem)?;
    let bound = change.ok_or(HolderError::NoPhoneChange).map_err(problem)?.bound;
    let act = Act::Bound(Purpose::ProvePhone, bound);
    let proof = proof::verify(&service, &access, &act, &otp, now).await?;
    let confirmed = holders.confirm_phone_change(&access, proof, now).await.map_err(problem)?;
    Ok(answer::ok(&PhoneChange::from(confirmed)))
}

/// Cancels the change that is under way.
#[utoipa::path(delete, path = "/api/v1/holder/phone", tag = "holder",
    operation_id = "cancel_phone_change",
    responses((status = 204), (status = 401, body = ProblemBody), (status = 403,
        body = ProblemBody), (status = 404, description = "No change is under way",
        body = ProblemBody)),
    security(("holder" = [])))]
pub(crate) async fn cancel_phone_change(
    request: HttpRequest,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    // Not for whoever has the phone that is replaced: the QR login comes with it.
    let access = access::full_session(&request, &service).await?;
    let now = service.clock.now();
    service.holders.cancel_phone_change(&access, now).await.map_err(problem)?;
    Ok(answer::done())
}

/// Cancels a change that waits with the link of the mail that told of it, without a login.
#[utoipa::path(post, path = "/api/v1/phone-changes/cancel", tag = "joining",
    operation_id = "cancel_phone_change_by_link", request_body = LinkToken,
    responses((status = 204),
        (status = 410, description = "The link is not valid any more", body = ProblemBody)))]
pub(crate) async fn cancel_phone_change_by_link(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    let LinkToken { token } = body::json(&request, payload, &service).await?;
    let cancelled = service.holders.cancel_phone_change_with_link(&token, service.clock.now());
    cancelled.await.map_err(problem)?;
    Ok(answer::done())
}
