//! What an operator is told about the clock.

use crate::kernel::KernelStatus;
use crate::sample::Leap;
use chrono::{DateTime, Utc};
use std::net::SocketAddr;

/// Whether tokens may be issued, as far as the clock goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// A fresh quorum vouches for the error, and it is small enough.
    InSync,
    /// No fresh quorum, but the error, which grows with time, is still small enough.
    Holdover,
    /// The error is too large, or nobody vouches for it: no token.
    OutOfSync,
    /// A leap second is near: no token.
    LeapWindow,
    /// No server is asked: the machine's clock is believed, and only its jumps are noticed.
    MachineClock,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::InSync, Self::Holdover, Self::OutOfSync, Self::LeapWindow, Self::MachineClock];

    /// The word for it, stable: `in-sync`, `holdover`, `out-of-sync`, `leap-window` or
    /// `machine-clock`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InSync => "in-sync",
            Self::Holdover => "holdover",
            Self::OutOfSync => "out-of-sync",
            Self::LeapWindow => "leap-window",
            Self::MachineClock => "machine-clock",
        }
    }

    /// Whether there is a time in it.
    #[must_use]
    pub fn has_time(self) -> bool {
        matches!(self, Self::InSync | Self::Holdover | Self::MachineClock)
    }
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a server is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// Not asked yet, or the servers have not agreed yet.
    Undecided,
    /// It agrees with the majority. RFC 5905 §11.2: "truechimer".
    Truechimer,
    /// The majority says otherwise. RFC 5905 §11.2: "falseticker".
    Falseticker,
    /// It does not answer.
    Unreachable,
    /// It answers, but not with a time that can be used; `problem` says why.
    Unusable,
    /// It has forbidden us to ask (kiss of death DENY or RSTR); not asked again until a restart.
    Denied,
}

impl Standing {
    /// The word for it, stable.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Undecided => "undecided",
            Self::Truechimer => "truechimer",
            Self::Falseticker => "falseticker",
            Self::Unreachable => "unreachable",
            Self::Unusable => "unusable",
            Self::Denied => "denied",
        }
    }
}

impl std::fmt::Display for Standing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The clock now. Times in microseconds; an offset is positive if the wall clock is ahead.
#[derive(Clone, Debug)]
pub struct Status {
    /// `ntp`, or `machine-clock` if no server is asked.
    pub mode: &'static str,
    /// Whether there is time for tokens.
    pub state: State,
    /// Since when, by the best time there is.
    pub since: DateTime<Utc>,
    /// Why there is no time, or why it is a holdover.
    pub reason: Option<String>,
    /// The wall clock less the best estimate of UTC. Unknown before the first quorum, and always
    /// for a machine's clock that nobody is asked about.
    pub offset_us: Option<i64>,
    /// The wall clock is no further from UTC than this. Unknown like the offset.
    pub error_us: Option<u64>,
    /// From which error on there is no time at all.
    pub limit_us: Option<u64>,
    /// When the servers last agreed.
    pub last_sync: Option<DateTime<Utc>>,
    /// How many of them agree.
    pub agreeing: usize,
    /// How many must.
    pub needed: usize,
    /// How much faster (or slower) than UTC the bare oscillator was between the last two quorums
    /// that were far enough apart to tell, in parts per million.
    pub observed_drift_ppm: Option<f64>,
    /// The instant after an announced leap second.
    pub leap_second_at: Option<DateTime<Utc>>,
    /// Each server.
    pub sources: Vec<SourceStatus>,
    /// The second witness.
    pub kernel: KernelStatus,
}

/// A time server now.
#[derive(Clone, Debug)]
pub struct SourceStatus {
    /// As it is configured.
    pub server: String,
    /// The address that is asked.
    pub address: Option<SocketAddr>,
    /// Whether its answers are authenticated (NTS). Never in this version.
    pub authenticated: bool,
    /// What it is taken for.
    pub standing: Standing,
    /// Whether one of the last eight polls was answered.
    pub reachable: bool,
    /// Its distance from a reference clock, in servers.
    pub stratum: Option<u8>,
    /// The wall clock less this server's time.
    pub offset_us: Option<i64>,
    /// The way there and back.
    pub delay_us: Option<u64>,
    /// How wrong this server may be at most, seen from here.
    pub root_distance_us: Option<u64>,
    /// The leap second that it announces.
    pub leap: Option<Leap>,
    /// The code of its last refusal, if that was its last answer.
    pub kiss_of_death: Option<String>,
    /// When it last answered with a time.
    pub last: Option<DateTime<Utc>>,
    /// How often it is asked, in seconds.
    pub poll_s: f64,
    /// What was wrong with the last poll.
    pub problem: Option<String>,
}
