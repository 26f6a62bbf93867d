//! Smaller properties than a whole life: the draw order, the retry memory, statements. Each is
//! compared with the plainest way to say the same.

use super::support::*;
use crate::stamps::retry::RetryMemory;
use crate::stamps::*;
use crate::testing::block_on;
use chrono::TimeDelta;
use proptest::prelude::*;

fn category() -> impl Strategy<Value = Category> {
    let all = [Category::Paid, Category::Promo, Category::Comp, Category::Test];
    prop::sample::select(all.to_vec())
}

fn lot() -> impl Strategy<Value = NewLot> {
    let expires = prop_oneof![Just(None), (1_000..1_005i64).prop_map(Some)];
    (1..4u64, category(), 0..3u8, expires).prop_map(|(quantity, category, priority, expires)| {
        NewLot { priority, expires_at: expires.map(at), ..NewLot::plain(quantity, category, at(0)) }
    })
}

/// Whether `a` is drawn before `b`, in the words of the rule.
fn goes_before(a: &LotView, b: &LotView) -> bool {
    let given_first = |category| match category {
        Category::Promo => 1,
        Category::Comp => 2,
        Category::Test => 3,
        Category::Paid => 4,
    };
    if a.priority != b.priority {
        return a.priority < b.priority;
    }
    match (a.expires_at, b.expires_at) {
        (Some(a), Some(b)) if a != b => return a < b,
        (Some(_), None) => return true,
        (None, Some(_)) => return false,
        _ => {}
    }
    let (first, second) = (given_first(a.category), given_first(b.category));
    if first != second { first < second } else { a.id < b.id }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    // I7, for each stamp: no lot that has one goes before the lot that pays.
    #[test]
    fn each_stamp_comes_from_the_first_lot_that_has_one(
        lots in prop::collection::vec(lot(), 1..8)
    ) {
        let bench = Bench::new();
        let id = bench.account("ada");
        for lot in lots {
            bench.grant_lot(id, lot, at(0));
        }
        let mut number = 0;
        loop {
            let before = block_on(bench.ledger.lots(id)).unwrap();
            if bench.issue(id, number, at(1)).is_err() {
                prop_assert!(before.iter().all(|lot| lot.remaining == 0));
                break;
            }
            number += 1;
            let paid = bench.statement(id).entries.last().unwrap().lot.unwrap();
            let paid = before.iter().find(|lot| lot.id == paid).unwrap();
            let skipped = before
                .iter()
                .find(|other| other.remaining > 0 && goes_before(other, paid));
            prop_assert!(skipped.is_none(), "{skipped:?} before {paid:?}");
        }
    }

    // Nothing inside the window is forgotten, and nothing is found that was not put in.
    #[test]
    fn the_retry_memory_is_a_list_that_forgets_only_what_is_past(
        window in 1..200i64,
        steps in prop::collection::vec((0..12u64, 0..40i64), 1..100)
    ) {
        let memory = RetryMemory::new(TimeDelta::milliseconds(window));
        let mut list: Vec<(u64, u64, i64)> = Vec::new();
        let mut now = START;
        for (entry, (fingerprint, pause)) in (1..).zip(steps) {
            now += pause;
            memory.insert(fingerprint, entry, now);
            list.push((fingerprint, entry, now));
            for wanted in 0..12 {
                let newest = list.iter().rev().find(|(known, ..)| *known == wanted);
                let found = memory.get(wanted);
                match newest {
                    None => prop_assert_eq!(found, None),
                    Some((_, entry, time)) if memory.within(*time, now) => {
                        prop_assert_eq!(found, Some(*entry));
                    }
                    Some((_, entry, _)) => prop_assert!(found.is_none_or(|found| found == *entry)),
                }
            }
        }
    }

    // Any cut, any page: nothing is left out, nothing comes twice, and the sums meet.
    #[test]
    fn pages_of_a_period_are_the_period(
        uses in prop::collection::vec(0..50i64, 1..40),
        from in 0..1_000i64,
        length in 0..1_000i64,
        limit in 1..10usize
    ) {
        let bench = Bench::new();
        let id = bench.account("ada");
        bench.grant(id, 100);
        let mut now = 0;
        for (number, pause) in (0..).zip(uses) {
            now += pause;
            bench.issue(id, number, at(now)).unwrap();
        }
        let (from, to) = (at(from), at(from + length));
        let whole = bench.statement(id).entries;
        let expected: Vec<_> =
            whole.into_iter().filter(|entry| (from..to).contains(&entry.at)).collect();
        let mut period = Period { from: Some(from), to: Some(to), after: None, limit };
        let mut entries = Vec::new();
        let mut closing = None;
        loop {
            let page = block_on(bench.ledger.statement(id, period)).unwrap();
            prop_assert!(page.entries.len() <= limit);
            prop_assert!(closing.is_none_or(|closing| closing == page.opening));
            closing = Some(page.closing);
            entries.extend(page.entries);
            match page.next {
                Some(next) => period.after = Some(next),
                None => break,
            }
        }
        prop_assert_eq!(entries, expected);
    }
}
