//! Every truncation and every change of one octet of a good request, over one connection.
//!
//! Whatever comes back is an answer that the protocol knows, and the books agree with it: there
//! are exactly as many debits as tokens.

use crate::harness::request;
use crate::harness::{Account, Raw, Reply, Service, long};
use std::collections::HashSet;

/// Sends all over one kept-alive connection; returns the serial numbers of the tokens.
fn send(service: &Service, account: &Account, requests: Vec<Vec<u8>>) -> HashSet<String> {
    let mut connection = Raw::connect(service.address());
    let mut serials = HashSet::new();
    let authorization = account.bearer();
    for request in requests {
        let shown = hex::encode(&request);
        let answer = connection
            .stamp(&authorization, &request)
            .unwrap_or_else(|error| panic!("{error} at {shown}"));
        assert_eq!(answer.status, 200, "{shown}: {}", answer.head);
        let reply = Reply::read(&answer.body);
        if reply.is_granted() {
            serials.insert(reply.token().serial());
        } else {
            reply.rejection();
        }
    }
    serials
}

/// Q14: "undecodable DER … never a token, never a crash".
#[test]
fn every_truncation_is_refused() {
    let service = Service::demo();
    let account = Account::open(&service, "acme", 10);
    let good = request::fresh();
    let requests = (0..good.len()).map(|length| good[..length].to_vec()).collect();
    assert!(send(&service, &account, requests).is_empty());
    assert_eq!(account.balance(&service), (10, 0));
}

/// In the short form the changes that flip one bit, clear, fill or count up an octet; in the long
/// one all 255 others.
#[test]
fn every_change_of_one_octet_is_answered_and_accounted_for() {
    const STAMPS: u64 = 100_000;
    let service = Service::demo();
    let account = Account::open(&service, "acme", STAMPS);
    let good = request::fresh();
    let mut requests = Vec::new();
    for at in 0..good.len() {
        let old = good[at];
        let short = [old ^ 1, old ^ 0x20, old ^ 0x80, 0, 0xFF, old.wrapping_add(1)];
        let octets: Vec<u8> = if long() { (0..=255).collect() } else { short.to_vec() };
        for octet in octets.into_iter().filter(|octet| *octet != old) {
            let mut changed = good.clone();
            changed[at] = octet;
            requests.push(changed);
        }
    }
    let tokens = send(&service, &account, requests).len() as u64;
    assert!(tokens > 0, "a change inside the imprint makes another good request");
    assert_eq!(account.balance(&service), (STAMPS - tokens, tokens));
    account.check_statement(&service);
}

/// An octet taken out, put in, or doubled, at every place.
#[test]
fn every_octet_taken_out_or_put_in_is_refused_or_accounted_for() {
    const STAMPS: u64 = 10_000;
    let service = Service::demo();
    let account = Account::open(&service, "acme", STAMPS);
    let good = request::fresh();
    let mut requests = Vec::new();
    for at in 0..good.len() {
        let (before, after) = good.split_at(at);
        requests.push([before, &after[1..]].concat());
        requests.push([before, &[0], after].concat());
        requests.push([before, &after[..1], after].concat());
    }
    let tokens = send(&service, &account, requests).len() as u64;
    assert_eq!(account.balance(&service), (STAMPS - tokens, tokens));
}
