//! How many messages may go out, and how many wrong codes come in: durable counts.
//!
//! Messages are counted four times: by number, by holder (who may try number after number), by
//! block of 10 000 numbers (who earns money with calls and messages to a block asks for many of
//! them), and over the whole service. A number, and a holder, have so many in every hour and every
//! day, and not in those of a clock; blocks and the service are counted by windows of an hour.
//!
//! Wrong codes are counted by holder, over all operations: without that, each new operation would
//! give three tries more.
//!
//! Codes to suspend a credential have counts of their own, for messages to the holder and the
//! number and for wrong ones: whoever uses up the others, with the password of somebody else, does
//! not keep the owner from stopping signatures. Wrong ones of them are bounded by the three of each
//! code alone, so that nobody keeps the owner from suspending by typing wrong ones. The service
//! counts all.

use super::{OtpRefusal, Purpose};
use crate::encoding::{decode, encode};
use crate::holders::history::{HistoryEntry, HistoryKind, append};
use crate::holders::holder::{self, notify};
use crate::holders::messages::Template;
use crate::holders::tables::OTP_LIMIT;
use crate::holders::{Actor, HolderError, HolderId, Holders, Inner, PhoneNumber};
use chrono::{DateTime, Utc};
use minicbor::{Decode, Encode};
use std::ops::Bound;
use std::time::Duration;
use store::{Order, Transaction};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
/// Wrong codes of a holder, within an hour and within a day.
pub(super) const MOST_WRONG: (u32, u32) = (10, 20);
/// A tenth of the whole budget, and never less than this, may go to one block of numbers.
const LEAST_OF_A_BLOCK: u32 = 20;

/// What is counted. The letter stands in stored keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Counted {
    /// Messages to a block of numbers.
    Block = b'b',
    /// All messages.
    Service = b'g',
    /// Messages to a holder.
    Holder = b'h',
    /// Messages to a number.
    Number = b'n',
    /// Wrong codes of a holder.
    Wrong = b'w',
}

/// Instants of a day, oldest first. Used in stored state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(crate) struct TimesRecord {
    #[n(0)]
    pub(crate) times: Vec<i64>,
}

/// A count in a window. Used in stored state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(crate) struct WindowRecord {
    #[n(0)]
    pub(crate) since: i64,
    #[n(1)]
    pub(crate) count: u32,
}

impl TimesRecord {
    /// Without what is over. What is later than now came from a clock that was wrong.
    fn at(mut self, now: i64) -> Self {
        self.times.retain(|time| *time > now - DAY && *time <= now);
        self
    }

    /// How long until one more fits under both limits.
    fn wait(&self, (hour, day): (u32, u32), now: i64) -> Option<Duration> {
        let over = |most: u32, window: i64| {
            let most = usize::try_from(most).unwrap_or(usize::MAX);
            let oldest = self.times.len().checked_sub(most).and_then(|n| self.times.get(n))?;
            Some(oldest + window - now).filter(|rest| *rest > 0)
        };
        over(hour, HOUR).max(over(day, DAY)).map(seconds)
    }
}

/// Takes one message to a number out of every limit, or refuses.
pub(super) fn spend(
    inner: &Inner,
    tx: &mut dyn Transaction,
    (holder, purpose): (HolderId, Purpose),
    number: &PhoneNumber,
    now: DateTime<Utc>,
) -> Result<(), HolderError> {
    let at = now.timestamp_millis();
    let limit = |retry_after| OtpRefusal::Limit { retry_after };
    let each = inner.settings.otp_messages;
    let of_number = own(purpose, number.as_str().as_bytes());
    add(tx, &key(inner, Counted::Number, &of_number)?, each, at)?.map_err(limit)?;
    let of_holder = own(purpose, &holder.key());
    add(tx, &key(inner, Counted::Holder, &of_holder)?, each, at)?.map_err(limit)?;
    let most = inner.settings.sms_per_hour;
    let block = number.as_str();
    let block = block.get(..block.len().saturating_sub(4)).unwrap_or_default();
    let of_a_block = (most / 10).max(LEAST_OF_A_BLOCK);
    let block = own(purpose, block.as_bytes());
    window(tx, &key(inner, Counted::Block, &block)?, of_a_block, at)?.map_err(limit)?;
    let left = window(tx, &key(inner, Counted::Service, &[])?, most, at)?
        .map_err(|retry_after| OtpRefusal::Budget { retry_after })?;
    // The last of an hour: once an hour, and before anybody is refused.
    if left == 0 {
        let event = trail::Event::failure(
            trail::Category::Service,
            "short-messages-used-up",
            "service",
            format!("{most} messages in an hour"),
        );
        trail::append(tx, &event, now)?;
    }
    Ok(())
}

/// Refuses a holder with too many wrong codes, before one more is looked at.
pub(super) fn needs_tries(
    inner: &Inner,
    tx: &dyn Transaction,
    (holder, purpose): (HolderId, Purpose),
    now: DateTime<Utc>,
) -> Result<(), HolderError> {
    if purpose == Purpose::Suspend {
        return Ok(());
    }
    let at = now.timestamp_millis();
    let whose = own(purpose, &holder.key());
    let times = times(tx, &key(inner, Counted::Wrong, &whose)?, at)?;
    match times.wait(MOST_WRONG, at) {
        Some(retry_after) => Err(OtpRefusal::WrongLimit { retry_after }.into()),
        None => Ok(()),
    }
}

