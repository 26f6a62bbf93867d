//! Certificates that the built-in CAs issued: listed, shown, issued, suspended, revoked.

use super::accounts::{invalid, query};
use super::{Reason, admitted, admitted_within, by, fresh};
use crate::http::auth;
use crate::http::fault::authority_problem;
use crate::http::problem::Problem;
use crate::http::stamp_account::rfc3339;
use crate::service::Service;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use authority::{CertificateQuery, Status};
use certs::{DistinguishedName, EndKind, EndProfile, RevocationReason, Serial};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Certificates in one page of the list, when the request does not say.
const PAGE: usize = 100;

/// A certification request of a large key is larger than other bodies, in bytes.
const CSR_LIMIT: usize = 64 * 1024;

/// A certificate that a CA issued.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct CertificateView {
    /// In hexadecimal digits.
    serial: String,
    ca: String,
    /// `ca`, `tsu`, `remote`, `automatic`, `ocsp-responder` or `tls-client`.
    profile: String,
    /// `erased` when its holder was erased.
    subject: String,
    not_before: String,
    not_after: String,
    /// `good`, `suspended`, `revoked` or `expired`.
    status: String,
    /// Why it is revoked.
    reason: Option<&'static str>,
    /// Since when it is suspended or revoked.
    since: Option<String>,
    /// When the suspension ends by itself.
    until: Option<String>,
}

impl CertificateView {
    fn of(certificate: authority::Certificate) -> Self {
        let status = certificate.word().to_string();
        let (reason, since, until) = match certificate.status {
            Status::Held { since, until } => (None, Some(since), until),
            Status::Revoked { at, reason, .. } => (Some(reason.name()), Some(at), None),
            _ => (None, None, None),
        };
        Self {
            serial: certificate.serial.to_string(),
            ca: certificate.ca,
            profile: certificate.profile.to_string(),
            subject: match certificate.erased_at {
                Some(_) => "erased".to_owned(),
                None => certificate.subject,
            },
            not_before: rfc3339(certificate.not_before),
            not_after: rfc3339(certificate.not_after),
            status,
            reason,
            since: since.map(rfc3339),
            until: until.map(rfc3339),
        }
    }
}

/// Which certificates.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct CertificateListQuery {
    /// Only those of this CA.
    ca: Option<String>,
    /// `good`, `suspended`, `revoked` or `expired`.
    status: Option<String>,
    /// `next` of the page before.
    #[serde(default)]
    after: u64,
    /// 1 to 1000.
    limit: Option<usize>,
}

/// A page of the list of certificates, in the order in which they were issued.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct CertificatePage {
    certificates: Vec<CertificateView>,
    /// `after` of the next page, or null.
    next: Option<u64>,
}

/// Lists certificates, a page at a time.
#[utoipa::path(get, path = "/api/v1/admin/certificates", tag = "administration",
    operation_id = "list_issued", params(CertificateListQuery),
    responses((status = 200, body = CertificatePage), (status = 400), (status = 401)),
    security(("admin" = [])))]
pub(crate) async fn list_issued(
    request: HttpRequest,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    auth::administrator(&request, &service)?;
    let wanted: CertificateListQuery = query(&request)?;
    let limit = wanted.limit.unwrap_or(PAGE);
    if !(1..=1000).contains(&limit) {
        return Err(invalid("limit", "use 1 to 1000"));
    }
    let status = wanted.status.as_deref().map(str::parse).transpose();
    let status =
        status.map_err(|_unknown| invalid("status", "use good, suspended, revoked or expired"))?;
    let now = service.clock.now();
    let wanted = CertificateQuery { after: wanted.after, limit, ca: wanted.ca, status };
    let page = service.pki.authority().list(&wanted, now).map_err(authority_problem)?;
    let certificates = page.certificates.into_iter().map(CertificateView::of).collect();
    Ok(fresh(HttpResponse::Ok(), &CertificatePage { certificates, next: page.next }))
}

/// A certificate with its PEM and what became of it.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct CertificateDetail {
    #[serde(flatten)]
    view: CertificateView,
    /// PEM; null when its holder was erased.
    certificate: Option<String>,
    /// SHA-256 of its DER, hexadecimal.
    sha256: String,
    /// Every change of its status, the oldest first.
    history: Vec<CertificateChange>,
}

/// A change of a certificate's status.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct CertificateChange {
    at: String,
    /// `suspended`, `reactivated` or `revoked`.
    change: &'static str,
    reason: Option<&'static str>,
    until: Option<String>,
    /// Since when the key may have been misused.
    invalidity_date: Option<String>,
    actor: String,
    why: String,
}

/// Shows a certificate.
#[utoipa::path(get, path = "/api/v1/admin/certificates/{serial}", tag = "administration",
    operation_id = "show_issued", params(("serial" = String, Path, description = "In hex")),
    responses((status = 200, body = CertificateDetail), (status = 401), (status = 404)),
    security(("admin" = [])))]
