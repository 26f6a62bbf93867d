//! Slowing down who guesses passwords: from the third consecutive failure with a name on, the
//! next try waits 1, 2, 4 … seconds, 60 at most.
//!
//! A try is counted before it is checked, so that tries side by side cannot outrun the count; a
//! success takes the count away. Names that do not exist are counted as well. The table is
//! bounded: the name that rested longest goes first. Counts of real names are durable too.

use super::records::FailureRecord;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::time::Duration;

/// The first failure that makes the next try wait.
const FREE_FAILURES: u32 = 3;
/// The longest wait, in milliseconds.
const LONGEST_WAIT: i64 = 60_000;

/// Failures by name.
pub(crate) struct Throttle {
    most: usize,
    names: Mutex<HashMap<String, FailureRecord>>,
}

impl Throttle {
    pub(crate) fn new(most: usize) -> Self {
        Self { most: most.max(1), names: Mutex::default() }
    }

    /// Whether the count of a name is in memory.
    pub(crate) fn knows(&self, name: &str) -> bool {
        self.names.lock().contains_key(name)
    }

    /// Counts a try, or says how long to wait. `stored` is the durable count, if any, for a name
    /// that is not in memory.
    pub(crate) fn begin(
        &self,
        name: &str,
        stored: Option<FailureRecord>,
        now: i64,
    ) -> Result<(), Duration> {
        let mut names = self.names.lock();
        self.make_room(&mut names, name);
        let fresh = FailureRecord { count: 0, last_at: now };
        let failures = names.entry(name.to_owned()).or_insert_with(|| stored.unwrap_or(fresh));
        if let Some(wait) = wait(failures, now) {
            return Err(wait);
        }
        count(failures, now);
        Ok(())
    }

    /// Counts a failure that was not counted before it was known.
    pub(crate) fn fail(&self, name: &str, now: i64) {
        if let Some(failures) = self.names.lock().get_mut(name) {
            count(failures, now);
        }
    }

    /// A success: the count is gone. Gives what it was.
    pub(crate) fn clear(&self, name: &str) -> u32 {
        self.names.lock().remove(name).map_or(0, |failures| failures.count)
    }

    /// The count of a name.
    pub(crate) fn count_of(&self, name: &str) -> Option<FailureRecord> {
        self.names.lock().get(name).copied()
    }

    fn make_room(&self, names: &mut HashMap<String, FailureRecord>, name: &str) {
        if names.len() < self.most || names.contains_key(name) {
            return;
        }
        let oldest = names.iter().min_by_key(|(_, failures)| failures.last_at);
        if let Some(oldest) = oldest.map(|(name, _)| name.clone()) {
            names.remove(&oldest);
        }
    }
}

fn count(failures: &mut FailureRecord, now: i64) {
    failures.count = failures.count.saturating_add(1);
    failures.last_at = now;
}

/// How long a name still has to wait, in whole seconds; `None` is not at all.
fn wait(failures: &mut FailureRecord, now: i64) -> Option<Duration> {
    let exponent = failures.count.checked_sub(FREE_FAILURES)?;
    let delay = 1_000_i64.checked_shl(exponent.min(16)).unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT);
    // A clock that was set back must not make a wait longer than its delay.
    failures.last_at = failures.last_at.min(now);
    let rest = u64::try_from(failures.last_at + delay - now).unwrap_or(0);
    (rest > 0).then(|| Duration::from_secs(rest.div_ceil(1_000)))
}
