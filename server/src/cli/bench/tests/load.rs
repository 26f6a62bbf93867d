//! Counting: what the service answered is what is told.

use super::fake::{self, Answer, granted, status_and};
use crate::cli::bench::connection::Endpoint;
use crate::cli::bench::load::{Outcome, Plan, Stopped, run, share};
use crate::cli::bench::template::{Hash, Random, Target, Template};
use crate::cli::console::Console;
use crate::cli::{Cli, Services, dispatch};
use clap::Parser;
use std::net::SocketAddr;
use std::time::Duration;

fn plan(address: SocketAddr) -> Plan {
    let target =
        Target { path: "/tsa".to_owned(), authority: address.to_string(), authorization: None };
    Plan {
        endpoint: Endpoint::new(address, None, &[]).unwrap(),
        plain: Template::new(&target, Hash::Sha256, false).unwrap(),
        sampled: Template::new(&target, Hash::Sha256, true).unwrap(),
        connections: 4,
        threads: 2,
        // Ended by the service, long before.
        duration: Duration::from_secs(600),
        rate: None,
        verify_every: 0,
        random: Random::new(1),
    }
}

fn load(plan: Plan) -> Outcome {
    run(plan, Vec::new(), |_, _| {}).unwrap()
}

/// A service that has `stamps` stamps, and answers other than with tokens as told.
fn service(
    stamps: u64,
    otherwise: impl Fn(u64, &[u8]) -> Option<Answer> + Send + Sync + 'static,
) -> SocketAddr {
    fake::start(move |number, request| {
        if number >= stamps {
            return Answer::Http(402, status_and(2, &[]));
        }
        otherwise(number, request).unwrap_or_else(|| Answer::Http(200, granted(request)))
    })
}

#[test]
fn it_stops_when_the_stamps_are_used_up() {
    let outcome = load(plan(service(500, |_, _| None)));
    assert_eq!(outcome.stopped, Stopped::OutOfStamps);
    let tally = &outcome.tally;
    assert_eq!((tally.tokens, tally.in_time, tally.latency.len()), (500, 500, 500));
    let refused = tally.http[&402];
    assert!((1..=4).contains(&refused), "at most one per connection: {refused}");
    assert_eq!(tally.requests, 500 + refused);
    assert_eq!(tally.errors_besides_402(), 0);
    assert!(tally.sent > tally.requests * 69 && tally.received > tally.requests * 40);
    assert!(outcome.elapsed < Duration::from_secs(600));
}

#[test]
fn errors_are_counted_by_kind() {
    let address = service(400, |number, request| match number % 40 {
        5 => Some(Answer::Http(503, b"{}".to_vec())),
        10 => Some(Answer::Http(429, Vec::new())),
        15 => Some(Answer::Http(200, status_and(2, &[]))),
        20 => Some(Answer::Http(200, b"{}".to_vec())),
        25 => Some(Answer::HangUp),
        30 => Some(Answer::Http(200, granted(&request[..10]))),
        35 => Some(Answer::LastOne(200, granted(request))),
        _ => None,
    });
    let tally = load(plan(address)).tally;
    assert_eq!((tally.http[&503], tally.http[&429]), (10, 10));
    assert_eq!(tally.pki["without failInfo"], 10);
    assert_eq!(tally.wrong["not a TimeStampResp"], 10);
    assert_eq!(tally.wrong["imprint missing"], 10);
    let dropped: u64 = tally.transport.values().sum();
    assert_eq!(dropped, 10, "{:?}", tally.transport);
    assert_eq!(tally.tokens, 400 - 60, "a reply that closes is a reply");
    assert_eq!(tally.errors_besides_402(), 60);
}

#[test]
fn it_gives_up_when_the_credentials_are_refused() {
    let outcome = load(plan(fake::start(|_, _| Answer::Http(401, Vec::new()))));
    assert_eq!(outcome.stopped, Stopped::Refused(401));
    assert_eq!(outcome.tally.tokens, 0);
}

#[test]
fn the_sampled_replies_are_verified_and_a_glance_is_not_enough() {
    let mut plan = plan(service(100, |_, _| None));
    plan.threads = 1;
    plan.connections = 1;
    plan.verify_every = 10;
    let outcome = load(plan);
    assert_eq!(outcome.tally.tokens, 100, "each passes the glance");
    assert_eq!((outcome.verified.good, outcome.verified.bad), (0, 10), "and none is signed");
    assert!(outcome.verified.first_fault.is_some());
}

