//! The sections and keys of the configuration file that every service has: the listener, the data,
//! the log, the accounts. Those of keys, certificates and time are in [`super::trust`]. The text
//! beside each key is in `default.toml`.

use super::holders::HoldersConfig;
use super::proxies::TrustedProxies;
use super::sms::SmsConfig;
use super::trust::{CaConfig, HsmConfig, MailConfig, TimeConfig, TsuConfig};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::PathBuf;

/// Argon2id is not run with less memory, in KiB.
pub(super) const MIN_ARGON2_MEMORY_KIB: u32 = 19_456;
/// Argon2id is not run with fewer passes.
pub(super) const MIN_ARGON2_PASSES: u32 = 2;

/// The whole file.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) server: ServerConfig,
    pub(crate) tls: Option<TlsConfig>,
    pub(crate) data: DataConfig,
    #[serde(default)]
    pub(crate) log: LogConfig,
    #[serde(default)]
    pub(crate) admin: AdminConfig,
    #[serde(default)]
    pub(crate) stamps: StampsConfig,
    #[serde(default)]
    pub(crate) passwords: PasswordsConfig,
    #[serde(default)]
    pub(crate) holders: HoldersConfig,
    #[serde(default)]
    pub(crate) time: TimeConfig,
    pub(crate) hsm: Option<HsmConfig>,
    #[serde(default)]
    pub(crate) ca: CaConfig,
    pub(crate) mail: Option<MailConfig>,
    pub(crate) sms: Option<SmsConfig>,
    pub(crate) tsu: Vec<TsuConfig>,
}

/// `[server]`: the listener and its limits.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServerConfig {
    pub(crate) listen: SocketAddr,
    pub(crate) public_url: String,
    #[serde(default)]
    pub(crate) workers: usize,
    #[serde(default = "ServerConfig::max_connections")]
    pub(crate) max_connections: usize,
    #[serde(default = "ServerConfig::max_requests")]
    pub(crate) max_requests: usize,
    #[serde(default = "ServerConfig::timeout_ms")]
    pub(crate) head_timeout_ms: u64,
    #[serde(default = "ServerConfig::timeout_ms")]
    pub(crate) body_timeout_ms: u64,
    #[serde(default = "ServerConfig::keep_alive_s")]
    pub(crate) keep_alive_s: u64,
    #[serde(default = "ServerConfig::shutdown_s")]
    pub(crate) shutdown_s: u64,
    #[serde(default)]
    pub(crate) allow_plain_http: bool,
    #[serde(default)]
    pub(crate) trusted_proxies: TrustedProxies,
}

impl ServerConfig {
    fn max_connections() -> usize {
        4096
    }

    fn max_requests() -> usize {
        2048
    }

    fn timeout_ms() -> u64 {
        5000
    }

    fn keep_alive_s() -> u64 {
        60
    }

    fn shutdown_s() -> u64 {
        30
    }

    /// Threads that serve requests.
    pub(crate) fn worker_threads(&self) -> usize {
        match self.workers {
            0 => std::thread::available_parallelism().map_or(2, usize::from),
            workers => workers,
        }
    }
}

/// `[tls]`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TlsConfig {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) client_ca: Option<PathBuf>,
}

/// `[data]`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DataConfig {
    pub(crate) directory: PathBuf,
    #[serde(default = "DataConfig::segment_mib")]
    pub(crate) segment_mib: u64,
    #[serde(default = "DataConfig::index_cache_mib")]
    pub(crate) index_cache_mib: u64,
    #[serde(default = "DataConfig::min_free_mib")]
    pub(crate) min_free_mib: u64,
}

impl DataConfig {
    fn segment_mib() -> u64 {
        32
    }

    fn index_cache_mib() -> u64 {
        16
    }

    fn min_free_mib() -> u64 {
        256
    }
}

/// `[log]`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LogConfig {
    pub(crate) level: String,
    pub(crate) format: LogFormat,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: LogFormat::Text }
    }
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// `[admin]`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct AdminConfig {
    pub(crate) token_file: PathBuf,
}

impl Default for AdminConfig {
    fn default() -> Self {
        Self { token_file: PathBuf::from("admin-token") }
    }
}

/// `[stamps]`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct StampsConfig {
    pub(crate) retry_window_s: u64,
    pub(crate) cached_accounts: usize,
}

impl Default for StampsConfig {
    fn default() -> Self {
        Self { retry_window_s: 600, cached_accounts: 10_000 }
    }
}

/// `[passwords]`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PasswordsConfig {
    pub(crate) memory_kib: u32,
    pub(crate) passes: u32,
    pub(crate) cache_s: u64,
}

impl Default for PasswordsConfig {
    fn default() -> Self {
        Self { memory_kib: MIN_ARGON2_MEMORY_KIB, passes: MIN_ARGON2_PASSES, cache_s: 60 }
    }
}
