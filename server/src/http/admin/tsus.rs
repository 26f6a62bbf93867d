//! The life of the time-stamping units: made, certified, activated, retired.

use super::accounts::invalid;
use super::certificates::revocation_reason;
use super::units::{GenerationView, UnitDetail};
use super::{Reason, admitted, admitted_within, by, fresh};
use crate::http::auth;
use crate::http::fault::unit_problem;
use crate::http::problem::Problem;
use crate::service::Service;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use authority::units::{CertifiedBy, Retirement, Rollover, UnitSettings};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// A chain of certificates with large keys is larger than other bodies, in bytes.
const CHAIN_LIMIT: usize = 128 * 1024;

/// A unit to be made.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UnitBody {
    /// Name in `POST /tsa/{id}`: a-z, 0-9 and '-'.
    id: String,
    /// Kind of its key, as in `p256`.
    key: String,
    /// `file` (default) or `hsm`.
    key_store: Option<String>,
    /// `pkcs1` (default) or `pss`, for RSA.
    padding: Option<String>,
    /// Policies offered; the first is the default.
    policies: Vec<String>,
    /// 1 to 1000; the default is 1000.
    accuracy_ms: Option<u32>,
    /// `leaf` (default) or `full`.
    certificates: Option<String>,
    /// A unit that stamps every request too.
    companion: Option<String>,
    /// `built-in` (default) or `outside`.
    certified_by: Option<String>,
    /// When the next key is made and takes over, for keys that the built-in CA certifies.
    rollover: Option<RolloverBody>,
    reason: Option<String>,
}

/// Days before the end of the key's use.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RolloverBody {
    /// The next key is made and certified.
    prepare_days: u16,
    /// The next key takes over.
    activate_days: u16,
}

impl UnitBody {
    fn settings(self) -> Result<UnitSettings, Problem> {
        let key =
            word("key", Some(&self.key))?.ok_or_else(|| invalid("key", "say which kind of key"))?;
        let mut settings = UnitSettings::new(&self.id, key, self.policies);
        let defaults = settings.clone();
        settings.key_store =
            word("key_store", self.key_store.as_deref())?.unwrap_or(defaults.key_store);
        settings.padding = word("padding", self.padding.as_deref())?.unwrap_or(defaults.padding);
        settings.certificates =
            word("certificates", self.certificates.as_deref())?.unwrap_or(defaults.certificates);
        settings.certified_by =
            word("certified_by", self.certified_by.as_deref())?.unwrap_or(defaults.certified_by);
        settings.accuracy_ms = self.accuracy_ms.unwrap_or(defaults.accuracy_ms);
        settings.companion = self.companion;
        settings.rollover = match (self.rollover, settings.certified_by) {
            (Some(days), CertifiedBy::BuiltIn) => Some(Rollover {
                prepare_days: days.prepare_days,
                activate_days: days.activate_days,
            }),
            (Some(_), CertifiedBy::Outside) => {
                return Err(invalid(
                    "rollover",
                    "a unit that an outside CA certifies is rolled over by hand; leave it out",
                ));
            }
            (None, CertifiedBy::BuiltIn) => defaults.rollover,
            (None, CertifiedBy::Outside) => None,
        };
        Ok(settings)
    }
}

/// One of the words that a field has.
fn word<T: FromStr<Err: ToString>>(field: &str, text: Option<&str>) -> Result<Option<T>, Problem> {
    let parsed = text.map(str::parse::<T>).transpose();
    parsed.map_err(|error| invalid(field, &error.to_string()))
}

/// Makes a unit. The built-in CA certifies it and it stamps at once; for an outside CA there is a
/// certification request.
#[utoipa::path(post, path = "/api/v1/admin/tsus", tag = "administration",
    operation_id = "create_unit", request_body = UnitBody,
    responses((status = 201, body = UnitDetail), (status = 400), (status = 401), (status = 409),
        (status = 503)), security(("admin" = [])))]
pub(crate) async fn create_unit(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    let mut wanted: UnitBody = admitted(&request, payload, &service).await?;
    let (by, now) = (by(wanted.reason.take()), service.clock.now());
    let settings = wanted.settings()?;
    let id = settings.id.clone();
    let making = {
        let service = service.clone().into_inner();
        async move { service.make_unit(settings, &by, now).await }
    };
    // On a task of its own: a client that goes away must not leave a unit half made.
    let made = actix_web::rt::spawn(making).await.map_err(|_ended| Problem::Internal)?;
    made.map_err(unit_problem)?;
    tracing::info!(unit = id, "unit made");
    Ok(fresh(HttpResponse::Created(), &UnitDetail::of(&service, &id)?))
}

/// Makes the next key of a unit; with the built-in CA, its certificate too.
#[utoipa::path(post, path = "/api/v1/admin/tsus/{id}/keys", tag = "administration",
    operation_id = "new_unit_key", params(("id" = String, Path)), request_body = Reason,
    responses((status = 201, body = GenerationView), (status = 401), (status = 404),
        (status = 409), (status = 503)), security(("admin" = [])))]
pub(crate) async fn new_unit_key(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let Reason { reason } = admitted(&request, payload, &service).await?;
    let (by, now) = (by(reason), service.clock.now());
    let made = service.new_unit_key(&id, &by, now).await.map_err(unit_problem)?;
    tracing::info!(unit = id.as_str(), generation = made.number, "key made");
    Ok(fresh(HttpResponse::Created(), &GenerationView::from(made)))
}

/// Which key.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct GenerationQuery {
    /// The newest that waits for a certificate, when it is not said.
    generation: Option<u32>,
}

/// A certification request.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Csr {
    /// PKCS#10, PEM.
    csr: String,
}

