//! What an account proves itself with: password, API keys, client certificates.

use super::accounts::invalid;
use super::{Reason, account, admitted, fresh};
use crate::http::auth;
use crate::http::fault::{credential_problem, stamp_problem};
use crate::http::problem::Problem;
use crate::http::stamp_account::rfc3339;
use crate::service::Service;
use ::accounts::StampAccountId;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};

/// A new password, shown this once.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct PasswordSet {
    password: String,
}

/// Makes a new password; the old one stops working at once.
#[utoipa::path(post, path = "/api/v1/admin/accounts/{account}/password", tag = "administration",
    operation_id = "new_password", params(("account" = String, Path)), request_body = Reason,
    responses((status = 200, body = PasswordSet), (status = 401), (status = 404)),
    security(("admin" = [])))]
pub(crate) async fn password(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
    name: Path<String>,
) -> Result<HttpResponse, Problem> {
    let _reason: Reason = admitted(&request, payload, &service).await?;
    let id = account(&service, &name)?;
    let now = service.clock.now();
    let view = service.ledger.view(id, now).await.map_err(stamp_problem)?;
    let password = service.credentials.generate_password();
    let shown = PasswordSet { password: password.expose().to_owned() };
    let set = service.credentials.set_password(id, &view.name, password, now).await;
    set.map_err(credential_problem)?;
    end_links(&service, id).await;
    tracing::info!(account = %id, "password changed");
    Ok(fresh(HttpResponse::Ok(), &shown))
}

/// An API key to be made.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewApiKey {
    /// What it is for.
    #[serde(default = "NewApiKey::label")]
    label: String,
}

impl NewApiKey {
    fn label() -> String {
        "not stated".to_owned()
    }
}

/// A new API key, shown this once.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct ApiKeyCreated {
    prefix: String,
    api_key: String,
}

/// Makes an API key; it is in the answer and nowhere else.
#[utoipa::path(post, path = "/api/v1/admin/accounts/{account}/api-keys", tag = "administration",
    operation_id = "create_api_key", params(("account" = String, Path)), request_body = NewApiKey,
    responses((status = 201, body = ApiKeyCreated), (status = 401), (status = 404),
        (status = 409, description = "Two keys are alive: revoke one first")),
    security(("admin" = [])))]
pub(crate) async fn create_api_key(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
    name: Path<String>,
) -> Result<HttpResponse, Problem> {
    let NewApiKey { label } = admitted(&request, payload, &service).await?;
    let id = account(&service, &name)?;
    let now = service.clock.now();
    let key = service.credentials.issue_api_key(id, &label, now).await;
    let key = key.map_err(credential_problem)?;
    let prefix = key.prefix().to_owned();
    tracing::info!(account = %id, prefix, "API key made");
    let created = ApiKeyCreated { prefix, api_key: key.expose().to_owned() };
    Ok(fresh(HttpResponse::Created(), &created))
}

/// The API keys of an account, without their secrets.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct ApiKeyList {
    api_keys: Vec<ApiKeyItem>,
}

/// An API key, without its secret.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct ApiKeyItem {
    prefix: String,
    label: String,
    created_at: String,
    /// Day of the last use.
    last_used_on: Option<String>,
    revoked_at: Option<String>,
}

/// Lists the API keys of an account, without their secrets.
#[utoipa::path(get, path = "/api/v1/admin/accounts/{account}/api-keys", tag = "administration",
    operation_id = "list_api_keys", params(("account" = String, Path)),
    responses((status = 200, body = ApiKeyList), (status = 401), (status = 404)),
    security(("admin" = [])))]
pub(crate) async fn list_api_keys(
    request: HttpRequest,
    service: Data<Service>,
    name: Path<String>,
) -> Result<HttpResponse, Problem> {
    auth::administrator(&request, &service)?;
    let id = account(&service, &name)?;
    let keys = service.credentials.list_api_keys(id).map_err(credential_problem)?;
    let items = keys.into_iter().map(|key| ApiKeyItem {
        prefix: key.prefix,
        label: key.label,
        created_at: rfc3339(key.created_at),
        last_used_on: key.last_used_on.map(|day| day.to_string()),
        revoked_at: key.revoked_at.map(rfc3339),
    });
    Ok(fresh(HttpResponse::Ok(), &ApiKeyList { api_keys: items.collect() }))
}

/// Revokes an API key, at once.
#[utoipa::path(delete, path = "/api/v1/admin/accounts/{account}/api-keys/{prefix}",
    tag = "administration", operation_id = "revoke_api_key",
    params(("account" = String, Path), ("prefix" = String, Path)),
    responses((status = 204), (status = 401), (status = 404)), security(("admin" = [])))]
pub(crate) async fn revoke_api_key(
    request: HttpRequest,
    service: Data<Service>,
    path: Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    auth::administrator(&request, &service)?;
    let (name, prefix) = path.into_inner();
    let id = account(&service, &name)?;
    let revoked = service.credentials.revoke_api_key(id, &prefix, service.clock.now()).await;
    revoked.map_err(credential_problem)?;
    end_links(&service, id).await;
    tracing::info!(account = %id, prefix, "API key revoked");
    Ok(HttpResponse::NoContent().finish())
}

