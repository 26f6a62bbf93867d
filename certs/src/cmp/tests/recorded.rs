//! Messages recorded from the `openssl cmp` command and its mock server (OpenSSL 3.0), under the
//! secret `secret`; and what goes out from here, octet for octet.

use super::peer::{Counter, now, open, secret};
use crate::cmp::message::PkiBody;
use crate::cmp::{Answer, Enrollment, Request, Verdict};
use rasn::types::OctetString;

const REQUEST: &[u8] = include_bytes!("recorded/request.der");
const WAITING: &[u8] = include_bytes!("recorded/waiting.der");
const ISSUED: &[u8] = include_bytes!("recorded/issued.der");
const CONFIRMED: &[u8] = include_bytes!("recorded/confirmed.der");

fn begin() -> (Enrollment, Vec<u8>) {
    let request = Request {
        csr: REQUEST.to_vec(),
        protection: secret("secret"),
        trusted: Vec::new(),
        recipient: None,
        implicit_confirm: false,
    };
    Enrollment::p10cr(request, now(), &mut Counter(0)).unwrap()
}

/// The exchange as it was, with the identifiers that the recorded client had drawn.
#[test]
fn answers_of_the_openssl_command_are_read() {
    let (mut enrollment, _) = begin();
    // RFC 9810 §5.1.1: an answer carries the nonce of what it answers.
    let take_over = |enrollment: &mut Enrollment, answer: &[u8]| {
        let (header, _) = open(answer);
        enrollment.transaction_id = header.transaction_id.unwrap();
        enrollment.sender_nonce = header.recip_nonce.unwrap();
    };
    take_over(&mut enrollment, WAITING);
    let read = enrollment.read(WAITING, now()).unwrap();
    assert!(matches!(read, Answer::Waiting { .. }), "{read:?}");

    take_over(&mut enrollment, ISSUED);
    let Answer::Issued(issued) = enrollment.read(ISSUED, now()).unwrap() else { panic!() };
    assert!(issued.to_confirm);
    // Its CA is in extraCerts only, which nobody vouches for.
    assert_eq!(issued.chain, std::slice::from_ref(&issued.certificate));

    let message = enrollment.confirm(&issued, Verdict::Accepted, now(), &mut Counter(9)).unwrap();
    let PkiBody::CertConf(statuses) = open(&message).1 else { panic!() };
    // As the recorded client had it.
    let hash = [
        0xfc, 0x28, 0x39, 0x5b, 0x57, 0xe5, 0x8b, 0x3e, 0xb0, 0xf0, 0xb3, 0xc0, 0x91, 0x65, 0x3b,
        0xc4, 0x1d, 0xd0, 0xd7, 0x07, 0xcb, 0x28, 0xf4, 0x92, 0x67, 0xb6, 0x70, 0x93, 0xf4, 0xb9,
        0x0f, 0x96,
    ];
    assert_eq!(statuses[0].cert_hash, OctetString::from_slice(&hash));
    take_over(&mut enrollment, CONFIRMED);
    enrollment.read_confirmation(CONFIRMED, now()).unwrap();
}

/// What goes out, octet for octet: the encodings are those that the mock server accepts.
#[test]
fn our_messages_are_these() {
    let (mut enrollment, p10cr) = begin();
    assert_eq!(p10cr, include_bytes!("recorded/our-p10cr.der"));
    let poll_req = enrollment.poll(now(), &mut Counter(100)).unwrap();
    assert_eq!(poll_req, include_bytes!("recorded/our-pollreq.der"));
    enrollment.transaction_id = open(ISSUED).0.transaction_id.unwrap();
    enrollment.sender_nonce = open(ISSUED).0.recip_nonce.unwrap();
    let Answer::Issued(issued) = enrollment.read(ISSUED, now()).unwrap() else { panic!() };
    let verdict = Verdict::Rejected { reason: "wrong" };
    let cert_conf = enrollment.confirm(&issued, verdict, now(), &mut Counter(200)).unwrap();
    assert_eq!(cert_conf, include_bytes!("recorded/our-certconf.der"));
}
