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
    /// Threads that compute, each with the memory of one check: so many for what anybody may ask,
    /// logins above all, and as many again for what a holder does with a PIN, PUK or code.
    pub concurrent_checks: usize,
    /// Checks that may wait for a thread, of either kind; one more is answered
    /// [`HolderError::Busy`].
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
    /// Between two messages with the same code.
    pub otp_gap: TimeDelta,
    /// Messages with codes to a number, and to a holder, within an hour and within a day.
    pub otp_messages: (u32, u32),
    /// Short messages with codes in an hour, to all holders together.
    pub sms_per_hour: u32,
    /// How long the law asks to keep what was registered, after the account was closed.
    pub retention: TimeDelta,
    /// How long a session lives without being used; its use is noted once a minute.
    pub session_idle: TimeDelta,
    /// How long a session lives at most.
    pub session_life: TimeDelta,
    /// How long a session stays raised by a one-time code.
    pub step_up: TimeDelta,
    /// Sessions of a holder side by side; one more ends the oldest.
    pub most_sessions: usize,
    /// Devices of a holder; one more is refused.
    pub most_devices: usize,
    /// A device that was not used for so long is unlinked.
    pub device_idle: TimeDelta,
    /// How long a QR code is good for.
    pub qr_lifetime: TimeDelta,
    /// How long a new phone number may wait for the code that proves it.
    pub phone_proof: TimeDelta,
    /// How long a new phone number waits when the old one could not agree.
    pub phone_waiting: TimeDelta,
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
            otp_gap: TimeDelta::seconds(30),
            otp_messages: (10, 20),
            sms_per_hour: 1_000,
            retention: TimeDelta::days(20 * 365 + 5),
            // ASVS 5.0, 7.1.1 and 7.3: both documented; NIST SP 800-63B-4 §2.2.3 allows an hour
            // and a day.
            session_idle: TimeDelta::minutes(15),
            session_life: TimeDelta::hours(8),
            step_up: TimeDelta::minutes(5),
            most_sessions: 5,
            most_devices: 10,
            device_idle: TimeDelta::days(180),
            qr_lifetime: TimeDelta::seconds(60),
            phone_proof: TimeDelta::minutes(30),
            phone_waiting: TimeDelta::hours(72),
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
        let (hour_most, day_most) = self.otp_messages;
        if hour_most == 0 || hour_most > day_most || day_most > 10_000 {
            let allowed = "1 to 10000, and for a day as many as for an hour or more";
            return Err(HolderError::BadSetting { name: "messages with codes", allowed });
        }
        let seconds = "1 second to 5 minutes";
        within("gap between messages", self.otp_gap, minute / 60, minute * 5, seconds)?;
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
        within("retention", self.retention, TimeDelta::zero(), day * 18_300, years)?;
        self.check_access(within)
    }

    fn check_access(
        &self,
        within: impl Fn(
            &'static str,
            TimeDelta,
            TimeDelta,
            TimeDelta,
            &'static str,
        ) -> Result<(), HolderError>,
    ) -> Result<(), HolderError> {
        let (minute, hour, day) = (TimeDelta::minutes(1), TimeDelta::hours(1), TimeDelta::days(1));
        let second = TimeDelta::seconds(1);
        for (name, count) in [("sessions", self.most_sessions), ("devices", self.most_devices)] {
            if !(1..=100).contains(&count) {
                return Err(HolderError::BadSetting { name, allowed: "1 to 100" });
            }
        }
        within("session idle", self.session_idle, minute * 2, hour, "2 minutes to 1 hour")?;
        within("session life", self.session_life, minute * 5, day, "5 minutes to 24 hours")?;
        within("step-up", self.step_up, minute, minute * 15, "1 to 15 minutes")?;
        within("device idle", self.device_idle, day, day * 730, "1 to 730 days")?;
        within("QR code", self.qr_lifetime, second * 20, minute * 2, "20 to 120 seconds")?;
        within("phone proof", self.phone_proof, minute * 5, day, "5 minutes to 24 hours")?;
        within("phone waiting", self.phone_waiting, day, day * 14, "1 to 14 days")
    }
}
