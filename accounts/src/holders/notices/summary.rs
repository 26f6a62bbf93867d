//! Signatures are told of: each at once, or those of a day on the next.
//!
//! A day is one of UTC. While it lasts its signatures are noted beside the messages, for each
//! holder who wants a summary; the timer makes a mail out of it when the day is over.

use crate::encoding::{damaged, decode, encode};
use crate::holders::credential::short;
use crate::holders::holder::{self, HolderRecord, SignatureNotices, mail};
use crate::holders::messages::Template;
use crate::holders::tables::MESSAGE;
use crate::holders::{CredentialId, Email, HolderError, HolderId, Holders, Inner};
use chrono::{DateTime, Utc};
use minicbor::{Decode, Encode};
use std::ops::Bound;
use store::{Order, Transaction};

const DAY: i64 = 86_400_000;
/// Times that a summary lists; of an automatic credential there may be thousands.
const MOST_TIMES: usize = 200;
/// Summaries of one step of the timer.
const STEP: usize = 100;

/// The signatures of a holder on a day. Used in stored state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(crate) struct SummaryRecord {
    #[n(0)]
    pub(crate) count: u32,
    /// When the first of them were made.
    #[n(1)]
    pub(crate) times: Vec<i64>,
}

/// Tells of signatures, as their holder wants it, in the transaction that notes them.
pub(crate) fn signed(
    inner: &Inner,
    tx: &mut dyn Transaction,
    (id, credential): (HolderId, CredentialId),
    count: u32,
    now: DateTime<Utc>,
) -> Result<(), HolderError> {
    let owner = holder::load(tx, id)?;
    let at = now.timestamp_millis();
    match owner.notices {
        SignatureNotices::None => Ok(()),
        SignatureNotices::Each => {
            let template = Template::SignatureMade { credential: short(credential), count, at };
            send(inner, tx, (id, &owner), template, now)
        }
        SignatureNotices::DailySummary => {
            let key = place(at.div_euclid(DAY), id);
            let kept = tx.get(MESSAGE, &key)?;
            let kept = kept.map(|bytes| decode(MESSAGE, &key, &bytes)).transpose()?;
            let mut summary: SummaryRecord = kept.unwrap_or_default();
            summary.count = summary.count.saturating_add(count);
            let room = MOST_TIMES.saturating_sub(summary.times.len());
            let times = usize::try_from(count).unwrap_or(room).min(room);
            summary.times.extend(std::iter::repeat_n(at, times));
            tx.put(MESSAGE, &key, &encode(&summary, 64));
            Ok(())
        }
    }
}

impl Holders {
    pub(super) async fn send_summaries(&self, now: DateTime<Utc>) -> Result<usize, HolderError> {
        let mut sent = 0;
        let today = place(now.timestamp_millis().div_euclid(DAY), HolderId::new(0));
        loop {
            let (from, to) = (Bound::Included(&b"s"[..]), Bound::Excluded(&today[..]));
            let rows = self.store().scan(MESSAGE, from, to, Order::Ascending, STEP)?;
            if rows.is_empty() {
                return Ok(sent);
            }
            for (key, _) in rows {
                let summarise =
                    move |inner: &Inner, tx: &mut dyn Transaction| summarise(inner, tx, &key, now);
                sent += usize::from(self.transact(summarise).await?);
            }
        }
    }
}

/// One mail about one day. The row goes, whether there is somebody to be told or not.
fn summarise(
    inner: &Inner,
    tx: &mut dyn Transaction,
    key: &[u8],
    now: DateTime<Utc>,
) -> Result<bool, HolderError> {
    let Some(bytes) = tx.get(MESSAGE, key)? else { return Ok(false) };
    let SummaryRecord { count, times } = decode(MESSAGE, key, &bytes)?;
    tx.delete(MESSAGE, key);
    let (day, id) = read(key).ok_or_else(|| damaged(MESSAGE, key, "no day and no holder"))?;
    let owner = holder::load(tx, id)?;
    if owner.needs_open(id).is_err() || owner.notices == SignatureNotices::None {
        return Ok(false);
    }
    let day = crate::stamps::instant(day.saturating_mul(DAY)).format("%Y-%m-%d").to_string();
    let template = Template::SignatureSummary { day, times, count: Some(count) };
    send(inner, tx, (id, &owner), template, now)?;
    Ok(true)
}

/// To the address for notices, or to the user ID where there is none: not to both.
fn send(
    inner: &Inner,
    tx: &mut dyn Transaction,
    (id, owner): (HolderId, &HolderRecord),
    template: Template,
    now: DateTime<Utc>,
) -> Result<(), HolderError> {
    let to = Email::parse("email", owner.notice_email.as_deref().unwrap_or(&owner.email))?;
    mail(inner, tx, (id, owner), to, template, None, now)
}

/// `s`, day, holder: in the order of days, behind all messages.
fn place(day: i64, holder: HolderId) -> [u8; 17] {
    let mut key = [b's'; 17];
    key[1..9].copy_from_slice(&u64::try_from(day).unwrap_or(0).to_be_bytes());
    key[9..].copy_from_slice(&holder.key());
    key
}

fn read(key: &[u8]) -> Option<(i64, HolderId)> {
    let (day, holder) = key.strip_prefix(b"s")?.split_first_chunk::<8>()?;
    let holder = u64::from_be_bytes(holder.try_into().ok()?);
    Some((i64::try_from(u64::from_be_bytes(*day)).ok()?, HolderId::new(holder)))
}
