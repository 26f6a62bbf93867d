//! The records of the credentials as they are stored. Every type here is **used in stored
//! state**: fields are numbered, numbers are never reused, and a new field is optional.

use minicbor::{Decode, Encode};

/// The password of an account. Used in stored state.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct PasswordRecord {
    #[n(0)]
    pub(crate) account: u64,
    /// argon2id as a PHC string.
    #[n(1)]
    pub(crate) phc: String,
    /// Grows with every change of the password.
    #[n(2)]
    pub(crate) generation: u64,
    #[n(3)]
    pub(crate) changed_at: i64,
}

/// An API key. Used in stored state. The key itself is nowhere.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct ApiKeyRecord {
    #[n(0)]
    pub(crate) account: u64,
    /// SHA-256 of the whole key.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub(crate) digest: [u8; 32],
    #[n(2)]
    pub(crate) label: String,
    #[n(3)]
    pub(crate) created_at: i64,
    /// Days since 1970-01-01 (UTC).
    #[n(4)]
    pub(crate) last_used_on: Option<i64>,
    #[n(5)]
    pub(crate) revoked_at: Option<i64>,
}

/// A client certificate. Used in stored state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct CertificateRecord {
    #[n(0)]
    pub(crate) account: u64,
    #[n(1)]
    pub(crate) bound_at: i64,
}
