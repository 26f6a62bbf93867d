//! Check, backup, restore, rebuild.

use crate::{T, expected, open, rows, small, write};
use marca_store::maintenance::{IndexCheck, backup, check, rebuild, restore};
use marca_store::{DiskStore, Store, StoreError, StoreExt};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use tempfile::TempDir;

fn quiet(_: u64, _: u64) {}

/// A closed store of the numbers `0..count`.
fn store(count: u32) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    write(&store, 0..count);
    store.close().unwrap();
    directory
}

fn segments(directory: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(directory.join("journal")).unwrap();
    let mut files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn a_sound_store_checks_right() {
    let directory = store(500);
    let mut progress = Vec::new();
    let report = check(directory.path(), &mut |done, total| progress.push((done, total))).unwrap();
    assert_eq!(report.sequence, 500);
    assert_eq!(report.index, IndexCheck::Right { keys: 501 });
    assert!(report.frames > 0 && report.bytes >= 4 * (64 << 10));
    assert!(progress.is_sorted() && progress.len() > 2, "{progress:?}");
    let (done, total) = progress.pop().unwrap();
    assert_eq!(done, total);
    assert!(!directory.path().join("index.check").exists());
    // The check left everything as it was.
    let (_, report) = DiskStore::open(directory.path(), &small()).unwrap();
    assert_eq!((report.replayed, report.index_rebuilt), (0, None));
}

#[test]
fn a_check_beside_a_service_reads_the_journal_only() {
    let directory = store(100);
    let service = open(directory.path());
    write(&service, 100..150);
    let report = check(directory.path(), &mut quiet).unwrap();
    assert_eq!((report.sequence, report.index), (150, IndexCheck::InUse));
    service.close().unwrap();
    fs::remove_file(directory.path().join("state")).unwrap();
    let report = check(directory.path(), &mut quiet).unwrap();
    assert_eq!(report.index, IndexCheck::NotTrusted);
}

#[test]
fn a_check_finds_any_damaged_frame() {
    let directory = store(300);
    for path in segments(directory.path()) {
        let whole = fs::read(&path).unwrap();
        let used = whole.iter().rposition(|byte| *byte != 0).unwrap();
        for place in (600..used).step_by(4999) {
            let mut bytes = whole.clone();
            bytes[place] ^= 1;
            fs::write(&path, &bytes).unwrap();
            match check(directory.path(), &mut quiet) {
                Err(StoreError::Damaged { .. }) => {}
                // Between two frames there are zeros that nobody reads.
                Ok(report) => {
                    assert_eq!((report.sequence, whole[place]), (300, 0), "{path:?} {place}");
                }
                Err(error) => panic!("{error}"),
            }
        }
        fs::write(&path, &whole).unwrap();
    }
    check(directory.path(), &mut quiet).unwrap();
}

/// Changes the last of the index's pages; see `store/src/index/pages.rs`.
fn change_last_page(directory: &Path, change: impl Fn(&mut Vec<u8>)) {
    let index = sled::open(directory.join("index")).unwrap();
    let (key, page) = index.get_lt(b"\x02").unwrap().unwrap();
    let mut page = page.to_vec();
    change(&mut page);
    index.insert(key, page).unwrap();
}

#[test]
fn a_check_finds_an_index_that_differs_and_a_rebuild_repairs_it() {
    type Change = fn(&mut Vec<u8>);
    let changes: [Change; 3] = [
        |page| *page.last_mut().unwrap() ^= 1,
        Vec::clear,
        |page| page.extend(b"\x05\0\x01\0\x09more\0"),
    ];
    for change in changes {
        let directory = store(100);
        change_last_page(directory.path(), change);
        let error = check(directory.path(), &mut quiet).unwrap_err();
        assert!(matches!(error, StoreError::Index { .. }), "{error}");
        // Found wrong once, it is trusted by nobody.
        let report = check(directory.path(), &mut quiet).unwrap();
        assert_eq!(report.index, IndexCheck::NotTrusted);
        let report = rebuild(directory.path(), &mut quiet).unwrap();
        assert_eq!((report.sequence, report.transactions), (100, 100));
        let report = check(directory.path(), &mut quiet).unwrap();
        assert_eq!(report.index, IndexCheck::Right { keys: 101 });
        let (store, report) = DiskStore::open(directory.path(), &small()).unwrap();
        assert_eq!((report.replayed, report.index_rebuilt), (0, None));
        assert_eq!(rows(&store), expected(100));
    }
}

#[test]
fn a_backup_restores_to_the_same_store() {
    let directory = store(500);
    let place = tempfile::tempdir().unwrap();
    let (copy, restored) = (place.path().join("backup"), place.path().join("restored"));
    let made = backup(directory.path(), &copy, &mut quiet).unwrap();
    assert_eq!((made.sequence, made.segments as usize), (500, segments(directory.path()).len()));
    assert_eq!(restore(&copy, &restored, &mut quiet).unwrap(), made);
    let checked = check(&restored, &mut quiet).unwrap();
    assert_eq!((checked.sequence, checked.hash), (500, made.hash));
    let store = open(&restored);
    assert_eq!(rows(&store), expected(500));
    // It goes on, in a new segment, and can be backed up again.
    write(&store, 500..700);
    store.close().unwrap();
    let again = backup(&restored, &place.path().join("again"), &mut quiet).unwrap();
    assert_eq!(again.sequence, 700);
}

#[test]
fn a_backup_beside_a_busy_service_is_a_whole_prefix() {
    let directory = store(50);
    let place = tempfile::tempdir().unwrap();
    let service = open(directory.path());
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            (0..100).for_each(|round| write(&service, 50 + round * 10..60 + round * 10));
            ended.store(true, Ordering::Release);
        });
        let mut number = 0;
        while !ended.load(Ordering::Acquire) {
            let durable = service.durable_sequence();
            let copy = place.path().join(format!("backup-{number}"));
            let restored = place.path().join(format!("restored-{number}"));
            number += 1;
            let made = backup(directory.path(), &copy, &mut quiet).unwrap();
            assert!(made.sequence >= durable);
            restore(&copy, &restored, &mut quiet).unwrap();
            let count = u32::try_from(made.sequence).unwrap();
            assert_eq!(rows(&open(&restored)), expected(count));
        }
        assert!(number > 0);
    });
}

