//! What can be set about holders, with the limits that keep it safe.

use super::HolderError;
use crate::credentials::Argon2Cost;
use chrono::TimeDelta;

/// What can be set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HolderSettings {
    /// The name of the service: no password may contain it, and short messages begin with it.
    pub service_name: String,
    /// What one check of a password, or of an answer to a secret question, costs.
    pub argon2: Argon2Cost,
    /// Threads that compute, each with the memory of one check.
    pub concurrent_checks: usize,
    /// Checks that may wait for a thread; one more is answered [`HolderError::Busy`].
    pub queue: usize,
    /// How long a link to choose the first password lives.
    pub invitation_lifetime: TimeDelta,
    /// How long a link for a forgotten password lives.
    pub recovery_lifetime: TimeDelta,
    /// How long a link that confirms an address lives.
    pub confirmation_lifetime: TimeDelta,
    /// How long a request waits for an operator before it ends.
    pub request_lifetime: TimeDelta,
    /// Requests that may wait for an operator.
    pub most_requests: usize,
    /// How long a one-time code lives.
    pub otp_lifetime: TimeDelta,
    /// Short messages with codes in an hour, to all holders together.
    pub sms_per_hour: u32,
    /// How long the law asks to keep what was registered, after the account was closed.
    pub retention: TimeDelta,
}

impl Default for HolderSettings {
    fn default() -> Self {
        Self {
            service_name: "Marca".to_owned(),
            // 64 MiB, three passes: over the minimum of ASVS 5.0 appendix C.
            argon2: Argon2Cost::new(65_536, 3, 1).unwrap_or_default(),
            concurrent_checks: std::thread::available_parallelism().map_or(1, usize::from),
            queue: 64,
            invitation_lifetime: TimeDelta::days(7),
            // NIST SP 800-63B-4 §4.2.1.2: a code that is mailed is good for 24 hours at most;
            // a link for a password needs less.
            recovery_lifetime: TimeDelta::minutes(30),
            confirmation_lifetime: TimeDelta::hours(24),
            request_lifetime: TimeDelta::days(30),
            most_requests: 10_000,
            // NIST SP 800-63B-4 §3.1.3.2 has ten minutes as the most.
            otp_lifetime: TimeDelta::minutes(3),
            sms_per_hour: 1_000,
            retention: TimeDelta::days(20 * 365 + 5),
        }
    }
}

impl HolderSettings {
    pub(crate) fn check(&self) -> Result<(), HolderError> {
        let within = |name, value: TimeDelta, least: TimeDelta, most: TimeDelta, allowed| {
            let inside = least <= value && value <= most;
            if inside { Ok(()) } else { Err(HolderError::BadSetting { name, allowed }) }
        };
        let (minute, hour, day) = (TimeDelta::minutes(1), TimeDelta::hours(1), TimeDelta::days(1));
        if self.service_name.trim().is_empty() || self.service_name.chars().count() > 30 {
            let allowed = "1 to 30 characters";
            return Err(HolderError::BadSetting { name: "service name", allowed });
        }
        if self.most_requests == 0 || self.most_requests > 100_000 {
            let allowed = "1 to 100000";
            return Err(HolderError::BadSetting { name: "waiting requests", allowed });
        }
        if self.sms_per_hour == 0 || self.sms_per_hour > 1_000_000 {
            let allowed = "1 to 1000000";
            return Err(HolderError::BadSetting { name: "short messages per hour", allowed });
        }
        let seconds = "30 seconds to 10 minutes";
        within("one-time code lifetime", self.otp_lifetime, minute / 2, minute * 10, seconds)?;
        let days = "1 to 30 days";
        within("invitation lifetime", self.invitation_lifetime, day, day * 30, days)?;
        let short = "5 minutes to 24 hours";
        within("recovery lifetime", self.recovery_lifetime, minute * 5, day, short)?;
        let hours = "1 hour to 7 days";
        within("confirmation lifetime", self.confirmation_lifetime, hour, day * 7, hours)?;
        let long = "1 to 365 days";
        within("request lifetime", self.request_lifetime, day, day * 365, long)?;
        let years = "0 to 50 years";
        within("retention", self.retention, TimeDelta::zero(), day * 18_300, years)
    }
}
