//! The states of a change of the phone number, and what leads from one to the next.

use crate::holders::HolderError;
use minicbor::{Decode, Encode};

/// Where a change of the phone number is. Used in stored state; only the first three have a row.
///
/// ```text
///                agreed by the old number: Agreed ──prove──────────────────▶ Counted
///                                            │ replace, end, cancel             ▲
///                                            ▼                                  │ count
///                            Replaced, Ended, Cancelled ◀── cancel ── Waiting ──┘
///                                            ▲                           ▲
///                                            │ replace, end, cancel      │
/// vouched for by PUK and emergency code: Vouched ──────────prove─────────┘
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum PhoneState {
    /// The old number agreed; the new one has to be proved.
    #[n(0)]
    Agreed,
    /// PUK and emergency code were right; the new number has to be proved.
    #[n(1)]
    Vouched,
    /// The new number was proved, and counts after a while.
    #[n(2)]
    Waiting,
    /// The new number counts.
    #[n(3)]
    Counted,
    /// Another change took its place.
    #[n(4)]
    Replaced,
    /// The new number was not proved in time.
    #[n(5)]
    Ended,
    /// The holder, or whoever reads the holder's mail, said no.
    #[n(6)]
    Cancelled,
}

/// What happens to a change of the phone number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PhoneEvent {
    /// The code that went to the new number was right.
    Prove,
    /// The while is over.
    Count,
    /// Another change is begun.
    Replace,
    /// The time to prove it is over.
    End,
    /// Somebody says no.
    Cancel,
}

impl PhoneState {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Agreed,
        Self::Vouched,
        Self::Waiting,
        Self::Counted,
        Self::Replaced,
        Self::Ended,
        Self::Cancelled,
    ];

    /// A stable word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Agreed => "agreed",
            Self::Vouched => "vouched",
            Self::Waiting => "waiting",
            Self::Counted => "counted",
            Self::Replaced => "replaced",
            Self::Ended => "ended",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state after an event, or a refusal: there are no other transitions. One that waits has
    /// to be cancelled before another is begun, so that the notices of the first stay true.
    pub fn apply(self, event: PhoneEvent) -> Result<Self, HolderError> {
        use PhoneEvent as Event;
        match (self, event) {
            (Self::Agreed, Event::Prove) | (Self::Waiting, Event::Count) => Ok(Self::Counted),
            (Self::Vouched, Event::Prove) => Ok(Self::Waiting),
            (Self::Agreed | Self::Vouched, Event::Replace) => Ok(Self::Replaced),
            (Self::Agreed | Self::Vouched, Event::End) => Ok(Self::Ended),
            (Self::Agreed | Self::Vouched | Self::Waiting, Event::Cancel) => Ok(Self::Cancelled),
            (state, event) => Err(HolderError::IllegalTransition {
                machine: "the change of the phone number",
                state: state.word(),
                event: event.word(),
            }),
        }
    }
}

impl PhoneEvent {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Prove, Self::Count, Self::Replace, Self::End, Self::Cancel];

    fn word(self) -> &'static str {
        match self {
            Self::Prove => "be proved",
            Self::Count => "count",
            Self::Replace => "be replaced: cancel it first",
            Self::End => "end",
            Self::Cancel => "be cancelled",
        }
    }
}