#[test]
fn an_open_loop_keeps_to_its_schedule() {
    let mut plan = plan(service(u64::MAX, |_, _| None));
    plan.duration = Duration::from_millis(500);
    plan.rate = Some(100.0);
    let outcome = load(plan);
    assert_eq!(outcome.stopped, Stopped::TimeUp);
    // 100 a second for half a second. A machine under load may miss the last moments, but then
    // it has to say so.
    assert_eq!(outcome.tally.requests + outcome.tally.unsent, 50);
    assert_eq!(outcome.tally.tokens, outcome.tally.requests);
    assert!(outcome.tally.tokens > 0);
    assert_eq!(outcome.elapsed, Duration::from_millis(500));
}

#[test]
fn a_schedule_that_cannot_be_kept_is_told() {
    let mut plan = plan(fake::start(|_, request| {
        std::thread::sleep(Duration::from_millis(50));
        Answer::Http(200, granted(request))
    }));
    plan.duration = Duration::from_millis(200);
    plan.rate = Some(1000.0);
    let tally = load(plan).tally;
    assert_eq!(tally.requests + tally.unsent, 200);
    assert!(tally.unsent > 100, "four connections cannot do it: {}", tally.unsent);
}

#[test]
fn connections_are_shared_out_evenly() {
    for (all, parts) in [(64, 1), (64, 2), (65, 4), (3, 3)] {
        let shares: Vec<usize> = (0..parts).map(|number| share(all, parts, number)).collect();
        assert_eq!(shares.iter().sum::<usize>(), all);
        assert!(shares.iter().max().unwrap() - shares.iter().min().unwrap() <= 1);
    }
}

/// The whole command: exit code, output, messages.
fn bench(address: SocketAddr, more: &[&str]) -> (u8, String, String) {
    let services = Services {
        demo: |_| Ok(()),
        serve: |_| Ok(()),
        check_config: |_| Ok(()),
        default_config: "",
    };
    let url = format!("http://{address}");
    let mut arguments = vec!["marca", "bench", "--url", &url, "--connections", "2"];
    arguments.extend(more);
    let cli = Cli::try_parse_from(arguments).unwrap();
    let (mut input, mut out, mut err) = (&b""[..], Vec::new(), Vec::new());
    let mut console = Console::over(&mut input, &mut out, &mut err);
    let outcome = dispatch(cli.command, &services, &mut console);
    let code = console.report(outcome);
    (code, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

#[test]
fn the_command_says_that_the_stamps_are_used_up_and_that_is_no_error() {
    let address = service(50, |_, _| None);
    let (code, out, err) = bench(address, &["--verify-every", "0"]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.contains("out of stamps"), "{out}");
    assert!(out.contains("tokens     50, "), "{out}");
    assert!(out.lines().all(|line| line.len() <= 80), "{out}");

    let (code, _, err) = bench(service(0, |_, _| None), &[]);
    assert_eq!(code, 1);
    assert!(err.contains("has no stamps"), "{err}");
}

#[test]
fn the_command_fails_when_a_reply_was_wrong() {
    let address = service(50, |number, _| (number == 7).then(|| Answer::Http(500, Vec::new())));
    let (code, out, err) = bench(address, &["--verify-every", "0", "--json"]);
    assert_eq!(code, 1, "{out}");
    assert!(err.contains("1 of "), "{err}");
    let result: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(result["tokens"], 49);
    assert_eq!(result["errors"]["http"]["500"], 1);
    assert_eq!(result["stopped"], "out-of-stamps");
    assert_eq!(result["raw"], serde_json::Value::Null);
}

#[test]
fn refused_credentials_and_a_silent_port_have_their_codes() {
    let (code, _, err) = bench(fake::start(|_, _| Answer::Http(401, Vec::new())), &[]);
    assert_eq!(code, 1);
    assert!(err.contains("--key"), "{err}");

    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (code, _, err) = bench(closed, &[]);
    assert_eq!(code, 3);
    assert!(err.contains("connection refused") && err.contains("--url"), "{err}");
}
