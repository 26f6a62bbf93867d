//! Two tokens for one stamp: kept together, found by either number, given back once.

use super::support::*;
use crate::StampAccountId;
use crate::audit::tests::audit;
use crate::stamps::tables::*;
use crate::stamps::*;
use crate::testing::{block_on, is_pending};
use store::StoreError;

const KEY: Option<[u8; 32]> = Some([7; 32]);

fn commit(bench: &Bench, id: StampAccountId, token: NewToken) -> Result<Committed, Refused> {
    let held = bench.hold(id, token.retry_key, at(10))?;
    block_on(bench.ledger.commit(held, token))
}

/// An account with two stamps, one of which paid for a pair.
fn paired() -> (Bench, StampAccountId, NewToken) {
    let bench = Bench::new();
    let id = bench.account("ada");
    bench.grant(id, 2);
    let pair = token_pair(1, KEY, at(10));
    let committed = commit(&bench, id, pair.clone()).unwrap();
    assert_eq!(committed, Committed { remaining: 1, log_index: 0 });
    (bench, id, pair)
}

fn second(pair: &NewToken) -> CompanionToken {
    pair.companion.clone().unwrap()
}

fn fetched(bench: &Bench, id: StampAccountId, serial: [u8; 16]) -> StoredToken {
    block_on(bench.ledger.token(id, serial)).unwrap().unwrap()
}

#[test]
fn a_pair_takes_one_stamp_and_one_entry() {
    let (bench, id, pair) = paired();
    let view = bench.view(id, at(11));
    assert_eq!((view.remaining, view.used, view.reserved), (1, 1, 0));
    let entries = bench.statement(id).entries;
    let uses: Vec<_> = entries.iter().filter(|entry| entry.kind == EntryKind::Use).collect();
    let [entry] = uses[..] else { panic!("one entry: {uses:?}") };
    assert_eq!((entry.quantity, entry.change()), (1, -1));
    assert_eq!(entry.serial, Some(pair.serial));
    assert_eq!(entry.companion, Some(second(&pair).serial));
}

/// Each is found by its own number, the other one beside it; their places in the log are
/// neighbours, and the next token has the place after them.
#[test]
fn either_number_finds_its_token() {
    let (bench, id, pair) = paired();
    for bench in [&bench, &bench.reopened()] {
        let first = fetched(bench, id, pair.serial);
        assert_eq!((&first.token, first.tsu.as_str()), (&pair.token, "tsu-1"));
        assert_eq!((first.log_index, &first.companion), (0, &pair.companion));
        let other = fetched(bench, id, second(&pair).serial);
        assert_eq!((&other.token, other.tsu.as_str()), (&second(&pair).token, "tsu-2"));
        assert_eq!((other.log_index, other.gen_time_ms), (1, first.gen_time_ms));
        let back = other.companion.unwrap();
        assert_eq!((back.serial, back.token), (pair.serial, pair.token.clone()));
    }
    assert_eq!(bench.issue(id, 2, at(20)).unwrap().log_index, 2);
}

#[test]
fn neither_number_finds_a_token_of_another_account() {
    let (bench, _, pair) = paired();
    let other = bench.account("bob");
    for serial in [pair.serial, second(&pair).serial] {
        assert_eq!(block_on(bench.ledger.token(other, serial)).unwrap(), None);
        let refund = block_on(bench.ledger.refund(other, serial, &by(), at(20)));
        assert!(matches!(refund, Err(StampError::UnknownSerial { .. })));
    }
}

/// I8: the same request gets the same pair, after a restart too.
#[test]
fn a_repeated_request_gets_the_same_pair() {
    let (bench, id, pair) = paired();
    for bench in [&bench, &bench.reopened()] {
        let reserved = block_on(bench.ledger.reserve(id, KEY, at(30))).unwrap();
        let Reserved::Existing { token, remaining: 1 } = reserved else { panic!("{reserved:?}") };
        assert_eq!((token.serial, &token.token), (pair.serial, &pair.token));
        assert_eq!(token.companion, pair.companion);
    }
}

