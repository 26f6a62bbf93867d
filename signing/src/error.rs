//! Every way in which an authorisation or a signature is refused, and whose matter it is.

use crate::algorithm::SignatureAlgorithm;
use crate::stamp::StampFault;
use crate::store::CredentialState;
use chrono::{DateTime, Utc};

/// Why nothing was signed. The texts are for the client, but for what [`SignError::Unavailable`]
/// carries, which is not in its text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// An empty list.
    #[error("no hash to sign: name at least one")]
    NoHashes,
    /// A list that is too long.
    #[error("{found} hashes are too many for one authorisation: split them, at most {limit} each")]
    TooManyHashes {
        /// So many were named.
        found: usize,
        /// So many may be.
        limit: usize,
    },
    /// A hash of another length than the algorithm's.
    #[error(
        "hashes[{index}] has {found} octets, and {algorithm} signs {expected}: send \
         the digest itself, not its text, made with the algorithm's hash function"
    )]
    HashLength {
        /// Which hash, from 0.
        index: usize,
        /// The algorithm that was asked for.
        algorithm: SignatureAlgorithm,
        /// Octets that it signs.
        expected: usize,
        /// Octets that came.
        found: usize,
    },
    /// The key is of another kind.
    #[error("the credential's key cannot sign with {0}: choose one of the credential's algorithms")]
    AlgorithmOfOtherKey(SignatureAlgorithm),
    /// There is no such credential.
    #[error("there is no such credential: list your credentials and choose one of them")]
    UnknownCredential,
    /// The PIN was checked for another holder than the one who asks.
    #[error("the PIN was not given by the holder who asks: enter it again in this session")]
    PinOfOtherHolder,
    /// The PIN unlocked another credential.
    #[error("the PIN is that of another credential: enter the PIN of the one to sign with")]
    PinOfOtherCredential,
    /// The one-time password belongs to another holder.
    #[error("the one-time password is not that of the holder who asks: request a new one")]
    OtpOfOtherHolder,
    /// The one-time password was requested for something else.
    #[error(
        "the one-time password was requested for another signature: request a new one for these \
         hashes"
    )]
    OtpForOther,
    /// A window for a credential that wants a one-time password every time.
    #[error("the credential needs a one-time password for every signature: authorise with one")]
    NotAutomatic,
    /// The system may use another credential only.
    #[error("the system is registered for another credential: use that one, or register it")]
    SystemOfOtherCredential,
    /// The window is too large, or empty.
    #[error("a window takes 1 to {limit} signatures: ask for fewer, and open the next one after")]
    WindowCount {
        /// So many signatures at most.
        limit: u32,
    },
    /// The window is too long, or over already.
    #[error(
        "a window ends after now, and within {} h from now: choose another end",
        limit_s / 3600
    )]
    WindowTime {
        /// So many seconds at most.
        limit_s: u32,
    },
    /// Nothing is kept under this SAD: it never was, or it expired long ago.
    #[error("the signature activation data are not known: authorise again")]
    UnknownSad,
    /// The SAD was given to another holder.
    #[error("the signature activation data belong to another holder: authorise again yourself")]
    SadOfOtherHolder,
    /// The SAD was given to another session, device or system of the holder.
    #[error(
        "the signature activation data were given to another session or device: sign there, or \
         authorise again here"
    )]
    SadOfOtherAccess,
    /// The SAD is for another credential.
    #[error("the signature activation data are for another credential: authorise for this one")]
    SadForOtherCredential,
    /// The SAD is for another algorithm.
    #[error("the signature activation data are for {authorised}: sign with it, or authorise again")]
    SadForOtherAlgorithm {
        /// What was authorised.
        authorised: SignatureAlgorithm,
    },
    /// Too late.
    #[error("the signature activation data expired at {at}: authorise again")]
    SadExpired {
        /// Since when.
        at: DateTime<Utc>,
    },
    /// The credential was suspended, locked, or given a new PIN in the meantime.
    #[error("the authorisation ended when the credential's state or PIN changed: authorise again")]
    SadWithdrawn,
    /// The credential cannot sign now.
    #[error("the credential is {0}: only an active credential signs")]
    CredentialNotActive(CredentialState),
    /// A hash that was not named when it was authorised.
    #[error("hashes[{index}] was not authorised: authorise again with it")]
    HashNotAuthorised {
        /// Which hash, from 0.
        index: usize,
    },
    /// A hash that is signed, being signed, or burned.
    #[error("hashes[{index}] was signed or tried already: authorise again")]
    HashUsed {
        /// Which hash, from 0.
        index: usize,
    },
    /// The window has fewer signatures left than were asked for.
    #[error("the window has {left} signatures left: ask for fewer, or open another")]
    WindowSpent {
        /// So many are left.
        left: u32,
    },
    /// The key is no longer unlocked: the service was restarted, or newer authorisations of the
    /// same credential took the place of this one.
    #[error(
        "the key is locked again: the service was restarted, or too many authorisations of this \
         credential came after this one; authorise again"
    )]
    KeyLocked,
    /// The key's device does not answer. Nothing was reserved or tried.
    #[error(
        "the device with the key cannot be reached now, and nothing was tried: try again with the \
         same authorisation"
    )]
    KeyAway,
    /// The key or its device failed. What was reserved is burned.
    #[error("the key could not be used, and these hashes are not tried again: authorise again")]
    KeyFailed,
    /// Whether the signature was recorded is not known. What was reserved is burned, nothing left.
    #[error("the signature could not be recorded and was not given out: authorise again")]
    Unclear,
    /// No stamp, and therefore no signature.
    #[error("not signed, since it cannot be time-stamped: {0}")]
    Stamp(StampFault),
    /// Too many unlocked keys, or too many signatures that are computed and wait for it. Nothing
    /// was reserved.
    #[error("too many signatures are under way: try again in a minute")]
    Busy,
    /// The store does not answer.
    #[error("the service cannot record signatures now: try again later")]
    Unavailable {
        /// For the log.
        reason: String,
    },
}

