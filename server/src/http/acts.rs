//! Every administration act goes into the audit trail: who, what, on what, why, and whether it was
//! done.
//!
//! A middleware, so that no route can forget it. It knows the act by the route, what it was done
//! to by the path, and the reason by what [`note`] took from the body. What a wrong token asked
//! for is no act: [`super::auth`] counts it.

use super::caller::peer;
use super::problem::Problem;
use crate::service::Service;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage, HttpRequest};
use serde::Deserialize;
use trail::{Category, Event, Outcome};

/// What is longer is no prefix of an API key.
const LONGEST_PREFIX: usize = 12;

const ADMIN: &str = "/api/v1/admin/";

/// The acts by the last words of their routes, below [`ADMIN`]. A name in the trail never changes.
const ACTS: &[(&str, &str, &str)] = &[
    ("POST", "accounts", "account-opened"),
    ("POST", "accounts/{account}/suspend", "account-suspended"),
    ("POST", "accounts/{account}/reactivate", "account-reactivated"),
    ("POST", "accounts/{account}/close", "account-closed"),
    ("POST", "accounts/{account}/password", "password-changed"),
    ("POST", "accounts/{account}/lots", "stamps-granted"),
    ("POST", "accounts/{account}/lots/{lot}/void", "lot-voided"),
    ("POST", "accounts/{account}/refunds", "stamp-refunded"),
    ("POST", "accounts/{account}/api-keys", "api-key-made"),
    ("DELETE", "accounts/{account}/api-keys/{prefix}", "api-key-revoked"),
    ("POST", "accounts/{account}/certificates", "client-certificate-bound"),
    ("DELETE", "accounts/{account}/certificates/{sha256}", "client-certificate-unbound"),
    ("GET", "accounts/{account}/links", "stamp-account-links-read"),
    ("DELETE", "accounts/{account}/links/{holder}", "stamp-account-link-end-asked-for"),
    ("POST", "authorities/{ca}/crl", "crl-asked-for"),
    ("POST", "certificates", "certificate-asked-for"),
    ("POST", "certificates/{serial}/suspend", "suspension-asked-for"),
    ("POST", "certificates/{serial}/reactivate", "reactivation-asked-for"),
    ("POST", "certificates/{serial}/revoke", "revocation-asked-for"),
    ("POST", "tsus", "unit-asked-for"),
    ("POST", "tsus/{id}/keys", "unit-key-asked-for"),
    ("POST", "tsus/{id}/certificate", "unit-certificate-brought"),
    ("POST", "tsus/{id}/activate", "unit-activation-asked-for"),
    ("POST", "tsus/{id}/retire", "unit-retirement-asked-for"),
    ("POST", "tsus/{id}/default", "default-unit-asked-for"),
    ("GET", "trail", "trail-read"),
    ("GET", "tsus/{id}/csr", "certification-request-read"),
    ("POST", "registrations", "registration-asked-for"),
    ("POST", "registrations/{registration}/approve", "approval-asked-for"),
    ("POST", "registrations/{registration}/reject", "rejection-asked-for"),
    ("POST", "registrations/{registration}/invite", "invitation-asked-for"),
    ("POST", "holders/{holder}/block", "block-asked-for"),
    ("POST", "holders/{holder}/unblock", "unblock-asked-for"),
    ("POST", "holders/{holder}/close", "closing-asked-for"),
    ("POST", "holders/{holder}/erase", "erasure-asked-for"),
    ("POST", "holders/{holder}/clear-question", "question-removal-asked-for"),
    ("POST", "holders/{holder}/clear-notice-address", "notice-address-removal-asked-for"),
    ("POST", "holders/{holder}/credentials/{credential}/suspend", "hold-asked-for"),
    ("POST", "holders/{holder}/credentials/{credential}/reactivate", "release-asked-for"),
    ("POST", "holders/{holder}/credentials/{credential}/revoke", "credential-end-asked-for"),
    ("DELETE", "holders/{holder}/sessions", "sessions-end-asked-for"),
    ("DELETE", "holders/{holder}/devices/{device}", "device-end-asked-for"),
    ("POST", "messages/{message}/retry", "message-retry-asked-for"),
    ("GET", "holders", "holders-read"),
    ("GET", "holders/{holder}", "holder-read"),
    ("GET", "holders/{holder}/history", "holder-history-read"),
    ("GET", "holders/{holder}/personal-data", "personal-data-read"),
    ("GET", "holders/{holder}/messages", "holder-messages-read"),
    ("GET", "holders/{holder}/sessions", "holder-sessions-read"),
    ("GET", "holders/{holder}/devices", "holder-devices-read"),
    ("GET", "messages", "messages-read"),
    ("GET", "pepper", "pepper-read"),
    ("GET", "registrations", "registrations-read"),
    ("GET", "registrations/{registration}", "registration-read"),
];

