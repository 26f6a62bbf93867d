//! The life of a signing credential, as one type: what may happen in which state.
//!
//! ```text
//! awaiting activation ──activate──▶ active ◀──set PIN── PIN-locked
//!         │                         │ ▲ └──lock PIN──────▶ │ ▲
//!         │                 suspend │ │ reactivate,        │ │ (a lock outlives
//!         │                         ▼ │ hold ends          │ │  a suspension)
//!         │                        suspended ◀──suspend────┘─┘
//!         └──────revoke──────┬──────┴────revoke────────────┘
//!                            ▼
//!                         revoked                    any of these but revoked ─ ─ time ─ ▶ expired
//! ```
//!
//! `expired` is never stored: it is what time makes of the others. A renewal stands beside this
//! machine, since the old credential stays as it is until the new certificate is there.

use crate::holders::HolderError;
use chrono::{DateTime, Utc};
use minicbor::{Decode, Encode};

/// Where a credential is. Used in stored state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum State {
    /// The envelope is out; there is no key yet.
    #[n(0)]
    AwaitingActivation,
    /// It signs.
    #[n(1)]
    Active,
    /// It does not sign for a time, or until it is reactivated.
    #[n(2)]
    Suspended {
        /// The end, in milliseconds since the Unix epoch; `None` is until it is reactivated.
        #[n(0)]
        until: Option<i64>,
        /// Who wanted it.
        #[n(1)]
        cause: SuspensionCause,
        /// Whether the PIN is locked beneath it.
        #[n(2)]
        pin_locked: bool,
    },
    /// Too many wrong PINs; the PUK sets a new one.
    #[n(3)]
    PinLocked,
    /// It never signs again.
    #[n(4)]
    Revoked {
        /// Why.
        #[n(0)]
        cause: RevocationCause,
    },
    /// Its certificate is past its end. Computed by [`Life::at`], never stored.
    #[n(5)]
    Expired,
}

/// Who wanted a suspension; the later ones are harder to lift. Used in stored state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum SuspensionCause {
    /// The holder, logged in.
    #[n(0)]
    Holder,
    /// Somebody with the emergency code.
    #[n(1)]
    EmergencyCode,
    /// An operator.
    #[n(2)]
    Operator,
}

impl SuspensionCause {
    /// A stable word in kebab-case.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Holder => "holder",
            Self::EmergencyCode => "emergency-code",
            Self::Operator => "operator",
        }
    }
}

/// Why a credential ended. Used in stored state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum RevocationCause {
    /// The holder does not want it any more.
    #[n(0)]
    Cessation,
    /// Somebody else may have PIN, telephone or envelope.
    #[n(1)]
    KeyCompromise,
    /// What the certificate says of the holder is not so any more.
    #[n(2)]
    AffiliationChanged,
    /// Another credential took its place.
    #[n(3)]
    Superseded,
    /// The holder may not have it any more.
    #[n(4)]
    PrivilegeWithdrawn,
    /// Too many wrong PUKs, or codes at its activation.
    #[n(5)]
    CodesExhausted,
}

impl RevocationCause {
    /// A stable word in kebab-case.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Cessation => "cessation",
            Self::KeyCompromise => "key-compromise",
            Self::AffiliationChanged => "affiliation-changed",
            Self::Superseded => "superseded",
            Self::PrivilegeWithdrawn => "privilege-withdrawn",
            Self::CodesExhausted => "codes-exhausted",
        }
    }
}

/// What happens to a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Its key and certificate were made.
    Activate {
        /// The end of the certificate, in milliseconds since the Unix epoch.
        not_after: i64,
    },
    /// A renewal was completed: another key and certificate.
    Renew {
        /// The end of the new certificate, in milliseconds since the Unix epoch.
        not_after: i64,
    },
    /// It is suspended, or suspended for longer.
    Suspend {
        /// Until when; `None` is until it is reactivated.
        until: Option<i64>,
        /// Who wanted it.
        cause: SuspensionCause,
    },
    /// The holder, or an operator, lifts a suspension.
    Reactivate,
    /// The date until which it was suspended has come.
    HoldEnds,
    /// The last wrong PIN.
    LockPin,
    /// The PIN was changed, or the PUK set a new one.
    SetPin,
    /// The end, for whatever cause.
    Revoke {
        /// Why.
        cause: RevocationCause,
    },
}

/// A credential's state, with what time makes of it. Used in stored state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Life {
    #[n(0)]
    state: State,
    /// The end of the certificate, once there is one.
    #[n(1)]
    not_after: Option<i64>,
    /// Grows with every event that ends what was authorised before.
    #[n(2)]
    epoch: u64,
}

