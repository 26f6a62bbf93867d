//! The file back end: one PKCS#8 PEM file (RFC 5958, RFC 7468) per key, for its owner alone.
//!
//! A key file appears whole and durable or not at all, is never overwritten, and is not read when
//! anybody but its owner could have read it too.

use super::{KeyBackend, KeyError, KeyKind, SigningKey, SoftwareKey};
use crate::pem;
use openssl::pkey::PKey;
use rustix::fs::OFlags;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

/// An RSA-4096 key takes 3.3 kB; nothing that is longer than this is a key file.
const LARGEST_KEY_FILE: u64 = 64 * 1024;

/// Keys in a directory, each in `LABEL.key`.
#[derive(Debug)]
pub struct FileBackend {
    directory: PathBuf,
}

impl FileBackend {
    /// Keys in `directory`, which must exist when the first key is made.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into() }
    }

    fn path(&self, label: &str) -> Result<PathBuf, KeyError> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if label.is_empty() || label.len() > 64 || !label.chars().all(allowed) {
            return Err(KeyError::Label { label: label.to_owned() });
        }
        Ok(self.directory.join(format!("{label}.key")))
    }
}

impl KeyBackend for FileBackend {
    fn generate(&self, label: &str, kind: KeyKind) -> Result<Arc<dyn SigningKey>, KeyError> {
        let path = self.path(label)?;
        if self.contains(label)? {
            return Err(taken(&path));
        }
        let key = SoftwareKey::generate(label, kind)?;
        let text = Zeroizing::new(pem::encode("PRIVATE KEY", &key.to_pkcs8()?));
        create_private(&self.directory, &path, text.as_bytes())?;
        Ok(Arc::new(key))
    }

    fn open(&self, label: &str) -> Result<Arc<dyn SigningKey>, KeyError> {
        let path = self.path(label)?;
        let text = read_private(&path)?;
        let der = private_key_block(&path, &text)?;
        let private = PKey::private_key_from_pkcs8(&der).map_err(|error| {
            refused(&path, format!("its PKCS#8 content is damaged ({error}); restore a backup"))
        })?;
        match SoftwareKey::new(label, private) {
            Ok(key) => Ok(Arc::new(key)),
            Err(KeyError::Unsupported { what }) => {
                Err(KeyError::Unsupported { what: format!("key file {}: {what}", path.display()) })
            }
            Err(other) => Err(other),
        }
    }

    fn contains(&self, label: &str) -> Result<bool, KeyError> {
        let path = self.path(label)?;
        match fs::symlink_metadata(&path) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(refused(&path, error.to_string())),
        }
    }

    /// The file is removed, not overwritten first: on a journalling file system or a flash disk the
    /// new octets go elsewhere, and the old ones stay until their place is needed. Who must be sure
    /// keeps keys in a device, or on an encrypted disk.
    fn destroy(&self, label: &str) -> Result<(), KeyError> {
        let path = self.path(label)?;
        let lock = lock_directory(&self.directory, &path)?;
        // What an interrupted creation left behind holds a key too.
        remove_if_there(&path.with_extension("key.new"))
            .and_then(|()| fs::remove_file(&path))
            .and_then(|()| lock.sync_all())
            .map_err(|error| match error.kind() {
                ErrorKind::NotFound => refused(&path, "there is no such file: nothing to destroy"),
                _ => refused(&path, format!("cannot be removed: {error}")),
            })
    }
}

/// While the directory is locked, a file left by a creation that was interrupted is nobody's.
fn lock_directory(directory: &Path, path: &Path) -> Result<File, KeyError> {
    let lock = File::open(directory).map_err(|error| match error.kind() {
        ErrorKind::NotFound => refused(path, "its directory does not exist: create it first"),
        _ => refused(path, format!("its directory cannot be opened: {error}")),
    })?;
    lock.lock()
        .map_err(|error| refused(path, format!("its directory cannot be locked: {error}")))?;
    Ok(lock)
}

/// Writes a new file that only its owner can read: whole and durable, or not at all.
fn create_private(directory: &Path, path: &Path, content: &[u8]) -> Result<(), KeyError> {
    let lock = lock_directory(directory, path)?;
    let temporary = path.with_extension("key.new");
    let written = remove_if_there(&temporary)
        .and_then(|()| write_durably(&temporary, content))
        // A link, unlike a rename, fails when the name is taken: a key is never replaced.
        .and_then(|()| fs::hard_link(&temporary, path));
    let removed = remove_if_there(&temporary);
    written.and(removed).and_then(|()| lock.sync_all()).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => taken(path),
        _ => refused(path, format!("cannot be written: {error}")),
    })
}

fn write_durably(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Reads a key file after looking at the very file that is open, not at its name.
fn read_private(path: &Path) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    // O_NONBLOCK: opening a pipe must not wait for somebody to write into it.
    let nonblocking = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    let file =
        OpenOptions::new().read(true).custom_flags(nonblocking).open(path).map_err(|error| {
            match error.kind() {
                ErrorKind::NotFound => refused(
                    path,
                    "there is no such file: restore it from a backup, or create a new key",
                ),
                ErrorKind::PermissionDenied => {
                    refused(path, "permission denied: the service's user must own the file")
                }
                _ => refused(path, format!("cannot be opened: {error}")),
            }
        })?;
    inspect(path, &file)?;
    let mut content = Zeroizing::new(Vec::with_capacity(8 * 1024));
    file.take(LARGEST_KEY_FILE + 1)
        .read_to_end(&mut content)
        .map_err(|error| refused(path, format!("cannot be read: {error}")))?;
    Ok(content)
}

fn inspect(path: &Path, file: &File) -> Result<(), KeyError> {
    let metadata =
        file.metadata().map_err(|error| refused(path, format!("cannot be examined: {error}")))?;
    if !metadata.is_file() {
        return Err(refused(path, "is not a regular file: a key must be a plain file"));
    }
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        let reason = format!(
            "mode {mode:04o} lets others than its owner at it: run `chmod 600 {}`, \
             and replace the key if somebody may have read it",
            path.display()
        );
        return Err(refused(path, reason));
    }
    if metadata.len() > LARGEST_KEY_FILE {
        let reason = format!("{} bytes are too many for a key file", metadata.len());
        return Err(refused(path, reason));
    }
    Ok(())
}

/// The DER inside the file's only PEM block.
fn private_key_block(path: &Path, text: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let blocks = pem::decode(text).map_err(|error| {
        refused(path, format!("is not a readable PEM file ({error}); restore a backup"))
    })?;
    let [block] = blocks.as_slice() else {
        let found = blocks.len();
        return Err(refused(path, format!("holds {found} PEM blocks, not one private key")));
    };
    match block.label.as_str() {
        "PRIVATE KEY" => Ok(Zeroizing::new(block.der.clone())),
        "ENCRYPTED PRIVATE KEY" => Err(refused(
            path,
            "is encrypted: the service starts without a passphrase, so take the encryption off \
             with `openssl pkcs8 -in FILE -out NEW` and protect the file by its mode",
        )),
        other => Err(refused(
            path,
            format!(
                "holds a {other:?}, not a PKCS#8 \"PRIVATE KEY\": convert it with \
                 `openssl pkcs8 -topk8 -nocrypt -in FILE -out NEW`"
            ),
        )),
    }
}

fn taken(path: &Path) -> KeyError {
    refused(path, "exists already, and a key is never overwritten: choose another label")
}

fn refused(path: &Path, reason: impl Into<String>) -> KeyError {
    KeyError::File { path: path.to_owned(), reason: reason.into() }
}
