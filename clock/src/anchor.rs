//! The anchor: a point where UTC was known, and what follows from it for the wall clock later.

use crate::error::Unavailable;
use crate::machine::Reading;
use crate::sample::{Leap, drift_us};
use crate::settings::{Settings, micros};
use chrono::{DateTime, Datelike, NaiveDate, Utc};
use std::sync::atomic::{AtomicBool, Ordering};

/// What genTime loses when it is cut to milliseconds.
const TRUNCATION_US: u64 = 1_000;
/// No token this close to a leap second: the same second is shown twice, or not at all.
const LEAP_MARGIN_US: i64 = 1_000_000;

/// Where UTC was known. Read by every request, replaced by every quorum, changed by nobody.
#[derive(Debug)]
pub(crate) struct Anchor {
    /// The steady clock then.
    pub(crate) steady_us: i64,
    /// UTC then, in microseconds since 1970.
    pub(crate) true_us: i64,
    /// How far `true_us` may be from UTC.
    pub(crate) uncertainty_us: u64,
    /// The instant after the next announced leap second, on the scale of `true_us`, which counts
    /// none, and which one it is.
    pub(crate) leap: Option<(i64, Leap)>,
    /// It has seen a clock out of sync: only another anchor gives time again.
    spent: AtomicBool,
}

/// What a reading of the clocks is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// The wall clock less the best estimate, the closest that the reading allows.
    pub(crate) ahead_us: i64,
    /// The wall clock is no further from UTC than this.
    pub(crate) error_us: u64,
    /// How old the anchor is.
    pub(crate) age_us: i64,
    /// The best estimate of UTC at the reading.
    pub(crate) expected_us: i64,
    /// Why there is no time for tokens, if there is none.
    pub(crate) refusal: Option<Unavailable>,
}

/// The limits that an anchor is held to: [`Settings`], in microseconds once and for all.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The largest error that gives time.
    pub(crate) error_us: u64,
    /// The longest time without a quorum.
    pub(crate) holdover_us: i64,
    /// Until when a quorum is fresh.
    pub(crate) fresh_us: i64,
    pub(crate) drift_ppm: u32,
}

impl Limits {
    pub(crate) fn of(settings: &Settings) -> Self {
        let accuracy_us = micros(settings.accuracy).unsigned_abs();
        Self {
            error_us: accuracy_us.saturating_sub(TRUNCATION_US),
            holdover_us: micros(settings.holdover),
            fresh_us: settings.fresh_us(),
            drift_ppm: settings.drift_ppm,
        }
    }
}

impl Anchor {
    pub(crate) fn new(steady_us: i64, true_us: i64, uncertainty_us: u64, leap: Leap) -> Self {
        let leap = match leap {
            Leap::None => None,
            leap => end_of_month_us(true_us).map(|end_us| (end_us, leap)),
        };
        Self { steady_us, true_us, uncertainty_us, leap, spent: AtomicBool::new(false) }
    }

    /// The best estimate of UTC at an instant of the steady clock.
    pub(crate) fn expected_us(&self, steady_us: i64) -> i64 {
        self.true_us.saturating_add(steady_us.saturating_sub(self.steady_us))
    }

    /// How far that estimate may be off.
    pub(crate) fn uncertainty_at(&self, steady_us: i64, drift_ppm: u32) -> u64 {
        let age_us = steady_us.saturating_sub(self.steady_us).unsigned_abs();
        self.uncertainty_us.saturating_add(drift_us(age_us, drift_ppm))
    }

