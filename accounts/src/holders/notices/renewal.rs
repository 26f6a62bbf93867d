//! A certificate ends soon: told 90, 30, 7 and 1 days before, once each.

use crate::holders::credential::{self, CredentialRecord, State, short, tell};
use crate::holders::messages::Template;
use crate::holders::{CredentialId, HolderError, HolderId, Holders, Inner};
use chrono::{DateTime, Utc};
use minicbor::{Decode, Encode};
use store::Transaction;

const DAY: i64 = 86_400_000;
/// Days before the end, the longest first.
const DAYS: [u32; 4] = [90, 30, 7, 1];
/// Credentials of one step of the timer.
const STEP: usize = 100;

/// Which notice of a certificate was sent last. Used in stored state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct RenewalTold {
    /// Of which certificate: a renewal makes another.
    #[n(0)]
    pub(crate) version: u32,
    /// How many days before the end.
    #[n(1)]
    pub(crate) days: u32,
}

/// The instant of the next notice about a credential's certificate, while there is one to send.
pub(crate) fn notice_at(record: &CredentialRecord) -> Option<i64> {
    let end = record.life.not_after()?;
    if !is_used(record.life.stored()) {
        return None;
    }
    let told = record.renewal_told.filter(|told| told.version == record.version);
    let next = DAYS.into_iter().find(|days| told.is_none_or(|told| *days < told.days))?;
    Some(end - i64::from(next) * DAY)
}

impl Holders {
    pub(super) async fn tell_of_renewals(&self, now: DateTime<Utc>) -> Result<usize, HolderError> {
        let mut told = 0;
        loop {
            let due = credential::to_be_told(self.store(), now.timestamp_millis(), STEP)?;
            if due.is_empty() {
                return Ok(told);
            }
            for id in due {
                told +=
                    usize::from(self.transact(move |inner, tx| remind(inner, tx, id, now)).await?);
            }
        }
    }
}

/// Sends the notice that is due, and notes it. Of several that fell into a pause, only the last
/// says something that is still so.
fn remind(
    inner: &Inner,
    tx: &mut dyn Transaction,
    id: CredentialId,
    now: DateTime<Utc>,
) -> Result<bool, HolderError> {
    let mut record = credential::load(tx, id)?;
    let at = now.timestamp_millis();
    let (Some(end), Some(due)) = (record.life.not_after(), notice_at(&record)) else {
        return Ok(false);
    };
    if due > at {
        return Ok(false);
    }
    let passed = DAYS.into_iter().rfind(|days| end - i64::from(*days) * DAY <= at);
    let days = passed.unwrap_or_default();
    // At its end, or long after it: there is nothing left to be renewed.
    let over = record.life.at(now) == State::Expired;
    let days = if over { 0 } else { days };
    record.renewal_told = Some(RenewalTold { version: record.version, days });
    credential::save(tx, id, &record)?;
    if over {
        return Ok(false);
    }
    // Days that are left, begun ones too: after a pause these are fewer than those of the list.
    let left = (end - at + DAY - 1).div_euclid(DAY);
    let template = Template::RenewalDue {
        credential: short(id),
        days: u32::try_from(left).unwrap_or(days).min(days),
        until: end,
    };
    tell(inner, tx, HolderId::new(record.holder), &template, now)?;
    Ok(true)
}

/// Whether anybody would miss its certificate.
fn is_used(state: State) -> bool {
    matches!(state, State::Active | State::PinLocked | State::Suspended { .. })
}
