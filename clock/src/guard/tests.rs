//! Jumps of a machine's clock that no server is asked about.

use super::*;
use crate::machine::SystemClocks;
use crate::monitor::{Monitor, Time};
use crate::status::State;
use parking_lot::Mutex;

const START_US: i64 = 1_767_225_600_000_000;
const SECOND: i64 = 1_000_000;

/// Clocks that show what a test sets.
struct FakeClocks(Mutex<Reading>);

impl Clocks for FakeClocks {
    fn read(&self) -> Reading {
        *self.0.lock()
    }
}

impl FakeClocks {
    /// So much passes on each of them.
    fn pass(&self, wall_us: i64, steady_us: i64) {
        let mut now = self.0.lock();
        now.wall_us += wall_us;
        now.before_us = now.after_us + steady_us;
        now.after_us = now.before_us;
    }
}

fn monitor() -> (Arc<FakeClocks>, Monitor) {
    let first = Reading { before_us: 5 * SECOND, wall_us: START_US, after_us: 5 * SECOND };
    let clocks = Arc::new(FakeClocks(Mutex::new(first)));
    (Arc::clone(&clocks), Monitor::machine_clock(clocks))
}

/// The time since the start, if it is trusted.
fn trusted(monitor: &Monitor) -> Option<i64> {
    let time = monitor.now().ok();
    // Nothing is measured, so no error is claimed.
    assert!(time.is_none_or(|Time { error_us, .. }| error_us == 0));
    let time = time.map(|time| time.unix_ms);
    assert_eq!(time, monitor.trusted().ok().map(|date| date.timestamp_millis()));
    time.map(|unix_ms| unix_ms * 1_000 - START_US)
}

#[test]
fn time_that_passes_is_no_jump() {
    let (clocks, monitor) = monitor();
    // An hour without a look, as of a machine that slept: both clocks went on.
    clocks.pass(3_600 * SECOND, 3_600 * SECOND);
    assert_eq!(trusted(&monitor), Some(3_600 * SECOND));
}

#[test]
fn a_jump_either_way_stops_until_the_clock_is_back() {
    for jump in [TOLERANCE_US + 1, -TOLERANCE_US - 1, 86_400 * SECOND, -86_400 * SECOND] {
        let (clocks, monitor) = monitor();
        let mut events = monitor.events().unwrap();
        clocks.pass(jump, 0);
        assert_eq!(trusted(&monitor), None, "{jump}");
        let reason = monitor.now().unwrap_err().to_string();
        assert!(reason.contains(&format!("{} ms", jump.abs() / 1_000)), "{reason}");
        // Ticks do not make it the new truth, however long it lasts.
        for _ in 0..10_000 {
            clocks.pass(SECOND / 5, SECOND / 5);
            monitor.tick();
        }
        assert_eq!(trusted(&monitor), None, "{jump}");
        assert_eq!(monitor.status().state, State::OutOfSync);
        // What is not a token goes on with the time that it should be.
        assert_eq!(monitor.best().timestamp_micros(), START_US + 2_000 * SECOND, "{jump}");
        clocks.pass(-jump, 0);
        assert_eq!(trusted(&monitor), Some(2_000 * SECOND), "{jump}");
        monitor.tick();
        assert_eq!(monitor.status().state, State::MachineClock);
        // Two events and no more: there, and back.
        for to in [State::OutOfSync, State::MachineClock] {
            let event = events.try_recv().unwrap();
            assert!(matches!(event, crate::Event::StateChanged { to: is, .. } if is == to));
            assert_eq!(event.is_failure(), to == State::OutOfSync);
        }
        assert!(events.try_recv().is_err());
    }
}

#[test]
fn a_step_within_the_tolerance_is_followed() {
    let (clocks, monitor) = monitor();
    for step in [TOLERANCE_US, -TOLERANCE_US] {
        clocks.pass(step, 0);
        assert!(trusted(&monitor).is_some());
        monitor.tick();
    }
}

#[test]
fn a_clock_that_is_slewed_never_trips_it() {
    let (clocks, monitor) = monitor();
    // 0.5 ms a second for four hours: 7 s, in looks of 200 ms.
    for _ in 0..72_000 {
        clocks.pass(200_100, 200_000);
        monitor.tick();
        assert!(trusted(&monitor).is_some());
    }
}

#[test]
fn requests_alone_do_not_move_the_anchor() {
    let (clocks, monitor) = monitor();
    clocks.pass(TOLERANCE_US, 0);
    assert!(trusted(&monitor).is_some());
    clocks.pass(TOLERANCE_US, 0);
    assert_eq!(trusted(&monitor), None);
}

#[test]
fn a_thread_that_was_away_during_its_reading_sees_no_jump() {
    let (clocks, monitor) = monitor();
    let away = |wall_us| Reading { before_us: 6 * SECOND, wall_us, after_us: 66 * SECOND };
    for passed in [SECOND, 30 * SECOND, 61 * SECOND] {
        *clocks.0.lock() = away(START_US + passed);
        assert_eq!(trusted(&monitor), Some(passed));
        // It is too vague a reading to follow.
        monitor.tick();
    }
    *clocks.0.lock() = away(START_US + 61 * SECOND + TOLERANCE_US + 1);
    assert_eq!(trusted(&monitor), None);
}

#[test]
fn the_clocks_of_the_machine_go_together() {
    let monitor = Monitor::machine_clock(Arc::new(SystemClocks::boot()));
    monitor.tick();
    assert!(monitor.now().is_ok());
    let status = monitor.status();
    assert_eq!((status.mode, status.state), ("machine-clock", State::MachineClock));
    assert_eq!((status.offset_us, status.error_us), (None, None));
}
