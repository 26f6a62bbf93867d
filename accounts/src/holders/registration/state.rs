//! The states of a registration, and what leads from one to the next.

use crate::holders::HolderError;
use minicbor::{Decode, Encode};

/// Where a registration is. Used in stored state.
///
/// ```text
/// Requested ──approve──▶ Approved ──invite──▶ Invited ⟲ invite ──complete──▶ Active
///     │ reject, expire       │ reject            │ reject, expire
///     ▼                      ▼                   ▼
///   Rejected, Expired      Rejected            Rejected, Expired
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum RegistrationState {
    /// Somebody asked; an operator has to look at it.
    #[n(0)]
    Requested,
    /// There is a holder; the invitation has not gone out.
    #[n(1)]
    Approved,
    /// The invitation went out.
    #[n(2)]
    Invited,
    /// The holder has set a password.
    #[n(3)]
    Active,
    /// An operator said no.
    #[n(4)]
    Rejected,
    /// Nobody looked at the request, or the invitation was not used.
    #[n(5)]
    Expired,
}

/// What happens to a registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RegistrationEvent {
    /// An operator approves.
    Approve,
    /// An operator rejects.
    Reject,
    /// The invitation goes out, or goes out again.
    Invite,
    /// The holder has set a password.
    Complete,
    /// The time is over.
    Expire,
}

impl RegistrationState {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Requested,
        Self::Approved,
        Self::Invited,
        Self::Active,
        Self::Rejected,
        Self::Expired,
    ];

    /// A stable word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Approved => "approved",
            Self::Invited => "invited",
            Self::Active => "active",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
        }
    }

    /// The state after an event, or a refusal: there are no other transitions.
    pub fn apply(self, event: RegistrationEvent) -> Result<Self, HolderError> {
        use RegistrationEvent as Event;
        match (self, event) {
            (Self::Requested, Event::Approve) => Ok(Self::Approved),
            (Self::Requested | Self::Approved | Self::Invited, Event::Reject) => Ok(Self::Rejected),
            (Self::Approved | Self::Invited, Event::Invite) => Ok(Self::Invited),
            (Self::Invited, Event::Complete) => Ok(Self::Active),
            (Self::Requested | Self::Invited, Event::Expire) => Ok(Self::Expired),
            (state, event) => Err(HolderError::IllegalTransition {
                machine: "the registration",
                state: state.word(),
                event: event.word(),
            }),
        }
    }

    /// Whether it ended without a holder who can log in: nothing personal is kept of it.
    #[must_use]
    pub fn is_void(self) -> bool {
        matches!(self, Self::Rejected | Self::Expired)
    }
}

impl RegistrationEvent {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Approve, Self::Reject, Self::Invite, Self::Complete, Self::Expire];

    fn word(self) -> &'static str {
        match self {
            Self::Approve => "be approved",
            Self::Reject => "be rejected",
            Self::Invite => "be invited",
            Self::Complete => "be completed",
            Self::Expire => "expire",
        }
    }
}
