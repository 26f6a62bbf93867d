//! The records of the units as they are stored.
//!
//! Every type here is **used in stored state**: fields are numbered, numbers are never reused, and
//! a new field is optional. `tests/golden.rs` holds the bytes of each.

use super::model::{CertifiedBy, KeyStore, Padding, Rollover, TokenCertificates};
use super::state::State;
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

/// A unit. Used in stored state.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(super) struct UnitRecord {
    /// Milliseconds since the Unix epoch, as all instants of these records.
    #[n(0)]
    pub(super) created_at: i64,
    /// The kind of the next generation's key, by name.
    #[n(1)]
    pub(super) key: String,
    #[n(2)]
    pub(super) key_store: KeyStore,
    #[n(3)]
    pub(super) padding: Padding,
    /// Dotted; the first is the default one.
    #[n(4)]
    pub(super) policies: Vec<String>,
    #[n(5)]
    pub(super) accuracy_ms: u32,
    #[n(6)]
    pub(super) certificates: TokenCertificates,
    #[n(7)]
    pub(super) verify_one_in: u32,
    #[n(8)]
    pub(super) companion: Option<String>,
    #[n(9)]
    pub(super) certified_by: CertifiedBy,
    #[n(10)]
    pub(super) rollover: Option<Rollover>,
    /// Grows with every generation; none is numbered twice.
    #[n(11)]
    pub(super) next_generation: u32,
}

/// One key of a unit and what became of it. Used in stored state.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(super) struct GenerationRecord {
    #[n(0)]
    pub(super) label: String,
    #[n(1)]
    pub(super) key_store: KeyStore,
    /// By name.
    #[n(2)]
    pub(super) kind: String,
    #[n(3)]
    pub(super) padding: Padding,
    /// DER of the SubjectPublicKeyInfo: known while the device is away, and after the key is gone.
    #[n(4)]
    #[cbor(with = "minicbor::bytes")]
    pub(super) public_key: Vec<u8>,
    #[n(5)]
    pub(super) state: State,
    #[n(6)]
    pub(super) made_at: i64,
    #[n(7)]
    pub(super) certificate: Option<CertificateRecord>,
    #[n(8)]
    pub(super) certified_at: Option<i64>,
    /// When it is to become active.
    #[n(9)]
    pub(super) activate_at: Option<i64>,
    #[n(10)]
    pub(super) activated_at: Option<i64>,
    #[n(11)]
    pub(super) retired_at: Option<i64>,
    #[n(12)]
    pub(super) destroyed_at: Option<i64>,
    /// The warnings that were sent, in days before the end.
    #[n(13)]
    pub(super) warned: Option<Vec<u16>>,
    /// Since when its key is being destroyed: the key was there, and is gone at any moment.
    #[n(14)]
    pub(super) destroying_at: Option<i64>,
}

/// A key that is being made: one that is found under its label is ours. Used in stored state.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(super) struct MakingRecord {
    #[n(0)]
    pub(super) since: i64,
    #[n(1)]
    pub(super) key_store: KeyStore,
}

/// The certificate of a generation with all that verifies it. Used in stored state.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(super) struct CertificateRecord {
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub(super) der: Vec<u8>,
    /// The CAs between it and the root, its issuer first.
    #[n(1)]
    pub(super) chain: Vec<ByteVec>,
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    pub(super) root: Vec<u8>,
    /// The id of the CA in here that issued it.
    #[n(3)]
    pub(super) ca: Option<String>,
    #[n(4)]
    pub(super) not_before: i64,
    #[n(5)]
    pub(super) not_after: i64,
    /// The end of privateKeyUsagePeriod.
    #[n(6)]
    pub(super) key_not_after: Option<i64>,
    /// The first end of a CA above.
    #[n(7)]
    pub(super) issuers_not_after: Option<i64>,
}
