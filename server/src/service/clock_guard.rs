//! Notices when the wall clock jumps, and gives no time to tokens and expiries until it is back.
//!
//! One wrong jump forward would do lasting damage: every lot that ends before it would be booked
//! as expired, and the accounts written to would stay in the future. So the wall clock is held
//! against one that cannot be set ([`crate::clock`]). Where it should be is an anchor plus what
//! has passed since; the anchor follows it in small steps, so that a clock that is slewed by NTP
//! is never taken for one that was set. The rule after a jump is the simplest safe one: wait until
//! the wall clock is where it should be, or until somebody who knows starts the service again.

use crate::clock::{Clocks, Reading};
use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use tsa::time::{Instant, TimeNotAvailable, TimeSource};

/// How far the wall clock may be from where it should be. NTP slews at most 0.5 ms a second; what
/// it would not slew is a step, from 128 ms up by default, and small steps are let pass.
const TOLERANCE_MS: i64 = 2_000;
/// A reading that took longer says too little about the wall clock to follow it.
const LONGEST_READING_MS: i64 = 50;

/// The clock of the service.
pub(crate) struct ClockGuard<C> {
    clocks: C,
    state: Mutex<State>,
}

struct State {
    /// The wall clock was at `wall_ms` when the other was at `boot_ms`.
    wall_ms: i64,
    boot_ms: i64,
    /// The wall clock is elsewhere, and the log says so.
    jumped: bool,
}

impl<C: Clocks> ClockGuard<C> {
    /// Believes the wall clock as it is now: what came before, nobody here saw.
    pub(crate) fn new(clocks: C) -> Self {
        let Reading { wall_ms, after_ms, .. } = clocks.read();
        let state = State { wall_ms, boot_ms: after_ms, jumped: false };
        Self { clocks, state: Mutex::new(state) }
    }

    /// The time, or why there is none that can be trusted: for tokens and expiries.
    pub(crate) fn trusted_now(&self) -> Result<DateTime<Utc>, TimeNotAvailable> {
        self.look(false).map_err(|jump| jump.unavailable()).and_then(instant)
    }

    /// The time for everything else: the wall clock, and while that has jumped, where it should
    /// be. So an administrator can go on, and no entry of an account lands in a wrong future.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        let time = self.look(false).unwrap_or_else(|jump| jump.expected_ms);
        DateTime::from_timestamp_millis(time).unwrap_or_default()
    }

    /// Looks at the clocks and follows small corrections. To be called a few times a second: what
    /// changes between two calls is held against the tolerance.
    pub(crate) fn tick(&self) {
        drop(self.look(true));
    }

    fn look(&self, follow: bool) -> Result<i64, Jump> {
        // Read before the lock is taken, so that waiting for it is no part of the reading.
        let reading = self.clocks.read();
        let mut state = self.state.lock();
        let expected = |boot_ms: i64| state.wall_ms.saturating_add(boot_ms - state.boot_ms);
        // Where it should be is known as exactly as the reading was quick.
        let (earliest, latest) = (expected(reading.before_ms), expected(reading.after_ms));
        let wall_ms = reading.wall_ms;
        let ahead_ms = wall_ms.saturating_sub(wall_ms.clamp(earliest, latest.max(earliest)));
        if ahead_ms.saturating_abs() > TOLERANCE_MS {
            let jump = Jump { expected_ms: latest, ahead_ms };
            if !std::mem::replace(&mut state.jumped, true) {
                tracing::error!(
                    ahead_ms,
                    "the clock has jumped: nothing is issued and no expiry is booked until it is \
                     back within 2 s, or the service is started again"
                );
            }
            return Err(jump);
        }
        if std::mem::replace(&mut state.jumped, false) {
            tracing::warn!(ahead_ms, "the clock is back where it should be");
        }
        if follow && reading.after_ms.saturating_sub(reading.before_ms) <= LONGEST_READING_MS {
            (state.wall_ms, state.boot_ms) = (wall_ms, reading.after_ms);
        }
        Ok(wall_ms)
    }
}

impl<C: Clocks> TimeSource for ClockGuard<C> {
    fn now(&self) -> Result<Instant, TimeNotAvailable> {
        match self.look(false) {
            Ok(unix_ms) => Ok(Instant { unix_ms }),
            Err(jump) => Err(jump.unavailable()),
        }
    }
}

/// The wall clock is not where it should be.
struct Jump {
    expected_ms: i64,
    ahead_ms: i64,
}

impl Jump {
    fn unavailable(&self) -> TimeNotAvailable {
        let (by, way) = (self.ahead_ms.saturating_abs(), self.ahead_ms > 0);
        let way = if way { "forward" } else { "back" };
        let reason = format!(
            "the machine's clock jumped {way} by {by} ms; set it right, or start the service \
             again if it is right now"
        );
        TimeNotAvailable { reason }
    }
}