/// I10: by either number the one stamp comes back, once.
#[test]
fn a_refund_by_either_number_gives_the_stamp_back_once() {
    for by_second in [false, true] {
        let (bench, id, pair) = paired();
        let serials = [pair.serial, second(&pair).serial];
        let serial = serials[usize::from(by_second)];
        let lot = block_on(bench.ledger.refund(id, serial, &by(), at(20))).unwrap();
        assert_eq!((lot.remaining, lot.used), (2, 0));
        for again in serials {
            let again = block_on(bench.ledger.refund(id, again, &by(), at(21)));
            assert!(matches!(again, Err(StampError::AlreadyRefunded { .. })), "{again:?}");
        }
        let entry = bench.statement(id).entries.pop().unwrap();
        assert_eq!((entry.kind, entry.serial), (EntryKind::Refund, Some(pair.serial)));
        let report = audit(&bench.store, minutes(10)).unwrap();
        assert_eq!((report.tokens, report.companions, report.used), (2, 1, 0));
    }
}

/// I13: neither number may be one that was used before, and the two are not the same.
#[test]
fn a_number_that_was_used_before_is_refused_and_costs_nothing() {
    let (bench, id, pair) = paired();
    let before = bench.store.contents();
    let fresh = || token_pair(2, None, at(10));
    let companion = |serial| Some(CompanionToken { serial, ..second(&fresh()) });
    for bad in [
        NewToken { serial: second(&pair).serial, ..fresh() },
        NewToken { companion: companion(pair.serial), ..fresh() },
        NewToken { companion: companion(second(&pair).serial), ..fresh() },
        NewToken { companion: companion(fresh().serial), ..fresh() },
    ] {
        let refused = commit(&bench, id, bad);
        assert!(matches!(refused, Err(Refused::SerialRepeats(_))), "{refused:?}");
    }
    assert_eq!(bench.store.contents(), before);
    assert_eq!(bench.view(id, at(11)).reserved, 0);
}

/// A2, A3: one transaction holds the debit, both tokens and both rows; what is not durable of it
/// is nothing of it.
#[test]
fn a_pair_is_kept_whole_or_not_at_all() {
    let bench = Bench::new();
    let id = bench.account("ada");
    bench.grant(id, 1);
    let before = bench.store.contents();
    let held = bench.hold(id, KEY, at(10)).unwrap();
    bench.store.fail_next(StoreError::Poisoned { reason: "no such device".to_owned() });
    let pair = token_pair(1, KEY, at(10));
    let failed = block_on(bench.ledger.commit(held, pair.clone()));
    assert!(matches!(failed, Err(Refused::Store(_))));
    assert_eq!(bench.store.contents(), before);
    let view = bench.view(id, at(11));
    assert_eq!((view.remaining, view.used, view.reserved), (1, 0, 0));

    let transactions = bench.store.journal().len();
    commit(&bench, id, pair.clone()).unwrap();
    let journal = bench.store.journal();
    let [transaction] = &journal[transactions..] else { panic!("one transaction") };
    let mut rows: Vec<_> = transaction.iter().filter(|row| row.0 == SERIAL.number()).collect();
    rows.sort();
    let keys: Vec<_> = rows.iter().map(|(_, key, _)| key.as_slice()).collect();
    assert_eq!(keys, [&pair.serial, &second(&pair).serial]);
    assert_eq!(transaction.iter().filter(|row| row.0 == ENTRY.number()).count(), 1);
}

/// A kill at any transaction: what a restart finds has the whole pair, or nothing of it.
#[test]
fn every_prefix_of_the_journal_is_sound() {
    let (bench, id, pair) = paired();
    block_on(bench.ledger.refund(id, second(&pair).serial, &by(), at(20))).unwrap();
    commit(&bench, id, token_pair(2, None, at(10))).unwrap();
    let journal = bench.store.journal();
    for length in 0..=journal.len() {
        let report = crate::audit::tests::audit_journal(&journal[..length], minutes(10)).unwrap();
        assert_eq!(report.tokens, 2 * report.companions, "after {length} transactions");
    }
}

/// A client that goes away during the commit has paid for both, and can fetch both.
#[test]
fn a_client_that_goes_away_during_its_commit_can_fetch_both() {
    let bench = Bench::new();
    let id = bench.account("ada");
    bench.grant(id, 1);
    let held = bench.hold(id, KEY, at(10)).unwrap();
    bench.store.pause();
    let pair = token_pair(1, KEY, at(10));
    let mut commit = Box::pin(bench.ledger.commit(held, pair.clone()));
    assert!(is_pending(&mut commit));
    drop(commit);
    bench.store.resume();
    assert_eq!(fetched(&bench, id, pair.serial).companion, pair.companion);
    assert_eq!(fetched(&bench, id, second(&pair).serial).serial, second(&pair).serial);
}

mod tampering {
    //! What the auditor finds when the rows of a pair are changed behind the ledger's back.

