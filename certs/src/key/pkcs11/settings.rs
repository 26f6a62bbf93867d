//! Where the device is and how patient its user is.

use std::convert::Infallible;
use std::fmt;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// Which module, which token, which PIN.
#[derive(Clone, Debug)]
pub struct Pkcs11Settings {
    /// The module: a shared library of the device's maker.
    pub module: PathBuf,
    /// The token behind it.
    pub token: TokenChoice,
    /// A file with the PIN of the token's normal user, mode 0600; a line end behind it is ignored.
    pub pin_file: PathBuf,
    /// The most sessions that are open at once, apart from the one that keeps the login; this many
    /// calls are in the module at a time. 1 for a module that is a client of one connection, such
    /// as p11-kit's, which has been seen to leave its other callers waiting for ever when the
    /// connection breaks.
    pub max_sessions: usize,
    /// How long a session, or a connection that another thread is making, is waited for. A call
    /// that is in the module already cannot be called off.
    pub patience: Duration,
    /// The shortest and the longest pause after an attempt to connect that failed; each is twice
    /// as long as the one before.
    pub pause: RangeInclusive<Duration>,
}

impl Pkcs11Settings {
    /// Eight sessions, ten seconds of patience, pauses of 250 ms to 10 s.
    #[must_use]
    pub fn new(
        module: impl Into<PathBuf>,
        token: TokenChoice,
        pin_file: impl Into<PathBuf>,
    ) -> Self {
        Self {
            module: module.into(),
            token,
            pin_file: pin_file.into(),
            max_sessions: 8,
            patience: Duration::from_secs(10),
            pause: Duration::from_millis(250)..=Duration::from_secs(10),
        }
    }
}

/// How the token is told from the others of its module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenChoice {
    /// By its label, which whoever initialised it chose.
    Label(String),
    /// By its serial number, which stays when it is moved to another slot.
    Serial(String),
    /// By the number of its slot, which some modules change with every start.
    Slot(u64),
}

/// `serial:NUMBER`, `slot:NUMBER`, or a label.
impl FromStr for TokenChoice {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        if let Some(serial) = text.strip_prefix("serial:") {
            return Ok(Self::Serial(serial.to_owned()));
        }
        let slot = text.strip_prefix("slot:").and_then(|number| number.parse().ok());
        Ok(slot.map_or_else(|| Self::Label(text.to_owned()), Self::Slot))
    }
}

impl fmt::Display for TokenChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Label(label) => write!(f, "{label:?}"),
            Self::Serial(serial) => write!(f, "serial:{serial}"),
            Self::Slot(slot) => write!(f, "slot:{slot}"),
        }
    }
}
