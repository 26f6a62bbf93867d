//! The audit finds nothing in a sound journal, and names what is wrong in one that was tampered
//! with.

use super::support::*;
use crate::audit::{Checker, Fault, Operation};
use crate::encoding::{decode, encode};
use crate::records::*;
use crate::status::{Change, Status};
use crate::tables::*;
use minicbor::{Decode, Encode};
use store::Table;
use store::journal::Operation as Stored;

/// Two responders, then certificates 3 and 4: the third suspended, reactivated and revoked.
fn journal() -> Journal {
    let world = world();
    let (one, _) = (world.issue(1), world.issue(2));
    world.suspend(&one.serial, 10);
    world.reactivate(&one.serial, 20);
    world.revoke(&one.serial, 30);
    world.audit();
    world.journal()
}

fn faults(journal: &Journal) -> Vec<Fault> {
    journal.audit().unwrap_err()
}

/// Changes the record of `table` that was written as the `nth` of its kind.
fn forge<T>(journal: &mut Journal, table: Table, nth: usize, change: impl FnOnce(&mut T))
where
    T: Encode<()> + for<'b> Decode<'b, ()>,
{
    let rows = journal.0.iter_mut().flatten();
    let stored = rows.filter(|stored| stored.table == table.number()).nth(nth).unwrap();
    let value = stored.value.as_mut().unwrap();
    let mut record: T = decode(table, b"", value).unwrap();
    change(&mut record);
    *value = encode(&record);
}

#[test]
fn a_sound_journal_is_right() {
    let report = journal().audit().unwrap();
    assert_eq!((report.certificates, report.held, report.revoked, report.crls), (4, 0, 1, 5));
    assert_eq!(Checker::new().finish().unwrap().certificates, 0);
}

/// Every row there is: left out, removed later, or cut.
#[test]
fn each_row_that_is_missing_or_removed_is_found() {
    let journal = journal();
    let ours = 44..=49;
    let mut tried = 0;
    for transaction in 0..journal.0.len() {
        for operation in 0..journal.0[transaction].len() {
            let stored = journal.0[transaction][operation].clone();
            if !ours.contains(&stored.table) {
                continue;
            }
            // That a CA's last list had a number is missed by its next one only.
            let is_same = |later: &Stored| (later.table, &later.key) == (stored.table, &stored.key);
            let is_last = stored.table == AUTHORITY.number()
                && !journal.0[transaction + 1..].iter().flatten().any(is_same);
            let mut without = journal.clone();
            without.0[transaction].remove(operation);
            assert!(without.audit().is_err() || is_last, "{transaction} {operation} left out");
            let mut removed = journal.clone();
            removed.0.push(vec![Stored { value: None, ..stored.clone() }]);
            assert!(matches!(faults(&removed)[0], Fault::Removed { .. }));
            let mut cut = journal.clone();
            cut.0[transaction][operation].value.as_mut().unwrap().pop();
            assert!(cut.audit().is_err(), "{transaction} {operation} cut");
            let mut key = journal.clone();
            key.0[transaction][operation].key.push(0);
            assert!(key.audit().is_err(), "{transaction} {operation} another key");
            tried += 1;
        }
    }
    assert!(tried > 25, "{tried} rows");
}

#[test]
fn an_illegal_change_is_found() {
    let mut journal = journal();
    // The reactivation becomes a second suspension.
    forge(&mut journal, CHANGE, 1, |record: &mut ChangeRecord| {
        *record = ChangeRecord::new(Change::Suspend { until: None }, at(20), "a", "");
    });
    let found = faults(&journal);
    let why = "it is suspended; give another end, reactivate it, or revoke it".to_owned();
    assert_eq!(found[0], Fault::IllegalChange { certificate: 3, change: 2, why });
}

#[test]
fn a_status_without_its_change_is_found() {
    let journal = journal();
    let mut nobody = journal.clone();
    let is_change = |stored: &Stored| stored.table == CHANGE.number();
    let transaction = journal.0.iter().position(|rows| rows.iter().any(is_change)).unwrap();
    nobody.0[transaction].retain(|stored| !is_change(stored));
    let found = faults(&nobody);
    assert!(matches!(found[0], Fault::Standing { .. }), "{found:?}");
    assert!(found.contains(&Fault::ChangeNumber { certificate: 3, expected: 1, found: 2 }));
}

#[test]
fn a_status_that_says_something_else_is_found() {
    let good = journal();
    for nth in 0..7 {
        for change in [
            |record: &mut StandingRecord| record.changes += 1,
            |record: &mut StandingRecord| record.ca += 1,
            |record: &mut StandingRecord| record.certificate += 1,
            |record: &mut StandingRecord| {
                let status = Status::Held { since: at(99), until: None };
                *record =
                    StandingRecord::new(record.certificate, record.ca, record.changes, status);
            },
        ] {
            let mut journal = good.clone();
            forge(&mut journal, STANDING, nth, change);
            let found = faults(&journal);
            assert!(matches!(found[..], [Fault::Standing { .. }]), "{nth}: {found:?}");
        }
    }
}

