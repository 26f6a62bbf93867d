//! Requests, good and bad, stage by stage.

use super::*;
use crate::failure::PkiFailureInfo;
use proptest::prelude::*;
use rasn::types::{Any, Integer, ObjectIdentifier, Oid};
use rasn_cms::tsp::{self, MessageImprint};

fn usual() -> tsp::TimeStampReq {
    tsp::TimeStampReq {
        version: 1,
        message_imprint: imprint(HashAlgorithm::Sha256.oid(), None, 32),
        req_policy: None,
        nonce: Some(Integer::from(77)),
        cert_req: true,
        extensions: None,
    }
}

fn imprint(oid: &Oid, parameters: Option<&[u8]>, length: usize) -> MessageImprint {
    MessageImprint {
        hash_algorithm: AlgorithmIdentifier {
            algorithm: oid.to_owned(),
            parameters: parameters.map(|parameters| Any::new(parameters.to_vec())),
        },
        hashed_message: vec![9; length].into(),
    }
}

fn encode(request: &tsp::TimeStampReq) -> Vec<u8> {
    rasn::der::encode(request).unwrap()
}

fn oid(text: &str) -> ObjectIdentifier {
    text.parse::<PolicyId>().unwrap().oid().to_owned()
}

fn policies() -> Policies {
    Policies::new("0.4.0.2023.1.1".parse().unwrap(), vec!["1.2.3.4".parse().unwrap()])
}

/// All stages: the retry key, or why not.
fn stages(der: &[u8]) -> Result<Option<[u8; 32]>, RejectReason> {
    stages_with(der, &HashAlgorithm::ALL)
}

fn stages_with(der: &[u8], hashes: &[HashAlgorithm]) -> Result<Option<[u8; 32]>, RejectReason> {
    let policies = policies();
    let accepted = parse(der)
        .and_then(TimeStampReq::inspect)
        .and_then(|request| request.accept_with(&policies, hashes))
        .map_err(|rejection| rejection.reason)?;
    Ok(accepted.retry_key())
}

fn with_raw_nonce(contents: &[u8]) -> Vec<u8> {
    let bare = encode(&tsp::TimeStampReq { nonce: None, cert_req: false, ..usual() });
    der::tlv(der::SEQUENCE, &[&bare[2..], &der::tlv(der::INTEGER, &[contents])])
}

/// Q1, RFC 3161 §2.4.1: any mix of reqPolicy, nonce and certReq is served.
#[test]
fn every_mix_of_optional_fields_is_accepted() {
    for mix in 0..8 {
        let request = tsp::TimeStampReq {
            req_policy: (mix & 1 != 0).then(|| oid("1.2.3.4")),
            nonce: (mix & 2 != 0).then(|| Integer::from(5)),
            cert_req: mix & 4 != 0,
            ..usual()
        };
        let der = encode(&request);
        let policies = policies();
        let accepted = parse(&der).unwrap().inspect().unwrap();
        let accepted = accepted.accept_with(&policies, &HashAlgorithm::ALL).unwrap();
        assert_eq!(accepted.cert_req(), request.cert_req);
        assert_eq!(accepted.nonce().is_some(), request.nonce.is_some());
        // Q8: the requested policy and no other; without one, the default.
        let expected = request.req_policy.unwrap_or_else(|| oid("0.4.0.2023.1.1"));
        assert_eq!(*accepted.policy().oid(), *expected);
    }
}

/// Q2: another version is badRequest.
#[test]
fn another_version_is_refused() {
    for version in [0, 2, 255, u64::MAX] {
        let der = encode(&tsp::TimeStampReq { version, ..usual() });
        assert_eq!(stages(&der), Err(RejectReason::Version), "{version}");
    }
    // A negative one does not even fit the type.
    let mut der = encode(&usual());
    assert_eq!(der[2..5], [2, 1, 1]);
    der[4] = 0xFF;
    assert_eq!(stages(&der).unwrap_err().failure(), PkiFailureInfo::BadDataFormat);
}

