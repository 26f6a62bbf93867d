//! The retry rule: the same request inside the window gets the same token for no second stamp.

use super::support::*;
use crate::StampAccountId;
use crate::stamps::retry::{RetryMemory, fingerprint};
use crate::stamps::*;
use crate::testing::{block_on, is_pending};
use chrono::TimeDelta;
use store::StoreError;

const KEY: [u8; 32] = [7; 32];

fn issue(bench: &Bench, id: StampAccountId, n: u64, key: [u8; 32], now: i64) -> Committed {
    let reservation = bench.hold(id, Some(key), at(now)).unwrap();
    block_on(bench.ledger.commit(reservation, token(n, Some(key), at(now)))).unwrap()
}

fn repeated(
    bench: &Bench,
    id: StampAccountId,
    key: [u8; 32],
    now: i64,
) -> Option<(StoredToken, u64)> {
    match block_on(bench.ledger.reserve(id, Some(key), at(now))) {
        Ok(Reserved::Existing { token, remaining }) => Some((token, remaining)),
        Ok(Reserved::Fresh(_)) | Err(Refused::NoStamps) => None,
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn the_same_request_gets_the_same_token_for_no_second_stamp() {
    let bench = Bench::new();
    let id = bench.account("ada");
    bench.grant(id, 1);
    issue(&bench, id, 1, KEY, 0);
    // No stamp is left: the answer is the token all the same.
    let (token, remaining) = repeated(&bench, id, KEY, 1).unwrap();
    assert_eq!((token.serial, remaining), (serial(1, at(0)), 0));
    assert_eq!(token.token, 1u64.to_be_bytes());
    assert_eq!(bench.view(id, at(1)).used, 1);
}

#[test]
fn a_request_without_a_key_is_never_the_same() {
    let bench = Bench::new();
    let id = bench.account("ada");
    bench.grant(id, 2);
    assert_eq!(bench.issue(id, 1, at(0)).unwrap().remaining, 1);
    assert_eq!(bench.issue(id, 2, at(0)).unwrap().remaining, 0);
}

#[test]
fn another_account_with_the_same_request_pays_for_its_own() {
    let bench = Bench::new();
    let (ada, bob) = (bench.account("ada"), bench.account("bob"));
    bench.grant(ada, 1);
    bench.grant(bob, 1);
    issue(&bench, ada, 1, KEY, 0);
    assert!(repeated(&bench, bob, KEY, 1).is_none());
}

#[test]
fn the_window_ends() {
    let bench = Bench::new();
    let id = bench.account("ada");
    bench.grant(id, 1);
    issue(&bench, id, 1, KEY, 0);
    assert!(repeated(&bench, id, KEY, minutes(10) - 1).is_some());
    assert!(repeated(&bench, id, KEY, minutes(10)).is_none());
}

#[test]
fn the_rule_holds_after_a_restart() {
    let bench = Bench::new();
    let id = bench.account("ada");
    bench.grant(id, 2);
    issue(&bench, id, 1, [1; 32], 0);
    issue(&bench, id, 2, [2; 32], minutes(5));
    let again = bench.reopened();
    assert!(repeated(&again, id, [1; 32], minutes(9)).is_some());
    let (token, remaining) = repeated(&again, id, [2; 32], minutes(9)).unwrap();
    assert_eq!((token.serial, remaining), (serial(2, at(minutes(5))), 0));
    // What is past the window of the newest token is read no more, and what is past that of the
    // request is no answer.
    let later = bench.reopened();
    assert!(repeated(&later, id, [1; 32], minutes(11)).is_none());
    assert!(repeated(&later, id, [2; 32], minutes(11)).is_some());
}

#[test]
fn the_window_after_a_restart_is_that_of_the_newest_token() {
    let bench = Bench::new();
    let id = bench.account("ada");
    bench.grant(id, 3);
    assert_eq!(bench.reopened().ledger.retry_memory_bytes(), 0, "no token, nothing to read");
    issue(&bench, id, 1, [1; 32], 0);
    issue(&bench, id, 2, [2; 32], minutes(5));
    issue(&bench, id, 3, [3; 32], minutes(15));
    let again = bench.reopened();
    let known = |key| again.ledger.0.retries.get(fingerprint(id, &[key; 32])).is_some();
    // The clock is nowhere asked, so one that is far ahead at the start forgets nothing.
    assert_eq!([1, 2, 3].map(known), [false, true, true]);
}

#[test]
fn a_suspended_account_gets_no_old_token_either() {
    let bench = Bench::new();
    let id = bench.account("ada");
    bench.grant(id, 1);
    issue(&bench, id, 1, KEY, 0);
    block_on(bench.ledger.suspend(id, &by(), at(1))).unwrap();
    let refused = block_on(bench.ledger.reserve(id, Some(KEY), at(2)));
    assert!(matches!(refused, Err(Refused::NotActive(Status::Suspended))));
}

#[test]
fn a_fingerprint_alone_is_not_a_repetition() {
    let bench = Bench::new();
    let id = bench.account("ada");
    bench.grant(id, 2);
    issue(&bench, id, 1, KEY, 0);
    // The same first eight bytes, so the same fingerprint, and another request.
    let mut other = KEY;
    other[31] ^= 1;
    assert!(repeated(&bench, id, other, 1).is_none());
    assert_eq!(issue(&bench, id, 2, other, 1).remaining, 0);
    let (token, _) = repeated(&bench, id, other, 2).unwrap();
    assert_eq!(token.serial, serial(2, at(1)));
}

#[test]
fn the_same_request_under_way_is_waited_for() {
    let bench = Bench::new();
    let id = bench.account("ada");
    bench.grant(id, 5);
    let first = bench.hold(id, Some(KEY), at(0)).unwrap();
    std::thread::scope(|scope| {
        let waiting: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| repeated(&bench, id, KEY, 1).map(|(token, _)| token.serial)))
            .collect();
        // Whether the others wait already or come later, they get the token of the first.
        std::thread::yield_now();
        block_on(bench.ledger.commit(first, token(1, Some(KEY), at(0)))).unwrap();
        for other in waiting {
            assert_eq!(other.join().unwrap(), Some(serial(1, at(0))));
        }
    });
    let view = bench.view(id, at(2));
    assert_eq!((view.remaining, view.reserved, view.used), (4, 0, 1));
}

