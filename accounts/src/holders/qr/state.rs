//! The states of a login by QR code, and what leads from one to the next.

use crate::holders::HolderError;
use minicbor::{Decode, Encode};

/// Where a login by QR code is. Used in stored state.
///
/// ```text
/// Waiting ──look──▶ Seen ──approve──▶ Approved ──collect──▶ Collected
///    │               │ deny, mismatch    │  │ disown            │ disown
///    │ expire        │ expire            │  └────────┬──────────┘
///    ▼               ▼                   ▼           ▼
/// Expired       Denied, Failed,       Expired     Disowned
///               Expired
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum QrStatus {
    /// A browser shows the code.
    #[n(0)]
    Waiting,
    /// A linked phone has read it, and nobody else can any more.
    #[n(1)]
    Seen,
    /// The phone approved; the browser has not asked yet.
    #[n(2)]
    Approved,
    /// The browser has its session.
    #[n(3)]
    Collected,
    /// The phone said no.
    #[n(4)]
    Denied,
    /// A wrong number or a wrong signature.
    #[n(5)]
    Failed,
    /// The holder says that it was somebody else.
    #[n(6)]
    Disowned,
    /// Its time is over.
    #[n(7)]
    Expired,
}

/// What happens to a login by QR code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum QrEvent {
    /// A linked phone reads the code.
    Look,
    /// The phone approves, with the right number and a right signature.
    Approve,
    /// The phone approves with a wrong number or a wrong signature.
    Mismatch,
    /// The phone says no.
    Deny,
    /// The browser fetches its session.
    Collect,
    /// The holder says that it was somebody else.
    Disown,
    /// Its time ends.
    Expire,
}

impl QrStatus {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Waiting,
        Self::Seen,
        Self::Approved,
        Self::Collected,
        Self::Denied,
        Self::Failed,
        Self::Disowned,
        Self::Expired,
    ];

    /// The state after an event. Everything else is [`HolderError::QrInvalid`]: it is not told
    /// what became of a code.
    pub fn apply(self, event: QrEvent) -> Result<Self, HolderError> {
        match (self, event) {
            (Self::Waiting, QrEvent::Look) => Ok(Self::Seen),
            (Self::Seen, QrEvent::Approve) => Ok(Self::Approved),
            (Self::Seen, QrEvent::Mismatch) => Ok(Self::Failed),
            (Self::Seen, QrEvent::Deny) => Ok(Self::Denied),
            (Self::Approved, QrEvent::Collect) => Ok(Self::Collected),
            (Self::Approved | Self::Collected, QrEvent::Disown) => Ok(Self::Disowned),
            (Self::Waiting | Self::Seen | Self::Approved, QrEvent::Expire) => Ok(Self::Expired),
            _ => Err(HolderError::QrInvalid),
        }
    }
}

impl QrEvent {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Look,
        Self::Approve,
        Self::Mismatch,
        Self::Deny,
        Self::Collect,
        Self::Disown,
        Self::Expire,
    ];
}
