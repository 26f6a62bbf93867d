//! The token of the administration API: 256 random bits in a file that only its owner can read.

use crate::random::SystemRandom;
use rand::Rng;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AdminTokenError {
    /// The file cannot be read or written.
    #[error("admin token {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// The operating system's words.
        source: std::io::Error,
    },
    /// Others can read the file.
    #[error(
        "admin token {path}: others can read it (mode {mode:03o}); `chmod 600 {path}`, and if it \
         may be known, delete it: the next start makes a new one"
    )]
    Open {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file holds less than a token.
    #[error(
        "admin token {path}: shorter than 32 characters; delete it, and the next start makes a \
         new one"
    )]
    Short {
        /// The file.
        path: PathBuf,
    },
}

/// The token, kept as its SHA-256.
pub(crate) struct AdminToken([u8; 32]);

impl AdminToken {
    /// Reads the token in `path`, or makes one there.
    pub(crate) fn load_or_create(
        path: &Path,
        random: SystemRandom,
    ) -> Result<Self, AdminTokenError> {
        let fault = |source| AdminTokenError::File { path: path.to_owned(), source };
        match std::fs::metadata(path) {
            Ok(metadata) => {
                let mode = metadata.permissions().mode() & 0o777;
                if mode & 0o077 != 0 {
                    return Err(AdminTokenError::Open { path: path.to_owned(), mode });
                }
                let text = zeroize::Zeroizing::new(std::fs::read_to_string(path).map_err(fault)?);
                if text.trim().len() < 32 {
                    return Err(AdminTokenError::Short { path: path.to_owned() });
                }
                Ok(Self::of(text.trim()))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Self::create(path, random).map_err(fault)
            }
            Err(error) => Err(fault(error)),
        }
    }

    fn create(path: &Path, random: SystemRandom) -> std::io::Result<Self> {
        let mut bits = [0; 32];
        random.generator().fill_bytes(&mut bits);
        let text = zeroize::Zeroizing::new(hex::encode(bits));
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(text.as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        Ok(Self::of(&text))
    }

    fn of(text: &str) -> Self {
        Self(openssl::sha::sha256(text.as_bytes()))
    }

    /// Whether `sent` is the token. Hashes are compared, in constant time.
    pub(crate) fn is(&self, sent: &str) -> bool {
        openssl::memcmp::eq(&openssl::sha::sha256(sent.as_bytes()), &self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{AdminToken, AdminTokenError};
    use crate::random::SystemRandom;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_token_is_made_once_and_only_its_owner_reads_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("admin-token");
        let made = AdminToken::load_or_create(&path, SystemRandom).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.trim().len(), 64);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let read = AdminToken::load_or_create(&path, SystemRandom).unwrap();
        for token in [made, read] {
            assert!(token.is(text.trim()));
            assert!(!token.is(""));
            assert!(!token.is(&text.trim()[1..]));
        }
    }

    #[test]
    fn an_open_or_short_token_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("admin-token");
        std::fs::write(&path, "x".repeat(64)).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let error = AdminToken::load_or_create(&path, SystemRandom).err().unwrap();
        assert!(matches!(error, AdminTokenError::Open { mode: 0o644, .. }), "{error}");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::write(&path, "short").unwrap();
        let error = AdminToken::load_or_create(&path, SystemRandom).err().unwrap();
        assert!(matches!(error, AdminTokenError::Short { .. }), "{error}");
    }
}
