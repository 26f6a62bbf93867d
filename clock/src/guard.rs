//! Without time servers: the wall clock is believed at the start, and its jumps are noticed.
//!
//! One wrong jump forward would do lasting damage: every lot that ends before it would be booked
//! as expired, and the accounts written to would stay in the future. So the wall clock is held
//! against one that cannot be set. Where it should be is an anchor plus what has passed since; the
//! anchor follows it in small steps, so that a clock that is slewed by NTP is never taken for one
//! that was set. The rule after a jump is the simplest safe one: wait until the wall clock is where
//! it should be, or until somebody who knows starts the service again.
//!
//! Nothing is measured here, and nothing is claimed: the error is unknown and is given as zero.

use crate::error::Unavailable;
use crate::machine::{Clocks, Reading};
use arc_swap::ArcSwap;
use std::sync::Arc;

/// How far the wall clock may be from where it should be. NTP slews at most 0.5 ms a second; what
/// it would not slew is a step, from 128 ms up by default, and small steps are let pass.
const TOLERANCE_US: i64 = 2_000_000;
/// A reading that took longer says too little about the wall clock to follow it.
const LONGEST_READING_US: i64 = 50_000;

/// The wall clock was at `wall_us` when the steady one was at `steady_us`.
#[derive(Clone, Copy)]
struct Seen {
    wall_us: i64,
    steady_us: i64,
}

/// The machine's clock, watched.
pub(crate) struct Guard {
    clocks: Arc<dyn Clocks>,
    seen: ArcSwap<Seen>,
}

impl Guard {
    /// Believes the wall clock as it is now: what came before, nobody here saw.
    pub(crate) fn new(clocks: Arc<dyn Clocks>) -> Self {
        let Reading { wall_us, after_us, .. } = clocks.read();
        let seen = ArcSwap::from_pointee(Seen { wall_us, steady_us: after_us });
        Self { clocks, seen }
    }

    /// The wall clock, in microseconds since 1970, or the jump.
    pub(crate) fn look(&self) -> Result<i64, Jump> {
        // The anchor before the clocks, so that it is never younger than the reading.
        let seen = **self.seen.load();
        judge(seen, &self.clocks.read())
    }

    /// Looks and follows small corrections. To be called a few times a second, by one: what
    /// changes between two calls is held against the tolerance.
    pub(crate) fn follow(&self) -> Result<i64, Jump> {
        let reading = self.clocks.read();
        let wall_us = judge(**self.seen.load(), &reading)?;
        if reading.width_us() <= LONGEST_READING_US {
            self.seen.store(Arc::new(Seen { wall_us, steady_us: reading.after_us }));
        }
        Ok(wall_us)
    }
}

fn judge(seen: Seen, reading: &Reading) -> Result<i64, Jump> {
    let expected =
        |steady_us: i64| seen.wall_us.saturating_add(steady_us.saturating_sub(seen.steady_us));
    // Where it should be is known as exactly as the reading was quick.
    let (earliest, latest) = (expected(reading.before_us), expected(reading.after_us));
    let wall_us = reading.wall_us;
    let ahead_us = wall_us.saturating_sub(wall_us.clamp(earliest, latest.max(earliest)));
    if ahead_us.saturating_abs() > TOLERANCE_US {
        return Err(Jump { expected_us: latest, ahead_us });
    }
    Ok(wall_us)
}

/// The wall clock is not where it should be.
pub(crate) struct Jump {
    pub(crate) expected_us: i64,
    ahead_us: i64,
}

impl Jump {
    pub(crate) fn unavailable(&self) -> Unavailable {
        Unavailable::Jumped { ahead_us: self.ahead_us }
    }
}

#[cfg(test)]
mod tests;
