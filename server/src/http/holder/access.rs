//! Who asks: the holder behind a bearer token, found before a body is read.
//!
//! A token is of a session, which a login opened, or of a linked device; a linked system may come
//! in with a client certificate in the place of one. Which of them a room lets in is the choice of
//! its function here; a session that has to replace its password first gets in by [`known`] and
//! [`own_password`] alone.

use super::problem::holder as problem;
use crate::http::auth::ClientCertificate;
use crate::http::caller::peer;
use crate::http::problem::Problem;
use crate::service::Service;
use accounts::holders::HolderError;
use accounts::holders::sessions::{Access, AccessKind};
use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;

/// Any session or device.
pub(crate) async fn holder(request: &HttpRequest, service: &Service) -> Result<Access, Problem> {
    let access = known(request, service).await?;
    if access.must_change_password {
        return Err(problem(HolderError::MustChangePassword));
    }
    Ok(access)
}

/// The same, but for a system: what is kept about the person is none of an unattended server's.
pub(crate) async fn reader(request: &HttpRequest, service: &Service) -> Result<Access, Problem> {
    let access = holder(request, service).await?;
    by_person(&access)?;
    Ok(access)
}

/// A session, also one that has to replace its password first.
pub(crate) async fn own_password(
    request: &HttpRequest,
    service: &Service,
) -> Result<Access, Problem> {
    let access = known(request, service).await?;
    access.session().map_err(problem)?;
    Ok(access)
}

/// A session, and no device.
pub(crate) async fn session(request: &HttpRequest, service: &Service) -> Result<Access, Problem> {
    let access = holder(request, service).await?;
    access.session().map_err(problem)?;
    Ok(access)
}

/// A session or device that may do what matters most: one that began with a QR code has to be
/// raised with a one-time code first.
pub(crate) async fn full(request: &HttpRequest, service: &Service) -> Result<Access, Problem> {
    let access = known(request, service).await?;
    access.needs_full().map_err(problem)?;
    Ok(access)
}

/// The same of a person: a session or a linked phone. A system signs, opens windows and stamps
/// unattended, and does nothing else that matters.
pub(crate) async fn person(request: &HttpRequest, service: &Service) -> Result<Access, Problem> {
    let access = full(request, service).await?;
    by_person(&access)?;
    Ok(access)
}

/// Refuses a system.
pub(super) fn by_person(access: &Access) -> Result<(), Problem> {
    match access.what {
        AccessKind::Session(_) | AccessKind::Device(_) => Ok(()),
        AccessKind::System(_) => Err(problem(HolderError::NoSession)),
    }
}

/// A session that the password opened: for what changes the account or its factors. One that began
/// with a QR code is none, raised or not.
pub(crate) async fn full_session(
    request: &HttpRequest,
    service: &Service,
) -> Result<Access, Problem> {
    let access = known(request, service).await?;
    access.needs_password().map_err(problem)?;
    Ok(access)
}

/// A linked phone.
pub(crate) async fn device(request: &HttpRequest, service: &Service) -> Result<Access, Problem> {
    let access = holder(request, service).await?;
    access.device().map_err(problem)?;
    Ok(access)
}

/// A linked system.
pub(crate) async fn system(request: &HttpRequest, service: &Service) -> Result<Access, Problem> {
    let access = holder(request, service).await?;
    match access.what {
        AccessKind::System(_) => Ok(access),
        AccessKind::Session(_) | AccessKind::Device(_) => Err(problem(HolderError::NotASystem)),
    }
}

/// Any session or device, without counting as its use: for what a page asks for by itself, with
/// nobody there. A session that has to replace its password first gets nothing.
pub(super) fn watching(
    request: &HttpRequest,
    service: &Service,
) -> Result<(Access, Watcher), Problem> {
    let now = service.clock.now();
    let watcher = match shown(request).ok_or(Problem::HolderUnauthorized)? {
        Shown::Token(token) => Watcher::Token(token.to_owned()),
        Shown::Certificate(sha256) => Watcher::Certificate(*sha256),
    };
    let access = match watcher.peek(service) {
        Err(HolderError::NotLoggedIn) => {
            service.logins.holder_refused(peer(request), now);
            return Err(Problem::HolderUnauthorized);
        }
        found => found.map_err(problem)?,
    };
    match access.must_change_password {
        true => Err(problem(HolderError::MustChangePassword)),
        false => Ok((access, watcher)),
    }
}

/// Who watches, to be asked for again and again.
pub(super) enum Watcher {
    Token(String),
    /// SHA-256 of the certificate that the connection came with.
    Certificate([u8; 32]),
}

impl Watcher {
    /// What it opens now.
    pub(super) fn peek(&self, service: &Service) -> Result<Access, HolderError> {
        match self {
            Self::Token(token) => service.holders.peek(token, service.clock.now()),
            Self::Certificate(sha256) => service.holders.peek_by_certificate(sha256),
        }
    }
}

/// What a request shows of who it is.
enum Shown<'a> {
    Token(&'a str),
    /// SHA-256 of the certificate that the connection came with.
    Certificate(&'a [u8; 32]),
}

/// A certificate counts where there is no `Authorization`: what is sent in a header is meant.
fn shown(request: &HttpRequest) -> Option<Shown<'_>> {
    if request.headers().contains_key(AUTHORIZATION) {
        return token(request).map(Shown::Token);
    }
    let ClientCertificate(sha256) = request.conn_data::<ClientCertificate>()?;
    Some(Shown::Certificate(sha256))
}

/// The bearer token of a request (RFC 6750 §2.1), whatever it may be.
pub(super) fn token(request: &HttpRequest) -> Option<&str> {
    let sent = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = sent.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Any session or device, also a session that has to replace its password first.
pub(crate) async fn known(request: &HttpRequest, service: &Service) -> Result<Access, Problem> {
    let now = service.clock.now();
    let found = match shown(request).ok_or(Problem::HolderUnauthorized)? {
        Shown::Token(token) => service.holders.access(token, now).await,
        Shown::Certificate(sha256) => service.holders.access_by_certificate(sha256, now).await,
    };
    match found {
        Err(HolderError::NotLoggedIn) => {
            service.logins.holder_refused(peer(request), now);
            Err(Problem::HolderUnauthorized)
        }
        found => found.map_err(problem),
    }
}
