//! The receipt: a list of signatures that the service has recorded, for their holder to print or
//! to file.
//!
//! It says what the history says and adds nothing to it: no signature is over it, and the page
//! tells so. `page` sets it, `words` has its texts. There is no secret in it: what was signed
//! stands here as a hash.

mod page;
mod words;

use chrono::{DateTime, FixedOffset, Utc};

use crate::Language;
use crate::paper::Unwritten;

/// What a receipt says, and to whom.
#[derive(Clone, Debug)]
pub struct Receipt<'a> {
    /// The name under which the holder knows the service.
    pub service_name: &'a str,
    /// As the holder writes it.
    pub holder_name: &'a str,
    /// What the holder signs in with.
    pub user_id: &'a str,
    /// The language of every text.
    pub language: Language,
    /// When the receipt is made, in the zone of all its times.
    pub made_at: DateTime<FixedOffset>,
    /// What the zone is called, as in `Europe/Rome`.
    pub zone: &'a str,
    /// What was asked for.
    pub part: Part,
    /// The signatures, oldest first.
    pub signatures: &'a [Signature],
}

/// Which signatures a receipt is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// One of them.
    One,
    /// All of a time.
    Frame {
        /// The first instant, included; `None` is the beginning of the account.
        from: Option<DateTime<FixedOffset>>,
        /// The end, excluded; `None` is the instant when the receipt is made.
        to: Option<DateTime<FixedOffset>>,
    },
}

/// A signature as the history has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The number of its entry in the history.
    pub entry: u64,
    /// When it was recorded, in the zone of the receipt.
    pub at: DateTime<FixedOffset>,
    /// The identifier of the credential.
    pub credential: String,
    /// The serial number of the certificate, hex; `None` when the history does not tell it.
    pub certificate: Option<String>,
    /// As in `ECDSA, SHA-256`.
    pub algorithm: String,
    /// What was to be signed, hex.
    pub hash: String,
    /// The serial number of its timestamp, hex, when it was stamped.
    pub timestamp: Option<String>,
    /// Whether it was made and handed out.
    pub made: bool,
}

/// A text of a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Text {
    /// [`Receipt::service_name`].
    ServiceName,
    /// [`Receipt::holder_name`].
    HolderName,
    /// [`Receipt::user_id`].
    UserId,
    /// [`Receipt::zone`], or something of a [`Signature`].
    Fact,
}

/// Why there is no receipt.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// The fonts have no shape for a character, and a box in its place would not be a name.
    #[error(
        "{text} has the character U+{:04X}, which the fonts of the receipt cannot print: take the \
         history as CSV",
        u32::from(*.character)
    )]
    Unprintable {
        /// Where it stands.
        text: Text,
        /// The first such character.
        character: char,
    },
    /// The PDF could not be made; a fault of this program or of a library.
    #[error("the receipt could not be written as PDF, at the step {step:?}; please report this")]
    Writing {
        /// What failed.
        step: &'static str,
    },
}

impl Receipt<'_> {
    /// Sets the pages: a PDF 2.0, not encrypted.
    ///
    /// # Errors
    /// [`ReceiptError`]
    pub fn set(&self) -> Result<Vec<u8>, ReceiptError> {
        page::set(self)
    }

    /// The instant when it is made, in UTC.
    fn made(&self) -> DateTime<Utc> {
        self.made_at.to_utc()
    }
}

impl From<Unwritten> for ReceiptError {
    fn from(Unwritten { step }: Unwritten) -> Self {
        Self::Writing { step }
    }
}

impl std::fmt::Display for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::ServiceName => "the service's name",
            Self::HolderName => "the holder's name",
            Self::UserId => "the user ID",
            Self::Fact => "a fact of a signature",
        })
    }
}
