//! The model: what an anchor says of a reading.

use super::*;
use std::time::Duration;

/// 2026-06-30T23:00:00Z.
const TRUE_US: i64 = 1_782_860_400_000_000;
const STEADY_US: i64 = 1_000_000_000;

fn limits() -> Limits {
    let mut settings = Settings::new(vec!["s".to_owned()]);
    settings.accuracy = Duration::from_millis(500);
    Limits::of(&settings)
}

fn anchor(leap: Leap) -> Anchor {
    Anchor::new(STEADY_US, TRUE_US, 2_000, leap)
}

/// A reading so long after the anchor, by a wall clock that is so far ahead.
fn reading(after_us: i64, ahead_us: i64, width_us: i64) -> Reading {
    let steady_us = STEADY_US + after_us;
    Reading {
        before_us: steady_us - width_us,
        wall_us: TRUE_US + after_us + ahead_us,
        after_us: steady_us,
    }
}

fn judged(after_us: i64, ahead_us: i64, width_us: i64) -> Verdict {
    anchor(Leap::None).judge(&reading(after_us, ahead_us, width_us), &limits())
}

/// error = |wall − (true time + elapsed)| + uncertainty + drift × elapsed.
#[test]
fn the_error_has_its_three_parts() {
    assert_eq!(judged(0, 0, 0).error_us, 2_000);
    assert_eq!(judged(0, -700, 0).error_us, 2_700);
    assert_eq!(judged(0, 700, 0).error_us, 2_700);
    // 100 ppm of ten seconds.
    assert_eq!(judged(10_000_000, 700, 0).error_us, 3_700);
    assert_eq!(judged(10_000_000, 700, 0).ahead_us, 700);
}

/// A reading that took 50 us may be 50 us wrong, wherever in it the wall clock was read.
#[test]
fn a_vague_reading_adds_its_width() {
    assert_eq!(judged(0, -50, 50), Verdict { ahead_us: 0, ..judged(0, -10, 50) });
    assert_eq!(judged(0, -50, 50).error_us, 2_050);
    assert_eq!((judged(0, 9, 50).ahead_us, judged(0, 9, 50).error_us), (9, 2_059));
}

/// The accuracy less the millisecond that genTime loses: 499 ms of 500.
#[test]
fn the_limit_is_the_accuracy_less_a_millisecond() {
    assert_eq!(judged(0, 497_000, 0).refusal, None);
    let refusal = judged(0, 497_001, 0).refusal.unwrap();
    let expected =
        Unavailable::OutOfSync { error_us: 499_001, limit_us: 499_000, ahead_us: 497_001 };
    assert_eq!(refusal, expected);
}

#[test]
fn an_anchor_that_saw_a_clock_out_of_sync_is_spent() {
    let anchor = anchor(Leap::None);
    assert_eq!(anchor.judge(&reading(0, 0, 600_000), &limits()).error_us, 602_000);
    assert!(!anchor.is_spent(), "a vague reading accuses nobody");
    assert!(anchor.judge(&reading(0, -498_000, 0), &limits()).refusal.is_some());
    assert!(anchor.is_spent());
    let refusal = anchor.judge(&reading(0, 0, 0), &limits()).refusal;
    assert_eq!(refusal, Some(Unavailable::Unconfirmed));
}

/// Numbers that no clock shows make no panic, and no time.
#[test]
fn extremes_are_refused() {
    for wall_us in [i64::MIN, i64::MAX] {
        for steady_us in [i64::MIN, 0, i64::MAX] {
            let reading = Reading { before_us: steady_us, wall_us, after_us: steady_us };
            for leap in [Leap::None, Leap::Insert] {
                assert!(anchor(leap).judge(&reading, &limits()).refusal.is_some());
            }
        }
    }
}

#[test]
fn a_leap_second_is_at_the_end_of_the_month() {
    let end = |text: &str| {
        let at = DateTime::parse_from_rfc3339(text).unwrap().timestamp_micros();
        let anchor = Anchor::new(0, at, 0, Leap::Insert);
        let (end_us, _) = anchor.leap.unwrap();
        DateTime::from_timestamp_micros(end_us).unwrap().to_rfc3339()
    };
    assert_eq!(end("2026-06-30T23:59:59.999999Z"), "2026-07-01T00:00:00+00:00");
    assert_eq!(end("2026-12-01T00:00:00Z"), "2027-01-01T00:00:00+00:00");
    assert_eq!(end("2028-02-10T00:00:00Z"), "2028-03-01T00:00:00+00:00");
    assert_eq!(anchor(Leap::None).leap, None);
}

/// The window by either clock: [-1 s, +1 s] of a wall clock that shows a second twice, which are
/// three seconds of the steady one.
#[test]
fn the_leap_window_begins_a_second_before_and_ends_a_second_after() {
    const HOUR_US: i64 = 3_600_000_000;
    let refusal = |leap, after_us, ahead_us| {
        let mut limits = limits();
        limits.error_us = 2_000_000;
        anchor(leap).judge(&reading(after_us, ahead_us, 0), &limits).refusal
    };
    let within = |leap, after_us, ahead_us| {
        matches!(refusal(leap, after_us, ahead_us), Some(Unavailable::LeapSecond { .. }))
    };
    assert_eq!(refusal(Leap::Insert, HOUR_US - 1_000_001, 0), None);
    assert!(within(Leap::Insert, HOUR_US - 1_000_000, 0));
    // A wall clock that is ahead is there sooner.
    assert!(within(Leap::Insert, HOUR_US - 1_000_001, 1));
    assert!(within(Leap::Insert, HOUR_US + 2_000_000, -1_000_000));
    let after = refusal(Leap::Insert, HOUR_US + 2_000_001, -1_000_000);
    assert!(matches!(after, Some(Unavailable::AfterLeapSecond { .. })), "{after:?}");
    // 23:59:59 is left out, so it is a second sooner.
    assert_eq!(refusal(Leap::Delete, HOUR_US - 2_000_001, 0), None);
    assert!(within(Leap::Delete, HOUR_US - 2_000_000, 0));
}
