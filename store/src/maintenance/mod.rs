//! What an operator does with a data directory: check, backup, restore, rebuild.
//!
//! [`check()`] and [`backup()`] work beside a running service, since they only read the journal.
//! The others take the lock of the directory, and refuse while a service holds it.

mod backup;
mod check;
mod manifest;
mod reached;
mod rebuild;
mod restore;

pub use backup::{BackupReport, backup};
pub use check::{CheckReport, IndexCheck, check};
pub use rebuild::{RebuildReport, rebuild};
pub use restore::restore;

use crate::StoreError;
use crate::disk_store::failed;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Is told how far the work is: bytes done and bytes in all.
pub type Progress<'a> = &'a mut dyn FnMut(u64, u64);

/// Refuses a directory in which there is something.
fn must_be_empty(directory: &Path) -> Result<(), StoreError> {
    let found = match fs::read_dir(directory) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => return Err(failed("cannot read", directory, &error)),
    };
    if found {
        let error = io::Error::new(io::ErrorKind::DirectoryNotEmpty, "it is not empty");
        return Err(failed("will not write into", directory, &error));
    }
    Ok(())
}

/// Refuses a directory that has no journal.
fn must_be_store(directory: &Path) -> Result<(), StoreError> {
    let journal = directory.join(crate::journal::segment::DIRECTORY);
    fs::metadata(&journal).map(drop).map_err(|error| failed("no store in", directory, &error))
}

/// Creates a file that must not exist, for its owner alone as all files of a store.
fn create_file(path: &Path) -> Result<File, StoreError> {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    made.map_err(|error| failed("cannot create", path, &error))
}
