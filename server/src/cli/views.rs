//! The admin API's objects, as far as tables show them. Unknown members are ignored, so that an
//! older command line goes on working with a newer service; `--json` shows everything.

use super::error::CliError;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::fmt;

/// An identifier, whether the service writes it as a number or as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identifier(String);

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Identifier {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            Number(u64),
            Text(String),
        }
        Ok(match Either::deserialize(deserializer)? {
            Either::Number(number) => Self(number.to_string()),
            Either::Text(text) => Self(text),
        })
    }
}

/// What `account create` answers: the only time that the secrets are shown.
#[derive(Debug, Deserialize)]
pub(crate) struct CreatedAccount {
    pub(crate) id: Identifier,
    pub(crate) name: String,
    pub(crate) password: String,
    pub(crate) api_key: String,
    pub(crate) stamps: u64,
}

/// A stamp account.
#[derive(Debug, Deserialize)]
pub(crate) struct Account {
    pub(crate) id: Identifier,
    pub(crate) name: String,
    pub(crate) status: String,
    pub(crate) remaining: u64,
    pub(crate) used: u64,
    #[serde(default)]
    pub(crate) reserved: u64,
    #[serde(default)]
    pub(crate) expiring: Option<Expiring>,
    #[serde(default)]
    pub(crate) lots: Vec<Lot>,
    #[serde(default)]
    pub(crate) created_at: Option<String>,
}

/// The stamps that expire next.
#[derive(Debug, Deserialize)]
pub(crate) struct Expiring {
    pub(crate) count: u64,
    pub(crate) at: String,
}

/// A lot of stamps granted together.
#[derive(Debug, Deserialize)]
pub(crate) struct Lot {
    pub(crate) id: Identifier,
    pub(crate) quantity: u64,
    pub(crate) remaining: u64,
    #[serde(default)]
    pub(crate) category: String,
    #[serde(default)]
    pub(crate) priority: u64,
    #[serde(default)]
    pub(crate) effective_at: Option<String>,
    #[serde(default)]
    pub(crate) expires_at: Option<String>,
    #[serde(default)]
    pub(crate) order: Option<String>,
}

/// What remains and what is used after an act.
#[derive(Debug, Deserialize)]
pub(crate) struct Totals {
    pub(crate) remaining: u64,
    pub(crate) used: u64,
}

/// What remains at the begin or the end of a statement: the number alone, or an object with more.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Balance {
    /// The stamps that remain.
    Remaining(u64),
    /// The same among others.
    Totals(Totals),
}

/// One movement of a statement.
#[derive(Debug, Deserialize)]
pub(crate) struct Entry {
    pub(crate) seq: Identifier,
    pub(crate) at: String,
    pub(crate) kind: String,
    pub(crate) quantity: u64,
    #[serde(default)]
    pub(crate) balance: Option<u64>,
    #[serde(default)]
    pub(crate) lot: Option<Identifier>,
    #[serde(default)]
    pub(crate) serial: Option<String>,
    #[serde(default)]
    pub(crate) actor: Option<String>,
    #[serde(default)]
    pub(crate) reason: Option<String>,
}

/// A whole statement, its pages put together.
#[derive(Debug, Deserialize)]
pub(crate) struct Statement {
    pub(crate) account: Identifier,
    pub(crate) opening: Balance,
    pub(crate) entries: Vec<Entry>,
    #[serde(default)]
    pub(crate) closing: Option<Balance>,
}

/// An API key, without its secret.
#[derive(Debug, Deserialize)]
pub(crate) struct ApiKey {
    pub(crate) prefix: String,
    #[serde(default)]
    pub(crate) label: Option<String>,
    #[serde(default)]
    pub(crate) created_at: Option<String>,
    #[serde(default)]
    pub(crate) last_used_on: Option<String>,
    #[serde(default)]
    pub(crate) revoked_at: Option<String>,
}

/// A client certificate bound to an account.
#[derive(Debug, Deserialize)]
pub(crate) struct BoundCertificate {
    pub(crate) sha256: String,
    #[serde(default)]
    pub(crate) bound_at: Option<String>,
}

/// A time-stamping unit.
#[derive(Debug, Deserialize)]
pub(crate) struct Tsu {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) default: bool,
    #[serde(default)]
    pub(crate) key: String,
    #[serde(default)]
    pub(crate) policies: Vec<String>,
    #[serde(default)]
    pub(crate) accuracy_ms: Option<f64>,
    #[serde(default)]
    pub(crate) not_before: Option<String>,
    #[serde(default)]
    pub(crate) not_after: Option<String>,
    #[serde(default)]
    pub(crate) private_key_usage_end: Option<String>,
    #[serde(default)]
    pub(crate) issued_by: Option<String>,
    #[serde(default)]
    pub(crate) certificate_sha256: Option<String>,
    #[serde(default)]
    pub(crate) usable: bool,
    #[serde(default)]
    pub(crate) problem: Option<String>,
    #[serde(default)]
    pub(crate) certificate: Option<String>,
    #[serde(default)]
    pub(crate) companion: Option<String>,
    #[serde(default)]
    pub(crate) generations: Vec<Generation>,
}

