//! Why a one-time code was not sent, or not taken.

use std::time::Duration;

/// What is wrong with a one-time code, or with asking for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OtpRefusal {
    /// A text that is no code at all. Not counted.
    #[error("this is not a one-time code: type its six digits")]
    Malformed,
    /// There is no such operation, or it is another holder's: which is not said.
    #[error("no one-time code was asked for here, or it is long over: ask for a new one")]
    Unknown,
    /// The code was used, or a newer one for the same purpose took its place.
    #[error("this one-time code was used, or a newer one took its place: ask for a new one")]
    Void,
    /// The code's time has ended.
    #[error("this one-time code has ended: ask for a new one")]
    Expired,
    /// The code is wrong.
    #[error("the one-time code is not right: {}, then you need a new one", more_tries(*left))]
    Wrong {
        /// Tries that are left.
        left: u32,
    },
    /// As many wrong codes came as may.
    #[error("too many wrong codes for this one-time code: ask for a new one")]
    Spent,
    /// Sent again too soon.
    #[error("a code was sent just now: wait {} s, then ask again", retry_after.as_secs())]
    TooSoon {
        /// How long to wait; whole seconds, at least one.
        retry_after: Duration,
    },
    /// As many messages were sent for this operation as may.
    #[error("no more codes are sent for this operation: begin it again")]
    Sendings,
    /// Too many messages to this number or to this holder, or too many wrong codes.
    #[error(
        "too many one-time codes in a short time: wait {} min; the codes of an authenticator app \
         that is enrolled go on",
        minutes(retry_after)
    )]
    Limit {
        /// How long to wait; whole seconds, at least one.
        retry_after: Duration,
    },
    /// Too many wrong codes, over all operations of the holder.
    #[error("too many wrong one-time codes: wait {} min before the next", minutes(retry_after))]
    WrongLimit {
        /// How long to wait; whole seconds, at least one.
        retry_after: Duration,
    },
    /// The service sends no more short messages for a while, whoever they are for.
    #[error(
        "the service sends no more short messages for {} min: wait; the codes of an authenticator \
         app that is enrolled go on",
        minutes(retry_after)
    )]
    Budget {
        /// How long to wait; whole seconds, at least one.
        retry_after: Duration,
    },
    /// There is nothing to send again: the code is in the authenticator app.
    #[error("this code is shown by the authenticator app: read it there")]
    InApp,
    /// The holder has no authenticator app, or none that waits to be confirmed.
    #[error("no authenticator app is enrolled: enrol one, or have the code sent by message")]
    NoAuthenticator,
    /// The enrolment of an authenticator app has ended.
    #[error("the enrolment of the authenticator app has ended: begin it again")]
    EnrolmentEnded,
}

impl OtpRefusal {
    /// The stable name, in kebab-case.
    #[must_use]
    pub const fn slug(&self) -> &'static str {
        match self {
            Self::Malformed => "invalid-field",
            Self::Unknown => "unknown-otp",
            Self::Void => "otp-void",
            Self::Expired => "otp-expired",
            Self::Wrong { .. } => "otp-wrong",
            Self::Spent => "otp-spent",
            Self::TooSoon { .. } => "otp-too-soon",
            Self::Sendings => "otp-sendings",
            Self::Limit { .. } => "otp-limit",
            Self::WrongLimit { .. } => "otp-wrong-limit",
            Self::Budget { .. } => "sms-budget",
            Self::InApp => "otp-in-app",
            Self::NoAuthenticator => "no-authenticator",
            Self::EnrolmentEnded => "enrolment-ended",
        }
    }

    /// The field that is at fault.
    #[must_use]
    pub const fn field(&self) -> Option<&'static str> {
        match self {
            Self::Malformed | Self::Wrong { .. } => Some("otp.code"),
            _ => None,
        }
    }

    /// The rule that the field breaks.
    #[must_use]
    pub const fn rule(&self) -> Option<&'static str> {
        match self {
            Self::Malformed => Some("six-digits"),
            _ => None,
        }
    }

    /// How long to wait before it is worth another try.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TooSoon { retry_after }
            | Self::Limit { retry_after }
            | Self::WrongLimit { retry_after }
            | Self::Budget { retry_after } => Some(*retry_after),
            _ => None,
        }
    }
}

/// How often a code may still be tried, in words.
pub(crate) fn more_tries(left: u32) -> String {
    if left == 1 { "1 more try".to_owned() } else { format!("{left} more tries") }
}

fn minutes(wait: &Duration) -> u64 {
    wait.as_secs().div_ceil(60).max(1)
}
