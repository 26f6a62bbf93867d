//! The history of a holder.

use super::support::*;
use crate::holders::history::{HistoryKind, HistoryPlace, HistoryQuery};
use crate::holders::{Language, SignatureNotices};
use crate::testing::block_on;

fn bench() -> (Bench, crate::holders::HolderId) {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    for seconds in [100, 200, 300] {
        block_on(bench.holders.set_language(id, Language::En, at(seconds))).unwrap();
        let notices = SignatureNotices::Each;
        block_on(bench.holders.set_notices(id, notices, at(seconds))).unwrap();
    }
    (bench, id)
}

#[test]
fn a_time_frame_includes_its_beginning_and_not_its_end() {
    let (bench, id) = bench();
    let query = HistoryQuery { from: Some(at(100)), to: Some(at(300)), ..Default::default() };
    let page = bench.holders.history(id, &query).unwrap();
    let times: Vec<_> = page.entries.iter().map(|entry| entry.at).collect();
    assert_eq!(times, [at(100), at(100), at(200), at(200)]);
    assert!(page.next.is_none());
    let none = HistoryQuery { from: Some(at(300)), to: Some(at(300)), ..Default::default() };
    assert!(bench.holders.history(id, &none).unwrap().entries.is_empty());
}

#[test]
fn pages_follow_one_another_without_gaps() {
    let (bench, id) = bench();
    let all = bench.history(id);
    for limit in 1..=all.len() + 1 {
        let (mut words, mut query) = (Vec::new(), HistoryQuery { limit, ..Default::default() });
        loop {
            let page = bench.holders.history(id, &query).unwrap();
            words.extend(page.entries.iter().map(|entry| entry.kind.word()));
            query.after = page.next;
            if query.after.is_none() {
                break;
            }
        }
        assert_eq!(words, all, "limit {limit}");
    }
}

#[test]
fn kinds_are_filtered() {
    let (bench, id) = bench();
    let kinds = vec![HistoryKind::NoticesChanged];
    let query = HistoryQuery { kinds, ..Default::default() };
    let page = bench.holders.history(id, &query).unwrap();
    assert_eq!(page.entries.len(), 3);
    let entry = &page.entries[0];
    assert_eq!((entry.actor.as_str(), entry.success), ("holder h-1", true));
    assert_eq!(entry.details, [("choice".to_owned(), "each".to_owned())]);
}

#[test]
fn one_holder_does_not_see_another() {
    let (bench, id) = bench();
    let other = bench.holder("b@example.org");
    assert_eq!(bench.history(other), ["holder-registered", "holder-invited", "password-set"]);
    assert_eq!(bench.history(id).len(), 9);
}

#[test]
fn every_kind_has_its_own_word_and_number() {
    let words: std::collections::BTreeSet<_> =
        HistoryKind::ALL.iter().map(|kind| kind.word()).collect();
    assert_eq!(words.len(), HistoryKind::ALL.len());
    for (number, kind) in (0_u8..).zip(HistoryKind::ALL) {
        assert_eq!(minicbor::to_vec(kind).unwrap(), minicbor::to_vec(number).unwrap());
    }
}

#[test]
fn nothing_personal_is_in_the_trail() {
    let (bench, _) = bench();
    let rows = bench.store.contents();
    let trail = rows.iter().filter(|((table, _), _)| (40..44).contains(table));
    for (_, value) in trail {
        let text = String::from_utf8_lossy(value).to_lowercase();
        for personal in ["ada", "rossi", "example.org", "3471234567"] {
            assert!(!text.contains(personal), "{text}");
        }
    }
}

/// The place comes from a query: the last number that there can be has none behind it.
#[test]
fn behind_the_last_place_there_is_nothing() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    let after = Some(HistoryPlace { at: 0, number: u64::MAX });
    let query = HistoryQuery { after, ..HistoryQuery::default() };
    let page = bench.holders.history(id, &query).unwrap();
    assert!(page.entries.is_empty() && page.next.is_none());
}

/// Whoever asks for one kind finds its word on the page that the refusal names.
#[test]
fn the_documentation_lists_every_kind() {
    let page = include_str!("../../../../docs/ACCOUNTS.md");
    let (_, list) = page.split_once("## Kinds of history\n").unwrap();
    let missing: Vec<_> = HistoryKind::ALL
        .iter()
        .map(|kind| kind.word())
        .filter(|word| !list.contains(&format!("| `{word}` |")))
        .collect();
    assert!(missing.is_empty(), "docs/ACCOUNTS.md should list {missing:?}");
}
