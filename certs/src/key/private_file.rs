//! Reading a file that is for its owner alone: a private key, or the PIN of a device.

use rustix::fs::OFlags;
use std::fs::{Metadata, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use zeroize::Zeroizing;

/// What kind of private file it is.
#[derive(Clone, Copy)]
pub(super) struct Expected {
    /// What is in it: `key` or `PIN`.
    pub(super) what: &'static str,
    /// The largest file that can be one, in octets.
    pub(super) limit: u64,
    /// What to do when there is none.
    pub(super) missing: &'static str,
}

/// The content, wiped when dropped, and which state of the file it is.
pub(super) struct PrivateFile {
    pub(super) content: Zeroizing<Vec<u8>>,
    pub(super) version: Version,
}

/// Differs when the file has been written or replaced in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Version {
    device: u64,
    inode: u64,
    length: u64,
    changed: (i64, i64),
}

/// Reads the file after looking at the very file that is open, not at its name.
///
/// # Errors
/// What is wrong and what to do, without the path.
pub(super) fn read(path: &Path, expected: Expected) -> Result<PrivateFile, String> {
    // O_NONBLOCK: opening a pipe must not wait for somebody to write into it.
    let nonblocking = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    let file =
        OpenOptions::new().read(true).custom_flags(nonblocking).open(path).map_err(|error| {
            match error.kind() {
                ErrorKind::NotFound => format!("there is no such file: {}", expected.missing),
                ErrorKind::PermissionDenied => {
                    "permission denied: the service's user must own the file".to_owned()
                }
                _ => format!("cannot be opened: {error}"),
            }
        })?;
    let metadata = file.metadata().map_err(|error| format!("cannot be examined: {error}"))?;
    inspect(path, &metadata, expected)?;
    // One allocation of the largest size: growing would leave copies behind.
    let capacity = usize::try_from(expected.limit).unwrap_or_default() + 1;
    let mut content = Zeroizing::new(Vec::with_capacity(capacity));
    file.take(expected.limit)
        .read_to_end(&mut content)
        .map_err(|error| format!("cannot be read: {error}"))?;
    let version = Version {
        device: metadata.dev(),
        inode: metadata.ino(),
        length: metadata.len(),
        changed: (metadata.ctime(), metadata.ctime_nsec()),
    };
    Ok(PrivateFile { content, version })
}

fn inspect(path: &Path, metadata: &Metadata, expected: Expected) -> Result<(), String> {
    let what = expected.what;
    if !metadata.is_file() {
        return Err(format!("is not a regular file: a {what} must be a plain file"));
    }
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(format!(
            "mode {mode:04o} lets others than its owner at it: run `chmod 600 {}`, \
             and replace the {what} if somebody may have read it",
            path.display()
        ));
    }
    if metadata.len() > expected.limit {
        return Err(format!("{} bytes are too many for a {what} file", metadata.len()));
    }
    Ok(())
}
