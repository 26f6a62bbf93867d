//! `/api/v1/holder/one-time-codes`: asking for a code, and for the same once more.
//!
//! Whoever asks says what for: the code is bound to it, and does for nothing else. The same words
//! come again in the act that uses the code.

use super::problem::{holder as problem, refused};
use super::proof::{self, Act, AskedCode};
use super::signing::hashes;
use super::{access, answer, body, id};
use crate::http::problem::{Problem, ProblemBody};
use crate::http::resource;
use crate::service::Service;
use accounts::holders::devices::check_public_key;
use accounts::holders::otp::{OtpChannel, Purpose};
use accounts::holders::sessions::Access;
use accounts::holders::{CredentialId, Email, OperationId, PhoneNumber};
use actix_web::web::{self, Data, Path, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use openssl::base64::decode_block;
use serde::Deserialize;
use signing::HashesToSign;

/// What this room says of itself.
#[derive(utoipa::OpenApi)]
#[openapi(paths(ask_for_code, send_code_again))]
pub(super) struct Described;

pub(super) fn routes(config: &mut ServiceConfig) {
    const CODES: &str = "/api/v1/holder/one-time-codes";
    config.service(resource(CODES, "POST", [web::post().to(ask_for_code)])).service(resource(
        &format!("{CODES}/{{operation}}/resend"),
        "POST",
        [web::post().to(send_code_again)],
    ));
}

/// What a code is wanted for. Of the members below `purpose` exactly those are there that belong
/// to it.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WantedCode {
    /// `activate`, `sign`, `change-pin`, `unlock-pin`, `suspend`, `reactivate`, `revoke`,
    /// `confirm-renewal` and `complete-renewal` (with `credential`), `change-phone` (with
    /// `number`), `change-email` (with `address`), `link-device` (with `public_key`),
    /// `change-question`, `change-otp-method`, `step-up` or `export-data`.
    #[schema(example = "sign")]
    purpose: String,
    /// The credential, 32 digits 0-9 a-f.
    credential: Option<String>,
    /// What is to be signed; with `sign` alone.
    sign: Option<WantedSignatures>,
    /// The new phone number.
    #[schema(example = "+39 347 123 4567")]
    number: Option<String>,
    /// The new e-mail address.
    address: Option<String>,
    /// The key of the new device: SubjectPublicKeyInfo (RFC 5280 §4.1), DER in base64.
    public_key: Option<String>,
    /// `sms` or `authenticator`; without it the app when one is enrolled, else a short message.
    channel: Option<String>,
}

/// Exactly what will be signed: the code does for nothing else.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WantedSignatures {
    /// As in the authorisation.
    #[schema(example = "ecdsa-sha-256")]
    algorithm: String,
    /// Each hash in base64, in the order of the authorisation.
    hashes: Vec<String>,
}

/// What was read out of a request, to be held while a code is asked for it.
enum Wanted {
    Plain(Purpose),
    StepUp,
    Credential(Purpose, CredentialId),
    Sign(HashesToSign),
    Address(Email),
    Phone(PhoneNumber),
    Device(Vec<u8>),
}

impl Wanted {
    fn act(&self) -> Act<'_> {
        match self {
            Self::Plain(purpose) => Act::Plain(*purpose),
            Self::StepUp => Act::StepUp,
            Self::Credential(purpose, credential) => Act::Credential(*purpose, *credential),
            Self::Sign(hashes) => Act::Sign(hashes),
            Self::Address(address) => Act::Address(address),
            Self::Phone(number) => Act::Phone(number),
            Self::Device(key) => Act::Device(key),
        }
    }
}

/// Sends a one-time code for an act, or says that the authenticator app shows it. An older code
/// for the same purpose is void.
#[utoipa::path(post, path = "/api/v1/holder/one-time-codes", tag = "holder",
    operation_id = "ask_for_code", request_body = WantedCode,
    responses((status = 201, body = AskedCode), (status = 401, body = ProblemBody),
        (status = 403, description = "The session has to be raised first", body = ProblemBody),
        (status = 404, description = "No such credential", body = ProblemBody),
        (status = 409, description = "There is no authenticator app", body = ProblemBody),
        (status = 422, body = ProblemBody),
        (status = 429, description = "Too many codes in a short time", body = ProblemBody),
        (status = 503, description = "No more short messages for a while", body = ProblemBody)),
    security(("holder" = [])))]
pub(crate) async fn ask_for_code(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    let access = access::holder(&request, &service).await?;
    let mut wanted: WantedCode = body::json(&request, payload, &service).await?;
    let now = service.clock.now();
    let channel = wanted.channel.take().map(|channel| way(&channel)).transpose()?;
    let what = read(&service, &access, wanted, now)?;
    let act = what.act();
    // What a session that began with a QR code may do: be raised, and stop signatures.
    if !matches!(act.purpose(), Purpose::StepUp | Purpose::Suspend) {
        access.needs_full().map_err(problem)?;
    }
    let asked = proof::begin(&service, &access, &act, channel, now).await?;
    Ok(answer::created(&AskedCode::from(asked)))
}

