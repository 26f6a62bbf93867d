//! The story of one stamp, and each refusal.

use super::support::*;
use crate::StampAccountId;
use crate::stamps::*;
use crate::testing::block_on;
use rust_decimal::Decimal;

#[test]
fn an_account_is_opened_granted_and_used() {
    let bench = Bench::new();
    let id = bench.account("Ada");
    assert_eq!(id.to_string(), "sa-1");
    bench.grant(id, 3);
    let first = bench.issue(id, 1, at(1)).unwrap();
    assert_eq!(first, Committed { remaining: 2, log_index: 0 });
    let second = bench.issue(id, 2, at(2)).unwrap();
    assert_eq!(second, Committed { remaining: 1, log_index: 1 });

    let view = bench.view(id, at(3));
    assert_eq!((view.name.as_str(), view.status), ("ada", Status::Active));
    assert_eq!((view.remaining, view.used, view.reserved), (1, 2, 0));
    assert_eq!(view.lots.len(), 1);
    assert_eq!(bench.ledger.last_gen_time_ms(), Some(START + 2));

    let kept = block_on(bench.ledger.token(id, serial(2, at(2)))).unwrap().unwrap();
    assert_eq!(kept.token, 2u64.to_be_bytes());
    assert_eq!((kept.log_index, kept.tsu.as_str()), (1, "tsu-1"));
}

#[test]
fn a_held_stamp_is_counted_and_given_back_when_dropped() {
    let bench = Bench::new();
    let id = bench.account("ada");
    bench.grant(id, 1);
    let held = bench.hold(id, None, at(1)).unwrap();
    let view = bench.view(id, at(1));
    assert_eq!((view.remaining, view.reserved), (1, 1));
    assert!(matches!(bench.hold(id, None, at(1)), Err(Refused::NoStamps)));
    drop(held);
    assert_eq!(bench.view(id, at(1)).reserved, 0);
    assert!(bench.hold(id, None, at(1)).is_ok());
}

#[test]
fn the_last_stamp_is_the_last() {
    let bench = Bench::new();
    let id = bench.account("ada");
    assert!(matches!(bench.issue(id, 1, at(1)), Err(Refused::NoStamps)));
    bench.grant(id, 1);
    assert_eq!(bench.issue(id, 1, at(1)).unwrap().remaining, 0);
    assert!(matches!(bench.issue(id, 2, at(2)), Err(Refused::NoStamps)));
}

#[test]
fn names_are_unique_without_case() {
    let bench = Bench::new();
    let id = bench.account("ada");
    let error = block_on(bench.ledger.create("ADA", &by(), at(0))).unwrap_err();
    assert!(matches!(error, StampError::NameTaken { .. }));
    assert_eq!(bench.ledger.by_name("Ada").unwrap(), Some(id));
    assert_eq!(bench.ledger.by_name("bob").unwrap(), None);
    assert_eq!(bench.ledger.by_name("no name!").unwrap(), None);
}

#[test]
fn bad_values_are_named_with_what_is_allowed() {
    let bench = Bench::new();
    let id = bench.account("ada");
    let plain = || NewLot::plain(1, Category::Paid, at(0));
    let bad = [
        (NewLot { quantity: 0, ..plain() }, "quantity", "1 to 1000000000"),
        (NewLot { quantity: 1_000_000_001, ..plain() }, "quantity", "1 to 1000000000"),
        (NewLot { expires_at: Some(at(0)), ..plain() }, "expires_at", "future"),
        (
            NewLot { expires_at: Some(at(5)), effective_at: at(5), ..plain() },
            "expires_at",
            "after effective_at",
        ),
        (NewLot { unit_price: Some(Decimal::new(-1, 2)), ..plain() }, "unit_price", "0 to 1000000"),
        (NewLot { unit_price: Some(Decimal::new(1, 7)), ..plain() }, "unit_price", "6 decimals"),
        (NewLot { vat_rate: Some(Decimal::new(101, 0)), ..plain() }, "vat_rate", "0 to 100"),
        (NewLot { order: Some(String::new()), ..plain() }, "order", "1 to 64"),
    ];
    for (lot, field, allowed) in bad {
        let error = block_on(bench.ledger.grant(id, lot, &by(), at(0))).unwrap_err().to_string();
        assert!(error.contains(field) && error.contains(allowed), "{error}");
    }
    for act in [Act::new("", "why"), Act::new("who", ""), Act::new("a\nb", "why")] {
        let error = block_on(bench.ledger.suspend(id, &act, at(0))).unwrap_err();
        assert!(matches!(error, StampError::BadValue { .. }), "{error}");
    }
    assert_eq!(bench.view(id, at(0)).remaining, 0);
    assert_eq!(bench.statement(id).entries.len(), 1);
}

#[test]
fn unknown_accounts_are_said_to_be_unknown() {
    let bench = Bench::new();
    let nobody = StampAccountId::new(9);
    let refused = bench.hold(nobody, None, at(0));
    assert!(matches!(refused, Err(Refused::UnknownAccount(id)) if id == nobody));
    let error = block_on(bench.ledger.view(nobody, at(0))).unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no stamp account sa-9: look it up with the list of accounts"
    );
}
