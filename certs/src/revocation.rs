//! Why a certificate is revoked or suspended: the reasons that this service gives.

use std::fmt;
use std::str::FromStr;

/// A CRLReason (RFC 5280 §5.3.1) that says something.
///
/// `unspecified` is missing on purpose: RFC 5280 §5.3.1 would have the extension left out instead,
/// and a status without a reason helps nobody. `removeFromCRL` belongs into delta CRLs, which are
/// not made here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RevocationReason {
    /// The private key is known to others, or may be.
    KeyCompromise,
    /// The same, for the key of a CA.
    CaCompromise,
    /// The name or another fact in the certificate is no longer right.
    AffiliationChanged,
    /// Another certificate has taken its place.
    Superseded,
    /// The certificate is no longer needed.
    CessationOfOperation,
    /// Suspended: the only reason that can be taken back.
    CertificateHold,
    /// The holder may no longer use it.
    PrivilegeWithdrawn,
}

/// The name of a reason is not known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a reason for revocation: use key-compromise, ca-compromise, \
     affiliation-changed, superseded, cessation-of-operation, certificate-hold or \
     privilege-withdrawn"
)]
pub struct UnknownReason(pub String);

impl RevocationReason {
    /// Every reason, in the order of their numbers.
    pub const ALL: [Self; 7] = [
        Self::KeyCompromise,
        Self::CaCompromise,
        Self::AffiliationChanged,
        Self::Superseded,
        Self::CessationOfOperation,
        Self::CertificateHold,
        Self::PrivilegeWithdrawn,
    ];

    /// The number of the CRLReason. Used in stored state too.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::KeyCompromise => 1,
            Self::CaCompromise => 2,
            Self::AffiliationChanged => 3,
            Self::Superseded => 4,
            Self::CessationOfOperation => 5,
            Self::CertificateHold => 6,
            Self::PrivilegeWithdrawn => 9,
        }
    }

    /// The reason with this number.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }

    /// The name in the interface and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::KeyCompromise => "key-compromise",
            Self::CaCompromise => "ca-compromise",
            Self::AffiliationChanged => "affiliation-changed",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessation-of-operation",
            Self::CertificateHold => "certificate-hold",
            Self::PrivilegeWithdrawn => "privilege-withdrawn",
        }
    }
}

impl fmt::Display for RevocationReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for RevocationReason {
    type Err = UnknownReason;

    fn from_str(text: &str) -> Result<Self, UnknownReason> {
        Self::ALL
            .into_iter()
            .find(|reason| reason.name() == text)
            .ok_or_else(|| UnknownReason(text.to_owned()))
    }
}
