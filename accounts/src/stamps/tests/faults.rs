//! A store that fails, and data that are damaged: nothing is taken, nothing is invented.

use super::support::*;
use crate::encoding::{decode, encode};
use crate::stamps::records::AccountRecord;
use crate::stamps::tables::*;
use crate::stamps::*;
use crate::testing::{block_on, is_pending};
use store::{Store, StoreError, StoreExt, Table, Transaction};

fn gone() -> StoreError {
    StoreError::Poisoned { reason: "no such device".to_owned() }
}

#[test]
fn a_commit_that_is_not_durable_gives_the_stamp_back() {
    let bench = Bench::new();
    let id = bench.account("ada");
    bench.grant(id, 1);
    let held = bench.hold(id, None, at(1)).unwrap();
    let before = bench.store.contents();
    bench.store.fail_next(gone());
    let failed = block_on(bench.ledger.commit(held, token(1, None, at(1))));
    assert!(matches!(failed, Err(Refused::Store(StoreError::Poisoned { .. }))));
    assert_eq!(bench.store.contents(), before);
    let view = bench.view(id, at(1));
    assert_eq!((view.remaining, view.used, view.reserved), (1, 0, 0));
    assert_eq!(bench.ledger.last_gen_time_ms(), None);
    assert!(bench.issue(id, 2, at(2)).is_ok());
}

#[test]
fn a_token_is_not_answered_before_it_is_durable() {
    let bench = Bench::new();
    let id = bench.account("ada");
    bench.grant(id, 1);
    let held = bench.hold(id, None, at(1)).unwrap();
    bench.store.pause();
    let mut commit = Box::pin(bench.ledger.commit(held, token(1, None, at(1))));
    assert!(is_pending(&mut commit));
    assert_eq!(bench.store.waiting(), 1);
    let view = bench.view(id, at(1));
    assert_eq!((view.remaining, view.used, view.reserved), (1, 0, 1));
    bench.store.resume();
    assert_eq!(block_on(commit).unwrap().remaining, 0);
}

#[test]
fn a_client_that_goes_away_during_its_commit_has_paid_and_can_ask_again() {
    let bench = Bench::new();
    let id = bench.account("ada");
    bench.grant(id, 1);
    let key = Some([1; 32]);
    let held = bench.hold(id, key, at(1)).unwrap();
    bench.store.pause();
    let mut commit = Box::pin(bench.ledger.commit(held, token(1, key, at(1))));
    assert!(is_pending(&mut commit));
    drop(commit);
    bench.store.resume();
    assert_eq!(bench.view(id, at(1)).used, 1);
    let again = block_on(bench.ledger.reserve(id, key, at(2)));
    assert!(matches!(again, Ok(Reserved::Existing { remaining: 0, .. })), "{again:?}");
}

#[test]
fn a_full_queue_is_busy_and_gives_the_stamp_back() {
    let bench = Bench::new();
    let id = bench.account("ada");
    bench.grant(id, 1);
    bench.store.fail_next(StoreError::Busy);
    assert!(matches!(bench.issue(id, 1, at(1)), Err(Refused::Busy)));
    assert_eq!(bench.view(id, at(1)).reserved, 0);
}

#[test]
fn an_act_that_is_not_durable_has_not_happened() {
    let bench = Bench::new();
    let id = bench.account("ada");
    bench.grant(id, 3);
    let before = bench.store.contents();
    bench.store.fail_next(gone());
    assert!(block_on(bench.ledger.suspend(id, &by(), at(1))).is_err());
    bench.store.fail_next(gone());
    assert!(block_on(bench.ledger.close(id, &by(), at(1))).is_err());
    bench.store.fail_next(gone());
    assert!(block_on(bench.ledger.create("bob", &by(), at(1))).is_err());
    assert_eq!(bench.store.contents(), before);
    assert_eq!(bench.view(id, at(1)).status, Status::Active);
}

