//! What happens to the clock, for the log and for the audit trail.

use crate::status::{Standing, State};

/// Something that happened. `Display` is a line for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Event {
    /// There is time for tokens, or there is none any more, or how it is known has changed.
    #[error("the clock is {to} (was {from}): {reason}")]
    StateChanged {
        /// What it was.
        from: State,
        /// What it is.
        to: State,
        /// Why.
        reason: String,
    },
    /// A server is taken for something else.
    #[error("the time server {server} is {to} (was {from})")]
    SourceChanged {
        /// As it is configured.
        server: String,
        /// What it was taken for.
        from: Standing,
        /// What it is taken for.
        to: Standing,
    },
    /// The wall clock was set, not slewed.
    #[error("the wall clock was stepped by {by_us} us")]
    Stepped {
        /// Forward if positive.
        by_us: i64,
    },
    /// The time that the servers agree on is not where it can be after the last agreement: the
    /// servers moved, or the oscillator runs faster than the configured drift.
    #[error(
        "the time servers agree on a time {by_us} us away from the one they agreed on before; see \
         whether they were all wrong, or whether this machine drifts more than it is configured to"
    )]
    QuorumMoved {
        /// By so much, beyond what both may err.
        by_us: i64,
    },
    /// The kernel calls its clock synchronised, or does not any more, or cannot be asked.
    #[error("the kernel's clock is {to} (was {from})")]
    KernelChanged {
        /// `synchronised`, `not synchronised` or `not readable`.
        from: &'static str,
        /// The same words.
        to: &'static str,
    },
}

impl Event {
    /// The word for it in the audit trail, stable.
    #[must_use]
    pub fn action(&self) -> &'static str {
        match self {
            Self::StateChanged { .. } => "clock-state-changed",
            Self::SourceChanged { .. } => "time-server-changed",
            Self::Stepped { .. } => "clock-stepped",
            Self::QuorumMoved { .. } => "time-quorum-moved",
            Self::KernelChanged { .. } => "kernel-clock-changed",
        }
    }

    /// What it is about: `clock`, `kernel` or `time server NAME`.
    #[must_use]
    pub fn subject(&self) -> String {
        match self {
            Self::SourceChanged { server, .. } => format!("time server {server}"),
            Self::KernelChanged { .. } => "kernel".to_owned(),
            _ => "clock".to_owned(),
        }
    }

    /// Whether it is for the worse.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        match self {
            Self::StateChanged { to, .. } => !to.has_time(),
            Self::SourceChanged { to, .. } => {
                !matches!(to, Standing::Truechimer | Standing::Undecided)
            }
            Self::Stepped { .. } | Self::QuorumMoved { .. } => true,
            Self::KernelChanged { to, .. } => *to != crate::discipline::KERNEL_SYNCHRONISED,
        }
    }

    /// Its particulars, by name.
    #[must_use]
    pub fn details(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::StateChanged { from, to, reason } => {
                vec![("from", from.to_string()), ("to", to.to_string()), ("reason", reason.clone())]
            }
            Self::SourceChanged { from, to, .. } => {
                vec![("from", from.to_string()), ("to", to.to_string())]
            }
            Self::Stepped { by_us } | Self::QuorumMoved { by_us } => {
                vec![("by_us", by_us.to_string())]
            }
            Self::KernelChanged { from, to } => {
                vec![("from", (*from).to_owned()), ("to", (*to).to_owned())]
            }
        }
    }

    pub(crate) fn log(&self) {
        match self {
            Self::StateChanged { .. } | Self::QuorumMoved { .. } if self.is_failure() => {
                tracing::error!(action = self.action(), "{self}");
            }
            _ if self.is_failure() => tracing::warn!(action = self.action(), "{self}"),
            _ => tracing::info!(action = self.action(), "{self}"),
        }
    }
}
