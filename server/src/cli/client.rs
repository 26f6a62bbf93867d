//! The client of the admin API: JSON in, JSON out, the problem of a refusal in words.
//!
//! Errors are `application/problem+json` (RFC 9457). The client follows no redirect and takes no
//! proxy from the environment: the admin token goes to the named address or nowhere.

use super::error::{CliError, Refusal, TokenHint};
use super::values::ServiceUrl;
use clap::Args;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::time::Duration;
use ureq::http::{Method, Request, Response};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, TlsProvider, parse_pem};
use ureq::{Agent, Body};
use zeroize::Zeroizing;

/// How long the service has for one answer.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The longest answer that is read. A page of a statement is far below it.
const ANSWER_LIMIT: u64 = 16 << 20;
/// The longest token file that makes sense.
const TOKEN_LIMIT: usize = 4096;

/// Which service to talk to, and how to print what it says.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Service")]
pub(crate) struct ServerOptions {
    /// Address of the service
    #[arg(long, global = true, value_name = "URL", default_value = "http://127.0.0.1:3161")]
    pub(crate) server: ServiceUrl,
    /// File that holds the admin token
    #[arg(long, global = true, value_name = "FILE", default_value = "./marca-demo/admin-token")]
    pub(crate) admin_token_file: PathBuf,
    /// CA certificates (PEM) to trust for an https service, in place of the system's
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Print the service's JSON instead of a table
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// A connection to the admin API of one service.
pub(crate) struct Client {
    agent: Agent,
    server: ServiceUrl,
    token: Zeroizing<String>,
    token_file: PathBuf,
}

impl Client {
    /// Reads the token and the CA certificates. Nothing is sent yet.
    pub(crate) fn new(options: &ServerOptions) -> Result<Self, CliError> {
        Ok(Self {
            agent: agent(options.ca_file.as_deref())?,
            server: options.server.clone(),
            token: read_token(&options.admin_token_file)?,
            token_file: options.admin_token_file.clone(),
        })
    }

    /// `GET` of a path below `/api/v1/admin`.
    pub(crate) fn get(&self, path: &str) -> Result<Value, CliError> {
        self.send(Method::GET, path, None)
    }

    /// `POST` of an object to a path below `/api/v1/admin`.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Result<Value, CliError> {
        self.send(Method::POST, path, Some(body))
    }

    /// `DELETE` of a path below `/api/v1/admin`.
    pub(crate) fn delete(&self, path: &str) -> Result<(), CliError> {
        self.send(Method::DELETE, path, None).map(drop)
    }

    /// `GET` of a path below `/api/v1/admin` as lines of JSON, each given to `take`. An answer of
    /// any length: it may take as long as lines come.
    pub(crate) fn lines(
        &self,
        path: &str,
        mut take: impl FnMut(&str) -> Result<(), CliError>,
    ) -> Result<(), CliError> {
        let url = format!("{}/api/v1/admin{path}", self.server);
        let request = self
            .agent
            .get(&url)
            .header("Authorization", format!("Bearer {}", *self.token))
            .header("Accept", "application/jsonl, application/problem+json")
            .config()
            .timeout_global(None)
            .timeout_recv_response(Some(TIMEOUT))
            .build();
        let mut response = request.call().map_err(|error| self.unreachable(&error))?;
        if response.status().as_u16() != 200 {
            let text = response.body_mut().with_config().limit(ANSWER_LIMIT).read_to_string();
            let text = text.map_err(|error| self.unreachable(&error))?;
            return self.understand(&url, &response, &text).map(drop);
        }
        for line in BufReader::new(response.body_mut().as_reader()).lines() {
            let line = line.map_err(|error| self.unreachable(&ureq::Error::Io(error)))?;
            take(&line)?;
        }
        Ok(())
    }

