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
    pub(super) fn granted(token: &[u8], serial: Serial, remaining: u64) -> Self {
        let outcome = Outcome::Granted { serial, remaining, repeated: false };
        Self { der: response::granted(token), outcome }
    }

    pub(super) fn repeated(der: Vec<u8>, serial: Serial, remaining: u64) -> Self {
        Self { der, outcome: Outcome::Granted { serial, remaining, repeated: true } }
    }

    pub(super) fn rejected(rejection: &Rejection) -> Self {
        let outcome = match rejection.reason {
            RejectReason::NoStamps => Outcome::NoStamps,
            RejectReason::AccountNotActive => Outcome::AccountNotActive,
            RejectReason::Busy => Outcome::Busy,
            RejectReason::UnknownUnit => Outcome::UnknownUnit,
            reason => Outcome::Rejected { failure: rejection.failure, reason },
        };
        Self { der: response::rejected(rejection), outcome }
    }
}
