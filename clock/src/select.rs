//! Who tells the truth, and between which bounds it lies. RFC 5905 §11.2.1.
//!
//! Two questions, and two answers that must not be confused. *Who agrees* is the intersection
//! algorithm of the RFC: the smallest number of falsetickers with which the others have a point in
//! common. *Where the truth is* may not be read from that intersection: a liar who overlaps with
//! the others moves it. If less than half of the sources lie, the truth is in the interval of every
//! other one, so it is between the first and the last point that so many have in common (Marzullo).
//! That is the wider of the two, and the one that a bound of the error can rest on.

/// A correctness interval of RFC 5905 §11.2.1: the offset, and the root distance to both sides of
/// it. Microseconds, on any scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Interval {
    pub(crate) middle: i64,
    pub(crate) radius: u64,
}

impl Interval {
    fn low(&self) -> i64 {
        self.middle.saturating_sub_unsigned(self.radius)
    }

    fn high(&self) -> i64 {
        self.middle.saturating_add_unsigned(self.radius)
    }
}

/// What came of a selection that a majority agrees on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Agreement {
    /// For each interval, whether it is a truechimer's.
    pub(crate) truechimers: Vec<bool>,
    /// The middle of the bounds of the truth.
    pub(crate) middle: i64,
    /// The truth is no further from the middle than this.
    pub(crate) radius: u64,
}

impl Agreement {
    /// How many tell the truth.
    pub(crate) fn count(&self) -> usize {
        self.truechimers.iter().filter(|truechimer| **truechimer).count()
    }
}

/// Finds the majority, if there is one and it has at least `min_agree` members.
pub(crate) fn select(intervals: &[Interval], min_agree: usize) -> Option<Agreement> {
    let (low, high) = intersection(intervals)?;
    let overlaps = |interval: &Interval| interval.low() <= high && interval.high() >= low;
    let truechimers: Vec<bool> = intervals.iter().map(overlaps).collect();
    let (low, high) = bounds(intervals)?;
    let radius = high.abs_diff(low).div_ceil(2);
    let middle = low.saturating_add_unsigned(radius);
    let agreement = Agreement { truechimers, middle, radius };
    let majority = intervals.len() / 2 + 1;
    (agreement.count() >= min_agree.max(majority)).then_some(agreement)
}

/// RFC 5905 §11.2.1: what all but the falsetickers have in common. If more middles are outside of
/// it than falsetickers are allowed, one more is allowed and it is tried again, while they stay
/// fewer than half.
fn intersection(intervals: &[Interval]) -> Option<(i64, i64)> {
    let count = intervals.len();
    for falsetickers in 0..count.div_ceil(2) {
        let Some((low, high)) = covered(intervals, count - falsetickers) else { continue };
        let outside = |interval: &&Interval| interval.middle < low || interval.middle > high;
        if intervals.iter().filter(outside).count() <= falsetickers {
            return Some((low, high));
        }
    }
    None
}

/// Between which bounds the truth lies if less than half of the sources lie.
fn bounds(intervals: &[Interval]) -> Option<(i64, i64)> {
    covered(intervals, intervals.len() / 2 + 1)
}

/// The first and the last point that are in at least `needed` of the intervals.
fn covered(intervals: &[Interval], needed: usize) -> Option<(i64, i64)> {
    // Such a stretch begins where an interval begins, and ends where one ends.
    let inside = |point: i64| {
        let has = |interval: &&Interval| interval.low() <= point && point <= interval.high();
        intervals.iter().filter(has).count() >= needed.max(1)
    };
    let low = intervals.iter().map(Interval::low).filter(|low| inside(*low)).min()?;
    let high = intervals.iter().map(Interval::high).filter(|high| inside(*high)).max()?;
    Some((low, high))
}

#[cfg(test)]
mod tests;
