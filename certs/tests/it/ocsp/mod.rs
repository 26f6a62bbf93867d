//! OCSP: what OpenSSL asks is understood, what is answered OpenSSL believes, and nothing else.

mod command;

use crate::support::{Hierarchy, SeededRng, key, name, now, person, policy};
use chrono::Duration;
use marca_certs::ocsp::{
    self, CertStatus, ErrorStatus, Request, RequestFault, Responder, ResponderFault, SingleAnswer,
};
use marca_certs::{
    CertificateAuthority, EndKind, EndProfile, KeyKind, RevocationReason, Serial, SigningKey,
};
use openssl::hash::MessageDigest;
use openssl::ocsp::{OcspCertId, OcspCertStatus, OcspFlag, OcspRequest, OcspResponse};
use openssl::stack::Stack;
use openssl::x509::X509;
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::verify::X509VerifyFlags;
use proptest::prelude::*;
use rasn::types::{Integer, OctetString};
use rasn_pkix::{Extension, Extensions};
use std::sync::{Arc, LazyLock};

static HIERARCHY: LazyLock<Hierarchy> = LazyLock::new(|| Hierarchy::new(KeyKind::P256));

/// A request by the OpenSSL library for one certificate.
fn request_for(certificate: &[u8], digest: MessageDigest) -> Vec<u8> {
    let issuer = X509::from_der(HIERARCHY.issuing.certificate_der()).unwrap();
    let subject = X509::from_der(certificate).unwrap();
    let mut request = OcspRequest::new().unwrap();
    request.add_id(OcspCertId::from_cert(digest, &subject, &issuer).unwrap()).unwrap();
    request.to_der().unwrap()
}

/// The same request with something changed.
fn changed(change: impl FnOnce(&mut rasn_ocsp::TbsRequest)) -> Vec<u8> {
    let der = request_for(&HIERARCHY.unit, MessageDigest::sha1());
    let mut request: rasn_ocsp::OcspRequest = rasn::der::decode(&der).unwrap();
    change(&mut request.tbs_request);
    rasn::der::encode(&request).unwrap()
}

fn extension(id: &[u32], critical: bool, value: &[u8]) -> Extension {
    let id = rasn::types::ObjectIdentifier::new(id.to_vec()).unwrap();
    Extension { extn_id: id, critical, extn_value: value.to_vec().into() }
}

const NONCE: &[u32] = &[1, 3, 6, 1, 5, 5, 7, 48, 1, 2];

fn with_nonce(length: usize) -> Vec<u8> {
    let value = rasn::der::encode(&OctetString::from(vec![0xab; length])).unwrap();
    changed(|it| {
        it.request_extensions = Some(Extensions::from(vec![extension(NONCE, false, &value)]));
    })
}

fn delegated(hierarchy: &Hierarchy) -> (Responder, Vec<u8>) {
    let (issued, key) = hierarchy.issue(EndKind::OcspResponder, &name("Prova OCSP"), 70);
    (Responder::delegated(&hierarchy.issuing, &issued.der, key).unwrap(), issued.der)
}

/// The answer to `der` with the same status for every certificate.
fn answer(responder: &Responder, der: &[u8], status: CertStatus) -> Vec<u8> {
    let request = Request::parse(der).unwrap();
    let answers: Vec<_> = request
        .certificates()
        .iter()
        .map(|certificate| SingleAnswer {
            certificate,
            status,
            this_update: now(),
            next_update: Some(now() + Duration::hours(1)),
        })
        .collect();
    responder.respond(&request, &answers, now() + Duration::milliseconds(700)).unwrap()
}

#[test]
fn the_issuer_is_known_by_each_hash() {
    let unit = X509::from_der(&HIERARCHY.unit).unwrap();
    let serial = Serial::from_bytes(&unit.serial_number().to_bn().unwrap().to_vec()).unwrap();
    for digest in [
        MessageDigest::sha1(),
        MessageDigest::sha256(),
        MessageDigest::sha384(),
        MessageDigest::sha512(),
    ] {
        let request = Request::parse(&request_for(&HIERARCHY.unit, digest)).unwrap();
        let [certificate] = request.certificates() else { panic!("one certificate") };
        assert!(certificate.is_of(HIERARCHY.issuing.issuer_id()));
        assert!(!certificate.is_of(HIERARCHY.root.issuer_id()));
        assert_eq!(certificate.serial(), Some(&serial));
        assert_eq!(request.nonce(), None);
    }
    let request = Request::parse(&request_for(&HIERARCHY.unit, MessageDigest::sha3_256())).unwrap();
    assert!(!request.certificates()[0].is_of(HIERARCHY.issuing.issuer_id()), "SHA-3");
    let wrong_key = changed(|it| {
        it.request_list[0].req_cert.issuer_key_hash = OctetString::from(vec![0; 20]);
    });
    let request = Request::parse(&wrong_key).unwrap();
    assert!(!request.certificates()[0].is_of(HIERARCHY.issuing.issuer_id()), "another key");
}

