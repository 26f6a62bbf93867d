//! `/api/v1/holder/one-time-codes`: asking for a code, and for the same once more.
//!
//! Whoever asks says what for: the code is bound to it, and does for nothing else. The same words
//! come again in the act that uses the code.

use super::addresses::Kind;
use super::body::Word;
use super::devices::terms;
use super::problem::{holder as problem, refused};
use super::proof::{self, Act, AskedCode};
use super::signing::hashes;
use super::{access, answer, body, id};
use crate::http::body::{Member, member};
use crate::http::problem::{Problem, ProblemBody};
use crate::http::resource;
use crate::service::Service;
use accounts::holders::devices::DeviceTerms;
use accounts::holders::otp::{Change, OtpChannel, Purpose};
use accounts::holders::sessions::Access;
use accounts::holders::{AddressKind, CredentialId, Email, OperationId, PhoneNumber};
use actix_web::web::{self, Data, Path, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer};
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
    /// What for.
    #[schema(value_type = WantedFor)]
    purpose: Word<WantedFor>,
    /// The credential, 32 digits 0-9 a-f; with every act on one.
    credential: Option<String>,
    /// What is to be signed; with `sign` alone.
    sign: Option<WantedSignatures>,
    /// The new phone number; with `change-phone` and `change-phone-app`.
    #[schema(example = "+39 347 123 4567")]
    number: Option<String>,
    /// The new e-mail address; with `change-email` alone.
    address: Option<String>,
    /// Which address, `user-id` or `notices`, with `change-email`; what the device is, `phone` or
    /// `system`, with `link-device`.
    kind: Option<String>,
    /// With `change-question` and `change-otp-method`: whether it is set or removed.
    #[schema(value_type = Option<Changed>)]
    change: Option<Word<Changed>>,
    /// The key of the new device: SubjectPublicKeyInfo (RFC 5280 §4.1), DER in base64; with
    /// `link-device` alone.
    public_key: Option<String>,
    /// As the device will be linked; with `link-device` of a `system` alone.
    certificate_sha256: Option<String>,
    /// As the device will be linked; with `link-device` of a `system` alone.
    credentials: Option<Vec<String>>,
    /// How it shall come; without it the app when one is enrolled, else a short message. Where an
    /// app is enrolled, a message comes with `change-phone` alone.
    #[schema(value_type = Option<Way>)]
    channel: Option<Word<Way>>,
}

/// What a code is for. Those of a forgotten password and of a new number are asked for elsewhere:
/// with the link, and with the change.
#[derive(Clone, Copy, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum WantedFor {
    /// Activating a credential.
    Activate,
    /// Signing.
    Sign,
    /// Another PIN.
    ChangePin,
    /// A new PIN with the PUK.
    UnlockPin,
    /// Suspending a credential.
    Suspend,
    /// Reactivating a credential.
    Reactivate,
    /// Revoking a credential.
    Revoke,
    /// The second phase of a renewal.
    ConfirmRenewal,
    /// The last phase of a renewal.
    CompleteRenewal,
    /// Another phone number: the code goes to the old one.
    ChangePhone,
    /// The same, besides: the app shows it, where one is enrolled.
    ChangePhoneApp,
    /// Another e-mail address.
    ChangeEmail,
    /// The secret question.
    ChangeQuestion,
    /// An authenticator app, or none.
    ChangeOtpMethod,
    /// Linking a device.
    LinkDevice,
    /// Raising this session.
    StepUp,
    /// Exporting all personal data.
    ExportData,
}

/// What is done to the secret question or to the authenticator app.
#[derive(Clone, Copy, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Changed {
    /// Set or enrolled.
    Set,
    /// Removed.
    Remove,
}

impl From<Changed> for Change {
    fn from(changed: Changed) -> Self {
        match changed {
            Changed::Set => Self::Set,
            Changed::Remove => Self::Remove,
        }
    }
}

/// A way that a code comes.
#[derive(Clone, Copy, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Way {
    /// By short message.
    Sms,
    /// The authenticator app shows it.
    Authenticator,
}

/// Exactly what will be signed: the code does for nothing else.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub(crate) struct WantedSignatures {
    /// As in the authorisation.
    #[schema(example = "ecdsa-sha256")]
    algorithm: String,
    /// Each hash in base64, in the order of the authorisation.
    hashes: Vec<String>,
}

impl<'de> Deserialize<'de> for WantedSignatures {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        member(deserializer)
    }
}

impl Member for WantedSignatures {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize(deserializer)
    }
}

/// What was read out of a request, to be held while a code is asked for it.
enum Wanted {
    Plain(Purpose),
    Change(Purpose, Change),
    StepUp,
    Credential(Purpose, CredentialId),
    Sign(HashesToSign),
    Address(AddressKind, Email),
    Phone(Purpose, PhoneNumber),
    Device(DeviceTerms),
}

