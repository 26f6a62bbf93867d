//! What can be refused to a holder, an operator or somebody unknown: one type for all rooms.
//!
//! Each variant has a stable [`HolderError::slug`], which clients build upon, and where a value is
//! at fault the [`HolderError::field`] and the [`HolderError::rule`] that it broke. An unknown user
//! and a wrong password are one variant: nothing here tells whether an account exists.

use super::fields::FieldRule;
use super::otp::OtpRefusal;
use super::password::PasswordRule;
use super::pin::CodeRefusal;
use super::{BadId, HolderId, MessageId, RegistrationId};
use crate::credentials::CredentialError;
use chrono::{DateTime, Utc};
use openssl::error::ErrorStack;
use std::time::Duration;
use store::StoreError;

/// Why something was not done. Nothing was written, but for the counts of failures.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HolderError {
    // What was typed.
    /// A field breaks a rule. Its value is not repeated: it may be personal.
    #[error("{field} is not allowed: {}", rule.text())]
    BadField {
        /// Which field.
        field: &'static str,
        /// The rule that it breaks.
        rule: FieldRule,
    },
    /// A text is not the identifier that it should be.
    #[error(transparent)]
    BadId(#[from] BadId),
    /// A new password breaks at least one rule; the first is named.
    #[error("this password is not allowed: {}", rules.first().map_or("", |rule| rule.text()))]
    PasswordRules {
        /// Every rule that it breaks, in the order in which they are shown.
        rules: Vec<PasswordRule>,
    },
    /// A new password is the current one.
    #[error("the new password is the current one: choose another")]
    PasswordUnchanged,
    /// What had to be typed twice was not the same.
    #[error("the two entries are not the same: type it again in both places")]
    RepeatDiffers {
        /// The second of the two fields.
        field: &'static str,
    },

    // Who asks.
    /// Unknown user, wrong password, or an account that cannot log in: which is not said.
    #[error("user ID or password is not right: check both and try again")]
    WrongLogin,
    /// Too many failures: nothing was checked.
    #[error("too many failed attempts: try again in {} s", retry_after.as_secs())]
    Slowed {
        /// How long to wait; whole seconds, at least one.
        retry_after: Duration,
    },
    /// A hundred failures in a row: the password is not taken any more.
    #[error("too many failed attempts: set a new password with the forgotten-password link")]
    PasswordDisabled,
    /// The current password, asked for again by an act, was not right.
    #[error("the current password is not right: type it again")]
    WrongCurrentPassword,
    /// The first password has to be replaced before anything else.
    #[error("the first password has to be replaced by one of your own before anything else")]
    MustChangePassword,
    /// A link is unknown, was used, was replaced by a newer one, or has ended.
    #[error(
        "this link was used or has ended: if you used it, it is done; otherwise ask for a new one"
    )]
    LinkInvalid,
    /// The answer to the secret question was not right.
    #[error(
        "the answer to the secret question is not right: type it again; {} wrong ones end the link",
        super::link::MOST_WRONG_ANSWERS + 1
    )]
    WrongAnswer,
    /// A password was to be recovered before the secret question was answered.
    #[error("the secret question is not answered yet: answer it first, with the same link")]
    AnswerNeeded,
    /// A one-time code was right, but for another operation.
    #[error("this one-time code was asked for another act: ask for a new one for this one")]
    OtpForOther,
    /// A token of a session or of a device is unknown, or what it stood for has ended: which is
    /// not said.
    #[error("you are not logged in any more: log in again")]
    NotLoggedIn,
    /// A session that began with a QR code may not do this.
    #[error("this asks for a one-time code first: raise the session, and try again")]
    StepUpNeeded,
    /// A device, or a session that began with a QR code, asked for what only a session may do that
    /// a password opened.
    #[error("only a session that a password opened may do this: log in with user ID and password")]
    NoSession,
    /// A session, or a system, asked for what only a linked phone may do.
    #[error("only a linked phone may do this: use the app")]
    NotADevice,
    /// A session, or a phone, asked for what only a linked system may do.
    #[error("only a linked system may do this: link one, and ask with its token")]
    NotASystem,
    /// The number that was typed for a login by QR code is not the one that the browser shows, or
    /// the signature is not the device's.
    #[error(
        "this is not the number that the browser shows, and the login has ended: begin it again"
    )]
    QrMismatch,
    /// A login by QR code is unknown, over, or another's: which is not said.
    #[error("this QR code is not valid any more: show a new one")]
    QrInvalid,

    /// A PIN, a PUK, an emergency code, or the credential that it is for.
    #[error(transparent)]
    Code(#[from] CodeRefusal),
    /// A one-time code, or asking for one.
    #[error(transparent)]
    Otp(#[from] OtpRefusal),

    // What is there, and in which state.
    /// No holder has this identifier.
    #[error("there is no holder {0}: look it up with the list of holders")]
    UnknownHolder(HolderId),
    /// No registration has this identifier.
    #[error("there is no registration {0}: look it up with the list of registrations")]
    UnknownRegistration(RegistrationId),
    /// No message has this identifier. Told to operators only.
    #[error("there is no message {0}: look it up with the list of messages")]
    UnknownMessage(MessageId),
    /// A message that cannot be tried again. Told to operators only.
    #[error("this message cannot be tried again: only one that failed can, while it has its text")]
    MessageNotRetriable,
    /// The holder has no such session.
    #[error("there is no such session: it may have ended")]
    UnknownSession,
    /// The holder has no such device.
    #[error("there is no such device: it may be unlinked already")]
    UnknownDevice,
    /// As many devices as there may be.
    #[error("there are {most} devices already: unlink one first")]
    TooManyDevices {
        /// How many there may be.
        most: usize,
    },
    /// The client certificate is that of a linked device, of this holder or of another.
    #[error("a device is linked with this certificate already: unlink it, or take another")]
    CertificateTaken,
    /// No change of the phone number is under way.
    #[error("no change of the phone number is under way: begin it again")]
    NoPhoneChange,
    /// Another holder has this user ID. Told to operators only.
    #[error("another holder has this e-mail address as user ID: use another address")]
    EmailTaken,
    /// A state machine has no such transition.
    #[error("{machine} is {state}, so it cannot {event}")]
    IllegalTransition {
        /// Which state machine.
        machine: &'static str,
        /// The state that it is in.
        state: &'static str,
        /// What was asked of it.
        event: &'static str,
    },
    /// The holder has no secret question.
    #[error("there is no secret question: set one first")]
    NoQuestion,
    /// The data of a holder must be kept for longer.
    #[error("the law asks to keep these data until {}: erase them then", until.format("%Y-%m-%d"))]
    RetentionNotOver {
        /// The first instant at which they may be erased.
        until: DateTime<Utc>,
    },
    /// The holder's personal data were erased.
    #[error("the data of {0} were erased: there is nothing left to act upon")]
    Erased(HolderId),

    // The service.
    /// Too much to do. Nothing was done.
    #[error("the service has too much to do: try again later")]
    Busy,
    /// The device that makes signing keys is away, or refused. Nothing was changed.
    #[error(
        "the device that makes signing keys cannot be used now, and nothing was changed: try again \
         later, with a new one-time code"
    )]
    KeyDevice,
    /// A version of the pepper that stored data are under is not in the pepper file.
    #[error(
        "version {version} of the pepper is missing, and something is still kept under it: put its \
         line back into the pepper file, and take it out when `marca holder pepper` shows nothing \
         under it"
    )]
    PepperMissing {
        /// The version.
        version: u16,
    },
    /// The pepper file has another key for a version than the one that this store is under.
    #[error(
        "version {version} of the pepper is another than that of this store: put the pepper file \
         of this store back (it is backed up apart from the store)"
    )]
    PepperDiffers {
        /// The version.
        version: u16,
    },
    /// What is stored sealed does not open with the pepper.
    #[error(
        "what is stored for {purpose} does not open: the pepper file is another than that of this \
         store, or the store is damaged"
    )]
    Unsealable {
        /// What it was sealed for.
        purpose: &'static str,
    },
    /// A computation of OpenSSL or argon2 failed.
    #[error("a cryptographic computation failed ({0}): nothing was done")]
    Crypto(String),
    /// The machine gave no threads for password checks.
    #[error("no thread for password checks could be started: {0}")]
    NoThread(String),
    /// A setting is outside what is allowed.
    #[error("setting {name} is not allowed: use {allowed}")]
    BadSetting {
        /// Which setting.
        name: &'static str,
        /// What may be given.
        allowed: &'static str,
    },
    /// The store.
    #[error(transparent)]
    Store(StoreError),
}

