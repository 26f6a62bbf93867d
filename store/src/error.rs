//! What can go wrong below a transaction, typed by what the caller has to do about it.

use std::path::PathBuf;

/// A fault of the store. Domain refusals are not errors of the store: a job keeps them itself.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The queue of the writer is full: try again later. Nothing was done.
    #[error("the store's queue is full; nothing was done, try again later")]
    Busy,
    /// No space, or too many open files, for another journal segment. Reads go on; writes work
    /// again when there is what it lacks.
    #[error(
        "no room for the journal in {directory}: {reason}; free space (or what else it \
         lacks), then writing goes on by itself"
    )]
    Full {
        /// The directory that has no space.
        directory: PathBuf,
        /// The operating system's words.
        reason: String,
    },
    /// A write or a sync failed. What the disk holds is unknown: the process has to be restarted.
    #[error(
        "the store is stopped after a disk error ({reason}); nothing more is written: \
         check the disk, then restart"
    )]
    Poisoned {
        /// The operating system's words.
        reason: String,
    },
    /// The store is shutting down, or its writer has ended.
    #[error("the store is closed")]
    Closed,
    /// Another process holds the data directory.
    #[error(
        "the data directory {directory} is in use by process {holder}; stop that process, \
         or use another directory"
    )]
    InUse {
        /// The data directory.
        directory: PathBuf,
        /// The process id written in the lock file, or `unknown`.
        holder: String,
    },
    /// The data do not add up: damage in the middle of the journal, or a record that does not
    /// read.
    #[error(
        "damage in {place}: {what}; restore from a backup (`marca store restore`), or ask \
         for help before anything is deleted"
    )]
    Damaged {
        /// File and offset.
        place: String,
        /// What was found there.
        what: String,
    },
    /// The index cannot be read or written. It holds nothing that the journal does not hold.
    #[error(
        "the index failed ({reason}); restart, and if that does not help delete it: `marca \
         store rebuild`"
    )]
    Index {
        /// The index's words.
        reason: String,
    },
    /// A transaction writes more than fits into a segment of the journal; it was not done.
    #[error(
        "the transaction has {bytes} bytes, and the store takes {limit}; split it, or \
         raise the length of a segment"
    )]
    TooLarge {
        /// What it would have written (or the length of a key).
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The job panicked; nothing of it was written. This is an error in its code.
    #[error(
        "the transaction ended with a panic and was not done: {message}; this is a bug, \
         please report it"
    )]
    Panicked {
        /// What the panic said.
        message: String,
    },
    /// The operating system refused something before any state was in doubt.
    #[error("{action} {path}: {reason}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// The operating system's words.
        reason: String,
    },
}
