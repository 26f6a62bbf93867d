//! Free space where the data lie.

use std::path::{Path, PathBuf};

/// The disk of the data directory.
pub(crate) struct Disk {
    directory: PathBuf,
    min_free: u64,
}

impl Disk {
    /// Asks for `min_free` bytes in `directory`.
    pub(crate) fn new(directory: PathBuf, min_free: u64) -> Self {
        Self { directory, min_free }
    }

    /// The data directory.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Bytes that the service can still write, if the system tells.
    pub(crate) fn free(&self) -> Option<u64> {
        let statistics = rustix::fs::statvfs(&self.directory).ok()?;
        Some(statistics.f_bavail.saturating_mul(statistics.f_frsize))
    }

    /// Whether there is as much as was asked for.
    pub(crate) fn check(&self) -> Result<(), String> {
        match self.free() {
            None => Err("the free space of the data directory cannot be told".to_owned()),
            Some(free) if free < self.min_free => Err(format!(
                "{} MiB free, {} MiB wanted (data.min_free_mib)",
                free >> 20,
                self.min_free >> 20
            )),
            Some(_) => Ok(()),
        }
    }
}
