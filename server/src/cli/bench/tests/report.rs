//! How a measuring reads, and the raw rate in it.

use crate::cli::bench::load::{Outcome, Stopped};
use crate::cli::bench::raw::{self, Raw};
use crate::cli::bench::report::Report;
use crate::cli::bench::tally::Tally;
use crate::cli::bench::verify::Verified;
use crate::cli::values::TsuKey;
use clap::ValueEnum;
use std::time::Duration;

fn outcome() -> Outcome {
    let mut tally = Tally::new();
    for millis in 1..=1000 {
        tally.token(Duration::from_millis(millis), true);
    }
    tally.token(Duration::from_secs(600), false);
    tally.requests = 1003;
    tally.http.insert(503, 2);
    tally.pki.insert("systemFailure", 1);
    tally.cpu = Duration::from_micros(4012);
    Outcome {
        tally,
        elapsed: Duration::from_secs(4),
        stopped: Stopped::TimeUp,
        verified: Verified { good: 15, bad: 1, first_fault: Some("the nonce".to_owned()) },
    }
}

fn report(result: &Outcome) -> Report<'_> {
    Report {
        url: "http://h".to_owned(),
        connections: 64,
        threads: 1,
        hash: "sha256",
        rate: None,
        result,
        raw: Some(Raw { kind: TsuKey::P256, threads: 2, per_second: 1000.0 }),
    }
}

#[test]
fn everything_that_was_measured_is_told() {
    let result = outcome();
    let text = report(&result).text();
    for part in [
        "load       64 connections, 1 threads, closed loop, 4.0 s\n",
        "tokens     1,001, 250.0 per second\n",
        "verified   15 tokens good, 1 BAD: the nonce\n",
        "errors     HTTP 503: 2; systemFailure: 1\n",
        "own cost   4.0 us CPU per request\n",
        "1000.0 p256 signatures per second on 2 threads; tokens/raw 0.250\n",
    ] {
        assert!(text.contains(part), "{part}{text}");
    }
    assert!(!text.contains("stopped"), "{text}");
}

#[test]
fn the_json_has_the_same_numbers() {
    let result = outcome();
    let json = report(&result).json();
    assert_eq!(json["tokens"], 1001);
    assert_eq!(json["tokens_per_second"], 250.0, "the late token is no part of the rate");
    assert_eq!(json["errors"]["http"]["503"], 2);
    assert_eq!(json["raw"]["tokens_per_signature"], 0.25);
    // Three digits are kept: 500 ms is told as 500 ms within a thousandth.
    let p50 = json["latency_us"]["p50"].as_u64().unwrap();
    assert!((500_000..=502_000).contains(&p50), "{p50}");
    assert!(json["latency_us"]["max"].as_u64().unwrap() >= 119_000_000, "told, if not exactly");
}

#[test]
fn tallies_add_up() {
    let (mut left, right) = (outcome().tally, outcome().tally);
    left.add(&right);
    assert_eq!((left.requests, left.tokens, left.in_time), (2006, 2002, 2000));
    assert_eq!((left.http[&503], left.pki["systemFailure"]), (4, 2));
    assert_eq!(left.latency.len(), 2002);
    assert_eq!(left.errors_besides_402(), 6);
    assert_eq!(left.cpu, Duration::from_micros(8024));
}

#[test]
fn every_kind_of_key_signs() {
    for kind in TsuKey::value_variants() {
        let raw = raw::measure(*kind, 1, Duration::from_millis(1)).unwrap();
        assert!(raw.per_second > 0.0, "{kind}");
    }
}
