//! The living certificate authority: what was issued and how it stands, revocation lists and OCSP
//! answers that say so, and the life of the time-stamping units' keys and certificates.
//!
//! The story of a certificate:
//!
//! 1. [`Authority::issue`] signs it, registers it durably, and only then lets it go.
//! 2. [`Authority::suspend`], [`Authority::reactivate`] and [`Authority::revoke`] change how it
//!    stands, along the paths of [`Status`] and no others. The change and its event in the audit
//!    trail are one transaction.
//! 3. OCSP ([`Authority::ocsp`]) tells the change at once. The act returns when a revocation list
//!    ([`Authority::crl`]) has it too.
//! 4. [`Authority::tick`] renews lists and responders in time, and ends suspensions on their date.
//! 5. [`Authority::erase_subjects`] takes the names out when what is known of a holder has to go.
//!
//! [`audit`] follows all of it from the journal and trusts nothing that was stored beside. No
//! HTTP here, no clock and no source of randomness of its own.
//!
//! Table numbers 44 to 51 of the store belong to the registry ([`tables`]), 52 to 59 to the units.

mod answers;
pub mod audit;
mod change;
mod crl;
mod encoding;
mod erase;
mod error;
mod issue;
mod job;
mod model;
mod ocsp;
mod read;
mod records;
mod registry;
mod responder;
mod standing;
pub mod status;
pub mod tables;
#[cfg(test)]
mod tests;
mod tick;
pub mod units;

pub use error::AuthorityError;
pub use model::{
    Act, AuthorityCa, AuthorityFacts, Certificate, CertificateDetails, CertificatePage,
    CertificateQuery, Changed, Crl, HistoryEntry, Issued, Profile, Registered, ResponderFacts,
    ResponderKey, Settings, Ticked, UnknownProfile,
};
pub use ocsp::{AnswerKind, Caching, OcspAnswer};
pub use registry::Authority;
pub use status::{Change, IllegalChange, Status, StatusWord};
