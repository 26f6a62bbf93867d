//! What goes out and what comes back when all is well.

use super::peer::*;
use crate::cmp::message::*;
use crate::cmp::{Answer, CmpError, Enrollment, Issued, MacAlgorithm, Request, Verdict};
use rasn::types::{Any, OctetString};
use std::time::Duration;

/// Reads an answer that has to hold the certificate.
fn issued(enrollment: &mut Enrollment, answer: &[u8]) -> Issued {
    match enrollment.read(answer, now()).unwrap() {
        Answer::Issued(issued) => issued,
        Answer::Waiting { .. } => panic!("no certificate yet"),
    }
}

fn waiting(enrollment: &mut Enrollment, answer: &[u8]) -> (Duration, String) {
    match enrollment.read(answer, now()).unwrap() {
        Answer::Waiting { check_after, reason } => (check_after, reason),
        Answer::Issued(_) => panic!("a certificate already"),
    }
}

#[test]
fn a_request_becomes_a_certificate_and_is_confirmed() {
    let (mut peer, mut enrollment, message) = Peer::with_secret();
    let (header, body) = open(&message);
    assert!(matches!(body, PkiBody::P10cr(_)));
    assert_eq!(header.pvno, 2);
    assert_eq!(header.sender_kid.as_deref(), Some(&b"4711"[..]));
    assert_eq!(header.recip_nonce, None);
    assert_eq!(header.general_info, None);

    let answer = peer.answer(&message, &peer.grant());
    let issued = issued(&mut enrollment, &answer);
    assert_eq!(issued.certificate, peer.unit_certificate());
    assert!(issued.to_confirm);
    assert_eq!(issued.status.to_string(), "accepted");

    let rng = &mut Counter(7);
    let message = enrollment.confirm(&issued, Verdict::Accepted, now(), rng).unwrap();
    let (confirming, body) = open(&message);
    // RFC 9810 §5.1.1: the same transaction, a new nonce, and the nonce of the answer.
    assert_eq!(confirming.transaction_id, header.transaction_id);
    assert_ne!(confirming.sender_nonce, header.sender_nonce);
    assert_eq!(confirming.recip_nonce, open(&answer).0.sender_nonce);
    let PkiBody::CertConf(statuses) = body else { panic!("{body:?}") };
    let hash = openssl::sha::sha256(&issued.certificate);
    assert_eq!(statuses[0].cert_hash, OctetString::from_slice(&hash));
    assert_eq!(statuses[0].cert_req_id, -1);
    assert_eq!(statuses[0].status_info.as_ref().unwrap().status, 0);
    assert_eq!(statuses[0].hash_alg, None);

    let answer = peer.answer(&message, &PkiBody::PkiConf(()));
    enrollment.read_confirmation(&answer, now()).unwrap();
}

#[test]
fn a_certificate_that_is_not_wanted_is_refused_with_the_reason() {
    let (mut peer, mut enrollment, message) = Peer::with_secret();
    let answer = peer.answer(&message, &peer.grant());
    let issued = issued(&mut enrollment, &answer);
    let verdict = Verdict::Rejected { reason: "no timeStamping in it" };
    let message = enrollment.confirm(&issued, verdict, now(), &mut Counter(7)).unwrap();
    let PkiBody::CertConf(statuses) = open(&message).1 else { panic!() };
    let info = statuses[0].status_info.as_ref().unwrap();
    assert_eq!(info.status, 2);
    assert_eq!(info.status_string.as_ref().unwrap(), &["no timeStamping in it".to_owned()]);
    // incorrectData, bit 7.
    assert_eq!(info.fail_info.as_ref().unwrap().as_raw_slice(), [1]);
    let answer = peer.answer(&message, &PkiBody::PkiConf(()));
    enrollment.read_confirmation(&answer, now()).unwrap();
}