/// One key of a unit, with its certificate.
#[derive(Debug, Deserialize)]
pub(crate) struct Generation {
    pub(crate) number: u32,
    pub(crate) state: String,
    #[serde(default)]
    pub(crate) key: String,
    #[serde(default)]
    pub(crate) key_store: String,
    #[serde(default)]
    pub(crate) key_use_until: Option<String>,
    #[serde(default)]
    pub(crate) made_at: Option<String>,
    #[serde(default)]
    pub(crate) certified_at: Option<String>,
    #[serde(default)]
    pub(crate) activate_at: Option<String>,
    #[serde(default)]
    pub(crate) activated_at: Option<String>,
    #[serde(default)]
    pub(crate) retired_at: Option<String>,
    #[serde(default)]
    pub(crate) destroyed_at: Option<String>,
}

/// A certificate authority.
#[derive(Debug, Deserialize)]
pub(crate) struct Authority {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) subject: String,
    #[serde(default)]
    pub(crate) not_after: Option<String>,
    #[serde(default)]
    pub(crate) issued: u64,
    #[serde(default)]
    pub(crate) crl: Option<Crl>,
}

/// The revocation list of a CA.
#[derive(Debug, Deserialize)]
pub(crate) struct Crl {
    pub(crate) number: u64,
    #[serde(default)]
    pub(crate) this_update: Option<String>,
    #[serde(default)]
    pub(crate) next_update: Option<String>,
    #[serde(default)]
    pub(crate) entries: u64,
}

/// A certificate that a CA issued.
#[derive(Debug, Deserialize)]
pub(crate) struct Certificate {
    pub(crate) serial: String,
    #[serde(default)]
    pub(crate) ca: String,
    #[serde(default)]
    pub(crate) profile: String,
    #[serde(default)]
    pub(crate) subject: String,
    #[serde(default)]
    pub(crate) not_before: Option<String>,
    #[serde(default)]
    pub(crate) not_after: Option<String>,
    pub(crate) status: String,
    #[serde(default)]
    pub(crate) reason: Option<String>,
    #[serde(default)]
    pub(crate) since: Option<String>,
    #[serde(default)]
    pub(crate) until: Option<String>,
    #[serde(default)]
    pub(crate) certificate: Option<String>,
    #[serde(default)]
    pub(crate) history: Vec<CertificateChange>,
}

/// A change of a certificate's status.
#[derive(Debug, Deserialize)]
pub(crate) struct CertificateChange {
    pub(crate) at: String,
    pub(crate) change: String,
    #[serde(default)]
    pub(crate) reason: Option<String>,
    #[serde(default)]
    pub(crate) actor: String,
    #[serde(default)]
    pub(crate) why: String,
}

/// The clock of the service.
#[derive(Debug, Deserialize)]
pub(crate) struct Time {
    pub(crate) state: String,
    #[serde(default)]
    pub(crate) since: Option<String>,
    #[serde(default)]
    pub(crate) reason: Option<String>,
    #[serde(default)]
    pub(crate) offset_us: Option<i64>,
    #[serde(default)]
    pub(crate) error_us: Option<u64>,
    /// There is time for tokens.
    #[serde(default)]
    pub(crate) available: bool,
    #[serde(default)]
    pub(crate) kernel: Option<KernelWitness>,
    #[serde(default)]
    pub(crate) sources: Vec<TimeServer>,
}

/// What the kernel's own discipline of the clock says.
#[derive(Debug, Deserialize)]
pub(crate) struct KernelWitness {
    #[serde(default)]
    pub(crate) synchronised: Option<bool>,
    #[serde(default)]
    pub(crate) problem: Option<String>,
}

/// A server that the clock asks.
#[derive(Debug, Deserialize)]
pub(crate) struct TimeServer {
    pub(crate) server: String,
    #[serde(default)]
    pub(crate) standing: String,
    #[serde(default)]
    pub(crate) problem: Option<String>,
    #[serde(default)]
    pub(crate) stratum: Option<u64>,
    #[serde(default)]
    pub(crate) offset_us: Option<i64>,
    #[serde(default)]
    pub(crate) root_distance_us: Option<u64>,
    #[serde(default)]
    pub(crate) last: Option<String>,
}

/// An event of the audit trail.
#[derive(Debug, Deserialize)]
pub(crate) struct TrailEvent {
    pub(crate) sequence: u64,
    pub(crate) at: String,
    pub(crate) category: String,
    pub(crate) action: String,
    #[serde(default)]
    pub(crate) actor: String,
    #[serde(default)]
    pub(crate) subject: String,
    #[serde(default)]
    pub(crate) outcome: String,
    #[serde(default)]
    pub(crate) details: Vec<(String, String)>,
}

/// Reads an object of the API into the view of a table.
pub(crate) fn view<T: for<'de> Deserialize<'de>>(value: &Value) -> Result<T, CliError> {
    T::deserialize(value).map_err(|error| CliError::Answer {
        url: "the service".to_owned(),
        what: format!("an object that this version does not know ({error})"),
    })
}

/// Reads a member of an object, which is a list.
pub(crate) fn list<T: for<'de> Deserialize<'de>>(
    value: &Value,
    member: &str,
) -> Result<Vec<T>, CliError> {
    view(value.get(member).unwrap_or(&Value::Null))
}
