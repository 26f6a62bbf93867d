//! Damage in the files of the index: found, or harmless; never a wrong value, and never the end
//! of the process.

use crate::{expected, open, small, write};
use marca_store::maintenance::rebuild;
use marca_store::{DiskStore, Order, Store};
use std::fs;
use std::ops::Bound::Unbounded;
use std::path::{Path, PathBuf};

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, target).unwrap();
        }
    }
}

#[test]
fn a_flipped_byte_of_the_index_never_gives_a_wrong_value() {
    let original = tempfile::tempdir().unwrap();
    let store = open(original.path());
    write(&store, 0..200);
    store.close().unwrap();
    let (mut rebuilt, mut refused, mut right) = (0, 0, 0);
    for path in files(&original.path().join("index")) {
        let whole = fs::read(&path).unwrap();
        let used = whole.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        let step = (used / 25).max(1);
        for place in (0..used).step_by(step) {
            let directory = tempfile::tempdir().unwrap();
            copy(original.path(), directory.path());
            let mut bytes = whole.clone();
            bytes[place] ^= 1 << (place % 8);
            let damaged = directory.path().join(path.strip_prefix(original.path()).unwrap());
            fs::write(damaged, bytes).unwrap();
            let case = format!("{path:?} byte {place}");
            let (store, report) = DiskStore::open(directory.path(), &small()).unwrap();
            rebuilt += u32::from(report.index_rebuilt.is_some());
            match store.scan(crate::T, Unbounded, Unbounded, Order::Ascending, usize::MAX) {
                Ok(rows) => {
                    assert_eq!(rows, expected(200), "{case}");
                    right += 1;
                }
                Err(_) => {
                    drop(store);
                    rebuild(directory.path(), &mut |_, _| {}).unwrap();
                    assert_eq!(crate::rows(&open(directory.path())), expected(200), "{case}");
                    refused += 1;
                }
            }
        }
    }
    assert!(rebuilt > 0, "{rebuilt} rebuilt, {right} right, {refused} refused");
}
