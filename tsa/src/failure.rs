//! Why a request gets no token: the values of PKIFailureInfo and, finer, our own reasons.
//!
//! A [`Rejection`] is all that the client sees; what the operator must know goes into the log.

use rasn_cms::tsp;
use std::borrow::Cow;
use std::fmt;

/// PKIFailureInfo of RFC 3161 §2.4.2: "These are the only values of PKIFailureInfo that SHALL be
/// supported." The number is the bit's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PkiFailureInfo {
    /// "unrecognized or unsupported Algorithm Identifier"
    BadAlg = 0,
    /// "transaction not permitted or supported"
    BadRequest = 2,
    /// "the data submitted has the wrong format"
    BadDataFormat = 5,
    /// "the TSA's time source is not available"
    TimeNotAvailable = 14,
    /// "the requested TSA policy is not supported by the TSA"
    UnacceptedPolicy = 15,
    /// "the requested extension is not supported by the TSA"
    UnacceptedExtension = 16,
    /// "the additional information requested could not be understood or is not available"
    AddInfoNotAvailable = 17,
    /// "the request cannot be handled due to system failure"
    SystemFailure = 25,
}

impl PkiFailureInfo {
    /// Every value, by bit.
    pub const ALL: [Self; 8] = [
        Self::BadAlg,
        Self::BadRequest,
        Self::BadDataFormat,
        Self::TimeNotAvailable,
        Self::UnacceptedPolicy,
        Self::UnacceptedExtension,
        Self::AddInfoNotAvailable,
        Self::SystemFailure,
    ];

    /// The name in RFC 3161: a stable label for logs and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::BadAlg => "badAlg",
            Self::BadRequest => "badRequest",
            Self::BadDataFormat => "badDataFormat",
            Self::TimeNotAvailable => "timeNotAvailable",
            Self::UnacceptedPolicy => "unacceptedPolicy",
            Self::UnacceptedExtension => "unacceptedExtension",
            Self::AddInfoNotAvailable => "addInfoNotAvailable",
            Self::SystemFailure => "systemFailure",
        }
    }

    /// The BIT STRING with this one bit. X.690 11.2.2: of a named bit list "the bitstring shall
    /// have all trailing 0 bits removed before it is encoded", so it ends with the bit that is set.
    #[must_use]
    pub fn to_bit_string(self) -> tsp::PkiFailureInfo {
        let mut bits = tsp::PkiFailureInfo::repeat(false, self as usize + 1);
        bits.set(self as usize, true);
        bits
    }

    /// The value whose bit is the only one set, in a list without trailing zero bits.
    #[must_use]
    pub fn from_bit_string(bits: &tsp::PkiFailureInfo) -> Option<Self> {
        Self::ALL.into_iter().find(|value| value.to_bit_string() == *bits)
    }
}

impl fmt::Display for PkiFailureInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What exactly was wrong, in the order in which it is looked for: of a request with several faults
/// the first in this list is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum RejectReason {
    /// More than 16 KiB.
    TooLarge,
    /// Not strict DER, nested too deeply, or bytes after the end.
    NotDer,
    /// DER, but no TimeStampReq.
    NotTimeStampReq,
    /// A version other than 1.
    Version,
    /// A nonce of more than 64 octets.
    NonceTooLong,
    /// The imprint is not as long as its algorithm's output.
    DigestLength,
    /// A policy that is not offered.
    Policy,
    /// A hash algorithm that is unknown or too weak.
    HashAlgorithm,
    /// Parameters of the hash algorithm that are neither absent nor NULL.
    HashParameters,
    /// Any extension at all.
    Extensions,
    /// The clock cannot be trusted now, or is behind the last token.
    Clock,
    /// The unit's certificate or key is outside its validity.
    UnitNotUsable,
    /// The account has no stamp left.
    NoStamps,
    /// The account is suspended or closed.
    AccountNotActive,
    /// Too much to do: try again later.
    Busy,
    /// No such unit.
    UnknownUnit,
    /// The ledger cannot be written.
    Ledger,
    /// No randomness for a serial number.
    Randomness,
    /// The key or its device refused to sign.
    Signing,
    /// The signature does not verify with the unit's certificate.
    SignatureCheck,
    /// The token of an earlier, equal request cannot be put together again.
    StoredToken,
}

