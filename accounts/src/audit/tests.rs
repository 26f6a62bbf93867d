//! The auditor finds nothing in a sound journal, and names each thing that is wrong in one that
//! was tampered with.

use super::{AuditReport, Auditor, Discrepancy, Operation};
use crate::testing::{MapStore, Operation as Owned};
use chrono::TimeDelta;

/// Audits everything that was ever written to a store.
pub(crate) fn audit(store: &MapStore, window: i64) -> Result<AuditReport, Vec<Discrepancy>> {
    audit_journal(&store.journal(), window)
}

pub(crate) fn audit_journal(
    journal: &[Vec<Owned>],
    window: i64,
) -> Result<AuditReport, Vec<Discrepancy>> {
    let mut auditor = Auditor::new(TimeDelta::milliseconds(window));
    for (sequence, transaction) in (1..).zip(journal) {
        auditor.feed(
            sequence,
            transaction.iter().map(|(table, key, value)| Operation {
                table: *table,
                key,
                value: value.as_deref(),
            }),
        );
    }
    if auditor.has_refunds() {
        for (table, key, value) in journal.iter().flatten() {
            let value = value.as_deref();
            auditor.feed_again([Operation { table: *table, key, value }]);
        }
    }
    auditor.finish()
}

mod tampering {
    //! One change to a sound journal each, and the name under which it is found.

    use super::{Discrepancy, Owned, audit_journal};
    use crate::StampAccountId;
    use crate::encoding::{decode, encode};
    use crate::stamps::records::{
        AccountRecord, EntryRecord, GlobalRecord, LotRecord, SerialRecord,
    };
    use crate::stamps::tables::*;
    use crate::stamps::*;
    use crate::testing::{MapStore, block_on};
    use chrono::{DateTime, Utc};
    use minicbor::{Decode, Encode};
    use store::Table;

    const WINDOW: i64 = 600_000;
    const ADA: StampAccountId = StampAccountId::new(1);

    fn at(milliseconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(1_767_225_600_000 + milliseconds).unwrap()
    }

    fn serial(n: u8, time: i64) -> [u8; 16] {
        let mut serial = [0; 16];
        serial[..6].copy_from_slice(&at(time).timestamp_millis().to_be_bytes()[2..]);
        serial[15] = n;
        serial
    }

    /// Transactions 0 to 7: open, grant of 10, three uses, refund of the first, suspend,
    /// reactivate. Of the uses, the second has a retry key.
    fn journal() -> Vec<Vec<Owned>> {
        let store = MapStore::new();
        let settings = LedgerSettings::default();
        let ledger = StampLedger::open(store.clone(), settings).unwrap();
        let by = Act::new("operator", "test");
        block_on(async {
            let id = ledger.create("ada", &by, at(0)).await.unwrap().id;
            let lot =
                NewLot { expires_at: Some(at(10_000)), ..NewLot::plain(10, Category::Paid, at(0)) };
            ledger.grant(id, lot, &by, at(1)).await.unwrap();
            for n in 1..=3 {
                let retry_key = (n == 2).then_some([7; 32]);
                let time = 10 * i64::from(n);
                let reserved = ledger.reserve(id, retry_key, at(time)).await.unwrap();
                let Reserved::Fresh(reservation) = reserved else { panic!("not fresh") };
                let token = NewToken {
                    serial: serial(n, time),
                    gen_time_ms: at(time).timestamp_millis(),
                    tsu: "t".to_owned(),
                    token: vec![n],
                    retry_key,
                    companion: None,
                };
                ledger.commit(reservation, token).await.unwrap();
            }
            ledger.refund(id, serial(1, 10), &by, at(40)).await.unwrap();
            ledger.suspend(id, &by, at(41)).await.unwrap();
            ledger.reactivate(id, &by, at(42)).await.unwrap();
        });
        store.journal()
    }

    /// Rewrites the records of a table in a transaction.
    fn edit<T>(transaction: &mut [Owned], table: Table, change: impl Fn(&mut T))
    where
        T: Encode<()> + for<'b> Decode<'b, ()>,
    {
        let mut edited = 0;
        for (number, key, value) in transaction.iter_mut() {
            if *number == table.number() {
                let mut record: T = decode(table, key, value.as_ref().unwrap()).unwrap();
                change(&mut record);
                *value = Some(encode(&record, 0));
                edited += 1;
            }
        }
        assert!(edited > 0, "nothing was edited");
    }

    #[track_caller]
    fn found(journal: &[Vec<Owned>]) -> Vec<Discrepancy> {
        audit_journal(journal, WINDOW).unwrap_err()
    }

