//! `[sms]`: the gateways that take short messages. The text beside each key is in `default.toml`.

use super::check::{Fault, fault};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::path::PathBuf;

/// Gateways that may be named.
const MOST: usize = 8;

/// `[sms]`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SmsConfig {
    /// Whom the messages come from, as the telephones show it.
    pub(crate) from: String,
    /// In the order in which they are tried.
    pub(crate) gateway: Vec<GatewayConfig>,
}

/// One `[[sms.gateway]]`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GatewayConfig {
    pub(crate) name: String,
    pub(crate) kind: GatewayKind,
    pub(crate) url: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) secret_file: Option<PathBuf>,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) directory: Option<PathBuf>,
    pub(crate) from: Option<String>,
    #[serde(default)]
    pub(crate) allow_plain_http: bool,
}

/// What a gateway speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum GatewayKind {
    /// JSON over HTTP, signed as Standard Webhooks has it.
    Webhook,
    /// Kannel's `sendsms`.
    Kannel,
    /// Twilio's `Messages.json`, which others speak too.
    Twilio,
    /// A directory of smstools3.
    Spool,
}

impl SmsConfig {
    pub(super) fn check(&self) -> Result<(), Fault> {
        check_sender("sms.from", &self.from)?;
        if self.gateway.is_empty() || self.gateway.len() > MOST {
            return fault("sms.gateway", format!("name 1 to {MOST} gateways, the best one first"));
        }
        let mut names = HashSet::new();
        for gateway in &self.gateway {
            gateway.check()?;
            if !names.insert(&gateway.name) {
                return fault("sms.gateway.name", format!("\"{}\" is there twice", gateway.name));
            }
        }
        Ok(())
    }
}

impl GatewayConfig {
    fn check(&self) -> Result<(), Fault> {
        let name = &self.name;
        let plain =
            |octet: u8| octet.is_ascii_lowercase() || octet.is_ascii_digit() || octet == b'-';
        if name.is_empty() || name.len() > 32 || !name.bytes().all(plain) {
            return fault(
                "sms.gateway.name",
                format!("\"{name}\" is not 1 to 32 of a-z, 0-9, '-'"),
            );
        }
        if let Some(from) = &self.from {
            check_sender(&self.key("from"), from)?;
        }
        if self.kind == GatewayKind::Spool { self.check_spool() } else { self.check_http() }
    }

    fn check_spool(&self) -> Result<(), Fault> {
        let not_its = [
            ("url", self.url.is_some()),
            ("user", self.user.is_some()),
            ("secret_file", self.secret_file.is_some()),
            ("ca_file", self.ca_file.is_some()),
        ];
        if let Some((key, _)) = not_its.into_iter().find(|(_, there)| *there) {
            return fault(self.key(key), "a spool has none: take it away");
        }
        match &self.directory {
            Some(directory) if directory.is_absolute() => Ok(()),
            _ => fault(
                self.key("directory"),
                "give the absolute path of the directory, as in /var/spool/sms/outgoing",
            ),
        }
    }

    fn check_http(&self) -> Result<(), Fault> {
        if self.directory.is_some() {
            return fault(self.key("directory"), "it is for kind = \"spool\": take it away");
        }
        let url = self.url.as_deref().unwrap_or_default();
        if !super::check::is_plain_url(url) {
            return fault(
                self.key("url"),
                format!(
                    "\"{url}\" is not a plain address, as in https://sms.example.org/send: a host, \
                     perhaps a port and a path, no slash at the end, no user, no query"
                ),
            );
        }
        if url.starts_with("http://") && !is_local(url) && !self.allow_plain_http {
            return fault(
                self.key("url"),
                format!(
                    "codes and numbers would travel to {url} in clear: use https, a gateway on \
                     this machine, or, where the network between is trusted, set \
                     allow_plain_http = true beside it"
                ),
            );
        }
        let wants_user = self.kind != GatewayKind::Webhook;
        match (wants_user, &self.user) {
            (true, None) => return fault(self.key("user"), "give the name of the login"),
            (false, Some(_)) => return fault(self.key("user"), "a webhook has none: take it away"),
            _ => {}
        }
        match &self.secret_file {
            Some(path) if path.is_absolute() => Ok(()),
            _ => fault(
                self.key("secret_file"),
                "give the absolute path of the file with its secret, as in /etc/marca/sms-main",
            ),
        }
    }

    /// A key of this gateway, for messages about it.
    pub(crate) fn key(&self, key: &str) -> String {
        format!("sms.gateway.{}.{key}", self.name)
    }
}

/// 3GPP TS 23.040 §9.1.2.5: a name has 11 characters of the GSM alphabet; a number 15 digits.
fn check_sender(key: &str, from: &str) -> Result<(), Fault> {
    let digits = from.strip_prefix('+').unwrap_or(from);
    let number = (3..=15).contains(&digits.len()) && digits.bytes().all(|c| c.is_ascii_digit());
    let plain = |octet: u8| octet.is_ascii_alphanumeric() || octet == b' ';
    let name = (1..=11).contains(&from.len()) && from.bytes().all(plain);
    if number || name {
        return Ok(());
    }
    fault(key, format!("\"{from}\" is neither a name of 1 to 11 letters and digits nor a number"))
}

fn is_local(url: &str) -> bool {
    let rest = url.strip_prefix("http://").unwrap_or(url);
    ["127.0.0.1", "localhost", "[::1]"].iter().any(|host| {
        rest.strip_prefix(host).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']))
    })
}
