//! Looking at a reply where it lies: cheap enough to be done for every one.
//!
//! It tells whether the status is granted (RFC 3161 §2.4.2) and whether the imprint and the
//! nonce of the request are in the token. It does not look at the signature: see
//! [`super::verify`].

use super::template::{Template, find};
use rasn_cms::tsp::TimeStampResp;

/// What a reply is, as far as a glance tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Glance {
    /// A token, with our imprint and our nonce in it.
    Token,
    /// No token: the name of the PKIFailureInfo.
    Failure(&'static str),
    /// Not what was asked for: why.
    Wrong(&'static str),
}

/// Where imprint and nonce were in the last reply: they are almost always there again.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Hint {
    imprint: usize,
    nonce: usize,
}

impl Glance {
    /// Looks at a reply to the request now in `template`.
    pub(super) fn at(reply: &[u8], template: &Template, hint: &mut Hint) -> Self {
        let Some(status) = status(reply) else {
            return Self::Wrong("not a TimeStampResp");
        };
        // "When the status contains the value zero or one, a TimeStampToken MUST be present."
        if status > 1 {
            return Self::Failure(failure(reply));
        }
        if !holds(reply, template.imprint(), &mut hint.imprint) {
            return Self::Wrong("imprint missing");
        }
        if !holds(reply, template.nonce(), &mut hint.nonce) {
            return Self::Wrong("nonce missing");
        }
        Self::Token
    }
}

/// The `PKIStatus` of a `TimeStampResp` that fills the reply exactly.
fn status(reply: &[u8]) -> Option<u8> {
    let (response, rest) = sequence(reply)?;
    if !rest.is_empty() {
        return None;
    }
    let (status_info, _) = sequence(response)?;
    match status_info {
        [0x02, 0x01, status, ..] => Some(*status),
        _ => None,
    }
}

/// The content of a SEQUENCE, and what follows it.
fn sequence(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, content) = match der {
        [0x30, short @ 0..=0x7f, content @ ..] => (usize::from(*short), content),
        [0x30, 0x81, length, content @ ..] => (usize::from(*length), content),
        [0x30, 0x82, high, low, content @ ..] => {
            (usize::from(u16::from_be_bytes([*high, *low])), content)
        }
        _ => return None,
    };
    content.split_at_checked(length)
}

/// Whether `needle` is in the reply, first where it was the last time.
fn holds(reply: &[u8], needle: &[u8], place: &mut usize) -> bool {
    if reply.get(*place..*place + needle.len()) == Some(needle) {
        return true;
    }
    match find(reply, needle) {
        Some(found) => {
            *place = found;
            true
        }
        None => false,
    }
}

/// The name of the failure in a rejection. Rejections are rare, so here is time to decode.
fn failure(reply: &[u8]) -> &'static str {
    let Ok(response) = rasn::der::decode::<TimeStampResp>(reply) else {
        return "undecodable";
    };
    let Some(bits) = response.status.fail_info else { return "without failInfo" };
    // RFC 3161 §2.4.2, PKIFailureInfo.
    match bits.first_one() {
        Some(0) => "badAlg",
        Some(2) => "badRequest",
        Some(5) => "badDataFormat",
        Some(14) => "timeNotAvailable",
        Some(15) => "unacceptedPolicy",
        Some(16) => "unacceptedExtension",
        Some(17) => "addInfoNotAvailable",
        Some(25) => "systemFailure",
        _ => "unknown failInfo",
    }
}
