//! `/api/v1/holder/devices`: linking phones and systems, and unlinking them at once.

use super::body::OneTimeCode;
use super::problem::{holder as problem, refused};
use super::proof::{self, Act};
use super::{access, answer, body, id};
use crate::http::caller::caller_address;
use crate::http::problem::{Problem, ProblemBody};
use crate::http::stamp_account::rfc3339;
use crate::http::{get, resource};
use crate::service::Service;
use accounts::holders::devices::{DeviceKind, DeviceTerms, DeviceView, NewDevice};
use accounts::holders::sessions::{Access, AccessKind};
use accounts::holders::{DeviceId, FieldRule, HolderError};
use actix_web::web::{self, Data, Path, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use openssl::base64::{decode_block, encode_block};
use serde::{Deserialize, Serialize};

/// What this room says of itself.
#[derive(utoipa::OpenApi)]
#[openapi(paths(list_devices, link_device, unlink_device))]
pub(super) struct Described;

pub(super) fn routes(config: &mut ServiceConfig) {
    const DEVICES: &str = "/api/v1/holder/devices";
    config
        .service(resource(
            DEVICES,
            "GET, HEAD, POST",
            [get(list_devices), web::post().to(link_device)],
        ))
        .service(resource(
            &format!("{DEVICES}/{{id}}"),
            "DELETE",
            [web::delete().to(unlink_device)],
        ));
}

/// A device to be linked.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LinkDevice {
    /// What its holder calls it.
    #[schema(example = "my phone")]
    name: String,
    /// `phone`, or `system` for a machine that signs automatically.
    #[schema(example = "phone")]
    kind: String,
    /// Its P-256 key: SubjectPublicKeyInfo (RFC 5480 §2), the point uncompressed, DER in base64.
    public_key: String,
    /// A system's alone: SHA-256 of the TLS client certificate that it comes in with, 64 digits
    /// 0-9 a-f. It gets no token then.
    certificate_sha256: Option<String>,
    /// A system's alone: the automatic credentials that it may use; without it, all.
    credentials: Option<Vec<String>>,
    /// For all of these.
    otp: OneTimeCode,
}

/// A linked device with its token.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct LinkedDevice {
    /// To be sent with every request, as `Authorization: Bearer …`. It is not shown again. Null for
    /// a system that comes in with a certificate.
    #[schema(format = Password)]
    token: Option<String>,
    device: Device,
}

/// A linked device.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Device {
    /// 32 digits 0-9 a-f; names the device and opens nothing.
    id: String,
    name: String,
    /// `phone` or `system`.
    kind: &'static str,
    /// SubjectPublicKeyInfo, DER in base64.
    public_key: String,
    linked_at: String,
    /// To the minute.
    last_used_at: String,
    /// The IP address that it was linked from.
    from: String,
    /// SHA-256 of its client certificate, or null.
    certificate_sha256: Option<String>,
    /// The credentials that a system may use, or null for all.
    credentials: Option<Vec<String>>,
    /// Whether it is the one that asks.
    current: bool,
}

impl From<DeviceView> for Device {
    fn from(view: DeviceView) -> Self {
        Self {
            id: view.id.to_string(),
            name: view.name,
            kind: view.kind.word(),
            public_key: encode_block(&view.public_key),
            linked_at: rfc3339(view.linked_at),
            last_used_at: rfc3339(view.last_used_at),
            from: view.from,
            certificate_sha256: view.certificate.map(hex::encode),
            credentials: view.credentials.map(|ids| ids.iter().map(ToString::to_string).collect()),
            current: false,
        }
    }
}

/// The devices of a holder.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Devices {
    /// The one that was linked first first.
    devices: Vec<Device>,
}

/// Lists the linked devices.
#[utoipa::path(get, path = "/api/v1/holder/devices", tag = "holder",
    operation_id = "list_devices",
    responses((status = 200, body = Devices), (status = 401, body = ProblemBody)),
    security(("holder" = [])))]
pub(crate) async fn list_devices(
    request: HttpRequest,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    let access = access::reader(&request, &service).await?;
    let (own, views) = (own(&access), service.holders.devices(access.holder).map_err(problem)?);
    let devices = views.into_iter().map(|view| {
        let current = Some(view.id) == own;
        Device { current, ..Device::from(view) }
    });
    Ok(answer::ok(&Devices { devices: devices.collect() }))
}

