//! Pairs: one request, two tokens by two keys, one stamp; both or neither.

use crate::support::key::TestKey;
use crate::support::ledger::MemoryLedger;
use crate::support::request::{self, usual};
use crate::support::{
    Authority, Bench, DEFAULT_POLICY, OTHER_POLICY, SeededRandom, TestClock, noon, policy,
    software_key, start_ms,
};
use crate::verifying::trust;
use certs::KeyKind;
use marca_tsa::ledger::{Refusal, TokenRecord};
use marca_tsa::verify::{self, ParsedReply, parse_reply};
use marca_tsa::{
    Accuracy, HashAlgorithm, Issuer, IssuerError, IssuerSettings, NotReady, Outcome, Policies,
    RejectReason, Tsu, TsuSettings, UnitReadiness,
};
use rasn_cms::tsp::TimeStampReq;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A quick unit `main` whose companion `second` is slow.
struct Pair {
    first: Arc<TestKey>,
    second: Arc<TestKey>,
    bench: Bench,
}

fn pair(stamps: u64) -> Pair {
    let (first, second) = (TestKey::new(KeyKind::P256), TestKey::new(KeyKind::P384));
    let authority = Authority::new();
    let units = vec![
        authority.unit("main", first.clone()).paired_with("second"),
        authority.unit("second", second.clone()),
    ];
    Pair { first, second, bench: Bench::with_units(stamps, authority, units) }
}

fn records(bench: &Bench) -> Vec<TokenRecord> {
    bench.issuer.ledger().state().records.clone()
}

/// TSTInfo of a stored token.
fn info(token: &[u8]) -> rasn_cms::tsp::TstInfo {
    match parse_reply(&marca_tsa::response::granted(token)).unwrap() {
        ParsedReply::Granted(token) => rasn::der::decode(token.tst_info_der).unwrap(),
        ParsedReply::Rejected { .. } => panic!("no token"),
    }
}

/// Two tokens of the same imprint, policy, nonce and genTime, each with a serial number of its own
/// and by its own key, for one stamp; the reply is the first.
#[test]
fn two_tokens_for_one_stamp() {
    let Pair { first, second, bench } = pair(3);
    let request = request::encode(&TimeStampReq {
        req_policy: Some(policy(OTHER_POLICY).oid().to_owned()),
        ..usual()
    });
    let reply = bench.issue(&request);
    let [record] = &records(&bench)[..] else { panic!("one record") };
    let companion = record.companion.as_ref().unwrap();
    assert_eq!(
        reply.outcome,
        Outcome::Granted {
            serial: record.serial,
            remaining: 2,
            repeated: false,
            companion: Some(companion.serial),
        }
    );
    assert_eq!(reply.der, bench.issuer.token_reply(&record.token, "main", true).unwrap());
    assert_eq!((record.tsu.as_str(), companion.tsu.as_str()), ("main", "second"));
    assert_ne!(record.serial, companion.serial);
    assert_eq!(record.serial[..6], companion.serial[..6], "the same millisecond");

    let (one, other) = (info(&record.token), info(&companion.token));
    assert_eq!(one.message_imprint, other.message_imprint);
    assert_eq!((one.policy, one.nonce, one.gen_time), (other.policy, other.nonce, other.gen_time));
    assert_ne!(one.serial_number, other.serial_number);
    for key in [first, second] {
        assert_eq!(key.signatures.load(Ordering::SeqCst), 1);
    }
    // Each is a whole token: its signature is its unit's, and its certificates can be put back.
    bench.issuer.token_reply(&companion.token, "second", true).unwrap();
    bench.issuer.ledger().assert_balanced(3);
}

/// The pair that it is made for: the token of today's verifiers, and one that a quantum computer
/// does not forge. Each verifies as the answer to the one request.
#[test]
fn a_classical_and_a_post_quantum_token() {
    for kind in [KeyKind::MlDsa44, KeyKind::MlDsa65, KeyKind::MlDsa87] {
        let authority = Authority::new();
        let units = vec![
            authority.unit("main", software_key(KeyKind::P256)).paired_with("pq"),
            authority.unit("pq", software_key(kind)),
        ];
        let bench = Bench::with_units(1, authority, units);
        let request = request::encode(&usual());
        let reply = bench.issue(&request);
        let record = records(&bench).pop().unwrap();
        let companion = record.companion.unwrap();
        let other = bench.issuer.token_reply(&companion.token, "pq", true).unwrap();
        let trust = trust(&bench);
        for (reply, serial) in [(&reply.der, record.serial), (&other, companion.serial)] {
            let verified = verify::reply(reply, &request, &trust).unwrap();
            assert_eq!(verified.serial, serial, "{kind}");
            assert_eq!(verified.gen_time_ms, start_ms());
        }
    }
}