/// Counts a wrong code of a holder, and leaves it in the history. The last that is taken for a
/// while is told to the holder: somebody else may be trying.
pub(super) fn wrong_code(
    inner: &Inner,
    tx: &mut dyn Transaction,
    (id, purpose): (HolderId, Purpose),
    now: DateTime<Utc>,
) -> Result<(), HolderError> {
    let at = now.timestamp_millis();
    let key = key(inner, Counted::Wrong, &own(purpose, &id.key()))?;
    let mut times = times(tx, &key, at)?;
    times.times.push(at);
    tx.put(OTP_LIMIT, &key, &encode(&times, 64));
    let entry = HistoryEntry::failure(HistoryKind::OtpFailed, Actor::Holder(id));
    append(tx, id, &entry.with("purpose", purpose.word()), now)?;
    let wait = times.wait(MOST_WRONG, at).filter(|_| purpose != Purpose::Suspend);
    let Some(wait) = wait else { return Ok(()) };
    let until = at.saturating_add(i64::try_from(wait.as_millis()).unwrap_or(DAY));
    let record = holder::load(tx, id)?;
    notify(inner, tx, id, &record, &Template::OtpLocked { until }, now)
}

/// Takes one of `limits`, or says how long to wait.
fn add(
    tx: &mut dyn Transaction,
    key: &[u8],
    limits: (u32, u32),
    at: i64,
) -> Result<Result<(), Duration>, HolderError> {
    let mut times = times(tx, key, at)?;
    if let Some(wait) = times.wait(limits, at) {
        return Ok(Err(wait));
    }
    times.times.push(at);
    tx.put(OTP_LIMIT, key, &encode(&times, 64));
    Ok(Ok(()))
}

/// Takes one of `most` in a window of an hour, and says how many are left or how long to wait.
fn window(
    tx: &mut dyn Transaction,
    key: &[u8],
    most: u32,
    at: i64,
) -> Result<Result<u32, Duration>, HolderError> {
    let bytes = tx.get(OTP_LIMIT, key)?;
    let kept = bytes.map(|bytes| decode(OTP_LIMIT, key, &bytes)).transpose()?;
    let mut count: WindowRecord = kept.unwrap_or_default();
    // Also when the clock was set back.
    if at - count.since >= HOUR || count.since > at {
        count = WindowRecord { since: at, count: 0 };
    }
    if count.count >= most {
        return Ok(Err(seconds(count.since + HOUR - at)));
    }
    count.count += 1;
    tx.put(OTP_LIMIT, key, &encode(&count, 16));
    Ok(Ok(most - count.count))
}

fn times(tx: &dyn Transaction, key: &[u8], at: i64) -> Result<TimesRecord, HolderError> {
    let bytes = tx.get(OTP_LIMIT, key)?;
    let kept = bytes.map(|bytes| decode(OTP_LIMIT, key, &bytes)).transpose()?;
    Ok(kept.unwrap_or_else(TimesRecord::default).at(at))
}

impl Holders {
    /// Forgets counts that are over; tells how many those were.
    pub(super) async fn forget_otp_limits(&self, now: DateTime<Utc>) -> Result<usize, HolderError> {
        let at = now.timestamp_millis();
        let (mut over, mut after) = (Vec::new(), Vec::new());
        loop {
            let from = Bound::Excluded(after.as_slice());
            let store = self.store();
            let rows = store.scan(OTP_LIMIT, from, Bound::Unbounded, Order::Ascending, 500)?;
            let Some((last, _)) = rows.last() else { break };
            after.clone_from(last);
            for (key, value) in rows {
                if is_over(&key, &value, at)? {
                    over.push(key);
                }
            }
        }
        for keys in over.chunks(500) {
            let keys = keys.to_vec();
            self.transact(move |_, tx| {
                for key in keys {
                    // It may have been counted on since it was read.
                    let Some(value) = tx.get(OTP_LIMIT, &key)? else { continue };
                    if is_over(&key, &value, at)? {
                        tx.delete(OTP_LIMIT, &key);
                    }
                }
                Ok(())
            })
            .await?;
        }
        Ok(over.len())
    }
}

fn is_over(key: &[u8], value: &[u8], at: i64) -> Result<bool, HolderError> {
    let windowed = matches!(key.first(), Some(&letter) if letter == Counted::Block as u8
        || letter == Counted::Service as u8);
    if windowed {
        let window: WindowRecord = decode(OTP_LIMIT, key, value)?;
        return Ok(at - window.since >= HOUR);
    }
    let times: TimesRecord = decode(OTP_LIMIT, key, value)?;
    Ok(times.at(at).times.is_empty())
}

/// Whose count it is: suspending has its own, and so has the proof of a number, which other holders
/// can ask for. No number and no key of a holder ends like that.
fn own(purpose: Purpose, whose: &[u8]) -> Vec<u8> {
    let own: &[u8] = match purpose {
        Purpose::Suspend => b"/suspend",
        Purpose::ProvePhone => b"/prove",
        _ => b"",
    };
    [whose, own].concat()
}

/// A letter and a keyed hash: a stolen store does not say which numbers were written to.
fn key(inner: &Inner, what: Counted, whose: &[u8]) -> Result<[u8; 17], HolderError> {
    let (letter, pepper) = (what as u8, &inner.pepper);
    // Under the oldest version, so that a count stays in its place when a version is added.
    let mac = pepper.mac_under(pepper.oldest(), "count of messages", &[&[letter], whose])?;
    let mut key = [letter; 17];
    key[1..].copy_from_slice(&mac[..16]);
    Ok(key)
}

fn seconds(rest: i64) -> Duration {
    Duration::from_secs(u64::try_from(rest).unwrap_or(0).div_ceil(1_000).max(1))
}
