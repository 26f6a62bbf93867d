//! Secrets of relays and gateways: read from files that nobody else can read.

use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The longest file that makes sense.
const LONGEST: u64 = 4096;

/// Why a secret cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{key}: {path}: {reason}")]
pub(crate) struct SecretError {
    /// The key of the configuration that names the file.
    pub(crate) key: String,
    /// The file.
    pub(crate) path: PathBuf,
    /// What is wrong, and what to do.
    pub(crate) reason: String,
}

/// The lines of a secret file that are not empty: the first is used, and what is signed with any
/// of them is accepted, so that a secret can be replaced without a gap.
pub(crate) fn read(key: &str, path: &Path) -> Result<Vec<Zeroizing<String>>, SecretError> {
    let fault = |reason: String| SecretError { key: key.to_owned(), path: path.to_owned(), reason };
    let file = std::fs::File::open(path).map_err(|error| fault(error.to_string()))?;
    let metadata = file.metadata().map_err(|error| fault(error.to_string()))?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(fault(format!("mode {mode:03o} lets others read it; do `chmod 600` on it")));
    }
    let mut text = Zeroizing::new(String::new());
    let mut file = file.take(LONGEST);
    file.read_to_string(&mut text).map_err(|error| fault(error.to_string()))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let lines: Vec<_> = lines.map(|line| Zeroizing::new(line.to_owned())).collect();
    if lines.is_empty() {
        return Err(fault("there is nothing in it".to_owned()));
    }
    Ok(lines)
}

/// The first line of a secret file.
pub(crate) fn read_line(key: &str, path: &Path) -> Result<Zeroizing<String>, SecretError> {
    // `read` gives one line or more.
    Ok(read(key, path)?.swap_remove(0))
}
