//! The eight steps: what each failure costs (nothing), and what the client is told.

use crate::support::key::TestKey;
use crate::support::ledger::MemoryLedger;
use crate::support::request::{self, usual};
use crate::support::{Authority, Bench, SeededRandom, TestClock, block_on, noon, start_ms};
use certs::KeyKind;
use chrono::Duration;
use marca_tsa::ledger::Refusal;
use marca_tsa::verify::{ParsedReply, parse_reply};
use marca_tsa::{
    Issuer, IssuerError, IssuerSettings, NotReady, Outcome, PkiFailureInfo, RejectReason, Reply,
};
use rasn_cms::tsp::TimeStampReq;
use std::sync::Arc;
use std::sync::atomic::Ordering;

fn rejected(reply: &Reply) -> RejectReason {
    let Outcome::Rejected { failure, reason } = reply.outcome else { panic!("{reply:?}") };
    assert_eq!(reason.failure(), failure);
    assert_carries(reply, failure);
    reason
}

/// The reply is a rejection with this failure and a text.
fn assert_carries(reply: &Reply, expected: PkiFailureInfo) {
    match parse_reply(&reply.der).unwrap() {
        ParsedReply::Rejected { failure, texts } => {
            assert_eq!(failure, Some(expected));
            assert_eq!(texts.len(), 1);
        }
        ParsedReply::Granted(_) => panic!("a token: {reply:?}"),
    }
}

/// A1: one stamp for each granted token, and the balance in the outcome is the one after it.
#[test]
fn a_granted_token_costs_one_stamp() {
    let bench = Bench::new(2);
    for remaining in [1, 0] {
        let reply = bench.issue(&request::with_nonce(i64::try_from(remaining).unwrap()));
        let Outcome::Granted { remaining: left, repeated: false, .. } = reply.outcome else {
            panic!("{reply:?}")
        };
        assert_eq!(left, remaining);
    }
    bench.issuer.ledger().assert_balanced(2);
}

/// A4: no stamps is badRequest with a text, and an outcome of its own for the HTTP status.
#[test]
fn an_empty_account_gets_a_rejection_that_says_so() {
    let bench = Bench::new(0);
    let reply = bench.issue(&request::encode(&usual()));
    assert_eq!(reply.outcome, Outcome::NoStamps);
    assert_carries(&reply, PkiFailureInfo::BadRequest);
}

#[test]
fn an_account_that_is_not_active_gets_a_rejection_that_says_so() {
    let bench = Bench::new(1);
    bench.issuer.ledger().state().refuse_reserve = Some(Refusal::AccountNotActive);
    let reply = bench.issue(&request::encode(&usual()));
    assert_eq!(reply.outcome, Outcome::AccountNotActive);
    assert_carries(&reply, PkiFailureInfo::BadRequest);
}

/// A1: a rejection is free, and the ledger is not even asked.
#[test]
fn a_refused_request_costs_nothing() {
    let bench = Bench::new(1);
    bench.issuer.ledger().state().refuse_reserve = Some(Refusal::Unavailable("asked".to_owned()));
    let version = request::encode(&TimeStampReq { version: 2, ..usual() });
    assert_eq!(rejected(&bench.issue(&version)), RejectReason::Version);
    assert_eq!(rejected(&bench.issue(b"")), RejectReason::NotDer);
    bench.issuer.ledger().assert_balanced(1);
}

/// The same request with a nonce inside the window: the same token, no second stamp; with and
/// without certificates.
#[test]
fn a_retry_gets_the_same_token_for_no_stamp() {
    let bench = Bench::new(5);
    let request = request::encode(&usual());
    let first = bench.issue(&request);
    let Outcome::Granted { serial, .. } = first.outcome else { panic!("{first:?}") };
    bench.clock.set(start_ms() + 5_000);
    let again = bench.issue(&request);
    assert_eq!(
        again.outcome,
        Outcome::Granted { serial, remaining: 4, repeated: true, companion: None }
    );
    assert_eq!(again.der, first.der);
    let bare = bench.issue(&request::encode(&TimeStampReq { cert_req: false, ..usual() }));
    assert_eq!(bare.outcome, again.outcome);
    let record = bench.issuer.ledger().state().records[0].clone();
    assert_eq!(bare.der, marca_tsa::response::granted(&record.token));
    assert_eq!(bench.issuer.token_reply(&record.token, "main", true).unwrap(), first.der);
    assert_eq!(bench.issuer.token_reply(&record.token, "main", false).unwrap(), bare.der);
}