/// Asked for by its own name, the companion is a unit like any other.
#[test]
fn a_companion_alone_makes_one_token() {
    let Pair { bench, .. } = pair(1);
    let request = request::encode(&usual());
    let reply = crate::support::block_on(bench.issuer.issue(&(), Some("second"), &request));
    assert!(matches!(reply.outcome, Outcome::Granted { companion: None, .. }), "{reply:?}");
    assert_eq!(records(&bench)[0].companion, None);
}

/// Two units may be each other's companions: it ends with the second token.
#[test]
fn companions_of_each_other_make_two_tokens_not_more() {
    let authority = Authority::new();
    let unit =
        |id: &str, other: &str| authority.unit(id, TestKey::new(KeyKind::P256)).paired_with(other);
    let units = vec![unit("main", "second"), unit("second", "main")];
    let bench = Bench::with_units(2, authority, units);
    for (unit, companion) in [("main", "second"), ("second", "main")] {
        let request = request::with_nonce(unit.len() as i64);
        let reply = crate::support::block_on(bench.issuer.issue(&(), Some(unit), &request));
        assert!(matches!(reply.outcome, Outcome::Granted { companion: Some(_), .. }));
        let record = records(&bench).pop().unwrap();
        assert_eq!(record.tsu, unit);
        assert_eq!(record.companion.unwrap().tsu, companion);
    }
}

/// Both tokens state the same time, so the clock has to keep the finer of their accuracies.
#[test]
fn a_pair_needs_the_finer_of_its_accuracies() {
    let authority = Authority::new();
    let mut fine = authority.settings("second", TestKey::new(KeyKind::P256));
    fine.accuracy = Accuracy::from_micros(10_000).unwrap();
    let units = vec![
        authority.unit("main", TestKey::new(KeyKind::P256)).paired_with("second"),
        authority.unit("alone", TestKey::new(KeyKind::P256)),
        Tsu::new(fine).unwrap(),
    ];
    let bench = Bench::with_units(2, authority, units);
    bench.clock.err(9_001);
    let refused = bench.issue(&request::encode(&usual())).outcome;
    let clock = RejectReason::Clock;
    assert_eq!(refused, Outcome::Rejected { failure: clock.failure(), reason: clock });
    assert!(matches!(bench.issuer.readiness(), Err(NotReady::Clock(_))));
    let ready = |unit: UnitReadiness| (unit.unit, unit.ready.is_ok());
    let all: Vec<_> = bench.issuer.unit_readiness().unwrap().into_iter().map(ready).collect();
    assert_eq!(all.iter().map(|(_, ready)| *ready).collect::<Vec<_>>(), [true, false, false]);
    bench.clock.err(9_000);
    let granted = bench.issue(&request::encode(&usual())).outcome;
    assert!(matches!(granted, Outcome::Granted { companion: Some(_), .. }));
    bench.issuer.ledger().assert_balanced(2);
}

/// The same request inside the window gets the same pair.
#[test]
fn a_retry_gets_the_same_pair() {
    let Pair { bench, .. } = pair(5);
    let request = request::encode(&usual());
    let first = bench.issue(&request);
    let again = bench.issue(&request);
    assert_eq!(first.der, again.der);
    let Outcome::Granted { serial, companion, repeated: false, .. } = first.outcome else {
        panic!("{first:?}")
    };
    assert!(companion.is_some());
    let remaining = 4;
    assert_eq!(again.outcome, Outcome::Granted { serial, remaining, repeated: true, companion });
    assert_eq!(records(&bench).len(), 1);
}

/// Either signature that fails, or is not right, gives the stamp back; and then both work again.
#[test]
fn both_signatures_or_none() {
    let Pair { first, second, bench } = pair(1);
    // The quick key's signature is looked at only when it is in a device.
    TestKey::set(&first.in_device);
    TestKey::set(&second.in_device);
    for (nonce, key, fault) in [
        (1, &first, RejectReason::Signing),
        (2, &second, RejectReason::Signing),
        (3, &first, RejectReason::SignatureCheck),
        (4, &second, RejectReason::SignatureCheck),
    ] {
        let broken = match fault {
            RejectReason::Signing => &key.fails,
            _ => &key.signs_badly,
        };
        TestKey::set(broken);
        let reply = bench.issue(&request::with_nonce(nonce));
        assert!(
            matches!(reply.outcome, Outcome::Rejected { reason, .. } if reason == fault),
            "{nonce}: {reply:?}"
        );
        assert!(matches!(bench.issuer.readiness(), Err(NotReady::Key { .. })));
        assert_eq!(bench.issuer.ledger().state().remaining, 1);
        bench.issuer.ledger().assert_balanced(1);
        broken.store(false, Ordering::SeqCst);
    }
    let reply = bench.issue(&request::with_nonce(5));
    assert!(matches!(reply.outcome, Outcome::Granted { .. }));
    assert!(bench.issuer.readiness().is_ok());
}