/// Q3, RFC 3161 §2.4.1: "Its length MUST match the length of the hash value for that algorithm".
#[test]
fn an_imprint_of_another_length_is_refused() {
    for algorithm in HashAlgorithm::ALL {
        let of = |length| {
            let message_imprint = imprint(algorithm.oid(), None, length);
            encode(&tsp::TimeStampReq { message_imprint, ..usual() })
        };
        let right = algorithm.digest_len();
        assert!(stages(&of(right)).is_ok(), "{algorithm}");
        for wrong in [0, right - 1, right + 1, 128] {
            assert_eq!(stages(&of(wrong)), Err(RejectReason::DigestLength), "{algorithm} {wrong}");
        }
    }
    let short = tsp::TimeStampReq {
        message_imprint: imprint(HashAlgorithm::Sha256.oid(), None, 31),
        ..usual()
    };
    let rejection = parse(&encode(&short)).unwrap().inspect().unwrap_err();
    assert_eq!(rejection.failure, PkiFailureInfo::BadDataFormat);
    assert_eq!(rejection.text, "The imprint has 31 octets; SHA-256 gives 32.");
}

/// Q4, Q5: unknown and weak hashes, SHA-1 and MD5 among them, are badAlg; so are those that the
/// unit does not offer (Q7).
#[test]
fn unknown_weak_and_unoffered_hashes_are_refused() {
    for (weak, length) in [
        ("1.3.14.3.2.26", 20),
        ("1.2.840.113549.2.5", 16),
        ("2.16.840.1.101.3.4.2.4", 28),
        ("2.16.840.1.101.3.4.2.7", 28),
        ("1.2.3", 32),
    ] {
        let message_imprint = imprint(&oid(weak), None, length);
        let der = encode(&tsp::TimeStampReq { message_imprint, ..usual() });
        assert_eq!(stages(&der), Err(RejectReason::HashAlgorithm), "{weak}");
    }
    let offered = [HashAlgorithm::Sha512];
    assert_eq!(stages_with(&encode(&usual()), &offered), Err(RejectReason::HashAlgorithm));
}

/// Q6, RFC 5754 §2: absent and NULL parameters are accepted, nothing else.
#[test]
fn hash_parameters_are_absent_or_null() {
    for (parameters, expected) in [
        (None, Ok(())),
        (Some(&[5, 0][..]), Ok(())),
        (Some(&[0x30, 0][..]), Err(RejectReason::HashParameters)),
        (Some(&[4, 1, 0][..]), Err(RejectReason::HashParameters)),
    ] {
        let message_imprint = imprint(HashAlgorithm::Sha256.oid(), parameters, 32);
        let der = encode(&tsp::TimeStampReq { message_imprint, ..usual() });
        assert_eq!(stages(&der).map(drop), expected, "{parameters:?}");
        // R9: the imprint is kept as it was sent, with NULL or without.
        let at = parse(&der).unwrap().imprint_der();
        assert_eq!(at, rasn::der::encode(&parse(&der).unwrap().message().message_imprint).unwrap());
    }
}

/// Q8: a policy that is not offered is refused, however near.
#[test]
fn a_policy_that_is_not_offered_is_refused() {
    for other in ["1.2.3", "1.2.3.4.5", "1.2.3.5", "0.4.0.2023.1.2"] {
        let der = encode(&tsp::TimeStampReq { req_policy: Some(oid(other)), ..usual() });
        assert_eq!(stages(&der), Err(RejectReason::Policy), "{other}");
    }
}

/// Q13, RFC 3161 §2.4.1: "If an extension, whether it is marked critical or not critical, is used
/// by a requester but is not recognized by a time-stamping server, the server SHALL NOT issue a
/// token".
#[test]
fn any_extension_is_refused() {
    for critical in [false, true] {
        let extension = rasn_pkix::Extension {
            extn_id: oid("1.2.3.4"),
            critical,
            extn_value: vec![5, 0].into(),
        };
        let extensions = Some(rasn_pkix::Extensions::from(vec![extension]));
        let der = encode(&tsp::TimeStampReq { extensions, ..usual() });
        assert_eq!(stages(&der), Err(RejectReason::Extensions));
    }
}

