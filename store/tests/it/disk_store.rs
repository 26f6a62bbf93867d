//! A data directory: opening, closing, reopening, sharing.

use marca_store::{DiskStore, Settings, Store, StoreError, StoreExt, Table};

const T: Table = Table::new(1, "t");

#[test]
fn what_was_written_is_there_after_reopening() {
    let directory = tempfile::tempdir().unwrap();
    let settings = Settings { segment_bytes: 1 << 20, ..Settings::default() };
    let (store, report) = DiskStore::open(directory.path(), &settings).unwrap();
    assert_eq!(report.sequence, 0);
    for number in 0..1000_u32 {
        let value = vec![number as u8; 700];
        let write = store.transact(move |t| {
            t.put(T, &number.to_be_bytes(), &value);
            t.put(T, b"last", &number.to_be_bytes());
            Ok(())
        });
        if number % 10 == 9 {
            write.wait().unwrap();
        }
    }
    store.close().unwrap();
    assert!(matches!(store.get(T, b"last"), Err(StoreError::Closed)));
    let (store, report) = DiskStore::open(directory.path(), &settings).unwrap();
    assert_eq!((report.sequence, report.replayed), (1000, 0));
    assert_eq!(report.index_rebuilt, None);
    assert_eq!(store.get(T, b"last").unwrap().unwrap(), 999_u32.to_be_bytes());
    assert_eq!(store.get(T, &7_u32.to_be_bytes()).unwrap().unwrap(), vec![7; 700]);
}

#[test]
fn a_directory_has_one_holder() {
    let directory = tempfile::tempdir().unwrap();
    let settings = Settings { segment_bytes: 1 << 20, ..Settings::default() };
    let (store, _) = DiskStore::open(directory.path(), &settings).unwrap();
    let refused = DiskStore::open(directory.path(), &settings).unwrap_err();
    let expected = std::process::id().to_string();
    assert!(
        matches!(&refused, StoreError::InUse { holder, .. } if *holder == expected),
        "{refused}"
    );
    store.close().unwrap();
    assert!(DiskStore::open(directory.path(), &settings).is_ok());
}
