//! More rows than are read at a time, and more accounts than are kept in memory.

use super::support::*;
use crate::stamps::*;
use crate::testing::block_on;
use std::sync::Arc;
use store::{MemoryStore, Store};

#[test]
fn an_account_may_have_more_lots_than_a_page() {
    let bench = Bench::new();
    let id = bench.account("ada");
    for n in 0..600 {
        let priority = u8::from(n != 599);
        bench.grant_lot(id, NewLot { priority, ..NewLot::plain(1, Category::Paid, at(0)) }, at(0));
    }
    assert_eq!(bench.view(id, at(1)).remaining, 600);
    let again = bench.reopened();
    assert_eq!(again.view(id, at(1)).remaining, 600);
    again.issue(id, 1, at(2)).unwrap();
    // The last lot of the last page sorts first.
    assert_eq!(again.statement(id).entries.last().unwrap().lot, Some(LotId::new(600)));
    let closed = block_on(again.ledger.close(id, &by(), at(3))).unwrap();
    assert_eq!((closed.remaining, closed.used), (0, 1));
    let all = Period { limit: 10_000, ..Period::default() };
    let entries = block_on(again.ledger.statement(id, all)).unwrap().entries;
    assert_eq!(entries.len(), 1 + 600 + 1 + 599 + 1);
}

#[test]
fn the_retry_window_may_hold_more_tokens_than_a_page() {
    let bench = Bench::new();
    let id = bench.account("ada");
    bench.grant(id, 9_000);
    let key = |n: u64| {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
        Some(key)
    };
    for n in 0..9_000 {
        let held = bench.hold(id, key(n), at(1)).unwrap();
        block_on(bench.ledger.commit(held, token(n, key(n), at(1)))).unwrap();
    }
    let again = bench.reopened();
    for n in [0, 8_191, 8_192, 8_999] {
        let reserved = block_on(again.ledger.reserve(id, key(n), at(minutes(5))));
        let Ok(Reserved::Existing { token, remaining: 0 }) = reserved else { panic!("{n}") };
        assert_eq!(token.serial, serial(n, at(1)));
    }
}

/// Accounts leave the memory and come back while debits of them become durable on another
/// thread: no debit is lost, none is counted twice.
#[test]
fn accounts_that_come_and_go_keep_their_sums() {
    let store = Arc::new(MemoryStore::new().unwrap());
    let settings = LedgerSettings { cached_accounts: 4, ..LedgerSettings::default() };
    let ledger = StampLedger::open(store.clone(), settings).unwrap();
    let ids: Vec<_> = (0..24)
        .map(|n| {
            let id = block_on(ledger.create(&format!("a{n}"), &by(), at(0))).unwrap().id;
            let lot = NewLot::plain(25, Category::Paid, at(0));
            block_on(ledger.grant(id, lot, &by(), at(0))).unwrap();
            id
        })
        .collect();
    std::thread::scope(|scope| {
        for thread in 0..4_u64 {
            let (ledger, ids) = (&ledger, &ids);
            scope.spawn(move || {
                for n in 0..240_u64 {
                    let id = ids[usize::try_from((n * 7 + thread * 5) % 24).unwrap()];
                    let number = thread * 10_000 + n;
                    let Ok(Reserved::Fresh(held)) = block_on(ledger.reserve(id, None, at(1)))
                    else {
                        continue;
                    };
                    block_on(ledger.commit(held, token(number, None, at(1)))).unwrap();
                }
            });
        }
    });
    let mut used = 0;
    for id in ids {
        let view = block_on(ledger.view(id, at(2))).unwrap();
        let lots = block_on(ledger.lots(id)).unwrap();
        assert_eq!((view.remaining, view.used), (lots[0].remaining, lots[0].used));
        assert_eq!((view.remaining + view.used, view.reserved), (25, 0));
        used += view.used;
    }
    assert!(used > 500, "{used}");
    store.close().unwrap();
}
