//! What comes back from a CA, taken apart: which alternative of the body it is, whether it refuses.

use super::message::{IMPLICIT_CONFIRM, PkiBody, PkiHeader};
use super::protect::Protected;
use super::{CmpError, StatusInfo};

/// A message that belongs to the exchange and is the CA's.
pub(super) struct Received {
    pub(super) header: PkiHeader,
    pub(super) body: PkiBody,
    pub(super) protected: Protected,
}

impl Received {
    pub(super) fn confirms_implicitly(&self) -> bool {
        let mut infos = self.header.general_info.iter().flatten();
        infos.any(|info| *IMPLICIT_CONFIRM == info.info_type)
    }
}

/// What a message refuses with, if it does.
pub(super) fn refusal(body: &PkiBody) -> Option<StatusInfo> {
    let status = match body {
        PkiBody::Error(error) => StatusInfo::of_error(error),
        PkiBody::Ip(answer) | PkiBody::Cp(answer) => {
            StatusInfo::new(&answer.response.first()?.status)
        }
        _ => return None,
    };
    let is_error = matches!(body, PkiBody::Error(_));
    let goes_on = status.is_waiting() || (status.is_granted() && !is_error);
    (!goes_on).then_some(status)
}

pub(super) fn decode<T: rasn::Decode>(what: &'static str, der: &[u8]) -> Result<T, CmpError> {
    rasn::der::decode(der).map_err(|error| CmpError::Malformed { what, reason: error.to_string() })
}

/// The body, or its name when it is one that has no place in an enrolment.
pub(super) fn decode_body(der: &[u8]) -> Result<PkiBody, CmpError> {
    decode("its body", der).map_err(|error| match der.first() {
        // A constructed, context-specific tag below 31.
        Some(tag) if tag & 0b1110_0000 == 0b1010_0000 => {
            let found = body_name(tag & 0b0001_1111);
            let known = ["ip", "cp", "pkiConf", "error", "pollRep"].contains(&found);
            if known { error } else { CmpError::Unexpected { expected: "cp", found } }
        }
        _ => error,
    })
}

pub(super) fn unexpected(expected: &'static str, found: &PkiBody) -> CmpError {
    let tag = match found {
        PkiBody::Ip(_) => 1,
        PkiBody::Cp(_) => 3,
        PkiBody::P10cr(_) => 4,
        PkiBody::PkiConf(()) => 19,
        PkiBody::Error(_) => 23,
        PkiBody::CertConf(_) => 24,
        PkiBody::PollReq(_) => 25,
        PkiBody::PollRep(_) => 26,
    };
    CmpError::Unexpected { expected, found: body_name(tag) }
}

/// The alternatives of `PKIBody` by their tag.
fn body_name(tag: u8) -> &'static str {
    const NAMES: [&str; 27] = [
        "ir", "ip", "cr", "cp", "p10cr", "popdecc", "popdecr", "kur", "kup", "krr", "krp", "rr",
        "rp", "ccr", "ccp", "ckuann", "cann", "rann", "crlann", "pkiConf", "nested", "genm",
        "genp", "error", "certConf", "pollReq", "pollRep",
    ];
    NAMES.get(usize::from(tag)).copied().unwrap_or("an unknown kind of body")
}
