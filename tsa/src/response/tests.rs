//! Replies have the shape of RFC 3161 §2.4.2 and say no more than they must.

use super::*;
use crate::failure::{PkiFailureInfo, RejectReason};
use rasn_cms::tsp::{PkiStatus, TimeStampResp};

/// F1, X.690 11.2.2: trailing zero bits of a named bit list are removed. By hand, bit by bit.
#[test]
fn failures_are_named_bit_lists_without_trailing_zeros() {
    let table: [(PkiFailureInfo, &[u8]); 8] = [
        (PkiFailureInfo::BadAlg, &[3, 2, 7, 0x80]),
        (PkiFailureInfo::BadRequest, &[3, 2, 5, 0x20]),
        (PkiFailureInfo::BadDataFormat, &[3, 2, 2, 0x04]),
        (PkiFailureInfo::TimeNotAvailable, &[3, 3, 1, 0, 0x02]),
        (PkiFailureInfo::UnacceptedPolicy, &[3, 3, 0, 0, 0x01]),
        (PkiFailureInfo::UnacceptedExtension, &[3, 4, 7, 0, 0, 0x80]),
        (PkiFailureInfo::AddInfoNotAvailable, &[3, 4, 6, 0, 0, 0x40]),
        (PkiFailureInfo::SystemFailure, &[3, 5, 6, 0, 0, 0, 0x40]),
    ];
    assert_eq!(table.map(|(failure, _)| failure), PkiFailureInfo::ALL);
    for (failure, encoding) in table {
        let bits = failure.to_bit_string();
        assert_eq!(rasn::der::encode(&bits).unwrap(), encoding, "{failure}");
        assert_eq!(PkiFailureInfo::from_bit_string(&bits), Some(failure));
    }
}

#[test]
fn other_bit_strings_are_no_failure_of_ours() {
    use rasn_cms::tsp::PkiFailureInfo as Bits;
    let mut two = PkiFailureInfo::BadRequest.to_bit_string();
    two.set(0, true);
    for bits in [Bits::new(), Bits::repeat(true, 2), two, Bits::repeat(false, 26)] {
        assert_eq!(PkiFailureInfo::from_bit_string(&bits), None);
    }
}

/// F2, F3, F4, F5: granted (0) with a token, without text and without failure.
#[test]
fn a_granted_reply_is_the_status_and_the_token() {
    let token = [der::SEQUENCE, 0];
    assert_eq!(granted(&token), [0x30, 7, 0x30, 3, 2, 1, 0, 0x30, 0]);
}

/// F2, F6, RFC 3161 §2.4.2: "When status contains a value other than zero or one, a TimeStampToken
/// MUST NOT be present."
#[test]
fn a_rejection_has_a_failure_and_a_text_and_no_token() {
    for reason in [RejectReason::NotDer, RejectReason::NoStamps, RejectReason::Signing] {
        let rejection = Rejection::from(reason);
        let reply: TimeStampResp = rasn::der::decode(&rejected(&rejection)).unwrap();
        assert_eq!(reply.status.status, PkiStatus::Rejection);
        assert_eq!(reply.status.fail_info, Some(reason.failure().to_bit_string()));
        assert_eq!(reply.status.status_string, Some(vec![reason.text().to_owned()]));
        assert_eq!(reply.time_stamp_token, None);
    }
}
