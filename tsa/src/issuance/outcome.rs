//! What came of a request: octets for the client, and facts for the rim (HTTP status, headers, log
//! lines, counters), which needs no ASN.1 to read them.

use crate::failure::{PkiFailureInfo, RejectReason, Rejection};
use crate::response;
use crate::serial::Serial;

/// The answer to a request.
#[derive(Clone, Debug)]
pub struct Reply {
    /// DER of a TimeStampResp, whatever the outcome.
    pub der: Vec<u8>,
    /// What it is.
    pub outcome: Outcome,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A token.
    Granted {
        /// Its serial number.
        serial: Serial,
        /// Stamps that remain.
        remaining: u64,
        /// The token of an earlier, equal request: no stamp was taken for it now.
        repeated: bool,
        /// The serial number of the second token, when the unit is one of a pair.
        companion: Option<Serial>,
    },
    /// No token and no stamp taken; the reply says why in the protocol's words.
    Rejected {
        /// The protocol's value.
        failure: PkiFailureInfo,
        /// Ours, finer; its label is stable.
        reason: RejectReason,
    },
    /// The account has no stamps left.
    NoStamps,
    /// The account is suspended or closed.
    AccountNotActive,
    /// Too much to do: try again later.
    Busy,
    /// There is no such unit.
    UnknownUnit,
}

impl Reply {
    /// A new token; `serials` are its own and its companion's.
    pub(super) fn granted(
        token: &[u8],
        (serial, companion): (Serial, Option<Serial>),
        remaining: u64,
    ) -> Self {
        let outcome = Outcome::Granted { serial, remaining, repeated: false, companion };
        Self { der: response::granted(token), outcome }
    }

    /// The token of an earlier request, in a reply that is already encoded.
    pub(super) fn repeated(
        der: Vec<u8>,
        (serial, companion): (Serial, Option<Serial>),
        remaining: u64,
    ) -> Self {
        Self { der, outcome: Outcome::Granted { serial, remaining, repeated: true, companion } }
    }

    pub(super) fn rejected(rejection: &Rejection) -> Self {
        Self { der: response::rejected(rejection), outcome: rejection.reason.into() }
    }
}

impl From<RejectReason> for Outcome {
    fn from(reason: RejectReason) -> Self {
        match reason {
            RejectReason::NoStamps => Self::NoStamps,
            RejectReason::AccountNotActive => Self::AccountNotActive,
            RejectReason::Busy => Self::Busy,
            RejectReason::UnknownUnit => Self::UnknownUnit,
            reason => Self::Rejected { failure: reason.failure(), reason },
        }
    }
}
