//! What a CA says about a request, in words (RFC 9810 §5.2.3).

use super::message::{ErrorMsgContent, PkiFreeText, PkiStatusInfo};
use rasn::types::BitString;
use std::fmt;

/// The longest text of a peer that is passed on, in characters.
const LONGEST_TEXT: usize = 400;

/// A `PKIStatusInfo` for people: the status, the reasons, and the CA's own words on one line
/// without control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusInfo {
    status: i64,
    failures: Vec<&'static str>,
    text: String,
}

/// `PKIStatus`: the values that decide anything here.
pub(super) const ACCEPTED: i64 = 0;
pub(super) const GRANTED_WITH_MODS: i64 = 1;
pub(super) const REJECTION: i64 = 2;
pub(super) const WAITING: i64 = 3;

/// `PKIFailureInfo`: what each bit says, bit 0 first.
const FAILURES: [&str; 27] = [
    "the algorithm is unrecognized or unsupported (badAlg)",
    "the protection of the request does not verify (badMessageCheck)",
    "this kind of request is not permitted or supported (badRequest)",
    "the time of the request is not close enough to the CA's (badTime)",
    "no certificate matches what was asked about (badCertId)",
    "the request has the wrong format (badDataFormat)",
    "the request names another authority (wrongAuthority)",
    "the requester's data is incorrect (incorrectData)",
    "the time stamp is missing (missingTimeStamp)",
    "the proof of possession of the key failed (badPOP)",
    "the certificate is revoked already (certRevoked)",
    "the certificate is confirmed already (certConfirmed)",
    "the protection is of the wrong kind, MAC or signature (wrongIntegrity)",
    "the recipient nonce is missing or wrong (badRecipientNonce)",
    "the CA's time source is not available (timeNotAvailable)",
    "the policy is not supported (unacceptedPolicy)",
    "an extension is not supported (unacceptedExtension)",
    "additional information is not available (addInfoNotAvailable)",
    "the sender nonce is missing or too short (badSenderNonce)",
    "the requested certificate is not well formed or not permitted (badCertTemplate)",
    "the signer of the request is unknown or not trusted (signerNotTrusted)",
    "the transaction identifier is in use already (transactionIdInUse)",
    "this version of the protocol is not supported (unsupportedVersion)",
    "the sender is not authorized for this request (notAuthorized)",
    "the CA is temporarily not available (systemUnavail)",
    "the CA has failed (systemFailure)",
    "the certificate exists already (duplicateCertReq)",
];

impl StatusInfo {
    pub(super) fn new(info: &PkiStatusInfo) -> Self {
        Self {
            status: info.status,
            failures: info.fail_info.as_ref().map(failures).unwrap_or_default(),
            text: info.status_string.as_ref().map(one_line).unwrap_or_default(),
        }
    }

    /// The content of an error message; `errorDetails` follow the CA's words.
    pub(super) fn of_error(error: &ErrorMsgContent) -> Self {
        let mut info = Self::new(&error.pki_status_info);
        if let Some(details) = &error.error_details {
            if !info.text.is_empty() {
                info.text.push_str("; ");
            }
            info.text.push_str(&one_line(details));
        }
        info
    }

    /// Whether a certificate was granted, perhaps another than asked for.
    pub(super) fn is_granted(&self) -> bool {
        matches!(self.status, ACCEPTED | GRANTED_WITH_MODS)
    }

    /// Whether the CA will answer later.
    pub(super) fn is_waiting(&self) -> bool {
        self.status == WAITING
    }

    /// The reasons: what the CA's `PKIFailureInfo` says, one sentence for each bit.
    #[must_use]
    pub fn failures(&self) -> &[&'static str] {
        &self.failures
    }

    /// The CA's own words; empty when there are none.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for StatusInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status {
            ACCEPTED => f.write_str("accepted")?,
            GRANTED_WITH_MODS => f.write_str("granted with changes")?,
            REJECTION => f.write_str("rejected")?,
            WAITING => f.write_str("not decided yet")?,
            4 => f.write_str("a revocation is imminent")?,
            5 => f.write_str("revoked")?,
            6 => f.write_str("the key was updated already")?,
            other => write!(f, "unknown status {other}")?,
        }
        for (number, failure) in self.failures.iter().enumerate() {
            f.write_str(if number == 0 { ": " } else { ", " })?;
            f.write_str(failure)?;
        }
        if !self.text.is_empty() {
            write!(f, "; the CA says: {:?}", self.text)?;
        }
        Ok(())
    }
}

fn failures(bits: &BitString) -> Vec<&'static str> {
    FAILURES.iter().zip(bits.iter()).filter(|(_, set)| **set).map(|(words, _)| *words).collect()
}

/// A `PKIFreeText` on one line; at most [`LONGEST_TEXT`] characters of it.
pub(super) fn one_line(text: &PkiFreeText) -> String {
    let joined = text.iter().map(String::as_str).collect::<Vec<_>>().join("; ");
    joined
        .chars()
        .map(|character| if character.is_control() { ' ' } else { character })
        .take(LONGEST_TEXT)
        .collect()
}
