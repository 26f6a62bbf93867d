//! Why an enrolment does not go on, typed by who has to act.

use super::{LARGEST_MESSAGE, StatusInfo};
use crate::check::ParseError;
use crate::key::KeyError;

/// Why a CMP message could not be made or is not accepted.
///
/// After an error of [`read`](super::Enrollment::read) the transaction is over, except that
/// the same answer can be asked for again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CmpError {
    /// The request to be sent is not a PKCS#10 request.
    #[error("the certificate request is not PKCS#10 in DER (RFC 2986): {reason}")]
    Request {
        /// What the decoder said.
        reason: String,
    },
    /// The shared secret cannot protect anything.
    #[error("the shared secret is empty: take the one that the CA gave for this reference")]
    EmptySecret,
    /// A certificate given by the caller cannot be read.
    #[error("{which}: {error}")]
    Certificate {
        /// Which one.
        which: &'static str,
        /// What is wrong with it.
        error: ParseError,
    },
    /// The key that protects the requests is not the one of its certificate.
    #[error("the key that is to sign the requests is not the key of the certificate beside it")]
    ProtectionKey,
    /// The key that protects the requests did not sign.
    #[error("the request cannot be signed: {0}")]
    Key(#[from] KeyError),
    /// The library failed at something that cannot go wrong with good input.
    #[error("{what}: {reason}")]
    Library {
        /// What was to be done.
        what: &'static str,
        /// What the library said.
        reason: String,
    },
    /// The answer is longer than any sane one.
    #[error("the CA's answer has {0} bytes, and no more than {LARGEST_MESSAGE} are read")]
    TooLong(usize),
    /// The answer is not a PKIMessage.
    #[error("the CA's answer is not a PKIMessage in DER (RFC 9810 §5.1): {what}: {reason}")]
    Malformed {
        /// Which part.
        what: &'static str,
        /// What the decoder said.
        reason: String,
    },
    /// The answer is of a kind that does not belong here.
    #[error("the CA answered with {found} where {expected} belongs (RFC 9810 §5.1.2)")]
    Unexpected {
        /// What belongs here.
        expected: &'static str,
        /// What came: the name of the alternative of `PKIBody`.
        found: &'static str,
    },
    /// The answer belongs to another exchange, or is an old one sent again.
    #[error(
        "the CA's answer carries another {field} than was sent: it belongs to another exchange or \
         was replayed (RFC 9483 §3.5); it is not used"
    )]
    Mismatch {
        /// The field of the header.
        field: &'static str,
    },
    /// The answer has no protection, or lacks what goes with it.
    #[error("the CA's answer is not protected ({missing} is missing): it could be anybody's")]
    Unprotected {
        /// The field that is not there.
        missing: &'static str,
    },
    /// The protection does not verify.
    #[error(
        "the protection of the CA's answer is wrong: the answer was changed on its way, or {cause}"
    )]
    ProtectionWrong {
        /// The likely cause, with what to check.
        cause: &'static str,
    },
    /// The protection uses an algorithm or a parameter that is not supported.
    #[error("the protection of the CA's answer cannot be checked: {what}")]
    ProtectionUnsupported {
        /// What is not supported.
        what: String,
    },
    /// The answer is signed, and the signer is not trusted for it.
    #[error("the signer of the CA's answer, {signer}, is not trusted: {reason}")]
    SignerNotTrusted {
        /// The signer's name.
        signer: String,
        /// Why not and what to do.
        reason: String,
    },
    /// The CA refused.
    #[error("the CA refused: {status}{}", unverified(*.verified))]
    Refused {
        /// What it said.
        status: StatusInfo,
        /// Whether the protection of the refusal verified. A refusal ends the enrolment in either
        /// case; an unverified one may come from anybody, and a wrong secret on our side looks
        /// like this too.
        verified: bool,
    },
    /// The CA says that it issued, and sent no certificate, or more than one.
    #[error("the CA's answer holds {count} certificates where one belongs")]
    Count {
        /// How many.
        count: usize,
    },
    /// The certificate came encrypted.
    #[error(
        "the CA sent the certificate encrypted, as for a key that cannot sign; a time-stamping \
         unit proves its key with the request, so let the CA send the certificate in clear"
    )]
    Encrypted,
    /// What the CA sent as the certificate is none.
    #[error("the certificate in the CA's answer: {0}")]
    Issued(ParseError),
    /// The certificate is for another key.
    #[error("the certificate in the CA's answer ({subject}) is for another key than requested")]
    OtherKey {
        /// The certificate's subject.
        subject: String,
    },
    /// The certificate's hash cannot be told to the CA.
    #[error("the certificate is signed with {oid}, for which no hash to confirm it is known")]
    NoHash {
        /// The signature algorithm.
        oid: String,
    },
}

fn unverified(verified: bool) -> &'static str {
    if verified {
        ""
    } else {
        " (the protection of this refusal does not verify: if the CA says that the protection or \
         the sender is wrong, compare reference and secret with what the CA gave)"
    }
}