/// RFC 9483 §4.4: cp waiting → pollReq → pollRep → pollReq → cp.
#[test]
fn a_ca_that_takes_its_time_is_polled() {
    let (mut peer, mut enrollment, message) = Peer::with_secret();
    let answer = peer.answer(&message, &cp(response(status(3), None)));
    assert_eq!(waiting(&mut enrollment, &answer).0, Duration::from_secs(1));

    let message = enrollment.poll(now(), &mut Counter(20)).unwrap();
    let asked = vec![PollRequest { cert_req_id: -1 }];
    assert_eq!(open(&message).1, PkiBody::PollReq(asked));
    let reason = Some(vec!["the officer\tsleeps".to_owned()]);
    let reply = PollReply { cert_req_id: -1, check_after: 120, reason };
    let answer = peer.answer(&message, &PkiBody::PollRep(vec![reply]));
    let told = waiting(&mut enrollment, &answer);
    assert_eq!(told, (Duration::from_secs(120), "the officer sleeps".to_owned()));

    let message = enrollment.poll(now(), &mut Counter(30)).unwrap();
    let answer = peer.answer(&message, &peer.grant());
    assert_eq!(issued(&mut enrollment, &answer).certificate, peer.unit_certificate());
}

/// RFC 9483 §4.4: the final answer may carry the nonce of the request that it was asked with.
#[test]
fn an_answer_after_polling_may_carry_the_first_nonce() {
    let (mut peer, mut enrollment, first) = Peer::with_secret();
    let answer = peer.answer(&first, &cp(response(status(3), None)));
    waiting(&mut enrollment, &answer);
    enrollment.poll(now(), &mut Counter(20)).unwrap();
    let answer = peer.answer(&first, &peer.grant());
    issued(&mut enrollment, &answer);
}

#[test]
fn an_error_with_the_status_waiting_is_polled_too() {
    let (mut peer, mut enrollment, message) = Peer::with_secret();
    let pki_status_info = status(3);
    let error = ErrorMsgContent { pki_status_info, error_code: None, error_details: None };
    let answer = peer.answer(&message, &PkiBody::Error(error));
    waiting(&mut enrollment, &answer);
    let message = enrollment.poll(now(), &mut Counter(20)).unwrap();
    let answer = peer.answer(&message, &peer.grant());
    issued(&mut enrollment, &answer);
}

/// What a hostile CA may ask: neither a loop nor a sleep without end.
#[test]
fn the_time_to_wait_is_bounded() {
    for (asked, waited) in [(i64::MIN, 1), (0, 1), (5, 5), (i64::MAX, 86_400)] {
        let (mut peer, mut enrollment, message) = Peer::with_secret();
        let answer = peer.answer(&message, &cp(response(status(3), None)));
        waiting(&mut enrollment, &answer);
        let message = enrollment.poll(now(), &mut Counter(20)).unwrap();
        let reply = PollReply { cert_req_id: -1, check_after: asked, reason: None };
        let answer = peer.answer(&message, &PkiBody::PollRep(vec![reply]));
        assert_eq!(waiting(&mut enrollment, &answer).0, Duration::from_secs(waited));
    }
}

#[test]
fn confirmation_is_left_out_only_when_asked_for_and_granted() {
    for (asked, granted, to_confirm) in
        [(false, false, true), (false, true, true), (true, false, true), (true, true, false)]
    {
        let (mut peer, mut enrollment, message) =
            Peer::start(secret("geheim"), secret("geheim"), Vec::new(), asked);
        let sent = open(&message).0.general_info;
        assert_eq!(sent.is_some(), asked);
        let info = InfoTypeAndValue {
            info_type: IMPLICIT_CONFIRM.into(),
            info_value: Some(Any::new(vec![5, 0])),
        };
        let answer = peer.answer_with(&message, &peer.grant(), |header| {
            header.general_info = granted.then(|| vec![info]);
        });
        assert_eq!(issued(&mut enrollment, &answer).to_confirm, to_confirm);
    }
}

/// CAs from before RFC 9483 number the only request 0.
#[test]
fn the_request_may_have_the_number_0_which_is_then_sent_back() {
    let (mut peer, mut enrollment, message) = Peer::with_secret();
    let mut only = response(status(1), Some(peer.unit_certificate()));
    only.cert_req_id = 0;
    let answer = peer.answer(&message, &cp(only));
    let issued = issued(&mut enrollment, &answer);
    assert_eq!(issued.status.to_string(), "granted with changes");
    let message = enrollment.confirm(&issued, Verdict::Accepted, now(), &mut Counter(7)).unwrap();
    let PkiBody::CertConf(statuses) = open(&message).1 else { panic!() };
    assert_eq!(statuses[0].cert_req_id, 0);
}

#[test]
fn either_mac_protects_and_the_answer_may_use_the_other() {
    use MacAlgorithm::{PasswordBasedMac, Pbmac1};
    for ours in [PasswordBasedMac, Pbmac1] {
        for theirs in [PasswordBasedMac, Pbmac1] {
            let (mut peer, mut enrollment, message) = Peer::start(
                secret_with("geheim", ours),
                secret_with("geheim", theirs),
                Vec::new(),
                false,
            );
            let answer = peer.answer(&message, &peer.grant());
            issued(&mut enrollment, &answer);
        }
    }
}