/// Without a nonce no two requests are the same.
#[test]
fn requests_without_a_nonce_are_never_retries() {
    let bench = Bench::new(5);
    let request = request::encode(&TimeStampReq { nonce: None, ..usual() });
    assert_ne!(bench.issue(&request).der, bench.issue(&request).der);
    assert_eq!(bench.issuer.ledger().state().records.len(), 2);
}

/// C3: no trusted time, no token; and nothing is reserved.
#[test]
fn a_lost_clock_is_time_not_available() {
    let bench = Bench::new(1);
    bench.clock.lose(true);
    let reason = rejected(&bench.issue(&request::encode(&usual())));
    assert_eq!(reason, RejectReason::Clock);
    assert_eq!(reason.failure(), PkiFailureInfo::TimeNotAvailable);
    assert!(matches!(bench.issuer.readiness(), Err(NotReady::Clock(_))));
    bench.clock.lose(false);
    assert!(bench.issuer.readiness().is_ok());
    assert!(matches!(bench.issue(&request::encode(&usual())).outcome, Outcome::Granted { .. }));
}

/// EN 319 421 TIS-7.7.1-07, F09: the unit states 500 ms, and a clock that may be off by more gives
/// no token and takes no stamp.
#[test]
fn a_clock_outside_of_the_stated_accuracy_is_time_not_available() {
    let bench = Bench::new(1);
    bench.clock.err(499_001);
    let reason = rejected(&bench.issue(&request::encode(&usual())));
    assert_eq!(reason, RejectReason::Clock);
    assert_eq!(reason.failure(), PkiFailureInfo::TimeNotAvailable);
    assert!(matches!(bench.issuer.readiness(), Err(NotReady::Clock(_))));
    assert_eq!(bench.issuer.ledger().state().remaining, 1);
    bench.clock.err(499_000);
    assert!(bench.issuer.readiness().is_ok());
    assert!(matches!(bench.issue(&request::encode(&usual())).outcome, Outcome::Granted { .. }));
    bench.issuer.ledger().assert_balanced(1);
}

/// A3: a clock that is lost between reserve and prepare gives the stamp back.
#[test]
fn a_clock_lost_after_the_reservation_gives_the_stamp_back() {
    let bench = Bench::new(1);
    bench.clock.lose_after(1);
    assert_eq!(rejected(&bench.issue(&request::encode(&usual()))), RejectReason::Clock);
    bench.issuer.ledger().assert_balanced(1);
    assert_eq!(bench.issuer.ledger().state().remaining, 1);
}

/// F07: a clock that jumps back stops the issuing until it has caught up.
#[test]
fn a_clock_that_jumps_back_stops_the_issuing() {
    let bench = Bench::new(3);
    let issue = |nonce| bench.issue(&request::with_nonce(nonce));
    assert!(matches!(issue(1).outcome, Outcome::Granted { .. }));
    bench.clock.set(start_ms() - 1_000);
    assert_eq!(rejected(&issue(2)), RejectReason::Clock);
    bench.clock.set(start_ms());
    assert!(matches!(issue(3).outcome, Outcome::Granted { .. }));
    bench.issuer.ledger().assert_balanced(3);
}

/// F07, across a restart: the last genTime in the ledger binds the next process.
#[test]
fn no_token_is_older_than_the_last_one_before_a_restart() {
    let authority = Authority::new();
    let unit = authority.unit("main", TestKey::new(KeyKind::P256));
    let clock = TestClock::at(start_ms());
    let mut settings = IssuerSettings::new(SeededRandom::new(1));
    settings.last_gen_time_ms = Some(start_ms() + 1);
    let ledger = MemoryLedger::with_stamps(1);
    let issuer = Issuer::new(ledger, vec![unit], "main", clock.clone(), settings).unwrap();
    let request = request::encode(&usual());
    let reply = block_on(issuer.issue(&(), None, &request));
    assert_eq!(rejected(&reply), RejectReason::Clock);
    clock.set(start_ms() + 1);
    let reply = block_on(issuer.issue(&(), None, &request));
    assert!(matches!(reply.outcome, Outcome::Granted { .. }));
}

