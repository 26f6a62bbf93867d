//! What the check finds: every byte that is not as it was written, and every event that was put
//! in, left out, moved or made anew.

use super::support::*;
use crate::record::{self, HeadRecord};
use crate::tables::*;
use crate::{Checker, Fault, Operation};
use std::collections::HashSet;
use store::Table;
use store::journal::Operation as Stored;

/// Five events in four transactions: two of the third, an hour after the others.
fn journal() -> Journal {
    let world = world();
    world.record(event("a"), 0);
    world.record(event("b"), 1);
    world.together(vec![event("c"), event("d")], 3_600_000);
    world.record(event("e"), 3_600_001);
    world.journal()
}

fn faults(journal: &Journal) -> Vec<Fault> {
    journal.check().unwrap_err()
}

fn value_of(transaction: &mut [Stored], table: Table) -> &mut Vec<u8> {
    let found = transaction.iter_mut().find(|operation| operation.table == table.number());
    found.unwrap().value.as_mut().unwrap()
}

/// Changes the last event of a transaction and makes the head of that transaction fit.
fn forge(transaction: &mut [Stored], change: impl Fn(&mut Vec<u8>)) {
    let row = value_of(transaction, EVENT);
    change(row);
    let hash = openssl::sha::sha256(row);
    let head = value_of(transaction, HEAD);
    let count = record::decode::<HeadRecord>(HEAD, HEAD_KEY, head).unwrap().count;
    *head = record::encode(&HeadRecord { count, hash });
}

#[test]
fn an_untouched_trail_is_right() {
    let report = journal().check().unwrap();
    assert_eq!(report.events, 5);
    assert_eq!(Checker::new().finish().unwrap().events, 0);
}

#[test]
fn each_stored_byte_that_is_changed_is_found() {
    let journal = journal();
    let mut changes = 0;
    for transaction in 0..journal.0.len() {
        for operation in 0..journal.0[transaction].len() {
            let stored = &journal.0[transaction][operation];
            let (key, value) = (stored.key.len(), stored.value.as_ref().unwrap().len());
            for byte in 0..=key + value {
                for flip in [0x01, 0x80, 0xff] {
                    let mut changed = journal.clone();
                    let stored = &mut changed.0[transaction][operation];
                    match byte.checked_sub(1) {
                        None => stored.table ^= flip,
                        Some(byte) if byte < key => stored.key[byte] ^= flip,
                        Some(byte) => stored.value.as_mut().unwrap()[byte - key] ^= flip,
                    }
                    assert!(changed.check().is_err(), "{transaction} {operation} {byte} {flip}");
                    changes += 1;
                }
            }
        }
    }
    assert!(changes > 2_000, "{changes} changes tried");
}

#[test]
fn a_row_that_is_longer_or_shorter_is_found() {
    let journal = journal();
    for transaction in 0..journal.0.len() {
        for operation in 0..journal.0[transaction].len() {
            let mut longer = journal.clone();
            longer.0[transaction][operation].value.as_mut().unwrap().push(0);
            assert!(longer.check().is_err(), "{transaction} {operation}");
            let mut shorter = journal.clone();
            if shorter.0[transaction][operation].value.as_mut().unwrap().pop().is_some() {
                assert!(shorter.check().is_err(), "{transaction} {operation}");
            }
        }
    }
}

#[test]
fn each_operation_that_is_left_out_or_removed_is_found() {
    let journal = journal();
    for transaction in 0..journal.0.len() {
        for operation in 0..journal.0[transaction].len() {
            let mut without = journal.clone();
            without.0[transaction].remove(operation);
            assert!(without.check().is_err(), "{transaction} {operation}");
            let mut removed = journal.clone();
            let stored = removed.0[transaction][operation].clone();
            removed.0.push(vec![Stored { value: None, ..stored.clone() }]);
            let table = [EVENT, HEAD, BY_CATEGORY, BY_HOUR]
                .into_iter()
                .find(|table| table.number() == stored.table)
                .unwrap();
            let expected = Fault::Removed {
                transaction: 5,
                table: table.name(),
                key: hex::encode(stored.key),
            };
            assert_eq!(faults(&removed), [expected]);
        }
    }
}

