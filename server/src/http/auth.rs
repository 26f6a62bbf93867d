//! Who asks: the stamp account behind a request, found before its body is read.
//!
//! Handlers call this first and by hand. Tuple extractors of actix are polled together, so an
//! extractor beside a body would not come before it.

use super::caller::{caller_address, is_local, peer};
use super::problem::Problem;
use crate::service::Service;
use accounts::StampAccountId;
use accounts::credentials::AuthError;
use actix_web::HttpRequest;
use actix_web::http::header;

/// SHA-256 of the client certificate that a TLS connection came with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClientCertificate(pub(crate) [u8; 32]);

/// How a caller proved who it is: for the log and the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// HTTP Basic: the account's name and password.
    Password,
    /// An API key, in a header or in the path.
    ApiKey,
    /// A client certificate.
    Certificate,
}

impl Proof {
    /// The label in logs and metrics.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::ApiKey => "api_key",
            Self::Certificate => "certificate",
        }
    }
}

/// The stamp account that asks, by whichever of the ways the request carries.
pub(crate) async fn caller(
    request: &HttpRequest,
    service: &Service,
) -> Result<StampAccountId, Problem> {
    let Some(sent) = request.headers().get(header::AUTHORIZATION) else {
        return by_certificate(request, service).await;
    };
    let sent = sent.to_str().map_err(|_not_text| Problem::Unauthorized)?;
    let (scheme, value) = sent.split_once(' ').ok_or(Problem::Unauthorized)?;
    let value = value.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        by_api_key(value, request, service).await
    } else if scheme.eq_ignore_ascii_case("basic") {
        by_password(value, request, service).await
    } else {
        Err(Problem::Unauthorized)
    }
}

/// The account of an API key, wherever in the request it stood.
pub(crate) async fn by_api_key(
    key: &str,
    request: &HttpRequest,
    service: &Service,
) -> Result<StampAccountId, Problem> {
    let found = service.credentials.by_api_key(key, service.clock.now());
    noted(request, service, Proof::ApiKey, None, found).await
}

async fn by_password(
    value: &str,
    request: &HttpRequest,
    service: &Service,
) -> Result<StampAccountId, Problem> {
    // RFC 7617 §2: user-id ":" password, UTF-8, in base64; the user-id holds no colon.
    let decoded = openssl::base64::decode_block(value).map_err(|_| Problem::Unauthorized)?;
    let decoded = zeroize::Zeroizing::new(decoded);
    let text = std::str::from_utf8(&decoded).map_err(|_| Problem::Unauthorized)?;
    let (name, password) = text.split_once(':').ok_or(Problem::Unauthorized)?;
    by_name(name, password, request, service).await
}

/// The account of a name and its password, wherever in the request they stood.
pub(crate) async fn by_name(
    name: &str,
    password: &str,
    request: &HttpRequest,
    service: &Service,
) -> Result<StampAccountId, Problem> {
    let now = service.clock.now();
    if let Some(account) = service.credentials.by_password_cached(name, password, now) {
        return noted(request, service, Proof::Password, None, Ok(account)).await;
    }
    let from = caller_address(request);
    let checked = service.credentials.by_password(name, password, from, now).await;
    noted(request, service, Proof::Password, Some(name), checked).await
}

async fn by_certificate(
    request: &HttpRequest,
    service: &Service,
) -> Result<StampAccountId, Problem> {
    let Some(ClientCertificate(sha256)) = request.conn_data::<ClientCertificate>() else {
        return Err(Problem::Unauthorized);
    };
    let found = service.credentials.by_certificate(sha256);
    noted(request, service, Proof::Certificate, None, found).await
}

/// Counts the try, for the metrics and the audit trail, and turns its end into what the client may
/// know. `name` is what was sent as a name.
async fn noted(
    request: &HttpRequest,
    service: &Service,
    proof: Proof,
    name: Option<&str>,
    outcome: Result<StampAccountId, AuthError>,
) -> Result<StampAccountId, Problem> {
    service.metrics.authenticated(proof, outcome.is_ok());
    let now = service.clock.now();
    match &outcome {
        Ok(account) => {
            if let Some(event) = service.logins.accepted(*account, proof.label(), now) {
                service.tell(event).await;
            }
        }
        Err(AuthError::Denied | AuthError::Slowed { .. }) => {
            // Only a name that an account has: people type passwords into name fields.
            let name = name.filter(|name| matches!(service.ledger.by_name(name), Ok(Some(_))));
            service.logins.refused(name, proof.label(), peer(request), now);
        }
        Err(_) => {}
    }
    outcome.map_err(|error| match error {
        AuthError::Denied => Problem::Unauthorized,
        AuthError::Slowed { retry_after } => Problem::TooManyTries { retry_after },
        AuthError::Busy => Problem::Busy,
        error => {
            tracing::error!(%error, "credentials cannot be read");
            Problem::Unavailable
        }
    })
}

/// Checks the administration token.
pub(crate) fn administrator(request: &HttpRequest, service: &Service) -> Result<(), Problem> {
    let sent = request.headers().get(header::AUTHORIZATION);
    let sent = sent.and_then(|value| value.to_str().ok()?.split_once(' '));
    match sent {
        Some((scheme, token))
            if scheme.eq_ignore_ascii_case("bearer") && service.admin_token.is(token.trim()) =>
        {
            Ok(())
        }
        _ => {
            service.logins.administrator_refused(peer(request), service.clock.now());
            Err(Problem::AdminUnauthorized)
        }
    }
}

/// Lets through callers on the same machine, but no proxy on it, and administrators.
pub(crate) fn local_or_administrator(
    request: &HttpRequest,
    service: &Service,
) -> Result<(), Problem> {
    if is_local(request) || administrator(request, service).is_ok() {
        return Ok(());
    }
    Err(Problem::Forbidden)
}
