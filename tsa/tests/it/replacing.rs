//! Units that come and go while the issuer runs, and keys in devices that are asked how they are.

use crate::support::key::TestKey;
use crate::support::request::{self, usual};
use crate::support::{Authority, Bench, block_on, start_ms};
use certs::KeyKind;
use marca_tsa::token::CertificateSet;
use marca_tsa::tsu::KeyChange;
use marca_tsa::{IssuerError, NotReady, Outcome, RejectReason, Reply};
use std::sync::Arc;
use std::sync::atomic::Ordering;

fn ids(bench: &Bench) -> Vec<String> {
    bench.issuer.units().iter().map(|unit| unit.id().to_owned()).collect()
}

fn granted(reply: &Reply) -> bool {
    matches!(reply.outcome, Outcome::Granted { .. })
}

#[test]
fn units_and_the_default_one_are_replaced_together() {
    let bench = Bench::new(9);
    let unit = |id: &str| bench.authority.unit(id, TestKey::new(KeyKind::P256));
    let issue = |unit| block_on(bench.issuer.issue(&(), unit, &request::with_nonce(1)));
    bench.issuer.replace_units(vec![unit("b"), unit("a")], "b", Vec::new()).unwrap();
    assert_eq!(ids(&bench), ["a", "b"]);
    assert_eq!(bench.issuer.default_unit().unwrap().id(), "b");
    assert_eq!(issue(Some("main")).outcome, Outcome::UnknownUnit);
    assert!(granted(&issue(None)));
    assert_eq!(bench.issuer.ledger().state().records[0].tsu, "b");
}

/// A rollover: the token of the old certificate still comes out whole, octet for octet, when its
/// certificates are among the retired ones, and not when they are forgotten.
#[test]
fn the_tokens_of_a_replaced_unit_come_out_whole() {
    let bench = Bench::new(9);
    let request = request::encode(&usual());
    let first = bench.issue(&request);
    let record = bench.issuer.ledger().state().records[0].clone();
    let old = bench.issuer.default_unit().unwrap();
    let retired = CertificateSet::new(old.certificate().der(), &[]).unwrap();
    let next = || vec![bench.authority.unit("main", TestKey::new(KeyKind::P256))];

    bench.issuer.replace_units(next(), "main", Vec::new()).unwrap();
    assert!(bench.issuer.token_reply(&record.token, "main", true).is_err());
    bench.issuer.replace_units(next(), "main", vec![retired]).unwrap();
    assert_eq!(bench.issuer.token_reply(&record.token, "main", true).unwrap(), first.der);
    // A retry of the old request is one too.
    assert_eq!(bench.issue(&request).der, first.der);
    let new = bench.issue(&request::with_nonce(77));
    assert!(granted(&new));
}

/// What does not fit together is refused, and everything is as before.
#[test]
fn a_replacement_that_makes_no_sense_changes_nothing() {
    let bench = Bench::new(1);
    let unit = |id: &str| bench.authority.unit(id, TestKey::new(KeyKind::P256));
    let twice = bench.issuer.replace_units(vec![unit("a"), unit("a")], "a", Vec::new());
    assert!(matches!(twice, Err(IssuerError::DuplicateUnit { .. })));
    let unknown = bench.issuer.replace_units(vec![unit("a")], "b", Vec::new());
    assert!(matches!(unknown, Err(IssuerError::UnknownDefaultUnit { .. })));
    assert_eq!(ids(&bench), ["main"]);
    assert!(granted(&bench.issue(&request::encode(&usual()))));
}

/// Before any unit is certified there is none to issue with: systemFailure, and not ready.
#[test]
fn an_issuer_may_have_no_unit_for_now() {
    let bench = Bench::new(1);
    bench.issuer.replace_units(Vec::new(), None, Vec::new()).unwrap();
    assert!(matches!(bench.issuer.readiness(), Err(NotReady::NoUnit)));
    let reply = bench.issue(&request::encode(&usual()));
    assert!(matches!(reply.outcome, Outcome::Rejected { reason: RejectReason::UnitNotUsable, .. }));
    bench.issuer.ledger().assert_balanced(1);
}

/// The signing threads start with the first slow unit, and serve it.
#[test]
fn a_slow_unit_that_comes_later_has_threads() {
    let bench = Bench::new(1);
    let key = TestKey::new(KeyKind::P384);
    let unit = bench.authority.unit("slow", key.clone());
    bench.issuer.replace_units(vec![unit], "slow", Vec::new()).unwrap();
    let gate = key.close_gate();
    let request = request::encode(&usual());
    let mut future = Box::pin(bench.issuer.issue(&(), None, &request));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    // On this thread the closed gate would never be passed.
    assert!(future.as_mut().poll(&mut context).is_pending());
    drop(gate);
    assert!(granted(&block_on(future)));
}

/// A request that is under way ends with the unit that it began with.
#[test]
fn a_request_under_way_ends_with_its_unit() {
    let key = TestKey::new(KeyKind::P384);
    let bench = Bench::with_key(1, key.clone());
    let gate = key.close_gate();
    let request = request::encode(&usual());
    let mut future = Box::pin(bench.issuer.issue(&(), None, &request));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(future.as_mut().poll(&mut context).is_pending());
    let other = bench.authority.unit("other", TestKey::new(KeyKind::P256));
    bench.issuer.replace_units(vec![other], "other", Vec::new()).unwrap();
    drop(gate);
    assert!(granted(&block_on(future)));
    assert_eq!(bench.issuer.ledger().state().records[0].tsu, "main");
}

