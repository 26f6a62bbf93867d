//! What an operator decides about the clock, with the reasons for the defaults.

use crate::error::SettingsError;
use std::collections::HashSet;
use std::time::Duration;

/// The slowest poll. MAXPOLL of RFC 5905 §7.2 is longer: a token service wants to know sooner.
pub(crate) const SLOWEST_POLL: Duration = Duration::from_secs(1024);

/// The settings of a monitor with time servers.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The servers: `host`, `host:port`, `address` or `[v6]:port`; the port is 123 by default.
    pub servers: Vec<String>,
    /// How many of them must agree, and besides that more than half of those that answer. Three
    /// find one liar among them; four still agree when one of them lies.
    pub min_agree: usize,
    /// The time between two polls of a server: 64 s, what NTP daemons begin with
    /// and public servers expect.
    pub poll: Duration,
    /// Never sooner than this after the last poll, whatever happens: 16 s, the MINPOLL of RFC 5905
    /// §7.2. No configuration of a service should go below it.
    pub fastest_poll: Duration,
    /// How long an answer is waited for: 2 s, twice the root distance that is believed.
    pub timeout: Duration,
    /// The widest accuracy that a token may state. The clock is out of sync when its error and the
    /// millisecond that genTime truncates are more than this.
    pub accuracy: Duration,
    /// How fast the bare oscillator may run away, in parts per million: 100.
    ///
    /// RFC 5905 §7.2 has PHI = 15 ppm for a clock whose rate is already corrected. The steady clock
    /// here is not corrected by anybody, and crystals of PC boards are specified to within 50 ppm,
    /// aged and warm to within 100. Between two polls this adds 6.4 ms, and a second of accuracy
    /// lasts for some 2.7 hours of holdover. `observed_drift_ppm` in the status says what it is on
    /// this machine; who lowers the setting should leave a factor of three.
    pub drift_ppm: u32,
    /// The longest time without a quorum, however small the error is said to be: 24 h, since the
    /// baseline requirements for code signing want a synchronisation at least that often.
    pub holdover: Duration,
    /// Whether there is time only while the kernel calls its clock synchronised. Off by default:
    /// in a container the kernel may not be asked.
    pub require_kernel: bool,
}

impl Settings {
    /// The defaults, with these servers.
    #[must_use]
    pub fn new(servers: Vec<String>) -> Self {
        Self {
            servers,
            min_agree: 3,
            poll: Duration::from_secs(64),
            fastest_poll: Duration::from_secs(16),
            timeout: Duration::from_secs(2),
            accuracy: Duration::from_secs(1),
            drift_ppm: 100,
            holdover: Duration::from_secs(24 * 3600),
            require_kernel: false,
        }
    }

    /// Whether these settings can work.
    ///
    /// # Errors
    /// The first that cannot.
    pub fn check(&self) -> Result<(), SettingsError> {
        if self.min_agree == 0 {
            return Err(SettingsError::NoAgreement);
        }
        if self.servers.len() < self.min_agree {
            let (servers, needed) = (self.servers.len(), self.min_agree);
            return Err(SettingsError::TooFewServers { servers, needed });
        }
        let mut seen = HashSet::new();
        if let Some(server) = self.servers.iter().find(|server| !seen.insert(*server)) {
            return Err(SettingsError::ServerTwice { server: server.clone() });
        }
        let polls = self.fastest_poll..=SLOWEST_POLL;
        if self.fastest_poll.is_zero() || !polls.contains(&self.poll) {
            return Err(SettingsError::Poll);
        }
        if self.timeout.is_zero() || self.timeout > self.fastest_poll {
            return Err(SettingsError::Timeout);
        }
        if self.accuracy <= Duration::from_millis(1) {
            return Err(SettingsError::Accuracy);
        }
        if !(1..=1000).contains(&self.drift_ppm) {
            return Err(SettingsError::Drift);
        }
        Ok(())
    }

    /// How old an answer may be to count, and a quorum to be called fresh: four polls, so that
    /// three lost datagrams in a row change nothing.
    pub(crate) fn fresh_us(&self) -> i64 {
        micros(self.poll.saturating_mul(4).saturating_add(self.timeout))
    }
}

/// As microseconds; what does not fit is as good as for ever.
pub(crate) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn four() -> Settings {
        Settings::new(["a", "b", "c", "d"].map(str::to_owned).to_vec())
    }

    #[test]
    fn the_defaults_are_good() {
        assert_eq!(four().check(), Ok(()));
    }

    #[test]
    fn every_bad_setting_is_named() {
        type Change = fn(&mut Settings);
        let cases: [(Change, SettingsError); 10] = [
            (|s| s.min_agree = 0, SettingsError::NoAgreement),
            (|s| s.min_agree = 5, SettingsError::TooFewServers { servers: 4, needed: 5 }),
            (|s| s.servers.truncate(2), SettingsError::TooFewServers { servers: 2, needed: 3 }),
            (
                |s| s.servers[3] = "a".to_owned(),
                SettingsError::ServerTwice { server: "a".to_owned() },
            ),
            (|s| s.poll = Duration::from_secs(15), SettingsError::Poll),
            (|s| s.poll = Duration::from_secs(1025), SettingsError::Poll),
            (|s| s.fastest_poll = Duration::ZERO, SettingsError::Poll),
            (|s| s.timeout = Duration::from_secs(17), SettingsError::Timeout),
            (|s| s.accuracy = Duration::from_millis(1), SettingsError::Accuracy),
            (|s| s.drift_ppm = 0, SettingsError::Drift),
        ];
        for (change, error) in cases {
            let mut settings = four();
            change(&mut settings);
            assert_eq!(settings.check(), Err(error));
        }
    }
}