/// Q9, Q17: by value, negative, zero, any length up to 64 octets, minimal or not.
#[test]
fn nonces_are_kept_by_value() {
    let longest = [0x7F; MAX_NONCE_LEN];
    let table: &[(&[u8], &[u8])] = &[
        (&[0], &[0]),
        (&[0xFF], &[0xFF]),
        (&[0x80, 0, 0, 0, 0, 0, 0, 0], &[0x80, 0, 0, 0, 0, 0, 0, 0]),
        (&[0, 0x80], &[0, 0x80]),
        (&[0, 1], &[1]),
        (&[0, 0, 0, 0], &[0]),
        (&[0xFF, 0x80], &[0x80]),
        (&[0xFF, 0xFF], &[0xFF]),
        (&longest, &longest),
    ];
    for (sent, kept) in table {
        let der = with_raw_nonce(sent);
        let request = parse(&der).unwrap().inspect().unwrap();
        assert_eq!(request.0.nonce().unwrap().as_bytes(), *kept, "{sent:02x?}");
    }
    assert_eq!(stages(&with_raw_nonce(&[1; 65])), Err(RejectReason::NonceTooLong));
    assert_eq!(stages(&with_raw_nonce(&[0; 65])), Err(RejectReason::NonceTooLong));
    assert_eq!(stages(&with_raw_nonce(&[])), Err(RejectReason::NotDer));
}

/// Q16: DER leaves a FALSE out (X.690 11.5), but one that is there is clear and harmless.
#[test]
fn an_explicit_cert_req_false_is_accepted() {
    let bare = encode(&tsp::TimeStampReq { cert_req: false, ..usual() });
    let with = |truth: u8| der::tlv(der::SEQUENCE, &[&bare[2..], &[der::BOOLEAN, 1, truth]]);
    assert!(!parse(&with(0)).unwrap().message().cert_req);
    assert!(parse(&with(0xFF)).unwrap().message().cert_req);
    // The BER forms of TRUE are not DER.
    assert_eq!(stages(&with(1)), Err(RejectReason::NotDer));
}

/// Q14, RFC 3161 §3.2: no extraneous octets; nothing but one TimeStampReq.
#[test]
fn what_is_no_request_is_refused() {
    let good = encode(&usual());
    let trailing = [&good[..], &[0]].concat();
    let twice_nonce = der::tlv(der::SEQUENCE, &[&good[2..], &[2, 1, 1]]);
    let no_imprint = der::tlv(der::SEQUENCE, &[&[2, 1, 1]]);
    for (input, expected) in [
        (&[][..], RejectReason::NotDer),
        (&[0x30, 0x80, 0, 0], RejectReason::NotDer),
        (&trailing, RejectReason::NotDer),
        (b"<html>", RejectReason::NotDer),
        (&[0x30, 0], RejectReason::NotTimeStampReq),
        (&no_imprint, RejectReason::NotTimeStampReq),
        (&twice_nonce, RejectReason::NotTimeStampReq),
        (&vec![0x30; MAX_REQUEST_LEN + 1], RejectReason::TooLarge),
    ] {
        assert_eq!(stages(input), Err(expected), "{:02x?}", &input[..input.len().min(40)]);
    }
}

/// The text names the rule that is broken.
#[test]
fn the_text_says_which_rule_of_der_is_broken() {
    let text = |input: &[u8]| parse(input).unwrap_err().text;
    assert_eq!(text(&[]), "The request is not valid DER. The encoding ends too early.");
    let expected = "The request is not valid DER. There are bytes after the end.";
    assert_eq!(text(&[0x30, 0, 0]), expected);
}

