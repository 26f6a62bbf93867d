//! `kill -9` at random points under load: what a client holds is there, with its debit.
//!
//! F01. Ten rounds in the short form, 200 in the long one; `MARCA_SEED` repeats a run's points.

use crate::harness::{
    Account, Config, Load, Program, RawAnswer, Reply, Service, environment, long, request,
};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::collections::HashMap;
use std::time::Duration;

const STAMPS: u64 = 1_000_000;

/// The points in time, from a seed that is printed.
fn points() -> StdRng {
    let named = environment("MARCA_SEED").map(|seed| seed.parse().expect("MARCA_SEED: a number"));
    let seed: u64 = named.unwrap_or_else(|| request::random() as u64);
    println!("MARCA_SEED={seed}");
    StdRng::seed_from_u64(seed)
}

/// Notes the tokens of these answers: no serial number may come twice with other bytes.
fn note(tokens: &mut HashMap<String, Vec<u8>>, answers: Vec<RawAnswer>) {
    for answer in answers {
        assert_eq!(answer.status, 200, "{}", answer.head);
        let serial = Reply::read(&answer.body).token().serial();
        let twice = tokens.insert(serial.clone(), answer.body);
        assert!(twice.is_none(), "serial {serial} twice");
    }
}

/// Every token is in the store, byte for byte.
fn fetch_all(service: &Service, account: &Account, tokens: &HashMap<String, Vec<u8>>) {
    let client = account.client(service);
    for (serial, token) in tokens {
        let again = client.get(&format!("/api/v1/timestamps/{serial}"));
        assert_eq!(again.status, 200, "{serial} is lost");
        assert_eq!(&again.body, token, "{serial}");
    }
}

/// The books after a round: `remaining + used = granted`, and at least every token that a client
/// got is used. More may be: those whose answer the kill cut off.
fn check_books(service: &Service, account: &Account, tokens: usize, in_flight: usize) {
    let (remaining, used) = account.balance(service);
    assert_eq!(remaining + used, STAMPS);
    let (least, most) = (tokens as u64, (tokens + in_flight) as u64);
    assert!((least..=most).contains(&used), "{used} used, {tokens} tokens, {in_flight} cut off");
    assert_eq!(account.view(service)["reserved"], 0, "no stamp stays on hold");
}

/// The long form of this is the campaign of the release.
#[test]
fn killed_under_load_nothing_is_lost() {
    const CONNECTIONS: usize = 8;
    let rounds = if long() { 200 } else { 10 };
    let mut points = points();
    let mut service = Config::new().data("segment_mib = 1").start();
    let account = Account::open(&service, "acme", STAMPS);
    let mut tokens = HashMap::new();
    for round in 1..=rounds {
        let load = Load::begin(service.address(), &account.bearer(), CONNECTIONS);
        std::thread::sleep(Duration::from_micros(points.random_range(0..200_000)));
        service.kill();
        note(&mut tokens, load.end());
        let data = service.data().to_str().unwrap().to_owned();
        if round % 10 == 0 {
            Program::marca(&["store", "check", "--data", &data]).run().ok();
        }
        service.start();
        check_books(&service, &account, tokens.len(), round * CONNECTIONS);
    }
    println!("{rounds} rounds, {} tokens", tokens.len());
    assert!(!tokens.is_empty());
    fetch_all(&service, &account, &tokens);
    account.check_statement_totals(&service, account.balance(&service).1);
    service.stop();
    let data = service.data().to_str().unwrap();
    Program::marca(&["store", "check", "--data", data]).run().ok();
}

/// A request that was cut off by a kill is sent again and gets one token, and one debit.
#[test]
fn a_retry_after_a_kill_is_one_token() {
    let rounds = if long() { 100 } else { 5 };
    let mut points = points();
    let mut service = Config::new().start();
    let account = Account::open(&service, "acme", 1000);
    for round in 1..=rounds {
        let request = request::fresh();
        let (address, bearer) = (service.address().to_owned(), account.bearer());
        let sent = request.clone();
        let first = std::thread::spawn(move || {
            let mut connection = crate::harness::Raw::try_connect(&address).ok()?;
            connection.stamp(&bearer, &sent).ok()
        });
        std::thread::sleep(Duration::from_micros(points.random_range(0..3000)));
        service.kill();
        let first = first.join().unwrap();
        service.start();
        let again = account.client(&service).stamp(&request).status(200);
        if let Some(first) = first {
            assert_eq!(first.body, again.body);
        }
        assert_eq!(account.balance(&service), (1000 - round, round));
    }
}

/// Killed while it makes its data directory: the next start goes on, or makes it anew.
#[test]
fn killed_in_its_first_start_the_next_one_is_whole() {
    let rounds = if long() { 50 } else { 5 };
    let mut points = points();
    for _ in 0..rounds {
        let mut service = Service::demo_prepared(&[]);
        let wait = Duration::from_micros(points.random_range(1000..400_000));
        service.start_and_kill_after(wait);
        service.start();
        let answer = service.demo_client().stamp(&request::fresh()).status(200);
        let ca = std::fs::read(service.ca_file()).unwrap();
        Reply::read(&answer.body).token().verify(&ca);
        assert_eq!(service.demo_client().balance(), (99, 1));
    }
}