impl Wanted {
    fn act(&self) -> Act<'_> {
        match self {
            Self::Plain(purpose) => Act::Plain(*purpose),
            Self::Change(purpose, change) => Act::Change(*purpose, *change),
            Self::StepUp => Act::StepUp,
            Self::Credential(purpose, credential) => Act::Credential(*purpose, *credential),
            Self::Sign(hashes) => Act::Sign(hashes),
            Self::Address(kind, address) => Act::Address(*kind, address),
            Self::Phone(purpose, number) => Act::Phone(*purpose, number),
            Self::Device(terms) => Act::Device(terms),
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
        (status = 409, description = "There is no authenticator app, or the code is in it",
            body = ProblemBody),
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
    access::by_person(&access)?;
    let mut wanted: WantedCode = body::json(&request, payload, &service).await?;
    let now = service.clock.now();
    let channel = wanted.channel.take().map(|way| way.known("channel")).transpose()?;
    let channel = channel.map(|way| match way {
        Way::Sms => OtpChannel::Sms,
        Way::Authenticator => OtpChannel::Authenticator,
    });
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
    access::by_person(&access)?;
    let operation: OperationId = id(&operation, "operation of yours with this identifier")?;
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
    let WantedCode { purpose, mut credential, mut sign, mut number, .. } = wanted;
    let (mut address, mut public_key) = (wanted.address, wanted.public_key);
    let (mut kind, mut change) = (wanted.kind, wanted.change);
    let (mut certificate, mut credentials) = (wanted.certificate_sha256, wanted.credentials);
    let mut changed = |purpose| {
        let change = change.take().ok_or_else(|| needed("change"))?.known("change")?;
        Ok::<_, Problem>(Wanted::Change(purpose, change.into()))
    };
    let mut named = || own(service, access, credential.take(), now);
    let read = match purpose.known("purpose")? {
        WantedFor::StepUp => Wanted::StepUp,
        WantedFor::ChangeQuestion => changed(Purpose::ChangeQuestion)?,
        WantedFor::ChangeOtpMethod => changed(Purpose::ChangeOtpMethod)?,
        WantedFor::ExportData => Wanted::Plain(Purpose::ExportData),
        WantedFor::Activate => Wanted::Credential(Purpose::Activate, named()?),
        WantedFor::ChangePin => Wanted::Credential(Purpose::ChangePin, named()?),
        WantedFor::UnlockPin => Wanted::Credential(Purpose::UnlockPin, named()?),
        WantedFor::Suspend => Wanted::Credential(Purpose::Suspend, named()?),
        WantedFor::Reactivate => Wanted::Credential(Purpose::Reactivate, named()?),
        WantedFor::Revoke => Wanted::Credential(Purpose::Revoke, named()?),
        WantedFor::ConfirmRenewal => Wanted::Credential(Purpose::ConfirmRenewal, named()?),
        WantedFor::CompleteRenewal => Wanted::Credential(Purpose::CompleteRenewal, named()?),
        WantedFor::Sign => {
            let credential = named()?;
            let sign = sign.take().ok_or_else(|| needed("sign"))?;
            Wanted::Sign(hashes(credential, &sign.algorithm, &sign.hashes)?)
        }
        WantedFor::ChangePhone => Wanted::Phone(Purpose::ChangePhone, another(&mut number)?),
        WantedFor::ChangePhoneApp => Wanted::Phone(Purpose::ChangePhoneApp, another(&mut number)?),
        WantedFor::ChangeEmail => {
            let address = address.take().ok_or_else(|| needed("address"))?;
            let address = Email::parse("address", &address).map_err(problem)?;
            let kind = Word::<Kind>::of(kind.take().ok_or_else(|| needed("kind"))?);
            Wanted::Address(kind.known("kind")?.into(), address)
        }
        WantedFor::LinkDevice => {
            let key = public_key.take().ok_or_else(|| needed("public_key"))?;
            let kind = kind.take().ok_or_else(|| needed("kind"))?;
            let terms = terms(&kind, &key, certificate.take().as_deref(), credentials.take())?;
            service.holders.check_device(access.holder, &terms).map_err(problem)?;
            Wanted::Device(terms)
        }
    };
    nothing_more(&[
        ("credential", credential.is_some()),
        ("sign", sign.is_some()),
        ("number", number.is_some()),
        ("address", address.is_some()),
        ("public_key", public_key.is_some()),
        ("kind", kind.is_some()),
        ("certificate_sha256", certificate.is_some()),
        ("credentials", credentials.is_some()),
        ("change", change.is_some()),
    ])?;
    Ok(read)
}

/// A new phone number.
fn another(number: &mut Option<String>) -> Result<PhoneNumber, Problem> {
    let number = number.take().ok_or_else(|| needed("number"))?;
    PhoneNumber::parse("number", &number).map_err(problem)
}

/// A credential of the one who asks.
fn own(
    service: &Service,
    access: &Access,
    credential: Option<String>,
    now: DateTime<Utc>,
) -> Result<CredentialId, Problem> {
    let credential = id(
        &credential.ok_or_else(|| needed("credential"))?,
        "credential of yours with this identifier",
    )?;
    service.holders.credential(access.holder, credential, now).map_err(problem)?;
    Ok(credential)
}

fn needed(field: &'static str) -> Problem {
    let detail = format!("{field} is missing: this purpose needs it");
    refused("invalid-field", detail, Some(field), Some("needed"))
}

/// Refuses what does not belong to the purpose: whoever sends it means another one.
fn nothing_more(left: &[(&'static str, bool)]) -> Result<(), Problem> {
    let Some((field, _)) = left.iter().find(|(_, there)| *there) else { return Ok(()) };
    let detail = format!("{field} does not belong to this purpose: leave it out");
    Err(refused("invalid-field", detail, Some(field), Some("not-for-this-purpose")))
}
