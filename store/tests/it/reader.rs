//! Walking over the journal of a store that is open, and of one that is not.

use crate::{T, open, value, write};
use marca_store::journal::Reader;
use marca_store::{Store, StoreError, StoreExt};
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

#[test]
fn transactions_come_in_order_with_all_they_did() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    write(&store, 0..500);
    let remove = store.transact(|transaction| {
        transaction.delete(T, b"last");
        Ok(())
    });
    remove.wait().unwrap();
    // The store is open: no lock is in the way.
    let mut reader = Reader::open(directory.path()).unwrap();
    for number in 0..500_u32 {
        let read = reader.next().unwrap().unwrap();
        assert_eq!(read.sequence, u64::from(number) + 1);
        assert_eq!(read.sequence, reader.sequence());
        assert_eq!(read.operations.len(), 2);
        assert_eq!(read.operations[0].table, T.number());
        assert_eq!(read.operations[0].key, number.to_be_bytes());
        assert_eq!(read.operations[0].value.as_ref(), Some(&value(number)));
    }
    let last = reader.next().unwrap().unwrap();
    assert_eq!((&last.operations[0].key[..], &last.operations[0].value), (&b"last"[..], &None));
    assert!(reader.next().is_none());
    let (done, total) = reader.progress();
    assert!(done <= total && total >= 4 * (64 << 10), "{done} of {total}");
}

#[test]
fn a_reader_beside_a_busy_writer_sees_whole_transactions_only() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    write(&store, 0..10);
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            (0..150).for_each(|round| write(&store, round * 20..round * 20 + 20));
            ended.store(true, Ordering::Release);
        });
        let mut longest = 0;
        while !ended.load(Ordering::Acquire) {
            let durable = store.durable_sequence();
            let mut last = 0;
            for read in Reader::open(directory.path()).unwrap() {
                let read = read.unwrap();
                assert_eq!(read.sequence, last + 1);
                last = read.sequence;
            }
            assert!(last >= durable, "{last} read, {durable} was durable before");
            longest = longest.max(last);
        }
        assert!(longest > 10);
    });
}

#[test]
fn damage_is_an_error_and_the_end() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    write(&store, 0..500);
    store.close().unwrap();
    let path = directory.path().join("journal/00000002.seg");
    let mut bytes = fs::read(&path).unwrap();
    bytes[600] ^= 1;
    fs::write(&path, bytes).unwrap();
    let mut reader = Reader::open(directory.path()).unwrap();
    let error = reader.find_map(Result::err).unwrap();
    assert!(matches!(&error, StoreError::Damaged { .. }), "{error}");
    assert!(error.to_string().contains("00000002.seg, offset 512"), "{error}");
    assert!(reader.next().is_none());
}

#[test]
fn a_directory_without_a_journal_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    assert!(matches!(Reader::open(directory.path()), Err(StoreError::Io { .. })));
}
