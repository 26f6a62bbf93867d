//! What the authority is asked with, and what it answers.

use crate::AuthorityError;
use crate::status::{Status, StatusWord};
use certs::{
    CertificateAuthority, DistinguishedName, EndKind, KeyBackend, KeyKind, RevocationReason, Serial,
};
use chrono::{DateTime, Duration, Utc};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Who does something, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    /// Who: 1 to 128 characters.
    pub actor: String,
    /// Why: up to 500 characters; may be empty.
    pub reason: String,
}

/// A CA whose certificates are registered, and who answers OCSP requests about them.
#[derive(Clone, Debug)]
pub struct AuthorityCa {
    /// The CA.
    pub ca: CertificateAuthority,
    /// Who answers.
    pub responder: ResponderKey,
}

/// Who signs the OCSP answers for a CA (RFC 6960 §2.6).
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one for each CA, of which there are few")]
pub enum ResponderKey {
    /// A key of its own, whose short-lived certificate the CA issues and renews.
    Delegated {
        /// Where the key is kept, as `ocsp-{ca}`; made at the first need.
        backend: Arc<dyn KeyBackend>,
        /// What kind of key is made.
        kind: KeyKind,
        /// The subject of its certificate.
        subject: DistinguishedName,
    },
    /// The CA's own key.
    Direct,
}

/// What can be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// From thisUpdate to nextUpdate of a revocation list.
    pub crl_lifetime: Duration,
    /// A new list comes at least so often; shorter than its lifetime.
    pub crl_every: Duration,
    /// From thisUpdate to nextUpdate of an OCSP answer.
    pub ocsp_lifetime: Duration,
    /// How long caches between may give an OCSP answer again; not longer than its lifetime.
    pub ocsp_max_age: Duration,
    /// How long the certificate of an OCSP responder is valid, in whole days; it is renewed when
    /// half of that has passed.
    pub responder_validity: Duration,
    /// How many signed OCSP answers are kept in memory.
    pub cached_answers: usize,
}

/// What a certificate was issued as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Profile {
    /// A CA under this one.
    Ca,
    /// An end certificate.
    End(EndKind),
}

/// The name of a profile is not known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a profile: use ca, tsu, remote, automatic, ocsp-responder or tls-client")]
pub struct UnknownProfile(pub String);

/// A certificate that was issued and is registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// Its place in the registry.
    pub number: u64,
    /// Its serial number.
    pub serial: Serial,
    /// The certificate in DER.
    pub der: Vec<u8>,
    /// The first instant of its validity.
    pub not_before: DateTime<Utc>,
    /// The last instant of its validity.
    pub not_after: DateTime<Utc>,
}

/// A certificate that was made elsewhere and is registered now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// Its serial number.
    pub serial: Serial,
    /// False when it was registered before: nothing was done then.
    pub new: bool,
}

/// A certificate of the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Its place in the registry, in the order of registration: the cursor of a listing.
    pub number: u64,
    /// Its serial number.
    pub serial: Serial,
    /// The id of the CA that issued it.
    pub ca: String,
    /// What it was issued as.
    pub profile: Profile,
    /// Its subject, for people; empty once it was erased.
    pub subject: String,
    /// When name and DER were taken out, since its holder was erased.
    pub erased_at: Option<DateTime<Utc>>,
    /// The first instant of its validity.
    pub not_before: DateTime<Utc>,
    /// The last instant of its validity.
    pub not_after: DateTime<Utc>,
    /// When it was registered.
    pub issued_at: DateTime<Utc>,
    /// How it stands.
    pub status: Status,
    /// Whether its end had passed when it was looked at.
    pub expired: bool,
}

/// A certificate with everything that is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateDetails {
    /// The certificate.
    pub certificate: Certificate,
    /// Its DER; empty once its subject was erased.
    pub der: Vec<u8>,
    /// SHA-256 of its DER.
    pub fingerprint: [u8; 32],
    /// Who asked for it, and why.
    pub issued_by: Act,
    /// What was done to it, the oldest first.
    pub history: Vec<HistoryEntry>,
}

/// One change of a certificate's status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryEntry {
    /// When.
    pub at: DateTime<Utc>,
    /// `suspend`, `reactivate` or `revoke`.
    pub change: &'static str,
    /// Of a suspension: when it was to end by itself.
    pub until: Option<DateTime<Utc>>,
    /// Of a revocation: its reason.
    pub reason: Option<RevocationReason>,
    /// Of a revocation: since when the certificate is known or suspected to be invalid.
    pub invalidity: Option<DateTime<Utc>>,
    /// Who did it, and why.
    pub by: Act,
}

/// A status was changed, and a revocation list that says so exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// The certificate as it stands now.
    pub certificate: Certificate,
    /// The number of a list that has the change.
    pub crl_number: u64,
}

/// Which certificates are asked for. The default is the first page of all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CertificateQuery {
    /// Only certificates with a larger number; [`CertificatePage::next`] of the page before.
    pub after: u64,
    /// How many at most; 0 and what is above 1000 count as 1000.
    pub limit: usize,
    /// Only those of this CA.
    pub ca: Option<String>,
    /// Only those that stand so.
    pub status: Option<StatusWord>,
}

