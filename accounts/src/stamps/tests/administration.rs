//! Refund, void, suspend, reactivate, close: what they do, what they refuse, what they leave
//! behind (I10, I14, I15).

use super::support::*;
use crate::StampAccountId;
use crate::stamps::*;
use crate::testing::block_on;

fn kinds(bench: &Bench, id: StampAccountId) -> Vec<EntryKind> {
    bench.statement(id).entries.iter().map(|entry| entry.kind).collect()
}

#[test]
fn a_used_stamp_is_given_back_once_into_its_own_lot() {
    let bench = Bench::new();
    let id = bench.account("ada");
    let first = bench.grant(id, 1);
    bench.grant(id, 1);
    bench.issue(id, 1, at(1)).unwrap();
    bench.issue(id, 2, at(2)).unwrap();
    let refund = |n, now| block_on(bench.ledger.refund(id, serial(n, at(now)), &by(), at(5)));
    let lot = refund(1, 1).unwrap();
    assert_eq!((lot.id, lot.remaining, lot.used), (first, 1, 0));
    let view = bench.view(id, at(5));
    assert_eq!((view.remaining, view.used), (1, 1));
    let error = refund(1, 1).unwrap_err();
    assert!(matches!(error, StampError::AlreadyRefunded { entry: 6, .. }), "{error}");
    // The token stays, and the stamp can be used again.
    assert!(block_on(bench.ledger.token(id, serial(1, at(1)))).unwrap().is_some());
    assert_eq!(bench.issue(id, 3, at(6)).unwrap().remaining, 0);
}

#[test]
fn a_stamp_of_another_account_or_of_nobody_is_not_given_back() {
    let bench = Bench::new();
    let (ada, bob) = (bench.account("ada"), bench.account("bob"));
    bench.grant(ada, 1);
    bench.issue(ada, 1, at(1)).unwrap();
    for (id, n) in [(bob, 1), (ada, 9)] {
        let refund = block_on(bench.ledger.refund(id, serial(n, at(1)), &by(), at(5)));
        let error = refund.unwrap_err();
        assert!(matches!(error, StampError::UnknownSerial { account, .. } if account == id));
    }
    assert_eq!(bench.view(ada, at(5)).used, 1);
}

#[test]
fn nothing_goes_back_into_a_lot_that_is_over() {
    let bench = Bench::new();
    let id = bench.account("ada");
    let lot = NewLot { expires_at: Some(at(100)), ..NewLot::plain(2, Category::Paid, at(0)) };
    bench.grant_lot(id, lot, at(0));
    let voided = bench.grant(id, 2);
    for n in 0..3 {
        bench.issue(id, n, at(1)).unwrap();
    }
    let refund = |n, now| block_on(bench.ledger.refund(id, serial(n, at(1)), &by(), at(now)));
    block_on(bench.ledger.void(id, voided, &by(), at(2))).unwrap();
    assert!(matches!(refund(2, 3), Err(StampError::LotClosed { lot, .. }) if lot == voided));
    assert!(refund(0, 99).is_ok());
    let error = refund(1, 100).unwrap_err();
    assert_eq!(error.to_string(), "lot-1 of sa-1 has expired: grant a new lot instead");
}

#[test]
fn the_rest_of_a_lot_is_voided_once() {
    let bench = Bench::new();
    let id = bench.account("ada");
    let lot = bench.grant(id, 5);
    bench.issue(id, 1, at(1)).unwrap();
    let void = |now| block_on(bench.ledger.void(id, lot, &by(), at(now)));
    let view = void(2).unwrap();
    assert_eq!((view.remaining, view.used, view.voided), (0, 1, 4));
    assert!(matches!(void(3), Err(StampError::LotClosed { .. })));
    assert!(matches!(bench.hold(id, None, at(3)), Err(Refused::NoStamps)));

    let empty = bench.grant(id, 1);
    bench.issue(id, 2, at(4)).unwrap();
    let error = block_on(bench.ledger.void(id, empty, &by(), at(5))).unwrap_err();
    assert!(matches!(error, StampError::LotEmpty { .. }));
    let error = block_on(bench.ledger.void(id, LotId::new(9), &by(), at(5))).unwrap_err();
    assert_eq!(error.to_string(), "stamp account sa-1 has no lot-9");
}