fn instant(unix_ms: i64) -> Result<DateTime<Utc>, TimeNotAvailable> {
    DateTime::from_timestamp_millis(unix_ms)
        .ok_or_else(|| TimeNotAvailable { reason: format!("{unix_ms} ms since 1970 is no date") })
}

#[cfg(test)]
mod tests {
    use super::{ClockGuard, TOLERANCE_MS};
    use crate::clock::{Clocks, Reading, SystemClocks};
    use parking_lot::Mutex;
    use std::sync::Arc;
    use tsa::time::TimeSource;

    const START: i64 = 1_767_225_600_000;

    /// Clocks that show what a test sets.
    #[derive(Clone)]
    struct FakeClocks(Arc<Mutex<Reading>>);

    impl Clocks for FakeClocks {
        fn read(&self) -> Reading {
            *self.0.lock()
        }
    }

    fn guard() -> (FakeClocks, ClockGuard<FakeClocks>) {
        let first = Reading { before_ms: 5_000, wall_ms: START, after_ms: 5_000 };
        let clocks = FakeClocks(Arc::new(Mutex::new(first)));
        (clocks.clone(), ClockGuard::new(clocks))
    }

    impl FakeClocks {
        /// So much passes on each of them.
        fn pass(&self, wall_ms: i64, boot_ms: i64) {
            let mut now = self.0.lock();
            now.wall_ms += wall_ms;
            now.before_ms = now.after_ms + boot_ms;
            now.after_ms = now.before_ms;
        }
    }

    fn trusted(guard: &ClockGuard<FakeClocks>) -> Option<i64> {
        let token = TimeSource::now(guard).ok().map(|now| now.unix_ms);
        let expiry = guard.trusted_now().ok().map(|now| now.timestamp_millis());
        assert_eq!(token, expiry);
        token
    }

    #[test]
    fn time_that_passes_is_no_jump() {
        let (clocks, guard) = guard();
        // An hour without a look, as of a machine that slept: both clocks went on.
        clocks.pass(3_600_000, 3_600_000);
        assert_eq!(trusted(&guard), Some(START + 3_600_000));
    }

    #[test]
    fn a_jump_either_way_stops_until_the_clock_is_back() {
        for jump in [TOLERANCE_MS + 1, -TOLERANCE_MS - 1, 86_400_000, -86_400_000] {
            let (clocks, guard) = guard();
            clocks.pass(jump, 0);
            assert_eq!(trusted(&guard), None, "{jump}");
            let reason = TimeSource::now(&guard).unwrap_err().reason;
            assert!(reason.contains(&format!("{} ms", jump.abs())), "{reason}");
            // Ticks do not make it the new truth, however long it lasts.
            for _ in 0..10_000 {
                clocks.pass(200, 200);
                guard.tick();
            }
            assert_eq!(trusted(&guard), None, "{jump}");
            // What is not a token goes on with the time that it should be.
            assert_eq!(guard.now().timestamp_millis(), START + 2_000_000, "{jump}");
            clocks.pass(-jump, 0);
            assert_eq!(trusted(&guard), Some(START + 2_000_000), "{jump}");
        }
    }

    #[test]
    fn a_step_within_the_tolerance_is_followed() {
        let (clocks, guard) = guard();
        for step in [TOLERANCE_MS, -TOLERANCE_MS] {
            clocks.pass(step, 0);
            assert!(trusted(&guard).is_some());
            guard.tick();
        }
    }

    #[test]
    fn a_clock_that_is_slewed_never_trips_it() {
        let (clocks, guard) = guard();
        // 0.5 ms a second for four hours: 7 s, in looks of 200 ms.
        for tick in 0..72_000 {
            clocks.pass(200 + i64::from(tick % 10 == 0), 200);
            guard.tick();
            assert!(trusted(&guard).is_some());
        }
    }

    #[test]
    fn requests_alone_do_not_move_the_anchor() {
        let (clocks, guard) = guard();
        clocks.pass(TOLERANCE_MS, 0);
        assert!(trusted(&guard).is_some());
        clocks.pass(TOLERANCE_MS, 0);
        assert_eq!(trusted(&guard), None);
    }

    #[test]
    fn a_thread_that_was_away_during_its_reading_sees_no_jump() {
        let (clocks, guard) = guard();
        let away = |wall_ms| Reading { before_ms: 6_000, wall_ms, after_ms: 66_000 };
        for wall_ms in [START + 1_000, START + 30_000, START + 61_000] {
            *clocks.0.lock() = away(wall_ms);
            assert_eq!(trusted(&guard), Some(wall_ms));
            // It is too vague a reading to follow.
            guard.tick();
        }
        *clocks.0.lock() = away(START + 61_000 + TOLERANCE_MS + 1);
        assert_eq!(trusted(&guard), None);
    }

    #[test]
    fn the_clocks_of_the_machine_go_together() {
        let guard = ClockGuard::new(SystemClocks);
        guard.tick();
        assert!(guard.trusted_now().is_ok());
        let Reading { before_ms, after_ms, .. } = SystemClocks.read();
        assert!(0 < before_ms && before_ms <= after_ms);
    }
}
