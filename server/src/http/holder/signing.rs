//! `/api/v1/holder/credentials/{id}/…`: hashes are authorised with PIN and one-time code, and then
//! signed; in a window, an authenticated system signs unattended.
//!
//! The service never sees a document. What the two factors are exchanged for is bound to the
//! session or device, the credential, the algorithm and each hash; `signing` keeps these bonds.

use super::body::{OneTimeCode, Secret};
use super::credentials::{own, pin};
use super::problem::{holder as problem, refused};
use super::proof::{Act, verify_in_room};
use super::{access, answer, body};
use crate::http::problem::{Problem, ProblemBody};
use crate::http::resource;
use crate::http::stamp_account::rfc3339;
use crate::service::{HolderPin, HolderSystem, Service, SignatureStamper, credential_reference};
use accounts::StampAccountId;
use accounts::holders::sessions::{Access, AccessKind};
use accounts::holders::{CredentialId, Room};
use actix_web::web::{self, Data, Path, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use envelope::Pin;
use openssl::base64::{decode_block, encode_block};
use serde::{Deserialize, Serialize};
use signing::{
    By, Granted, HashesToSign, SignError, SignatureActivationData, SignatureAlgorithm,
    StampedSignature, WindowRequest,
};

/// A hundred hashes of 64 octets in base64, and what belongs to them.
const LARGEST: usize = 32 * 1024;

/// What this room says of itself.
#[derive(utoipa::OpenApi)]
#[openapi(paths(authorise, sign, open_window))]
pub(super) struct Described;

pub(super) fn routes(config: &mut ServiceConfig) {
    let own = |rest: &str| format!("/api/v1/holder/credentials/{{id}}/{rest}");
    config
        .service(resource(&own("authorisations"), "POST", [web::post().to(authorise)]))
        .service(resource(&own("signatures"), "POST", [web::post().to(sign)]))
        .service(resource(&own("windows"), "POST", [web::post().to(open_window)]));
}

/// What is to be signed, and the factors that allow it.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Authorisation {
    /// One of the credential's algorithms.
    #[schema(example = "rsa-pss-sha256")]
    algorithm: String,
    /// The digests of what is to be signed, base64; 1 to 100.
    hashes: Vec<String>,
    #[schema(value_type = String, format = Password)]
    pin: Secret,
    /// A code for `sign` with the same algorithm and hashes.
    otp: OneTimeCode,
}

/// What PIN and code were exchanged for.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Authorised {
    /// Signature activation data, to be sent with the hashes. Shown once.
    #[schema(format = Password)]
    sad: String,
    /// They are good until then.
    expires_at: String,
}

impl From<Granted> for Authorised {
    fn from(granted: Granted) -> Self {
        let expires_at = rfc3339(granted.expires_at);
        Self { sad: granted.sad.expose().to_owned(), expires_at }
    }
}

/// Authorises the signing of these hashes, once each, by this session or device. A credential has
/// eight authorisations and windows at a time: one more ends the oldest (`key-locked`).
#[utoipa::path(post, path = "/api/v1/holder/credentials/{id}/authorisations", tag = "signing",
    operation_id = "authorise", params(("id" = String, Path, description = "Of the list")),
    request_body = Authorisation,
    responses((status = 201, body = Authorised),
        (status = 403, description = "A wrong PIN or code, or a limited session",
            body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 409, body = ProblemBody),
        (status = 422, body = ProblemBody), (status = 503, body = ProblemBody)),
    security(("holder" = [])))]
pub(crate) async fn authorise(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
    path: Path<String>,
) -> Result<HttpResponse, Problem> {
    let access = access::full(&request, &service).await?;
    let id = own(&path)?;
    let wanted: Authorisation = body::json_within(&request, payload, &service, LARGEST).await?;
    let what = hashes(id, &wanted.algorithm, &wanted.hashes)?;
    let (typed, now) = (pin("pin", &wanted.pin)?, service.clock.now());
    // The code first: a guess at the PIN costs one.
    let proved = verify_in_room(&service, &access, &Act::Sign(&what), &wanted.otp, now).await;
    let (otp, room) = proved?;
    let proof = unlock(&service, &room, (&access, id), typed, now).await?;
    let granted = service.signing.authorize(&access, what, proof, otp, now).await;
    Ok(answer::created(&Authorised::from(granted.map_err(refusal)?)))
}

/// What is to be signed with an authorisation.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Signing {
    /// Of the authorisation.
    #[schema(value_type = String, format = Password)]
    sad: Secret,
    /// That of the authorisation.
    algorithm: String,
    /// Hashes of the authorisation, all or some of them, base64.
    hashes: Vec<String>,
    /// Whether each signature value gets a timestamp, for one stamp of the linked account.
    #[serde(default)]
    stamp: bool,
}

