//! Making a data directory from a backup.

use super::backup::BackupReport;
use super::manifest::{Manifest, SegmentEntry};
use super::{Progress, create_file, must_be_empty};
use crate::StoreError;
use crate::disk::{Disk, RealDisk};
use crate::disk_store::{create, failed};
use crate::engine::marker::{Marker, State};
use crate::journal::segment::{self, DIRECTORY};
use crate::journal::{Reached, Reader};
use crate::lock::DirectoryLock;
use openssl::sha::Sha256;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

/// Copies the backup in `from` into `directory`, which must be empty or not there. The files are
/// compared with the manifest and the whole chain is verified. The index is built when the store
/// is opened. A directory that was not restored to the end does not open.
pub fn restore(
    from: &Path,
    directory: &Path,
    progress: Progress<'_>,
) -> Result<BackupReport, StoreError> {
    let manifest = Manifest::read(&RealDisk::new(from))?;
    must_be_empty(directory)?;
    create(directory)?;
    let _lock = DirectoryLock::take(directory)?;
    create(&directory.join(DIRECTORY))?;
    let disk = RealDisk::new(directory);
    if manifest.sequence > 0 {
        // Before anything else, so that half a restore is never taken for a shorter journal.
        let reached = Reached { sequence: manifest.sequence, hash: manifest.hash };
        Marker { state: State::Unknown, reached: Some(reached) }.write(&disk)?;
    }
    let report = BackupReport::from(&manifest);
    let mut done = 0;
    for entry in &manifest.segments {
        let name = segment::name(entry.number);
        copy(&from.join(&name), &directory.join(&name), entry)?;
        done += entry.bytes;
        progress(done, report.bytes * 2);
    }
    disk.sync_directory(DIRECTORY).map_err(|error| failed("cannot sync", directory, &error))?;
    let mut reader = Reader::open(directory)?;
    while reader.next_frame(&mut |_| Ok(()))? {
        progress(report.bytes + reader.progress().0, report.bytes * 2);
    }
    if (reader.sequence(), reader.hash()) != (manifest.sequence, manifest.hash) {
        return Err(StoreError::Damaged {
            place: from.display().to_string(),
            what: format!(
                "a backup that ends with transaction {}, and not with {} of its manifest",
                reader.sequence(),
                manifest.sequence
            ),
        });
    }
    progress(report.bytes * 2, report.bytes * 2);
    Ok(report)
}

fn copy(from: &Path, to: &Path, entry: &SegmentEntry) -> Result<(), StoreError> {
    let mut source = File::open(from).map_err(|error| failed("cannot open", from, &error))?;
    let mut target = create_file(to)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    let mut bytes = 0;
    loop {
        let read = match source.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(failed("cannot read", from, &error)),
        };
        hash.update(&buffer[..read]);
        bytes += read as u64;
        target.write_all(&buffer[..read]).map_err(|error| failed("cannot write", to, &error))?;
    }
    target.sync_all().map_err(|error| failed("cannot sync", to, &error))?;
    if (bytes, hash.finish()) != (entry.bytes, entry.sha256) {
        return Err(StoreError::Damaged {
            place: from.display().to_string(),
            what: "a file that is not the one in the manifest".to_owned(),
        });
    }
    Ok(())
}
