//! Time that can be trusted, with a bound of its error that is never hidden.
//!
//! A time-stamp is worth what its clock is worth. This crate watches the wall clock of the machine
//! and says, on every request and without a lock, how far it may be from UTC at most. It does not
//! set the clock: that is the work of an NTP daemon, and the two are witnesses of each other.
//!
//! ```text
//!  NTP servers ──► source: filter, back-off ──► select: who agrees, and a bound ──► anchor
//!                                                                                     │
//!  wall clock, clock that nobody can steer ──────────────────────► now(): time ± error ◄┘
//!  kernel's discipline (adjtimex) ──► second witness, leap seconds
//! ```
//!
//! At each quorum an anchor is set: what the steady clock showed, what UTC was then, and
//! how exactly that is known. From it follows, at any later instant,
//!
//! ```text
//! error = |wall clock − (true time at the anchor + time on the steady clock since)|
//!         + uncertainty of the anchor + drift × time on the steady clock since
//! ```
//!
//! so that a jump, a wrong slew, an NTP daemon that lies and servers that are gone all show as an
//! error that is too large for a token, and nothing has to notice them one by one.
//!
//! Standards: RFC 5905 (NTP), EN 319 421 clause 7.7.2 (a clock out of its accuracy gives no token).
//! Nothing of the other crates is used here; time, randomness and the kernel come in as parameters.

mod anchor;
mod discipline;
mod error;
mod event;
mod exchange;
mod guard;
mod kernel;
mod machine;
mod monitor;
mod run;
mod sample;
mod select;
mod settings;
mod source;
mod status;

pub use error::{SettingsError, Unavailable};
pub use event::Event;
pub use kernel::{Kernel, KernelStatus, SystemKernel};
pub use machine::{Clocks, NonceSource, Reading, SystemClocks};
pub use monitor::{Monitor, Time};
pub use sample::Leap;
pub use settings::Settings;
pub use status::{SourceStatus, Standing, State, Status};
