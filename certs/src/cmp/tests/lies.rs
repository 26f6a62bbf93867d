//! Answers that are not to be believed: each check by itself, and then any bytes at all.

use super::peer::*;
use crate::cmp::message::*;
use crate::cmp::{Answer, CmpError, Enrollment, LARGEST_MESSAGE, Verdict};
use openssl::pkey::PKey;
use proptest::prelude::*;
use rasn::types::{Any, BitString, OctetString};

fn refused(enrollment: &mut Enrollment, answer: &[u8]) -> CmpError {
    enrollment.read(answer, now()).unwrap_err()
}

/// The refusal of a grant with a changed header.
fn refused_header(change: impl FnOnce(&mut PkiHeader)) -> CmpError {
    let (mut peer, mut enrollment, message) = Peer::with_secret();
    let answer = peer.answer_with(&message, &peer.grant(), change);
    refused(&mut enrollment, &answer)
}

/// The refusal of a body.
fn refused_body(body: impl FnOnce(&Peer) -> PkiBody) -> CmpError {
    let (mut peer, mut enrollment, message) = Peer::with_secret();
    let answer = peer.answer(&message, &body(&peer));
    refused(&mut enrollment, &answer)
}

#[track_caller]
fn mismatch(error: &CmpError, expected: &str) {
    assert!(matches!(error, CmpError::Mismatch { field } if *field == expected), "{error:?}");
}

#[test]
fn an_answer_of_another_exchange_is_refused() {
    let other = || Some(OctetString::from_slice(&[7; 16]));
    mismatch(&refused_header(|header| header.transaction_id = other()), "transactionID");
    mismatch(&refused_header(|header| header.transaction_id = None), "transactionID");
    mismatch(&refused_header(|header| header.recip_nonce = other()), "recipNonce");
    mismatch(&refused_header(|header| header.recip_nonce = None), "recipNonce");
    mismatch(&refused_header(|header| header.sender_nonce = None), "senderNonce");
    mismatch(
        &refused_header(|header| header.sender_nonce = Some(OctetString::from_slice(&[0; 65]))),
        "senderNonce",
    );
    mismatch(
        &refused_header(|header| header.sender_nonce = header.recip_nonce.clone()),
        "senderNonce",
    );
    mismatch(&refused_header(|header| header.pvno = 1), "pvno");
}

/// An answer that was right once is wrong the second time: after a new message of ours the nonce
/// has changed. Only while polling may the first one come back (RFC 9483 §4.4).
#[test]
fn a_replayed_answer_is_refused() {
    let (mut peer, mut enrollment, message) = Peer::with_secret();
    let answer = peer.answer(&message, &peer.grant());
    let Answer::Issued(issued) = enrollment.read(&answer, now()).unwrap() else { panic!() };
    let verdict = Verdict::Accepted;
    let message = enrollment.confirm(&issued, verdict, now(), &mut Counter(7)).unwrap();
    mismatch(&enrollment.read_confirmation(&answer, now()).unwrap_err(), "recipNonce");
    // What was sent does not pass for an answer either.
    mismatch(&enrollment.read_confirmation(&message, now()).unwrap_err(), "recipNonce");
}

#[test]
fn the_answer_has_to_be_about_the_only_request() {
    let error = refused_body(|peer| {
        let mut other = response(status(0), Some(peer.unit_certificate()));
        other.cert_req_id = 1;
        cp(other)
    });
    mismatch(&error, "certReqId");
    let error = refused_body(|peer| {
        let one = response(status(0), Some(peer.unit_certificate()));
        PkiBody::Cp(CertRepMessage { ca_pubs: None, response: vec![one.clone(), one] })
    });
    assert!(matches!(error, CmpError::Count { count: 2 }), "{error:?}");
    let error = refused_body(|_| cp(response(status(0), None)));
    assert!(matches!(error, CmpError::Count { count: 0 }), "{error:?}");
}

#[test]
fn a_certificate_for_another_key_is_refused() {
    let error = refused_body(|peer| {
        let key = PKey::ec_gen("prime256v1").unwrap();
        let other = certificate("TSU 2", &key, Role::End, Some(&peer.root));
        granted(other.to_der().unwrap())
    });
    let CmpError::OtherKey { subject } = &error else { panic!("{error:?}") };
    assert_eq!(subject, "C=IT, CN=TSU 2");
}