    /// Sends one request; an answer without a body is `null`.
    fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, CliError> {
        let url = format!("{}/api/v1/admin{path}", self.server);
        let request = Request::builder()
            .method(method)
            .uri(&url)
            .header("Authorization", format!("Bearer {}", *self.token))
            .header("Accept", "application/json, application/problem+json");
        let sent = match body {
            Some(body) => request
                .header("Content-Type", "application/json")
                .body(body.to_string())
                .map_err(ureq::Error::from)
                .and_then(|request| self.agent.run(request)),
            None => request
                .body(())
                .map_err(ureq::Error::from)
                .and_then(|request| self.agent.run(request)),
        };
        let mut response = sent.map_err(|error| self.unreachable(&error))?;
        let text = response
            .body_mut()
            .with_config()
            .limit(ANSWER_LIMIT)
            .read_to_string()
            .map_err(|error| self.unreachable(&error))?;
        self.understand(&url, &response, &text)
    }

    /// Turns status and body into the object, or into the refusal.
    fn understand(
        &self,
        url: &str,
        response: &Response<Body>,
        text: &str,
    ) -> Result<Value, CliError> {
        let status = response.status().as_u16();
        let media_type = response
            .headers()
            .get("Content-Type")
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let answer =
            |what: String| Err(CliError::Answer { url: url.to_owned(), what: what.to_owned() });
        match status {
            204 => Ok(Value::Null),
            200..=299 => serde_json::from_str(text)
                .or_else(|error| answer(format!("status {status} without JSON ({error})"))),
            _ if media_type.starts_with("application/problem+json") => {
                Err(self.refusal(status, url, text).into())
            }
            401 | 403 => Err(self.refusal(status, url, "").into()),
            _ => answer(format!("status {status} and {}", first_words(media_type, text))),
        }
    }

    /// The problem in a body, with what the operator can do.
    fn refusal(&self, status: u16, url: &str, body: &str) -> Refusal {
        let problem: Value = serde_json::from_str(body).unwrap_or(Value::Null);
        let member =
            |name: &str| problem.get(name).and_then(Value::as_str).map(super::table::printable);
        Refusal {
            status,
            title: member("title").unwrap_or_default(),
            detail: member("detail").unwrap_or_default(),
            advice: match member("type").as_deref() {
                // What is missing is named, and does not come by waiting.
                Some(NO_CHANNEL) => "nothing was changed".to_owned(),
                _ => self.advice(status, url),
            },
        }
    }

    /// What to do about a status.
    fn advice(&self, status: u16, url: &str) -> String {
        match status {
            401 | 403 => format!(
                "the service does not accept the admin token in {}; \
                 name the file of this service with --admin-token-file",
                self.token_file.display()
            ),
            404 => about(url).map_or_else(String::new, |kind| {
                format!("`marca {}` shows what there is", kind.list)
            }),
            409 | 410 => about(url).map_or_else(String::new, |kind| {
                format!("look at its state first with `marca {}`", kind.show)
            }),
            400 | 422 => "correct the value and repeat; nothing was changed".to_owned(),
            429 | 503 => "nothing was changed; try again in a moment".to_owned(),
            500 => "the log of the service tells more".to_owned(),
            _ => String::new(),
        }
    }

    fn unreachable(&self, error: &ureq::Error) -> CliError {
        CliError::Unreachable {
            url: self.server.to_string(),
            reason: error.to_string(),
            flag: "--server",
            token: TokenHint(Some(self.token_file.clone())),
        }
    }
}

/// The problem of a service that can send no messages.
const NO_CHANNEL: &str = "urn:marca:problem:no-channel";

/// How the things of a kind are looked at.
struct Kind {
    /// How their paths begin, below `/api/v1/admin`.
    path: &'static str,
    /// The command that lists them.
    list: &'static str,
    /// The command that shows one of them.
    show: &'static str,
}

const KINDS: [Kind; 8] = [
    Kind { path: "accounts", list: "account list", show: "account show NAME" },
    Kind { path: "authorities", list: "ca list", show: "ca list" },
    Kind { path: "certificates", list: "ca certificates", show: "ca show SERIAL" },
    Kind { path: "holders", list: "holder list", show: "holder show HOLDER" },
    Kind { path: "messages", list: "holder messages", show: "holder messages" },
    Kind { path: "registrations", list: "holder requests --all", show: "holder request ID" },
    Kind { path: "trail", list: "trail list", show: "trail list" },
    Kind { path: "tsus", list: "tsu list", show: "tsu show ID" },
];

