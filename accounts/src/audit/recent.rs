//! Which serial numbers and requests were seen lately, in bounded memory.
//!
//! A serial number begins with its time, so two equal ones have the same time, and times of issue
//! never go back by more than the moment that a token waits for its turn. It is enough to compare
//! a number with those of the last minutes; one that is older than that is reported as such,
//! rather than passed over.

use crate::StampAccountId;
use chrono::TimeDelta;
use std::collections::{BTreeMap, HashMap, HashSet};

/// How far behind the newest token another may come.
const LATENESS: i64 = 120_000;
/// Requests are kept by slices of the window, so that old ones can be dropped together.
const SLICES: i64 = 8;

/// Whether a serial number is new.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Seen {
    New,
    Before,
    TooOldToTell,
}

/// The serial numbers of the last minutes, by time of issue.
#[derive(Debug, Default)]
pub(super) struct Serials {
    newest: i64,
    by_time: BTreeMap<i64, HashSet<[u8; 16]>>,
}

impl Serials {
    pub(super) fn insert(&mut self, serial: [u8; 16]) -> Seen {
        let time = crate::stamps::serial_time(&serial);
        if time < self.newest.saturating_sub(LATENESS) {
            return Seen::TooOldToTell;
        }
        self.newest = self.newest.max(time);
        let oldest = self.newest.saturating_sub(LATENESS);
        while self.by_time.first_key_value().is_some_and(|(first, _)| *first < oldest) {
            self.by_time.pop_first();
        }
        if self.by_time.entry(time).or_default().insert(serial) { Seen::New } else { Seen::Before }
    }
}

/// The requests of the last window. Kept by 128 bits of their key: two that differ are taken for
/// the same once in 2^64 requests of one window.
#[derive(Debug)]
pub(super) struct Requests {
    window: i64,
    slice: i64,
    slices: BTreeMap<i64, HashMap<(u64, u128), i64>>,
}

impl Requests {
    pub(super) fn new(window: TimeDelta) -> Self {
        let window = window.num_milliseconds().max(0);
        Self { window, slice: (window / SLICES).max(1), slices: BTreeMap::new() }
    }

    /// Remembers the request that got a token at `time`. `false`: it had one inside the window.
    pub(super) fn insert(&mut self, account: StampAccountId, key: &[u8; 32], time: i64) -> bool {
        let (head, _) = key.split_first_chunk::<16>().unwrap_or((&[0; 16], &[]));
        let request = (account.number(), u128::from_be_bytes(*head));
        let oldest = time.saturating_sub(self.window).div_euclid(self.slice);
        while self.slices.first_key_value().is_some_and(|(first, _)| *first < oldest) {
            self.slices.pop_first();
        }
        let before = self.slices.values().rev().find_map(|slice| slice.get(&request));
        let new = before.is_none_or(|before| time.saturating_sub(*before) >= self.window);
        self.slices.entry(time.div_euclid(self.slice)).or_default().insert(request, time);
        new
    }
}
