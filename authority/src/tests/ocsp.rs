//! OCSP answers, asked and verified by OpenSSL.

use super::support::outside::{Said, answer, request};
use super::support::*;
use crate::{AnswerKind, Authority, AuthorityCa, ResponderKey, Settings};
use certs::ocsp::ErrorStatus;
use certs::{EndKind, RevocationReason};
use chrono::Duration;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use store::Store;

#[test]
fn an_answer_follows_each_change_at_once() {
    let world = world();
    let issued = world.issue(1);
    assert_eq!(world.ask(&issued.der, 2), Said::Good);
    world.suspend(&issued.serial, 3);
    assert_eq!(world.ask(&issued.der, 3), Said::Revoked(6, at(3)));
    world.reactivate(&issued.serial, 4);
    assert_eq!(world.ask(&issued.der, 4), Said::Good);
    world.suspend(&issued.serial, 5);
    world.revoke(&issued.serial, 6);
    assert_eq!(world.ask(&issued.der, 6), Said::Revoked(1, at(5)));
}

#[test]
fn each_reason_is_told() {
    let world = world();
    let codes = [1, 2, 3, 4, 5, 9];
    let reasons = RevocationReason::ALL.into_iter();
    let reasons = reasons.filter(|reason| *reason != RevocationReason::CertificateHold);
    for (reason, code) in reasons.zip(codes) {
        let issued = world.issue(1);
        let revoked = world.authority.revoke(&issued.serial, reason, None, admin(), at(5));
        block_on(revoked).unwrap();
        assert_eq!(world.ask(&issued.der, 6), Said::Revoked(code, at(5)));
    }
}

/// A certificate of our CA that nobody registered: the CA's key was used elsewhere.
#[test]
fn a_serial_number_that_was_not_issued_is_unknown() {
    let world = world();
    let profile = certs::EndProfile::new(EndKind::TlsClient, Vec::new());
    let (subject, key) = (machine("stray"), key());
    let stray = world
        .site
        .issuing
        .issue(&profile, &subject, key.public_key(), at(1), &mut random(99))
        .unwrap();
    assert_eq!(world.ask(&stray.der, 2), Said::Unknown);
    // Not for caches: it may be registered the next moment.
    let asked = world.authority.ocsp(&request(&world.site.issuing, &[&stray.der], false), at(2));
    assert_eq!((asked.kind, asked.caching), (AnswerKind::Signed, None));
    let profile = EndKind::TlsClient.into();
    let registered = world.authority.register("issuing", &stray.der, profile, admin(), at(3));
    assert!(block_on(registered).unwrap().new);
    assert_eq!(world.ask(&stray.der, 3), Said::Good);
}

/// The serial number of one CA says nothing under another one's name.
#[test]
fn a_certificate_is_looked_up_under_its_own_ca() {
    let world = world();
    let issued = world.issue(1);
    let foreign = Site::new();
    let der = foreign.issuing.certificate_der();
    let asked = world.authority.ocsp(&request(&foreign.root, &[der], false), at(2));
    assert_eq!(asked.kind, AnswerKind::Signed);
    // Nobody can verify it under the foreign CA, but it is well-formed and says "unknown".
    let response = openssl::ocsp::OcspResponse::from_der(&asked.der).unwrap();
    assert_eq!(response.status(), openssl::ocsp::OcspResponseStatus::SUCCESSFUL);
    assert_eq!(asked.caching, None);

    // The serial number that the issuing CA gave, asked for under the root's name.
    let root = &world.site.root;
    let under_root = request(root, &[world.site.issuing.certificate_der()], false);
    let mut asked = under_root.clone();
    let place = asked.len() - issued.serial.as_bytes().len();
    asked[place..].copy_from_slice(issued.serial.as_bytes());
    let asked = world.authority.ocsp(&asked, at(2));
    assert_eq!((asked.kind, asked.caching), (AnswerKind::Signed, None));
    // CertStatus ::= CHOICE { …, unknown [2] IMPLICIT NULL }
    assert!(asked.der.windows(2).any(|bytes| bytes == [0x82, 0x00]));
}

#[test]
fn several_certificates_are_answered_together() {
    let world = world();
    let (one, two) = (world.issue(1), world.issue(1));
    world.revoke(&two.serial, 2);
    let asked = request(&world.site.issuing, &[&one.der, &two.der], false);
    let asked = world.authority.ocsp(&asked, at(3));
    assert_eq!(answer(&world.site.issuing, &asked.der, &one.der), Said::Good);
    assert_eq!(answer(&world.site.issuing, &asked.der, &two.der), Said::Revoked(1, at(2)));
    assert_eq!(asked.caching, None);
}

#[test]
fn what_is_no_request_is_answered_as_malformed() {
    let world = world();
    let issued = world.issue(1);
    let good = request(&world.site.issuing, &[&issued.der], false);
    let long = vec![0x30; 20_000];
    for bytes in [&b""[..], b"no request", &good[..good.len() - 1], &long] {
        let asked = world.authority.ocsp(bytes, at(2));
        assert_eq!((asked.kind, &asked.caching), (AnswerKind::Malformed, &None));
        assert_eq!(*asked.der, ErrorStatus::MalformedRequest.to_der());
    }
}

