//! Where the code of an operation is, as a machine: what is not drawn here cannot happen.

use super::OtpRefusal;
use minicbor::{Decode, Encode};

/// Where the code of an operation is. That its time has ended is not a state: the clock says it.
/// Used in stored state.
///
/// ```text
///         ┌──── Renew ────┐
///         ▼               │
/// ──▶ Waiting ──Spend──▶ Spent
///       │   │               │
///      Use  └──Replace──┐   │ Replace
///       ▼               ▼   ▼
///      Used           Replaced
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum ChallengeState {
    /// A code is waited for.
    #[n(0)]
    Waiting,
    /// The right code came.
    #[n(1)]
    Used,
    /// A newer operation for the same purpose took its place.
    #[n(2)]
    Replaced,
    /// As many wrong codes came as may.
    #[n(3)]
    Spent,
}

/// What happens to the code of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChallengeEvent {
    /// The right code came.
    Use,
    /// The holder began a newer operation for the same purpose.
    Replace,
    /// The last of the tries was wrong.
    Spend,
    /// A new code was made for the operation.
    Renew,
}

impl ChallengeState {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Waiting, Self::Used, Self::Replaced, Self::Spent];

    /// The state after an event.
    ///
    /// # Errors
    /// [`OtpRefusal::Void`] or [`OtpRefusal::Spent`]: there are no other transitions than those
    /// drawn above.
    pub fn apply(self, event: ChallengeEvent) -> Result<Self, OtpRefusal> {
        use ChallengeEvent as Event;
        match (self, event) {
            (Self::Waiting, Event::Use) => Ok(Self::Used),
            (Self::Waiting, Event::Spend) => Ok(Self::Spent),
            (Self::Waiting | Self::Spent, Event::Replace) => Ok(Self::Replaced),
            (Self::Waiting | Self::Spent, Event::Renew) => Ok(Self::Waiting),
            (Self::Spent, _) => Err(OtpRefusal::Spent),
            (Self::Used | Self::Replaced, _) => Err(OtpRefusal::Void),
        }
    }
}

impl ChallengeEvent {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Use, Self::Replace, Self::Spend, Self::Renew];
}