/// The order of the checks is that of the reasons: everything is wrong, then less and less.
#[test]
fn the_first_of_several_faults_is_named() {
    let extension = rasn_pkix::Extension {
        extn_id: oid("1.2.3.4"),
        critical: true,
        extn_value: vec![5, 0].into(),
    };
    let sha256 = HashAlgorithm::Sha256.oid();
    let mut request = tsp::TimeStampReq {
        version: 2,
        message_imprint: imprint(sha256, Some(&[0x30, 0]), 31),
        req_policy: Some(oid("1.2.3")),
        nonce: Some(num(65)),
        cert_req: true,
        extensions: Some(rasn_pkix::Extensions::from(vec![extension])),
    };
    let mut found = Vec::new();
    let mut next = |request: &tsp::TimeStampReq| found.push(stages(&encode(request)).unwrap_err());
    next(&request);
    request.version = 1;
    next(&request);
    request.nonce = None;
    next(&request);
    request.message_imprint = imprint(&oid("1.2.3"), Some(&[0x30, 0]), 32);
    next(&request);
    request.req_policy = None;
    next(&request);
    request.message_imprint = imprint(sha256, Some(&[0x30, 0]), 32);
    next(&request);
    request.message_imprint = imprint(sha256, None, 32);
    next(&request);
    assert_eq!(
        found,
        [
            RejectReason::Version,
            RejectReason::NonceTooLong,
            RejectReason::DigestLength,
            RejectReason::Policy,
            RejectReason::HashAlgorithm,
            RejectReason::HashParameters,
            RejectReason::Extensions,
        ]
    );
    assert!(found.is_sorted(), "the order in which the reasons are declared");
}

/// An INTEGER with so many octets.
fn num(octets: usize) -> Integer {
    rasn::der::decode(&der::tlv(der::INTEGER, &[&vec![0x41; octets]])).unwrap()
}

/// The retry key is over imprint, policy and nonce, and over nothing else.
#[test]
fn retries_are_known_by_imprint_policy_and_nonce() {
    let key = |request: &tsp::TimeStampReq| stages(&encode(request)).unwrap();
    let usual = usual();
    let of_usual = key(&usual).unwrap();
    assert_eq!(key(&tsp::TimeStampReq { nonce: None, ..usual.clone() }), None);
    assert_eq!(key(&tsp::TimeStampReq { cert_req: false, ..usual.clone() }), Some(of_usual));
    // The default policy, asked for by name, is the same policy.
    let named = tsp::TimeStampReq { req_policy: Some(oid("0.4.0.2023.1.1")), ..usual.clone() };
    assert_eq!(key(&named), Some(of_usual));
    let mut others = vec![of_usual];
    let policy = Some(oid("1.2.3.4"));
    others.extend(key(&tsp::TimeStampReq { req_policy: policy, ..usual.clone() }));
    others.extend(key(&tsp::TimeStampReq { nonce: Some(Integer::from(78)), ..usual.clone() }));
    let message_imprint = imprint(HashAlgorithm::Sha3_256.oid(), None, 32);
    others.extend(key(&tsp::TimeStampReq { message_imprint, ..usual }));
    others.sort_unstable();
    others.dedup();
    assert_eq!(others.len(), 4);
}

/// **Used in stored state**: this value may not change.
#[test]
fn the_retry_key_is_what_it_was() {
    let key = stages(&encode(&usual())).unwrap().unwrap();
    let imprint = rasn::der::encode(&usual().message_imprint).unwrap();
    let policy = rasn::der::encode(&oid("0.4.0.2023.1.1")).unwrap();
    let preimage = [&imprint[..], &policy, &[2, 1, 77]].concat();
    assert_eq!(key, openssl::sha::sha256(&preimage));
}

proptest! {
    /// F16: no octets make it panic, and only DER passes.
    #[test]
    fn arbitrary_octets_never_panic(input: Vec<u8>) {
        let _ = stages(&input);
    }

    /// What passes and has a minimal nonce is, octet for octet, what rasn writes (except for an
    /// explicit FALSE): nothing that is not DER gets through.
    #[test]
    fn changed_requests_pass_only_as_der(index in 0usize..80, octet: u8) {
        let mut der = encode(&usual());
        let index = index % der.len();
        der[index] = octet;
        if let Ok(request) = parse(&der) {
            let again = encode(request.message());
            prop_assert!(again == der || !request.message().cert_req);
        }
    }
}