/// Gives the certification request of a key that waits for a certificate.
#[utoipa::path(get, path = "/api/v1/admin/tsus/{id}/csr", tag = "administration",
    operation_id = "unit_csr", params(("id" = String, Path), GenerationQuery),
    responses((status = 200, body = Csr), (status = 401), (status = 404), (status = 409),
        (status = 503)), security(("admin" = [])))]
pub(crate) async fn unit_csr(
    request: HttpRequest,
    service: Data<Service>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    auth::administrator(&request, &service)?;
    let GenerationQuery { generation } = super::accounts::query(&request)?;
    let registry = service.units.clone();
    // The request is signed by the unit's key, which may be in a device.
    let made = actix_web::web::block(move || registry.csr(&id, generation).map_err(unit_problem));
    let csr = made.await.map_err(|_ended| Problem::Unavailable)??;
    Ok(fresh(HttpResponse::Ok(), &Csr { csr }))
}

/// A certificate from an outside CA.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChainBody {
    /// The certificate, its chain and its root, PEM, in any order.
    chain: String,
    /// Which key it is for; the newest that waits for a certificate.
    generation: Option<u32>,
    reason: Option<String>,
}

/// Brings a unit's certificate. Everything that is wrong with it is named.
#[utoipa::path(post, path = "/api/v1/admin/tsus/{id}/certificate", tag = "administration",
    operation_id = "import_unit_certificate", params(("id" = String, Path)),
    request_body = ChainBody, responses((status = 200, body = GenerationView), (status = 400),
        (status = 401), (status = 404), (status = 409)), security(("admin" = [])))]
pub(crate) async fn import_unit_certificate(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let wanted: ChainBody = admitted_within(&request, payload, &service, CHAIN_LIMIT).await?;
    let (by, now) = (by(wanted.reason), service.clock.now());
    let (generation, chain) = (wanted.generation, wanted.chain);
    let imported = service.units.import(&id, generation, chain.as_bytes(), &by, now).await;
    let generation = imported.map_err(unit_problem)?;
    tracing::info!(unit = id.as_str(), generation = generation.number, "certificate brought");
    Ok(fresh(HttpResponse::Ok(), &GenerationView::from(generation)))
}

/// When a key begins to sign.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ActivateBody {
    /// The newest that is certified, when it is not said.
    generation: Option<u32>,
    /// At once, when it is not said.
    at: Option<DateTime<Utc>>,
    reason: Option<String>,
}

/// Lets a certified key sign, now or at a time to come; the one before it retires then.
#[utoipa::path(post, path = "/api/v1/admin/tsus/{id}/activate", tag = "administration",
    operation_id = "activate_unit_key", params(("id" = String, Path)),
    request_body = ActivateBody, responses((status = 200, body = GenerationView), (status = 400),
        (status = 401), (status = 404), (status = 409)), security(("admin" = [])))]
pub(crate) async fn activate_unit_key(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let wanted: ActivateBody = admitted(&request, payload, &service).await?;
    let (by, now) = (by(wanted.reason), service.clock.now());
    let activated = service.units.activate(&id, wanted.generation, wanted.at, &by, now).await;
    let generation = activated.map_err(unit_problem)?;
    tracing::info!(unit = id.as_str(), generation = generation.number, "key activated");
    Ok(fresh(HttpResponse::Ok(), &GenerationView::from(generation)))
}

/// How a key goes out of use.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RetireBody {
    /// The active one, when it is not said.
    generation: Option<u32>,
    /// The private key is destroyed too.
    #[serde(default)]
    destroy_key: bool,
    /// The certificate is revoked too, for this reason; as in `key-compromise`.
    revoke: Option<String>,
    /// Also when the service cannot do without it: the last active key of the default unit, or of
    /// a companion.
    #[serde(default)]
    force: bool,
    reason: Option<String>,
}

/// Takes a key out of use: it signs no more, at once.
#[utoipa::path(post, path = "/api/v1/admin/tsus/{id}/retire", tag = "administration",
    operation_id = "retire_unit_key", params(("id" = String, Path)), request_body = RetireBody,
    responses((status = 200, body = GenerationView), (status = 400), (status = 401),
        (status = 404), (status = 409), (status = 503)), security(("admin" = [])))]
pub(crate) async fn retire_unit_key(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let wanted: RetireBody = admitted(&request, payload, &service).await?;
    let revoke = wanted.revoke.as_deref().map(|word| revocation_reason("revoke", word));
    let retirement = Retirement {
        generation: wanted.generation,
        destroy_key: wanted.destroy_key,
        revoke: revoke.transpose()?,
        force: wanted.force,
    };
    let (by, now) = (by(wanted.reason), service.clock.now());
    let retired = service.units.retire(&id, retirement, &by, now).await;
    let generation = retired.map_err(unit_problem)?;
    tracing::info!(unit = id.as_str(), generation = generation.number, "key retired");
    Ok(fresh(HttpResponse::Ok(), &GenerationView::from(generation)))
}

/// Makes a unit the one behind `POST /tsa`. It has to have an active key.
#[utoipa::path(post, path = "/api/v1/admin/tsus/{id}/default", tag = "administration",
    operation_id = "default_unit", params(("id" = String, Path)), request_body = Reason,
    responses((status = 200, body = UnitDetail), (status = 401), (status = 404), (status = 409)),
    security(("admin" = [])))]
pub(crate) async fn default_unit(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let Reason { reason } = admitted(&request, payload, &service).await?;
    let (by, now) = (by(reason), service.clock.now());
    service.units.set_default(&id, &by, now).await.map_err(unit_problem)?;
    tracing::info!(unit = id.as_str(), "default unit");
    Ok(fresh(HttpResponse::Ok(), &UnitDetail::of(&service, &id)?))
}