impl Life {
    /// The life of a credential whose envelope was just made.
    #[must_use]
    pub const fn new() -> Self {
        Self { state: State::AwaitingActivation, not_after: None, epoch: 0 }
    }

    /// The state at an instant.
    #[must_use]
    pub fn at(self, now: DateTime<Utc>) -> State {
        let over = self.not_after.is_some_and(|end| now.timestamp_millis() > end);
        match self.state {
            State::Revoked { .. } => self.state,
            _ if over => State::Expired,
            state => state,
        }
    }

    /// The state without what time makes of it.
    pub(crate) const fn stored(self) -> State {
        self.state
    }

    /// The end of its certificate, in milliseconds since the Unix epoch.
    #[must_use]
    pub const fn not_after(self) -> Option<i64> {
        self.not_after
    }

    /// Grows with every event that must end signatures that were authorised before it.
    #[must_use]
    pub const fn epoch(self) -> u64 {
        self.epoch
    }

    /// What the credential is after an event.
    ///
    /// # Errors
    /// [`HolderError::IllegalTransition`]: there are no other transitions than those drawn above.
    pub fn apply(self, event: Event, now: DateTime<Utc>) -> Result<Self, HolderError> {
        let state = self.at(now);
        let next = match (state, event) {
            (State::AwaitingActivation, Event::Activate { not_after }) => {
                let not_after = Some(not_after);
                return Ok(Self { state: State::Active, not_after, epoch: self.epoch + 1 });
            }
            (State::Active, Event::Renew { not_after }) => {
                return Ok(Self { not_after: Some(not_after), epoch: self.epoch + 1, ..self });
            }
            (State::Active | State::PinLocked, Event::Suspend { until, cause }) => {
                State::Suspended { until, cause, pin_locked: state == State::PinLocked }
            }
            // A second suspension makes it longer and never shorter, and of two causes the one
            // that is harder to lift counts: who has one of two ways to suspend must not be able
            // to undo the other.
            (
                State::Suspended { until, cause, pin_locked },
                Event::Suspend { until: asked, cause: asker },
            ) => {
                State::Suspended { until: later(until, asked), cause: cause.max(asker), pin_locked }
            }
            (State::Suspended { pin_locked, .. }, Event::Reactivate) => beneath(pin_locked),
            (State::Suspended { until: Some(until), pin_locked, .. }, Event::HoldEnds)
                if until <= now.timestamp_millis() =>
            {
                beneath(pin_locked)
            }
            (State::Active, Event::LockPin) => State::PinLocked,
            (State::Active | State::PinLocked, Event::SetPin) => State::Active,
            (
                State::AwaitingActivation
                | State::Active
                | State::Suspended { .. }
                | State::PinLocked,
                Event::Revoke { cause },
            ) => State::Revoked { cause },
            (state, event) => {
                return Err(HolderError::IllegalTransition {
                    machine: "the credential",
                    state: state.word(),
                    event: event.word(),
                });
            }
        };
        Ok(Self { state: next, epoch: self.epoch + 1, ..self })
    }
}

impl Default for Life {
    fn default() -> Self {
        Self::new()
    }
}

impl State {
    /// A stable word in kebab-case.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::AwaitingActivation => "awaiting-activation",
            Self::Active => "active",
            Self::Suspended { .. } => "suspended",
            Self::PinLocked => "pin-locked",
            Self::Revoked { .. } => "revoked",
            Self::Expired => "expired",
        }
    }
}

impl Event {
    /// The refusal of an event that somebody may not bring about, whatever the state.
    pub(crate) const fn refused_to(self, who: &'static str) -> HolderError {
        HolderError::IllegalTransition { machine: who, state: "not the holder", event: self.word() }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Activate { .. } => "be activated",
            Self::Renew { .. } => "be renewed",
            Self::Suspend { .. } => "be suspended",
            Self::Reactivate => "be reactivated",
            Self::HoldEnds => "end its suspension by date",
            Self::LockPin => "have its PIN locked",
            Self::SetPin => "get a new PIN",
            Self::Revoke { .. } => "be revoked",
        }
    }
}

/// What comes out from under a suspension.
const fn beneath(pin_locked: bool) -> State {
    if pin_locked { State::PinLocked } else { State::Active }
}

/// The later of two ends; no end is the latest.
fn later(one: Option<i64>, other: Option<i64>) -> Option<i64> {
    Some(one?.max(other?))
}