    #[track_caller]
    fn finds(journal: &[Vec<Owned>], expected: impl Fn(&Discrepancy) -> bool) {
        let found = found(journal);
        assert!(found.iter().any(expected), "{found:#?}");
        assert!(found.iter().all(|one| !one.to_string().is_empty()));
    }

    #[test]
    fn a_sound_journal_is_sound() {
        let report = audit_journal(&journal(), WINDOW).unwrap();
        let sums = (report.granted, report.available, report.used, report.tokens);
        assert_eq!(sums, (10, 8, 2, 3));
        assert_eq!(
            (report.accounts, report.lots, report.entries, report.transactions),
            (1, 1, 8, 8)
        );
    }

    #[test]
    fn an_empty_journal_is_sound() {
        assert_eq!(audit_journal(&[], WINDOW).unwrap().accounts, 0);
    }

    #[test]
    fn a_balance_in_an_account() {
        let mut journal = journal();
        edit::<AccountRecord>(&mut journal[3], ACCOUNT, |account| account.used = 1);
        let account = ADA;
        finds(&journal, |f| *f == Discrepancy::AccountRecord { transaction: 4, account });
    }

    #[test]
    fn a_balance_in_a_lot() {
        let mut journal = journal();
        edit::<LotRecord>(&mut journal[4], LOT, |lot| lot.available += 1);
        let lot = LotId::new(1);
        finds(&journal, |f| *f == Discrepancy::LotRecord { transaction: 5, account: ADA, lot });
    }

    #[test]
    fn the_terms_of_a_lot_after_its_grant() {
        let mut journal = journal();
        edit::<LotRecord>(&mut journal[4], LOT, |lot| lot.expires_at = None);
        finds(&journal, |f| matches!(f, Discrepancy::LotRecord { transaction: 5, .. }));
    }

    #[test]
    fn a_larger_grant() {
        let mut journal = journal();
        edit::<EntryRecord>(&mut journal[1], ENTRY, |entry| entry.quantity = 11);
        finds(&journal, |f| matches!(f, Discrepancy::Balance { stated: 10, counted: 11, .. }));
        finds(&journal, |f| matches!(f, Discrepancy::LotRecord { transaction: 2, .. }));
    }

    #[test]
    fn an_entry_that_is_missing() {
        let mut journal = journal();
        journal[3].retain(|(table, ..)| *table != ENTRY.number());
        let found_it = Discrepancy::EntryNumber { account: ADA, expected: 4, found: 5 };
        finds(&journal, |f| *f == found_it);
        finds(&journal, |f| matches!(f, Discrepancy::AccountRecord { transaction: 4, .. }));
    }

    #[test]
    fn an_entry_that_is_written_again() {
        let mut journal = journal();
        let again = journal[6].clone();
        journal.push(again);
        let found_it = Discrepancy::EntryNumber { account: ADA, expected: 9, found: 7 };
        finds(&journal, |f| *f == found_it);
    }

    #[test]
    fn a_record_without_its_entry() {
        let mut journal = journal();
        let only_lot = journal[4].iter().find(|row| row.0 == LOT.number()).unwrap().clone();
        journal.push(vec![only_lot]);
        finds(&journal, |f| matches!(f, Discrepancy::LotRecord { transaction: 9, .. }));
    }

    #[test]
    fn rows_that_were_removed() {
        for table in [ACCOUNT, NAME, LOT, ENTRY, SERIAL, GLOBAL] {
            let mut journal = journal();
            journal.push(vec![(table.number(), vec![0; 16], None)]);
            finds(&journal, |f| matches!(f, Discrepancy::Removed { transaction: 9, .. }));
        }
    }

    #[test]
    fn rows_that_cannot_be_read() {
        for table in [ACCOUNT, NAME, LOT, ENTRY, SERIAL, GLOBAL, EXPIRY] {
            let mut journal = journal();
            journal.push(vec![(table.number(), vec![0; 16], Some(vec![0xff]))]);
            finds(&journal, |f| matches!(f, Discrepancy::Unreadable { transaction: 9, .. }));
        }
    }

    #[test]
    fn transactions_that_are_missing() {
        let mut auditor = super::Auditor::new(chrono::TimeDelta::minutes(10));
        auditor.feed(1, []);
        auditor.feed(3, []);
        let found = auditor.finish().unwrap_err();
        assert_eq!(found, [Discrepancy::Sequence { expected: 2, found: 3 }]);
    }

    #[test]
    fn a_serial_number_that_comes_twice() {
        let mut journal = journal();
        let first = serial(1, 10);
        edit::<EntryRecord>(&mut journal[4], ENTRY, |entry| entry.serial = Some(first));
        let text = hex::encode(first);
        finds(&journal, |f| *f == Discrepancy::SerialRepeated { serial: text.clone() });
    }