#[test]
fn a_stamp_that_was_held_from_a_voided_lot_comes_from_the_next_one() {
    let bench = Bench::new();
    let id = bench.account("ada");
    let first = bench.grant(id, 1);
    bench.grant(id, 1);
    let held = bench.hold(id, None, at(1)).unwrap();
    block_on(bench.ledger.void(id, first, &by(), at(2))).unwrap();
    let done = block_on(bench.ledger.commit(held, token(1, None, at(1)))).unwrap();
    assert_eq!(done.remaining, 0);
    assert_eq!(bench.statement(id).entries.last().unwrap().lot, Some(LotId::new(2)));
    assert_eq!(bench.view(id, at(3)).reserved, 0);
}

#[test]
fn a_stamp_that_was_held_from_the_only_lot_is_gone_with_it() {
    let bench = Bench::new();
    let id = bench.account("ada");
    let lot = bench.grant(id, 1);
    let held = bench.hold(id, None, at(1)).unwrap();
    block_on(bench.ledger.void(id, lot, &by(), at(2))).unwrap();
    let before = bench.store.contents();
    let refused = block_on(bench.ledger.commit(held, token(1, None, at(1))));
    assert!(matches!(refused, Err(Refused::NoStamps)));
    assert_eq!(bench.store.contents(), before, "I9: a refusal writes nothing");
    assert_eq!(bench.view(id, at(3)).reserved, 0);
}

#[test]
fn a_suspended_account_issues_nothing_until_it_is_reactivated() {
    let bench = Bench::new();
    let id = bench.account("ada");
    bench.grant(id, 2);
    let held = bench.hold(id, None, at(1)).unwrap();
    let view = block_on(bench.ledger.suspend(id, &by(), at(2))).unwrap();
    assert_eq!((view.status, view.remaining), (Status::Suspended, 2));
    // Held before, and too late: decided again when it is written.
    let before = bench.store.contents();
    let refused = block_on(bench.ledger.commit(held, token(1, None, at(1))));
    assert!(matches!(refused, Err(Refused::NotActive(Status::Suspended))));
    assert_eq!(bench.store.contents(), before);
    assert!(matches!(bench.hold(id, None, at(3)), Err(Refused::NotActive(_))));
    let error = block_on(bench.ledger.suspend(id, &by(), at(3))).unwrap_err();
    assert!(matches!(error, StampError::WrongStatus { status: Status::Suspended, .. }));
    // Stamps can be granted meanwhile.
    bench.grant(id, 1);
    block_on(bench.ledger.reactivate(id, &by(), at(4))).unwrap();
    assert_eq!(bench.issue(id, 2, at(5)).unwrap().remaining, 2);
    let error = block_on(bench.ledger.reactivate(id, &by(), at(6))).unwrap_err();
    assert!(error.to_string().contains("it has to be suspended"), "{error}");
}