/// What the OpenSSL library makes of an answer, its signature and chain included.
fn openssl_status(hierarchy: &Hierarchy, response: &[u8], certificate: &[u8]) -> OcspCertStatus {
    let response = OcspResponse::from_der(response).unwrap();
    let basic = response.basic().unwrap();
    let mut store = X509StoreBuilder::new().unwrap();
    store.add_cert(X509::from_der(hierarchy.root.certificate_der()).unwrap()).unwrap();
    // The certificates of the tests have times of their own.
    store.set_flags(X509VerifyFlags::NO_CHECK_TIME).unwrap();
    let mut chain = Stack::new().unwrap();
    let issuer = X509::from_der(hierarchy.issuing.certificate_der()).unwrap();
    chain.push(issuer.clone()).unwrap();
    basic.verify(&chain, &store.build(), OcspFlag::empty()).unwrap();
    let subject = X509::from_der(certificate).unwrap();
    let id = OcspCertId::from_cert(MessageDigest::sha1(), &subject, &issuer).unwrap();
    basic.find_status(&id).unwrap().status
}

#[test]
fn every_kind_of_key_answers_for_the_ca_and_as_the_ca() {
    for kind in KeyKind::ALL {
        let hierarchy = Hierarchy::new(kind);
        let key = key(kind);
        let profile = EndProfile::new(EndKind::OcspResponder, vec![policy()]);
        let (subject, rng) = (name("Prova OCSP"), &mut SeededRng(71));
        let issuing = &hierarchy.issuing;
        let issued = issuing.issue(&profile, &subject, key.public_key(), now(), rng).unwrap();
        let issuer = X509::from_der(issuing.certificate_der()).unwrap();
        let unit = X509::from_der(&hierarchy.unit).unwrap();
        let mut request = OcspRequest::new().unwrap();
        let id = OcspCertId::from_cert(MessageDigest::sha1(), &unit, &issuer).unwrap();
        request.add_id(id).unwrap();
        let request = request.to_der().unwrap();
        for responder in [
            Responder::delegated(issuing, &issued.der, key).unwrap(),
            Responder::direct(issuing).unwrap(),
        ] {
            let good = answer(&responder, &request, CertStatus::Good);
            let status = openssl_status(&hierarchy, &good, &hierarchy.unit);
            assert_eq!(status, OcspCertStatus::GOOD, "{kind}");
        }
    }
}

