//! A client of the service: `ureq` with a time limit, no redirects, every status an answer.

use openssl::base64::encode_block;
use serde_json::Value;
use std::time::Duration;
use ureq::Agent;
use ureq::http::{HeaderMap, Request};
use ureq::tls::{TlsConfig, TlsProvider};

/// The media type of a request (RFC 3161 §3.4).
pub(crate) const QUERY: &str = "application/timestamp-query";
/// The media type of a reply (RFC 3161 §3.4).
pub(crate) const REPLY: &str = "application/timestamp-reply";
/// The media type of an error (RFC 9457 §3).
pub(crate) const PROBLEM: &str = "application/problem+json";

/// Requests to one service, with one kind of credentials. Clones share their connections.
#[derive(Clone)]
pub(crate) struct Client {
    agent: Agent,
    base: String,
    authorization: Option<String>,
}

/// An answer with its whole body.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The header fields.
    pub(crate) headers: HeaderMap,
    /// The content.
    pub(crate) body: Vec<u8>,
}

impl Client {
    /// Without credentials.
    pub(crate) fn new(base: &str) -> Self {
        Self::with_tls(base, TlsConfig::builder().provider(TlsProvider::NativeTls).build())
    }

    /// With these certificates for TLS.
    pub(crate) fn with_tls(base: &str, tls: TlsConfig) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .timeout_global(Some(Duration::from_secs(60)))
            .max_idle_connections_per_host(64)
            .max_idle_connections(64)
            .tls_config(tls)
            .build();
        Self { agent: config.new_agent(), base: base.to_owned(), authorization: None }
    }

    /// HTTP Basic (RFC 7617).
    pub(crate) fn basic(&self, name: &str, password: &str) -> Self {
        self.authorized(&basic(name, password))
    }

    /// A bearer token or an API key (RFC 6750).
    pub(crate) fn bearer(&self, token: &str) -> Self {
        self.authorized(&format!("Bearer {token}"))
    }

    /// Any value of `Authorization`.
    pub(crate) fn authorized(&self, value: &str) -> Self {
        Self { authorization: Some(value.to_owned()), ..self.clone() }
    }

    /// Any request.
    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Answer {
        self.try_send(method, path, headers, body)
            .unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// Any request; a connection that breaks is an error.
    pub(crate) fn try_send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Result<Answer, ureq::Error> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        if let Some(value) = &self.authorization {
            request = request.header("Authorization", value);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = match body {
            Some(body) => self.agent.run(request.body(body).unwrap())?,
            None => self.agent.run(request.body(()).unwrap())?,
        };
        let body = response.body_mut().with_config().limit(64 << 20).read_to_vec()?;
        Ok(Answer { status: response.status().as_u16(), headers: response.headers().clone(), body })
    }

    /// `GET`
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], None)
    }

    /// `POST` of JSON.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.json("POST", path, body)
    }

    /// Any method with JSON.
    pub(crate) fn json(&self, method: &str, path: &str, body: &Value) -> Answer {
        let text = body.to_string();
        self.send(method, path, &[("Content-Type", "application/json")], Some(text.as_bytes()))
    }

    /// `DELETE`
    pub(crate) fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, &[], None)
    }

    /// A request for a timestamp.
    pub(crate) fn stamp(&self, request: &[u8]) -> Answer {
        self.stamp_at("/tsa", request)
    }

    /// A request for a timestamp to another path.
    pub(crate) fn stamp_at(&self, path: &str, request: &[u8]) -> Answer {
        self.send("POST", path, &[("Content-Type", QUERY)], Some(request))
    }

    /// The caller's own account.
    #[track_caller]
    pub(crate) fn account(&self) -> Value {
        self.get("/api/v1/stamp-account").status(200).json()
    }

    /// What remains and what is used.
    #[track_caller]
    pub(crate) fn balance(&self) -> (u64, u64) {
        totals(&self.account())
    }
}

/// The members `remaining` and `used` of an object.
#[track_caller]
pub(crate) fn totals(object: &Value) -> (u64, u64) {
    let number = |name: &str| object[name].as_u64().unwrap_or_else(|| panic!("{name}: {object}"));
    (number("remaining"), number("used"))
}

/// The value of `Authorization` for HTTP Basic.
pub(crate) fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", encode_block(format!("{name}:{password}").as_bytes()))
}

impl Answer {
    /// Passes it on when it has this status.
    #[track_caller]
    pub(crate) fn status(self, expected: u16) -> Self {
        assert_eq!(self.status, expected, "{self:?}: {}", self.text());
        self
    }

    /// A header field, once there and text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut all = self.headers.get_all(name).iter();
        let first = all.next().map(|value| value.to_str().unwrap());
        assert!(all.next().is_none(), "{name} is there twice");
        first
    }

    /// The content as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The content as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("no JSON ({error}): {}", self.text()))
    }

    /// Passes it on when it is a problem of this name.
    #[track_caller]
    pub(crate) fn problem(self, status: u16, name: &str) -> Self {
        let answer = self.status(status);
        assert_eq!(answer.header("content-type"), Some(PROBLEM));
        let body = answer.json();
        assert_eq!(body["type"], format!("urn:marca:problem:{name}"), "{body}");
        assert_eq!(body["status"], status, "{body}");
        answer
    }
}
