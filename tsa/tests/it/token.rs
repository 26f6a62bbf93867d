//! The token's structure (R1-R25): the same octets as through rasn's types, for any contents, and
//! the fields that RFC 3161 and CMS want.

use crate::support::reference::{self, Contents};
use crate::support::request::{self, oid, usual};
use crate::support::{
    Authority, Bench, DEFAULT_POLICY, OTHER_POLICY, policy, software_key, start_ms,
};
use certs::KeyKind;
use marca_tsa::token::{PreparedToken, TokenContents};
use marca_tsa::verify::{ParsedReply, Token, parse_reply};
use marca_tsa::{Accuracy, ChainPolicy, HashAlgorithm, Outcome, Tsu};
use proptest::prelude::*;
use rasn::types::{Integer, ObjectIdentifier};
use rasn_cms::tsp::{self, TimeStampReq};
use rasn_smime::ess;
use std::sync::{Arc, LazyLock};

fn granted(reply: &[u8]) -> Token<'_> {
    match parse_reply(reply).unwrap() {
        ParsedReply::Granted(token) => *token,
        ParsedReply::Rejected { failure, texts } => panic!("{failure:?} {texts:?}"),
    }
}

/// Eleven schemes, each with the leaf alone and with the whole chain.
const WAYS: usize = 22;

/// One unit for every way to sign and choice of certificates, made once.
static UNITS: LazyLock<Vec<Arc<Tsu>>> = LazyLock::new(|| {
    let authority = Authority::new();
    let unit = |((kind, scheme), chain)| {
        let key = software_key(kind).with_scheme(scheme).unwrap();
        let mut settings = authority.settings("main", key);
        settings.chain = chain;
        settings.accuracy = Accuracy::from_micros(1_002_003).unwrap();
        Arc::new(Tsu::new(settings).unwrap())
    };
    // Longer RSA keys differ in nothing but the length of their signatures.
    let units: Vec<_> = KeyKind::ALL
        .into_iter()
        .filter(|kind| !matches!(kind, KeyKind::Rsa3072 | KeyKind::Rsa4096))
        .flat_map(|kind| kind.schemes().iter().map(move |scheme| (kind, *scheme)))
        .flat_map(|way| [(way, ChainPolicy::LeafOnly), (way, ChainPolicy::Full)])
        .map(unit)
        .collect();
    assert_eq!(units.len(), WAYS);
    units
});

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// The pieces and rasn agree, octet for octet.
    #[test]
    fn pieces_and_rasn_give_the_same_octets(
        which in 0..WAYS,
        hash in 0..6usize,
        with_null: bool,
        serial: [u8; 16],
        gen_time_ms in 0..1i64 << 47,
        nonce: Option<i128>,
        with_certificates: bool,
    ) {
        let unit = &UNITS[which];
        let mut serial = serial;
        serial[0] &= 0x7F;
        let hash = HashAlgorithm::ALL[hash];
        let parameters = with_null.then_some(&[5, 0][..]);
        let message = TimeStampReq {
            message_imprint: request::imprint_of(hash.oid(), parameters, hash.digest_len()),
            nonce: nonce.map(Integer::from),
            ..usual()
        };
        let der = request::encode(&message);
        let accepted =
            marca_tsa::request::parse(&der).unwrap().inspect().unwrap().accept(unit).unwrap();
        let contents = TokenContents::answering(&accepted, serial, gen_time_ms);
        let prepared = PreparedToken::new(Arc::clone(unit), &contents).unwrap();
        let signed_octets = prepared.to_be_signed().to_vec();
        let token = prepared.sign().unwrap().der(with_certificates);
        let reply = marca_tsa::response::granted(&token);
        let parsed = granted(&reply);

        let scheme = unit.scheme();
        let certificate = unit.certificate();
        let tst_info = reference::tst_info(&Contents {
            imprint: message.message_imprint,
            policy: policy(DEFAULT_POLICY).oid().to_owned(),
            serial,
            gen_time_ms,
            accuracy: unit.accuracy(),
            nonce: message.nonce,
        });
        prop_assert_eq!(parsed.tst_info_der, &tst_info);
        let attributes = reference::attributes(&tst_info, scheme, certificate.der());
        prop_assert_eq!(rasn::der::encode(&attributes).unwrap(), signed_octets);
        let mut certificates = vec![certificate.der()];
        if which % 2 == 1 {
            certificates.extend(certificate.chain().iter().map(Vec::as_slice));
        }
        let certificates = if with_certificates { &certificates[..] } else { &[] };
        let signature = parsed.signature();
        let expected =
            reference::token(&tst_info, attributes, signature, scheme, certificate, certificates);
        prop_assert_eq!(expected, token);
    }
}