/// Whose matter a refusal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Culprit {
    /// The request is wrong in itself.
    Request,
    /// The factors or the SAD do not allow it.
    Authorisation,
    /// The credential does not allow it now.
    Credential,
    /// The timestamp account does not allow it.
    Account,
    /// The service is at fault.
    Service,
}

impl SignError {
    /// The stable name, in kebab-case.
    #[must_use]
    pub const fn slug(&self) -> &'static str {
        match self {
            Self::NoHashes => "no-hashes",
            Self::TooManyHashes { .. } => "too-many-hashes",
            Self::HashLength { .. } => "hash-length",
            Self::AlgorithmOfOtherKey(_) => "algorithm-of-other-key",
            Self::UnknownCredential => "unknown-credential",
            Self::PinOfOtherHolder => "pin-of-other-holder",
            Self::PinOfOtherCredential => "pin-of-other-credential",
            Self::OtpOfOtherHolder => "otp-of-other-holder",
            Self::OtpForOther => "otp-for-other-operation",
            Self::NotAutomatic => "not-automatic",
            Self::SystemOfOtherCredential => "system-of-other-credential",
            Self::WindowCount { .. } => "window-count",
            Self::WindowTime { .. } => "window-time",
            Self::UnknownSad => "unknown-sad",
            Self::SadOfOtherHolder => "sad-of-other-holder",
            Self::SadOfOtherAccess => "sad-of-other-access",
            Self::SadForOtherCredential => "sad-for-other-credential",
            Self::SadForOtherAlgorithm { .. } => "sad-for-other-algorithm",
            Self::SadExpired { .. } => "sad-expired",
            Self::SadWithdrawn => "sad-withdrawn",
            Self::CredentialNotActive(_) => "credential-not-active",
            Self::HashNotAuthorised { .. } => "hash-not-authorised",
            Self::HashUsed { .. } => "hash-used",
            Self::WindowSpent { .. } => "window-spent",
            Self::KeyLocked => "key-locked",
            Self::KeyAway => "key-away",
            Self::KeyFailed => "key-failed",
            Self::Unclear => "signature-unclear",
            Self::Stamp(fault) => fault.slug(),
            Self::Busy => "signing-busy",
            Self::Unavailable { .. } => "signing-unavailable",
        }
    }

    /// Whose matter it is.
    #[must_use]
    pub const fn culprit(&self) -> Culprit {
        match self {
            Self::NoHashes
            | Self::TooManyHashes { .. }
            | Self::HashLength { .. }
            | Self::AlgorithmOfOtherKey(_)
            | Self::WindowCount { .. }
            | Self::WindowTime { .. } => Culprit::Request,
            Self::UnknownCredential | Self::NotAutomatic | Self::CredentialNotActive(_) => {
                Culprit::Credential
            }
            Self::PinOfOtherHolder
            | Self::PinOfOtherCredential
            | Self::OtpOfOtherHolder
            | Self::OtpForOther
            | Self::SystemOfOtherCredential
            | Self::UnknownSad
            | Self::SadOfOtherHolder
            | Self::SadOfOtherAccess
            | Self::SadForOtherCredential
            | Self::SadForOtherAlgorithm { .. }
            | Self::SadExpired { .. }
            | Self::SadWithdrawn
            | Self::HashNotAuthorised { .. }
            | Self::HashUsed { .. }
            | Self::WindowSpent { .. }
            | Self::KeyLocked => Culprit::Authorisation,
            Self::Stamp(StampFault::NoStamps | StampFault::AccountNotActive) => Culprit::Account,
            Self::KeyAway
            | Self::KeyFailed
            | Self::Unclear
            | Self::Stamp(_)
            | Self::Busy
            | Self::Unavailable { .. } => Culprit::Service,
        }
    }
}
