//! Keys that nobody can use: when they go, and that all others stay.

use super::support::*;
use crate::holders::credential::KEY_GRACE;
use crate::holders::tables::SIGNING_KEY;
use crate::holders::{CredentialId, HolderError};
use crate::testing::block_on;
use chrono::{DateTime, TimeDelta, Utc};
use envelope::Pin;
use std::ops::Bound;
use store::{Order, Store};

fn keys(bench: &Bench) -> Vec<CredentialId> {
    let all = Bound::Unbounded;
    let rows = bench.store.scan(SIGNING_KEY, all, all, Order::Ascending, 1_000).unwrap();
    rows.iter().map(|(key, _)| CredentialId::new(*key.first_chunk().unwrap())).collect()
}

fn tick(bench: &Bench, now: DateTime<Utc>) -> usize {
    block_on(bench.holders.keys_tick(now)).unwrap()
}

#[test]
fn a_key_goes_a_day_after_its_certificate_ended() {
    let bench = Bench::active();
    let end = at(1) + TimeDelta::days(1_095);
    for kept in [at(2), end, end + KEY_GRACE] {
        assert_eq!(tick(&bench, kept), 0, "{kept}");
        assert_eq!(keys(&bench), [bench.id]);
    }
    let after = end + KEY_GRACE + TimeDelta::milliseconds(1);
    assert_eq!(tick(&bench, after), 1);
    assert!(keys(&bench).is_empty());
    assert_eq!(tick(&bench, after), 0, "once");
    // Whoever types the PIN is told what is so, and not that the store is damaged.
    let pin = Pin::parse(NEW_PIN).unwrap();
    let tried = block_on(bench.holders.verify_pin((HOLDER, bench.id), pin, after));
    assert!(matches!(tried, Err(HolderError::IllegalTransition { state: "expired", .. })));
}

#[test]
fn a_key_that_waits_for_its_holder_stays() {
    let bench = Bench::waiting();
    assert_eq!(tick(&bench, at(0) + TimeDelta::days(4_000)), 0);
    assert_eq!(keys(&bench), [bench.id]);
}

/// More keys than one look takes: those behind the first page go as well.
#[test]
fn no_key_is_left_behind_the_first_page() {
    let bench = Bench::active();
    let orphans = bench.holders.transact(|_, tx| {
        for number in 0..1_200_u32 {
            let mut key = [0; 20];
            key[..4].copy_from_slice(&number.to_be_bytes());
            tx.put(SIGNING_KEY, &key, b"of nobody");
        }
        Ok(())
    });
    block_on(orphans).unwrap();
    assert_eq!(tick(&bench, at(2)), 1_200);
    assert_eq!(keys(&bench), [bench.id]);
}
