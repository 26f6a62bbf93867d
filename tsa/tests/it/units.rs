//! Setting a unit up, and the threads that sign for slow ones.

use crate::support::key::TestKey;
use crate::support::request;
use crate::support::{Authority, Bench, block_on, software_key, start_ms};
use certs::{KeyKind, SigningKey};
use marca_tsa::tsu::TsuError;
use marca_tsa::{
    Accuracy, HashAlgorithm, Issuer, IssuerSettings, Outcome, Policies, PolicyId, Tsu,
};
use std::sync::atomic::Ordering;

#[test]
fn identifiers_are_safe_in_a_path() {
    let authority = Authority::new();
    let set_up = |id: &str| Tsu::new(authority.settings(id, software_key(KeyKind::P256)));
    for good in ["a", "tsu-1", "eu_west", &"x".repeat(64)] {
        assert_eq!(set_up(good).unwrap().id(), good);
    }
    for bad in ["", "A", "a/b", "a.b", "..", "ä", "a b", "key?", &"x".repeat(65)] {
        let error = set_up(bad).unwrap_err();
        assert!(matches!(error, TsuError::Id { .. }), "{bad}");
        assert!(error.to_string().contains("1 to 64 characters"), "{error}");
    }
}

/// K6, EN 319 421 TIS-7.6.4-05: the key is the certificate's, or there is no unit.
#[test]
fn a_key_that_is_not_the_certificates_is_refused() {
    let authority = Authority::new();
    let mut settings = authority.settings("main", software_key(KeyKind::P256));
    settings.key = software_key(KeyKind::P256);
    let error = Tsu::new(settings).unwrap_err();
    assert!(matches!(error, TsuError::KeyMismatch { .. }));
    assert_eq!(
        error.to_string(),
        "unit main: the certificate is for another key; give it the certificate of this one"
    );
}

#[test]
fn a_unit_without_hash_algorithms_is_refused() {
    let authority = Authority::new();
    let mut settings = authority.settings("main", software_key(KeyKind::P256));
    settings.hashes.clear();
    assert!(matches!(Tsu::new(settings), Err(TsuError::NoHashes { .. })));
}

/// A unit accepts the hash algorithms it was given and no others (Q7).
#[test]
fn a_unit_offers_what_it_was_given() {
    let authority = Authority::new();
    let mut settings = authority.settings("main", software_key(KeyKind::P256));
    settings.hashes = vec![HashAlgorithm::Sha3_512];
    settings.accuracy = Accuracy::SECOND;
    let unit = Tsu::new(settings).unwrap();
    assert_eq!(unit.hashes(), [HashAlgorithm::Sha3_512]);
    assert_eq!(unit.accuracy(), Accuracy::SECOND);
    assert_eq!(unit.key_kind(), KeyKind::P256);
    let bench = Bench::with_units(2, authority, vec![unit]);
    let refused = bench.issue(&request::encode(&request::usual()));
    assert!(matches!(refused.outcome, Outcome::Rejected { .. }));
    let usual = request::usual();
    let message_imprint = request::imprint(HashAlgorithm::Sha3_512);
    let accepted = rasn_cms::tsp::TimeStampReq { message_imprint, ..usual };
    let reply = bench.issue(&request::encode(&accepted));
    assert!(matches!(reply.outcome, Outcome::Granted { .. }));
}

/// RSA, large curves and devices may keep a thread for long; the two quick kinds do not.
#[test]
fn quick_units_are_those_with_a_quick_key_in_this_process() {
    let authority = Authority::new();
    for kind in KeyKind::ALL {
        let quick = matches!(kind, KeyKind::P256 | KeyKind::Ed25519);
        assert_eq!(authority.unit("main", software_key(kind)).is_slow(), !quick, "{kind}");
    }
    let key = TestKey::new(KeyKind::P256);
    TestKey::set(&key.in_device);
    assert!(authority.unit("main", key).is_slow());
}

