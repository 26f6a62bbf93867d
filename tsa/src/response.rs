//! The TimeStampResp around a token or a rejection.
//!
//! ```text
//! TimeStampResp ::= SEQUENCE  {
//!    status                  PKIStatusInfo,
//!    timeStampToken          TimeStampToken     OPTIONAL  }
//! PKIStatusInfo ::= SEQUENCE {
//!    status        PKIStatus,
//!    statusString  PKIFreeText     OPTIONAL,
//!    failInfo      PKIFailureInfo  OPTIONAL  }
//! ```
//! (RFC 3161 §2.4.2)

use crate::der;
use crate::failure::Rejection;
use rasn_cms::tsp;

/// `PKIStatusInfo { status granted }`. RFC 3161 §2.4.2: granted (0) says that "a TimeStampToken, as
/// requested, is present"; there is no statusString and no failInfo with it.
const GRANTED: [u8; 5] = [der::SEQUENCE, 3, der::INTEGER, 1, 0];

/// The reply that carries `token`, a DER ContentInfo.
#[must_use]
pub fn granted(token: &[u8]) -> Vec<u8> {
    der::tlv(der::SEQUENCE, &[&GRANTED, token])
}

/// The reply that says why there is no token.
#[must_use]
pub fn rejected(rejection: &Rejection) -> Vec<u8> {
    let reply = tsp::TimeStampResp {
        status: tsp::PkiStatusInfo {
            status: tsp::PkiStatus::Rejection,
            status_string: Some(vec![rejection.text.clone().into_owned()]),
            // RFC 3161 §2.4.2: "When the TimeStampToken is not present, the failInfo indicates the
            // reason why the time-stamp request was rejected".
            fail_info: Some(rejection.failure.to_bit_string()),
        },
        time_stamp_token: None,
    };
    #[expect(clippy::expect_used, reason = "an INTEGER, a UTF8String and a BIT STRING, all ours")]
    rasn::der::encode(&reply).expect("no constraint of these types can be violated")
}

#[cfg(test)]
mod tests;
