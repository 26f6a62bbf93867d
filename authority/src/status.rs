//! How a certificate stands, and the only ways from one status to another.
//!
//! ```text
//!          suspend             revoke
//!   Good ──────────► Held ──────────────► Revoked
//!    ▲   reactivate   │                      ▲
//!    └────────────────┘        revoke        │
//!   Good ────────────────────────────────────┘
//! ```
//!
//! A suspension can get another end (Held → Held, with the same beginning). Revoked is final. That
//! a certificate has expired is computed from its dates and changes nothing here: it stays as it
//! stood.

use certs::RevocationReason;
use certs::ocsp::CertStatus;
use chrono::{DateTime, Utc};
use std::fmt;
use std::str::FromStr;

/// How a certificate stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Status {
    /// Issued, and nothing was done to it.
    #[default]
    Good,
    /// Suspended: on the revocation list with the reason certificateHold until it is reactivated.
    Held {
        /// Since when.
        since: DateTime<Utc>,
        /// When the suspension ends by itself, if it does.
        until: Option<DateTime<Utc>>,
    },
    /// Revoked, for good.
    Revoked {
        /// The revocation date of the list and of OCSP answers. Of a certificate that was
        /// suspended it is the start of the suspension.
        at: DateTime<Utc>,
        /// Why; never certificateHold.
        reason: RevocationReason,
        /// Since when it is known or suspected to be invalid, if that is earlier.
        invalidity: Option<DateTime<Utc>>,
    },
}

/// What can be done to a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Suspends it, or gives its suspension another end.
    Suspend {
        /// When the suspension ends by itself, if it does.
        until: Option<DateTime<Utc>>,
    },
    /// Ends a suspension.
    Reactivate,
    /// Revokes it.
    Revoke {
        /// Why; certificateHold is no revocation.
        reason: RevocationReason,
        /// Since when it is known or suspected to be invalid.
        invalidity: Option<DateTime<Utc>>,
    },
}

/// Why a change cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IllegalChange {
    /// The certificate does not stand so that this can be done.
    #[error("it is {from}; {}", needed(*.from))]
    Status {
        /// How it stands.
        from: StatusWord,
    },
    /// certificateHold is a suspension.
    #[error("certificate-hold is no reason for a revocation: suspend the certificate instead")]
    HoldIsNoRevocation,
    /// Somebody was faster.
    #[error("it was changed meanwhile; look at it again")]
    Meanwhile,
    /// The suspension would end before it begins.
    #[error("the suspension would end at {until}, which has passed: give a later time, or none")]
    AlreadyOver {
        /// The end asked for.
        until: DateTime<Utc>,
    },
    /// An invalidity date before the certificate was valid.
    #[error("the certificate cannot be invalid since {invalidity}: it is valid since {not_before}")]
    InvalidBeforeValid {
        /// The date given.
        invalidity: DateTime<Utc>,
        /// The beginning of the certificate.
        not_before: DateTime<Utc>,
    },
    /// An invalidity date in the future.
    #[error("the certificate cannot be invalid since {invalidity}, which is in the future")]
    InvalidInFuture {
        /// The date given.
        invalidity: DateTime<Utc>,
    },
}

/// The word for a status, with the one that is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StatusWord {
    /// Valid, as far as this CA knows.
    Good,
    /// Suspended.
    Suspended,
    /// Revoked.
    Revoked,
    /// Good until its end, which has passed.
    Expired,
}

/// The name of a status is not known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a status of a certificate: use good, suspended, revoked or expired")]
pub struct UnknownStatus(pub String);