pub(crate) async fn show_issued(
    request: HttpRequest,
    service: Data<Service>,
    serial: Path<String>,
) -> Result<HttpResponse, Problem> {
    auth::administrator(&request, &service)?;
    Ok(fresh(HttpResponse::Ok(), &detail(&service, &parse_serial(&serial)?)?))
}

const NOT_FOUND: Problem = Problem::NotFound { what: "certificate of this serial number" };

fn detail(service: &Service, serial: &Serial) -> Result<CertificateDetail, Problem> {
    let now = service.clock.now();
    let found = service.pki.authority().show(serial, now).map_err(authority_problem)?;
    let found = found.ok_or(NOT_FOUND)?;
    let history = found.history.into_iter().map(|entry| CertificateChange {
        at: rfc3339(entry.at),
        change: past(entry.change),
        reason: entry.reason.map(RevocationReason::name),
        until: entry.until.map(rfc3339),
        invalidity_date: entry.invalidity.map(rfc3339),
        actor: entry.by.actor,
        why: entry.by.reason,
    });
    let kept = found.certificate.erased_at.is_none();
    let pem = kept.then(|| certs::pem::bundle([found.der.as_slice()]));
    Ok(CertificateDetail {
        view: CertificateView::of(found.certificate),
        certificate: pem,
        sha256: hex::encode(found.fingerprint),
        history: history.collect(),
    })
}

/// What was done, as a status has it.
fn past(change: &'static str) -> &'static str {
    match change {
        "suspend" => "suspended",
        "reactivate" => "reactivated",
        "revoke" => "revoked",
        other => other,
    }
}

/// The serial number in a path. What cannot be one names nothing.
fn parse_serial(text: &str) -> Result<Serial, Problem> {
    text.parse().map_err(|_| NOT_FOUND)
}

/// The name of a certificate's subject (EN 319 412-2 and -3).
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SubjectBody {
    /// Two letters.
    country: String,
    organization: Option<String>,
    /// As in VATIT-12345678901 (EN 319 412-1).
    organization_identifier: Option<String>,
    given_name: Option<String>,
    surname: Option<String>,
    pseudonym: Option<String>,
    /// As in TINIT-RSSDAA80A41H501X (EN 319 412-1).
    serial_number: Option<String>,
    /// Made from the other names when it is not there.
    common_name: Option<String>,
}

impl SubjectBody {
    fn name(self) -> DistinguishedName {
        let person = [self.given_name.as_deref(), self.surname.as_deref()];
        let person = person.into_iter().flatten().collect::<Vec<_>>().join(" ");
        let made = Some(person).filter(|name| !name.is_empty());
        let made = made.or_else(|| self.pseudonym.clone()).or_else(|| self.organization.clone());
        DistinguishedName {
            country: self.country,
            organization: self.organization,
            organization_identifier: self.organization_identifier,
            given_name: self.given_name,
            surname: self.surname,
            pseudonym: self.pseudonym,
            serial_number: self.serial_number,
            common_name: self.common_name.or(made).unwrap_or_default(),
        }
    }
}

/// A certificate to be issued.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct IssueBody {
    ca: String,
    /// `remote`, `automatic` or `tls-client`.
    profile: String,
    subject: SubjectBody,
    /// A PKCS#10 request, PEM: its key and its proof of possession count, not its name.
    csr: String,
    reason: Option<String>,
}

/// Certifies the key of a certification request.
#[utoipa::path(post, path = "/api/v1/admin/certificates", tag = "administration",
    operation_id = "issue_certificate", request_body = IssueBody,
    responses((status = 201, body = CertificateDetail), (status = 400), (status = 401),
        (status = 404), (status = 503)), security(("admin" = [])))]
pub(crate) async fn issue_certificate(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    let wanted: IssueBody = admitted_within(&request, payload, &service, CSR_LIMIT).await?;
    let kind = match wanted.profile.parse() {
        Ok(kind @ (EndKind::HolderRemote | EndKind::HolderAutomatic | EndKind::TlsClient)) => kind,
        _ => return Err(invalid("profile", "use remote, automatic or tls-client")),
    };
    // Units have a life of their own, and only this CA's certificates may stamp.
    if wanted.ca != crate::service::HOLDERS {
        return Err(invalid("ca", "holders and clients are certified by \"holders\""));
    }
    let csr = certs::csr::from_pem(wanted.csr.as_bytes());
    let csr = csr.map_err(|fault| invalid("csr", &fault.to_string()))?;
    let (by, now) = (by(wanted.reason), service.clock.now());
    let (profile, subject) = (EndProfile::new(kind, Vec::new()), wanted.subject.name());
    let authority = service.pki.authority();
    let issued = authority.issue(&wanted.ca, &profile, &subject, csr.public_key(), &by, now).await;
    let issued = issued.map_err(authority_problem)?;
    tracing::info!(serial = %issued.serial, %kind, "certificate issued");
    Ok(fresh(HttpResponse::Created(), &detail(&service, &issued.serial)?))
}

