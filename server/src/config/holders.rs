//! `[holders]`: the people who own remote-signature accounts. The text beside each key is in
//! `default.toml`.

use super::check::{Fault, fault, range};
use super::trust::KeyStore;
use super::types::{MIN_ARGON2_MEMORY_KIB, MIN_ARGON2_PASSES};
use accounts::holders::SigningKeyKind;
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// `[holders]`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct HoldersConfig {
    pub(crate) service_name: String,
    pub(crate) support: Option<String>,
    pub(crate) time_zone: String,
    pub(crate) pepper_file: PathBuf,
    pub(crate) key: String,
    pub(crate) key_store: KeyStore,
    pub(crate) validity_days: u32,
    pub(crate) memory_kib: u32,
    pub(crate) passes: u32,
    pub(crate) requests: usize,
    pub(crate) otp_s: u32,
    pub(crate) otp_gap_s: u32,
    pub(crate) otp_per_hour: u32,
    pub(crate) otp_per_day: u32,
    pub(crate) sms_per_hour: u32,
    pub(crate) phone_wait_h: u32,
    pub(crate) retention_days: u32,
}

impl Default for HoldersConfig {
    fn default() -> Self {
        Self {
            service_name: "Marca".to_owned(),
            support: None,
            time_zone: Tz::Europe__Rome.name().to_owned(),
            pepper_file: PathBuf::from("pepper"),
            key: SigningKeyKind::Rsa3072.name().to_owned(),
            key_store: KeyStore::File,
            validity_days: 1_095,
            memory_kib: 65_536,
            passes: 3,
            requests: 10_000,
            otp_s: 180,
            otp_gap_s: 30,
            otp_per_hour: 10,
            otp_per_day: 20,
            sms_per_hour: 1_000,
            phone_wait_h: 72,
            // Twenty years, five of them leap years.
            retention_days: 7_305,
        }
    }
}

impl HoldersConfig {
    /// The kind of key that a new credential gets. The configuration's own check made sure of it.
    pub(crate) fn key_kind(&self) -> SigningKeyKind {
        self.key.parse().unwrap_or(SigningKeyKind::Rsa3072)
    }

    /// The zone of the times in messages. The configuration's own check made sure of it.
    pub(crate) fn zone(&self) -> Tz {
        self.time_zone.parse().unwrap_or(Tz::UTC)
    }

    pub(super) fn check(&self) -> Result<(), Fault> {
        let name = self.service_name.trim();
        if name.is_empty() || name.chars().count() > 30 {
            return fault("holders.service_name", "use 1 to 30 characters: it stands in messages");
        }
        if let Err(unknown) = self.key.parse::<SigningKeyKind>() {
            return fault("holders.key", unknown.to_string());
        }
        if self.time_zone.parse::<Tz>().is_err() {
            let reason = format!(
                "\"{}\" is not a zone of the tz database, as in \"Europe/Rome\" or \"UTC\"",
                self.time_zone
            );
            return fault("holders.time_zone", reason);
        }
        range("holders.validity_days", self.validity_days, 1..=1_830)?;
        range("holders.memory_kib", self.memory_kib, MIN_ARGON2_MEMORY_KIB..=4_194_304)?;
        range("holders.passes", self.passes, MIN_ARGON2_PASSES..=64)?;
        range("holders.requests", self.requests, 1..=100_000)?;
        self.check_codes()
    }

    fn check_codes(&self) -> Result<(), Fault> {
        range("holders.otp_s", self.otp_s, 30..=600)?;
        range("holders.otp_gap_s", self.otp_gap_s, 1..=300)?;
        range("holders.otp_per_hour", self.otp_per_hour, 1..=1_000)?;
        range("holders.otp_per_day", self.otp_per_day, self.otp_per_hour..=1_000)?;
        range("holders.sms_per_hour", self.sms_per_hour, 1..=1_000_000)?;
        range("holders.phone_wait_h", self.phone_wait_h, 24..=336)?;
        range("holders.retention_days", self.retention_days, 0..=18_300)
    }
}