/// K5, K7, EN 319 421 TIS-7.7.1-09: no token before the certificate's notBefore, after the key's
/// period of use (a year here), or after notAfter.
#[test]
fn no_token_outside_of_the_period_of_use() {
    let bench = Bench::new(9);
    let year = noon() + Duration::days(365);
    for (time, usable) in [
        (noon() - Duration::seconds(1), false),
        (noon(), true),
        (year, true),
        (year + Duration::milliseconds(1), false),
        (noon() + Duration::days(5 * 365), false),
    ] {
        bench.clock.set(time.timestamp_millis());
        let reply = bench.issue(&request::with_nonce(time.timestamp()));
        if usable {
            assert!(matches!(reply.outcome, Outcome::Granted { .. }), "{time}: {reply:?}");
            assert!(bench.issuer.readiness().is_ok());
        } else {
            assert_eq!(rejected(&reply), RejectReason::UnitNotUsable, "{time}");
            assert!(matches!(bench.issuer.readiness(), Err(NotReady::Certificate { .. })));
        }
    }
    bench.issuer.ledger().assert_balanced(9);
}

/// A3: a failed signature gives the stamp back, on this thread and on a signer's.
#[test]
fn a_failed_signature_gives_the_stamp_back() {
    for in_device in [false, true] {
        let key = TestKey::new(KeyKind::P256);
        key.in_device.store(in_device, Ordering::SeqCst);
        TestKey::set(&key.fails);
        let bench = Bench::with_key(1, key.clone());
        assert_eq!(rejected(&bench.issue(&request::encode(&usual()))), RejectReason::Signing);
        assert_eq!(bench.issuer.ledger().state().remaining, 1);
        bench.issuer.ledger().assert_balanced(1);
        assert!(matches!(bench.issuer.readiness(), Err(NotReady::Key { .. })));
        key.fails.store(false, Ordering::SeqCst);
        let reply = bench.issue(&request::encode(&usual()));
        assert!(matches!(reply.outcome, Outcome::Granted { .. }));
        assert!(bench.issuer.readiness().is_ok());
    }
}

/// Not ready for some seconds after a failure, and then it may be tried again.
#[test]
fn a_key_failure_is_forgotten_after_a_while() {
    let key = TestKey::new(KeyKind::P256);
    TestKey::set(&key.fails);
    let bench = Bench::with_key(1, key);
    rejected(&bench.issue(&request::encode(&usual())));
    assert!(bench.issuer.readiness().is_err());
    bench.clock.set(start_ms() + 10_000);
    assert!(bench.issuer.readiness().is_ok());
}

/// R24, F11: a bad signature of a device, or of RSA, never leaves.
#[test]
fn bad_signatures_of_devices_rsa_and_ml_dsa_never_leave() {
    let kinds = [(KeyKind::P256, true), (KeyKind::Rsa2048, false), (KeyKind::MlDsa44, false)];
    for (kind, in_device) in kinds {
        let key = TestKey::new(kind);
        key.in_device.store(in_device, Ordering::SeqCst);
        TestKey::set(&key.signs_badly);
        let bench = Bench::with_key(20, key);
        for nonce in 0..20 {
            let reply = bench.issue(&request::with_nonce(nonce));
            assert_eq!(rejected(&reply), RejectReason::SignatureCheck);
        }
        assert_eq!(bench.issuer.ledger().state().remaining, 20);
    }
}

/// R24: of quick keys a sample is verified, all of them or none, as the settings say.
#[test]
fn a_sample_of_quick_signatures_is_verified() {
    let refused = |one_in: u32| {
        let key = TestKey::new(KeyKind::P256);
        TestKey::set(&key.signs_badly);
        let authority = Authority::new();
        let mut settings = authority.settings("main", key);
        settings.verify.one_in = one_in;
        let unit = marca_tsa::Tsu::new(settings).unwrap();
        let bench = Bench::with_units(400, authority, vec![unit]);
        (0..400)
            .filter(|nonce| {
                let reply = bench.issue(&request::with_nonce(*nonce));
                matches!(reply.outcome, Outcome::Rejected { .. })
            })
            .count()
    };
    assert_eq!(refused(1), 400);
    assert_eq!(refused(0), 0);
    // The seed is fixed, so this does not depend on chance: about 100 of 400.
    let sampled = refused(4);
    assert!((60..140).contains(&sampled), "{sampled}");
}

/// F25: without randomness there is no serial number, no token and no debit.
#[test]
fn without_randomness_nothing_is_issued() {
    let bench = Bench::new(1);
    bench.random.break_it();
    assert_eq!(rejected(&bench.issue(&request::encode(&usual()))), RejectReason::Randomness);
    assert_eq!(bench.issuer.ledger().state().remaining, 1);
    bench.issuer.ledger().assert_balanced(1);
}

