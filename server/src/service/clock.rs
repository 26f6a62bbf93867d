//! The service's clock: the monitor of the `clock` crate, as tokens and everything else ask it.

use chrono::{DateTime, Utc};
use clock::{Monitor, SystemClocks, Unavailable};
use std::sync::Arc;
use tsa::time::{Instant, TimeNotAvailable, TimeSource};

/// The clock of the service.
pub(crate) struct ServiceClock {
    monitor: Monitor,
}

impl ServiceClock {
    /// Believes the machine's clock, and notices when it jumps.
    pub(crate) fn machine() -> Self {
        Self { monitor: Monitor::machine_clock(Arc::new(SystemClocks::boot())) }
    }

    /// The time, or why there is none that can be trusted: for tokens and expiries.
    pub(crate) fn trusted_now(&self) -> Result<DateTime<Utc>, Unavailable> {
        self.monitor.trusted()
    }

    /// The time for everything else, also while it is not trusted.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.monitor.best()
    }

    /// Looks at the clocks. To be called a few times a second.
    pub(crate) fn tick(&self) {
        self.monitor.tick();
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
