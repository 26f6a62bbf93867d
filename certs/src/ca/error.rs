//! Why a certificate is not issued.

use crate::check::ParseError;
use crate::key::KeyError;
use crate::name::NameError;
use chrono::{DateTime, Utc};

/// Why a certificate is not issued, or a CA cannot be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IssueError {
    /// The subject's name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The key that signs, or the key that the certificate is for.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The name of the CA in URLs and files.
    #[error("CA id {id:?}: use 1 to 64 of the characters a-z, 0-9 and '-'")]
    Id {
        /// The id given.
        id: String,
    },
    /// The address where certificates and revocation lists are published.
    #[error("base URL {url:?}: give http://HOST or https://HOST, without spaces")]
    BaseUrl {
        /// The URL given.
        url: String,
    },
    /// The certificate would be valid for no time, or longer than the calendar goes.
    #[error("a validity of {days} days from {from} cannot be written: use 1 to 36500 days")]
    Validity {
        /// Days asked for.
        days: i64,
        /// First instant.
        from: DateTime<Utc>,
    },
    /// A date that certificates and lists cannot say.
    #[error("a date in the year {year} cannot be written: use 1950 to 9999")]
    Date {
        /// Its year.
        year: i32,
    },
    /// privateKeyUsagePeriod must end inside the certificate's validity.
    #[error(
        "the private key usage period of {usage} days must be at least 1 day and shorter than \
         the certificate's {certificate} days"
    )]
    KeyUsagePeriod {
        /// Days of key usage asked for.
        usage: i64,
        /// Days of the certificate.
        certificate: i64,
    },
    /// The certificate would live longer than the CA's own, or begin before it.
    #[error(
        "a certificate until {wanted} does not fit into that of CA {issuer:?}, which is valid \
         from {from} until {until}: shorten the certificate or renew the CA"
    )]
    OutlivesIssuer {
        /// The CA's id.
        issuer: String,
        /// End of the certificate asked for.
        wanted: DateTime<Utc>,
        /// Start of the CA's certificate.
        from: DateTime<Utc>,
        /// End of the CA's certificate.
        until: DateTime<Utc>,
    },
    /// A certificate with its issuer's name would look self-signed to every verifier.
    #[error(
        "the certificate of {subject} would have the name of its issuer: choose another commonName"
    )]
    SameName {
        /// The name.
        subject: String,
    },
    /// A CA's own certificate cannot be read.
    #[error("the certificate of CA {id:?} cannot be read: {error}; restore it from a backup")]
    Damaged {
        /// The CA's id.
        id: String,
        /// What the parser said.
        error: ParseError,
    },
    /// A CA's key does not belong to its certificate.
    #[error("the key of CA {id:?} is not the key in its certificate: restore the matching pair")]
    WrongKey {
        /// The CA's id.
        id: String,
    },
    /// The structure could not be encoded.
    #[error("{what} cannot be encoded: {reason}")]
    Encoding {
        /// Part of the certificate.
        what: &'static str,
        /// What the encoder said.
        reason: String,
    },
}