impl RejectReason {
    /// A stable label for logs and metrics.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::TooLarge => "too-large",
            Self::NotDer => "not-der",
            Self::NotTimeStampReq => "not-timestamp-request",
            Self::Version => "version",
            Self::NonceTooLong => "nonce-too-long",
            Self::DigestLength => "digest-length",
            Self::Policy => "policy",
            Self::HashAlgorithm => "hash-algorithm",
            Self::HashParameters => "hash-parameters",
            Self::Extensions => "extensions",
            Self::Clock => "clock",
            Self::UnitNotUsable => "unit-not-usable",
            Self::NoStamps => "no-stamps",
            Self::AccountNotActive => "account-not-active",
            Self::Busy => "busy",
            Self::UnknownUnit => "unknown-unit",
            Self::Ledger => "ledger",
            Self::Randomness => "randomness",
            Self::Signing => "signing",
            Self::SignatureCheck => "signature-check",
            Self::StoredToken => "stored-token",
        }
    }

    /// Which of the protocol's values tells it to the client.
    #[must_use]
    pub fn failure(self) -> PkiFailureInfo {
        match self {
            Self::TooLarge
            | Self::NotDer
            | Self::NotTimeStampReq
            | Self::NonceTooLong
            | Self::DigestLength => PkiFailureInfo::BadDataFormat,
            Self::Version | Self::NoStamps | Self::AccountNotActive => PkiFailureInfo::BadRequest,
            Self::Policy => PkiFailureInfo::UnacceptedPolicy,
            Self::HashAlgorithm | Self::HashParameters => PkiFailureInfo::BadAlg,
            Self::Extensions => PkiFailureInfo::UnacceptedExtension,
            Self::Clock => PkiFailureInfo::TimeNotAvailable,
            Self::UnitNotUsable
            | Self::Busy
            | Self::UnknownUnit
            | Self::Ledger
            | Self::Randomness
            | Self::Signing
            | Self::SignatureCheck
            | Self::StoredToken => PkiFailureInfo::SystemFailure,
        }
    }

    /// What the client is told, and what it can do about it. No detail of our inside.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::TooLarge => "The request is larger than 16 KiB. Send a TimeStampReq only.",
            Self::NotDer => "The request is not valid DER.",
            Self::NotTimeStampReq => "The request is not a TimeStampReq (RFC 3161 §2.4.1).",
            Self::Version => "Only version 1 of TimeStampReq is supported.",
            Self::NonceTooLong => "The nonce is longer than 64 octets.",
            Self::DigestLength => "The imprint is not as long as its hash algorithm's output.",
            Self::Policy => "The requested policy is not offered. Leave it out for the default.",
            Self::HashAlgorithm => {
                "The hash algorithm is not accepted. Use SHA-256, SHA-384, SHA-512, SHA3-256, \
                 SHA3-384 or SHA3-512, as far as this unit offers it."
            }
            Self::HashParameters => {
                "Parameters of the hash algorithm are not accepted. Leave them out or send NULL."
            }
            Self::Extensions => "Request extensions are not supported. Leave them out.",
            Self::Clock => "The time is not available now. Try again later.",
            Self::UnitNotUsable => "The time-stamping unit is not in its period of use.",
            Self::NoStamps => "No stamps are left in this account. No stamp was taken.",
            Self::AccountNotActive => "The account is not active. No stamp was taken.",
            Self::Busy => "The service is busy. Try again later. No stamp was taken.",
            Self::UnknownUnit => "There is no such time-stamping unit.",
            Self::Ledger | Self::Randomness | Self::Signing | Self::SignatureCheck => {
                "The service cannot issue tokens now. Try again later. No stamp was taken."
            }
            Self::StoredToken => {
                "This request was answered before, and that token cannot be sent now. Fetch it by \
                 its serial number, or ask again with a new nonce."
            }
        }
    }
}

/// A request that gets no token, as the client is told it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {text}", failure.name())]
pub struct Rejection {
    /// The protocol's value.
    pub failure: PkiFailureInfo,
    /// Ours, finer.
    pub reason: RejectReason,
    /// Plain words for `statusString`.
    pub text: Cow<'static, str>,
}

impl Rejection {
    /// With a text that says more than the reason's own, about what the client sent.
    #[must_use]
    pub fn with_text(reason: RejectReason, text: impl Into<Cow<'static, str>>) -> Self {
        Self { failure: reason.failure(), reason, text: text.into() }
    }
}

impl From<RejectReason> for Rejection {
    fn from(reason: RejectReason) -> Self {
        Self::with_text(reason, reason.text())
    }
}
