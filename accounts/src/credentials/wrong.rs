//! Passwords that were wrong a moment ago: a tool that goes on with an old password is answered at
//! once, and neither its own next password nor its owner has to wait for it.
//!
//! What is kept is a keyed hash of name and password, for names that do not exist as well, in a
//! table that does not grow. Nothing is learned by asking the same thing twice, so it costs no
//! check and is not counted against anybody; the same question alone is slowed down.

use super::keyed::{Digest, place};
use super::throttle::{FREE_FAILURES, delay, seconds};
use parking_lot::Mutex;
use std::time::Duration;

/// How many are kept; one more takes the place of another. 224 KiB.
const PLACES: usize = 4_096;

/// What was wrong.
#[derive(Clone, Copy)]
struct Place {
    digest: Digest,
    /// The epoch of the passwords in which it was. No epoch is that of an empty place.
    epoch: u64,
    /// How often it was asked, and when it was last answered.
    asked: u32,
    at: i64,
}

/// How a question that was wrong before is answered again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    /// It is still wrong.
    Wrong,
    /// It was asked too often.
    Wait(Duration),
}

/// Digests of what was wrong.
pub(crate) struct Wrong(Mutex<Vec<Place>>);

impl Wrong {
    pub(crate) fn new() -> Self {
        let empty = Place { digest: [0; 32], epoch: u64::MAX, asked: 0, at: 0 };
        Self(Mutex::new(vec![empty; PLACES]))
    }

    /// The answer, if this was wrong and no password was changed since.
    pub(crate) fn again(&self, digest: &Digest, epoch: u64, now: i64) -> Option<Again> {
        let mut places = self.0.lock();
        let known = places.get_mut(place(digest, PLACES))?;
        if known.digest != *digest || known.epoch != epoch {
            return None;
        }
        // A clock that was set back must not make a wait longer than its delay.
        known.at = known.at.min(now);
        if let Some(over) = known.asked.checked_sub(FREE_FAILURES)
            && let Some(wait) = seconds(known.at + delay(over) - now)
        {
            return Some(Again::Wait(wait));
        }
        known.asked = known.asked.saturating_add(1);
        known.at = now;
        Some(Again::Wrong)
    }

    /// Remembers what was wrong in `epoch`.
    pub(crate) fn insert(&self, digest: Digest, epoch: u64, now: i64) {
        if let Some(slot) = self.0.lock().get_mut(place(&digest, PLACES)) {
            *slot = Place { digest, epoch, asked: 1, at: now };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Again, Wrong};
    use std::time::Duration;

    #[test]
    fn the_same_question_is_slowed_down_and_no_other() {
        let (wrong, asked, other) = (Wrong::new(), [1; 32], [2; 32]);
        wrong.insert(asked, 7, 1_000);
        wrong.insert(other, 7, 1_000);
        for _ in 0..2 {
            assert_eq!(wrong.again(&asked, 7, 1_000), Some(Again::Wrong));
        }
        let wait = |seconds| Some(Again::Wait(Duration::from_secs(seconds)));
        assert_eq!(wrong.again(&asked, 7, 1_000), wait(1));
        assert_eq!(wrong.again(&asked, 7, 2_000), Some(Again::Wrong));
        assert_eq!(wrong.again(&asked, 7, 2_000), wait(2));
        assert_eq!(wrong.again(&other, 7, 2_000), Some(Again::Wrong));
        // A changed password is a new question.
        assert_eq!(wrong.again(&asked, 8, 2_000), None);
    }
}
