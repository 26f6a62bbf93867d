//! The kinds of values that can be typed: parsed at the rim, so that nothing wrong travels on.

use super::error::CliError;
use certs::KeyKind;
use chrono::{DateTime, NaiveDate, NaiveTime, SecondsFormat, Utc};
use clap::ValueEnum;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use std::fmt;
use std::path::Path;
use std::str::FromStr;
use ureq::http::Uri;

/// The longest PEM file that is read: a chain of any sane length.
const PEM_LIMIT: u64 = 64 << 10;

/// A kind of key, by the name that the command line uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TsuKey {
    /// NIST P-256
    P256,
    /// NIST P-384
    P384,
    /// NIST P-521
    P521,
    /// RSA with 2048 bits
    Rsa2048,
    /// RSA with 3072 bits
    Rsa3072,
    /// RSA with 4096 bits
    Rsa4096,
    /// Ed25519
    Ed25519,
}

impl From<TsuKey> for KeyKind {
    fn from(key: TsuKey) -> Self {
        match key {
            TsuKey::P256 => Self::P256,
            TsuKey::P384 => Self::P384,
            TsuKey::P521 => Self::P521,
            TsuKey::Rsa2048 => Self::Rsa2048,
            TsuKey::Rsa3072 => Self::Rsa3072,
            TsuKey::Rsa4096 => Self::Rsa4096,
            TsuKey::Ed25519 => Self::Ed25519,
        }
    }
}

impl fmt::Display for TsuKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::P256 => "p256",
            Self::P384 => "p384",
            Self::P521 => "p521",
            Self::Rsa2048 => "rsa2048",
            Self::Rsa3072 => "rsa3072",
            Self::Rsa4096 => "rsa4096",
            Self::Ed25519 => "ed25519",
        })
    }
}

/// Every kind of key that the service can make, by the name that the configuration uses.
pub(crate) fn key_kind() -> impl TypedValueParser<Value = KeyKind> {
    PossibleValuesParser::new(KeyKind::ALL.map(KeyKind::name))
        .try_map(|name| name.parse::<KeyKind>())
}

/// Why a certificate is revoked, by the name that the admin API uses. Of the reasons of RFC 5280
/// section 5.3.1, `certificate-hold` is missing: that is a suspension, and another command.
pub(crate) fn revocation_reason() -> impl TypedValueParser<Value = String> {
    PossibleValuesParser::new([
        PossibleValue::new("key-compromise"),
        PossibleValue::new("ca-compromise"),
        PossibleValue::new("affiliation-changed"),
        PossibleValue::new("superseded"),
        PossibleValue::new(CESSATION).alias("cessation"),
        PossibleValue::new("privilege-withdrawn"),
    ])
    .map(|typed| if typed == "cessation" { CESSATION.to_owned() } else { typed })
}

/// The reason `cessationOfOperation` of RFC 5280 section 5.3.1; `cessation` is taken as well.
pub(crate) const CESSATION: &str = "cessation-of-operation";

/// Reads a PEM file that has `what` in it, and makes sure that it is not a private key sent by
/// mistake.
pub(crate) fn read_pem(path: &Path, what: &str) -> Result<String, CliError> {
    let fault = |reason: String| CliError::File { path: path.to_owned(), reason };
    let size = std::fs::metadata(path).map_err(|error| fault(error.to_string()))?.len();
    if size > PEM_LIMIT {
        return Err(fault(format!("too large for PEM with a {}", what.to_lowercase())));
    }
    let pem = std::fs::read_to_string(path).map_err(|error| fault(error.to_string()))?;
    if pem.contains("PRIVATE KEY") {
        let reason = "holds a private key, which must stay with its owner; take the key out";
        return Err(fault(reason.to_owned()));
    }
    if !pem.contains(&format!("-----BEGIN {what}-----")) {
        return Err(fault(format!("no PEM {} in it", what.to_lowercase())));
    }
    Ok(pem)
}

/// An instant in UTC. A date alone is its first moment, so `--expires 2027-01-01` means that
/// the stamps are good through the whole year 2026.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(DateTime<Utc>);

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
            return Ok(Self(date.and_time(NaiveTime::MIN).and_utc()));
        }
        DateTime::parse_from_rfc3339(text).map(|moment| Self(moment.to_utc())).map_err(|_| {
            "expected a date (2027-01-31, from 00:00 UTC) or RFC 3339 (2027-01-31T12:00:00Z)"
                .to_owned()
        })
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

/// The address of a service: `http` or `https`, a host, and perhaps a path; no query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServiceUrl {
    text: String,
    uri: Uri,
}

impl ServiceUrl {
    /// Whether the connection is encrypted.
    pub(crate) fn is_https(&self) -> bool {
        self.uri.scheme_str() == Some("https")
    }

    /// The host's name or address, without brackets.
    pub(crate) fn host(&self) -> &str {
        self.uri.host().unwrap_or_default().trim_matches(['[', ']'])
    }

    /// The port, named or the scheme's own.
    pub(crate) fn port(&self) -> u16 {
        self.uri.port_u16().unwrap_or(if self.is_https() { 443 } else { 80 })
    }

    /// What belongs into the `Host` header.
    pub(crate) fn authority(&self) -> &str {
        self.uri.authority().map_or("", |authority| authority.as_str())
    }

    /// The path without a slash at its end: empty for a bare address.
    pub(crate) fn path(&self) -> &str {
        self.uri.path().trim_end_matches('/')
    }
}

impl FromStr for ServiceUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim_end_matches('/').to_owned();
        let uri: Uri = text.parse().map_err(|error| format!("not an address: {error}"))?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) {
            return Err("expected http://HOST:PORT or https://HOST:PORT".to_owned());
        }
        if uri.query().is_some() || uri.authority().is_some_and(|a| a.as_str().contains('@')) {
            return Err("expected no query and no user name in the address".to_owned());
        }
        Ok(Self { text, uri })
    }
}

impl fmt::Display for ServiceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// `N` lower-case hex octets, typed with either case, with or without colons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hex<const N: usize>(String);

impl<const N: usize> FromStr for Hex<N> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.replace(':', "").to_ascii_lowercase();
        match hex::decode(&digits) {
            Ok(octets) if octets.len() == N => Ok(Self(digits)),
            Ok(octets) => Err(format!("{} octets instead of {N}", octets.len())),
            Err(_) => Err(format!("expected {} hex digits", 2 * N)),
        }
    }
}

impl<const N: usize> fmt::Display for Hex<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The serial number of a certificate: 1 to 20 octets in hex, with or without colons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SerialText(String);

impl FromStr for SerialText {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.replace(':', "").to_ascii_lowercase();
        // RFC 5280 section 4.1.2.2: at most 20 octets.
        let fits = (1..=40).contains(&digits.len());
        if !fits || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err("expected a serial number, as `marca ca certificates` shows it".to_owned());
        }
        Ok(Self(digits))
    }
}

impl fmt::Display for SerialText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
