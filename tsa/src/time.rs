//! Time as a token needs it: read through a trait, never going back, with its accuracy.

/// Milliseconds since the Unix epoch (UTC), with the bound of the error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instant {
    /// Milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
    pub unix_ms: i64,
}

/// A source of time may have none to give.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("time is not available: {reason}")]
pub struct TimeNotAvailable {
    /// For the log and the operator.
    pub reason: String,
}

/// A clock. The only one that reads the machine's is in the server.
pub trait TimeSource: Send + Sync {
    /// The time now, or why there is none that can be trusted.
    fn now(&self) -> Result<Instant, TimeNotAvailable>;
}