/// A suspension.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SuspendBody {
    /// When it ends by itself.
    until: Option<DateTime<Utc>>,
    reason: Option<String>,
}

/// Suspends a certificate: on hold in a new revocation list, at once.
#[utoipa::path(post, path = "/api/v1/admin/certificates/{serial}/suspend",
    tag = "administration", operation_id = "suspend_certificate", request_body = SuspendBody,
    params(("serial" = String, Path)), responses((status = 200, body = CertificateView),
        (status = 400), (status = 401), (status = 404), (status = 409), (status = 503)),
    security(("admin" = [])))]
pub(crate) async fn suspend_certificate(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
    serial: Path<String>,
) -> Result<HttpResponse, Problem> {
    let SuspendBody { until, reason } = admitted(&request, payload, &service).await?;
    let serial = parse_serial(&serial)?;
    let (by, now) = (by(reason), service.clock.now());
    let outcome = service.pki.authority().suspend(&serial, until, &by, now).await;
    changed(&service, &serial, outcome).await
}

/// Lets a suspended certificate be valid again.
#[utoipa::path(post, path = "/api/v1/admin/certificates/{serial}/reactivate",
    tag = "administration", operation_id = "reactivate_certificate", request_body = Reason,
    params(("serial" = String, Path)), responses((status = 200, body = CertificateView),
        (status = 401), (status = 404), (status = 409), (status = 503)),
    security(("admin" = [])))]
pub(crate) async fn reactivate_certificate(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
    serial: Path<String>,
) -> Result<HttpResponse, Problem> {
    let Reason { reason } = admitted(&request, payload, &service).await?;
    let serial = parse_serial(&serial)?;
    let (by, now) = (by(reason), service.clock.now());
    let outcome = service.pki.authority().reactivate(&serial, &by, now).await;
    changed(&service, &serial, outcome).await
}

/// A revocation.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RevokeBody {
    /// `key-compromise`, `ca-compromise`, `affiliation-changed`, `superseded`,
    /// `cessation-of-operation` or `privilege-withdrawn`.
    reason_code: String,
    /// Since when the key may have been misused.
    invalidity_date: Option<DateTime<Utc>>,
    reason: Option<String>,
}

/// Revokes a certificate for good.
#[utoipa::path(post, path = "/api/v1/admin/certificates/{serial}/revoke",
    tag = "administration", operation_id = "revoke_certificate", request_body = RevokeBody,
    params(("serial" = String, Path)), responses((status = 200, body = CertificateView),
        (status = 400), (status = 401), (status = 404), (status = 409), (status = 503)),
    security(("admin" = [])))]
pub(crate) async fn revoke_certificate(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
    serial: Path<String>,
) -> Result<HttpResponse, Problem> {
    let wanted: RevokeBody = admitted(&request, payload, &service).await?;
    let code = revocation_reason("reason_code", &wanted.reason_code)?;
    let serial = parse_serial(&serial)?;
    let (by, now) = (by(wanted.reason), service.clock.now());
    let authority = service.pki.authority();
    let outcome = authority.revoke(&serial, code, wanted.invalidity_date, &by, now).await;
    changed(&service, &serial, outcome).await
}

/// The reason of a word: any but the one that a suspension has.
pub(super) fn revocation_reason(field: &str, word: &str) -> Result<RevocationReason, Problem> {
    match word.parse() {
        Ok(RevocationReason::CertificateHold) | Err(_) => Err(invalid(
            field,
            "use key-compromise, ca-compromise, affiliation-changed, superseded, \
             cessation-of-operation or privilege-withdrawn",
        )),
        Ok(reason) => Ok(reason),
    }
}

async fn changed(
    service: &Service,
    serial: &Serial,
    outcome: Result<authority::Changed, authority::AuthorityError>,
) -> Result<HttpResponse, Problem> {
    // A unit whose certificate is not good any more stamps no more. A change whose list could not
    // be made has happened all the same.
    let now = service.clock.now();
    service.use_units(now);
    // Nor a holder, whose key is locked.
    service.lock_dead_keys(None).await;
    // Also after a refusal: that may be the second try of what was cut off.
    service.follow_certificate(serial, now).await;
    let changed = outcome.map_err(authority_problem)?;
    let view = CertificateView::of(changed.certificate);
    tracing::info!(
        serial = view.serial,
        status = view.status,
        crl = changed.crl_number,
        "certificate status changed"
    );
    Ok(fresh(HttpResponse::Ok(), &view))
}
