//! Which entries a receipt takes, and where it stops.

use super::{MOST, MOST_READ, PIECE, Unlisted, all, one, written};
use accounts::holders::history::{
    HistoryKind, HistoryPage, HistoryPlace, HistoryQuery, RecordedEntry,
};
use chrono::DateTime;
use std::cell::Cell;

fn entry(number: u64) -> RecordedEntry {
    RecordedEntry {
        number,
        at: DateTime::from_timestamp(1_767_225_600, 0).unwrap(),
        kind: HistoryKind::SignatureMade,
        actor: "holder h-1".to_owned(),
        success: true,
        details: Vec::new(),
    }
}

/// Pages with so many entries each, without an end.
fn endless(entries: u64, asked: &Cell<usize>) -> impl Fn(&HistoryQuery) -> HistoryPage {
    move |query| {
        assert_eq!(query.limit, PIECE);
        asked.set(asked.get() + 1);
        let next = Some(HistoryPlace { at: 1, number: 1 });
        HistoryPage { entries: (0..entries).map(entry).collect(), next }
    }
}

#[test]
fn more_signatures_than_a_receipt_has_are_refused() {
    let page =
        |count: usize| HistoryPage { entries: (0..count as u64).map(entry).collect(), next: None };
    assert_eq!(all(None, None, |_| Ok(page(MOST))).unwrap().len(), MOST);
    let refused = all(None, None, |_| Ok(page(MOST + 1)));
    assert!(matches!(refused, Err(Unlisted::TooMany)), "{refused:?}");
}

/// A history with few signatures is not read without an end either.
#[test]
fn what_is_read_is_bounded() {
    let asked = Cell::new(0);
    let read = endless(1, &asked);
    let refused = all(None, None, |query| Ok(read(query)));
    assert!(matches!(refused, Err(Unlisted::TooMany)), "{refused:?}");
    assert_eq!(asked.get(), MOST_READ / PIECE);
    asked.set(0);
    let read = endless(300, &asked);
    assert!(matches!(all(None, None, |query| Ok(read(query))), Err(Unlisted::TooMany)));
    assert_eq!(asked.get(), 2, "no page after the one too many");
}

#[test]
fn one_signature_is_the_entry_at_its_place() {
    let place = HistoryPlace { at: 1_767_225_600_000, number: 7 };
    let read = |query: &HistoryQuery| {
        assert_eq!(query.after, Some(HistoryPlace { number: 6, ..place }));
        assert_eq!((query.limit, query.kinds.len()), (1, 2));
        let millisecond = query.to.unwrap() - query.from.unwrap();
        assert_eq!(millisecond.num_milliseconds(), 1);
        Ok(HistoryPage { entries: vec![entry(7)], next: None })
    };
    assert_eq!(one(place, read).unwrap(), [entry(7)]);
    let next = one(place, |_| Ok(HistoryPage { entries: vec![entry(8)], next: None }));
    assert!(matches!(next, Err(Unlisted::Unknown)), "{next:?}");
    let never = HistoryPlace { at: i64::MAX, number: 7 };
    let none = one(never, |_| panic!("no such instant"));
    assert!(matches!(none, Err(Unlisted::Unknown)), "{none:?}");
}

#[test]
fn algorithms_are_written_for_people() {
    for (name, text) in [
        ("rsa-pkcs1-sha384", "RSA-PKCS1, SHA-384"),
        ("rsa-pss-sha256", "RSA-PSS, SHA-256"),
        ("ecdsa-sha512", "ECDSA, SHA-512"),
        ("another", "another"),
    ] {
        assert_eq!(written(name), text);
    }
}