#[test]
fn a_serial_number_is_not_used_twice() {
    let bench = Bench::new();
    let (ada, bob) = (bench.account("ada"), bench.account("bob"));
    bench.grant(ada, 2);
    bench.grant(bob, 1);
    bench.issue(ada, 1, at(1)).unwrap();
    for id in [ada, bob] {
        let before = bench.store.contents();
        let refused = bench.issue(id, 1, at(1)).unwrap_err();
        assert!(matches!(refused, Refused::SerialRepeats(_)), "{refused}");
        assert_eq!(bench.store.contents(), before);
        assert_eq!(bench.view(id, at(1)).reserved, 0);
    }
}

#[test]
fn what_a_refused_act_writes_is_nothing() {
    let bench = Bench::new();
    let id = bench.account("ada");
    bench.grant(id, 1);
    bench.issue(id, 1, at(1)).unwrap();
    let before = bench.store.contents();
    let ledger = &bench.ledger;
    assert!(block_on(ledger.create("ada", &by(), at(1))).is_err());
    assert!(block_on(ledger.refund(id, [0; 16], &by(), at(1))).is_err());
    assert!(block_on(ledger.void(id, LotId::new(1), &by(), at(1))).is_err());
    assert!(block_on(ledger.void(id, LotId::new(2), &by(), at(1))).is_err());
    assert!(block_on(ledger.reactivate(id, &by(), at(1))).is_err());
    assert_eq!(bench.store.contents(), before);
}

fn overwrite(bench: &Bench, table: Table, key: Vec<u8>, value: Option<&'static [u8]>) {
    let write = move |tx: &mut dyn Transaction| {
        match value {
            Some(value) => tx.put(table, &key, value),
            None => tx.delete(table, &key),
        }
        Ok(())
    };
    bench.store.transact(write).wait().unwrap();
}

#[test]
fn damage_is_named_by_table_and_key_and_takes_no_stamp() {
    let bench = Bench::new();
    let id = bench.account("ada");
    bench.grant(id, 2);
    bench.issue(id, 1, at(1)).unwrap();
    overwrite(&bench, LOT, inner_key(id, 1).to_vec(), Some(b"\xff"));
    let refused = bench.issue(id, 2, at(2)).unwrap_err();
    assert!(refused.to_string().contains("table stamp-lot, key 00000000"), "{refused}");
    assert_eq!(bench.view(id, at(2)).used, 1);

    overwrite(&bench, ENTRY, inner_key(id, 3).to_vec(), None);
    let error = block_on(bench.ledger.token(id, serial(1, at(1)))).unwrap_err();
    assert!(error.to_string().contains("its entry holds no token"), "{error}");
    let error = block_on(bench.ledger.refund(id, serial(1, at(1)), &by(), at(2))).unwrap_err();
    assert!(error.to_string().contains("is missing"), "{error}");

    overwrite(&bench, SERIAL, serial(1, at(1)).to_vec(), Some(b"\xff"));
    let store = bench.store.clone();
    let open = StampLedger::open(store, bench.settings).unwrap_err();
    assert!(open.to_string().contains("table stamp-serial"), "{open}");
    assert!(bench.store.health().is_ok());
}

#[test]
fn books_that_do_not_add_up_are_not_written_to() {
    let bench = Bench::new();
    let id = bench.account("ada");
    bench.grant(id, 2);
    // An account that says it used more than it was granted.
    let key = account_key(id);
    let bytes = bench.store.get(ACCOUNT, &key).unwrap().unwrap();
    let mut record: AccountRecord = decode(ACCOUNT, &key, &bytes).unwrap();
    record.used = 2;
    let bytes: &'static [u8] = Vec::leak(encode(&record, 0));
    overwrite(&bench, ACCOUNT, key.to_vec(), Some(bytes));
    let before = bench.store.contents();
    let refused = bench.issue(id, 1, at(1)).unwrap_err();
    assert!(matches!(refused, Refused::Arithmetic(account) if account == id), "{refused}");
    assert_eq!(bench.store.contents(), before);
}