/// What the address of a request is about: what stands in another thing is listed with that one.
fn about(url: &str) -> Option<Kind> {
    let (_, path) = url.split_once("/api/v1/admin/")?;
    let (first, rest) = path.split_once(['/', '?']).unwrap_or((path, ""));
    let kind = KINDS.into_iter().find(|kind| kind.path == first)?;
    // What stands in another thing: `lots` of `acme/lots/lot-3/void`.
    let inner = rest.split_once('/').and_then(|(_, inner)| inner.split_once('/'));
    let list = match (kind.path, inner.map_or("", |(inner, _)| inner)) {
        ("accounts", "api-keys") => "account key list NAME",
        ("accounts", "certificates") => "account certificate list NAME",
        ("accounts", "lots") => kind.show,
        ("holders", "credentials") => kind.show,
        ("holders", "devices") => "holder devices list HOLDER",
        _ => kind.list,
    };
    Some(Kind { list, ..kind })
}

/// The HTTP client of every command: no redirect, no proxy, TLS as asked for.
pub(super) fn agent(ca_file: Option<&Path>) -> Result<Agent, CliError> {
    let roots = match ca_file {
        Some(path) => RootCerts::new_with_certs(&read_certificates(path)?),
        None => RootCerts::PlatformVerifier,
    };
    let tls = TlsConfig::builder().provider(TlsProvider::NativeTls).root_certs(roots).build();
    let config = Agent::config_builder()
        .tls_config(tls)
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .timeout_global(Some(TIMEOUT))
        .user_agent(concat!("marca/", env!("CARGO_PKG_VERSION")))
        .build();
    Ok(config.new_agent())
}

/// Reads the admin token: one line, which has to fit into a header.
fn read_token(path: &Path) -> Result<Zeroizing<String>, CliError> {
    let fault = |reason: String| CliError::Token { path: path.to_owned(), reason };
    let text =
        Zeroizing::new(std::fs::read_to_string(path).map_err(|error| fault(error.to_string()))?);
    let token = text.trim();
    if token.is_empty() {
        return Err(fault("the file is empty".to_owned()));
    }
    if token.len() > TOKEN_LIMIT || !token.bytes().all(|octet| octet.is_ascii_graphic()) {
        return Err(fault("the file does not hold a token (one line of plain ASCII)".to_owned()));
    }
    Ok(Zeroizing::new(token.to_owned()))
}

/// Reads every certificate of a PEM file.
fn read_certificates(path: &Path) -> Result<Vec<Certificate<'static>>, CliError> {
    let fault = |reason: String| CliError::File { path: path.to_owned(), reason };
    let pem = std::fs::read(path).map_err(|error| fault(error.to_string()))?;
    let mut certificates = Vec::new();
    for item in parse_pem(&pem) {
        if let PemItem::Certificate(certificate) = item.map_err(|error| fault(error.to_string()))? {
            certificates.push(certificate);
        }
    }
    if certificates.is_empty() {
        return Err(fault("no PEM certificate in it".to_owned()));
    }
    Ok(certificates)
}

/// What somebody else's answer looks like, for a message.
fn first_words(media_type: &str, text: &str) -> String {
    let line: String = text.trim().lines().next().unwrap_or_default().chars().take(60).collect();
    let kind = if media_type.is_empty() { "no media type" } else { media_type };
    if line.is_empty() {
        format!("{kind}, empty")
    } else {
        format!("{kind}: {}", super::table::printable(&line))
    }
}

/// A name or identifier as one segment of a path: everything but unreserved characters is
/// percent-encoded (RFC 3986 §2.3), a slash too.
pub(crate) fn segment(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for octet in name.bytes() {
        if octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_' | b'~') {
            text.push(char::from(octet));
        } else {
            text.push_str(&format!("%{octet:02X}"));
        }
    }
    text
}
