//! The pepper file: keys outside the store, which what holders know is hashed and sealed under.
//!
//! It lies beside the administration token, is made at the first start, and is never in a backup
//! of the store: who steals one of the two has nothing. Without it no holder can log in or sign,
//! so that a store with holders and no pepper does not start.

use crate::random::SystemRandom;
use accounts::holders::{BadPepper, Pepper};
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Why there is no pepper.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PepperError {
    /// The file cannot be read or written.
    #[error("pepper file {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// The operating system's words.
        source: std::io::Error,
    },
    /// Others can read the file.
    #[error("pepper file {path}: others can read it (mode {mode:03o}); `chmod 600 {path}`")]
    Open {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The text is not a pepper.
    #[error("pepper file {path}: {source}; put the copy of it back")]
    Bad {
        /// The file.
        path: PathBuf,
        /// Which line, and how it should be.
        source: BadPepper,
    },
    /// There are holders and no file.
    #[error(
        "pepper file {path}: it is missing, and this store has holders whose passwords and keys \
         are under it; put the copy of it back (it is never part of a backup of the store)"
    )]
    Missing {
        /// The file.
        path: PathBuf,
    },
}

/// Reads the pepper in `path`, or makes one there when `new` says that nothing is under one yet.
pub(super) fn load_or_create(
    path: &Path,
    new: bool,
    random: SystemRandom,
) -> Result<Pepper, PepperError> {
    let fault = |source| PepperError::File { path: path.to_owned(), source };
    let text = match std::fs::metadata(path) {
        Ok(metadata) => {
            let mode = metadata.permissions().mode() & 0o777;
            if mode & 0o077 != 0 {
                return Err(PepperError::Open { path: path.to_owned(), mode });
            }
            Zeroizing::new(std::fs::read_to_string(path).map_err(fault)?)
        }
        Err(error) if error.kind() == ErrorKind::NotFound && new => {
            create(path, random).map_err(fault)?
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(PepperError::Missing { path: path.to_owned() });
        }
        Err(error) => return Err(fault(error)),
    };
    Pepper::parse(&text).map_err(|source| PepperError::Bad { path: path.to_owned(), source })
}

/// Writes a new pepper where none is, and into the directory: what is put under it next must not
/// outlive it.
fn create(path: &Path, random: SystemRandom) -> std::io::Result<Zeroizing<String>> {
    let text = Pepper::generate(&mut random.generator());
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    if let Some(directory) = path.parent() {
        std::fs::File::open(directory)?.sync_all()?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::{PepperError, load_or_create};
    use crate::random::SystemRandom;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_pepper_is_made_once_and_only_its_owner_reads_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pepper");
        let made = load_or_create(&path, true, SystemRandom).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        // From now on there are holders.
        let read = load_or_create(&path, false, SystemRandom).unwrap();
        assert_eq!(made.mac("a", &[b"b"]).unwrap(), read.mac("a", &[b"b"]).unwrap());
    }

    #[test]
    fn a_store_with_holders_does_not_get_another_pepper() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pepper");
        let error = load_or_create(&path, false, SystemRandom).unwrap_err();
        assert!(matches!(error, PepperError::Missing { .. }), "{error}");
        assert!(!path.exists());
    }

    #[test]
    fn an_open_or_broken_file_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pepper");
        std::fs::write(&path, "1 secret\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let error = load_or_create(&path, true, SystemRandom).unwrap_err();
        assert!(matches!(error, PepperError::Open { mode: 0o640, .. }), "{error}");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        let error = load_or_create(&path, true, SystemRandom).unwrap_err();
        assert!(matches!(error, PepperError::Bad { .. }), "{error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}