#[test]
fn what_is_no_certificate_or_encrypted_is_refused() {
    let error = refused_body(|_| granted(vec![0x30, 0x03, 0x02, 0x01, 0x01]));
    assert!(matches!(error, CmpError::Issued(_)), "{error:?}");
    let error = refused_body(|peer| {
        let mut only = response(status(0), None);
        let secret = CertOrEncCert::EncryptedCert(Any::new(peer.unit_certificate()));
        only.certified_key_pair = Some(CertifiedKeyPair {
            cert_or_enc_cert: secret,
            private_key: None,
            publication_info: None,
        });
        cp(only)
    });
    assert!(matches!(error, CmpError::Encrypted), "{error:?}");
}

#[test]
fn a_rejection_is_told_in_words_on_one_line() {
    let expected = "the CA refused: rejected: this kind of request is not permitted or supported \
                    (badRequest), the proof of possession of the key failed (badPOP); the CA \
                    says: \"not this week marca: all is well\"";
    let error = refused_body(|_| cp(response(rejection(), None)));
    assert_eq!(error.to_string(), expected);
    let error = refused_body(|_| {
        let details = Some(vec!["ask \u{1b}[31m Anna".to_owned()]);
        let pki_status_info = rejection();
        PkiBody::Error(ErrorMsgContent {
            pki_status_info,
            error_code: None,
            error_details: details,
        })
    });
    assert_eq!(error.to_string(), expected.replace("is well\"", "is well; ask  [31m Anna\""));
    assert!(matches!(error, CmpError::Refused { verified: true, .. }));
}

/// A status that nobody defined is no grant, and neither is a warning about a revocation.
#[test]
fn only_a_grant_is_a_grant() {
    for value in [2, 4, 5, 6, 7, -1, i64::MAX] {
        let error = refused_body(|peer| cp(response(status(value), Some(peer.unit_certificate()))));
        assert!(matches!(error, CmpError::Refused { .. }), "{value}: {error:?}");
    }
}

#[test]
fn a_message_of_another_kind_is_refused_by_its_name() {
    let unexpected = |error: CmpError| match error {
        CmpError::Unexpected { expected, found } => (expected, found),
        other => panic!("{other:?}"),
    };
    assert_eq!(unexpected(refused_body(|_| PkiBody::PkiConf(()))), ("cp", "pkiConf"));
    // Nobody polled.
    let reply = PollReply { cert_req_id: -1, check_after: 1, reason: None };
    let error = refused_body(|_| PkiBody::PollRep(vec![reply]));
    assert_eq!(unexpected(error), ("cp", "pollRep"));

    let (mut peer, mut enrollment, message) = Peer::with_secret();
    let answer = peer.answer(&message, &peer.grant());
    let mut message: PkiMessage = rasn::der::decode(&answer).unwrap();
    // A genp, [22].
    message.body = Any::new(vec![0xb6, 0x02, 0x30, 0x00]);
    let answer = rasn::der::encode(&message).unwrap();
    assert_eq!(unexpected(refused(&mut enrollment, &answer)), ("cp", "genp"));
}

#[test]
fn an_answer_without_protection_is_refused() {
    let (mut peer, mut enrollment, message) = Peer::with_secret();
    let answer = peer.answer(&message, &peer.grant());
    let mut message: PkiMessage = rasn::der::decode(&answer).unwrap();
    message.protection = None;
    let error = refused(&mut enrollment, &rasn::der::encode(&message).unwrap());
    assert!(matches!(error, CmpError::Unprotected { missing: "protection" }), "{error:?}");
    let mut header: PkiHeader = rasn::der::decode(message.header.as_bytes()).unwrap();
    header.protection_alg = None;
    message.header = Any::new(rasn::der::encode(&header).unwrap());
    let error = refused(&mut enrollment, &rasn::der::encode(&message).unwrap());
    assert!(matches!(error, CmpError::Unprotected { missing: "protectionAlg" }), "{error:?}");
}