#[test]
fn an_index_that_was_found_wrong_is_built_again_at_the_next_start() {
    let directory = store(100);
    change_last_page(directory.path(), |page| *page.last_mut().unwrap() ^= 1);
    check(directory.path(), &mut quiet).unwrap_err();
    let (store, report) = DiskStore::open(directory.path(), &small()).unwrap();
    assert!(report.index_rebuilt.is_some(), "{report:?}");
    assert_eq!(rows(&store), expected(100));
}

#[test]
fn no_backup_is_made_of_a_journal_that_lost_its_end() {
    let directory = store(500);
    let place = tempfile::tempdir().unwrap();
    fs::remove_file(segments(directory.path()).pop().unwrap()).unwrap();
    for error in [
        check(directory.path(), &mut quiet).unwrap_err(),
        backup(directory.path(), &place.path().join("copy"), &mut quiet).unwrap_err(),
    ] {
        assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
        assert!(error.to_string().contains("500 is not in it as it was written"), "{error}");
    }
    assert!(!place.path().join("copy/manifest").exists());
}

#[test]
fn copies_are_for_their_owner_alone() {
    let directory = store(300);
    let place = tempfile::tempdir().unwrap();
    let (copy, restored) = (place.path().join("copy"), place.path().join("restored"));
    backup(directory.path(), &copy, &mut quiet).unwrap();
    restore(&copy, &restored, &mut quiet).unwrap();
    let mut files = [segments(&copy), segments(&restored)].concat();
    assert!(files.len() > 4);
    files.extend([copy.join("manifest"), restored.join("state")]);
    for path in files {
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{path:?}");
    }
}

#[test]
fn a_damaged_backup_is_not_restored() {
    let directory = store(200);
    let place = tempfile::tempdir().unwrap();
    let copy = place.path().join("backup");
    backup(directory.path(), &copy, &mut quiet).unwrap();
    let mut files = segments(&copy);
    files.push(copy.join("manifest"));
    for (number, path) in files.iter().enumerate() {
        let whole = fs::read(path).unwrap();
        let mut bytes = whole.clone();
        bytes[whole.len() / 2] ^= 1;
        fs::write(path, &bytes).unwrap();
        let target = place.path().join(format!("restored-{number}"));
        let error = restore(&copy, &target, &mut quiet).unwrap_err();
        assert!(matches!(error, StoreError::Damaged { .. }), "{path:?}: {error}");
        // What was begun does not open as a shorter store.
        if target.join("state").exists() {
            assert!(DiskStore::open(&target, &small()).is_err(), "{path:?}");
        }
        fs::remove_file(path).unwrap();
        let target = place.path().join(format!("without-{number}"));
        assert!(restore(&copy, &target, &mut quiet).is_err(), "{path:?}");
        fs::write(path, whole).unwrap();
    }
    restore(&copy, &place.path().join("whole"), &mut quiet).unwrap();
}

#[test]
fn nothing_is_written_over() {
    let directory = store(20);
    let place = tempfile::tempdir().unwrap();
    let copy = place.path().join("backup");
    backup(directory.path(), &copy, &mut quiet).unwrap();
    assert!(matches!(backup(directory.path(), &copy, &mut quiet), Err(StoreError::Io { .. })));
    let refused = restore(&copy, directory.path(), &mut quiet).unwrap_err();
    assert!(refused.to_string().contains("not empty"), "{refused}");
    assert_eq!(rows(&open(directory.path())), expected(20));
}

#[test]
fn an_empty_store_is_backed_up_and_restored_too() {
    let place = tempfile::tempdir().unwrap();
    let (data, copy, restored) =
        (place.path().join("data"), place.path().join("copy"), place.path().join("restored"));
    open(&data).close().unwrap();
    assert_eq!(backup(&data, &copy, &mut quiet).unwrap().sequence, 0);
    restore(&copy, &restored, &mut quiet).unwrap();
    let store = open(&restored);
    write(&store, 0..5);
    assert_eq!(rows(&store), expected(5));
}

#[test]
fn what_needs_the_lock_asks_for_it() {
    let directory = store(20);
    let service = open(directory.path());
    let error = rebuild(directory.path(), &mut quiet).unwrap_err();
    assert!(matches!(error, StoreError::InUse { .. }), "{error}");
    let still = service.transact(|transaction| transaction.get(T, b"last"));
    assert!(still.wait().unwrap().is_some());
    let nowhere = directory.path().join("nowhere");
    for error in [
        check(&nowhere, &mut quiet).unwrap_err(),
        rebuild(&nowhere, &mut quiet).unwrap_err(),
        backup(&nowhere, &directory.path().join("to"), &mut quiet).unwrap_err(),
        restore(&nowhere, &directory.path().join("to"), &mut quiet).unwrap_err(),
    ] {
        assert!(matches!(&error, StoreError::Io { .. }), "{error}");
        assert!(!nowhere.exists());
    }
}
