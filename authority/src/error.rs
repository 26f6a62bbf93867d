//! Why the authority does not do what it is asked.

use crate::status::IllegalChange;
use certs::ocsp::ResponderFault;
use certs::{IssueError, KeyError, Serial};
use store::StoreError;

/// Why the authority does not do what it is asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorityError {
    /// There is no such CA.
    #[error("there is no CA {ca:?}; there are: {known}")]
    UnknownCa {
        /// The id asked for.
        ca: String,
        /// The ids that there are.
        known: String,
    },
    /// No CA of this service issued it.
    #[error("no certificate with the serial number {serial} was issued here")]
    UnknownCertificate {
        /// Its serial number.
        serial: Serial,
    },
    /// The certificate's status does not allow the change, or the change makes no sense.
    #[error("certificate {serial}: {why}")]
    Illegal {
        /// Its serial number.
        serial: Serial,
        /// How it stands, and what to do.
        why: IllegalChange,
    },
    /// A certificate whose subject is to be erased may still be relied upon.
    #[error(
        "certificate {serial} is neither revoked nor past its end: revoke it before its subject \
         is erased"
    )]
    StillValid {
        /// Its serial number.
        serial: Serial,
    },
    /// Who does it, or why, cannot be written down.
    #[error("{field}: use {allowed}")]
    Act {
        /// `actor` or `reason`.
        field: &'static str,
        /// What is allowed.
        allowed: &'static str,
    },
    /// A certificate that is to be registered is not one of this CA.
    #[error("the certificate cannot be registered under CA {ca:?}: {reason}")]
    Foreign {
        /// The CA's id.
        ca: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Another certificate has this serial number.
    #[error(
        "the serial number {serial} belongs to another certificate already; issue this one again"
    )]
    SerialTaken {
        /// The serial number.
        serial: Serial,
    },
    /// A certificate cannot be issued, or a list or an answer cannot be made.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// The key of an OCSP responder.
    #[error("the OCSP responder of CA {ca:?}: {error}")]
    ResponderKey {
        /// The CA's id.
        ca: String,
        /// What is wrong with the key.
        error: KeyError,
    },
    /// The certificate of an OCSP responder.
    #[error("the OCSP responder of CA {ca:?}: {fault}")]
    Responder {
        /// The CA's id.
        ca: String,
        /// What is wrong with the certificate.
        fault: ResponderFault,
    },
    /// The revocation list could not be made. What it would have told is durable all the same.
    #[error(
        "the revocation list of CA {ca:?} could not be made: {reason}; the change is kept, OCSP \
         tells it already, and the list is tried again every minute"
    )]
    Unpublished {
        /// The CA's id.
        ca: String,
        /// Why not.
        reason: String,
    },
    /// Two CAs with the same id.
    #[error("CA {ca:?} is configured twice: every CA has its own id")]
    RepeatedCa {
        /// The id.
        ca: String,
    },
    /// The registry holds the certificates of another CA under this id.
    #[error(
        "the key of CA {ca:?} is not the one that its registered certificates were issued with: \
         restore that key, or give the new CA an id of its own"
    )]
    OtherKey {
        /// The id.
        ca: String,
    },
    /// A setting that makes no sense.
    #[error("{setting}: {reason}")]
    Setting {
        /// The setting.
        setting: &'static str,
        /// What is wrong and what to give.
        reason: &'static str,
    },
    /// A worker of the runtime ended before its work was done.
    #[error("the work was cut off ({0}); the service is stopping, or this is a bug")]
    CutOff(String),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}
