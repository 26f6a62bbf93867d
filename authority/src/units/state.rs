//! The life of a generation, and the only steps in it.
//!
//! ```text
//!   key-made ─certify─► certified ─activate─► active ─retire─► retired ─destroy─► destroyed
//!      │                  ▲ │ │                                  ▲
//!      │          certify └─┘ └───────────────retire─────────────┤
//!      └──────────────────────────────────────retire─────────────┘
//! ```
//!
//! There is no way back: a key that stopped signing never signs again (EN 319 421 TIS-7.6.7), and
//! one that is destroyed is destroyed.

use minicbor::{Decode, Encode};
use std::fmt;

/// Where a generation is in its life. Used in stored state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum State {
    /// The key is there; it waits for its certificate.
    #[n(0)]
    KeyMade,
    /// The certificate is there and was checked; no token was signed yet.
    #[n(1)]
    Certified,
    /// Signs the unit's tokens.
    #[n(2)]
    Active,
    /// Signs nothing ever again; its tokens can be verified and fetched.
    #[n(3)]
    Retired,
    /// The key is gone; its certificate is kept.
    #[n(4)]
    Destroyed,
}

/// What is done to a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// It gets a certificate, or another one before it has signed anything.
    Certify,
    /// It begins to sign.
    Activate,
    /// It signs no more.
    Retire,
    /// Its key is destroyed.
    Destroy,
}

/// A step that the state does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is {state}, so it cannot be {step}: {}", needed(*.state, *.step))]
pub struct IllegalStep {
    /// The state it is in.
    pub state: State,
    /// What was to be done.
    pub step: Step,
}

impl State {
    /// Every state, in the order of a life.
    pub const ALL: [Self; 5] =
        [Self::KeyMade, Self::Certified, Self::Active, Self::Retired, Self::Destroyed];

    /// The state after `step`.
    ///
    /// # Errors
    /// [`IllegalStep`]
    pub fn after(self, step: Step) -> Result<Self, IllegalStep> {
        match (self, step) {
            (Self::KeyMade | Self::Certified, Step::Certify) => Ok(Self::Certified),
            (Self::Certified, Step::Activate) => Ok(Self::Active),
            (Self::KeyMade | Self::Certified | Self::Active, Step::Retire) => Ok(Self::Retired),
            (Self::Retired, Step::Destroy) => Ok(Self::Destroyed),
            (state, step) => Err(IllegalStep { state, step }),
        }
    }

    /// Whether it has still to begin.
    #[must_use]
    pub fn is_waiting(self) -> bool {
        matches!(self, Self::KeyMade | Self::Certified)
    }

    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::KeyMade => "key-made",
            Self::Certified => "certified",
            Self::Active => "active",
            Self::Retired => "retired",
            Self::Destroyed => "destroyed",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl Step {
    /// Every step.
    pub const ALL: [Self; 4] = [Self::Certify, Self::Activate, Self::Retire, Self::Destroy];
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Certify => "certified",
            Self::Activate => "activated",
            Self::Retire => "retired",
            Self::Destroy => "destroyed",
        })
    }
}

fn needed(state: State, step: Step) -> &'static str {
    match (state, step) {
        (State::KeyMade, Step::Activate) => "give it a certificate first",
        (State::Active, Step::Certify | Step::Activate) => {
            "make a new key for the next generation, and certify and activate that one"
        }
        (State::Retired | State::Destroyed, Step::Certify | Step::Activate) => {
            "it signs no more; make a new key for the next generation"
        }
        (_, Step::Destroy) if state != State::Destroyed => "retire it first",
        _ => "there is nothing left to do",
    }
}