impl Status {
    /// The status after `change` is made at `now`.
    ///
    /// # Errors
    /// [`IllegalChange`] when it cannot be made.
    pub fn after(self, change: Change, now: DateTime<Utc>) -> Result<Self, IllegalChange> {
        let since = match (self, change) {
            (Self::Good | Self::Held { .. }, Change::Suspend { until: Some(until) })
                if until <= now =>
            {
                return Err(IllegalChange::AlreadyOver { until });
            }
            (Self::Good, Change::Suspend { until }) => return Ok(Self::Held { since: now, until }),
            // Another end of the same suspension.
            (Self::Held { since, until: before }, Change::Suspend { until }) if until != before => {
                return Ok(Self::Held { since, until });
            }
            (Self::Held { .. }, Change::Reactivate) => return Ok(Self::Good),
            (Self::Good, Change::Revoke { .. }) => now,
            // Whoever looked at the certificate while it was suspended was told not to rely on it.
            // A later revocation date would make what was signed meanwhile valid after all.
            (Self::Held { since, .. }, Change::Revoke { .. }) => since,
            (Self::Good, Change::Reactivate)
            | (Self::Held { .. }, Change::Suspend { .. })
            | (Self::Revoked { .. }, _) => return Err(IllegalChange::Status { from: self.word() }),
        };
        let Change::Revoke { reason, invalidity } = change else {
            return Err(IllegalChange::Status { from: self.word() });
        };
        if reason == RevocationReason::CertificateHold {
            return Err(IllegalChange::HoldIsNoRevocation);
        }
        match invalidity {
            Some(invalidity) if invalidity > now => {
                Err(IllegalChange::InvalidInFuture { invalidity })
            }
            // RFC 5280 §5.3.2: "This date may be earlier than the revocation date"; one that is
            // not says nothing.
            _ => Ok(Self::Revoked {
                at: since,
                reason,
                invalidity: invalidity.filter(|date| *date < since),
            }),
        }
    }

    /// The word for it, before its end is looked at.
    #[must_use]
    pub fn word(self) -> StatusWord {
        match self {
            Self::Good => StatusWord::Good,
            Self::Held { .. } => StatusWord::Suspended,
            Self::Revoked { .. } => StatusWord::Revoked,
        }
    }

    /// The word for it at `now`, of a certificate that is valid until `not_after`.
    #[must_use]
    pub fn word_at(self, not_after: DateTime<Utc>, now: DateTime<Utc>) -> StatusWord {
        match self.word() {
            StatusWord::Good if now > not_after => StatusWord::Expired,
            word => word,
        }
    }

    /// Since when and why it is on the revocation list; `None` when it is not.
    #[must_use]
    pub fn listed(self) -> Option<(DateTime<Utc>, RevocationReason)> {
        match self {
            Self::Good => None,
            Self::Held { since, .. } => Some((since, RevocationReason::CertificateHold)),
            Self::Revoked { at, reason, .. } => Some((at, reason)),
        }
    }

    /// What OCSP says of it.
    pub(crate) fn in_ocsp(self) -> CertStatus {
        match self.listed() {
            None => CertStatus::Good,
            Some((at, reason)) => CertStatus::Revoked { at, reason },
        }
    }
}

impl Change {
    /// The action in the audit trail.
    pub(crate) fn action(self) -> &'static str {
        match self {
            Self::Suspend { .. } => "certificate-suspended",
            Self::Reactivate => "certificate-reactivated",
            Self::Revoke { .. } => "certificate-revoked",
        }
    }

    /// The word for it in a history.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Suspend { .. } => "suspend",
            Self::Reactivate => "reactivate",
            Self::Revoke { .. } => "revoke",
        }
    }
}

impl StatusWord {
    /// Every word.
    pub const ALL: [Self; 4] = [Self::Good, Self::Suspended, Self::Revoked, Self::Expired];

    /// The name in the interface and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Suspended => "suspended",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
        }
    }
}

impl fmt::Display for StatusWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for StatusWord {
    type Err = UnknownStatus;

    fn from_str(text: &str) -> Result<Self, UnknownStatus> {
        let found = Self::ALL.into_iter().find(|word| word.name() == text);
        found.ok_or_else(|| UnknownStatus(text.to_owned()))
    }
}

/// What to do about a status that is in the way.
fn needed(from: StatusWord) -> &'static str {
    match from {
        StatusWord::Good => "only what is suspended can be reactivated",
        StatusWord::Suspended => "give another end, reactivate it, or revoke it",
        StatusWord::Revoked => "a revocation is final: issue a new certificate",
        StatusWord::Expired => "an expired certificate can only be revoked: issue a new one",
    }
}
