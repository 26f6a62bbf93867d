//! The file back end: one PKCS#8 PEM file (RFC 5958, RFC 7468) per key, for its owner alone.
//!
//! A key file appears whole and durable or not at all, is never overwritten, and is not read when
//! anybody but its owner could have read it too.

use super::private_file::{self, Expected};
use super::{KeyBackend, KeyError, KeyKind, SigningKey, SoftwareKey, check_label};
use crate::pem;
use openssl::pkey::PKey;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

const KEY_FILE: Expected = Expected {
    what: "key",
    // An ML-DSA-87 key takes 6.8 kB; nothing that is longer than this is a key file.
    limit: 64 * 1024,
    missing: "restore it from a backup, or create a new key",
};

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
        check_label(label)?;
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
        let file = private_file::read(&path, KEY_FILE).map_err(|reason| refused(&path, reason))?;
        let der = private_key_block(&path, &file.content)?;
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
