//! Why a code was refused.

use crate::holders::credential::IssuerFault;
use crate::holders::otp::more_tries;
use chrono::{DateTime, Utc};
use envelope::{BadCode, BadPassphrase, PinRefused};

/// What is wrong with a PIN, a PUK or an emergency code, or with the credential it is for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CodeRefusal {
    /// There is no such credential, or it is another holder's: which is not said.
    #[error("there is no such credential: choose one of the list of your credentials")]
    UnknownCredential,
    /// A text that is no such code at all. Not counted.
    #[error(transparent)]
    Malformed(#[from] BadCode),
    /// A new PIN that breaks a rule.
    #[error(transparent)]
    NewPin(#[from] PinRefused),
    /// The PIN is wrong.
    #[error(
        "the PIN is not right: {}, then it is locked; a one-time code that came with it is used up",
        more_tries(*left)
    )]
    WrongPin {
        /// Tries that are left.
        left: u32,
    },
    /// A PIN without a one-time code, when the tries that are left are for those with one.
    #[error(
        "too many wrong PINs were tried: change the PIN, or sign, with a one-time code and the \
         right PIN; then begin again"
    )]
    PinNeedsCode,
    /// Too many wrong PINs.
    #[error("the PIN is locked after too many wrong ones: set a new PIN with the PUK")]
    PinLocked,
    /// The PUK is wrong.
    #[error(
        "the PUK is not right: {}, then the credential ends; a one-time code that came with it is \
         used up",
        more_tries(*left)
    )]
    WrongPuk {
        /// Tries that are left.
        left: u32,
    },
    /// PIN or PUK of the envelope are wrong.
    #[error(
        "PIN and PUK are not those of the envelope: compare both with the sheet; {}, then the \
         credential ends; the one-time code is used up",
        more_tries(*left)
    )]
    WrongCodes {
        /// Tries that are left.
        left: u32,
    },
    /// PUK or emergency code of the envelope are wrong.
    #[error(
        "PUK and emergency code are not those of the envelope: compare both with the sheet; tries \
         that are left today: {left}"
    )]
    WrongPair {
        /// Tries that are left in this day.
        left: u32,
    },
    /// Too many wrong PUKs, or wrong codes at the activation.
    #[error("the credential ended after too many wrong codes: ask for a new one")]
    CodesExhausted,
    /// The PIN or the state of the credential changed while this was under way.
    #[error("the credential changed in the meantime: look at its state and try again")]
    Changed,
    /// User ID and emergency code do not belong together, or there is no such user: which is not
    /// said.
    #[error("user ID and emergency code do not belong together: check both and try again")]
    WrongEmergencyCode,
    /// A suspension by the emergency code, which a one-time code alone does not lift: the phone may
    /// be in other hands.
    #[error(
        "the emergency code suspended the credential: enter the PUK of the envelope as well to \
         reactivate it"
    )]
    PukNeeded,
    /// An operator's suspension.
    #[error("an operator suspended the credential, and lifts it: ask the service's support")]
    HeldByOperator,
    /// No certificate was issued.
    #[error("the certificate could not be issued, and nothing was changed: try again later")]
    IssuerFailed {
        /// For the log.
        fault: IssuerFault,
    },
    /// A renewal long before the end of the certificate.
    #[error("the certificate can be renewed from {} on", from.format("%Y-%m-%d"))]
    RenewalTooEarly {
        /// The first instant.
        from: DateTime<Utc>,
    },
    /// No renewal is under way, or it took too long, or the credential changed since it began.
    #[error(
        "no renewal of this credential is under way, or it was left too long: begin with phase 1"
    )]
    NoRenewal,
    /// The passphrase for the envelope breaks a rule.
    #[error(transparent)]
    Passphrase(#[from] BadPassphrase),
    /// The envelope could not be made.
    #[error("the envelope could not be made, and nothing was changed: tell the service's support")]
    EnvelopeFailed {
        /// For the log.
        reason: String,
    },
}

impl CodeRefusal {
    /// The stable name, in kebab-case.
    #[must_use]
    pub const fn slug(&self) -> &'static str {
        match self {
            Self::UnknownCredential => "unknown-credential",
            Self::Malformed(_) => "invalid-field",
            Self::NewPin(_) => "pin-rules",
            Self::WrongPin { .. } => "wrong-pin",
            Self::PinNeedsCode => "pin-needs-code",
            Self::PinLocked => "pin-locked",
            Self::WrongPuk { .. } => "wrong-puk",
            Self::WrongCodes { .. } => "wrong-codes",
            Self::WrongPair { .. } => "wrong-puk-or-emergency-code",
            Self::CodesExhausted => "codes-exhausted",
            Self::Changed => "credential-changed",
            Self::WrongEmergencyCode => "wrong-emergency-code",
            Self::PukNeeded => "puk-needed",
            Self::HeldByOperator => "held-by-operator",
            Self::IssuerFailed { .. } => "issuer-failed",
            Self::RenewalTooEarly { .. } => "renewal-too-early",
            Self::NoRenewal => "no-renewal",
            Self::Passphrase(_) => "passphrase-rules",
            Self::EnvelopeFailed { .. } => "envelope-failed",
        }
    }

    /// The field that is at fault.
    #[must_use]
    pub const fn field(&self) -> Option<&'static str> {
        match self {
            Self::Malformed(code) => Some(match code {
                BadCode::Pin => "pin",
                BadCode::Puk => "puk",
                BadCode::EmergencyCode => "emergency_code",
                BadCode::EnvelopeNumber | BadCode::CheckDigit => "envelope_number",
            }),
            Self::NewPin(_) => Some("new_pin"),
            Self::Passphrase(_) => Some("passphrase"),
            Self::WrongPin { .. } => Some("pin"),
            Self::WrongPuk { .. } | Self::PukNeeded => Some("puk"),
            _ => None,
        }
    }

    /// The rule that the field breaks.
    #[must_use]
    pub const fn rule(&self) -> Option<&'static str> {
        match self {
            Self::NewPin(rule) => Some(match rule {
                PinRefused::NotEightDigits => "eight-digits",
                PinRefused::RepeatedDigits => "no-repeated-digits",
                PinRefused::RepeatedGroup => "no-repeated-group",
                PinRefused::Run => "no-run",
                PinRefused::BirthDate => "not-the-birth-date",
                PinRefused::UsedBefore => "not-one-of-the-last-three",
            }),
            Self::Passphrase(rule) => Some(match rule {
                BadPassphrase::TooShort { .. } => "at-least-8-characters",
                BadPassphrase::TooLong { .. } => "at-most-127-octets",
                BadPassphrase::ForbiddenCharacter => "no-control-character",
            }),
            Self::Malformed(BadCode::Pin) => Some("eight-digits"),
            Self::Malformed(BadCode::Puk) => Some("ten-digits"),
            Self::Malformed(BadCode::EmergencyCode) => Some("ten-characters"),
            _ => None,
        }
    }
}