/// What an act says of itself in its body.
#[derive(Clone, Debug, Default, Deserialize)]
struct Note {
    reason: Option<String>,
    /// What is made: an account by its name, a unit by its identifier.
    name: Option<String>,
    id: Option<String>,
}

/// Remembers the reason that a body states, for the trail. Anything else in it is passed over:
/// a body holds secrets too.
pub(super) fn note(request: &HttpRequest, body: &[u8]) {
    if let Ok(note) = serde_json::from_slice::<Note>(body) {
        request.extensions_mut().insert(note);
    }
}

/// The middleware. The event is durable before the answer leaves.
///
/// An act, of the operator or of a holder, runs on a task of its own: a client that goes away in
/// its middle must neither leave it half done nor take its event with it.
pub(crate) async fn record(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    // The path that routes are matched with: in the one that was sent, letters can be hidden.
    if !is_act(request.method(), request.match_info().as_str()) {
        return next.call(request).await;
    }
    let acting = actix_web::rt::spawn(act(request, next));
    acting.await.map_err(|_ended| Error::from(Problem::Internal))?
}

async fn act<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let response = next.call(request).await?;
    if let Some(event) = event(response.request(), response.status())
        && let Some(service) = response.request().app_data::<Data<Service>>()
    {
        service.tell(event).await;
    }
    Ok(response)
}

/// Whether somebody asks for a change. What an operator only reads can be an act as well.
fn is_act(method: &Method, path: &str) -> bool {
    let reads = matches!(*method, Method::GET | Method::HEAD);
    path.starts_with(ADMIN) || (!reads && path.starts_with("/api/v1/"))
}

fn event(request: &HttpRequest, status: StatusCode) -> Option<Event> {
    // Most requests leave here: they are no administration.
    let below = request.match_info().as_str().strip_prefix(ADMIN)?;
    if status == StatusCode::UNAUTHORIZED {
        return None;
    }
    let pattern = request.match_pattern()?;
    let pattern = pattern.strip_prefix(ADMIN)?;
    let action = action(request.method(), pattern)?;
    let note = request.extensions().get::<Note>().cloned().unwrap_or_default();
    // The trail is kept for ever: of a holder it has the number alone, and none of the words that
    // an operator wrote. The reason stands in the holder's history, which can be erased.
    let note = if is_personal(pattern) { Note::default() } else { note };
    let made = note.name.or(note.id).map(|made| format!("/{made}")).unwrap_or_default();
    let subject = format!("{}{made}", subject(below, pattern));
    let mut event = Event::success(Category::Administration, action, "admin", subject);
    if status.as_u16() >= 400 {
        event.outcome = Outcome::Failure;
    }
    let reason = note.reason.filter(|reason| !reason.is_empty());
    let event = match reason {
        None if is_personal(pattern) => event,
        reason => event.with("reason", reason.as_deref().unwrap_or("not stated")),
    };
    let event = event.with("status", status.as_u16());
    Some(match peer(request) {
        Some(from) => event.with("from", from),
        None => event,
    })
}

/// Whether an act is about a person.
fn is_personal(pattern: &str) -> bool {
    ["holders", "registrations", "messages"].iter().any(|of| pattern.starts_with(of))
}

/// What an act was done to, out of its path. Whoever takes a whole API key for its prefix must not
/// find it in the trail for ever, and whoever takes an address for a holder's number neither.
fn subject(path: &str, pattern: &str) -> String {
    if is_personal(pattern) {
        let pieces = path.split('/').zip(pattern.split('/'));
        let told = pieces.map(|(piece, of)| match of.starts_with('{') && !is_identifier(piece) {
            true => "(no identifier)",
            false => piece,
        });
        return told.collect::<Vec<_>>().join("/");
    }
    match path.rsplit_once('/') {
        Some((keys, prefix)) if pattern.ends_with("{prefix}") && prefix.len() > LONGEST_PREFIX => {
            format!("{keys}/(not a prefix)")
        }
        Some((links, holder)) if pattern.ends_with("{holder}") && !is_identifier(holder) => {
            format!("{links}/(no identifier)")
        }
        _ => path.to_owned(),
    }
}

/// A number such as `h-1`, or 32 hexadecimal digits.
fn is_identifier(piece: &str) -> bool {
    let number = piece.get(2..).filter(|_| ["h-", "r-", "m-"].iter().any(|p| piece.starts_with(p)));
    let digits =
        |text: &str| (1..=20).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_digit());
    let random = piece.len() == 32 && piece.bytes().all(|c| c.is_ascii_hexdigit());
    random || number.is_some_and(digits)
}

