//! X.509 certificates and the private keys behind them.
//!
//! This room makes and checks certificates and holds keys behind one narrow trait, so that a
//! device can stand where a file stands today. It knows nothing of HTTP, accounts or tokens.

pub mod ca;
pub mod check;
pub mod cmp;
pub mod crl;
pub mod csr;
mod der;
pub mod file;
pub mod key;
mod name;
pub mod ocsp;
pub mod oid;
pub mod pem;
mod revocation;
mod scheme;
mod serial;
mod tsu;

pub use ca::{
    CaProfile, CertificateAuthority, EndKind, EndProfile, IssueError, IssuedCertificate,
    TsuProfile, UnknownProfile,
};
pub use check::{Severity, TsuFault, check_tsu};
pub use key::{
    DeviceError, DigestKind, DigestScheme, FileBackend, KeyBackend, KeyError, KeyKind,
    Pkcs11Backend, Pkcs11Settings, SealedKey, SealedKeys, SignatureScheme, SigningKey, SoftwareKey,
    TokenChoice, check_public_key,
};
pub use name::{DistinguishedName, NameError, display_name};
pub use revocation::{RevocationReason, UnknownReason};
pub use serial::{Serial, SerialError};
pub use tsu::TsuCertificate;
