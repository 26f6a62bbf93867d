//! One log line and one measurement for each request, at the boundary.
//!
//! A line holds the route's pattern, never the path: a path may hold an API key.

use super::problem::Problem;
use crate::connections::{Connection, Next as Following};
use crate::service::Service;
use accounts::StampAccountId;
use actix_web::body::BodySize;
use actix_web::body::MessageBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::ConnectionType;
use actix_web::http::header::{
    CACHE_CONTROL, HeaderMap, HeaderValue, STRICT_TRANSPORT_SECURITY, UPGRADE,
    X_CONTENT_TYPE_OPTIONS,
};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage, ResponseError};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Instant;
use tsa::Outcome;

/// What a handler tells about the request that it served, for the log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts {
    account: StampAccountId,
    outcome: Option<&'static str>,
    serial: Option<[u8; 16]>,
}

impl Facts {
    /// The account that asks.
    pub(crate) fn of(account: StampAccountId) -> Self {
        Self { account, outcome: None, serial: None }
    }

    /// The end of a request for a timestamp.
    pub(crate) fn with(mut self, outcome: &Outcome) -> Self {
        self.outcome = Some(outcome_label(outcome));
        if let Outcome::Granted { serial, .. } = outcome {
            self.serial = Some(*serial);
        }
        self
    }
}

/// The stable label of an outcome in logs and metrics.
pub(crate) fn outcome_label(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Granted { repeated: false, .. } => "granted",
        Outcome::Granted { repeated: true, .. } => "repeated",
        Outcome::Rejected { reason, .. } => reason.label(),
        Outcome::NoStamps => "no_stamps",
        Outcome::AccountNotActive => "account_not_active",
        Outcome::Busy => "busy",
        Outcome::UnknownUnit => "unknown_unit",
    }
}

/// The middleware around every route.
pub(crate) async fn log(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let started = Instant::now();
    let service = request.app_data::<Data<Service>>().cloned();
    let connection = request.conn_data::<Arc<Connection>>().cloned();
    if let Some(connection) = &connection {
        connection.begun(!matches!(request.parts().1, Payload::None), started);
    }
    let mut response = match asks_for_websocket(request.headers()) {
        true => refuse_upgrade(request).map_into_right_body(),
        false => next.call(request).await?.map_into_left_body(),
    };
    let elapsed = started.elapsed();
    if let Some(connection) = &connection {
        conclude(&mut response, connection, started + elapsed);
    }
    if response.request().match_info().as_str().starts_with("/api/") {
        protect(response.headers_mut());
    }
    let status = response.status().as_u16();
    let request = response.request();
    let route = request.match_pattern();
    let route = route.as_deref().unwrap_or("unmatched");
    if let Some(service) = service {
        service.metrics.served(route, status, elapsed);
    }
    let facts = request.extensions().get::<Facts>().copied();
    let peer = super::caller::peer(request);
    let line = Line { method: request.method().as_str(), route, status, peer };
    line.write(elapsed.as_micros(), facts);
    Ok(response)
}

/// Whether a request asks for a WebSocket (RFC 6455 §4.1), and for nothing else. The parser of the
/// HTTP library takes all that follows such a head for a stream without an end, whatever its
/// `Content-Length` says: the next request on the connection, which behind a proxy may be somebody
/// else's, would be read as content of this one.
fn asks_for_websocket(headers: &HeaderMap) -> bool {
    let mut asked = headers.get_all(UPGRADE).map(|value| value.as_bytes().trim_ascii());
    asked.any(|protocol| protocol.eq_ignore_ascii_case(b"websocket"))
}

fn refuse_upgrade(request: ServiceRequest) -> ServiceResponse {
    let refused = Problem::Invalid {
        field: "Upgrade".to_owned(),
        reason: "there is no WebSocket here: send the request without this header".to_owned(),
    };
    let mut response = request.into_response(refused.error_response());
    response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    response
}

/// What the connection asks of an answer: that it says so when it is the last one, and that a
/// client which came over TLS does so for a year (RFC 6797 §7.1).
fn conclude<B: MessageBody>(
    response: &mut ServiceResponse<B>,
    connection: &Connection,
    now: Instant,
) {
    let endless = matches!(response.response().body().size(), BodySize::Stream);
    if connection.answered(endless, now) == Following::Close {
        let head = response.response_mut().head_mut();
        head.set_connection_type(ConnectionType::Close);
    }
    if connection.is_tls() {
        let year = HeaderValue::from_static("max-age=31536000; includeSubDomains");
        response.headers_mut().insert(STRICT_TRANSPORT_SECURITY, year);
    }
}

/// What a browser may do with an answer of the interface: take it for what it says it is, and
/// forget it, unless the room says otherwise.
fn protect(headers: &mut HeaderMap) {
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

/// What every line has.
struct Line<'a> {
    method: &'a str,
    route: &'a str,
    status: u16,
    /// Who asked, as far as the connection and trusted proxies tell.
    peer: Option<IpAddr>,
}

impl Line<'_> {
    fn write(&self, micros: u128, facts: Option<Facts>) {
        let Self { method, route, status, peer } = *self;
        // An extension method is the client's text: only the known ones are written.
        let method = match method {
            "GET" | "HEAD" | "POST" | "PUT" | "DELETE" | "PATCH" | "OPTIONS" => method,
            _ => "other",
        };
        let micros = u64::try_from(micros).unwrap_or(u64::MAX);
        let peer = peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let Some(Facts { account, outcome, serial }) = facts else {
            if status >= 500 {
                tracing::warn!(target: "marca::access", %peer, method, route, status, micros);
            } else {
                tracing::info!(target: "marca::access", %peer, method, route, status, micros);
            }
            return;
        };
        let outcome = outcome.unwrap_or("-");
        let Some(serial) = serial else {
            tracing::info!(target: "marca::access",
                %peer, method, route, status, micros, %account, outcome);
            return;
        };
        let mut digits = [0; 32];
        // 16 bytes always fill 32 digits.
        let encoded = hex::encode_to_slice(serial, &mut digits);
        let serial = encoded.ok().and_then(|()| std::str::from_utf8(&digits).ok()).unwrap_or("-");
        tracing::info!(target: "marca::access",
            %peer, method, route, status, micros, %account, outcome, serial);
    }
}