#[test]
fn a_wrong_secret_and_a_wrong_mac_are_refused() {
    let (mut peer, mut enrollment, message) =
        Peer::start(secret("geheim"), secret("verraten"), Vec::new(), false);
    let answer = peer.answer(&message, &peer.grant());
    let error = refused(&mut enrollment, &answer);
    assert!(matches!(error, CmpError::ProtectionWrong { .. }), "{error:?}");
    assert!(error.to_string().contains("compare reference and secret"), "{error}");

    // The words of a refusal are told all the same, as what they are.
    let answer = peer.answer(&message, &cp(response(rejection(), None)));
    let error = refused(&mut enrollment, &answer);
    assert!(matches!(error, CmpError::Refused { verified: false, .. }), "{error:?}");
    assert!(error.to_string().contains("does not verify"), "{error}");

    let (mut peer, mut enrollment, message) = Peer::with_secret();
    let answer = peer.answer(&message, &peer.grant());
    let message: PkiMessage = rasn::der::decode(&answer).unwrap();
    let right = message.protection.clone().unwrap();
    let mut turned = right.as_raw_slice().to_vec();
    turned[0] ^= 1;
    let cut = &right.as_raw_slice()[..31];
    let longer = [right.as_raw_slice(), &[0]].concat();
    let mut bits = right.clone();
    bits.truncate(255);
    let wrong = [
        BitString::from_slice(&turned),
        BitString::from_slice(cut),
        BitString::from_slice(&longer),
        BitString::new(),
        bits,
    ];
    for protection in wrong {
        let mut message = message.clone();
        message.protection = Some(protection);
        let error = refused(&mut enrollment, &rasn::der::encode(&message).unwrap());
        assert!(matches!(error, CmpError::ProtectionWrong { .. }), "{error:?}");
    }
    // And the right one is right.
    enrollment.read(&answer, now()).unwrap();
}

#[test]
fn an_answer_without_end_is_not_read() {
    let (_, mut enrollment, _) = Peer::with_secret();
    let error = refused(&mut enrollment, &vec![0x30; LARGEST_MESSAGE + 1]);
    assert!(matches!(error, CmpError::TooLong(_)), "{error:?}");
}

/// Nothing changed on the way passes: wherever a bit of a granted certificate is turned, the
/// answer is refused, except in what is not protected, and then it says the same.
#[test]
fn no_turned_bit_changes_what_is_read() {
    let root = Party::new("Root", Role::Ca, None);
    let theirs = root.protection(Vec::new());
    let (mut peer, mut enrollment, message) =
        Peer::start(secret("geheim"), theirs, vec![root.der()], false);
    // Outside what is protected.
    peer.extra_certs = vec![root.der()];
    let answer = peer.answer(&message, &peer.grant());
    let expected = peer.unit_certificate();
    for position in 0..answer.len() {
        let mut changed = answer.clone();
        changed[position] ^= 1 << (position % 8);
        if let Ok(read) = enrollment.read(&changed, now()) {
            let Answer::Issued(issued) = read else { panic!("waits after {position}") };
            assert_eq!(issued.certificate, expected, "octet {position}");
            assert_eq!(issued.chain, std::slice::from_ref(&expected), "octet {position}");
        }
    }
}

/// A DER element with any content.
fn element() -> impl Strategy<Value = Vec<u8>> {
    let leaf = (any::<u8>(), prop::collection::vec(any::<u8>(), 0..40)).prop_map(wrap);
    leaf.prop_recursive(6, 64, 6, |inner| {
        (any::<u8>(), prop::collection::vec(inner, 0..6))
            .prop_map(|(tag, parts)| wrap((tag | 0x20, parts.concat())))
    })
}

fn wrap((tag, content): (u8, Vec<u8>)) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap_or(u16::MAX).to_be_bytes();
    let mut der = vec![tag, 0x82];
    if content.len() < 128 {
        der = vec![tag, length[1]];
    } else {
        der.extend(length);
    }
    der.extend(content);
    der
}

proptest! {
    // Each case derives keys from secrets, which is slow on purpose.
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let (_, mut enrollment, _) = Peer::with_secret();
        prop_assert!(enrollment.read(&bytes, now()).is_err());
    }

    #[test]
    fn no_der_makes_the_reader_panic(header in element(), body in element()) {
        let (mut peer, mut enrollment, message) = Peer::with_secret();
        let answer = peer.answer(&message, &peer.grant());
        let good: PkiMessage = rasn::der::decode(&answer).unwrap();
        let content = [header.clone(), body.clone()].concat();
        prop_assert!(enrollment.read(&wrap((0x30, content)), now()).is_err());
        let content = [good.header.as_bytes(), &body].concat();
        prop_assert!(enrollment.read(&wrap((0x30, content)), now()).is_err());
        let content = [&header, good.body.as_bytes()].concat();
        prop_assert!(enrollment.read(&wrap((0x30, content)), now()).is_err());
    }

    #[test]
    fn a_changed_answer_does_not_make_the_reader_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
    ) {
        let (mut peer, mut enrollment, message) = Peer::with_secret();
        let mut answer = peer.answer(&message, &peer.grant());
        for (position, value) in changes {
            let position = position.index(answer.len());
            answer[position] = value;
        }
        // Whatever comes out, it comes out without a panic.
        enrollment.read(&answer, now()).ok();
        answer.truncate(cut.index(answer.len()));
        prop_assert!(enrollment.read(&answer, now()).is_err());
    }
}