#[test]
fn closing_moves_the_rest_and_is_for_good() {
    let bench = Bench::new();
    let id = bench.account("ada");
    bench.grant(id, 3);
    let short = NewLot { expires_at: Some(at(50)), ..NewLot::plain(2, Category::Promo, at(0)) };
    bench.grant_lot(id, short, at(0));
    let later = NewLot { effective_at: at(900), ..NewLot::plain(4, Category::Paid, at(0)) };
    bench.grant_lot(id, later, at(0));
    bench.issue(id, 1, at(1)).unwrap();
    let view = block_on(bench.ledger.close(id, &by(), at(60))).unwrap();
    assert_eq!((view.status, view.remaining, view.used), (Status::Closed, 0, 1));
    let lots = block_on(bench.ledger.lots(id)).unwrap();
    let sums: Vec<_> = lots.iter().map(|l| (l.remaining, l.used, l.expired, l.voided)).collect();
    assert_eq!(sums, [(0, 0, 0, 3), (0, 1, 1, 0), (0, 0, 0, 4)]);
    let entries = kinds(&bench, id);
    use EntryKind::{Close, Expire, Grant, Open, Use, Void};
    assert_eq!(entries, [Open, Grant, Grant, Grant, Use, Void, Expire, Void, Close]);
    assert_eq!(bench.statement(id).closing, 0);

    let lot = NewLot::plain(1, Category::Paid, at(61));
    let error = block_on(bench.ledger.grant(id, lot, &by(), at(61))).unwrap_err();
    assert!(error.to_string().contains("open a new account instead"), "{error}");
    assert!(block_on(bench.ledger.close(id, &by(), at(61))).is_err());
    assert!(block_on(bench.ledger.reactivate(id, &by(), at(61))).is_err());
    assert!(block_on(bench.ledger.refund(id, serial(1, at(1)), &by(), at(61))).is_err());
    assert!(matches!(bench.hold(id, None, at(61)), Err(Refused::NotActive(Status::Closed))));
    // Its tokens can still be fetched, and its name is not given again.
    assert!(block_on(bench.ledger.token(id, serial(1, at(1)))).unwrap().is_some());
    assert!(block_on(bench.ledger.create("ada", &by(), at(62))).is_err());
}

#[test]
fn every_act_says_who_when_and_why() {
    let bench = Bench::new();
    let id = bench.account("ada");
    let lot = bench.grant(id, 2);
    bench.issue(id, 1, at(1)).unwrap();
    let act = Act::new("grace@example.org", "ticket 12");
    block_on(bench.ledger.refund(id, serial(1, at(1)), &act, at(10))).unwrap();
    block_on(bench.ledger.void(id, lot, &act, at(11))).unwrap();
    block_on(bench.ledger.suspend(id, &act, at(12))).unwrap();
    block_on(bench.ledger.reactivate(id, &act, at(13))).unwrap();
    block_on(bench.ledger.close(id, &act, at(14))).unwrap();
    let entries = bench.statement(id).entries;
    for (entry, time) in entries[3..].iter().zip(10..) {
        assert_eq!(entry.actor.as_deref(), Some("grace@example.org"));
        assert_eq!(entry.reason.as_deref(), Some("ticket 12"));
        assert_eq!(entry.at, at(time));
    }
    assert_eq!(entries.len(), 8);
    assert_eq!(entries[2].actor, None, "a use is by the holder of the account");
}

#[test]
fn accounts_are_listed_in_pages() {
    let bench = Bench::new();
    let ids: Vec<_> = (0..5).map(|n| bench.account(&format!("a{n}"))).collect();
    bench.grant(ids[3], 7);
    let list = |after, limit| block_on(bench.ledger.list(after, limit, at(1))).unwrap();
    assert_eq!(list(None, 2).iter().map(|view| view.id).collect::<Vec<_>>(), ids[..2]);
    let rest = list(Some(ids[1]), 100);
    assert_eq!(rest.iter().map(|view| view.id).collect::<Vec<_>>(), ids[2..]);
    assert_eq!(rest[1].remaining, 7);
    assert!(list(Some(ids[4]), 100).is_empty());
}

#[test]
fn a_token_is_shown_to_its_own_account_only() {
    let bench = Bench::new();
    let (ada, bob) = (bench.account("ada"), bench.account("bob"));
    bench.grant(ada, 1);
    bench.issue(ada, 1, at(1)).unwrap();
    let get = |id, n| block_on(bench.ledger.token(id, serial(n, at(1)))).unwrap();
    assert!(get(ada, 1).is_some());
    assert!(get(bob, 1).is_none());
    assert!(get(ada, 2).is_none());
}
