//! The configuration: one TOML file, every key known, every value checked before anything starts.
//!
//! An error names the file, the key and what to do. What would be unsafe in production is refused
//! by name in [`check`]. Nothing else in the service reads a file of settings or the environment.

mod check;
mod holders;
mod proxies;
mod sms;
mod trust;
mod types;

pub(crate) use proxies::TrustedProxies;
pub(crate) use sms::{GatewayConfig, GatewayKind, SmsConfig};
pub(crate) use trust::{
    CaConfig, Certificates, CertifiedBy, HsmConfig, KeyStore, MailConfig, MailTls, Padding,
    TsuConfig,
};
pub(crate) use types::{Config, LogConfig, LogFormat, PasswordsConfig, TlsConfig};

use std::path::{Path, PathBuf};

/// The commented default configuration, as `marca config default` prints it.
pub(crate) const DEFAULT: &str = include_str!("default.toml");

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The file cannot be read.
    #[error(
        "cannot read the configuration {path}: {source}; `marca config default` prints one to \
         start from"
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The operating system's words.
        source: std::io::Error,
    },
    /// The file is not TOML, or has a key or a value that does not belong there.
    #[error("{path}: {reason}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Line, column, key and what is wrong there.
        reason: String,
    },
    /// A value is out of range, or would be unsafe.
    #[error("{path}: {key}: {reason}")]
    Value {
        /// The file.
        path: PathBuf,
        /// The key, with its section.
        key: String,
        /// What is wrong and what to do.
        reason: String,
    },
}

impl Config {
    /// Reads and checks the configuration in `path`.
    pub(crate) fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        Self::parse(path, &text)
    }

    fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        Self::read(path, text)?.checked(path)
    }

    fn read(path: &Path, text: &str) -> Result<Self, ConfigError> {
        toml::from_str(text).map_err(|error| ConfigError::Syntax {
            path: path.to_owned(),
            reason: error.to_string().trim_end().to_owned(),
        })
    }

    fn checked(self, path: &Path) -> Result<Self, ConfigError> {
        match check::check(&self) {
            Ok(()) => Ok(self),
            Err((key, reason)) => Err(ConfigError::Value { path: path.to_owned(), key, reason }),
        }
    }

    /// The default configuration for the demo, with the data in `directory`. It trusts the
    /// machine's clock, which the default configuration leaves to the operator's decision.
    pub(crate) fn default_in(directory: &Path) -> Result<Self, ConfigError> {
        let path = Path::new("the built-in default configuration");
        let mut config = Self::read(path, DEFAULT)?;
        directory.clone_into(&mut config.data.directory);
        config.time.trust_machine_clock = true;
        config.checked(path)
    }

    /// Where the token of the administration API lies.
    pub(crate) fn admin_token_file(&self) -> PathBuf {
        self.data.directory.join(&self.admin.token_file)
    }

    /// Where the pepper lies that holders' secrets are under.
    pub(crate) fn pepper_file(&self) -> PathBuf {
        self.data.directory.join(&self.holders.pepper_file)
    }
}

#[cfg(test)]
mod tests;
