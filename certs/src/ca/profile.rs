//! What goes into each kind of certificate: profiles as data.
//!
//! [`CaProfile`] describes a CA, [`EndProfile`] everything that is not one. What a profile may
//! choose is in those; what makes a kind what it is stands in one table, [`EndKind::shape`].

use crate::name::DistinguishedName;
use crate::oid;
use chrono::Duration;
use rasn::types::{ObjectIdentifier, Oid};
use std::fmt;
use std::str::FromStr;

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

/// What an end certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EndKind {
    /// A time-stamping unit (RFC 3161 §2.3, EN 319 422 §6).
    Tsu,
    /// A holder who signs from afar, each signature released by hand.
    HolderRemote,
    /// A holder whose procedure signs by itself.
    HolderAutomatic,
    /// A delegated OCSP responder (RFC 6960 §4.2.2.2).
    OcspResponder,
    /// A client that shows who it is in TLS.
    TlsClient,
}

/// The name of a profile is not known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a profile: use tsu, remote, automatic, ocsp-responder or tls-client")]
pub struct UnknownProfile(pub String);

/// An end certificate: everything but its subject and its key.
#[derive(Clone, Debug)]
pub struct EndProfile {
    /// What the certificate is for.
    pub kind: EndKind,
    /// How long it is valid, in whole days.
    pub validity: Duration,
    /// How long the key may sign, in whole days from now; `None` leaves the extension
    /// privateKeyUsagePeriod out. For a TSU it is shorter than the certificate, so that the last
    /// token can be verified for years (EN 319 422 §6.4, EN 319 421 TIS-7.6.7).
    pub key_usage_period: Option<Duration>,
    /// Certificate policies, those of the CA's own policy document; none leaves the extension out.
    pub policies: Vec<ObjectIdentifier>,
}

impl EndProfile {
    /// A certificate of this kind for its usual time.
    #[must_use]
    pub fn new(kind: EndKind, policies: Vec<ObjectIdentifier>) -> Self {
        let year = 365;
        let days = match kind {
            EndKind::Tsu => 4 * year,
            EndKind::HolderRemote | EndKind::HolderAutomatic => 3 * year,
            // RFC 6960 §4.2.2.2.1: CAs may issue a certificate that nobody checks for revocation
            // "with a very short lifetime and renew it frequently".
            EndKind::OcspResponder => 30,
            EndKind::TlsClient => 2 * year,
        };
        let key_usage_period = (kind == EndKind::Tsu).then(|| Duration::days(year));
        Self { kind, validity: Duration::days(days), key_usage_period, policies }
    }
}

/// What makes a kind of end certificate what it is.
#[derive(Debug)]
pub(crate) struct Shape {
    /// Bits of keyUsage (RFC 5280 §4.2.1.3).
    pub(super) key_usage: &'static [u8],
    /// The one purpose of extendedKeyUsage, and whether the extension is critical.
    pub(super) purpose: Option<(&'static Oid, bool)>,
    /// Whether verifiers ask for this certificate's own status; if not, id-pkix-ocsp-nocheck.
    pub(super) has_status: bool,
    /// Whether the subject must be a person, natural or legal.
    pub(super) person: bool,
}

const DIGITAL_SIGNATURE: u8 = 0;
const NON_REPUDIATION: u8 = 1;

impl EndKind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 5] = [
        Self::Tsu,
        Self::HolderRemote,
        Self::HolderAutomatic,
        Self::OcspResponder,
        Self::TlsClient,
    ];

    /// The name in the interface, on the command line and in stored state.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tsu => "tsu",
            Self::HolderRemote => "remote",
            Self::HolderAutomatic => "automatic",
            Self::OcspResponder => "ocsp-responder",
            Self::TlsClient => "tls-client",
        }
    }

    pub(crate) const fn shape(self) -> Shape {
        let shape = Shape {
            key_usage: &[DIGITAL_SIGNATURE],
            purpose: None,
            has_status: true,
            person: false,
        };
        match self {
            // RFC 3161 §2.3: "only one instance of the extended key usage field extension ... with
            // KeyPurposeID having value: id-kp-timeStamping. This extension MUST be critical."
            Self::Tsu => Shape { purpose: Some((oid::TIME_STAMPING, true)), ..shape },
            // EN 319 412-2 §4.3.2, type A: what commits a person to what is signed is for that
            // alone. Holders have no extendedKeyUsage: id-kp-documentSigning (RFC 9336) alone would
            // make verifiers that expect id-kp-emailProtection or nothing refuse the signature.
            // There are no QCStatements (EN 319 412-5): the certificates are not qualified.
            Self::HolderRemote => Shape { key_usage: &[NON_REPUDIATION], person: true, ..shape },
            // Type B: what a procedure seals is committed to, and authenticated where a protocol
            // asks for a plain digital signature.
            Self::HolderAutomatic => {
                Shape { key_usage: &[DIGITAL_SIGNATURE, NON_REPUDIATION], person: true, ..shape }
            }
            Self::OcspResponder => {
                Shape { purpose: Some((oid::OCSP_SIGNING, false)), has_status: false, ..shape }
            }
            Self::TlsClient => Shape { purpose: Some((oid::CLIENT_AUTH, false)), ..shape },
        }
    }
}

impl fmt::Display for EndKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for EndKind {
    type Err = UnknownProfile;

    fn from_str(text: &str) -> Result<Self, UnknownProfile> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == text)
            .ok_or_else(|| UnknownProfile(text.to_owned()))
    }
}

/// The certificate of a time-stamping unit, with its subject: short for an [`EndProfile`].
#[derive(Clone, Debug)]
pub struct TsuProfile {
    /// The subject; commonName unique per unit (EN 319 422 §6.2).
    pub subject: DistinguishedName,
    /// How long the certificate is valid, in whole days.
    pub validity: Duration,
    /// How long the key may sign, in whole days from now.
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

    pub(super) fn to_end(&self) -> EndProfile {
        EndProfile {
            kind: EndKind::Tsu,
            validity: self.validity,
            key_usage_period: Some(self.key_usage_period),
            policies: self.policies.clone(),
        }
    }
}