/// R1, R2, R3: the parser demands id-signedData, version 3, id-ct-TSTInfo and one signer. R4, R6,
/// RFC 5816 §2.2.1: three signed attributes, once each; one ESSCertIDv2, for the signer's
/// certificate, with SHA-256 and so without hashAlgorithm (X.690 11.5).
#[test]
fn the_token_has_the_structure_of_the_standards() {
    let bench = Bench::new(1);
    let reply = bench.issue(&request::encode(&usual()));
    let token = granted(&reply.der);
    let info = &token.tst_info;
    // R7, R8, R12, R13, R15, R17 (tsa left out), R18, R20 (no extensions).
    assert_eq!(info.version, Integer::from(1));
    assert_eq!(*info.policy, *policy(DEFAULT_POLICY).oid());
    assert_eq!(info.gen_time.timestamp_millis(), start_ms());
    let millis = Some(Integer::from(500));
    assert_eq!(info.accuracy, Some(tsp::Accuracy { seconds: None, millis, micros: None }));
    assert!(!info.ordering);
    assert_eq!((&info.tsa, &info.extensions), (&None, &None));

    let attributes = token.attributes();
    assert_eq!(attributes.len(), 3);
    let content_type: ObjectIdentifier =
        token.attribute(rasn_cms::CONTENT_TYPE, "contentType").unwrap();
    assert_eq!(*content_type, *tsp::TST_INFO);
    let raw: rasn::types::Any = token.attribute(ess::SIGNING_CERTIFICATE_V2, "raw").unwrap();
    let unit = bench.issuer.default_unit().unwrap();
    let hash = openssl::sha::sha256(unit.certificate().der());
    // SEQUENCE { SEQUENCE OF { SEQUENCE { OCTET STRING } } }, and nothing else.
    let expected = [&[0x30, 38, 0x30, 36, 0x30, 34, 0x04, 32][..], &hash].concat();
    assert_eq!(raw.as_bytes(), expected);
}

/// R9, RFC 3161 §2.4.2: messageImprint "MUST have the same value as the similar field in
/// TimeStampReq": the same octets, with NULL parameters or without.
#[test]
fn the_imprint_is_the_requests_octet_for_octet() {
    let bench = Bench::new(20);
    for hash in HashAlgorithm::ALL {
        for parameters in [None, Some(&[5, 0][..])] {
            let message_imprint = request::imprint_of(hash.oid(), parameters, hash.digest_len());
            let expected = rasn::der::encode(&message_imprint).unwrap();
            let der = request::encode(&TimeStampReq { message_imprint, nonce: None, ..usual() });
            let reply = bench.issue(&der);
            assert_eq!(granted(&reply.der).imprint, expected, "{hash}");
        }
    }
}

/// Q8, R8: the requested policy and no other.
#[test]
fn the_policy_is_the_one_that_was_asked_for() {
    let bench = Bench::new(2);
    let named = TimeStampReq { req_policy: Some(oid(OTHER_POLICY)), ..usual() };
    let reply = bench.issue(&request::encode(&named));
    assert_eq!(*granted(&reply.der).tst_info.policy, *policy(OTHER_POLICY).oid());
    let reply = bench.issue(&request::encode(&usual()));
    assert_eq!(*granted(&reply.der).tst_info.policy, *policy(DEFAULT_POLICY).oid());
}