/// RFC 9810 §5.3.2: a certificate in caPubs may be trusted as a root where a shared secret protects
/// the message. What stands in extraCerts is not protected, and never becomes a root.
#[test]
fn the_chain_ends_at_a_root_only_where_the_secret_vouches_for_it() {
    let (mut peer, mut enrollment, message) = Peer::with_secret();
    let stranger = Party::new("Stranger", Role::Ca, None).der();
    peer.extra_certs = vec![stranger, peer.root.der(), vec![0x30, 0]];
    let answer = peer.answer(&message, &peer.grant());
    let leaf = peer.unit_certificate();
    assert_eq!(issued(&mut enrollment, &answer).chain, std::slice::from_ref(&leaf));

    let (mut peer, mut enrollment, message) = Peer::with_secret();
    let ca = Party::new("Issuing", Role::Ca, Some(&peer.root));
    let between = ca.der();
    peer.extra_certs = vec![peer.root.der(), between.clone()];
    let leaf = certificate("TSU 1", &peer.unit_key, Role::End, Some(&ca)).to_der().unwrap();
    let PkiBody::Cp(mut content) = granted(leaf.clone()) else { panic!() };
    content.ca_pubs = Some(vec![Any::new(peer.root.der())]);
    let answer = peer.answer(&message, &PkiBody::Cp(content));
    assert_eq!(issued(&mut enrollment, &answer).chain, [leaf, between, peer.root.der()]);
}

/// A hash that the signature algorithm does not name is named (RFC 9481 §3.3).
#[test]
fn a_certificate_signed_with_ed25519_is_confirmed_with_sha512() {
    let (mut peer, mut enrollment, message) = Peer::with_secret();
    let key = openssl::pkey::PKey::generate_ed25519().unwrap();
    let unsigned = &peer.root.certificate;
    let mut builder = openssl::x509::X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_serial_number(unsigned.serial_number()).unwrap();
    builder.set_subject_name(unsigned.subject_name()).unwrap();
    builder.set_issuer_name(unsigned.issuer_name()).unwrap();
    builder.set_not_before(unsigned.not_before()).unwrap();
    builder.set_not_after(unsigned.not_after()).unwrap();
    builder.set_pubkey(&peer.unit_key).unwrap();
    builder.sign(&key, openssl::hash::MessageDigest::null()).unwrap();
    let certificate = builder.build().to_der().unwrap();

    let answer = peer.answer(&message, &granted(certificate.clone()));
    let issued = issued(&mut enrollment, &answer);
    let message = enrollment.confirm(&issued, Verdict::Accepted, now(), &mut Counter(7)).unwrap();
    let (header, PkiBody::CertConf(statuses)) = open(&message) else { panic!() };
    assert_eq!(header.pvno, 3);
    assert_eq!(*crate::oid::SHA512, statuses[0].hash_alg.as_ref().unwrap().algorithm);
    let hash = openssl::sha::sha512(&certificate);
    assert_eq!(statuses[0].cert_hash, OctetString::from_slice(&hash));
}

#[test]
fn what_cannot_be_sent_is_said_before_anything_is_sent() {
    let (_, csr) = unit();
    let request = |csr: &[u8], protection, trusted| Request {
        csr: csr.to_vec(),
        protection,
        trusted,
        recipient: None,
        implicit_confirm: false,
    };
    let begin = |request| Enrollment::p10cr(request, now(), &mut Counter(0)).unwrap_err();
    let none = Vec::new();
    assert!(matches!(begin(request(&csr, secret(""), none.clone())), CmpError::EmptySecret));
    assert!(matches!(begin(request(b"", secret("x"), none)), CmpError::Request { .. }));
    let broken = vec![vec![0x30, 0]];
    assert!(matches!(begin(request(&csr, secret("x"), broken)), CmpError::Certificate { .. }));
    let one = Party::new("One", Role::End, None);
    let other = Party::new("Other", Role::End, None);
    let mixed = Party { key: one.key, certificate: other.certificate };
    let wrong = request(&csr, mixed.protection(Vec::new()), Vec::new());
    assert!(matches!(begin(wrong), CmpError::ProtectionKey));
}