/// A client certificate to be bound: the certificate, or its SHA-256.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewCertificate {
    /// PEM.
    certificate: Option<String>,
    /// 64 hexadecimal digits.
    sha256: Option<String>,
}

impl NewCertificate {
    fn digest(&self) -> Result<[u8; 32], Problem> {
        match (&self.certificate, &self.sha256) {
            (Some(pem), None) => {
                let found = certs::pem::certificates(pem.as_bytes())
                    .map_err(|error| invalid("certificate", &error.to_string()))?;
                match found.as_slice() {
                    [der] => match certs::check::parse(der) {
                        Ok(_certificate) => Ok(openssl::sha::sha256(der)),
                        Err(error) => Err(invalid("certificate", &error.to_string())),
                    },
                    _ => Err(invalid("certificate", "use exactly one PEM certificate")),
                }
            }
            (None, Some(digest)) => parse_sha256(digest),
            _ => Err(invalid("certificate", "give either `certificate` or `sha256`")),
        }
    }
}

fn parse_sha256(text: &str) -> Result<[u8; 32], Problem> {
    let mut digest = [0; 32];
    match hex::decode_to_slice(text, &mut digest) {
        Ok(()) => Ok(digest),
        Err(_) => Err(invalid("sha256", "use 64 hexadecimal digits")),
    }
}

/// A client certificate that was bound.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct CertificateBound {
    sha256: String,
}

/// Binds a TLS client certificate to an account.
#[utoipa::path(post, path = "/api/v1/admin/accounts/{account}/certificates",
    tag = "administration", operation_id = "bind_certificate",
    params(("account" = String, Path)), request_body = NewCertificate,
    responses((status = 201, body = CertificateBound), (status = 400), (status = 401),
        (status = 404), (status = 409)), security(("admin" = [])))]
pub(crate) async fn bind_certificate(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
    name: Path<String>,
) -> Result<HttpResponse, Problem> {
    let wanted: NewCertificate = admitted(&request, payload, &service).await?;
    let id = account(&service, &name)?;
    let digest = wanted.digest()?;
    let bound = service.credentials.bind_certificate(id, digest, service.clock.now()).await;
    bound.map_err(credential_problem)?;
    let sha256 = hex::encode(digest);
    tracing::info!(account = %id, sha256, "client certificate bound");
    Ok(fresh(HttpResponse::Created(), &CertificateBound { sha256 }))
}

/// The client certificates of an account.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct CertificateList {
    certificates: Vec<CertificateItem>,
}

/// A client certificate of an account.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct CertificateItem {
    sha256: String,
    bound_at: String,
}

/// Lists the client certificates of an account.
#[utoipa::path(get, path = "/api/v1/admin/accounts/{account}/certificates",
    tag = "administration", operation_id = "list_certificates",
    params(("account" = String, Path)),
    responses((status = 200, body = CertificateList), (status = 401), (status = 404)),
    security(("admin" = [])))]
pub(crate) async fn list_certificates(
    request: HttpRequest,
    service: Data<Service>,
    name: Path<String>,
) -> Result<HttpResponse, Problem> {
    auth::administrator(&request, &service)?;
    let id = account(&service, &name)?;
    let bound = service.credentials.list_certificates(id).map_err(credential_problem)?;
    let items = bound.into_iter().map(|item| CertificateItem {
        sha256: hex::encode(item.sha256),
        bound_at: rfc3339(item.bound_at),
    });
    Ok(fresh(HttpResponse::Ok(), &CertificateList { certificates: items.collect() }))
}

/// Unbinds a client certificate, at once.
#[utoipa::path(delete, path = "/api/v1/admin/accounts/{account}/certificates/{sha256}",
    tag = "administration", operation_id = "unbind_certificate",
    params(("account" = String, Path), ("sha256" = String, Path)),
    responses((status = 204), (status = 401), (status = 404)), security(("admin" = [])))]
pub(crate) async fn unbind_certificate(
    request: HttpRequest,
    service: Data<Service>,
    path: Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    auth::administrator(&request, &service)?;
    let (name, sha256) = path.into_inner();
    let id = account(&service, &name)?;
    let digest = parse_sha256(&sha256)?;
    let unbound = service.credentials.unbind_certificate(id, digest).await;
    unbound.map_err(credential_problem)?;
    tracing::info!(account = %id, sha256, "client certificate unbound");
    Ok(HttpResponse::NoContent().finish())
}

/// Tells the holders whose links rested on a login that is no more. What fails here the timer does:
/// they opened nothing from the instant on in which the login ended.
async fn end_links(service: &Service, account: StampAccountId) {
    if let Err(error) = service.holders.end_stamp_links(account, service.clock.now()).await {
        tracing::error!(%error, %account, "links of holders cannot be ended; tried again");
    }
}
