//! Tables and properties of the selection.

use super::*;
use proptest::prelude::*;

fn intervals(all: &[(i64, u64)]) -> Vec<Interval> {
    all.iter().map(|&(middle, radius)| Interval { middle, radius }).collect()
}

/// Who tells the truth, and the bounds; `None` without agreement.
fn selected(all: &[(i64, u64)], min_agree: usize) -> Option<(Vec<bool>, i64, i64)> {
    let agreement = select(&intervals(all), min_agree)?;
    let radius = i64::try_from(agreement.radius).unwrap();
    let (low, high) = (agreement.middle - radius, agreement.middle + radius);
    Some((agreement.truechimers, low, high))
}

#[test]
fn four_that_agree() {
    let all = [(0, 10), (2, 10), (-2, 10), (1, 10)];
    let (truechimers, low, high) = selected(&all, 3).unwrap();
    assert_eq!(truechimers, [true; 4]);
    // Every point in at least three of them: [-9, 10], rounded outward.
    assert!(low <= -9 && high >= 10 && high - low <= 20, "{low} {high}");
}

/// F09: a lie is outvoted by three, and it is known whose it was.
#[test]
fn one_liar_of_four_is_outvoted_and_named() {
    for lie in [-1_000_000, -25, 25, 1_000_000, i64::MAX, i64::MIN] {
        for liar in 0..4 {
            let mut all = [(0, 10), (2, 10), (-2, 10), (1, 10)];
            all[liar] = (lie, 10);
            let (truechimers, low, high) = selected(&all, 3).unwrap();
            for (index, truechimer) in truechimers.into_iter().enumerate() {
                assert_eq!(truechimer, index != liar, "{lie} {liar}");
            }
            assert!(low <= 0 && 0 <= high && high - low <= 24, "{lie} {low} {high}");
        }
    }
}

/// A liar who overlaps with the others does not move the bounds past the truth, though the
/// intersection of all four does not contain it.
#[test]
fn a_liar_who_overlaps_cannot_exclude_the_truth() {
    let (truechimers, low, high) = selected(&[(0, 10), (0, 10), (0, 10), (10, 5)], 3).unwrap();
    assert_eq!(truechimers, [true; 4]);
    assert!(low <= 0 && 0 <= high);
}

#[test]
fn two_against_two_is_no_agreement() {
    assert_eq!(selected(&[(0, 10), (1, 10), (1_000, 10), (1_001, 10)], 2), None);
}

#[test]
fn a_majority_that_is_smaller_than_demanded_is_none() {
    assert_eq!(selected(&[(0, 10), (1, 10), (1_000, 10)], 3), None);
    assert!(selected(&[(0, 10), (1, 10), (1_000, 10)], 2).is_some());
    assert_eq!(selected(&[(0, 10), (1, 10)], 3), None);
    assert_eq!(selected(&[], 1), None);
    assert_eq!(selected(&[(5, 1)], 1), Some((vec![true], 4, 6)));
}

/// Those that agree only because they know nothing do not carry the others along.
#[test]
fn a_vague_source_agrees_and_does_not_widen_the_bounds() {
    let (truechimers, low, high) = selected(&[(0, 10), (1, 10), (-1, 10), (0, 9_000)], 3).unwrap();
    assert_eq!(truechimers, [true; 4]);
    assert!(low >= -11 && high <= 11, "{low} {high}");
}

proptest! {
    /// While less than half of the sources lie, the truth (here 0) is within the bounds, whatever
    /// the liars say.
    #[test]
    fn the_truth_is_within_the_bounds(
        honest in prop::collection::vec((0_u64..5_000, -1.0_f64..=1.0), 2..8),
        lies in prop::collection::vec((-20_000_i64..20_000, 0_u64..10_000), 0..4),
    ) {
        prop_assume!(lies.len() < honest.len());
        // An honest interval contains the truth, wherever its middle is.
        let honest = honest.iter().map(|&(radius, at)| ((radius as f64 * at) as i64, radius));
        let all: Vec<_> = honest.chain(lies.iter().copied()).collect();
        if let Some((_, low, high)) = selected(&all, 1) {
            prop_assert!(low <= 0 && 0 <= high, "{all:?}: {low}..{high}");
        }
    }

    /// The order of the sources does not matter.
    #[test]
    fn the_order_does_not_matter(
        all in prop::collection::vec((-100_i64..100, 0_u64..60), 1..8),
        by in 0_usize..8,
    ) {
        let mut turned = all.clone();
        turned.rotate_left(by % all.len());
        let bounds = |all: &[_]| selected(all, 1).map(|(_, low, high)| (low, high));
        prop_assert_eq!(bounds(&all), bounds(&turned));
    }
}
