//! The tables of the registry, and the form of their keys. All of it is stored state: a number or
//! a form is never changed, only added to. Number 51 is free, 52 to 59 are the units'.

use certs::Serial;
use store::Table;

/// Number of a CA (u16, big-endian) → its record.
pub const AUTHORITY: Table = Table::new(44, "ca");
/// Number of a certificate (u64, big-endian, dense from 1) → what it is; never changed but
/// for the erasure of its subject.
pub const CERTIFICATE: Table = Table::new(45, "ca-certificate");
/// Number of a certificate → its DER; nothing once its subject was erased.
pub const DER: Table = Table::new(46, "ca-certificate-der");
/// Serial number (20 bytes, zeros in front) → how the certificate stands now.
pub const STANDING: Table = Table::new(47, "ca-standing");
/// Number of a certificate (u64), number of the change (u32, from 1) → the change.
pub const CHANGE: Table = Table::new(48, "ca-change");
/// [`GLOBAL_KEY`] → the counter of certificates.
pub const GLOBAL: Table = Table::new(49, "ca-global");
/// Number of a CA → its newest revocation list, unless that is long.
pub const CRL: Table = Table::new(50, "ca-crl");

/// The one key of [`GLOBAL`].
pub const GLOBAL_KEY: &[u8] = b"registry";

/// A serial number as the key of [`STANDING`]: 20 bytes, so that the order of keys is that of the
/// numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SerialKey(pub(crate) [u8; 20]);

impl SerialKey {
    pub(crate) fn of(serial: &Serial) -> Self {
        let mut key = [0; 20];
        // RFC 5280 §4.1.2.2: at most 20 octets, which `Serial` keeps.
        let bytes = serial.as_bytes();
        key[20 - bytes.len()..].copy_from_slice(bytes);
        Self(key)
    }

    /// The number; `None` for zero, which no certificate has.
    pub(crate) fn serial(&self) -> Option<Serial> {
        Serial::from_bytes(&self.0).ok()
    }
}

/// The key of a CA.
pub(crate) fn authority_key(ca: u16) -> [u8; 2] {
    ca.to_be_bytes()
}

/// The key of a certificate and of its DER.
pub(crate) fn certificate_key(number: u64) -> [u8; 8] {
    number.to_be_bytes()
}

/// The key of a change.
pub(crate) fn change_key(certificate: u64, change: u32) -> [u8; 12] {
    let mut key = [0; 12];
    key[..8].copy_from_slice(&certificate.to_be_bytes());
    key[8..].copy_from_slice(&change.to_be_bytes());
    key
}

/// Certificate and change from a key of [`CHANGE`].
pub(crate) fn split_change_key(key: &[u8]) -> Option<(u64, u32)> {
    let (certificate, change) = key.split_first_chunk::<8>()?;
    Some((u64::from_be_bytes(*certificate), u32::from_be_bytes(change.try_into().ok()?)))
}