/// What was signed, in the order of the request.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Signatures {
    signatures: Vec<Signature>,
    /// Stamps that remain in the linked account, when some were used.
    #[serde(skip_serializing_if = "Option::is_none")]
    stamps_remaining: Option<u64>,
}

/// One hash of the request: `value`, or `error`. Where a timestamp was asked for, `value` and
/// `timestamp` are there together, and took one stamp; with `error` none was taken.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Signature {
    /// What was signed, base64.
    hash: String,
    /// The signature value, base64: PKCS #1 for RSA, the DER of an ECDSA-Sig-Value for ECDSA.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<SignatureTimestamp>,
    /// Why there is no value.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<SignatureFault>,
}

/// A timestamp over a signature value (RFC 3161 appendix A).
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct SignatureTimestamp {
    /// The token, DER, base64.
    token: String,
    /// Its serial number, hex.
    serial: String,
}

/// Why a hash was not signed.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct SignatureFault {
    /// Stable name.
    #[schema(example = "stamp-unavailable")]
    code: &'static str,
    detail: String,
}

/// Signs hashes that were authorised: all of them, or none. With `stamp` each hash is by itself:
/// its signature value leaves with its timestamp, for one stamp, or not at all, for none. The
/// answer is 200 when at least one was signed: when the credential is suspended in the middle, the
/// hashes before are signed and stamped, and each of the others has `error` with
/// `credential-not-active` or `sad-withdrawn`. A hash with `error` is not tried again: authorise it
/// anew.
#[utoipa::path(post, path = "/api/v1/holder/credentials/{id}/signatures", tag = "signing",
    operation_id = "sign", params(("id" = String, Path, description = "Of the list")),
    request_body = Signing,
    responses((status = 200, body = Signatures), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 409, body = ProblemBody),
        (status = 422, body = ProblemBody), (status = 503, body = ProblemBody)),
    security(("holder" = [])))]
pub(crate) async fn sign(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
    path: Path<String>,
) -> Result<HttpResponse, Problem> {
    let access = access::full(&request, &service).await?;
    let id = own(&path)?;
    let wanted: Signing = body::json_within(&request, payload, &service, LARGEST).await?;
    let what = hashes(id, &wanted.algorithm, &wanted.hashes)?;
    let sad = SignatureActivationData::parse(&wanted.sad).map_err(refusal)?;
    let now = service.clock.now();
    let system = match access.what {
        AccessKind::System(_) => {
            let system = HolderSystem::of(&service.holders, access.clone(), id, now);
            Some(system.map_err(refusal)?)
        }
        AccessKind::Session(_) | AccessKind::Device(_) => None,
    };
    let by = system.as_ref().map_or(By::Access(&access), By::System);
    let done = if wanted.stamp {
        let account = linked(&service, &access)?;
        let _under_way = service.limits.enter().ok_or(Problem::Busy)?;
        let stamper = SignatureStamper { issuer: &service.issuer, metrics: &service.metrics };
        let with = (&stamper, &account);
        stamped(&what, service.signing.sign_and_stamp(by, &sad, &what, with, now).await)?
    } else {
        plain(&what, service.signing.sign(by, &sad, &what, now).await)?
    };
    Ok(answer::ok(&done))
}

/// A window for an unattended system.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Window {
    /// One of the credential's algorithms.
    #[schema(example = "rsa-pss-sha256")]
    algorithm: String,
    /// How many signatures at most: 1 to 10,000.
    signatures: u32,
    /// When it ends: 8 hours from now at the most.
    #[schema(value_type = String, format = DateTime)]
    ends_at: String,
    #[schema(value_type = String, format = Password)]
    pin: Secret,
}

/// Opens a window in which a linked system signs with an automatic credential: so many signatures,
/// until then. A credential has eight authorisations and windows at a time: one more ends the
/// oldest (`key-locked`).
#[utoipa::path(post, path = "/api/v1/holder/credentials/{id}/windows", tag = "signing",
    operation_id = "open_window", params(("id" = String, Path, description = "Of the list")),
    request_body = Window,
    responses((status = 201, body = Authorised), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody),
        (status = 409, description = "Not an automatic credential", body = ProblemBody),
        (status = 422, body = ProblemBody), (status = 503, body = ProblemBody)),
    security(("holder" = [])))]