/// Some certificates, in the order of their registration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CertificatePage {
    /// The certificates. There may be fewer than asked for while there is a next page.
    pub certificates: Vec<Certificate>,
    /// [`CertificateQuery::after`] of the next page; `None` at the end.
    pub next: Option<u64>,
}

/// A revocation list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crl {
    /// The list in DER.
    pub der: Vec<u8>,
    /// Its number (RFC 5280 §5.2.3).
    pub number: u64,
    /// When it was made, in whole seconds.
    pub this_update: DateTime<Utc>,
    /// When there is a newer one at the latest.
    pub next_update: DateTime<Utc>,
    /// How many certificates are on it.
    pub entries: usize,
    /// A validator for caches (RFC 9110 §8.8.3), with its quotation marks.
    pub etag: String,
}

/// A CA and what it has published.
#[derive(Clone, Debug)]
pub struct AuthorityFacts {
    /// Its id.
    pub id: String,
    /// Its name.
    pub subject: String,
    /// The first instant of its certificate.
    pub not_before: DateTime<Utc>,
    /// The last instant of its certificate.
    pub not_after: DateTime<Utc>,
    /// Its newest revocation list.
    pub crl: Option<Arc<Crl>>,
    /// How many certificates it issued.
    pub issued: u64,
    /// Who answers OCSP requests, when somebody does.
    pub responder: Option<ResponderFacts>,
}

/// An OCSP responder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponderFacts {
    /// The serial number of its certificate; `None` when the CA answers itself.
    pub serial: Option<Serial>,
    /// The last instant at which its answers are accepted.
    pub not_after: DateTime<Utc>,
}

/// What the timer did.
#[derive(Debug, Default)]
pub struct Ticked {
    /// Certificates whose suspension came to its end.
    pub reactivated: Vec<Serial>,
    /// Lists that were made: the CA's id and the list's number.
    pub crls: Vec<(String, u64)>,
    /// Responders that got a new certificate: the CA's id and the certificate's serial number.
    pub responders: Vec<(String, Serial)>,
    /// What could not be done; the next call tries it again.
    pub failures: Vec<AuthorityError>,
}

impl Act {
    /// An act by `actor` because of `reason`.
    #[must_use]
    pub fn new(actor: &str, reason: &str) -> Self {
        Self { actor: actor.to_owned(), reason: reason.to_owned() }
    }

    /// What the service does of its own accord.
    #[must_use]
    pub fn service(reason: &str) -> Self {
        Self::new("service", reason)
    }

    /// Whether it can be written down.
    pub(crate) fn check(&self) -> Result<(), AuthorityError> {
        let plain = |text: &str| !text.chars().any(char::is_control);
        if !(1..=128).contains(&self.actor.chars().count()) || !plain(&self.actor) {
            let allowed = "1 to 128 characters without control characters";
            return Err(AuthorityError::Act { field: "actor", allowed });
        }
        if self.reason.chars().count() > 500 || !plain(&self.reason) {
            let allowed = "up to 500 characters without control characters";
            return Err(AuthorityError::Act { field: "reason", allowed });
        }
        Ok(())
    }
}

impl Settings {
    /// Whether the settings make sense together.
    ///
    /// # Errors
    /// [`AuthorityError::Setting`] names the first that does not.
    pub fn check(&self) -> Result<(), AuthorityError> {
        let second = Duration::seconds(1);
        let wrong = |setting, reason| Err(AuthorityError::Setting { setting, reason });
        if self.crl_every < second || self.crl_every >= self.crl_lifetime {
            return wrong("crl_every", "give at least a second, and less than crl_lifetime");
        }
        if self.crl_lifetime > Duration::days(366) {
            return wrong("crl_lifetime", "give at most 366 days");
        }
        if self.ocsp_lifetime < second || self.ocsp_lifetime > Duration::days(30) {
            return wrong("ocsp_lifetime", "give 1 second to 30 days");
        }
        if self.ocsp_max_age < Duration::zero() || self.ocsp_max_age > self.ocsp_lifetime {
            return wrong("ocsp_max_age", "give 0 seconds to ocsp_lifetime");
        }
        if !(2..=366).contains(&self.responder_validity.num_days()) {
            return wrong("responder_validity", "give 2 to 366 days");
        }
        Ok(())
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            crl_lifetime: Duration::days(7),
            crl_every: Duration::hours(24),
            ocsp_lifetime: Duration::hours(1),
            ocsp_max_age: Duration::minutes(5),
            responder_validity: Duration::days(30),
            cached_answers: 10_000,
        }
    }
}

impl Profile {
    /// The name in the interface, on the command line and in stored state.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ca => "ca",
            Self::End(kind) => kind.name(),
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Profile {
    type Err = UnknownProfile;

    fn from_str(text: &str) -> Result<Self, UnknownProfile> {
        match text {
            "ca" => Ok(Self::Ca),
            _ => text.parse().map(Self::End).map_err(|_| UnknownProfile(text.to_owned())),
        }
    }
}

impl From<EndKind> for Profile {
    fn from(kind: EndKind) -> Self {
        Self::End(kind)
    }
}

impl Certificate {
    /// The word for its status when it was looked at.
    #[must_use]
    pub fn word(&self) -> StatusWord {
        match self.status.word() {
            StatusWord::Good if self.expired => StatusWord::Expired,
            word => word,
        }
    }
}