#[test]
fn a_list_that_does_not_grow_is_found() {
    for number in [0, 2, 3, 5] {
        let mut journal = journal();
        let last = journal.0.iter().flatten();
        let nth = last.filter(|stored| stored.table == AUTHORITY.number()).count() - 1;
        forge(&mut journal, AUTHORITY, nth, |record: &mut AuthorityRecord| {
            assert_eq!(record.crl_number, 4);
            record.crl_number = number;
        });
        let found = journal.audit();
        let expected = Fault::CrlNumber { ca: 0, before: 3, found: number };
        assert_eq!(found.unwrap_err()[0], expected);
    }
}

#[test]
fn a_ca_that_is_not_itself_any_more_is_found() {
    for change in [
        |record: &mut AuthorityRecord| record.id.push('x'),
        |record: &mut AuthorityRecord| record.key_hash[0] ^= 1,
        |record: &mut AuthorityRecord| record.issued += 1,
        |record: &mut AuthorityRecord| record.responder = Some(2),
        |record: &mut AuthorityRecord| record.responder = Some(77),
    ] {
        let mut journal = journal();
        let rows = journal.0.iter().flatten();
        let nth = rows.filter(|stored| stored.table == AUTHORITY.number()).count() - 1;
        forge(&mut journal, AUTHORITY, nth, change);
        let found = faults(&journal);
        assert!(matches!(found[..], [Fault::Authority { .. }]), "{found:?}");
    }
}

#[test]
fn a_certificate_that_was_changed_is_found() {
    let good = journal();
    for change in [
        |record: &mut CertificateRecord| record.fingerprint[0] ^= 1,
        |record: &mut CertificateRecord| record.ca += 1,
        |record: &mut CertificateRecord| record.serial[0] ^= 1,
        |record: &mut CertificateRecord| record.serial = vec![1; 21],
    ] {
        let mut journal = good.clone();
        forge(&mut journal, CERTIFICATE, 2, change);
        assert!(journal.audit().is_err());
    }
    let mut journal = good.clone();
    let rows = journal.0.iter_mut().flatten();
    let der = rows.filter(|stored| stored.table == DER.number()).nth(2).unwrap();
    der.value.as_mut().unwrap()[100] ^= 1;
    assert_eq!(faults(&journal), [Fault::Content { certificate: 3 }]);
}

#[test]
fn what_is_written_again_or_twice_is_found() {
    let good = journal();
    let is_issue = |rows: &Vec<Stored>| rows.iter().any(|row| row.table == CERTIFICATE.number());
    let first = good.0.iter().find(|rows| is_issue(rows)).unwrap().clone();
    let mut journal = good.clone();
    journal.0.push(first.clone());
    assert!(faults(&journal).contains(&Fault::Number { expected: 5, found: 1 }));

    // A second certificate with the serial number of the first.
    let serial = {
        let row = first.iter().find(|row| row.table == CERTIFICATE.number()).unwrap();
        let record: CertificateRecord =
            decode(CERTIFICATE, b"", row.value.as_ref().unwrap()).unwrap();
        record.serial
    };
    let mut journal = good.clone();
    forge(&mut journal, CERTIFICATE, 1, |record: &mut CertificateRecord| {
        record.serial.clone_from(&serial);
    });
    let repeated = |fault: &Fault| matches!(fault, Fault::SerialRepeated { certificate: 2, .. });
    assert!(faults(&journal).iter().any(repeated));
}

/// Each act has its event in the trail, in the same transaction.
#[test]
fn an_act_without_an_event_is_found() {
    let good = journal();
    for transaction in 0..good.0.len() {
        let mut journal = good.clone();
        journal.0[transaction].retain(|row| row.table != trail::tables::EVENT.number());
        let number = transaction as u64 + 1;
        assert_eq!(faults(&journal), [Fault::NoEvent { transaction: number }]);
    }
}

#[test]
fn a_wrong_counter_is_found() {
    let mut journal = journal();
    forge(&mut journal, GLOBAL, 1, |record: &mut GlobalRecord| record.certificates += 1);
    assert!(matches!(faults(&journal)[..], [Fault::Counter { .. }]));
}

#[test]
fn faults_beyond_a_thousand_are_counted() {
    let mut checker = Checker::new();
    for transaction in 0..1_005 {
        checker.feed(transaction, [Operation { table: GLOBAL.number(), key: b"x", value: None }]);
    }
    let found = checker.finish().unwrap_err();
    assert_eq!((found.len(), &found[1_000]), (1_001, &Fault::More(5)));
}