/// A2: no record, no token: what the ledger refuses at the commit does not leave.
#[test]
fn a_commit_that_fails_gives_no_token() {
    let bench = Bench::new(1);
    for (refusal, expected) in [
        (Refusal::Unavailable("disk full".to_owned()), None),
        (Refusal::Busy, Some(Outcome::Busy)),
        (Refusal::AccountNotActive, Some(Outcome::AccountNotActive)),
    ] {
        bench.issuer.ledger().state().refuse_commit = Some(refusal);
        let reply = bench.issue(&request::encode(&usual()));
        match expected {
            None => assert_eq!(rejected(&reply), RejectReason::Ledger),
            Some(outcome) => assert_eq!(reply.outcome, outcome),
        }
        assert!(!String::from_utf8_lossy(&reply.der).contains("disk full"), "ours, not theirs");
        assert_eq!(bench.issuer.ledger().state().remaining, 1);
        bench.issuer.ledger().assert_balanced(1);
    }
}

/// A future that is dropped before the commit gives the stamp back.
#[test]
fn a_client_that_goes_away_early_pays_nothing() {
    let key = TestKey::new(KeyKind::P256);
    key.in_device.store(true, Ordering::SeqCst);
    let bench = Bench::with_key(1, key);
    let request = request::encode(&usual());
    let mut future = Box::pin(bench.issuer.issue(&(), None, &request));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    // The first poll reserves and hands the signature to a thread.
    if future.as_mut().poll(&mut context).is_pending() {
        assert_eq!(bench.issuer.ledger().state().reserved, 1);
        drop(future);
        assert_eq!(bench.issuer.ledger().state().remaining, 1);
    }
    bench.issuer.ledger().assert_balanced(1);
}

#[test]
fn units_are_picked_by_their_identifier() {
    let authority = Authority::new();
    let units = ["main", "other"].map(|id| authority.unit(id, TestKey::new(KeyKind::P256)));
    let bench = Bench::with_units(3, authority, units.into());
    let request = request::encode(&TimeStampReq { nonce: None, ..usual() });
    let issue = |unit| block_on(bench.issuer.issue(&(), unit, &request));
    for unit in [None, Some("main"), Some("other")] {
        assert!(matches!(issue(unit).outcome, Outcome::Granted { .. }));
    }
    assert_eq!(issue(Some("none")).outcome, Outcome::UnknownUnit);
    let state = bench.issuer.ledger().state();
    let signers: Vec<&str> = state.records.iter().map(|record| record.tsu.as_str()).collect();
    assert_eq!(signers, ["main", "main", "other"]);
}

#[test]
fn an_issuer_is_set_up_only_with_units_that_make_sense() {
    let authority = Authority::new();
    let setup = |ids: &[&str], default: &str| {
        let units = ids.iter().map(|id| authority.unit(id, TestKey::new(KeyKind::P256))).collect();
        let settings = IssuerSettings::new(SeededRandom::new(1));
        let clock = TestClock::at(start_ms());
        Issuer::new(MemoryLedger::default(), units, default, clock, settings).map(drop)
    };
    assert!(setup(&["a", "b"], "b").is_ok());
    assert!(matches!(setup(&["a"], "b"), Err(IssuerError::UnknownDefaultUnit { .. })));
    assert!(matches!(setup(&[], "b"), Err(IssuerError::UnknownDefaultUnit { .. })));
    assert!(matches!(setup(&["a", "a"], "a"), Err(IssuerError::DuplicateUnit { .. })));
}

/// A2: a thousand stamps and two thousand concurrent requests give exactly a thousand tokens.
#[test]
fn concurrent_requests_never_overdraw() {
    let key = TestKey::new(KeyKind::P256);
    let bench = Arc::new(Bench::with_key(1_000, key.clone()));
    let granted: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|thread| {
                let bench = Arc::clone(&bench);
                scope.spawn(move || {
                    let outcomes = (0..250).map(|number| {
                        bench.issue(&request::with_nonce(thread * 1_000 + number)).outcome
                    });
                    outcomes.filter(|outcome| matches!(outcome, Outcome::Granted { .. })).count()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(granted, 1_000);
    bench.issuer.ledger().assert_balanced(1_000);
    // No stamp, no signature.
    assert_eq!(key.signatures.load(Ordering::SeqCst), 1_000);
    let state = bench.issuer.ledger().state();
    let serials: std::collections::HashSet<_> =
        state.records.iter().map(|record| record.serial).collect();
    assert_eq!(serials.len(), 1_000);
}
