//! The machine's clocks: the only place that reads them.
//!
//! The wall clock tells the time and can be set by anybody who may. The clock since boot cannot be
//! set; it tells only how much time has passed. `service::ClockGuard` holds one against the
//! other; this file reads them together.

use rustix::time::{ClockId, clock_gettime};

/// Both clocks, read together: the wall clock at some instant between two of the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    /// Milliseconds since boot, before the wall clock was read.
    pub(crate) before_ms: i64,
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub(crate) wall_ms: i64,
    /// Milliseconds since boot, after the wall clock was read. A thread that was interrupted in
    /// between comes back to a larger one, and knows by it that it was away.
    pub(crate) after_ms: i64,
}

/// A wall clock with one that cannot be set beside it.
pub(crate) trait Clocks: Send + Sync {
    /// Reads both.
    fn read(&self) -> Reading;
}

/// The clocks of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SystemClocks;

impl Clocks for SystemClocks {
    fn read(&self) -> Reading {
        let before_ms = since_boot_ms();
        let wall_ms = wall_ms();
        Reading { before_ms, wall_ms, after_ms: since_boot_ms() }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the place that reads the clock")]
fn wall_ms() -> i64 {
    chrono::Utc::now().timestamp_millis()
}

// CLOCK_BOOTTIME goes on while the machine sleeps, as the wall clock does; CLOCK_MONOTONIC stops,
// and every sleep would look like a jump.
fn since_boot_ms() -> i64 {
    let time = clock_gettime(ClockId::Boottime);
    time.tv_sec.saturating_mul(1_000).saturating_add(time.tv_nsec / 1_000_000)
}
