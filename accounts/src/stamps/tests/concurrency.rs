//! Many threads at once, over the double and over the real journal and writer.

use super::support::*;
use crate::StampAccountId;
use crate::audit::{Auditor, Operation};
use crate::stamps::*;
use crate::testing::{MapStore, block_on};
use chrono::TimeDelta;
use parking_lot::Mutex;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use store::{MemoryStore, Store};

/// Requests on few stamps from many threads; gives the serial numbers of the tokens.
fn storm(ledger: &StampLedger, id: StampAccountId, threads: u64, each: u64) -> HashSet<[u8; 16]> {
    let granted = Mutex::new(HashSet::new());
    let refused = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let (granted, refused) = (&granted, &refused);
            scope.spawn(move || {
                for n in 0..each {
                    let number = thread * each + n;
                    match block_on(ledger.reserve(id, None, at(1))) {
                        Ok(Reserved::Fresh(reservation)) => {
                            let token = token(number, None, at(1));
                            let serial = token.serial;
                            block_on(ledger.commit(reservation, token)).unwrap();
                            assert!(granted.lock().insert(serial));
                        }
                        Err(Refused::NoStamps) => {
                            refused.fetch_add(1, Ordering::Relaxed);
                        }
                        other => panic!("{other:?}"),
                    }
                }
            });
        }
    });
    let granted = granted.into_inner();
    assert_eq!(granted.len() as u64 + refused.into_inner(), threads * each);
    granted
}

fn check_storm(ledger: &StampLedger, id: StampAccountId, granted: &HashSet<[u8; 16]>) {
    assert_eq!(granted.len(), 1_000);
    let view = block_on(ledger.view(id, at(2))).unwrap();
    assert_eq!((view.remaining, view.used, view.reserved), (0, 1_000, 0));
    let mut indexes: Vec<u64> = granted
        .iter()
        .map(|serial| block_on(ledger.token(id, *serial)).unwrap().unwrap().log_index)
        .collect();
    indexes.sort_unstable();
    assert!(indexes.into_iter().eq(0..1_000), "the log index is dense");
}

#[test]
fn two_thousand_requests_on_a_thousand_stamps_give_exactly_a_thousand_tokens() {
    let bench = Bench::new();
    let id = bench.account("ada");
    bench.grant(id, 600);
    bench.grant(id, 400);
    let granted = storm(&bench.ledger, id, 20, 100);
    check_storm(&bench.ledger, id, &granted);
    let report = crate::audit::tests::audit(&bench.store, 1).unwrap();
    assert_eq!((report.tokens, report.used, report.available), (1_000, 1_000, 0));
}

#[test]
fn the_same_over_the_real_journal_and_again_after_a_restart() {
    let store = Arc::new(MemoryStore::new().unwrap());
    let disk = store.disk().clone();
    let ledger = StampLedger::open(store.clone(), LedgerSettings::default()).unwrap();
    let id = block_on(ledger.create("ada", &by(), at(0))).unwrap().id;
    let lot = NewLot::plain(1_000, Category::Paid, at(0));
    block_on(ledger.grant(id, lot, &by(), at(0))).unwrap();
    let granted = storm(&ledger, id, 20, 100);
    check_storm(&ledger, id, &granted);
    store.close().unwrap();

    let (store, _) = MemoryStore::open(&disk, &store::Settings::small()).unwrap();
    let ledger = StampLedger::open(Arc::new(store), LedgerSettings::default()).unwrap();
    check_storm(&ledger, id, &granted);
    assert_eq!(ledger.last_gen_time_ms(), Some(START + 1));

    let mut auditor = Auditor::new(TimeDelta::minutes(10));
    for transaction in store::journal::Reader::on(Arc::new(disk)).unwrap() {
        let transaction = transaction.unwrap();
        auditor.feed(
            transaction.sequence,
            transaction.operations.iter().map(|operation| Operation {
                table: operation.table,
                key: &operation.key,
                value: operation.value.as_deref(),
            }),
        );
    }
    let report = auditor.finish().unwrap();
    assert_eq!((report.tokens, report.entries), (1_000, 1_002));
}

#[test]
fn equal_requests_at_once_take_one_stamp() {
    let bench = Bench::new();
    let id = bench.account("ada");
    bench.grant(id, 100);
    let serials = Mutex::new(HashSet::new());
    std::thread::scope(|scope| {
        for n in 0..32 {
            let (bench, serials) = (&bench, &serials);
            scope.spawn(move || {
                let key = Some([9; 32]);
                let serial = match block_on(bench.ledger.reserve(id, key, at(1))).unwrap() {
                    Reserved::Existing { token, .. } => token.serial,
                    Reserved::Fresh(reservation) => {
                        let token = token(n, key, at(1));
                        let serial = token.serial;
                        block_on(bench.ledger.commit(reservation, token)).unwrap();
                        serial
                    }
                };
                serials.lock().insert(serial);
            });
        }
    });
    assert_eq!(serials.into_inner().len(), 1);
    assert_eq!(bench.view(id, at(2)).used, 1);
}

/// I10: what is left is decided inside the transaction, whoever else is at work.
#[test]
fn refunds_voids_and_uses_side_by_side_add_up() {
    let store = MapStore::new();
    let bench =
        Bench::over(store, LedgerSettings { cached_accounts: 1, ..LedgerSettings::default() });
    let (ada, bob) = (bench.account("ada"), bench.account("bob"));
    for id in [ada, bob] {
        for _ in 0..20 {
            bench.grant(id, 20);
        }
    }
    std::thread::scope(|scope| {
        for thread in 0..8_u64 {
            let bench = &bench;
            scope.spawn(move || {
                let id = if thread % 2 == 0 { ada } else { bob };
                for n in 0..50 {
                    let number = thread * 1_000 + n;
                    if bench.issue(id, number, at(1)).is_ok() && n % 3 == 0 {
                        for _ in 0..2 {
                            drop(block_on(bench.ledger.refund(
                                id,
                                serial(number, at(1)),
                                &by(),
                                at(1),
                            )));
                        }
                    }
                    if n % 10 == 0 {
                        drop(block_on(bench.ledger.void(
                            id,
                            LotId::new(n / 10 + thread),
                            &by(),
                            at(1),
                        )));
                    }
                }
            });
        }
    });
    let report = crate::audit::tests::audit(&bench.store, 1).unwrap();
    let views = [ada, bob].map(|id| bench.view(id, at(2)));
    assert_eq!(report.available, views[0].remaining + views[1].remaining);
    assert_eq!(report.used, views[0].used + views[1].used);
    assert_eq!(report.granted, 800);
    assert_eq!(report.granted, report.available + report.used + report.expired + report.voided);
    assert!(views.iter().all(|view| view.reserved == 0));
}
