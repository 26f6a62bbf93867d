//! The memory of recent tokens by the request that they answered.
//!
//! A client that did not get its answer asks again; inside the window it gets the same token for
//! no second stamp. What is kept per token is small (a 64-bit fingerprint and the number of its
//! entry), in generations that are dropped whole when they are past the window. A fingerprint is
//! only a hint: whoever finds one compares the whole key in the record.

use crate::StampAccountId;
use chrono::TimeDelta;
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};

/// How many generations a window is cut into. More of them waste less memory on what is already
/// past, but each is looked into at every request.
const GENERATIONS: i64 = 4;

/// Fingerprint → entry number, for the tokens of the window.
#[derive(Debug)]
pub(crate) struct RetryMemory {
    window: i64,
    slice: i64,
    generations: Mutex<BTreeMap<i64, HashMap<u64, u64>>>,
}

impl RetryMemory {
    /// A memory for `window`; of zero or less it forgets everything.
    pub(crate) fn new(window: TimeDelta) -> Self {
        let window = window.num_milliseconds().max(0);
        let slice = (window / GENERATIONS).max(1);
        Self { window, slice, generations: Mutex::default() }
    }

    /// The window in milliseconds.
    pub(crate) fn window(&self) -> i64 {
        self.window
    }

    /// Whether a token of `gen_time` still answers a request at `now` (milliseconds).
    // A clock that went back makes `now` the smaller one: such a token is inside the window.
    pub(crate) fn within(&self, gen_time: i64, now: i64) -> bool {
        now.saturating_sub(gen_time) < self.window
    }

    /// Remembers the token of `gen_time`, and forgets the generations that it makes too old.
    pub(crate) fn insert(&self, fingerprint: u64, entry: u64, gen_time: i64) {
        let mut generations = self.generations.lock();
        let index = gen_time.div_euclid(self.slice);
        let oldest = gen_time.saturating_sub(self.window).div_euclid(self.slice);
        while generations.first_key_value().is_some_and(|(first, _)| *first < oldest) {
            generations.pop_first();
        }
        // A generation as large as the last one needs no growth under way: growth moves all of
        // it, and the request that caused it would wait.
        let expected = generations.last_key_value().map_or(0, |(_, last)| last.len());
        generations
            .entry(index)
            .or_insert_with(|| HashMap::with_capacity(expected))
            .insert(fingerprint, entry);
    }

    /// The newest entry with this fingerprint.
    pub(crate) fn get(&self, fingerprint: u64) -> Option<u64> {
        let generations = self.generations.lock();
        generations.values().rev().find_map(|generation| generation.get(&fingerprint).copied())
    }

    /// An upper estimate of the bytes that the memory holds.
    pub(crate) fn bytes(&self) -> usize {
        // A table holds a power of two of buckets, at most 7/8 full; a bucket is a pair of
        // numbers and one byte of control.
        let buckets = |capacity: usize| (capacity * 8).div_ceil(7).next_power_of_two();
        self.generations.lock().values().map(|g| buckets(g.capacity()) * 17).sum()
    }
}

/// The fingerprint of a retry key of an account. Stored with the serial number: do not change.
pub(crate) fn fingerprint(account: StampAccountId, retry_key: &[u8; 32]) -> u64 {
    let (head, _) = retry_key.split_first_chunk::<8>().unwrap_or((&[0; 8], &[]));
    // The key is a SHA-256 already. The account is mixed in by a multiplication with an odd
    // constant (2^64 divided by the golden ratio), so that equal requests of two accounts differ.
    u64::from_be_bytes(*head) ^ account.number().wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