#[test]
fn an_answer_has_the_fields_of_rfc_6960() {
    let (responder, certificate) = delegated(&HIERARCHY);
    assert_eq!(responder.not_after(), now() + Duration::days(30));
    assert!(responder.usable_at(now()) && responder.usable_at(now() + Duration::days(30)));
    assert!(!responder.usable_at(now() - Duration::seconds(1)));
    assert!(!responder.usable_at(now() + Duration::days(31)));
    let status = CertStatus::Revoked { at: now(), reason: RevocationReason::CertificateHold };
    let der = answer(&responder, &with_nonce(32), status);
    let response: rasn_ocsp::OcspResponse = rasn::der::decode(&der).unwrap();
    assert_eq!(rasn::der::encode(&response).unwrap(), der, "X.690: one encoding only");
    assert_eq!(response.status, rasn_ocsp::OcspResponseStatus::Successful);
    let bytes = response.bytes.unwrap();
    assert_eq!(bytes.r#type.to_string(), "1.3.6.1.5.5.7.48.1.1");
    let basic: rasn_ocsp::BasicOcspResponse = rasn::der::decode(&bytes.response).unwrap();
    assert_eq!(rasn::der::encode(&basic).unwrap(), bytes.response.to_vec());
    let certificates = basic.certs.unwrap();
    assert_eq!(rasn::der::encode(&certificates[0]).unwrap(), certificate);
    let data = basic.tbs_response_data;
    assert_eq!(data.version, Integer::ZERO);
    let key = &certificates[0].tbs_certificate.subject_public_key_info.subject_public_key;
    let hash = openssl::sha::sha1(key.as_raw_slice());
    // RFC 6960 §4.2.1: "SHA-1 hash of responder's public key".
    let expected = rasn_ocsp::ResponderId::ByKey(OctetString::from_slice(&hash));
    assert_eq!(data.responder_id, expected);
    assert_eq!(data.produced_at.to_utc(), now(), "no fractions of a second");
    let [single] = data.responses.as_slice() else { panic!("one answer") };
    assert_eq!(single.this_update.to_utc(), now());
    assert_eq!(single.next_update.unwrap().to_utc(), now() + Duration::hours(1));
    let rasn_ocsp::CertStatus::Revoked(revoked) = &single.cert_status else { panic!("revoked") };
    assert_eq!(revoked.revocation_time.to_utc(), now());
    assert_eq!(revoked.revocation_reason, Some(rasn_pkix::CrlReason::CertificateHold));
    // RFC 9654 §2.1: the value of the nonce in the response is that of the request.
    let value = rasn::der::encode(&OctetString::from(vec![0xab; 32])).unwrap();
    let nonce = Extensions::from(vec![extension(NONCE, false, &value)]);
    assert_eq!(data.response_extensions, Some(nonce));
}

#[test]
fn several_certificates_get_their_answers() {
    let (other, _) = HIERARCHY.issue(EndKind::HolderRemote, &person(), 72);
    let der = changed(|it| {
        let der = request_for(&other.der, MessageDigest::sha256());
        let second: rasn_ocsp::OcspRequest = rasn::der::decode(&der).unwrap();
        it.request_list.extend(second.tbs_request.request_list);
        let mut never = it.request_list[0].clone();
        never.req_cert.serial_number = Integer::from(-5);
        it.request_list.push(never);
    });
    let request = Request::parse(&der).unwrap();
    let [first, second, never] = request.certificates() else { panic!("three") };
    assert_eq!(second.serial(), Some(&other.serial));
    assert_eq!(never.serial(), None, "no CA of this crate gives a negative number");
    let single = |certificate, status| SingleAnswer {
        certificate,
        status,
        this_update: now(),
        next_update: None,
    };
    let at = now() - Duration::days(1);
    let answers = [
        single(first, CertStatus::Good),
        single(second, CertStatus::Revoked { at, reason: RevocationReason::KeyCompromise }),
        single(never, CertStatus::Unknown),
    ];
    let (responder, _) = delegated(&HIERARCHY);
    let der = responder.respond(&request, &answers, now()).unwrap();
    let response = OcspResponse::from_der(&der).unwrap().basic().unwrap();
    let issuer = X509::from_der(HIERARCHY.issuing.certificate_der()).unwrap();
    let found = |certificate: &[u8], digest| {
        let subject = X509::from_der(certificate).unwrap();
        let id = OcspCertId::from_cert(digest, &subject, &issuer).unwrap();
        response.find_status(&id).unwrap().status
    };
    assert_eq!(found(&HIERARCHY.unit, MessageDigest::sha1()), OcspCertStatus::GOOD);
    assert_eq!(found(&other.der, MessageDigest::sha256()), OcspCertStatus::REVOKED);
    let bytes: rasn_ocsp::OcspResponse = rasn::der::decode(&der).unwrap();
    let basic: rasn_ocsp::BasicOcspResponse =
        rasn::der::decode(&bytes.bytes.unwrap().response).unwrap();
    let last = &basic.tbs_response_data.responses[2];
    assert_eq!(last.cert_status, rasn_ocsp::CertStatus::Unknown(()));
    assert_eq!(last.cert_id.serial_number, Integer::from(-5));
    assert_eq!(last.next_update, None);
}

#[test]
fn a_nonce_has_1_to_128_octets() {
    for length in [1, 16, 32, 128] {
        let request = Request::parse(&with_nonce(length)).unwrap();
        assert_eq!(request.nonce(), Some(&vec![0xab; length][..]));
    }
    // RFC 9654 §2.1: "MUST reject".
    for length in [0, 129, 1000] {
        assert_eq!(Request::parse(&with_nonce(length)).unwrap_err(), RequestFault::Nonce);
    }
    let raw = changed(|it| {
        it.request_extensions = Some(Extensions::from(vec![extension(NONCE, false, b"raw")]));
    });
    assert_eq!(Request::parse(&raw).unwrap_err(), RequestFault::Nonce);
    let nonce = extension(NONCE, false, &[4, 1, 7]);
    let twice = changed(|it| {
        it.request_extensions = Some(Extensions::from(vec![nonce.clone(), nonce]));
    });
    assert_eq!(Request::parse(&twice).unwrap_err(), RequestFault::NonceRepeated);
}

fn fault(der: &[u8]) -> String {
    Request::parse(der).unwrap_err().to_string()
}

#[test]
fn each_fault_of_a_request_is_named() {
    assert_eq!(
        fault(&[0x30; ocsp::LARGEST_REQUEST + 1]),
        "OCSP request: 16385 bytes are too many (at most 16384)"
    );
    assert_eq!(fault(b""), "OCSP request: not one request in DER (RFC 6960 §4.1.1)");
    assert_eq!(
        fault(&changed(|it| it.version = Integer::ONE)),
        "OCSP request: version is not v1 (0), the only one there is"
    );
    assert_eq!(
        fault(&changed(|it| it.request_list.clear())),
        "OCSP request: asks for 0 certificates; 1 to 32 are answered"
    );
    let many = changed(|it| it.request_list = vec![it.request_list[0].clone(); 33]);
    assert_eq!(fault(&many), "OCSP request: asks for 33 certificates; 1 to 32 are answered");
    let critical = extension(&[1, 3, 6, 1, 4, 1, 99999, 7], true, &[5, 0]);
    let expected = "OCSP request: extension 1.3.6.1.4.1.99999.7 is critical and not known here";
    let outside = changed(|it| it.request_extensions = Some(vec![critical.clone()].into()));
    assert_eq!(fault(&outside), expected);
    let inside =
        changed(|it| it.request_list[0].single_request_extensions = Some(vec![critical].into()));
    assert_eq!(fault(&inside), expected);
    let harmless = extension(&[1, 3, 6, 1, 4, 1, 99999, 7], false, &[5, 0]);
    let responses = extension(&[1, 3, 6, 1, 5, 5, 7, 48, 1, 4], true, &[0x30, 0]);
    let ignored = changed(|it| it.request_extensions = Some(vec![harmless, responses].into()));
    Request::parse(&ignored).unwrap();
    let most = changed(|it| it.request_list = vec![it.request_list[0].clone(); 32]);
    assert_eq!(Request::parse(&most).unwrap().certificates().len(), 32);
}

#[test]
fn errors_are_answers_without_a_signature() {
    for (status, expected) in [
        (ErrorStatus::MalformedRequest, openssl::ocsp::OcspResponseStatus::MALFORMED_REQUEST),
        (ErrorStatus::InternalError, openssl::ocsp::OcspResponseStatus::INTERNAL_ERROR),
        (ErrorStatus::TryLater, openssl::ocsp::OcspResponseStatus::TRY_LATER),
        (ErrorStatus::Unauthorized, openssl::ocsp::OcspResponseStatus::UNAUTHORIZED),
    ] {
        let response = OcspResponse::from_der(&status.to_der()).unwrap();
        assert_eq!(response.status(), expected);
    }
}

#[test]
fn a_get_carries_the_request_in_its_path() {
    let der = with_nonce(5);
    let plain = openssl::base64::encode_block(&der);
    assert_eq!(ocsp::from_path(&plain).unwrap(), der);
    let encoded = plain.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    assert_eq!(ocsp::from_path(&encoded).unwrap(), der);
    for path in ["", "A", "AAA", "AA A", "AAAA%", "AAA%3", "AAA%41", "AAAA?", "====", "é", "%%%%"]
    {
        assert_eq!(ocsp::from_path(path), Err(RequestFault::Path), "{path:?}");
    }
    let long = "A".repeat(4 * ocsp::LARGEST_REQUEST + 1);
    assert_eq!(ocsp::from_path(&long), Err(RequestFault::TooLong(long.len())));
}

#[test]
fn a_responder_needs_the_right_certificate() {
    let (issued, own) = HIERARCHY.issue(EndKind::OcspResponder, &name("Prova OCSP"), 73);
    let refused = |ca: &CertificateAuthority, der: &[u8], key: &Arc<dyn SigningKey>| {
        Responder::delegated(ca, der, Arc::clone(key)).unwrap_err()
    };
    let fault = refused(&HIERARCHY.root, &issued.der, &own);
    assert_eq!(
        fault.to_string(),
        "the OCSP responder's certificate was not issued by CA \"root\", for which it should \
         answer; have one issued by that CA"
    );
    // The same name, another key.
    let twin = Hierarchy::new(KeyKind::P256);
    let fault = refused(&twin.issuing, &issued.der, &own);
    assert!(matches!(fault, ResponderFault::WrongIssuer { .. }));
    let fault = refused(&HIERARCHY.issuing, &issued.der, &key(KeyKind::P256));
    assert!(matches!(fault, ResponderFault::WrongKey));
    let fault = refused(&HIERARCHY.issuing, &issued.der[1..], &own);
    assert!(matches!(fault, ResponderFault::Unreadable(_)));
    let (client, client_key) = HIERARCHY.issue(EndKind::TlsClient, &name("Prova Client"), 74);
    let fault = refused(&HIERARCHY.issuing, &client.der, &client_key);
    assert!(fault.to_string().contains("does not hold id-kp-OCSPSigning"), "{fault}");
    let mut checked = Hierarchy::new(KeyKind::P256);
    let (issued, own) = checked.issue(EndKind::OcspResponder, &name("Prova OCSP"), 75);
    checked.unit = issued.der;
    let nocheck = rasn::types::ObjectIdentifier::new(vec![1, 3, 6, 1, 5, 5, 7, 48, 1, 5]).unwrap();
    checked.alter_unit(|it| it.remove(&nocheck));
    let fault = refused(&checked.issuing, &checked.unit, &own);
    assert!(fault.to_string().contains("would ask for its status in a circle"), "{fault}");
}

#[test]
fn no_damage_to_a_request_panics() {
    let request = with_nonce(32);
    for length in 0..request.len() {
        assert!(Request::parse(&request[..length]).is_err());
    }
    assert!(Request::parse(&[request.as_slice(), &[0]].concat()).is_err());
    let (responder, _) = delegated(&HIERARCHY);
    for position in 0..request.len() {
        for change in [0x01, 0x20, 0x80, 0xff] {
            let mut der = request.clone();
            der[position] ^= change;
            if Request::parse(&der).is_ok() {
                // Whatever was understood can be answered, in DER that OpenSSL reads.
                let response = answer(&responder, &der, CertStatus::Unknown);
                OcspResponse::from_der(&response).unwrap().basic().unwrap();
            }
        }
    }
}

#[test]
fn deep_nesting_and_impossible_lengths_are_malformed() {
    let mut deep = vec![0x05, 0x00];
    while deep.len() < 15_000 {
        let length = u16::try_from(deep.len()).unwrap();
        deep = [&[0x30, 0x82][..], &length.to_be_bytes(), &deep].concat();
        assert!(Request::parse(&deep).is_err());
    }
    for der in [
        &[0x30, 0x84, 0x7f, 0xff, 0xff, 0xff][..],
        &[0x30, 0x88, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        &[0x30, 0x80, 0x00, 0x00],
    ] {
        assert!(matches!(Request::parse(der), Err(RequestFault::Malformed { .. })));
    }
    // Nesting where the structure allows anything: the parameters of the hash algorithm.
    let nested = changed(|it| {
        let parameters = Some(rasn::types::Any::new(deep.clone()));
        it.request_list[0].req_cert.hash_algorithm.parameters = parameters;
    });
    assert_eq!(
        fault(&nested),
        "OCSP request: hashAlgorithm 1.3.14.3.2.26 has parameters other than NULL"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn arbitrary_bytes_are_refused(
        der in proptest::collection::vec(any::<u8>(), 0..300),
        path in any::<String>(),
        characters in "[A-Za-z0-9+/=%]{0,60}",
    ) {
        prop_assert!(Request::parse(&der).is_err());
        drop((ocsp::from_path(&path), ocsp::from_path(&characters)));
    }

    #[test]
    fn a_mutated_request_is_survived(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
        inserted in proptest::collection::vec(any::<u8>(), 0..4),
    ) {
        let mut der = with_nonce(32);
        for (position, byte) in changes {
            let position = position.index(der.len());
            der[position] = byte;
        }
        let cut = cut.index(der.len());
        der.splice(cut..cut, inserted);
        if let Ok(request) = Request::parse(&der) {
            prop_assert!(!request.certificates().is_empty());
        }
    }

    #[test]
    fn serial_and_nonce_come_back(
        serial in proptest::collection::vec(any::<u8>(), 1..=20),
        nonce in proptest::collection::vec(any::<u8>(), 1..=128),
    ) {
        let Ok(serial) = Serial::from_bytes(&serial) else { return Ok(()) };
        // A zero in front keeps the top bit from being the sign.
        let zero: &[u8] = if serial.as_bytes()[0] < 0x80 { &[] } else { &[0] };
        let length = (zero.len() + serial.as_bytes().len()) as u8;
        let number = [&[0x02, length], zero, serial.as_bytes()].concat();
        let value = rasn::der::encode(&OctetString::from(nonce.clone())).unwrap();
        let der = changed(|it| {
            it.request_list[0].req_cert.serial_number = rasn::der::decode(&number).unwrap();
            it.request_extensions = Some(vec![extension(NONCE, false, &value)].into());
        });
        let request = Request::parse(&der).unwrap();
        prop_assert_eq!(request.certificates()[0].serial(), Some(&serial));
        prop_assert_eq!(request.nonce(), Some(&nonce[..]));
    }
}
