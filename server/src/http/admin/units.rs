//! The time-stamping units, as the operator sees them.

use super::fresh;
use crate::http::auth;
use crate::http::fault::unit_problem;
use crate::http::problem::Problem;
use crate::http::stamp_account::rfc3339;
use crate::service::Service;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use authority::units::{CertificateFacts, Generation, Rollover};
use serde::Serialize;
use std::sync::Arc;
use tsa::Tsu;

/// A time-stamping unit. What it says of a certificate is that of the key that signs now.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct UnitView {
    id: String,
    /// The one behind `POST /tsa`.
    default: bool,
    /// Kind of its key, as in `p256`.
    key: String,
    /// `file` or `hsm`: where its next key is made.
    key_store: String,
    /// `pkcs1` or `pss`, for RSA.
    padding: String,
    /// Policies offered; the first is the default.
    policies: Vec<String>,
    /// Stated in each token.
    accuracy_ms: u32,
    /// `leaf` or `full`.
    certificates: String,
    /// A unit that stamps every request too.
    companion: Option<String>,
    /// `built-in` or `outside`.
    certified_by: String,
    /// When the next key is made and takes over, or null when that is done by hand.
    rollover: Option<RolloverView>,
    subject: Option<String>,
    not_before: Option<String>,
    not_after: Option<String>,
    /// After this it signs no more, though its certificate is still valid.
    private_key_usage_end: Option<String>,
    issued_by: Option<String>,
    certificate_sha256: Option<String>,
    /// It can issue now.
    usable: bool,
    /// Why it cannot.
    problem: Option<String>,
    /// Its keys, the oldest first.
    generations: Vec<GenerationView>,
}

/// Days before the end of the key's use.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct RolloverView {
    /// The next key is made and certified.
    prepare_days: u16,
    /// The next key takes over.
    activate_days: u16,
}

impl From<Rollover> for RolloverView {
    fn from(rollover: Rollover) -> Self {
        let Rollover { prepare_days, activate_days } = rollover;
        Self { prepare_days, activate_days }
    }
}

/// One key of a unit, with its certificate.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct GenerationView {
    number: u32,
    /// `key-made`, `certified`, `active`, `retired` or `destroyed`.
    state: String,
    /// Kind of the key.
    key: String,
    /// `file` or `hsm`.
    key_store: String,
    padding: String,
    /// Its name in the key store.
    label: String,
    /// After this it signs no more.
    key_use_until: Option<String>,
    certificate: Option<CertificateView>,
    made_at: String,
    certified_at: Option<String>,
    /// When it is planned to take over.
    activate_at: Option<String>,
    activated_at: Option<String>,
    retired_at: Option<String>,
    destroyed_at: Option<String>,
}

/// The certificate of a key.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = UnitCertificate)]
pub(crate) struct CertificateView {
    /// In hexadecimal digits.
    serial: String,
    subject: String,
    not_before: String,
    not_after: String,
    /// The built-in CA that issued it, or null.
    ca: Option<String>,
    /// The certificate and what it came with, PEM.
    chain: String,
}

impl From<CertificateFacts> for CertificateView {
    fn from(facts: CertificateFacts) -> Self {
        Self {
            serial: facts.serial,
            subject: facts.subject,
            not_before: rfc3339(facts.not_before),
            not_after: rfc3339(facts.not_after),
            ca: facts.ca,
            chain: facts.chain_pem,
        }
    }
}

impl From<Generation> for GenerationView {
    fn from(generation: Generation) -> Self {
        let certificate = generation.certificate;
        Self {
            number: generation.number,
            state: generation.state.to_string(),
            key: generation.kind.to_string(),
            key_store: generation.key_store.to_string(),
            padding: generation.padding.to_string(),
            label: generation.label,
            key_use_until: certificate.as_ref().map(|facts| rfc3339(facts.key_use_until)),
            certificate: certificate.map(CertificateView::from),
            made_at: rfc3339(generation.made_at),
            certified_at: generation.certified_at.map(rfc3339),
            activate_at: generation.activate_at.map(rfc3339),
            activated_at: generation.activated_at.map(rfc3339),
            retired_at: generation.retired_at.map(rfc3339),
            destroyed_at: generation.destroyed_at.map(rfc3339),
        }
    }
}

