//! F16: whatever comes in, no panic, no token for nothing, and bounded work.

use crate::support::request::{self, usual, value};
use crate::support::{Bench, start_ms};
use marca_tsa::verify::{self, ParsedReply, parse_reply};
use marca_tsa::{Outcome, PkiFailureInfo};
use openssl::x509::X509;
use proptest::prelude::*;
use rasn_cms::tsp::TimeStampReq;

fn granted(bench: &Bench, der: &[u8]) -> bool {
    // Each answer, whatever it is, is a reply that our own strict parser reads.
    let reply = bench.issue(der);
    let parsed = parse_reply(&reply.der).unwrap();
    let granted = matches!(reply.outcome, Outcome::Granted { .. });
    assert_eq!(granted, matches!(parsed, ParsedReply::Granted(_)));
    granted
}

fn failure(bench: &Bench, der: &[u8]) -> PkiFailureInfo {
    match bench.issue(der).outcome {
        Outcome::Rejected { failure, .. } => failure,
        outcome => panic!("{outcome:?}"),
    }
}

/// Q14: every truncation is refused, for free.
#[test]
fn every_truncation_is_refused() {
    let bench = Bench::new(1);
    let good = request::encode(&usual());
    for length in 0..good.len() {
        assert_eq!(failure(&bench, &good[..length]), PkiFailureInfo::BadDataFormat, "{length}");
    }
    bench.issuer.ledger().assert_balanced(1);
}

/// Every single-octet change of a good request: refused, or a token over what then is asked for.
#[test]
fn every_change_of_one_octet_is_answered() {
    let bench = Bench::new(1_000_000);
    let good = request::encode(&usual());
    let mut tokens = 0;
    for index in 0..good.len() {
        for octet in 0..=255u8 {
            let mut changed = good.clone();
            changed[index] = octet;
            tokens += usize::from(granted(&bench, &changed));
        }
    }
    // At most 32 octets of the digest, 8 of the nonce and a few tags and lengths may be others.
    assert!(tokens < 45 * 256, "{tokens}");
    bench.issuer.ledger().assert_balanced(1_000_000);
}

#[test]
fn nesting_of_any_depth_is_refused() {
    let bench = Bench::new(1);
    for levels in [10, 17, 128, 1_000, 10_000] {
        let nested = (0..levels).fold(Vec::new(), |inner, _| value(0x30, &inner));
        assert_eq!(failure(&bench, &nested), PkiFailureInfo::BadDataFormat, "{levels}");
        let indefinite = [[0x30, 0x80].repeat(levels), [0, 0].repeat(levels)].concat();
        assert_eq!(failure(&bench, &indefinite), PkiFailureInfo::BadDataFormat, "{levels}");
        // As parameters of the hash algorithm, where anything may stand.
        let message_imprint =
            request::imprint_of(marca_tsa::HashAlgorithm::Sha256.oid(), Some(&nested), 32);
        let request = request::encode(&TimeStampReq { message_imprint, ..usual() });
        let expected =
            if levels == 10 { PkiFailureInfo::BadAlg } else { PkiFailureInfo::BadDataFormat };
        assert_eq!(failure(&bench, &request), expected, "{levels}");
    }
}

#[test]
fn lengths_that_lie_are_refused_without_allocating_them() {
    let bench = Bench::new(1);
    for tag in [0x02, 0x04, 0x06, 0x30, 0x31, 0xA0] {
        for length in [
            &[0x84, 0x80, 0, 0, 0][..],
            &[0x84, 0x7F, 0xFF, 0xFF, 0xFF],
            &[0x88, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
            &[0xFE, 0xFF],
        ] {
            let lie = [&[tag][..], length, &[0; 40]].concat();
            assert_eq!(failure(&bench, &lie), PkiFailureInfo::BadDataFormat);
            assert_eq!(failure(&bench, &value(0x30, &lie)), PkiFailureInfo::BadDataFormat);
        }
    }
}

#[test]
fn huge_values_are_refused() {
    let bench = Bench::new(1);
    let bad = PkiFailureInfo::BadDataFormat;
    // A nonce of 65 octets, and one of 8,000.
    assert_eq!(failure(&bench, &request::with_raw_nonce(&[1; 65])), bad);
    assert_eq!(failure(&bench, &request::with_raw_nonce(&[1; 8_000])), bad);
    // OBJECT IDENTIFIERs of too many arcs, or with an arc of more than 32 bits.
    let version = value(2, &[1]);
    let with_oid = |oid: &[u8]| {
        let algorithm = value(0x30, &value(6, oid));
        let imprint = value(0x30, &[algorithm, value(4, &[0; 32])].concat());
        value(0x30, &[version.clone(), imprint].concat())
    };
    assert_eq!(failure(&bench, &with_oid(&[1; 200])), bad);
    assert_eq!(failure(&bench, &with_oid(&[1; 12_000])), bad);
    let large_arc = [&[0x2A][..], &[0xFF; 20], &[0x7F]].concat();
    assert_eq!(failure(&bench, &with_oid(&large_arc)), bad);
    assert_eq!(failure(&bench, &with_oid(&[1; 127])), PkiFailureInfo::BadAlg);
    // Sixteen kibibytes and an octet.
    assert_eq!(failure(&bench, &[0x30; 16 * 1024 + 1]), bad);
    // Sixteen kibibytes of small values.
    let many = value(0x30, &[5, 0].repeat(8_000));
    assert_eq!(failure(&bench, &many), bad);
}

/// The parser of replies: every truncation and many changes of a good one, and no panic.
#[test]
fn changed_replies_never_verify() {
    let bench = Bench::new(1);
    let request = request::encode(&usual());
    let reply = bench.issue(&request).der;
    let trust = verify::Trust {
        roots: vec![X509::from_der(&bench.authority.root_der()).unwrap()],
        certificates: vec![X509::from_der(bench.authority.issuing.certificate_der()).unwrap()],
    };
    assert!(verify::reply(&reply, &request, &trust).is_ok());
    for length in 0..reply.len() {
        assert!(parse_reply(&reply[..length]).is_err(), "{length}");
    }
    // The certificate's octets are covered by its own signature and by the signed hash of it; the
    // token's by the token's.
    for index in 0..reply.len() {
        for change in [0x01, 0x80, 0xFF] {
            let mut changed = reply.clone();
            changed[index] ^= change;
            assert!(verify::reply(&changed, &request, &trust).is_err(), "{index} {change:02x}");
        }
    }
    assert_eq!(bench.clock_seconds(), start_ms() / 1000);
}

proptest! {
    #[test]
    fn no_octets_make_the_parsers_panic(input: Vec<u8>) {
        drop(marca_tsa::request::parse(&input));
        drop(parse_reply(&input));
    }
}