#[test]
fn a_nonce_is_repeated_and_such_an_answer_is_for_one_client() {
    let world = world();
    let issued = world.issue(1);
    let asked = request(&world.site.issuing, &[&issued.der], true);
    let (first, second) =
        (world.authority.ocsp(&asked, at(2)), world.authority.ocsp(&asked, at(3)));
    assert_eq!(answer(&world.site.issuing, &first.der, &issued.der), Said::Good);
    let nonce = [0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8];
    assert!(first.der.windows(8).any(|window| window == nonce));
    assert_eq!((&first.caching, &second.caching), (&None, &None));
    assert_ne!(first.der, second.der);
}

#[test]
fn the_same_question_gets_the_same_bytes_until_something_changes() {
    let world = world();
    let issued = world.issue(1);
    let asked = request(&world.site.issuing, &[&issued.der], false);
    let first = world.authority.ocsp(&asked, at(10));
    let again = world.authority.ocsp(&asked, at(20));
    assert_eq!(first.der, again.der);
    let caching = first.caching.unwrap();
    assert_eq!((caching.last_modified, caching.expires), (at(10), at(10) + Duration::hours(1)));
    assert_eq!(caching.max_age_s, 300);
    let hash = hex::encode(openssl::sha::sha256(&first.der));
    assert_eq!(caching.etag, format!("\"{hash}\""));
    assert_eq!(again.caching.unwrap().etag, caching.etag);

    world.suspend(&issued.serial, 30);
    let changed = world.authority.ocsp(&asked, at(30));
    assert_ne!(changed.caching.unwrap().etag, caching.etag);
    assert_eq!(answer(&world.site.issuing, &changed.der, &issued.der), Said::Revoked(6, at(30)));
    // Good again, and not the answer of before.
    world.reactivate(&issued.serial, 40);
    let last = world.authority.ocsp(&asked, at(40));
    assert_eq!(last.caching.unwrap().last_modified, at(40));
}

#[test]
fn an_answer_is_renewed_when_half_of_its_life_has_passed() {
    let world = world();
    let issued = world.issue(1);
    let asked = request(&world.site.issuing, &[&issued.der], false);
    let made = |seconds| world.authority.ocsp(&asked, at(seconds)).caching.unwrap().last_modified;
    assert_eq!(made(10), at(10));
    assert_eq!(made(10 + 1_799), at(10));
    assert_eq!(made(10 + 1_800), at(10 + 1_800));
    // A clock that went back does not give an answer from the future.
    assert_eq!(made(5), at(5));
}

#[test]
fn no_cache_keeps_an_answer_longer_than_it_lives() {
    let settings = Settings { ocsp_max_age: Duration::hours(1), ..Settings::default() };
    let world = world_with(settings);
    let issued = world.issue(1);
    let asked = request(&world.site.issuing, &[&issued.der], false);
    assert_eq!(world.authority.ocsp(&asked, at(0)).caching.unwrap().max_age_s, 3_600);
    assert_eq!(world.authority.ocsp(&asked, at(1_000)).caching.unwrap().max_age_s, 2_600);
}

#[test]
fn kept_answers_are_bounded() {
    let settings = Settings { cached_answers: 4, ..Settings::default() };
    let world = world_with(settings);
    let issued: Vec<_> = (0..10).map(|_| world.issue(1)).collect();
    for one in &issued {
        assert_eq!(world.ask(&one.der, 2), Said::Good);
        assert!(world.authority.0.answers.len() <= 4);
    }
    assert!(world.authority.0.answers.len() >= 2);
}

/// No answer is better than one that no client accepts.
#[test]
fn without_a_valid_responder_the_client_comes_later() {
    let site = Site::new();
    let world = site.open(at(0)).unwrap();
    let issued = world.issue(1);
    let asked = request(&site.issuing, &[&issued.der], false);
    let early = world.authority.ocsp(&asked, at(2));
    assert_eq!((early.kind, early.caching), (AnswerKind::TryLater, None));
    assert_eq!(*early.der, ErrorStatus::TryLater.to_der());
    block_on(world.authority.tick(at(3)));
    assert_eq!(world.ask(&issued.der, 4), Said::Good);
    // Its certificate has ended, and nobody renewed it.
    let late = world.authority.ocsp(&asked, at(0) + days(31));
    assert_eq!(late.kind, AnswerKind::TryLater);
    // Its key is away.
    world.site.keys.broken.store(true, Ordering::SeqCst);
    let away = world.authority.ocsp(&request(&site.issuing, &[&issued.der], true), at(5));
    assert_eq!(away.kind, AnswerKind::TryLater);
}

#[test]
fn a_ca_may_answer_itself() {
    let world = Site::new().open(at(0)).unwrap();
    let store: Arc<dyn Store> = world.store.clone();
    let ca = AuthorityCa { ca: world.site.issuing.clone(), responder: ResponderKey::Direct };
    let settings = Settings::default();
    let authority = Authority::open(store, vec![ca], settings, random(5), at(0)).unwrap();
    let world = World { authority, ..world };
    let issued = world.issue(1);
    assert_eq!(world.ask(&issued.der, 2), Said::Good);
    assert!(!world.authority.signs_in_device());
    let responder = world.authority.authorities().unwrap()[0].responder.clone().unwrap();
    assert_eq!((responder.serial, responder.not_after), (None, world.site.issuing.not_after()));
}

#[test]
fn an_answer_ends_with_its_responder() {
    let world = world();
    let issued = world.issue(1);
    let responder = world.authority.authorities().unwrap()[0].responder.clone().unwrap();
    let asked = request(&world.site.issuing, &[&issued.der], false);
    let late = responder.not_after - Duration::minutes(10);
    let caching = world.authority.ocsp(&asked, late).caching.unwrap();
    assert_eq!(caching.expires, responder.not_after);
}