impl HolderError {
    /// A stable name in kebab-case.
    #[must_use]
    pub fn slug(&self) -> &'static str {
        match self {
            Self::BadField { .. } | Self::BadId(_) => "invalid-field",
            Self::PasswordRules { .. } => "password-rules",
            Self::PasswordUnchanged => "password-unchanged",
            Self::RepeatDiffers { .. } => "repeat-differs",
            Self::WrongLogin => "invalid-login",
            Self::Slowed { .. } => "too-many-failures",
            Self::PasswordDisabled => "password-disabled",
            Self::WrongCurrentPassword => "wrong-current-password",
            Self::MustChangePassword => "password-change-needed",
            Self::LinkInvalid => "invalid-link",
            Self::WrongAnswer => "wrong-answer",
            Self::AnswerNeeded => "answer-needed",
            Self::OtpForOther => "otp-for-other-operation",
            Self::NotLoggedIn => "unauthorized-holder",
            Self::StepUpNeeded => "step-up-needed",
            Self::NoSession => "session-needed",
            Self::NotADevice | Self::NotASystem => "device-needed",
            Self::QrMismatch => "wrong-qr-number",
            Self::QrInvalid => "invalid-qr-login",
            Self::Code(refusal) => refusal.slug(),
            Self::Otp(refusal) => refusal.slug(),
            Self::UnknownHolder(_) => "unknown-holder",
            Self::UnknownRegistration(_) => "unknown-registration",
            Self::UnknownMessage(_) => "unknown-message",
            Self::MessageNotRetriable => "message-not-retriable",
            Self::UnknownSession => "unknown-session",
            Self::UnknownDevice => "unknown-device",
            Self::TooManyDevices { .. } => "too-many-devices",
            Self::CertificateTaken => "certificate-taken",
            Self::NoPhoneChange => "no-phone-change",
            Self::EmailTaken => "email-taken",
            Self::IllegalTransition { .. } => "wrong-state",
            Self::NoQuestion => "no-secret-question",
            Self::RetentionNotOver { .. } => "retention-not-over",
            Self::Erased(_) => "holder-erased",
            Self::Busy => "busy",
            Self::KeyDevice => "key-device",
            Self::PepperMissing { .. } | Self::PepperDiffers { .. } | Self::Unsealable { .. } => {
                "pepper"
            }
            Self::Crypto(_) | Self::NoThread(_) => "internal",
            Self::BadSetting { .. } => "invalid-setting",
            Self::Store(_) => "store",
        }
    }

    /// The field that is at fault, by the name that it has in requests.
    #[must_use]
    pub fn field(&self) -> Option<&'static str> {
        match self {
            Self::BadField { field, .. } | Self::RepeatDiffers { field } => Some(field),
            Self::PasswordRules { .. } | Self::PasswordUnchanged => Some("password"),
            Self::WrongCurrentPassword => Some("current"),
            Self::WrongAnswer | Self::AnswerNeeded => Some("answer"),
            Self::EmailTaken => Some("email"),
            Self::Code(refusal) => refusal.field(),
            Self::Otp(refusal) => refusal.field(),
            _ => None,
        }
    }

    /// The rule that the field breaks: a stable name in kebab-case.
    #[must_use]
    pub fn rule(&self) -> Option<&'static str> {
        match self {
            Self::BadField { rule, .. } => Some(rule.name()),
            Self::PasswordRules { rules } => rules.first().map(|rule| rule.name()),
            Self::PasswordUnchanged => Some("not-the-current"),
            Self::RepeatDiffers { .. } => Some("same-twice"),
            Self::Code(refusal) => refusal.rule(),
            Self::Otp(refusal) => refusal.rule(),
            _ => None,
        }
    }

    /// How long to wait before it is worth another try; whole seconds, at least one.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Slowed { retry_after } => Some(*retry_after),
            Self::Otp(refusal) => refusal.retry_after(),
            _ => None,
        }
    }
}

impl From<StoreError> for HolderError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Busy => Self::Busy,
            other => Self::Store(other),
        }
    }
}

impl From<ErrorStack> for HolderError {
    fn from(error: ErrorStack) -> Self {
        Self::Crypto(error.to_string())
    }
}

// The hasher and its threads are those of the service passwords.
impl From<CredentialError> for HolderError {
    fn from(error: CredentialError) -> Self {
        match error {
            CredentialError::Busy => Self::Busy,
            CredentialError::NoThread(reason) => Self::NoThread(reason),
            CredentialError::Store(error) => error.into(),
            other => Self::Crypto(other.to_string()),
        }
    }
}
