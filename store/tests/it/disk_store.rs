//! A data directory: opening, closing, reopening, sharing.

use crate::{T, expected, open, rows, small, write};
use marca_store::conformance::Fixture;
use marca_store::{DiskStore, Settings, Store, StoreError, StoreExt};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use tempfile::TempDir;

struct Directory(TempDir);

impl Fixture for Directory {
    fn open(&mut self, queue: usize) -> Arc<dyn Store> {
        let settings = Settings { queue, segment_bytes: 1 << 20, ..small() };
        Arc::new(DiskStore::open(self.0.path(), &settings).unwrap().0)
    }
}

mod suite {
    //! The suite that every store passes.
    marca_store::conformance_suite!(super::Directory(tempfile::tempdir().unwrap()));
}

#[test]
fn what_was_written_is_there_after_reopening() {
    let directory = tempfile::tempdir().unwrap();
    let (store, report) = DiskStore::open(directory.path(), &small()).unwrap();
    assert_eq!((report.sequence, report.index_rebuilt), (0, None));
    write(&store, 0..1000);
    assert_eq!(store.durable_sequence(), 1000);
    let statistics = store.statistics();
    assert_eq!((statistics.transactions, statistics.jobs), (1000, 1000));
    assert!(statistics.groups <= 1000 && statistics.journal_bytes > 400_000);
    store.close().unwrap();
    assert!(matches!(store.get(T, b"last"), Err(StoreError::Closed)));
    let (store, report) = DiskStore::open(directory.path(), &small()).unwrap();
    assert_eq!((report.sequence, report.replayed), (1000, 0));
    assert_eq!((report.index_rebuilt, report.torn_tail), (None, None));
    assert_eq!(rows(&store), expected(1000));
}

#[test]
fn a_directory_has_one_holder() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let refused = DiskStore::open(directory.path(), &small()).unwrap_err();
    let expected = std::process::id().to_string();
    assert!(
        matches!(&refused, StoreError::InUse { holder, .. } if *holder == expected),
        "{refused}"
    );
    store.close().unwrap();
    drop(open(directory.path()));
    // A store that is dropped lets go as well.
    drop(open(directory.path()));
}

#[test]
fn files_are_for_their_owner_alone() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let store = open(&data);
    write(&store, 0..10);
    for name in ["", "journal"] {
        let mode = fs::metadata(data.join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{name}");
    }
    for name in ["lock", "state", "reserve", "journal/00000001.seg"] {
        let mode = fs::metadata(data.join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

/// The state file of a machine that was booted again without a clean close.
fn pretend_power_cut(directory: &std::path::Path) {
    fs::remove_file(directory.join("state")).unwrap();
}

#[test]
fn after_a_power_cut_the_index_is_built_from_the_journal() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    write(&store, 0..300);
    store.close().unwrap();
    pretend_power_cut(directory.path());
    // Whatever is in the index now is not looked at.
    fs::write(directory.path().join("index/db"), b"garbage").unwrap();
    let (store, report) = DiskStore::open(directory.path(), &small()).unwrap();
    assert!(report.index_rebuilt.is_some());
    assert_eq!(report.replayed, 300);
    assert_eq!(rows(&store), expected(300));
}

#[test]
fn only_the_newest_segments_are_verified_at_the_start() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    write(&store, 0..1000);
    store.close().unwrap();
    let verify = |bytes| {
        let settings = Settings { verify_at_start_bytes: bytes, ..small() };
        let (store, report) = DiskStore::open(directory.path(), &settings).unwrap();
        assert_eq!(rows(&store), expected(1000));
        report.verified_bytes
    };
    let (all, some) = (verify(1 << 30), verify(100_000));
    assert!(all > 400_000, "{all}");
    assert!((40_000..200_000).contains(&some), "{some}");
}

#[test]
fn a_store_that_cannot_be_made_says_where_and_why() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, b"").unwrap();
    let error = DiskStore::open(&file, &small()).unwrap_err();
    assert!(matches!(&error, StoreError::Io { .. }), "{error}");
    assert!(error.to_string().contains("file"), "{error}");
    fs::create_dir(directory.path().join("index")).unwrap();
    fs::write(directory.path().join("journal"), b"").unwrap();
    let error = DiskStore::open(directory.path(), &small()).unwrap_err();
    assert!(error.to_string().contains("journal"), "{error}");
}

#[test]
fn concurrent_callers_share_syncs() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let before = store.statistics();
    write(&store, 0..2000);
    let after = store.statistics();
    assert!(after.groups - before.groups < 1000, "{after:?}");
    // One caller alone has one sync for each.
    for number in 0..20 {
        let add = store.transact(move |transaction| {
            transaction.put(T, &[number], b"");
            Ok(())
        });
        add.wait().unwrap();
    }
    assert_eq!(store.statistics().groups - after.groups, 20);
}
