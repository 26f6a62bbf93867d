//! What goes into each kind of certificate: profiles as data.

use crate::name::DistinguishedName;
use crate::oid;
use chrono::Duration;
use rasn::types::ObjectIdentifier;

/// A CA certificate: the root, or an issuing CA under it.
#[derive(Clone, Debug)]
pub struct CaProfile {
    /// The CA's name in URLs and files: `root` for `/pki/root.crt`. Characters a-z, 0-9 and `-`.
    pub id: String,
    /// The subject.
    pub subject: DistinguishedName,
    /// How long the certificate is valid, in whole days.
    pub validity: Duration,
    /// How many CAs may stand between this one and an end certificate (RFC 5280 §4.2.1.9).
    pub path_length: u8,
    /// Certificate policies; none leaves the extension out, as befits a root.
    pub policies: Vec<ObjectIdentifier>,
}

impl CaProfile {
    /// A root for 20 years with one level of CAs under it.
    #[must_use]
    pub fn root(subject: DistinguishedName) -> Self {
        Self {
            id: "root".to_owned(),
            subject,
            validity: Duration::days(20 * 365),
            path_length: 1,
            policies: Vec::new(),
        }
    }

    /// An issuing CA for 10 years, under any policy, with no CA under it.
    #[must_use]
    pub fn issuing(id: &str, subject: DistinguishedName) -> Self {
        Self {
            id: id.to_owned(),
            subject,
            validity: Duration::days(10 * 365),
            path_length: 0,
            policies: vec![oid::ANY_POLICY.into()],
        }
    }
}

/// The certificate of a time-stamping unit.
#[derive(Clone, Debug)]
pub struct TsuProfile {
    /// The subject; commonName unique per unit (EN 319 422 §6.2).
    pub subject: DistinguishedName,
    /// How long the certificate is valid, in whole days.
    pub validity: Duration,
    /// How long the key may sign, in whole days from now: shorter than the certificate, so that
    /// the last token can be verified for years (EN 319 422 §6.4, EN 319 421 TIS-7.6.7).
    pub key_usage_period: Duration,
    /// Certificate policies, those of the CA's own policy document.
    pub policies: Vec<ObjectIdentifier>,
}

impl TsuProfile {
    /// A certificate for 4 years whose key signs for 1 year.
    #[must_use]
    pub fn new(subject: DistinguishedName, policies: Vec<ObjectIdentifier>) -> Self {
        Self {
            subject,
            validity: Duration::days(4 * 365),
            key_usage_period: Duration::days(365),
            policies,
        }
    }
}