/// A rewriter who makes the head fit is betrayed by the event after.
#[test]
fn an_event_made_anew_with_its_head_is_found_by_the_next() {
    let mut journal = journal();
    forge(&mut journal.0[0], |row| *row.last_mut().unwrap() ^= 1);
    assert_eq!(faults(&journal), [Fault::Chain { event: 2 }]);
}

/// The last event can be made anew with its head: only a head that was kept elsewhere tells.
#[test]
fn the_last_event_made_anew_changes_the_head() {
    let journal = journal();
    let mut forged = journal.clone();
    forge(forged.0.last_mut().unwrap(), |row| *row.last_mut().unwrap() ^= 1);
    assert_ne!(forged.check().unwrap().head, journal.check().unwrap().head);
}

#[test]
fn an_event_that_is_missing_is_found() {
    let mut journal = journal();
    journal.0.remove(1);
    assert_eq!(
        faults(&journal),
        [Fault::Missing { transaction: 2, expected: 2, found: 3 }, Fault::Chain { event: 3 }]
    );
}

#[test]
fn an_event_written_again_is_found() {
    let mut journal = journal();
    let first = journal.0[0].clone();
    journal.0.push(first);
    let found = faults(&journal);
    assert_eq!(found[0], Fault::Rewritten { transaction: 5, event: 1 });
    assert!(found.contains(&Fault::Head { transaction: 5 }));
}

#[test]
fn events_in_another_order_are_found() {
    let mut journal = journal();
    journal.0.swap(0, 1);
    let found: HashSet<_> = faults(&journal).iter().map(std::mem::discriminant).collect();
    let missing = Fault::Missing { transaction: 1, expected: 1, found: 2 };
    let rewritten = Fault::Rewritten { transaction: 2, event: 1 };
    for expected in [missing, rewritten] {
        assert!(found.contains(&std::mem::discriminant(&expected)), "{expected}");
    }
}

/// Two events of one transaction that exchange their keys.
#[test]
fn events_that_exchange_their_places_are_found() {
    let mut journal = journal();
    let events: Vec<usize> = (0..journal.0[2].len())
        .filter(|operation| journal.0[2][*operation].table == EVENT.number())
        .collect();
    let key = journal.0[2][events[0]].key.clone();
    journal.0[2][events[0]].key = journal.0[2][events[1]].key.clone();
    journal.0[2][events[1]].key = key;
    let found = faults(&journal);
    assert!(found.contains(&Fault::Place { event: 3, record: 4 }), "{found:?}");
    assert!(found.contains(&Fault::Chain { event: 3 }), "{found:?}");
}

#[test]
fn a_head_without_events_is_found() {
    let mut journal = journal();
    let head = journal.0[0].iter().find(|operation| operation.table == HEAD.number()).cloned();
    journal.0.push(vec![head.unwrap()]);
    assert_eq!(faults(&journal), [Fault::Head { transaction: 5 }]);
}

#[test]
fn a_wrong_list_is_named() {
    for table in [BY_CATEGORY, BY_HOUR] {
        let mut journal = journal();
        journal.0[2].retain(|operation| operation.table != table.number());
        assert_eq!(faults(&journal), [Fault::List { transaction: 3, table: table.name() }]);
    }
}

#[test]
fn other_tables_are_passed_over() {
    let mut journal = journal();
    journal.0.push(vec![Stored { table: 1, key: vec![1], value: None }]);
    assert_eq!(journal.check().unwrap().events, 5);
}

#[test]
fn faults_beyond_a_thousand_are_counted() {
    let mut checker = Checker::new();
    for transaction in 0..1_005 {
        checker.feed(transaction, [Operation { table: HEAD.number(), key: b"x", value: None }]);
    }
    let found = checker.finish().unwrap_err();
    assert_eq!((found.len(), &found[1_000]), (1_001, &Fault::More(5)));
}

#[test]
fn each_fault_says_what_is_wrong() {
    let fault = Fault::Missing { transaction: 9, expected: 2, found: 4 };
    assert_eq!(fault.to_string(), "transaction 9: event 4 follows where 2 was to come");
    let fault = Fault::Chain { event: 3 };
    assert_eq!(
        fault.to_string(),
        "event 3 does not follow the one before it: their hashes do not join"
    );
}