/// Sends the code of an operation again: the same while it lives, a new one when it has ended or
/// too many wrong ones came. Five messages for an operation, half a minute between two.
#[utoipa::path(post, path = "/api/v1/holder/one-time-codes/{operation}/resend", tag = "holder",
    operation_id = "send_code_again",
    params(("operation" = String, Path, description = "As it was answered: 32 digits 0-9 a-f")),
    responses((status = 200, body = AskedCode), (status = 401, body = ProblemBody),
        (status = 404, description = "No such operation", body = ProblemBody),
        (status = 409, description = "The code was used, or a newer one took its place",
            body = ProblemBody),
        (status = 429, description = "Too soon, or too many", body = ProblemBody),
        (status = 503, description = "No more short messages for a while", body = ProblemBody)),
    security(("holder" = [])))]
pub(crate) async fn send_code_again(
    request: HttpRequest,
    operation: Path<String>,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    let access = access::holder(&request, &service).await?;
    let operation: OperationId = id(&operation, "operation of yours")?;
    let now = service.clock.now();
    let asked = service.holders.resend_otp(access.holder, operation, now).await.map_err(problem)?;
    Ok(answer::ok(&AskedCode::from(asked)))
}

/// Reads what belongs to the purpose, and refuses what does not.
fn read(
    service: &Service,
    access: &Access,
    wanted: WantedCode,
    now: DateTime<Utc>,
) -> Result<Wanted, Problem> {
    let purpose = Purpose::ALL.into_iter().find(|purpose| purpose.word() == wanted.purpose);
    let purpose = purpose.ok_or_else(|| elsewhere(&wanted.purpose))?;
    let mut rest = wanted;
    let read = match purpose {
        // Their codes come with the link, and with the change itself.
        Purpose::RecoverPassword | Purpose::ProvePhone => return Err(elsewhere(purpose.word())),
        Purpose::StepUp => Wanted::StepUp,
        Purpose::ChangeQuestion | Purpose::ChangeOtpMethod | Purpose::ExportData => {
            Wanted::Plain(purpose)
        }
        Purpose::Sign => {
            let credential = own(service, access, rest.credential.take(), now)?;
            let sign = rest.sign.take().ok_or_else(|| needed("sign"))?;
            Wanted::Sign(hashes(credential, &sign.algorithm, &sign.hashes)?)
        }
        Purpose::ChangePhone => {
            let number = rest.number.take().ok_or_else(|| needed("number"))?;
            Wanted::Phone(PhoneNumber::parse("number", &number).map_err(problem)?)
        }
        Purpose::ChangeEmail => {
            let address = rest.address.take().ok_or_else(|| needed("address"))?;
            Wanted::Address(Email::parse("address", &address).map_err(problem)?)
        }
        Purpose::LinkDevice => {
            let key = rest.public_key.take().ok_or_else(|| needed("public_key"))?;
            let key = decode_block(&key).map_err(|_no_base64| {
                let detail = "public_key is not base64: encode the DER of the key".to_owned();
                refused("invalid-field", detail, Some("public_key"), Some("base64"))
            })?;
            check_public_key("public_key", &key).map_err(problem)?;
            Wanted::Device(key)
        }
        Purpose::Activate
        | Purpose::ChangePin
        | Purpose::UnlockPin
        | Purpose::Suspend
        | Purpose::Reactivate
        | Purpose::Revoke
        | Purpose::ConfirmRenewal
        | Purpose::CompleteRenewal => {
            let credential = own(service, access, rest.credential.take(), now)?;
            Wanted::Credential(purpose, credential)
        }
    };
    nothing_more(&rest).map(|()| read)
}

/// A credential of the one who asks.
fn own(
    service: &Service,
    access: &Access,
    credential: Option<String>,
    now: DateTime<Utc>,
) -> Result<CredentialId, Problem> {
    let credential = id(&credential.ok_or_else(|| needed("credential"))?, "credential of yours")?;
    service.holders.credential(access.holder, credential, now).map_err(problem)?;
    Ok(credential)
}

fn way(word: &str) -> Result<OtpChannel, Problem> {
    word.parse().map_err(|unknown: accounts::holders::otp::UnknownChannel| {
        refused("invalid-field", unknown.to_string(), Some("channel"), Some("channel"))
    })
}

fn elsewhere(purpose: &str) -> Problem {
    let detail = format!("no code is asked for here with the purpose {purpose:?}");
    refused("invalid-field", detail, Some("purpose"), Some("purpose"))
}

fn needed(field: &'static str) -> Problem {
    let detail = format!("{field} is missing: this purpose needs it");
    refused("invalid-field", detail, Some(field), Some("needed"))
}

/// What does not belong to the purpose: whoever sends it means another one.
fn nothing_more(rest: &WantedCode) -> Result<(), Problem> {
    let members = [
        ("credential", rest.credential.is_some()),
        ("sign", rest.sign.is_some()),
        ("number", rest.number.is_some()),
        ("address", rest.address.is_some()),
        ("public_key", rest.public_key.is_some()),
    ];
    match members.into_iter().find(|(_, there)| *there) {
        None => Ok(()),
        Some((field, _)) => {
            let detail = format!("{field} does not belong to this purpose: leave it out");
            Err(refused("invalid-field", detail, Some(field), Some("not-for-this-purpose")))
        }
    }
}