    #[test]
    fn a_serial_number_out_of_the_order_of_time() {
        let mut journal = journal();
        let old = serial(9, -200_000);
        edit::<EntryRecord>(&mut journal[4], ENTRY, |entry| entry.serial = Some(old));
        finds(&journal, |f| matches!(f, Discrepancy::SerialOutOfOrder { .. }));
    }

    #[test]
    fn a_token_that_cannot_be_found_by_its_serial_number() {
        let mut journal = journal();
        journal[4].retain(|(table, ..)| *table != SERIAL.number());
        finds(&journal, |f| matches!(f, Discrepancy::SerialRow { entry: 5, .. }));
    }

    #[test]
    fn a_second_token_for_one_request() {
        let mut journal = journal();
        edit::<EntryRecord>(&mut journal[4], ENTRY, |entry| {
            if let Some(token) = &mut entry.token {
                token.retry_key = Some([7; 32]);
            }
        });
        finds(&journal, |f| matches!(f, Discrepancy::RetryRepeated { account: ADA, .. }));
        // After the window it is another request.
        edit::<EntryRecord>(&mut journal[4], ENTRY, |entry| {
            if let Some(token) = &mut entry.token {
                token.gen_time += WINDOW;
            }
        });
        let repeated = |f: &Discrepancy| matches!(f, Discrepancy::RetryRepeated { .. });
        assert!(!found(&journal).iter().any(repeated));
    }

    #[test]
    fn a_log_index_that_is_not_the_next() {
        let mut journal = journal();
        edit::<EntryRecord>(&mut journal[3], ENTRY, |entry| {
            if let Some(token) = &mut entry.token {
                token.log_index = 5;
            }
        });
        finds(&journal, |f| matches!(f, Discrepancy::LogIndex { expected: 1, found: 5, .. }));
    }

    #[test]
    fn counters_of_the_service() {
        let mut journal = journal();
        edit::<GlobalRecord>(&mut journal[3], GLOBAL, |global| global.tokens = 9);
        finds(&journal, |f| *f == Discrepancy::GlobalRecord { transaction: 4 });
    }

    #[test]
    fn a_use_after_the_end_of_its_lot() {
        let mut journal = journal();
        let late = at(10_000).timestamp_millis();
        edit::<EntryRecord>(&mut journal[4], ENTRY, |entry| entry.at = late);
        let lot = LotId::new(1);
        finds(&journal, |f| *f == Discrepancy::OutsideItsTime { account: ADA, entry: 5, lot });
        finds(&journal, |f| *f == Discrepancy::TimeWentBack { account: ADA, entry: 6 });
    }

    #[test]
    fn a_use_of_a_suspended_account() {
        let mut journal = journal();
        // Suspended, reactivated: the second is taken away and a use put after the first.
        let mut uses = journal[4].clone();
        let moved = (ENTRY.number(), inner_key(ADA, 8));
        for row in &mut uses {
            if row.0 == moved.0 {
                row.1 = moved.1.to_vec();
            }
        }
        journal[7] = uses;
        let (kind, status) = (EntryKind::Use, Status::Suspended);
        let expected = Discrepancy::WrongStatus { account: ADA, entry: 8, kind, status };
        finds(&journal, |f| *f == expected);
    }

    #[test]
    fn a_refund_that_comes_twice() {
        let mut journal = journal();
        let mut again = journal[5].clone();
        for row in &mut again {
            if row.0 == ENTRY.number() {
                row.1 = inner_key(ADA, 9).to_vec();
            }
        }
        journal.push(again);
        let twice = |f: &Discrepancy| matches!(f, Discrepancy::RefundedTwice { entry: 9, .. });
        finds(&journal, twice);
    }

    fn is_refund_of_no_use(found: &Discrepancy) -> bool {
        matches!(found, Discrepancy::RefundOfNoUse { account: ADA, entry: 6, .. })
    }

    #[test]
    fn a_refund_of_another_use() {
        // The row leads to the entry of the second token.
        let mut journal = journal();
        edit::<SerialRecord>(&mut journal[5], SERIAL, |row| row.entry = 4);
        finds(&journal, is_refund_of_no_use);
        // And one that leads to what is no use at all.
        edit::<SerialRecord>(&mut journal[5], SERIAL, |row| row.entry = 2);
        finds(&journal, is_refund_of_no_use);
    }

    #[test]
    fn a_refund_of_a_token_that_never_was() {
        let mut journal = journal();
        let forged = serial(9, 10);
        edit::<EntryRecord>(&mut journal[5], ENTRY, |entry| entry.serial = Some(forged));
        for row in &mut journal[5] {
            if row.0 == SERIAL.number() {
                row.1 = forged.to_vec();
            }
        }
        finds(&journal, is_refund_of_no_use);
    }