pub(crate) async fn open_window(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
    path: Path<String>,
) -> Result<HttpResponse, Problem> {
    let access = access::system(&request, &service).await?;
    let id = own(&path)?;
    let wanted: Window = body::json(&request, payload, &service).await?;
    let (typed, now) = (pin("pin", &wanted.pin)?, service.clock.now());
    let (signatures, ends_at) = (wanted.signatures, body::instant("ends_at", &wanted.ends_at)?);
    let request = WindowRequest { algorithm: named(&wanted.algorithm)?, signatures, ends_at };
    // Before the PIN: whoever may not ask for a window does not try it either.
    let system = HolderSystem::of(&service.holders, access.clone(), id, now).map_err(refusal)?;
    let room = service.holders.room().map_err(problem)?;
    // Wrong ones lock nothing: else the token of one system would stop all others.
    let proof = service.verify_pin_alone(&room, (access.holder, id), typed, now).await;
    let proof = proof.map_err(problem)?;
    let granted = service.signing.open_window(&system, request, proof, now).await;
    Ok(answer::created(&Authorised::from(granted.map_err(refusal)?)))
}

/// Tries a PIN. A wrong one is counted, and the last wrong one locks what was unlocked before.
async fn unlock(
    service: &Service,
    room: &Room,
    (access, id): (&Access, CredentialId),
    typed: Pin,
    now: DateTime<Utc>,
) -> Result<HolderPin, Problem> {
    let tried = service.verify_pin(room, (access.holder, id), typed, now).await;
    if tried.is_err() {
        service.forget_locked(access.holder, id);
    }
    tried.map_err(problem)
}

/// The timestamp account that pays.
fn linked(service: &Service, access: &Access) -> Result<StampAccountId, Problem> {
    super::stamps::linked(service, access)?.ok_or_else(super::stamps::none_linked)
}

/// What a client names for signing, here and when it asks for a code.
pub(super) fn hashes(
    id: CredentialId,
    algorithm: &str,
    hashes: &[String],
) -> Result<HashesToSign, Problem> {
    let decoded = hashes.iter().enumerate().map(|(index, text)| {
        decode_block(text).map_err(|_| {
            let detail = format!("hashes[{index}] is not base64: encode the digest");
            refused("invalid-field", detail, Some("hashes"), Some("base64"))
        })
    });
    let decoded = decoded.collect::<Result<Vec<_>, _>>()?;
    HashesToSign::new(credential_reference(id), named(algorithm)?, decoded).map_err(refusal)
}

fn named(algorithm: &str) -> Result<SignatureAlgorithm, Problem> {
    algorithm.parse().map_err(|unknown: signing::UnknownAlgorithm| {
        refused("invalid-field", unknown.to_string(), Some("algorithm"), Some("algorithm"))
    })
}

fn plain(
    what: &HashesToSign,
    signed: Result<Vec<Vec<u8>>, SignError>,
) -> Result<Signatures, Problem> {
    let values = signed.map_err(refusal)?;
    let signature = |(hash, value): (&Vec<u8>, Vec<u8>)| Signature {
        hash: encode_block(hash),
        value: Some(encode_block(&value)),
        timestamp: None,
        error: None,
    };
    let signatures = what.hashes().iter().zip(values).map(signature).collect();
    Ok(Signatures { signatures, stamps_remaining: None })
}

fn stamped(
    what: &HashesToSign,
    signed: Result<Vec<Result<StampedSignature, SignError>>, SignError>,
) -> Result<Signatures, Problem> {
    let answers = signed.map_err(refusal)?;
    let remaining = answers.iter().flatten().map(|one| one.stamp.remaining);
    let stamps_remaining = remaining.min();
    if let (None, Some(Err(first))) = (stamps_remaining, answers.first()) {
        return Err(refusal(first.clone()));
    }
    let signature = |(hash, answer): (&Vec<u8>, Result<StampedSignature, SignError>)| {
        let hash = encode_block(hash);
        match answer {
            Ok(StampedSignature { signature, stamp }) => {
                let (token, serial) = (encode_block(&stamp.token), hex::encode(stamp.serial));
                let timestamp = Some(SignatureTimestamp { token, serial });
                Signature { hash, value: Some(encode_block(&signature)), timestamp, error: None }
            }
            Err(fault) => {
                let error = SignatureFault { code: fault.slug(), detail: fault.to_string() };
                Signature { hash, value: None, timestamp: None, error: Some(error) }
            }
        }
    };
    let signatures = what.hashes().iter().zip(answers).map(signature).collect();
    Ok(Signatures { signatures, stamps_remaining })
}

/// What the client may know of a refusal to sign. The log has the rest.
#[expect(clippy::needless_pass_by_value, reason = "an error is at its end here")]
pub(super) fn refusal(error: SignError) -> Problem {
    if let SignError::Unavailable { reason } = &error {
        tracing::error!(reason, "nothing can be signed");
    }
    let field = match &error {
        SignError::NoHashes | SignError::TooManyHashes { .. } | SignError::HashLength { .. } => {
            Some("hashes")
        }
        SignError::AlgorithmOfOtherKey(_) => Some("algorithm"),
        SignError::WindowCount { .. } => Some("signatures"),
        SignError::WindowTime { .. } => Some("ends_at"),
        _ => None,
    };
    refused(error.slug(), error.to_string(), field, None)
}