/// What does not fit into the queue of the signing threads is refused at once, and costs nothing.
#[test]
fn a_full_queue_of_signatures_is_busy() {
    let authority = Authority::new();
    let key = TestKey::new(KeyKind::P256);
    TestKey::set(&key.in_device);
    let unit = authority.unit("main", key.clone());
    let clock = crate::support::TestClock::at(start_ms());
    let ledger = crate::support::ledger::MemoryLedger::with_stamps(10);
    let mut settings = IssuerSettings::new(crate::support::SeededRandom::new(1));
    (settings.signer_threads, settings.signer_queue) = (1, 1);
    let issuer = Issuer::new(ledger.clone(), vec![unit], "main", clock, settings).unwrap();
    let gate = key.close_gate();
    let requests = [1, 2, 3].map(request::with_nonce);
    let [mut first, mut second, mut third] =
        requests.each_ref().map(|request| Box::pin(issuer.issue(&(), None, request)));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());

    // One is being signed, one waits; the next finds the queue full.
    assert!(first.as_mut().poll(&mut context).is_pending());
    key.wait_until_signing();
    assert!(second.as_mut().poll(&mut context).is_pending());
    let std::task::Poll::Ready(refused) = third.as_mut().poll(&mut context) else {
        panic!("there was room for a third")
    };
    assert_eq!(refused.outcome, Outcome::Busy);
    drop(gate);
    for waiting in [first, second] {
        assert!(matches!(block_on(waiting).outcome, Outcome::Granted { .. }));
    }
    ledger.assert_balanced(10);
    assert_eq!(key.signatures.load(Ordering::SeqCst), 2);
}

/// Tokens of slow keys are the same as others, and many at once are all right.
#[test]
fn signing_threads_serve_many_at_once() {
    let key = TestKey::new(KeyKind::P256);
    TestKey::set(&key.in_device);
    let bench = Bench::with_key(64, key.clone());
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let bench = &bench;
            scope.spawn(move || {
                for number in 0..8 {
                    let reply = bench.issue(&request::with_nonce(thread * 100 + number));
                    assert!(matches!(reply.outcome, Outcome::Granted { .. }));
                }
            });
        }
    });
    assert_eq!(key.signatures.load(Ordering::SeqCst), 64);
    bench.issuer.ledger().assert_balanced(64);
}

#[test]
fn policies_are_found_by_their_identifier_and_the_default_is_first() {
    let id = |text: &str| text.parse::<PolicyId>().unwrap();
    let policies = Policies::new(id("1.2.3"), vec![id("1.2.4"), id("1.2.3")]);
    let all: Vec<String> = policies.iter().map(ToString::to_string).collect();
    assert_eq!(all, ["1.2.3", "1.2.4"]);
    assert_eq!(policies.find(id("1.2.4").oid()), Some(&id("1.2.4")));
    assert_eq!(policies.find(id("1.2.5").oid()), None);
    assert_eq!(*policies.default_policy(), id("1.2.3"));
}

/// Texts become the octets that rasn gives, and back; what is no identifier is refused with advice.
#[test]
fn policy_identifiers_are_read_and_shown() {
    let longest = (0..128).map(|_| "1").collect::<Vec<_>>().join(".");
    for good in ["0.4.0.2023.1.1", "1.39", "2.999.1", "2.4294967215.1", &longest] {
        let policy: PolicyId = good.parse().unwrap();
        assert_eq!(policy.to_string(), good);
        let back: rasn::types::ObjectIdentifier = rasn::der::decode(policy.der()).unwrap();
        assert_eq!(*back, *policy.oid(), "{good}");
    }
    let too_long = format!("{longest}.1");
    for bad in [
        "",
        "1",
        "1.",
        ".1",
        "a.b",
        "3.1",
        "1.40",
        "1.2.4294967296",
        "2.4294967295",
        "1.-2",
        &too_long,
    ] {
        let error = bad.parse::<PolicyId>().unwrap_err();
        assert!(error.to_string().contains("such as 0.4.0.2023.1.1"), "{bad}: {error}");
    }
}

#[test]
fn hash_algorithms_are_read_and_shown() {
    for algorithm in HashAlgorithm::ALL {
        assert_eq!(algorithm.to_string().parse(), Ok(algorithm));
        assert_eq!(HashAlgorithm::from_oid(algorithm.oid()), Some(algorithm));
    }
    for (text, expected) in [
        ("sha256", HashAlgorithm::Sha256),
        ("SHA-384", HashAlgorithm::Sha384),
        ("sha3-512", HashAlgorithm::Sha3_512),
    ] {
        assert_eq!(text.parse(), Ok(expected));
    }
    for bad in ["", "sha1", "SHA-1", "md5", "sha224", "sha3"] {
        assert!(bad.parse::<HashAlgorithm>().is_err(), "{bad}");
    }
}

/// The test key itself is sound: what it signs, its certificate verifies.
#[test]
fn the_test_key_is_a_key() {
    let key = TestKey::new(KeyKind::Ed25519);
    assert_eq!(key.sign(b"message").unwrap().len(), 64);
}
