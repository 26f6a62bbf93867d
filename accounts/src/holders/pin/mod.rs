//! PIN and PUK: tried, counted, changed.
//!
//! A try is counted durably *before* anything is computed with the code, so that neither guesses
//! side by side nor a service that is stopped in the middle gets more tries than there are. The
//! fifth wrong PIN locks the credential until the PUK sets a new one; the fifth wrong PUK ends it.
//! A PUK sets a PIN once, and the next one is mailed in a new envelope; to lift a suspension, or to
//! vouch for another phone number, it is used without being used up.
//! A try that a fault of ours keeps from being computed is given back.
//! Whether a code is right is known by its wrap alone: see `keys`.

mod change;
mod flight;
mod open;
mod pair;
mod refusal;
mod renewed;
mod sheet;
mod verified;

pub use change::{NewPin, NextSheet};
pub use refusal::CodeRefusal;
pub use sheet::EnvelopeAddresses;
pub use verified::PinVerified;

pub(crate) use change::{needs_unused, remember};
pub(crate) use flight::Flights;
pub(crate) use open::{Both, PinAlone, PukOfHeld};
pub(crate) use sheet::{Sheet, new_sheet};

/// Tries of a code, counted from the last right one.
pub const MOST_TRIES: u32 = 5;
/// So many PINs must not come back: the current one, and those before it.
pub const REMEMBERED_PINS: usize = 3;
