//! Pages: filters, limits, cursors, and that the work of one call is bounded.

use super::support::*;
use crate::{Category, Event, MOST_AT_ONCE, Page, Query};

const HOUR: i64 = 3_600_000;

fn of(category: Category, subject: &str) -> Event {
    Event::success(category, "something-done", "service", subject)
}

fn sequences(page: &Page) -> Vec<u64> {
    page.events.iter().map(|event| event.sequence).collect()
}

/// All pages of a query, one after another.
fn all(world: &World, query: &Query) -> Vec<u64> {
    let mut query = query.clone();
    let mut found = Vec::new();
    loop {
        let page = world.trail.page(&query).unwrap();
        found.extend(sequences(&page));
        match page.next {
            Some(next) => query.after = next,
            None => return found,
        }
    }
}

#[test]
fn an_empty_trail_has_one_empty_page() {
    let world = world();
    for query in [Query::default(), Query { from: Some(at(0)), ..Query::default() }] {
        assert_eq!(world.trail.page(&query).unwrap(), Page::default());
    }
}

#[test]
fn pages_join_without_gap_or_repetition() {
    let world = world();
    world.fill(600);
    for limit in [1, 7, 255, 256, 257, 599, 600, 601, 0] {
        let found = all(&world, &Query { limit, ..Query::default() });
        assert_eq!(found, (1..=600).collect::<Vec<_>>(), "limit {limit}");
    }
    let page = world.trail.page(&Query { limit: 600, ..Query::default() }).unwrap();
    assert_eq!(page.next, None);
    let page = world.trail.page(&Query { after: u64::MAX, ..Query::default() }).unwrap();
    assert_eq!(page, Page::default());
}

#[test]
fn a_page_has_at_most_a_thousand_events() {
    let world = world();
    world.fill(1_100);
    for limit in [0, 5_000] {
        let page = world.trail.page(&Query { limit, ..Query::default() }).unwrap();
        assert_eq!((page.events.len(), page.next), (MOST_AT_ONCE, Some(1_000)));
    }
}

#[test]
fn a_category_is_picked() {
    let world = world();
    for n in 0..30 {
        world.record(of(Category::ALL[n % 7], "x"), 0);
    }
    for (index, category) in Category::ALL.into_iter().enumerate() {
        let expected: Vec<u64> = (1..=30).filter(|n| (n - 1) % 7 == index as u64).collect();
        let query = Query { category: Some(category), ..Query::default() };
        assert_eq!(all(&world, &query), expected);
        assert_eq!(all(&world, &Query { limit: 2, ..query.clone() }), expected);
        assert_eq!(all(&world, &Query { after: 15, ..query }), {
            expected.into_iter().filter(|n| *n > 15).collect::<Vec<_>>()
        });
    }
}

#[test]
fn a_time_is_picked_its_end_excluded() {
    let world = world();
    for ms in [0, 1, 2, 3] {
        world.record(event("x"), ms);
    }
    let query = |from: Option<i64>, to: Option<i64>| Query {
        from: from.map(at),
        to: to.map(at),
        ..Query::default()
    };
    assert_eq!(all(&world, &query(Some(1), Some(3))), [2, 3]);
    assert_eq!(all(&world, &query(Some(3), None)), [4]);
    assert_eq!(all(&world, &query(None, Some(1))), [1]);
    assert!(all(&world, &query(Some(4), None)).is_empty());
    assert!(all(&world, &query(Some(2), Some(2))).is_empty());
}

/// F07: a clock that went back leaves events of earlier hours after those of later ones.
#[test]
fn events_after_a_clock_went_back_are_found_by_their_time() {
    let world = world();
    for hour in [0, 5, 6, 1, 2, 7, 5] {
        world.record(event("x"), hour * HOUR);
    }
    let since = |hour: i64| Query { from: Some(at(hour * HOUR)), ..Query::default() };
    assert_eq!(all(&world, &since(0)), [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(all(&world, &since(1)), [2, 3, 4, 5, 6, 7]);
    assert_eq!(all(&world, &since(2)), [2, 3, 5, 6, 7]);
    assert_eq!(all(&world, &since(6)), [3, 6]);
    assert_eq!(all(&world, &since(7)), [6]);
    assert!(all(&world, &since(8)).is_empty());
}

#[test]
fn a_filter_that_fits_nothing_reads_a_bounded_number_of_events() {
    let world = world();
    world.fill(11_000);
    let query = Query { to: Some(at(-1)), ..Query::default() };
    let page = world.trail.page(&query).unwrap();
    assert_eq!(page, Page { events: Vec::new(), next: Some(10_000) });
    let page = world.trail.page(&Query { after: 10_000, ..query }).unwrap();
    assert_eq!(page, Page::default());
}
