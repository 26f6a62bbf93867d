//! The real check, on a token made by OpenSSL's own `ts` tool with a CA valid for a century.

use crate::cli::bench::verify::{Sample, Unverified, check, check_all};
use openssl::x509::X509;
use rasn_cms::tsp::{TimeStampReq, TimeStampResp};

const REQUEST: &[u8] = include_bytes!("../testdata/request.tsq");
const REPLY: &[u8] = include_bytes!("../testdata/reply.tsr");
const ROOT: &[u8] = include_bytes!("../testdata/ca.pem");
const OTHER_ROOT: &[u8] = include_bytes!("../testdata/other.pem");

fn sample(request: &[u8], reply: &[u8]) -> Sample {
    Sample { request: request.to_vec(), reply: reply.to_vec() }
}

fn roots(pem: &[u8]) -> Vec<X509> {
    X509::stack_from_pem(pem).unwrap()
}

#[test]
fn a_good_token_verifies_with_and_without_its_root() {
    check(&sample(REQUEST, REPLY), &[]).unwrap();
    check(&sample(REQUEST, REPLY), &roots(ROOT)).unwrap();
}

#[test]
fn another_root_is_not_good_enough() {
    let fault = check(&sample(REQUEST, REPLY), &roots(OTHER_ROOT)).unwrap_err();
    assert!(matches!(fault, Unverified::Signature(_)), "{fault}");
}

#[test]
fn a_token_for_another_request_differs() {
    let request: TimeStampReq = rasn::der::decode(REQUEST).unwrap();
    let mut other = request.clone();
    other.nonce = Some(1.into());
    let fault = check(&sample(&rasn::der::encode(&other).unwrap(), REPLY), &[]).unwrap_err();
    assert!(matches!(fault, Unverified::Differs("nonce")), "{fault}");

    let mut other = request.clone();
    other.nonce = None;
    let fault = check(&sample(&rasn::der::encode(&other).unwrap(), REPLY), &[]).unwrap_err();
    assert!(matches!(fault, Unverified::Differs("nonce")), "{fault}");

    let mut other = request;
    other.message_imprint.hashed_message = vec![0; 32].into();
    let fault = check(&sample(&rasn::der::encode(&other).unwrap(), REPLY), &[]).unwrap_err();
    assert!(matches!(fault, Unverified::Differs("imprint")), "{fault}");
}

#[test]
fn a_rejection_and_a_reply_without_a_token_are_no_tokens() {
    let mut response: TimeStampResp = rasn::der::decode(REPLY).unwrap();
    response.time_stamp_token = None;
    let reply = rasn::der::encode(&response).unwrap();
    let fault = check(&sample(REQUEST, &reply), &[]).unwrap_err();
    assert!(matches!(fault, Unverified::NoToken), "{fault}");
}

/// Imprint, serial, time, accuracy and nonce in `TSTInfo`, and the signature at the reply's end:
/// whichever octet of these is changed, the reply does not verify.
#[test]
fn no_octet_of_content_or_signature_can_be_changed() {
    let request: TimeStampReq = rasn::der::decode(REQUEST).unwrap();
    let imprint = request.message_imprint.hashed_message;
    let start = REPLY.windows(imprint.len()).position(|w| w == &imprint[..]).unwrap();
    let covered = (start..start + 70).chain(REPLY.len() - 40..REPLY.len());
    for place in covered {
        let mut reply = REPLY.to_vec();
        reply[place] ^= 0x01;
        assert!(check(&sample(REQUEST, &reply), &roots(ROOT)).is_err(), "octet {place}");
    }
}

#[test]
fn samples_are_counted_and_the_first_fault_is_kept() {
    let (sender, receiver) = std::sync::mpsc::channel();
    sender.send(sample(REQUEST, REPLY)).unwrap();
    sender.send(sample(REQUEST, b"noise")).unwrap();
    sender.send(sample(REQUEST, REPLY)).unwrap();
    drop(sender);
    let verified = check_all(&receiver, &roots(ROOT));
    assert_eq!((verified.good, verified.bad), (2, 1));
    let fault = verified.first_fault.unwrap();
    assert!(fault.starts_with("TimeStampResp cannot be decoded"), "{fault}");
}
