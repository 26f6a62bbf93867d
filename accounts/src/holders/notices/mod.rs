//! Notices that time brings, and not an act: certificates that end, and the signatures of a day.
//!
//! What is due stands in the store in the order of time, so that a timer looks at nothing else,
//! and what was sent is noted in the transaction that queues it: each notice goes out once,
//! however often the timer runs, and one that fell into a pause goes out after it.

mod renewal;
mod summary;

pub(crate) use renewal::{RenewalTold, notice_at};
#[cfg(test)]
pub(crate) use summary::SummaryRecord;
pub(crate) use summary::signed;

use super::{HolderError, Holders};
use chrono::{DateTime, Utc};

impl Holders {
    /// Queues the notices that are due: certificates that end in 90, 30, 7 or 1 days, and the
    /// summaries of signatures of days that are over. For a timer, every hour or oftener; tells
    /// how many those were.
    ///
    /// # Errors
    /// The store's.
    pub async fn notices_tick(&self, now: DateTime<Utc>) -> Result<usize, HolderError> {
        Ok(self.tell_of_renewals(now).await? + self.send_summaries(now).await?)
    }
}
