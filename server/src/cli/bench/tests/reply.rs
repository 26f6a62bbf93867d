//! The glance at a reply, and the head in front of it.

use super::fake::{granted, status_and};
use crate::cli::bench::connection::{Fault, parse};
use crate::cli::bench::reply::{Glance, Hint};
use crate::cli::bench::template::{Hash, Random, Target, Template, find};
use proptest::prelude::*;

const REPLY: &[u8] = include_bytes!("../testdata/reply.tsr");

fn template() -> Template {
    let target = Target { path: "/tsa".to_owned(), authority: "h".to_owned(), authorization: None };
    let mut template = Template::new(&target, Hash::Sha256, false).unwrap();
    template.refresh(&mut Random::new(3));
    template
}

fn glance(reply: &[u8]) -> Glance {
    Glance::at(reply, &template(), &mut Hint::default())
}

#[test]
fn a_token_has_our_imprint_and_our_nonce() {
    let template = template();
    let mut hint = Hint::default();
    let reply = granted(template.request_der());
    assert_eq!(Glance::at(&reply, &template, &mut hint), Glance::Token);
    assert_eq!(Glance::at(&reply, &template, &mut hint), Glance::Token, "by the hint");

    let mut moved = template.request_der().to_vec();
    moved.insert(0, 0);
    let moved = granted(&moved);
    assert_eq!(Glance::at(&moved, &template, &mut hint), Glance::Token, "in another place");

    let mut other = reply.clone();
    let place = find(&other, template.imprint()).unwrap();
    other[place] ^= 1;
    assert_eq!(glance(&other), Glance::Wrong("imprint missing"));
    let mut other = reply;
    let place = find(&other, template.nonce()).unwrap();
    other[place + 3] ^= 1;
    assert_eq!(glance(&other), Glance::Wrong("nonce missing"));
}

#[test]
fn a_token_for_somebody_else_is_noticed() {
    assert_eq!(glance(REPLY), Glance::Wrong("imprint missing"));
}

#[test]
fn a_rejection_is_told_by_its_fail_info() {
    // RFC 3161 §2.4.2: named bits, DER without trailing zeros.
    for (bits, name) in [
        (&[0x03, 0x02, 0x07, 0x80][..], "badAlg"),
        (&[0x03, 0x02, 0x05, 0x20], "badRequest"),
        (&[0x03, 0x02, 0x02, 0x04], "badDataFormat"),
        (&[0x03, 0x03, 0x01, 0x00, 0x02], "timeNotAvailable"),
        (&[0x03, 0x03, 0x00, 0x00, 0x01], "unacceptedPolicy"),
        (&[0x03, 0x04, 0x07, 0x00, 0x00, 0x80], "unacceptedExtension"),
        (&[0x03, 0x04, 0x06, 0x00, 0x00, 0x40], "addInfoNotAvailable"),
        (&[0x03, 0x05, 0x06, 0x00, 0x00, 0x00, 0x40], "systemFailure"),
        (&[], "without failInfo"),
    ] {
        let info_length = u8::try_from(3 + bits.len()).unwrap();
        let info = [&[0x30, info_length, 0x02, 0x01, 0x02][..], bits].concat();
        let reply = [&[0x30, u8::try_from(info.len()).unwrap()][..], &info].concat();
        assert_eq!(glance(&reply), Glance::Failure(name));
    }
}

#[test]
fn what_is_no_response_is_wrong() {
    let longer = [REPLY, &[0]].concat();
    for reply in [&[][..], b"{}", &REPLY[..REPLY.len() - 1], &longer, &[0x30, 0x00]] {
        assert_eq!(glance(reply), Glance::Wrong("not a TimeStampResp"));
    }
    assert_eq!(glance(&status_and(2, &[])), Glance::Failure("without failInfo"));
}

#[test]
fn a_head_needs_a_length() {
    let reply = parse(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab").unwrap().unwrap();
    assert_eq!((reply.status, reply.close, reply.octets()), (200, false, 40));
    let reply = parse(b"HTTP/1.1 503 X\r\nconnection: Close\r\ncontent-length: 0\r\n\r\n");
    let reply = reply.unwrap().unwrap();
    assert_eq!((reply.status, reply.close), (503, true));
    assert!(parse(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n").unwrap().unwrap().close);
    assert_eq!(parse(b"HTTP/1.1 200 OK\r\nContent-"), Ok(None), "still on its way");
    assert_eq!(parse(b"HTTP/1.1 200 OK\r\n\r\n"), Err(Fault::NotHttp));
    assert_eq!(parse(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"), Err(Fault::NotHttp));
    let long = b"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\n";
    assert_eq!(parse(long), Err(Fault::TooLong));
    assert_eq!(parse(b"SSH-2.0-x\r\n"), Err(Fault::NotHttp));
}

proptest! {
    /// Whatever comes over the wire, nothing panics and no noise passes for a token.
    #[test]
    fn noise_is_never_a_token(noise in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert_ne!(glance(&noise), Glance::Token);
        prop_assert_ne!(glance(&status_and(0, &noise[..noise.len().min(100)])), Glance::Token);
        let _ = parse(&noise);
    }
}
