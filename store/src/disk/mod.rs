//! What the journal needs of a file system, and nothing more.
//!
//! Two implementations: [`RealDisk`] on a directory, and [`MemoryDisk`], which models what a page
//! cache does to un-synced bytes at a power cut and injects the faults that tests need. Names are
//! relative to the disk's root (`journal/00000001.seg`); the rest of the crate never sees a path
//! except to name it in an error.

mod memory;
mod real;
#[cfg(test)]
mod tests;

pub use memory::{Loss, MemoryDisk};
pub use real::RealDisk;

use crate::StoreError;
use std::fmt::Debug;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// The unit that a disk writes whole or not at all. Frames are aligned to it.
pub const SECTOR: u64 = 512;

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reading only.
    Read,
    /// Reading and writing.
    Write,
}

/// A directory of files.
pub trait Disk: Send + Sync + Debug {
    /// Creates a file that must not exist, for reading and writing.
    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>>;

    /// Opens a file that exists.
    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn DiskFile>>;

    /// The names of the files of a directory, without the directory's, sorted.
    fn list(&self, directory: &str) -> io::Result<Vec<String>>;

    /// Creates a directory and its parents; nothing happens when it exists.
    fn create_directory(&self, name: &str) -> io::Result<()>;

    /// Gives a file another name, replacing what had that name. Durable after
    /// [`Disk::sync_directory`].
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file. Durable after [`Disk::sync_directory`].
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes the names of a directory durable. Needs no file descriptor after the first time.
    fn sync_directory(&self, name: &str) -> io::Result<()>;

    /// Bytes that this process may still write.
    fn free_bytes(&self) -> io::Result<u64>;

    /// The path of a file, for messages.
    fn place(&self, name: &str) -> PathBuf;
}

/// An open file. Offsets are bytes from its start.
pub trait DiskFile: Send + Sync + Debug {
    /// The length in bytes.
    fn length(&self) -> io::Result<u64>;

    /// Fills `buffer` as far as the file reaches; the number of bytes read.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes all of `bytes`. After an error any part of them may have been written.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Makes what was written durable, and the length with it.
    fn sync_data(&self) -> io::Result<()>;
}

/// Writes real zeros, not a hole: a later write inside them changes no metadata, which halves the
/// cost of its sync.
pub(crate) fn fill_with_zeros(file: &dyn DiskFile, from: u64, to: u64) -> io::Result<()> {
    const CHUNK: u64 = 1 << 20;
    let zeros = vec![0; usize::try_from(CHUNK.min(to.saturating_sub(from))).unwrap_or(0)];
    let mut at = from;
    while at < to {
        let length = CHUNK.min(to - at);
        file.write_at(&zeros[..usize::try_from(length).unwrap_or(zeros.len())], at)?;
        at += length;
    }
    Ok(())
}

/// Reads a whole small file.
pub(crate) fn read_all(file: &dyn DiskFile) -> io::Result<Vec<u8>> {
    let length = usize::try_from(file.length()?).map_err(io::Error::other)?;
    let mut bytes = vec![0; length];
    let read = file.read_at(&mut bytes, 0)?;
    bytes.truncate(read);
    Ok(bytes)
}

/// Replaces a small file in one step: after a power cut the old or the new content is there.
pub(crate) fn replace(
    disk: &dyn Disk,
    directory: &str,
    name: &str,
    content: &[u8],
) -> Result<(), StoreError> {
    try_replace(disk, directory, name, content)
        .map_err(|error| failed("cannot write", disk, name, &error))
}

/// As [`replace()`], for callers that have to know what kind of an error it is.
pub(crate) fn try_replace(
    disk: &dyn Disk,
    directory: &str,
    name: &str,
    content: &[u8],
) -> io::Result<()> {
    let temporary = format!("{name}.new");
    match disk.remove(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let file = disk.create(&temporary)?;
    file.write_at(content, 0)?;
    file.sync_data()?;
    disk.rename(&temporary, name)?;
    disk.sync_directory(directory)
}

/// An error of the operating system on a file of this disk.
pub(crate) fn failed(
    action: &'static str,
    disk: &dyn Disk,
    name: &str,
    error: &io::Error,
) -> StoreError {
    StoreError::Io { action, path: disk.place(name), reason: error.to_string() }
}

/// Whether the operating system says that there is no space (or no quota) left.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Whether the operating system says that no more files can be opened now.
pub(crate) fn is_out_of_files(error: &io::Error) -> bool {
    let errno = rustix::io::Errno::from_io_error(error);
    matches!(errno, Some(rustix::io::Errno::MFILE | rustix::io::Errno::NFILE))
}
