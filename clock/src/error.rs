//! Why there is no time, and why a monitor cannot be set up.

use chrono::{DateTime, Utc};

/// Why there is no time that can be trusted. The text is for the log and the operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unavailable {
    /// Not enough servers have agreed since the start.
    #[error("the time servers have not agreed yet; `marca time status` says which of them answer")]
    NoQuorum,
    /// The error is larger than any token may state.
    #[error(
        "the clock may be off by {error_us} us, and no token may be by more than {limit_us} us \
         (measured: {ahead_us} us ahead); see that the time servers answer and that the machine's \
         clock is disciplined"
    )]
    OutOfSync {
        /// The bound of the error, in microseconds.
        error_us: u64,
        /// The largest that is allowed.
        limit_us: u64,
        /// How far the wall clock is ahead of the best estimate; negative if it is behind.
        ahead_us: i64,
    },
    /// No server has been heard for so long that even a small error cannot be vouched for.
    #[error(
        "no quorum of time servers has answered for {hours} hours; see that the servers can be \
         reached"
    )]
    HoldoverEnded {
        /// The longest holdover.
        hours: u64,
    },
    /// The clock was out of sync, and no quorum has confirmed it since.
    #[error("the clock was out of sync, and no quorum of time servers has confirmed it since")]
    Unconfirmed,
    /// A leap second is near, and the same second may be shown twice or not at all.
    #[error("a leap second at {at}: no token within one second of it")]
    LeapSecond {
        /// The instant after it.
        at: DateTime<Utc>,
    },
    /// The leap second is over; which of the servers stepped must be measured first.
    #[error("after the leap second of {at}: waiting for a quorum of time servers to confirm it")]
    AfterLeapSecond {
        /// The instant after it.
        at: DateTime<Utc>,
    },
    /// The kernel does not vouch for its clock, and the configuration demands that it does.
    #[error("the kernel does not call its clock synchronised; see that the NTP daemon runs")]
    Kernel,
    /// Without time servers: the wall clock jumped.
    #[error(
        "the machine's clock jumped {} by {} ms; set it right, or start the service again if it \
         is right now",
        if *ahead_us > 0 { "forward" } else { "back" },
        ahead_us.unsigned_abs() / 1000
    )]
    Jumped {
        /// How far the wall clock is ahead of where it should be; negative if it is behind.
        ahead_us: i64,
    },
}

/// What is wrong with the settings of a monitor; the text names the setting and the remedy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// With fewer servers than must agree there is never a time.
    #[error("{servers} time servers and {needed} must agree: name at least {needed} servers")]
    TooFewServers {
        /// How many there are.
        servers: usize,
        /// How many must agree.
        needed: usize,
    },
    /// A server that is named twice would have two votes.
    #[error("the time server {server:?} is named twice: each has one vote")]
    ServerTwice {
        /// As it is written.
        server: String,
    },
    /// Nobody would have to agree.
    #[error("at least one time server must agree; three or more find a liar")]
    NoAgreement,
    /// Servers are polled more often than the fastest poll allows, or never.
    #[error("the poll interval must be between the fastest poll and 1024 s")]
    Poll,
    /// A question would still be waiting when the next one is due.
    #[error("the timeout must be above zero and no longer than the fastest poll interval")]
    Timeout,
    /// No token could ever have the accuracy.
    #[error("the accuracy must be more than one millisecond")]
    Accuracy,
    /// A drift that no bound survives, or none at all.
    #[error("the drift must be 1 to 1000 parts per million")]
    Drift,
}
