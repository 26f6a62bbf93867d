//! Slowing down who guesses passwords, and not who has one.
//!
//! Two counts. Tries are counted by name and caller: from the third failure in a row on, the next
//! try waits 1, 2, 4 … seconds, 60 at most, and a quarter of an hour of rest forgets them. And a
//! name has a budget of checks over all callers; once it is used up, callers who failed with this
//! name before wait for the next one. Who never failed with it, or once had its password, does
//! not: guessing from elsewhere does not shut an owner out.
//!
//! A caller is an IPv4 address, or the /64 of an IPv6 one: that is what one subscriber has.
//!
//! A try is counted before it is checked, so that tries side by side cannot outrun the count.
//! The tables have a fixed number of places, found by a keyed hash: nothing is ever put out of
//! them, no request takes longer than another, and a name that does not exist is counted like one
//! that does. Two that share a place share its count, which nobody can bring about on purpose.
//! A restart forgets all of it, for all names.

use super::keyed::{Keyed, place};
use parking_lot::Mutex;
use std::net::IpAddr;
use std::time::Duration;

/// The first failure that makes the next try wait.
pub(super) const FREE_FAILURES: u32 = 3;
/// The longest wait, in milliseconds.
const LONGEST_WAIT: i64 = 60_000;
/// So long after the last failure they are forgotten.
const FORGOTTEN_AFTER: i64 = 15 * 60_000;
/// A name gets a check more in this time, in milliseconds: 30 a minute.
const BUDGET_EVERY: i64 = 2_000;
/// So many checks can be made at once, for a name that rested.
const BUDGET: i64 = 30;
/// Places for name and caller: 2 MiB. Filling them takes as many password checks.
const PAIRS: usize = 1 << 17;
/// Places for names: 512 KiB.
const NAMES: usize = 1 << 16;

/// Failures by name and caller, and budgets by name.
pub(crate) struct Throttle {
    keyed: Keyed,
    counts: Mutex<Counts>,
}

struct Counts {
    pairs: Vec<Pair>,
    /// When each budget is whole again.
    names: Vec<i64>,
}

/// What is known of a caller with a name.
#[derive(Clone, Copy, Default)]
struct Pair {
    last_at: i64,
    failures: u32,
    /// It had the password once.
    succeeded: bool,
}

impl Throttle {
    pub(crate) fn new(key: &[u8; 64]) -> Self {
        let counts = Counts { pairs: vec![Pair::default(); PAIRS], names: vec![0; NAMES] };
        Self { keyed: Keyed::new(key), counts: Mutex::new(counts) }
    }

    /// Counts a try, or says how long to wait.
    pub(crate) fn begin(&self, name: &str, from: IpAddr, now: i64) -> Result<(), Duration> {
        let budget = place(&self.keyed.digest(name, &[]), NAMES);
        self.with_pair(name, from, |pair, names| {
            pair.rest(now);
            pair.wait(now).map_or(Ok(()), Err)?;
            let stranger = pair.failures > 0 && !pair.succeeded;
            if let Some(whole_at) = names.get_mut(budget) {
                spend(whole_at, now).or_else(|wait| if stranger { Err(wait) } else { Ok(()) })?;
            }
            pair.failures = pair.failures.saturating_add(1);
            pair.last_at = now;
            Ok(())
        })
    }

    /// Takes a try back that was counted and could not be checked: nothing was learned by it.
    pub(crate) fn take_back(&self, name: &str, from: IpAddr) {
        self.with_pair(name, from, |pair, _| pair.failures = pair.failures.saturating_sub(1));
    }

    /// A success: the failures of this caller are gone, those of others are not.
    pub(crate) fn succeed(&self, name: &str, from: IpAddr) {
        self.with_pair(name, from, |pair, _| {
            *pair = Pair { failures: 0, succeeded: true, ..*pair };
        });
    }

    /// Failures that are counted for a caller with a name.
    #[cfg(test)]
    pub(crate) fn failures(&self, name: &str, from: IpAddr) -> u32 {
        self.with_pair(name, from, |pair, _| pair.failures)
    }

    fn with_pair<T>(
        &self,
        name: &str,
        from: IpAddr,
        act: impl FnOnce(&mut Pair, &mut [i64]) -> T,
    ) -> T {
        let place = place(&self.keyed.digest(name, &caller(from)), PAIRS);
        let mut counts = self.counts.lock();
        let Counts { pairs, names } = &mut *counts;
        // In range: the place is below PAIRS, and there are so many.
        act(&mut pairs[place], names)
    }
}

impl Pair {
    /// Forgets what is long past.
    fn rest(&mut self, now: i64) {
        // A clock that was set back must not make a wait longer than its delay.
        self.last_at = self.last_at.min(now);
        if now - self.last_at >= FORGOTTEN_AFTER {
            self.failures = 0;
        }
    }

    /// How long this caller still has to wait; `None` is not at all.
    fn wait(&self, now: i64) -> Option<Duration> {
        let over = self.failures.checked_sub(FREE_FAILURES)?;
        seconds(self.last_at + delay(over) - now)
    }
}

/// How long the next try waits after so many failures over the free ones, in milliseconds.
pub(super) fn delay(over: u32) -> i64 {
    1_000_i64.checked_shl(over.min(16)).map_or(LONGEST_WAIT, |delay| delay.min(LONGEST_WAIT))
}

/// Takes a check from a budget, or says when there is one.
fn spend(whole_at: &mut i64, now: i64) -> Result<(), Duration> {
    let whole = BUDGET * BUDGET_EVERY;
    // Further ahead than it can be spent: the clock was set back, and the budget is whole.
    let spent_until = if *whole_at > now + whole { now } else { (*whole_at).max(now) };
    let after = spent_until + BUDGET_EVERY;
    match seconds(after - (now + whole)) {
        Some(wait) => Err(wait),
        None => {
            *whole_at = after;
            Ok(())
        }
    }
}

/// Milliseconds that are left, in whole seconds.
pub(super) fn seconds(rest: i64) -> Option<Duration> {
    let rest = u64::try_from(rest).unwrap_or(0);
    (rest > 0).then(|| Duration::from_secs(rest.div_ceil(1_000)))
}

/// Nine bytes that stand for a caller; the first keeps the two kinds of addresses apart.
fn caller(from: IpAddr) -> [u8; 9] {
    let mut bytes = [0; 9];
    match from.to_canonical() {
        IpAddr::V4(address) => {
            bytes[0] = 4;
            bytes[1..5].copy_from_slice(&address.octets());
        }
        IpAddr::V6(address) => {
            bytes[0] = 6;
            bytes[1..].copy_from_slice(&address.octets()[..8]);
        }
    }
    bytes
}
