//! The machine's clock: the only place that reads it.

use chrono::{DateTime, Utc};
use tsa::time::{Instant, TimeNotAvailable, TimeSource};

/// The clock of the machine, trusted as it is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SystemClock;

impl SystemClock {
    /// The time now, for accounts and certificates.
    #[expect(clippy::disallowed_methods, reason = "this is the place that reads the clock")]
    pub(crate) fn now(self) -> DateTime<Utc> {
        Utc::now()
    }
}

impl TimeSource for SystemClock {
    fn now(&self) -> Result<Instant, TimeNotAvailable> {
        Ok(Instant { unix_ms: Self::now(*self).timestamp_millis() })
    }
}