impl UnitView {
    fn of(service: &Service, unit: authority::units::Unit) -> Self {
        let settings = unit.settings;
        let signing = signing(service, &settings.id);
        let certificate = signing.as_deref().map(Tsu::certificate);
        let problem = problem(service, &settings.id, signing.is_some());
        Self {
            default: unit.is_default,
            key: settings.key.to_string(),
            key_store: settings.key_store.to_string(),
            padding: settings.padding.to_string(),
            policies: settings.policies,
            accuracy_ms: settings.accuracy_ms,
            certificates: settings.certificates.to_string(),
            companion: settings.companion,
            certified_by: settings.certified_by.to_string(),
            rollover: settings.rollover.map(RolloverView::from),
            subject: certificate.map(|found| certs::display_name(found.subject())),
            not_before: certificate.map(|found| rfc3339(found.not_before())),
            not_after: certificate.map(|found| rfc3339(found.not_after())),
            private_key_usage_end: certificate
                .and_then(certs::TsuCertificate::private_key_usage_not_after)
                .map(rfc3339),
            issued_by: certificate.map(|found| certs::display_name(found.issuer())),
            certificate_sha256: certificate.map(|found| hex::encode(found.sha256())),
            usable: problem.is_none(),
            problem,
            generations: unit.generations.into_iter().map(GenerationView::from).collect(),
            id: settings.id,
        }
    }
}

/// The unit as it signs now.
fn signing(service: &Service, id: &str) -> Option<Arc<Tsu>> {
    service.issuer.units().into_iter().find(|unit| unit.id() == id)
}

/// What keeps a unit from issuing.
fn problem(service: &Service, id: &str, signs: bool) -> Option<String> {
    if !signs {
        return Some("it has no active key that can be used".to_owned());
    }
    match service.issuer.unit_readiness() {
        Err(clock) => Some(clock.to_string()),
        Ok(units) => {
            let found = units.into_iter().find(|unit| unit.unit == id)?;
            found.ready.err().map(|reason| reason.to_string())
        }
    }
}

/// All units.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct UnitList {
    tsus: Vec<UnitView>,
}

/// Lists the time-stamping units.
#[utoipa::path(get, path = "/api/v1/admin/tsus", tag = "administration",
    operation_id = "list_units", responses((status = 200, body = UnitList), (status = 401)),
    security(("admin" = [])))]
pub(crate) async fn list_units(
    request: HttpRequest,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    auth::administrator(&request, &service)?;
    let units = service.units.list().map_err(unit_problem)?;
    let tsus = units.into_iter().map(|unit| UnitView::of(&service, unit)).collect();
    Ok(fresh(HttpResponse::Ok(), &UnitList { tsus }))
}

/// One unit with its certificate.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct UnitDetail {
    #[serde(flatten)]
    unit: UnitView,
    /// The unit's certificate and its chain below the root, PEM; null while no key signs.
    certificate: Option<String>,
}

impl UnitDetail {
    /// The unit of this identifier.
    pub(super) fn of(service: &Service, id: &str) -> Result<Self, Problem> {
        let unit = service.units.show(id).map_err(unit_problem)?;
        let certificate = signing(service, id).map(|unit| {
            let certificate = unit.certificate();
            let chain = certificate.chain().iter().map(Vec::as_slice);
            certs::pem::bundle(std::iter::once(certificate.der()).chain(chain))
        });
        Ok(Self { unit: UnitView::of(service, unit), certificate })
    }
}

/// Shows a time-stamping unit with its certificate.
#[utoipa::path(get, path = "/api/v1/admin/tsus/{id}", tag = "administration",
    operation_id = "show_unit", params(("id" = String, Path)),
    responses((status = 200, body = UnitDetail), (status = 401), (status = 404)),
    security(("admin" = [])))]
pub(crate) async fn show_unit(
    request: HttpRequest,
    service: Data<Service>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    auth::administrator(&request, &service)?;
    Ok(fresh(HttpResponse::Ok(), &UnitDetail::of(&service, &id)?))
}
