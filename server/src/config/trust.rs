//! The sections and keys that a token's worth hangs on: time, keys, the CA, the units, and whom to
//! tell when one of them comes to its end. The text beside each key is in `default.toml`.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// `[time]`: where the time comes from.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TimeConfig {
    /// NTP servers, `HOST` or `HOST:PORT`.
    pub(crate) servers: Vec<String>,
    pub(crate) min_agree: usize,
    pub(crate) poll_s: u64,
    pub(crate) trust_machine_clock: bool,
}

impl Default for TimeConfig {
    fn default() -> Self {
        Self { servers: Vec::new(), min_agree: 3, poll_s: 64, trust_machine_clock: false }
    }
}

/// `[hsm]`: a PKCS#11 device.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HsmConfig {
    pub(crate) module: PathBuf,
    pub(crate) token: String,
    pub(crate) pin_file: PathBuf,
    #[serde(default = "HsmConfig::sessions")]
    pub(crate) sessions: usize,
}

impl HsmConfig {
    fn sessions() -> usize {
        8
    }
}

/// Where a private key lives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum KeyStore {
    /// In a file of the data directory.
    #[default]
    File,
    /// In the device of `[hsm]`, which it never leaves in clear.
    Hsm,
}

/// `[ca]`: the built-in CA.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct CaConfig {
    pub(crate) country: String,
    pub(crate) organization: String,
    pub(crate) root_name: String,
    pub(crate) issuing_name: String,
    pub(crate) holders_name: String,
    pub(crate) key_store: KeyStore,
    pub(crate) crl_hours: u32,
    pub(crate) crl_every_hours: u32,
    pub(crate) ocsp_max_age_s: u32,
}

impl Default for CaConfig {
    fn default() -> Self {
        Self {
            country: "IT".to_owned(),
            organization: "Marca".to_owned(),
            root_name: "Marca Root CA".to_owned(),
            issuing_name: "Marca Issuing CA".to_owned(),
            holders_name: "Marca Holders CA".to_owned(),
            key_store: KeyStore::File,
            crl_hours: 72,
            crl_every_hours: 24,
            ocsp_max_age_s: 300,
        }
    }
}

/// `[mail]`: the way of mail to holders, and whom to tell of what comes to its end.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MailConfig {
    /// The relay, `HOST:PORT`.
    pub(crate) smtp: String,
    #[serde(default)]
    pub(crate) tls: MailTls,
    pub(crate) user: Option<String>,
    pub(crate) password_file: Option<PathBuf>,
    pub(crate) from: String,
    pub(crate) reply_to: Option<String>,
    pub(crate) operator: Vec<String>,
}

/// How the connection to the relay is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum MailTls {
    /// It begins in clear and must change to TLS before anything else (RFC 3207).
    #[default]
    Starttls,
    /// TLS from the first byte (RFC 8314).
    Tls,
    /// In clear: for a relay on the same machine.
    None,
}

/// One `[[tsu]]`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TsuConfig {
    pub(crate) id: String,
    pub(crate) key: String,
    #[serde(default)]
    pub(crate) key_store: KeyStore,
    #[serde(default)]
    pub(crate) padding: Padding,
    pub(crate) policies: Vec<String>,
    pub(crate) accuracy_ms: u32,
    #[serde(default)]
    pub(crate) certificates: Certificates,
    #[serde(default = "TsuConfig::verify_one_in")]
    pub(crate) verify_one_in: u32,
    #[serde(default)]
    pub(crate) certified_by: CertifiedBy,
    pub(crate) companion: Option<String>,
    #[serde(default = "TsuConfig::prepare_days")]
    pub(crate) prepare_days: u16,
    #[serde(default = "TsuConfig::activate_days")]
    pub(crate) activate_days: u16,
}

impl TsuConfig {
    fn verify_one_in() -> u32 {
        64
    }

    fn prepare_days() -> u16 {
        30
    }

    fn activate_days() -> u16 {
        7
    }
}

/// How an RSA key signs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Padding {
    /// RSASSA-PKCS1-v1_5.
    #[default]
    Pkcs1,
    /// RSASSA-PSS.
    Pss,
}

/// Which certificates a token carries when the request asks for them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Certificates {
    /// The unit's own.
    #[default]
    Leaf,
    /// The unit's own and the chain below the root.
    Full,
}

/// Who certifies a unit's keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum CertifiedBy {
    /// The built-in CA: certificates and rollover come by themselves.
    #[default]
    BuiltIn,
    /// Another CA: the operator brings the certificate.
    Outside,
}
