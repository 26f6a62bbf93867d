//! X.509 certificates and the private keys behind them.
//!
//! This room makes and checks certificates and holds keys behind one narrow trait, so that a
//! device can stand where a file stands today. It knows nothing of HTTP, accounts or tokens.

pub mod ca;
pub mod check;
pub mod cmp;
pub mod file;
pub mod key;
mod name;
pub mod oid;
pub mod pem;
mod scheme;
mod tsu;

pub use ca::{CaProfile, CertificateAuthority, IssueError, TsuProfile};
pub use check::{Severity, TsuFault, check_tsu};
pub use key::{
    DeviceError, FileBackend, KeyBackend, KeyError, KeyKind, Pkcs11Backend, Pkcs11Settings,
    SignatureScheme, SigningKey, SoftwareKey, TokenChoice,
};
pub use name::{DistinguishedName, NameError, display_name};
pub use tsu::TsuCertificate;