    #[test]
    fn a_refund_into_another_lot_than_it_was_used_from() {
        let mut journal = journal();
        edit::<EntryRecord>(&mut journal[2], ENTRY, |entry| entry.lot = Some(2));
        finds(&journal, is_refund_of_no_use);
    }

    #[test]
    fn a_refund_without_the_second_reading_is_not_passed_over() {
        let mut auditor = super::Auditor::new(chrono::TimeDelta::milliseconds(WINDOW));
        for (sequence, transaction) in (1..).zip(&journal()) {
            let rows = transaction.iter().map(|(table, key, value)| super::Operation {
                table: *table,
                key,
                value: value.as_deref(),
            });
            auditor.feed(sequence, rows);
        }
        assert!(auditor.has_refunds());
        assert!(auditor.finish().unwrap_err().iter().all(is_refund_of_no_use));
    }

    #[test]
    fn a_name_that_leads_elsewhere() {
        let expected = |f: &Discrepancy| matches!(f, Discrepancy::NameRow { account: ADA, .. });
        // It is missing, it is another, or it comes again.
        let mut missing = journal();
        missing[0].retain(|row| row.0 != NAME.number());
        finds(&missing, expected);
        let mut other = journal();
        for row in &mut other[0] {
            if row.0 == NAME.number() {
                row.1 = b"bob".to_vec();
            }
        }
        finds(&other, expected);
        let mut again = journal();
        let name = again[0].iter().find(|row| row.0 == NAME.number()).unwrap().clone();
        again.push(vec![name]);
        finds(&again, expected);
    }

    #[test]
    fn an_expiry_that_is_listed_wrongly() {
        let lot = LotId::new(1);
        let finds = |journal: &[Vec<Owned>], transaction| {
            let expected = Discrepancy::ExpiryRow { transaction, account: ADA, lot };
            finds(journal, |found| *found == expected);
        };
        let key = |end| expiry_key(at(end).timestamp_millis(), ADA, 1).to_vec();
        let mut missing = journal();
        missing[1].retain(|row| row.0 != EXPIRY.number());
        finds(&missing, 2);
        let mut late = journal();
        late[1].push((EXPIRY.number(), key(20_000), Some(Vec::new())));
        finds(&late, 2);
        let mut removed = journal();
        removed.push(vec![(EXPIRY.number(), key(10_000), None)]);
        finds(&removed, 9);
        let mut again = journal();
        again.push(vec![(EXPIRY.number(), key(10_000), Some(Vec::new()))]);
        finds(&again, 9);
    }

    #[test]
    fn more_used_than_there_is() {
        let mut journal = journal();
        edit::<EntryRecord>(&mut journal[4], ENTRY, |entry| entry.quantity = 100);
        let lot = LotId::new(1);
        finds(&journal, |f| *f == Discrepancy::Overdrawn { account: ADA, entry: 5, lot });
        finds(&journal, |f| matches!(f, Discrepancy::Totals { .. }));
    }

    #[test]
    fn an_entry_that_nobody_made() {
        let mut journal = journal();
        edit::<EntryRecord>(&mut journal[6], ENTRY, |entry| entry.reason = None);
        finds(&journal, |f| *f == Discrepancy::NobodyDidIt { account: ADA, entry: 7 });
    }

    #[test]
    fn entries_that_are_not_well_formed() {
        let changes: [fn(&mut EntryRecord); 4] = [
            |entry| entry.quantity = 0,
            |entry| entry.lot = None,
            |entry| entry.token = None,
            |entry| entry.kind = EntryKind::Void,
        ];
        for change in changes {
            let mut journal = journal();
            edit::<EntryRecord>(&mut journal[4], ENTRY, change);
            finds(&journal, |f| matches!(f, Discrepancy::Malformed { entry: 5, .. }));
        }
    }

    #[test]
    fn an_account_that_was_never_opened() {
        let journal = journal()[1..].to_vec();
        finds(&journal, |f| *f == Discrepancy::NeverOpened { account: ADA, entry: 2 });
    }

    #[test]
    fn a_long_list_ends_with_the_number_of_the_rest() {
        let row = (ENTRY.number(), vec![0; 16], Some(vec![0xff]));
        let journal: Vec<_> = (0..1_500).map(|_| vec![row.clone()]).collect();
        let found = found(&journal);
        assert_eq!(found.len(), 1_001);
        assert_eq!(found.last(), Some(&Discrepancy::More(500)));
    }
}
