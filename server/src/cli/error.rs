//! What can go wrong on the command line, typed by who has to act, with the exit code of each.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Exit code: the service refused, or something was found wrong.
pub(crate) const REFUSED: u8 = 1;
/// Exit code: the arguments, or a file named by them, cannot be used.
pub(crate) const USAGE: u8 = 2;
/// Exit code: the service cannot be reached, or the token for it cannot be read.
pub(crate) const UNREACHABLE: u8 = 3;

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// A file named on the command line cannot be read, written or understood.
    #[error("{path}: {reason}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it and what to do.
        reason: String,
    },
    /// An argument that parses, but does not fit together with the others or with a file.
    #[error("{argument}: {reason}")]
    Argument {
        /// The argument's name, as typed.
        argument: &'static str,
        /// What is wrong with it and what to do.
        reason: String,
    },
    /// What was typed is not what was asked for as a confirmation.
    #[error("not confirmed: nothing was changed (type {asked}, or pass --yes)")]
    NotConfirmed {
        /// What had to be typed, in words.
        asked: &'static str,
    },
    /// The admin token cannot be read.
    #[error(
        "admin token {path}: {reason}\n\
         is the service running? `marca demo` writes this file when it starts; \
         for another service name its file with --admin-token-file"
    )]
    Token {
        /// The token's file.
        path: PathBuf,
        /// The operating system's words, or what the file holds.
        reason: String,
    },
    /// Nobody answers at the service's address.
    #[error(
        "cannot reach the service at {url}: {reason}\n\
         is the service running? start it with `marca demo` or `marca serve`, \
         or name its address with {flag}{token}"
    )]
    Unreachable {
        /// The address that was tried.
        url: String,
        /// What the network or TLS said.
        reason: String,
        /// The option that names the address.
        flag: &'static str,
        /// The token file in use, told so that a wrong pair of address and token shows.
        token: TokenHint,
    },
    /// The service answered with a problem (RFC 9457).
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Something answered, but not as the admin API does.
    #[error("{url} answered {what}; is this the address of a marca service of this version?")]
    Answer {
        /// The address that was asked.
        url: String,
        /// What came back.
        what: String,
    },
    /// The service could not start, or ended with a fault.
    #[error("{0}")]
    Service(String),
    /// A check found faults; they are printed already.
    #[error("{count} {} found", if *.count == 1 { "fault was" } else { "faults were" })]
    Found {
        /// How many.
        count: usize,
    },
    /// A data directory cannot be worked on.
    #[error("{0}")]
    Store(#[from] ::store::StoreError),
    /// The measuring was refused, or what it measured was not right.
    #[error(transparent)]
    Bench(#[from] super::bench::BenchError),
    /// A certificate could not be had from an outside CA.
    #[error(transparent)]
    Enroll(#[from] super::tsu::EnrollError),
    /// The output cannot be written.
    #[error("cannot write the output: {0}")]
    Output(#[from] io::Error),
}

impl CliError {
    /// The exit code of the process.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::File { .. } | Self::Argument { .. } | Self::NotConfirmed { .. } => USAGE,
            Self::Token { .. } | Self::Unreachable { .. } => UNREACHABLE,
            Self::Enroll(error) => error.exit_code(),
            Self::Refused(_)
            | Self::Answer { .. }
            | Self::Service(_)
            | Self::Found { .. }
            | Self::Store(_)
            | Self::Bench(_)
            | Self::Output(_) => REFUSED,
        }
    }

    /// Whether the reader of the output went away (`marca … | head`): nothing to complain about.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

/// The admin token's file, for a message; empty where no token is in use.
#[derive(Debug)]
pub(crate) struct TokenHint(pub(crate) Option<PathBuf>);

impl fmt::Display for TokenHint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(path) => write!(f, " (admin token: {})", path.display()),
            None => Ok(()),
        }
    }
}

/// A problem as the service words it, and what the operator can do about it.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The problem's title: what kind of refusal.
    pub(crate) title: String,
    /// The problem's detail: what about this request. May be empty.
    pub(crate) detail: String,
    /// What to do next. May be empty.
    pub(crate) advice: String,
}

impl std::error::Error for Refusal {}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.title.is_empty(), self.detail.is_empty()) {
            (true, true) => write!(f, "the service refused with status {}", self.status)?,
            (false, true) => write!(f, "{}", self.title)?,
            (_, false) => write!(f, "{}", self.detail)?,
        }
        if !self.advice.is_empty() {
            write!(f, "\n{}", self.advice)?;
        }
        Ok(())
    }
}
