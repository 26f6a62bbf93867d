//! What an enrolment is protected with, from files: a shared secret, or a key with its
//! certificate. Neither is ever an argument, which every user of the machine could read.

use crate::cli::error::CliError;
use certs::cmp::Protection;
use certs::{SoftwareKey, pem};
use openssl::pkey::PKey;
use rustix::fs::OFlags;
use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The longest file that is read, in bytes: a chain of post-quantum certificates fits.
const FILE_LIMIT: u64 = 256 << 10;

/// The shared secret: what the file holds, without the line's end.
pub(super) fn read_secret(path: &Path) -> Result<Zeroizing<Vec<u8>>, CliError> {
    let mut secret = read_private(path)?;
    while secret.last().is_some_and(|octet| matches!(octet, b'\n' | b'\r')) {
        secret.pop();
    }
    if secret.is_empty() {
        return Err(fault(path, "the file is empty; it has to hold the secret that the CA gave"));
    }
    if secret.contains(&b'\n') {
        return Err(fault(path, "the file has more than one line; the secret is a single one"));
    }
    Ok(secret)
}

/// A key (PKCS#8, PEM) and its certificate, with the chain after it.
pub(super) fn read_signature(certificate: &Path, key: &Path) -> Result<Protection, CliError> {
    let mut chain = read_certificates(certificate)?;
    // `read_certificates` gives one at least.
    let own = chain.remove(0);
    let text = read_private(key)?;
    let blocks = pem::decode(&text).map_err(|error| fault(key, &error.to_string()))?;
    let [block] = blocks.as_slice() else {
        return Err(fault(key, "the file has to hold one private key and nothing else"));
    };
    if block.label != "PRIVATE KEY" {
        let reason = "not a PKCS#8 \"PRIVATE KEY\" without a passphrase: convert it with `openssl \
                      pkcs8 -topk8 -nocrypt`";
        return Err(fault(key, reason));
    }
    let private = PKey::private_key_from_pkcs8(&block.der)
        .map_err(|error| fault(key, &format!("the key cannot be read: {error}")))?;
    let private =
        SoftwareKey::new("cmp", private).map_err(|error| fault(key, &error.to_string()))?;
    Ok(Protection::Signature { key: Arc::new(private), certificate: own, chain })
}

/// The certificates of a PEM file, at least one.
pub(super) fn read_certificates(path: &Path) -> Result<Vec<Vec<u8>>, CliError> {
    let text = read(path, false)?;
    let certificates = pem::certificates(&text).map_err(|error| fault(path, &error.to_string()))?;
    for der in &certificates {
        certs::check::parse(der).map_err(|error| fault(path, &error.to_string()))?;
    }
    Ok(certificates)
}

fn read_private(path: &Path) -> Result<Zeroizing<Vec<u8>>, CliError> {
    read(path, true)
}

/// Reads a file after looking at the very file that is open, not at its name.
fn read(path: &Path, private: bool) -> Result<Zeroizing<Vec<u8>>, CliError> {
    // Opening a pipe must not wait for somebody to write into it.
    let nonblocking = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(nonblocking)
        .open(path)
        .map_err(|error| fault(path, &error.to_string()))?;
    let metadata = file.metadata().map_err(|error| fault(path, &error.to_string()))?;
    if !metadata.is_file() {
        return Err(fault(path, "not a regular file"));
    }
    let mode = metadata.mode() & 0o7777;
    if private && mode & 0o077 != 0 {
        let reason = format!(
            "mode {mode:04o} lets others than its owner at it: run `chmod 600 {}`, and ask the CA \
             for another one if somebody may have read it",
            path.display()
        );
        return Err(fault(path, &reason));
    }
    if metadata.len() > FILE_LIMIT {
        return Err(fault(path, "too large for what it should hold"));
    }
    let length = usize::try_from(metadata.len()).unwrap_or_default();
    let mut content = Zeroizing::new(Vec::with_capacity(length + 1));
    file.take(FILE_LIMIT + 1)
        .read_to_end(&mut content)
        .map_err(|error| fault(path, &error.to_string()))?;
    Ok(content)
}

fn fault(path: &Path, reason: &str) -> CliError {
    CliError::File { path: path.to_owned(), reason: reason.to_owned() }
}
