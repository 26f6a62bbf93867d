//! A stamp that is held before there is anything to stamp: the same token as for a request, one
//! stamp for it, and nothing for whatever does not come to its end.

use crate::support::key::TestKey;
use crate::support::request::{self, imprint_of, usual};
use crate::support::{Authority, Bench, block_on, noon, software_key, start_ms};
use crate::verifying::trust;
use certs::KeyKind;
use marca_tsa::ledger::Refusal;
use marca_tsa::verify;
use marca_tsa::{HashAlgorithm, RejectReason, Tsu, TsuSettings};
use rasn_cms::tsp::TimeStampReq;
use std::sync::atomic::Ordering;

/// The digest of the usual request.
fn digest() -> [u8; 32] {
    std::array::from_fn(|index| index as u8)
}

#[test]
fn a_held_stamp_becomes_the_token_of_a_request_that_was_never_sent() {
    let bench = Bench::new(2);
    let held = block_on(bench.issuer.hold(&())).unwrap();
    assert_eq!(bench.issuer.ledger().state().reserved, 1);
    let made = block_on(bench.issuer.issue_held(held, &digest())).unwrap();
    assert_eq!((made.remaining, made.companion), (1, None));
    bench.issuer.ledger().assert_balanced(2);

    // A client that had asked for it finds nothing wrong with it.
    let message_imprint = imprint_of(HashAlgorithm::Sha256.oid(), Some(&[0x05, 0x00]), 32);
    let asked = request::encode(&TimeStampReq { message_imprint, nonce: None, ..usual() });
    let reply = marca_tsa::response::granted(&made.token);
    let verified = verify::reply(&reply, &asked, &trust(&bench)).unwrap();
    assert_eq!(verified.gen_time_ms, start_ms());
    // It is the one that is stored, and can be fetched again.
    let record = bench.issuer.ledger().state().records[0].clone();
    assert_eq!((record.serial, record.retry_key), (made.serial, None));
    assert_eq!(bench.issuer.token_reply(&record.token, &record.tsu, true).unwrap(), reply);
}

#[test]
fn a_stamp_that_is_not_used_is_given_back() {
    let bench = Bench::new(1);
    let held = block_on(bench.issuer.hold(&())).unwrap();
    assert_eq!(block_on(bench.issuer.hold(&())).err(), Some(RejectReason::NoStamps));
    drop(held);
    bench.issuer.ledger().assert_balanced(1);
    drop(block_on(bench.issuer.hold(&())).unwrap());
}

/// Each digest has a token of its own: without a nonce nothing is a retry.
#[test]
fn the_same_digest_twice_is_two_tokens() {
    let bench = Bench::new(2);
    for remaining in [1, 0] {
        let held = block_on(bench.issuer.hold(&())).unwrap();
        let made = block_on(bench.issuer.issue_held(held, &digest())).unwrap();
        assert_eq!(made.remaining, remaining);
    }
    assert_eq!(bench.issuer.ledger().state().records.len(), 2);
}

#[test]
fn nothing_is_held_when_no_token_could_be_issued() {
    let bench = Bench::new(1);
    let refused = |bench: &Bench| block_on(bench.issuer.hold(&())).err().unwrap();
    bench.clock.lose(true);
    assert_eq!(refused(&bench), RejectReason::Clock);
    bench.clock.lose(false);
    bench.clock.set(noon().timestamp_millis() - 1_000);
    assert_eq!(refused(&bench), RejectReason::UnitNotUsable);
    bench.clock.set(start_ms());
    bench.issuer.ledger().state().refuse_reserve = Some(Refusal::AccountNotActive);
    assert_eq!(refused(&bench), RejectReason::AccountNotActive);
    bench.issuer.ledger().state().refuse_reserve = Some(Refusal::Busy);
    assert_eq!(refused(&bench), RejectReason::Busy);
    bench.issuer.ledger().state().refuse_reserve = None;
    bench.issuer.replace_units(Vec::new(), None, Vec::new()).unwrap();
    assert_eq!(refused(&bench), RejectReason::UnitNotUsable);
    bench.issuer.ledger().assert_balanced(1);
}

#[test]
fn a_unit_that_does_not_take_sha_256_holds_nothing() {
    let authority = Authority::new();
    let hashes = vec![HashAlgorithm::Sha512];
    let settings = authority.settings("main", software_key(KeyKind::P256));
    let unit = Tsu::new(TsuSettings { hashes, ..settings }).unwrap();
    let bench = Bench::with_units(1, authority, vec![unit]);
    assert_eq!(block_on(bench.issuer.hold(&())).err(), Some(RejectReason::HashAlgorithm));
    bench.issuer.ledger().assert_balanced(1);
}

/// Whatever fails between the two halves, or in the second one, costs nothing.
#[test]
fn a_stamp_comes_back_when_its_token_cannot_be_made() {
    let key = TestKey::new(KeyKind::P256);
    let bench = Bench::with_key(1, key.clone());
    let issuer = &bench.issuer;
    let issue = || {
        let held = block_on(issuer.hold(&())).unwrap();
        move || block_on(issuer.issue_held(held, &digest())).map(|made| made.remaining)
    };

    let second = issue();
    bench.clock.lose(true);
    assert_eq!(second(), Err(RejectReason::Clock));
    bench.clock.lose(false);

    let second = issue();
    key.fails.store(true, Ordering::SeqCst);
    assert_eq!(second(), Err(RejectReason::Signing));
    key.fails.store(false, Ordering::SeqCst);

    let second = issue();
    bench.random.break_it();
    assert_eq!(second(), Err(RejectReason::Randomness));
    bench.issuer.ledger().assert_balanced(1);
}

/// A commit that failed is the ledger's: no token leaves.
#[test]
fn no_token_leaves_that_is_not_durable() {
    let bench = Bench::new(1);
    let held = block_on(bench.issuer.hold(&())).unwrap();
    let fault = Refusal::Unavailable("the disk".to_owned());
    bench.issuer.ledger().state().refuse_commit = Some(fault);
    let made = block_on(bench.issuer.issue_held(held, &digest()));
    assert_eq!(made, Err(RejectReason::Ledger));
    bench.issuer.ledger().assert_balanced(1);
}

/// The unit of the first half signs, also when there is another one by then.
#[test]
fn units_that_are_replaced_in_between_change_nothing() {
    let bench = Bench::new(1);
    let held = block_on(bench.issuer.hold(&())).unwrap();
    let other = bench.authority.unit("other", software_key(KeyKind::P384));
    bench.issuer.replace_units(vec![other], "other", Vec::new()).unwrap();
    block_on(bench.issuer.issue_held(held, &digest())).unwrap();
    assert_eq!(bench.issuer.ledger().state().records[0].tsu, "main");
}

#[test]
fn a_pair_makes_both_tokens_for_the_held_stamp() {
    let authority = Authority::new();
    let units = vec![
        authority.unit("main", software_key(KeyKind::P256)).paired_with("second"),
        authority.unit("second", software_key(KeyKind::P384)),
    ];
    let bench = Bench::with_units(2, authority, units);
    let held = block_on(bench.issuer.hold(&())).unwrap();
    let made = block_on(bench.issuer.issue_held(held, &digest())).unwrap();
    let record = bench.issuer.ledger().state().records[0].clone();
    assert_eq!(made.companion, record.companion.map(|companion| companion.serial));
    assert!(made.companion.is_some());
    bench.issuer.ledger().assert_balanced(2);
}
