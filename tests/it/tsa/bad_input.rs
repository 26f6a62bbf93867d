//! Requests that are wrong in one way each: which rejection they get, and that they cost nothing.

use crate::harness::request::{self, SHA256, encode, usual, value};
use crate::harness::{Reply, Service};
use rasn::types::{Any, ObjectIdentifier};
use rasn_cms::tsp::TimeStampReq;

const BAD_ALG: usize = 0;
const BAD_REQUEST: usize = 2;
const BAD_DATA_FORMAT: usize = 5;
const UNACCEPTED_POLICY: usize = 15;
const UNACCEPTED_EXTENSION: usize = 16;

fn with_imprint(oid: &str, length: usize) -> Vec<u8> {
    encode(&TimeStampReq { message_imprint: request::imprint(oid, length), ..usual() })
}

fn with_parameters(parameters: &[u8]) -> Vec<u8> {
    let mut request = usual();
    request.message_imprint.hash_algorithm.parameters = Some(Any::new(parameters.to_vec()));
    encode(&request)
}

fn with_extension(critical: bool) -> Vec<u8> {
    let extensions = Some(vec![request::extension(critical)].into());
    encode(&TimeStampReq { extensions, ..usual() })
}

/// The usual request with these contents octets as its nonce.
fn with_raw_nonce(contents: &[u8]) -> Vec<u8> {
    let bare = encode(&TimeStampReq { nonce: None, cert_req: false, ..usual() });
    let body = [&bare[2..], &value(2, contents), &[1, 1, 0xFF]].concat();
    value(0x30, &body)
}

/// Sequences inside each other.
fn nested(levels: usize) -> Vec<u8> {
    (0..levels).fold(vec![5, 0], |inside, _| value(0x30, &inside))
}

/// An imprint whose algorithm has this many arcs.
fn huge_oid(arcs: u32) -> Vec<u8> {
    let arcs: Vec<u32> = [1, 2].into_iter().chain(std::iter::repeat_n(7, arcs as usize)).collect();
    let mut request = usual();
    request.message_imprint.hash_algorithm.algorithm = ObjectIdentifier::new(arcs).unwrap();
    encode(&request)
}

/// A request whose outer length says `length` octets, and has far fewer.
fn long_length(length: &[u8]) -> Vec<u8> {
    [&[0x30, 0x80 | length.len() as u8], length, &request::fresh()[2..]].concat()
}