#[test]
fn a_waiting_request_does_not_finish_before_the_first() {
    let bench = Bench::new();
    let id = bench.account("ada");
    bench.grant(id, 5);
    block_on(async {
        let first = bench.ledger.reserve(id, Some(KEY), at(0)).await.unwrap();
        let mut second = Box::pin(bench.ledger.reserve(id, Some(KEY), at(0)));
        assert!(is_pending(&mut second));
        let view = bench.ledger.view(id, at(0)).await.unwrap();
        assert_eq!(view.reserved, 1, "the one that waits holds nothing");
        drop(first);
        // The first failed: the second goes on as a fresh one.
        assert!(matches!(second.await, Ok(Reserved::Fresh(_))));
    });
}

#[test]
fn when_the_first_fails_to_be_durable_the_second_goes_on() {
    let bench = Bench::new();
    let id = bench.account("ada");
    bench.grant(id, 1);
    block_on(async {
        let first = bench.ledger.reserve(id, Some(KEY), at(0)).await.unwrap();
        let Reserved::Fresh(first) = first else { panic!("not fresh") };
        let mut second = Box::pin(bench.ledger.reserve(id, Some(KEY), at(0)));
        assert!(is_pending(&mut second));
        bench.store.fail_next(StoreError::Poisoned { reason: "gone".to_owned() });
        let failed = bench.ledger.commit(first, token(1, Some(KEY), at(0))).await;
        assert!(matches!(failed, Err(Refused::Store(_))));
        let Ok(Reserved::Fresh(second)) = second.await else { panic!("not fresh") };
        bench.ledger.commit(second, token(2, Some(KEY), at(0))).await.unwrap();
    });
    assert_eq!(bench.view(id, at(0)).used, 1);
}

#[test]
fn a_window_of_nothing_makes_every_request_a_fresh_one() {
    let settings = LedgerSettings { retry_window: TimeDelta::zero(), ..LedgerSettings::default() };
    let bench = Bench::over(crate::testing::MapStore::new(), settings);
    let id = bench.account("ada");
    bench.grant(id, 2);
    issue(&bench, id, 1, KEY, 0);
    assert_eq!(issue(&bench, id, 2, KEY, 0).remaining, 0);
}

#[test]
fn a_million_requests_take_at_most_50_megabytes() {
    let memory = RetryMemory::new(TimeDelta::minutes(10));
    let mut state: u64 = 1;
    for n in 0..1_000_000_u64 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        // Spread over the whole window, as a service under load does it.
        let time = i64::try_from(n * 600_000 / 1_000_000).unwrap();
        memory.insert(state, n, time);
    }
    assert_eq!(memory.get(state), Some(999_999));
    assert!(memory.bytes() <= 50_000_000, "{}", memory.bytes());
}

#[test]
fn what_is_past_the_window_leaves_the_memory() {
    let memory = RetryMemory::new(TimeDelta::minutes(10));
    memory.insert(1, 10, 0);
    memory.insert(2, 20, minutes(10));
    assert_eq!(memory.get(1), Some(10), "the window is kept whole");
    memory.insert(3, 30, minutes(13));
    assert_eq!((memory.get(1), memory.get(2), memory.get(3)), (None, Some(20), Some(30)));
}

#[test]
fn the_newest_of_two_entries_with_one_fingerprint_is_found() {
    let memory = RetryMemory::new(TimeDelta::minutes(10));
    memory.insert(1, 10, 0);
    memory.insert(1, 20, minutes(5));
    assert_eq!(memory.get(1), Some(20));
}