/// Q9, Q10, Q17, R16: the nonce's value comes back, of any size and sign, also from an encoding
/// that is longer than it needs to be; no nonce, none in the token.
#[test]
fn nonces_come_back_by_value() {
    let bench = Bench::new(100);
    let mut nonces: Vec<Vec<u8>> = [1usize, 8, 16, 32, 38, 63, 64]
        .into_iter()
        .flat_map(|length| [vec![0x5A; length], vec![0xA5; length]])
        .collect();
    nonces.extend([vec![0], vec![0xFF], vec![0x80], vec![0, 0x80]]);
    for nonce in nonces {
        let reply = bench.issue(&request::with_raw_nonce(&nonce));
        let expected: Integer = rasn::der::decode(&request::value(2, &nonce)).unwrap();
        assert_eq!(granted(&reply.der).tst_info.nonce, Some(expected), "{nonce:02x?}");
    }
    for (sent, value) in [(&[0, 7][..], 7), (&[0xFF, 0xF9], -7), (&[0, 0, 0], 0)] {
        let reply = bench.issue(&request::with_raw_nonce(sent));
        assert_eq!(granted(&reply.der).tst_info.nonce, Some(Integer::from(value)));
    }
    let reply = bench.issue(&request::encode(&TimeStampReq { nonce: None, ..usual() }));
    assert_eq!(granted(&reply.der).tst_info.nonce, None);
}

/// Q11, Q12, RFC 3161 §2.4.1: with certReq TRUE the certificate that the ESSCertID names; with
/// FALSE "the certificates field from the SignedData structure MUST not be present". R21: sorted.
#[test]
fn certificates_are_there_when_they_are_wanted_and_only_then() {
    for (chain, count) in [(ChainPolicy::LeafOnly, 1), (ChainPolicy::Full, 2)] {
        let authority = Authority::new();
        let mut settings = authority.settings("main", software_key(KeyKind::P256));
        settings.chain = chain;
        let unit = Tsu::new(settings).unwrap();
        let leaf = unit.certificate().der().to_vec();
        let bench = Bench::with_units(2, authority, vec![unit]);
        let wanted = bench.issue(&request::encode(&TimeStampReq { nonce: None, ..usual() }));
        // The parser refuses a set that is not in ascending order.
        let certificates = granted(&wanted.der).certificates.unwrap();
        assert_eq!(certificates.len(), count);
        assert!(certificates.contains(&leaf.as_slice()));
        let unwanted = TimeStampReq { cert_req: false, nonce: None, ..usual() };
        let reply = bench.issue(&request::encode(&unwanted));
        assert_eq!(granted(&reply.der).certificates, None);
    }
}

/// R10: the serial number in the token is the record's; no two are the same.
#[test]
fn serial_numbers_are_those_of_the_records_and_all_different() {
    let bench = Bench::new(200);
    let mut seen = std::collections::HashSet::new();
    for nonce in 0..200 {
        let reply = bench.issue(&request::with_nonce(nonce));
        let Outcome::Granted { serial, .. } = reply.outcome else { panic!("{reply:?}") };
        assert_eq!(granted(&reply.der).serial, serial);
        assert!(seen.insert(serial));
    }
    let state = bench.issuer.ledger().state();
    assert!(state.records.iter().all(|record| seen.contains(&record.serial)));
}

/// Q15, RFC 3161 §2.1: "not to include any identification of the requesting entity". Two callers
/// get tokens that differ in serial number, time and signature only; there is no field for a name.
#[test]
fn nothing_in_a_token_comes_from_the_caller() {
    let bench = Bench::new(2);
    let first = bench.issue(&request::with_nonce(1)).der;
    let second = bench.issue(&request::with_nonce(2)).der;
    let (first, second) = (granted(&first).tst_info, granted(&second).tst_info);
    let same = tsp::TstInfo {
        serial_number: first.serial_number.clone(),
        nonce: first.nonce.clone(),
        ..second
    };
    assert_eq!(first, same);
}
