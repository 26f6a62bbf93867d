//! CMP over HTTP (RFC 9811): one message out, one message back.

use super::EnrollError;
use crate::cli::client;
use crate::cli::error::CliError;
use crate::cli::table::printable;
use crate::cli::values::ServiceUrl;
use certs::cmp::LARGEST_MESSAGE;
use std::fmt;
use std::path::Path;
use std::str::FromStr;
use ureq::Agent;

/// RFC 9811 §3.4.
const MEDIA_TYPE: &str = "application/pkixcmp";

/// The address of a CA's CMP service, exactly as given: a slash at its end means something to
/// some.
#[derive(Clone, Debug)]
pub(super) struct CmpUrl(String);

impl FromStr for CmpUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<ServiceUrl>().map(|_| Self(text.to_owned()))
    }
}

impl fmt::Display for CmpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A connection to a CA.
pub(super) struct Transfer {
    agent: Agent,
    url: CmpUrl,
}

impl Transfer {
    /// `ca_file` holds what an https address is checked with, in place of the system's CAs.
    pub(super) fn new(url: &CmpUrl, ca_file: Option<&Path>) -> Result<Self, CliError> {
        Ok(Self { agent: client::agent(ca_file)?, url: url.clone() })
    }

    /// Sends a message and waits for the answer.
    pub(super) fn send(&self, message: &[u8]) -> Result<Vec<u8>, EnrollError> {
        let unreachable = |error: ureq::Error| EnrollError::Unreachable {
            url: self.url.to_string(),
            reason: error.to_string(),
        };
        let mut response = self
            .agent
            .post(self.url.to_string())
            .header("Content-Type", MEDIA_TYPE)
            .header("Accept", MEDIA_TYPE)
            // RFC 9811 §3.4: nobody on the way may answer from memory.
            .header("Cache-Control", "no-cache")
            .send(message)
            .map_err(unreachable)?;
        let status = response.status().as_u16();
        let media_type = response.headers().get("Content-Type");
        let media_type =
            media_type.and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        let body = response
            .body_mut()
            .with_config()
            .limit(LARGEST_MESSAGE as u64 + 1)
            .read_to_vec()
            .map_err(unreachable)?;
        // An error may come with a status of its own and a message that tells more.
        let is_cmp = media_type
            .split(';')
            .next()
            .is_some_and(|kind| kind.trim().eq_ignore_ascii_case(MEDIA_TYPE));
        if is_cmp && !body.is_empty() {
            return Ok(body);
        }
        let media_type = printable(&media_type);
        Err(EnrollError::Answer { url: self.url.to_string(), status, media_type })
    }
}
