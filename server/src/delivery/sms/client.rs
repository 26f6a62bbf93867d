//! One request to a gateway, and what it tells of the message when no answer comes.
//!
//! Nobody but the configured address is ever asked: no redirect is followed and no proxy of the
//! environment is used. Every request has a connection of its own, so that an error before it
//! stands proves that nothing was sent.

use super::Outcome;
use crate::config::GatewayConfig;
use crate::delivery::fault::{Fault, harmless};
use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::Duration;
use ureq::http::{Request, Uri};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, TlsProvider, parse_pem};
use ureq::{Agent, Error, Timeout};

const CONNECT: Duration = Duration::from_secs(5);
const WHOLE: Duration = Duration::from_secs(15);
/// The longest answer that is read: an id, or a sentence.
const LONGEST_ANSWER: u64 = 16 * 1024;

/// Why the CAs of a gateway cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{key}: {path}: {reason}")]
pub(crate) struct ClientError {
    key: String,
    path: PathBuf,
    reason: String,
}

/// A gateway's address is asked through this.
pub(super) struct Client(Agent);

/// What a gateway answered.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
}

impl Client {
    pub(super) fn new(config: &GatewayConfig) -> Result<Self, ClientError> {
        let tls = TlsConfig::builder().provider(TlsProvider::NativeTls).root_certs(roots(config)?);
        let agent = Agent::config_builder()
            .tls_config(tls.build())
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .max_idle_connections(0)
            .timeout_resolve(Some(CONNECT))
            .timeout_connect(Some(CONNECT))
            .timeout_global(Some(WHOLE))
            .user_agent(concat!("marca/", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Self(agent.new_agent()))
    }

    /// Sends `request`. Without an answer it is clear what to say of the message.
    pub(super) fn ask(&self, request: Request<String>, to: &str) -> Result<Answer, Outcome> {
        let mut response = self.0.run(request).map_err(|error| unanswered(&error, to))?;
        let status = response.status().as_u16();
        // A status is an answer, whatever comes after it.
        let body = response.body_mut().with_config().limit(LONGEST_ANSWER).read_to_string();
        Ok(Answer { status, body: body.unwrap_or_default() })
    }
}

impl Answer {
    /// The status says that nobody took the message, or may say so: RFC 9110 §15 in the eyes of
    /// somebody who must not send anything twice. `said` is what the body says in words.
    pub(super) fn refusal(&self, said: &str, to: &str) -> Outcome {
        let Self { status, .. } = self;
        let said = harmless(said, to);
        let text = format!("status {status}: {said}").trim_end_matches([' ', ':']).to_owned();
        let passing = |text| Outcome::Refused { fault: Fault { permanent: false, text } };
        match status {
            300..=399 => {
                passing(format!("status {status}: it sends elsewhere, where nothing is sent"))
            }
            // The gateway, not the message: its login, its address, its limits.
            401 | 403 | 404 | 405 | 407 | 408 | 421 | 425 | 429 | 503 => passing(text),
            400..=499 => Outcome::Refused { fault: Fault { permanent: true, text } },
            // A gateway that failed half way, or somebody between who did not hear from it.
            _ => Outcome::Unclear { text },
        }
    }
}

/// Before a connection stands nothing can have been taken; after that anything can.
fn unanswered(error: &Error, to: &str) -> Outcome {
    let never = |text: &str| Outcome::Refused { fault: Fault::passing(text, to) };
    match error {
        Error::HostNotFound => never("its address is not known"),
        Error::Timeout(Timeout::Resolve | Timeout::Connect) => never("no connection in time"),
        Error::ConnectionFailed => never("no connection"),
        Error::Io(error) if error.kind() == ErrorKind::ConnectionRefused => {
            never("nobody listens there")
        }
        Error::Io(error)
            if matches!(
                error.kind(),
                ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable
            ) =>
        {
            never("its network cannot be reached")
        }
        // The handshake comes before the request.
        Error::NativeTls(error) => never(&format!("no TLS with it: {error}")),
        Error::Tls(error) => never(&format!("no TLS with it: {error}")),
        // Nothing was sent. The text would repeat the address with all that is in its query.
        Error::BadUri(_) | Error::Http(_) => never("its address cannot be used"),
        Error::Timeout(_) => Outcome::Unclear { text: "no answer in time".to_owned() },
        other => Outcome::Unclear { text: harmless(&other.to_string(), to) },
    }
}

/// An address with fields behind `?`.
pub(super) fn with_query(url: &str, fields: &[(&str, &str)]) -> Result<Uri, ureq::http::Error> {
    Ok(format!("{url}?{}", form(fields)).parse::<Uri>()?)
}

/// `application/x-www-form-urlencoded`.
pub(super) fn form(fields: &[(&str, &str)]) -> String {
    let fields: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("{}={}", escaped(name), escaped(value)))
        .collect();
    fields.join("&")
}

fn escaped(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for octet in value.bytes() {
        match octet {
            // RFC 3986 §2.3.
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                escaped.push(char::from(octet));
            }
            other => escaped.push_str(&format!("%{other:02X}")),
        }
    }
    escaped
}

/// The CAs of the gateway's own file, or the system's.
fn roots(config: &GatewayConfig) -> Result<RootCerts, ClientError> {
    let Some(path) = &config.ca_file else { return Ok(RootCerts::PlatformVerifier) };
    let fault =
        |reason: String| ClientError { key: config.key("ca_file"), path: path.clone(), reason };
    let pem = std::fs::read(path).map_err(|error| fault(error.to_string()))?;
    let mut certificates = Vec::<Certificate<'static>>::new();
    for item in parse_pem(&pem) {
        if let PemItem::Certificate(certificate) = item.map_err(|error| fault(error.to_string()))? {
            certificates.push(certificate);
        }
    }
    if certificates.is_empty() {
        return Err(fault("no PEM certificate in it".to_owned()));
    }
    Ok(RootCerts::new_with_certs(&certificates))
}
