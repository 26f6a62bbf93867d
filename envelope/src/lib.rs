//! The papers of a holder of a remote signature, as PDF: the envelope, which is the sheet of secret
//! codes, and the [`receipt`] of signatures.
//!
//! The rooms of the envelope: [`codes`] draws PIN, PUK, emergency code and envelope number, reads
//! typed ones and refuses PINs that are easy to guess. `page` and `texts` set them on one A4 page,
//! in words for a reader who has never seen one. `encrypt` closes it under the holder's passphrase
//! with AES-256 (ISO 32000-2, standard security handler, revision 6). A receipt has no secret in it
//! and is not encrypted. Both stand on `paper`. Nothing of ours is below this crate, and it has no
//! clock, no files and no network: the instant and the randomness come in as parameters.
//!
//! What somebody without the passphrase sees of a sealed envelope: that it is one page, how many
//! lines it has, how many bytes its encrypted parts take, and how wide those letters of the name
//! and the addresses are that no other word on the page has. No text, no date, no title.
//!
//! The libraries that make the PDF work on copies of the texts which they do not wipe. What this
//! crate holds itself is wiped: the codes, the passphrase, the page before it is encrypted.

pub mod codes;
mod encrypt;
mod page;
mod paper;
mod passphrase;
pub mod receipt;
mod subset;
mod texts;

use chrono::{DateTime, Utc};
use rand::CryptoRng;

pub use codes::{BadCode, Codes, EmergencyCode, EnvelopeNumber, Pin, PinContext, PinRefused, Puk};
pub use passphrase::{BadPassphrase, Passphrase};

/// What an envelope says, and to whom.
#[derive(Debug)]
pub struct Envelope<'a> {
    /// The codes; with [`Codes::pin`] it is an envelope for an activation, without for a renewal.
    pub codes: &'a Codes,
    /// As the holder writes it. Latin, Greek, Cyrillic, Armenian, Georgian letters, at most two
    /// lines of the page (about 120 letters).
    pub holder_name: &'a str,
    /// What the holder signs in with.
    pub user_id: &'a str,
    /// When the codes were made. The page shows its day.
    pub issued_at: DateTime<Utc>,
    /// The language of every text on the page.
    pub language: Language,
    /// The name under which the holder knows the service.
    pub service_name: &'a str,
    /// Where the holder signs in, as to be typed.
    pub portal_address: &'a str,
    /// The page that suspends with user ID and emergency code, as to be typed.
    pub suspension_address: &'a str,
    /// Who helps: a telephone number or an address.
    pub support: Option<&'a str>,
}

/// The languages that the papers are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Language {
    /// English.
    En,
    /// Italian.
    It,
}

/// The part of an [`Envelope`] that an error is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// [`Envelope::holder_name`].
    HolderName,
    /// [`Envelope::user_id`].
    UserId,
    /// [`Envelope::service_name`].
    ServiceName,
    /// [`Envelope::portal_address`].
    PortalAddress,
    /// [`Envelope::suspension_address`].
    SuspensionAddress,
    /// [`Envelope::support`].
    Support,
}

/// Why there is no envelope.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The fonts have no shape for a character, and a box in its place would not be a name.
    #[error(
        "{field} has the character U+{:04X}, which the fonts of the envelope cannot print: \
         write it in Latin letters",
        u32::from(*.character)
    )]
    Unprintable {
        /// Where it stands.
        field: Field,
        /// The first such character.
        character: char,
    },
    /// A text is longer than its place on the page.
    #[error("{field} is too long for its place on the page: shorten it")]
    TooLong {
        /// Which text.
        field: Field,
        /// How many lines it may have.
        lines: usize,
    },
    /// Nothing to print.
    #[error("{field} is empty: an envelope needs it")]
    Empty {
        /// Which text.
        field: Field,
    },
    /// The texts together need more than one page.
    #[error("the texts need {points:.0} points more than one page has: shorten the addresses")]
    PageFull {
        /// How much is too much; 72 points are an inch.
        points: f32,
    },
    /// The PDF could not be made; a fault of this program or of a library.
    #[error("the page could not be written as PDF, at the step {step:?}; please report this")]
    Writing {
        /// What failed; no part of the page.
        step: &'static str,
    },
    /// The PDF could not be encrypted; a fault of this program or of a library.
    #[error("the page could not be encrypted; please report this")]
    Encryption(#[from] lopdf::Error),
}

impl From<paper::Unwritten> for SealError {
    fn from(paper::Unwritten { step }: paper::Unwritten) -> Self {
        Self::Writing { step }
    }
}

impl Envelope<'_> {
    /// Sets the page and encrypts it: a PDF 2.0 of one page that opens with the passphrase alone.
    ///
    /// The file key, the owner password (which nobody learns) and the file identifier come from
    /// `rng`. The library draws salts and initialisation vectors itself, from the system.
    ///
    /// # Errors
    /// [`SealError`]; the first four kinds are the caller's to put right.
    pub fn seal(
        &self,
        passphrase: &Passphrase,
        rng: &mut dyn CryptoRng,
    ) -> Result<Vec<u8>, SealError> {
        let page = page::set(self)?;
        encrypt::encrypt(&page, passphrase, rng)
    }
}

impl std::fmt::Display for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::HolderName => "the holder's name",
            Self::UserId => "the user ID",
            Self::ServiceName => "the service's name",
            Self::PortalAddress => "the portal's address",
            Self::SuspensionAddress => "the address for suspension",
            Self::Support => "the contact for help",
        })
    }
}