    /// Judges a reading. Locks nothing and allocates nothing.
    pub(crate) fn judge(&self, reading: &Reading, limits: &Limits) -> Verdict {
        // Where the wall clock should be is known as exactly as the reading was quick.
        let earliest = self.expected_us(reading.before_us);
        let latest = self.expected_us(reading.after_us).max(earliest);
        let wall_us = reading.wall_us;
        let ahead_us = wall_us.saturating_sub(wall_us.clamp(earliest, latest));
        let uncertainty_us = self.uncertainty_at(reading.after_us, limits.drift_ppm);
        // At the least, whoever was away during the reading: a vague reading is no bad clock.
        let least_us = ahead_us.unsigned_abs().saturating_add(uncertainty_us);
        let error_us = least_us.saturating_add(latest.abs_diff(earliest));
        let age_us = reading.after_us.saturating_sub(self.steady_us).max(0);
        let mut verdict =
            Verdict { ahead_us, error_us, age_us, expected_us: latest, refusal: None };
        verdict.refusal = self.refusal(&verdict, wall_us, limits);
        if least_us > limits.error_us || age_us > limits.holdover_us {
            self.spend();
        }
        verdict
    }

    fn refusal(&self, verdict: &Verdict, wall_us: i64, limits: &Limits) -> Option<Unavailable> {
        if let Some(refusal) = self.leap_refusal(verdict.expected_us, wall_us) {
            return Some(refusal);
        }
        let &Verdict { ahead_us, error_us, age_us, .. } = verdict;
        if error_us > limits.error_us {
            return Some(Unavailable::OutOfSync { error_us, limit_us: limits.error_us, ahead_us });
        }
        if age_us > limits.holdover_us {
            let hours = limits.holdover_us.unsigned_abs() / 3_600_000_000;
            return Some(Unavailable::HoldoverEnded { hours });
        }
        self.is_spent().then_some(Unavailable::Unconfirmed)
    }

    /// F10: stops from one second before to one after, on either clock. The wall clock shows the
    /// second before the leap twice (inserted) or not at all (deleted); the expected time counts no
    /// leap second, so afterwards it is a second off, and only a new quorum is right again.
    fn leap_refusal(&self, expected_us: i64, wall_us: i64) -> Option<Unavailable> {
        let (end_us, leap) = self.leap?;
        let deleted_us = if leap == Leap::Delete { LEAP_MARGIN_US } else { 0 };
        let begin_us = end_us - LEAP_MARGIN_US - deleted_us;
        if expected_us < begin_us && wall_us < begin_us {
            return None;
        }
        let at = DateTime::from_timestamp_micros(end_us).unwrap_or_default();
        Some(match self.is_past_leap(expected_us) {
            false => Unavailable::LeapSecond { at },
            true => Unavailable::AfterLeapSecond { at },
        })
    }

    /// Whether the window around its leap second is now.
    pub(crate) fn is_within_leap(&self, expected_us: i64) -> bool {
        let refusal = self.leap_refusal(expected_us, i64::MIN);
        matches!(refusal, Some(Unavailable::LeapSecond { .. }))
    }

    /// Whether the window around its leap second is over. An inserted second makes UTC a second
    /// late against the expected time, so the window is over at +2 s of that.
    pub(crate) fn is_past_leap(&self, expected_us: i64) -> bool {
        self.leap.is_some_and(|(end_us, _)| expected_us > end_us + 2 * LEAP_MARGIN_US)
    }

    /// Whether only another anchor gives time again.
    pub(crate) fn is_spent(&self) -> bool {
        self.spent.load(Ordering::Relaxed)
    }

    /// From here on it gives no time.
    fn spend(&self) {
        // Read first: a store on every refused request would bounce the cache line for nothing.
        if !self.is_spent() {
            self.spent.store(true, Ordering::Relaxed);
        }
    }
}

/// RFC 5905 §7.3, leap indicator: "warning of an impending leap second to be inserted or deleted in
/// the last minute of the current month". The first instant of the next one.
fn end_of_month_us(true_us: i64) -> Option<i64> {
    let now = DateTime::<Utc>::from_timestamp_micros(true_us)?;
    let (year, month) = match now.month() {
        12 => (now.year() + 1, 1),
        month => (now.year(), month + 1),
    };
    let first = NaiveDate::from_ymd_opt(year, month, 1)?.and_hms_opt(0, 0, 0)?;
    Some(first.and_utc().timestamp_micros())
}

#[cfg(test)]
mod tests;
