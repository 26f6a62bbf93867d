//! RFC 3161 time-stamping: request, policy, time, unit, token, and the issuing of one.
//!
//! No HTTP and no storage here: the debit and the record go through the [`ledger`] port, time comes
//! from a [`time::TimeSource`], randomness from a [`serial::RandomSource`] and signatures from a
//! [`certs::SigningKey`]. Standards: RFC 3161 with RFC 5816, RFC 5652 (CMS), RFC 5035 (ESS),
//! X.690 (DER). Where they leave a choice, `docs/rfc3161-choices.md` has ours and the reason.
//!
//! Read [`issuance`] first: it tells the whole story in eight numbered steps.

mod der;
pub mod failure;
pub mod hash;
pub mod issuance;
pub mod ledger;
pub mod policy;
pub mod request;
pub mod response;
pub mod serial;
mod signer;
pub mod time;
pub mod token;
pub mod tsu;
pub mod verify;

pub use failure::{PkiFailureInfo, RejectReason, Rejection};
pub use hash::HashAlgorithm;
pub use issuance::{
    HeldStamp, HeldToken, Issuer, IssuerError, IssuerSettings, NotReady, Outcome, Reply,
    UnitReadiness,
};
pub use policy::{Policies, PolicyId};
pub use time::Accuracy;
pub use tsu::{ChainPolicy, KeyChange, Tsu, TsuSettings, VerifyPolicy};