/// The name of an act; `None` for what only looks.
fn action(method: &Method, route: &str) -> Option<&'static str> {
    let known = ACTS.iter().find(|(of, at, _)| *of == method.as_str() && *at == route);
    match known {
        Some((_, _, action)) => Some(action),
        None if matches!(*method, Method::POST | Method::DELETE) => Some("administration-act"),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{ACTS, action, subject};
    use actix_web::http::Method;
    use std::collections::BTreeSet;

    #[test]
    fn every_act_has_one_name_of_its_own() {
        let routes: BTreeSet<_> = ACTS.iter().map(|(method, route, _)| (method, route)).collect();
        let names: BTreeSet<_> = ACTS.iter().map(|(_, _, name)| name).collect();
        assert_eq!((routes.len(), names.len()), (ACTS.len(), ACTS.len()));
    }

    #[test]
    fn a_whole_key_does_not_get_into_the_trail() {
        let pattern = "accounts/{account}/api-keys/{prefix}";
        let key = format!("accounts/demo/api-keys/marca_{}", "0123456789abcdef".repeat(2));
        assert_eq!(subject(&key, pattern), "accounts/demo/api-keys/(not a prefix)");
        let prefix = "accounts/demo/api-keys/0123abcd";
        assert_eq!(subject(prefix, pattern), prefix);
        let link = "accounts/{account}/links/{holder}";
        assert_eq!(subject("accounts/demo/links/h-1", link), "accounts/demo/links/h-1");
        let address = "accounts/demo/links/ada@example.org";
        assert_eq!(subject(address, link), "accounts/demo/links/(no identifier)");
        let serial = "certificates/5f2a5f2a5f2a5f2a5f2a5f2a5f2a5f2a/revoke";
        assert_eq!(subject(serial, "certificates/{serial}/revoke"), serial);
    }

    #[test]
    fn of_a_person_the_trail_has_the_number_alone() {
        let pattern = "holders/{holder}/block";
        assert_eq!(subject("holders/h-12/block", pattern), "holders/h-12/block");
        for piece in ["ada@example.org", "RSSMRA85T10A562S", "h-ada", "h-", "%61da", "h-1%20ada"] {
            let path = format!("holders/{piece}/block");
            assert_eq!(subject(&path, pattern), "holders/(no identifier)/block");
        }
        let credential = "holders/h-1/credentials/00112233445566778899aabbccddeeff/revoke";
        let of = "holders/{holder}/credentials/{credential}/revoke";
        assert_eq!(subject(credential, of), credential);
    }

    /// What changes something is finished, whoever asked for it; what is read may be dropped.
    #[test]
    fn acts_are_told_from_reading() {
        let act = |method: &str, path: &str| super::is_act(&method.parse().unwrap(), path);
        for method in ["POST", "PUT", "PATCH", "DELETE"] {
            assert!(act(method, "/api/v1/holder/question"), "{method}");
            assert!(act(method, "/api/v1/sessions"), "{method}");
        }
        assert!(act("GET", "/api/v1/admin/trail"));
        assert!(!act("GET", "/api/v1/holder/history") && !act("HEAD", "/api/v1/holder"));
        assert!(!act("POST", "/tsa") && !act("POST", "/ocsp"));
    }

    /// A new route is recorded even before it has a name, and a test of its own asks for the name.
    #[test]
    fn an_act_without_a_name_is_still_recorded() {
        assert_eq!(action(&Method::POST, "accounts"), Some("account-opened"));
        assert_eq!(action(&Method::POST, "something/new"), Some("administration-act"));
        assert_eq!(action(&Method::GET, "accounts"), None);
        assert_eq!(action(&Method::GET, "trail"), Some("trail-read"));
    }

    /// The OpenAPI document knows every route: none of them is without a name.
    #[test]
    fn every_route_of_the_document_has_a_name() {
        let document = crate::http::openapi::described();
        let mut nameless = Vec::new();
        for (path, item) in document.paths.paths {
            let Some(route) = path.strip_prefix(super::ADMIN) else { continue };
            let posts = item.post.is_some().then_some(Method::POST);
            let deletes = item.delete.is_some().then_some(Method::DELETE);
            // What is read of persons is an event as well.
            let persons = ["holders", "registrations", "messages", "pepper"];
            let of_persons = persons.iter().any(|of| route.starts_with(of));
            let gets = (of_persons && item.get.is_some()).then_some(Method::GET);
            for method in posts.into_iter().chain(deletes).chain(gets) {
                if matches!(action(&method, route), None | Some("administration-act")) {
                    nameless.push(format!("{method} {route}"));
                }
            }
        }
        assert!(nameless.is_empty(), "{nameless:?}");
    }
}
