//! The service's clock: the monitor of the `clock` crate, as tokens and everything else ask it.

use crate::config::Config;
use crate::random::SystemRandom;
use chrono::{DateTime, Utc};
use clock::{Monitor, Settings, SettingsError, SystemClocks, SystemKernel, Unavailable};
use rand::Rng;
use std::sync::Arc;
use std::time::Duration;
use tsa::time::{Instant, TimeNotAvailable, TimeSource};

/// The first start looks this often whether the time is confirmed, and waits in between.
const CONFIRMATION_TRIES: u32 = 150;
const CONFIRMATION_PAUSE: Duration = Duration::from_millis(200);

/// The clock of the service.
pub(crate) struct ServiceClock {
    monitor: Monitor,
}

impl ServiceClock {
    /// The clock of `[time]`. Nobody is asked anything before [`Monitor::run`].
    pub(super) fn new(config: &Config, random: SystemRandom) -> Result<Self, SettingsError> {
        if config.time.trust_machine_clock {
            let monitor = Monitor::machine_clock(Arc::new(SystemClocks::boot()));
            return Ok(Self { monitor });
        }
        let mut settings = Settings::new(config.time.servers.clone());
        settings.min_agree = config.time.min_agree;
        settings.poll = Duration::from_secs(config.time.poll_s);
        // Shorter than the standard's shortest for servers of this machine only: the check of the
        // configuration lets nobody else be asked so often.
        settings.fastest_poll = settings.fastest_poll.min(settings.poll);
        settings.timeout = settings.timeout.min(settings.poll);
        // Each unit holds the error against its own accuracy; this is where there is no use at all.
        let widest = config.tsu.iter().map(|unit| u64::from(unit.accuracy_ms)).max();
        settings.accuracy = Duration::from_millis(widest.unwrap_or(1000));
        let (clocks, kernel) = (Arc::new(SystemClocks::raw()), Arc::new(SystemKernel));
        let nonce = Arc::new(move || random.generator().next_u64());
        Ok(Self { monitor: Monitor::ntp(settings, clocks, kernel, nonce)? })
    }

    /// Asks the time servers until they confirm the time, half a minute at most. The machine's
    /// clock, where that is trusted, needs nobody's word.
    pub(super) async fn confirmed(&self) -> Result<(), Unavailable> {
        let asking = actix_web::rt::spawn(self.monitor.clone().run());
        let mut outcome = self.monitor.trusted();
        for _try in 0..CONFIRMATION_TRIES {
            if outcome.is_ok() {
                break;
            }
            tokio::time::sleep(CONFIRMATION_PAUSE).await;
            outcome = self.monitor.trusted();
        }
        asking.abort();
        outcome.map(drop)
    }

    /// What watches over it, and what it says of itself.
    pub(crate) fn monitor(&self) -> &Monitor {
        &self.monitor
    }

    /// The time, or why there is none that can be trusted: for tokens and expiries.
    pub(crate) fn trusted_now(&self) -> Result<DateTime<Utc>, Unavailable> {
        self.monitor.trusted()
    }

    /// The time for everything else, also while it is not trusted.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.monitor.best()
    }
}

impl TimeSource for ServiceClock {
    fn now(&self) -> Result<Instant, TimeNotAvailable> {
        match self.monitor.now() {
            Ok(time) => Ok(Instant { unix_ms: time.unix_ms, error_us: time.error_us }),
            Err(error) => Err(TimeNotAvailable { reason: error.to_string() }),
        }
    }
}