    use super::*;
    use crate::audit::Discrepancy;
    use crate::audit::tests::audit_journal;
    use crate::encoding::{decode, encode};
    use crate::stamps::records::{CompanionFields, EntryRecord, SerialRecord};
    use crate::testing::Operation;

    /// Transactions 0 to 3: open, grant of 2, the pair, its refund.
    fn journal() -> (Vec<Vec<Operation>>, NewToken) {
        let (bench, id, pair) = paired();
        block_on(bench.ledger.refund(id, pair.serial, &by(), at(20))).unwrap();
        (bench.store.journal(), pair)
    }

    #[track_caller]
    fn finds(journal: &[Vec<Operation>], expected: impl Fn(&Discrepancy) -> bool) {
        let found = audit_journal(journal, minutes(10)).unwrap_err();
        assert!(found.iter().any(expected), "{found:#?}");
    }

    fn serial_row(found: &Discrepancy) -> bool {
        matches!(found, Discrepancy::SerialRow { .. })
    }

    fn without_row(
        mut journal: Vec<Vec<Operation>>,
        at: usize,
        key: [u8; 16],
    ) -> Vec<Vec<Operation>> {
        let before = journal[at].len();
        journal[at].retain(|row| row.1 != key);
        assert_eq!(journal[at].len() + 1, before);
        journal
    }

    fn edit(journal: &mut [Operation], change: impl Fn(&mut EntryRecord)) {
        let row = journal.iter_mut().find(|row| row.0 == ENTRY.number()).unwrap();
        let mut entry: EntryRecord = decode(ENTRY, b"", row.2.as_ref().unwrap()).unwrap();
        change(&mut entry);
        row.2 = Some(encode(&entry, 0));
    }

    #[test]
    fn a_companion_that_cannot_be_found() {
        let (journal, pair) = journal();
        finds(&without_row(journal, 2, second(&pair).serial), serial_row);
    }

    #[test]
    fn a_companion_that_was_taken_out() {
        let (mut journal, _) = journal();
        edit(&mut journal[2], |entry| entry.companion = None);
        finds(&journal, serial_row);
        finds(&journal, |found| *found == Discrepancy::GlobalRecord { transaction: 3 });
        finds(&journal, |found| matches!(found, Discrepancy::RefundOfNoUse { entry: 4, .. }));
    }

    #[test]
    fn a_companion_with_the_number_of_its_token() {
        let (mut journal, pair) = journal();
        edit(&mut journal[2], |entry| {
            if let Some(companion) = &mut entry.companion {
                companion.serial = pair.serial;
            }
        });
        finds(&journal, |found| matches!(found, Discrepancy::SerialRepeated { .. }));
    }

    #[test]
    fn a_companion_of_what_is_no_use() {
        let (mut journal, _) = journal();
        let (_, pair) = self::journal();
        edit(&mut journal[3], |entry| {
            entry.companion = Some(CompanionFields {
                serial: second(&pair).serial,
                tsu: String::new(),
                der: Vec::new(),
            });
        });
        finds(&journal, |found| matches!(found, Discrepancy::Malformed { entry: 4, .. }));
    }

    #[test]
    fn a_refund_that_leaves_the_companion_out() {
        let (journal, pair) = journal();
        let journal = without_row(journal, 3, second(&pair).serial);
        finds(&journal, |found| matches!(found, Discrepancy::RefundOfNoUse { entry: 4, .. }));
    }

    #[test]
    fn a_refund_of_more_than_one_pair() {
        let (mut journal, pair) = journal();
        let row = |entry| {
            let record = SerialRecord { account: 1, entry, retry: None, refunded_by: Some(4) };
            (SERIAL.number(), serial(9, at(10)).to_vec(), Some(encode(&record, 0)))
        };
        journal[3].push(row(3));
        finds(&journal, serial_row);
        // In the place of the companion's, and of another entry.
        let mut journal = without_row(journal, 3, second(&pair).serial);
        journal[3].pop();
        journal[3].push(row(2));
        finds(&journal, serial_row);
    }

    #[test]
    fn a_row_that_belongs_to_no_entry() {
        let (mut journal, _) = journal();
        let record = SerialRecord { account: 1, entry: 3, retry: None, refunded_by: None };
        let row = (SERIAL.number(), serial(9, at(10)).to_vec(), Some(encode(&record, 0)));
        journal.push(vec![row]);
        finds(&journal, serial_row);
    }
}
