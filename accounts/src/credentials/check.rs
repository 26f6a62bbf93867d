//! Checks of passwords under way: one for equal tries, and the same truth for all who wait for it.
//!
//! A check costs a lot of time, and the password may be changed meanwhile. What it says is decided
//! in one step with its leaving the list: nobody joins it afterwards, and nobody who joined before
//! asked after a change that it does not know of.

use super::Inner;
use super::error::AuthError;
use super::keyed::Digest;
use super::records::PasswordRecord;
use super::tables::PASSWORD;
use super::wrong::Again;
use crate::StampAccountId;
use crate::encoding::damaged;
use parking_lot::{Mutex, MutexGuard};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::sync::watch;
use zeroize::Zeroizing;

pub(super) type Outcome = Result<StampAccountId, AuthError>;

type UnderWay = HashMap<Digest, watch::Receiver<Option<Outcome>>>;

/// Checks under way by the digest of what they check: many requests with the same password are
/// one check.
#[derive(Default)]
pub(super) struct Checks(Mutex<UnderWay>);

/// What a try meets.
pub(super) enum Check {
    /// The password was found right a moment ago.
    Known(StampAccountId),
    /// It is being checked, for this try or for an equal one.
    UnderWay(watch::Receiver<Option<Outcome>>),
}

/// The place of a check in the list. It is given up however the check ends, by a panic too:
/// otherwise every later try of the same password would wait for a check that is no more.
struct Place {
    inner: Arc<Inner>,
    digest: Digest,
    left: bool,
    /// Dropped after the place has been given up: who hears of the end and tries again does not
    /// meet it.
    told: watch::Sender<Option<Outcome>>,
}

impl Place {
    fn leave(&mut self, mut checks: MutexGuard<'_, UnderWay>) {
        checks.remove(&self.digest);
        // Another check of the same digest may begin now: it is not this one's to remove.
        self.left = true;
    }

    fn tell(mut self, outcome: Outcome) {
        if !self.left {
            let inner = Arc::clone(&self.inner);
            self.leave(inner.checks.0.lock());
        }
        // Before the outcome: who hears of it may be about to end the pool.
        let told = self.told.clone();
        drop(self);
        told.send_replace(Some(outcome));
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.left {
            self.inner.checks.0.lock().remove(&self.digest);
        }
    }
}

impl Inner {
    /// Starts a check, or joins the one under way of the same name and password.
    pub(super) fn check(
        self: &Arc<Self>,
        name: &str,
        password: &str,
        digest: Digest,
        from: IpAddr,
        at: i64,
    ) -> Result<Check, AuthError> {
        let mut checks = self.checks.0.lock();
        if let Some(end) = checks.get(&digest) {
            return Ok(Check::UnderWay(end.clone()));
        }
        // One that ended since this request looked has remembered its outcome before it left.
        if let Some(account) = self.fresh(name, &digest, at) {
            return Ok(Check::Known(account));
        }
        match self.wrong.again(&digest, self.successes.epoch(), at) {
            None => {}
            Some(Again::Wrong) => return Err(AuthError::Denied),
            Some(Again::Wait(retry_after)) => return Err(AuthError::Slowed { retry_after }),
        }
        // A password that was right before and was not changed is checked without waiting:
        // whoever guesses at this name cannot keep its owner out.
        let known = self.successes.find(name, &digest).is_some();
        if !known {
            self.throttle
                .begin(name, from, at)
                .map_err(|retry_after| AuthError::Slowed { retry_after })?;
        }
        let (told, end) = watch::channel(None);
        checks.insert(digest, end.clone());
        drop(checks);
        let mut place = Place { inner: Arc::clone(self), digest, left: false, told };
        let owned = (name.to_owned(), Zeroizing::new(password.to_owned()));
        let task = move || {
            let outcome = decide(&mut place, (&owned.0, &owned.1), from, at);
            place.tell(outcome);
        };
        // A flood of guesses fills one queue; who had the password before waits in the other.
        let pool = if known { &self.reserved } else { &self.pool };
        if pool.submit(Box::new(task)).is_err() {
            // Who fills the queue must not fill an owner's count with it.
            if !known {
                self.throttle.take_back(name, from);
            }
            return Err(AuthError::Busy);
        }
        Ok(Check::UnderWay(end))
    }

    /// Whether the password is that of the record, with the same work when there is none.
    fn is_right(
        &self,
        name: &str,
        password: &str,
        record: Option<&PasswordRecord>,
    ) -> Result<bool, AuthError> {
        let right = self.hasher.verify(password, record.map(|record| record.phc.as_str()));
        Ok(right.map_err(|error| damaged(PASSWORD, name.as_bytes(), &error.to_string()))?)
    }
}

/// The check itself, on a thread of the pool.
fn decide(place: &mut Place, (name, password): (&str, &str), from: IpAddr, at: i64) -> Outcome {
    let inner = Arc::clone(&place.inner);
    let mut epoch = inner.successes.epoch();
    let mut record = inner.password_record(name)?;
    let mut right = inner.is_right(name, password, record.as_ref())?;
    loop {
        let checks = inner.checks.0.lock();
        let now = inner.successes.epoch();
        if now == epoch {
            let found = record.as_ref().filter(|_| right);
            let account = found.map(|record| StampAccountId::new(record.account));
            match account {
                Some(account) => inner.successes.insert(name, place.digest, account, at, epoch),
                None => inner.wrong.insert(place.digest, epoch, at),
            }
            place.leave(checks);
            break;
        }
        // Some password was changed, and that may have been answered. Decide again when it was
        // this one: the old one is refused from the answer on, and the new one is right.
        drop(checks);
        epoch = now;
        let again = inner.password_record(name)?;
        if again != record {
            record = again;
            right = inner.is_right(name, password, record.as_ref())?;
        }
    }
    let record = record.filter(|_| right).ok_or(AuthError::Denied)?;
    // Here as well as where it is waited for: the asker may have gone away.
    inner.throttle.succeed(name, from);
    if inner.hasher.is_outdated(&record.phc) {
        inner.renew_hash(name, password, &record);
    }
    Ok(StampAccountId::new(record.account))
}