/// Both are recorded by one commit: what it refuses leaves neither.
#[test]
fn a_commit_that_fails_leaves_neither() {
    let Pair { bench, .. } = pair(1);
    bench.issuer.ledger().state().refuse_commit = Some(Refusal::Unavailable("full".to_owned()));
    let reply = bench.issue(&request::encode(&usual()));
    assert!(matches!(reply.outcome, Outcome::Rejected { reason: RejectReason::Ledger, .. }));
    assert!(records(&bench).is_empty());
    bench.issuer.ledger().assert_balanced(1);
}

/// A unit whose companion is outside of its period of use issues nothing, and is not ready.
#[test]
fn a_companion_that_has_ended_stops_its_unit() {
    let authority = Authority::new();
    let (first, second) = (TestKey::new(KeyKind::P256), TestKey::new(KeyKind::P256));
    // A year of key use each; the first one begins a month later.
    let later = noon() + chrono::Duration::days(30);
    let newer = TsuSettings {
        certificate: authority.certificate_from(&*first, later),
        ..authority.settings("main", first)
    };
    let units =
        vec![Tsu::new(newer).unwrap().paired_with("second"), authority.unit("second", second)];
    let bench = Bench::with_units(1, authority, units);
    bench.clock.set((noon() + chrono::Duration::days(366)).timestamp_millis());
    let reply = bench.issue(&request::encode(&usual()));
    assert!(matches!(reply.outcome, Outcome::Rejected { reason: RejectReason::UnitNotUsable, .. }));
    assert!(matches!(
        bench.issuer.readiness(),
        Err(NotReady::Certificate { unit, .. }) if unit == "second"
    ));
    bench.issuer.ledger().assert_balanced(1);
}

/// A unit whose companion is not there issues nothing: half of a pair is not what was promised.
#[test]
fn a_unit_without_its_companion_issues_nothing() {
    let authority = Authority::new();
    let unit = authority.unit("main", TestKey::new(KeyKind::P256)).paired_with("gone");
    let bench = Bench::with_units(1, authority, vec![unit]);
    let reply = bench.issue(&request::encode(&usual()));
    assert!(matches!(reply.outcome, Outcome::Rejected { reason: RejectReason::UnitNotUsable, .. }));
    let error = bench.issuer.readiness().unwrap_err();
    assert_eq!(
        error.to_string(),
        "unit main: its companion gone is not active; activate it, or name no companion"
    );
    bench.issuer.ledger().assert_balanced(1);
}

/// What a unit accepts, its companion has to accept too; and nobody is its own companion.
#[test]
fn a_pair_that_could_not_answer_is_refused() {
    let set_up = |companion: &str, change: fn(&mut TsuSettings)| {
        let authority = Authority::new();
        let mut settings = authority.settings("second", TestKey::new(KeyKind::P256));
        change(&mut settings);
        let unit = authority.unit("main", TestKey::new(KeyKind::P256)).paired_with(companion);
        let units = vec![unit, Tsu::new(settings).unwrap()];
        let settings = IssuerSettings::new(SeededRandom::new(1));
        let clock = TestClock::at(start_ms());
        Issuer::new(MemoryLedger::default(), units, "main", clock, settings).map(drop)
    };
    set_up("second", |_| {}).unwrap();
    let error = set_up("main", |_| {}).unwrap_err();
    assert!(matches!(error, IssuerError::OwnCompanion { .. }));
    let fewer = set_up("second", |settings| {
        settings.policies = Policies::new(policy(DEFAULT_POLICY), Vec::new());
    });
    assert_eq!(
        fewer.unwrap_err().to_string(),
        "unit \"main\" offers policy 1.3.6.1.4.1.99999.2, and its companion \"second\" does not; \
         let it offer it"
    );
    let fewer = set_up("second", |settings| settings.hashes = vec![HashAlgorithm::Sha256]);
    assert!(matches!(fewer, Err(IssuerError::CompanionOffersLess { .. })));
}

/// While a slow companion signs on its thread, a client that goes away pays nothing.
#[test]
fn a_client_that_goes_away_while_a_pair_is_signed_pays_nothing() {
    let Pair { second, bench, .. } = pair(1);
    let gate = second.close_gate();
    let request = request::encode(&usual());
    let mut future = Box::pin(bench.issuer.issue(&(), None, &request));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(future.as_mut().poll(&mut context).is_pending());
    assert_eq!(bench.issuer.ledger().state().reserved, 1);
    drop(future);
    assert_eq!(bench.issuer.ledger().state().remaining, 1);
    drop(gate);
    bench.issuer.ledger().assert_balanced(1);
}