/// Requests go on while units are replaced again and again; each is answered by some whole set.
#[test]
fn replacing_disturbs_nobody() {
    let bench = Arc::new(Bench::new(10_000));
    let keys = [KeyKind::P256, KeyKind::Ed25519].map(TestKey::new);
    std::thread::scope(|scope| {
        let issuing: Vec<_> = (0..4)
            .map(|thread| {
                let bench = Arc::clone(&bench);
                scope.spawn(move || {
                    (0..100).all(|number| {
                        granted(&bench.issue(&request::with_nonce(thread * 1_000 + number)))
                    })
                })
            })
            .collect();
        for round in 0..100 {
            let unit = bench.authority.unit("main", keys[round % 2].clone());
            bench.issuer.replace_units(vec![unit], "main", Vec::new()).unwrap();
        }
        for thread in issuing {
            assert!(thread.join().unwrap());
        }
    });
    bench.issuer.ledger().assert_balanced(10_000);
}

fn lost(unit: &str) -> KeyChange {
    KeyChange {
        unit: unit.to_owned(),
        failure: Some("signing failed: the device is gone".to_owned()),
    }
}

fn back(unit: &str) -> KeyChange {
    KeyChange { unit: unit.to_owned(), failure: None }
}

/// F11: a device that is gone is noticed without a signature, said once, and not forgotten until
/// it answers.
#[test]
fn a_lost_device_is_not_ready_until_it_answers() {
    let key = TestKey::new(KeyKind::P256);
    TestKey::set(&key.in_device);
    let bench = Bench::with_key(1, key.clone());
    assert_eq!(bench.issuer.probe_units(), []);
    TestKey::set(&key.fails);
    assert_eq!(bench.issuer.probe_units(), [lost("main")]);
    assert_eq!(bench.issuer.probe_units(), []);
    bench.clock.set(start_ms() + 3_600_000);
    assert!(matches!(bench.issuer.readiness(), Err(NotReady::Key { .. })));
    key.fails.store(false, Ordering::SeqCst);
    assert_eq!(bench.issuer.probe_units(), [back("main")]);
    assert!(bench.issuer.readiness().is_ok());
    assert_eq!(key.signatures.load(Ordering::SeqCst), 0, "K3: no signature but for tokens");
}

/// A signature that works says it as well; one that the device refuses is remembered past the
/// window in which a failure of another key is forgotten.
#[test]
fn a_signature_is_news_of_the_device() {
    let key = TestKey::new(KeyKind::P256);
    TestKey::set(&key.in_device);
    let bench = Bench::with_key(2, key.clone());
    TestKey::set(&key.fails);
    bench.issue(&request::with_nonce(1));
    bench.clock.set(start_ms() + 60_000);
    assert!(matches!(bench.issuer.readiness(), Err(NotReady::Key { .. })));
    assert_eq!(bench.issuer.probe_units(), [lost("main")]);
    key.fails.store(false, Ordering::SeqCst);
    assert!(granted(&bench.issue(&request::with_nonce(2))));
    assert!(bench.issuer.readiness().is_ok());
    assert_eq!(bench.issuer.probe_units(), [back("main")]);
}

/// A key in this process is not asked: it is there.
#[test]
fn only_devices_are_asked() {
    let key = TestKey::new(KeyKind::P256);
    TestKey::set(&key.fails);
    let bench = Bench::with_key(1, key);
    assert_eq!(bench.issuer.probe_units(), []);
    assert!(bench.issuer.readiness().is_ok());
}

/// Replacing the units forgets a failure only with the key.
#[test]
fn a_failure_is_known_after_a_replacement_too() {
    let key = TestKey::new(KeyKind::P256);
    TestKey::set(&key.in_device);
    let bench = Bench::with_key(1, key.clone());
    TestKey::set(&key.fails);
    bench.issuer.probe_units();
    let same = bench.authority.unit("main", key);
    bench.issuer.replace_units(vec![same], "main", Vec::new()).unwrap();
    assert!(matches!(bench.issuer.readiness(), Err(NotReady::Key { .. })));
    assert_eq!(bench.issuer.probe_units(), [], "said before");
    let other = bench.authority.unit("main", TestKey::new(KeyKind::P256));
    bench.issuer.replace_units(vec![other], "main", Vec::new()).unwrap();
    assert!(bench.issuer.readiness().is_ok());
}

/// Readiness is the default unit's; each unit has its own beside it.
#[test]
fn each_unit_has_its_readiness() {
    let gone = TestKey::new(KeyKind::P256);
    TestKey::set(&gone.in_device);
    TestKey::set(&gone.fails);
    let authority = Authority::new();
    let units = vec![
        authority.unit("main", TestKey::new(KeyKind::P256)),
        authority.unit("device", gone.clone()),
        authority.unit("pair", TestKey::new(KeyKind::P256)).paired_with("device"),
    ];
    let bench = Bench::with_units(1, authority, units);
    assert_eq!(bench.issuer.probe_units(), [lost("device")]);
    assert!(bench.issuer.readiness().is_ok());
    let readiness = bench.issuer.unit_readiness().unwrap();
    let summary: Vec<_> = readiness
        .iter()
        .map(|unit| (unit.unit.as_str(), unit.is_default, unit.ready.is_ok()))
        .collect();
    assert_eq!(summary, [("device", false, false), ("main", true, true), ("pair", false, false)]);
    bench.clock.lose(true);
    assert!(matches!(bench.issuer.unit_readiness(), Err(NotReady::Clock(_))));
}
