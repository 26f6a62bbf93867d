//! The life of the time-stamping units: their keys, the certificates of these, and which of them
//! signs.
//!
//! A unit has a name that its clients know and that does not change, and **generations**: one key
//! each, with its certificate. One generation is active at a time, so one key signs (EN 319 421
//! TIS-7.6.7); the one before it stays verifiable. The story of a generation:
//!
//! 1. [`UnitRegistry::create`] or [`UnitRegistry::new_key`] makes the key, in a file or a device.
//! 2. [`UnitRegistry::certify`] has the CA in here certify it, or [`UnitRegistry::csr`] asks a CA
//!    outside and [`UnitRegistry::import`] takes what it answers, when nothing is wrong with it.
//! 3. [`UnitRegistry::activate`] lets it sign, now or at a later time; the one before it retires.
//! 4. [`UnitRegistry::retire`] ends it, destroys the key, revokes the certificate.
//!
//! [`UnitRegistry::tick`] does what has become due: scheduled activations, and rollovers that come
//! by themselves. [`UnitRegistry::plan`] says what the issuer of tokens needs to know.
//!
//! Each change and its event in the audit trail are one transaction, along [`State`]'s steps and
//! no others. No HTTP here, no clock of its own; keys only through [`certs::KeyBackend`].

mod bundle;
mod certify;
mod create;
mod error;
mod keys;
mod life;
mod model;
mod plan;
mod read;
mod records;
mod registry;
mod retire;
mod settings;
mod state;
pub mod tables;
#[cfg(test)]
mod tests;
mod tick;
mod warnings;

pub use error::UnitError;
pub use model::{
    ActiveUnit, CertificateFacts, CertifiedBy, Change, ChangeKind, EndOf, Generation, KeyStore,
    KeyStores, Padding, Plan, RegistrySettings, RetiredCertificate, Retirement, Rollover,
    TokenCertificates, Unit, UnitSettings, UnknownWord, WARNING_DAYS, Warning,
};
pub use registry::UnitRegistry;
pub use state::{IllegalStep, State, Step};
