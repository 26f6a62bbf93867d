//! Short messages, through the gateways of `[sms]`.
//!
//! Each protocol is a room that makes a request out of a message and an [`Outcome`] out of the
//! answer. What is in no room is [`failover`]: which gateway is asked, and when the next one may
//! be.

mod client;
mod failover;
mod hmac;
mod kannel;
mod report;
mod spool;
mod twilio;
mod webhook;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tls_tests;

pub(crate) use client::ClientError;
pub(crate) use failover::{Gateways, Sent};
pub(crate) use report::{Report, ReportRefused, ReportRequest};

use super::fault::Fault;
use super::secret::{self, SecretError};
use crate::config::{GatewayConfig, GatewayKind, SmsConfig};
use chrono::{DateTime, Utc};
use std::path::PathBuf;
use zeroize::Zeroizing;

/// A short message.
pub(crate) struct Sms {
    /// The same for every try.
    pub(crate) id: String,
    /// E.164, with the `+`.
    pub(crate) to: String,
    pub(crate) text: Zeroizing<String>,
    /// Whether the text has characters that are not in the GSM 7-bit alphabet.
    pub(crate) unicode: bool,
    /// When it is tried.
    pub(crate) at: DateTime<Utc>,
}

/// What became of a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The gateway has it.
    Accepted {
        /// What the gateway calls it in its reports.
        gateway_id: String,
    },
    /// The gateway surely has not taken it.
    Refused {
        /// Why. One for good is of this message; any other is of the gateway.
        fault: Fault,
    },
    /// The gateway may have taken it: nobody else may be asked, or it could arrive twice.
    Unclear {
        /// What happened.
        text: String,
    },
}

/// A way of short messages. It may take a while, on a thread that may wait.
pub(crate) trait Gateway: Send + Sync {
    /// Hands a message over.
    fn send(&self, sms: &Sms) -> Outcome;

    /// Reads what a gateway says of a message that it took, after checking that it is the gateway
    /// who says it.
    fn read_report(&self, _request: &ReportRequest<'_>) -> Result<Option<Report>, ReportRefused> {
        Err(ReportRefused)
    }
}

/// Why a gateway cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GatewayError {
    /// Its secret.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// Its secret is not of the form that its kind has.
    #[error("{key}: {path}: it is not whsec_ and the base64 of 24 to 64 bytes")]
    Form {
        /// The key of the configuration.
        key: String,
        /// The file.
        path: PathBuf,
    },
    /// The directory that its messages are put into.
    #[error("{key}: {path}: {reason}; make the directory, writable for the service")]
    Directory {
        /// The key of the configuration.
        key: String,
        /// The directory.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The CAs that it is checked with.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// OpenSSL.
    #[error("a key cannot be used: {0}")]
    OpenSsl(#[from] openssl::error::ErrorStack),
}

/// Everything of the configuration. Secrets are read; nothing is sent yet.
pub(crate) fn gateways(config: &SmsConfig, public_url: &str) -> Result<Gateways, GatewayError> {
    let mut gateways = Gateways::default();
    for gateway in &config.gateway {
        let from = gateway.from.as_ref().unwrap_or(&config.from);
        gateways.add(&gateway.name, open(gateway, from, public_url)?);
    }
    Ok(gateways)
}

fn open(
    config: &GatewayConfig,
    from: &str,
    public_url: &str,
) -> Result<Box<dyn Gateway>, GatewayError> {
    let report_to = format!("{public_url}/api/v1/sms-reports/{}", config.name);
    let url = config.url.clone().unwrap_or_default();
    let user = config.user.clone().unwrap_or_default();
    let from = from.to_owned();
    if config.kind == GatewayKind::Spool {
        // The configuration's own check made sure of it.
        let directory = config.directory.clone().unwrap_or_default();
        let fault = |reason: String| GatewayError::Directory {
            key: config.key("directory"),
            path: directory.clone(),
            reason,
        };
        let found = std::fs::metadata(&directory).map_err(|error| fault(error.to_string()))?;
        if !found.is_dir() {
            return Err(fault("it is no directory".to_owned()));
        }
        return Ok(Box::new(spool::Spool { directory, from }));
    }
    let client = client::Client::new(config)?;
    let key = config.key("secret_file");
    let path = config.secret_file.clone().unwrap_or_default();
    let secrets = secret::read(&key, &path)?;
    Ok(match config.kind {
        GatewayKind::Webhook => {
            let keys = secrets.iter().map(|secret| webhook::key(secret)).collect::<Option<_>>();
            let keys = keys.ok_or(GatewayError::Form { key, path })?;
            Box::new(webhook::Webhook { client, url, keys, from, report_to })
        }
        GatewayKind::Kannel => {
            Box::new(kannel::Kannel { client, url, user, secrets, from, report_to })
        }
        GatewayKind::Twilio | GatewayKind::Spool => {
            Box::new(twilio::Twilio { client, url, user, secrets, from, report_to })
        }
    })
}