/// Links a device, with a code that was asked for to `link-device` with all but its name. Every
/// address of the holder is told. There are ten devices at most.
#[utoipa::path(post, path = "/api/v1/holder/devices", tag = "holder",
    operation_id = "link_device", request_body = LinkDevice,
    responses((status = 201, body = LinkedDevice), (status = 401, body = ProblemBody),
        (status = 403, description = "The code is not right, or the session is limited",
            body = ProblemBody),
        (status = 404, description = "No such credential", body = ProblemBody),
        (status = 409, description = "Too many devices, a certificate that another device has, \
            or a code for something else", body = ProblemBody),
        (status = 422, description = "No P-256 key, or no name", body = ProblemBody)),
    security(("holder" = [])))]
pub(crate) async fn link_device(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    let access = access::full_session(&request, &service).await?;
    let wanted: LinkDevice = body::json(&request, payload, &service).await?;
    let LinkDevice { name, kind, public_key, certificate_sha256, credentials, .. } = wanted;
    let terms = terms(&kind, &public_key, certificate_sha256.as_deref(), credentials)?;
    let new = NewDevice { name, terms };
    new.check().map_err(problem)?;
    service.holders.check_device(access.holder, &new.terms).map_err(problem)?;
    let (from, now) = (caller_address(&request), service.clock.now());
    let act = Act::Device(&new.terms);
    let proof = proof::verify(&service, &access, &act, &wanted.otp, now).await?;
    let linked = service.holders.link_device(&access, new, proof, from, now).await;
    let linked = linked.map_err(problem)?;
    let token = linked.token.map(|token| token.expose().to_owned());
    Ok(answer::created(&LinkedDevice { token, device: linked.view.into() }))
}

/// Unlinks a device: its token is dead in the next request. A device may unlink itself; others, a
/// session alone may.
#[utoipa::path(delete, path = "/api/v1/holder/devices/{id}", tag = "holder",
    operation_id = "unlink_device",
    params(("id" = String, Path, description = "As it is listed: 32 digits 0-9 a-f")),
    responses((status = 204), (status = 401, body = ProblemBody),
        (status = 403, description = "The session has to be raised first", body = ProblemBody),
        (status = 404, description = "No such device", body = ProblemBody)),
    security(("holder" = [])))]
pub(crate) async fn unlink_device(
    request: HttpRequest,
    device: Path<String>,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    let access = access::full(&request, &service).await?;
    if own(&access).is_none() {
        // Not for a session of a QR code: who got one by a trick would take the phone away that
        // can say "that was not me".
        access.needs_password().map_err(problem)?;
    }
    let device: DeviceId = id(&device, "device of yours with this identifier")?;
    if own(&access).is_some_and(|own| own != device) {
        return Err(problem(HolderError::UnknownDevice));
    }
    let now = service.clock.now();
    let unlinked = service.holders.unlink_device(access.holder, device, access.actor(), now).await;
    unlinked.map_err(problem)?;
    service.lock_dead_keys(Some(access.holder)).await;
    Ok(answer::done())
}

/// The device that asks, when it is one.
fn own(access: &Access) -> Option<DeviceId> {
    match access.what {
        AccessKind::Device(id) | AccessKind::System(id) => Some(id),
        AccessKind::Session(_) => None,
    }
}

/// What a device is linked for, as a client names it.
pub(super) fn terms(
    kind: &str,
    public_key: &str,
    certificate: Option<&str>,
    credentials: Option<Vec<String>>,
) -> Result<DeviceTerms, Problem> {
    let certificate = certificate.map(|text| {
        let mut sha256 = [0; 32];
        let lower = !text.bytes().any(|octet| octet.is_ascii_uppercase());
        let read = hex::decode_to_slice(text, &mut sha256).is_ok() && lower;
        let field = "certificate_sha256";
        if read {
            Ok(sha256)
        } else {
            Err(problem(HolderError::BadField { field, rule: FieldRule::CertificateHash }))
        }
    });
    let credentials = credentials.map(|ids| {
        ids.iter()
            .map(|text| id(text, "credential of yours with this identifier"))
            .collect::<Result<Vec<_>, _>>()
    });
    Ok(DeviceTerms {
        kind: DeviceKind::parse("kind", kind).map_err(problem)?,
        public_key: octets("public_key", public_key)?,
        certificate: certificate.transpose()?,
        credentials: credentials.transpose()?,
    })
}

/// Octets in base64 (RFC 4648 §4).
pub(super) fn octets(field: &'static str, text: &str) -> Result<Vec<u8>, Problem> {
    decode_block(text).map_err(|_no_base64| {
        let detail = format!("{field} is not base64: encode its octets as RFC 4648 §4 says");
        refused("invalid-field", detail, Some(field), Some("base64"))
    })
}