/// Each with the rejections that it may get.
fn cases() -> Vec<(&'static str, Vec<u8>, &'static [usize])> {
    const FORMAT: &[usize] = &[BAD_DATA_FORMAT];
    const ALG: &[usize] = &[BAD_ALG];
    let good = request::fresh();
    vec![
        ("empty", Vec::new(), FORMAT),
        ("one octet", vec![0x30], FORMAT),
        ("trailing octet", [good.as_slice(), &[0]].concat(), FORMAT),
        ("twice", [good.as_slice(), &good].concat(), FORMAT),
        ("text", b"hello".to_vec(), FORMAT),
        ("JSON", b"{\"stamps\":1}".to_vec(), FORMAT),
        ("10 levels", nested(10), FORMAT),
        ("100 levels", nested(100), FORMAT),
        ("1,000 levels", nested(1000), FORMAT),
        // As many as fit: 10,000 levels with lengths of two octets are over 16 KiB, those of
        // indefinite length are not.
        ("8,000 levels", [0x30, 0x80].repeat(8000), FORMAT),
        ("10,000 opened", [0x30].repeat(10_000), FORMAT),
        ("2^31", long_length(&[0x80, 0, 0, 0]), FORMAT),
        ("2^31 - 1", long_length(&[0x7F, 0xFF, 0xFF, 0xFF]), FORMAT),
        ("2^64 - 1", long_length(&[0xFF; 8]), FORMAT),
        ("126 octets of length", long_length(&[0xFF; 126]), FORMAT),
        // X.690 §10.1: "the definite form of length encoding shall be used" in DER.
        ("indefinite length", [&[0x30, 0x80], &good[2..], &[0, 0]].concat(), FORMAT),
        // RFC 3161 §2.4.1: version 1 is the only one; OpenSSL answers badRequest as well.
        ("version 2", encode(&TimeStampReq { version: 2, ..usual() }), &[BAD_REQUEST]),
        ("version 0", encode(&TimeStampReq { version: 0, ..usual() }), &[BAD_REQUEST]),
        // Q3: "the length of the hash value" has to match.
        ("31 octets", with_imprint(SHA256, 31), FORMAT),
        ("33 octets", with_imprint(SHA256, 33), FORMAT),
        ("no octets", with_imprint(SHA256, 0), FORMAT),
        ("64 octets", with_imprint(SHA256, 64), FORMAT),
        // Q4, Q5: unknown and weak hashes.
        ("MD5", with_imprint("1.2.840.113549.2.5", 16), ALG),
        ("SHA-1", with_imprint("1.3.14.3.2.26", 20), ALG),
        ("SHA-224", with_imprint("2.16.840.1.101.3.4.2.4", 28), ALG),
        ("unknown hash", with_imprint("1.2.3.4", 32), ALG),
        ("parameters", with_parameters(&[2, 1, 5]), ALG),
        ("OID of 100 arcs", huge_oid(100), &[BAD_ALG, BAD_DATA_FORMAT]),
        ("OID of 10,000 arcs", huge_oid(10_000), &[BAD_ALG, BAD_DATA_FORMAT]),
        (
            "unknown policy",
            encode(&TimeStampReq { req_policy: Some(request::identifier("1.9.9")), ..usual() }),
            &[UNACCEPTED_POLICY],
        ),
        // Q13: "If an extension, whether it is marked critical or not critical, is used by a
        // requester but is not recognized by a time-stamping server, the server SHALL NOT issue
        // a token and SHALL return a failure (unacceptedExtension)."
        ("extension", with_extension(false), &[UNACCEPTED_EXTENSION]),
        ("critical extension", with_extension(true), &[UNACCEPTED_EXTENSION]),
        ("nonce of 65 octets", with_raw_nonce(&[0x11; 65]), FORMAT),
        ("nonce of 10,000 octets", with_raw_nonce(&[0x11; 10_000]), FORMAT),
        ("empty nonce", with_raw_nonce(&[]), FORMAT),
    ]
}

/// Every one is answered in the protocol, with the right bit, and takes no stamp.
#[test]
fn each_fault_has_its_rejection() {
    let service = Service::demo();
    let client = service.demo_client();
    for (name, request, bits) in cases() {
        let answer = client.stamp(&request);
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
        assert_eq!(answer.header("content-type"), Some(crate::harness::REPLY), "{name}");
        assert_eq!(answer.header("stamps-remaining"), None, "{name}");
        let (bit, text) = Reply::read(&answer.body).rejection();
        assert!(bits.contains(&bit), "{name}: bit {bit}, {text}");
        assert!(!text.is_empty(), "{name}: a refusal says why");
    }
    assert_eq!(client.balance(), (100, 0), "a refusal is free");
    client.stamp(&request::fresh()).status(200);
}

/// F1: PKIFailureInfo is a named bit list, so trailing zero bits are removed (X.690 §11.2.2).
#[test]
fn fail_info_is_a_der_named_bit_list() {
    let service = Service::demo();
    let client = service.demo_client();
    let answer = client.stamp(&with_imprint("1.3.14.3.2.26", 20)).status(200);
    let bad_alg = [0x03, 0x02, 0x07, 0x80];
    assert!(answer.body.ends_with(&bad_alg), "{}", hex::encode(&answer.body));
}

/// Q17: an INTEGER with needless leading octets is echoed by value, as docs/rfc3161-choices.md
/// says. Q16: certReq FALSE, which DER leaves out, is answered one way, always the same.
#[test]
fn what_der_forbids_and_clients_send_has_one_answer() {
    let service = Service::demo();
    let client = service.demo_client();
    let answer = client.stamp(&with_raw_nonce(&[0, 0, 0x42])).status(200);
    let nonce = Reply::read(&answer.body).token().info.nonce;
    assert_eq!(nonce, Some(rasn::types::Integer::from(0x42)));

    let bare = encode(&TimeStampReq { cert_req: false, ..usual() });
    let explicit = value(0x30, &[&bare[2..], &[1, 1, 0]].concat());
    let first = Reply::read(&client.stamp(&explicit).status(200).body).is_granted();
    let second = Reply::read(&client.stamp(&explicit).status(200).body).is_granted();
    assert_eq!(first, second);
}
