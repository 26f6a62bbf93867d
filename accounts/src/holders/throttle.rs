//! Slowing down who guesses: durable counts, written before anything is checked.
//!
//! A user ID that nobody has is counted like one that somebody has: both are places in a table of
//! fixed size, found by a keyed hash that nobody outside can compute. So a count tells nothing
//! about who has an account, and no number of invented names fills the store. Two that share a
//! place share its count; nobody can bring that about on purpose.
//!
//! By name: from the third failure in a row on, the next try waits 1, 2, 4 … seconds, a minute at
//! most; each tenth failure rests a quarter of an hour; and after a hundred the password is not
//! taken any more until a new one is set by the link for a forgotten password (NIST SP 800-63B-4
//! §3.2.2 has 100 as its limit). Failures of others can so slow an owner down, and not shut the
//! owner out: the link works all the time, and so does a linked device.
//!
//! By caller (an IPv4 address, or the /64 of an IPv6 one): so many failures an hour over all
//! names. A success does not take those away. On loopback there is no caller to count: it is a
//! proxy on the same machine, behind which everybody is one, so that a few dozen wrong logins of
//! anybody would shut all out. The counts by name go on there; the proxy has to limit callers.

use super::tables::COUNTER;
use super::{CredentialId, HolderError, Inner};
use crate::encoding::{decode, encode};
use chrono::{DateTime, Utc};
use minicbor::{Decode, Encode};
use std::net::IpAddr;
use std::time::Duration;
use store::Transaction;

/// Failures in a row after which the next try waits.
pub(crate) const FREE_FAILURES: u32 = 3;
/// Each so many failures bring a longer rest.
pub(crate) const REST_EVERY: u32 = 10;
/// After so many failures in a row the password is not taken any more.
pub(crate) const MOST_FAILURES: u32 = 100;
/// Failures of a caller in an hour.
pub(crate) const MOST_OF_A_CALLER: u32 = 50;
const LONGEST_WAIT: i64 = 60_000;
const REST: i64 = 15 * 60_000;
const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
/// Logins by QR code that a caller may begin in ten minutes: a page renews its code each minute,
/// and an office behind one address has sixty of them open.
pub(crate) const MOST_QR_LOGINS: u32 = 600;
/// Logins by QR code that a device may look at in an hour.
pub(crate) const MOST_QR_LOOKS: u32 = 30;
/// Wrong emergency codes in an hour that a history tells of.
const MOST_WRONG_EMERGENCIES: u32 = 10;
/// Tries of PUK and emergency code together, in a day.
pub(crate) const MOST_PAIRS: u32 = 5;
/// Mails in an hour to those who ask for an account.
pub(crate) const MOST_STRANGERS: u32 = 200;
/// Mails of a kind to an address in a day, when anybody can ask for them.
pub(crate) const MOST_MAILS: u32 = 5;

/// What is counted. The letter stands in stored keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Counted {
    /// Failed logins with a name.
    Logins = b'l',
    /// Failures of a caller.
    Caller = b'c',
    /// Links for a forgotten password, by name.
    Recoveries = b'r',
    /// The same beyond those of a day.
    LaterRecoveries = b'z',
    /// Requests for an account, by address.
    Requests = b'q',
    /// Requests of a caller for mails to somebody.
    CallerMails = b'm',
    /// Logins by QR code that a caller begins.
    QrLogins = b'b',
    /// Logins by QR code that a device looks at.
    QrLooks = b'd',
    /// Emergency codes that a caller sends.
    Emergencies = b's',
    /// Wrong emergency codes that a history tells of, by name.
    WrongEmergencies = b'w',
    /// PUK and emergency code tried together, by credential.
    Pairs = b'p',
    /// Mails to those who ask for an account, all together.
    Strangers = b'f',
}

/// A count. Used in stored state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(crate) struct CountRecord {
    #[n(0)]
    pub(crate) count: u32,
    /// The newest failure, or the beginning of the window.
    #[n(1)]
    pub(crate) at: i64,
}

impl CountRecord {
    /// How long the next try waits; `Err` is until a new password is set.
    pub(crate) fn wait(&self, now: i64) -> Result<Option<Duration>, HolderError> {
        if self.count >= MOST_FAILURES {
            return Err(HolderError::PasswordDisabled);
        }
        // A clock that was set back must not make a wait longer than its delay.
        Ok(seconds(self.at.min(now) + delay(self.count) - now))
    }
}

/// How long the next try waits after so many failures in a row, in milliseconds.
pub(crate) fn delay(failures: u32) -> i64 {
    match failures {
        0..FREE_FAILURES => 0,
        n if n % REST_EVERY == 0 => REST,
        n => 1_000_i64
            .checked_shl((n - FREE_FAILURES).min(16))
            .unwrap_or(LONGEST_WAIT)
            .min(LONGEST_WAIT),
    }
}

/// Counts a try with a name by a caller, or refuses it. To be taken back by [`succeed`].
pub(crate) fn begin(
    inner: &Inner,
    tx: &mut dyn Transaction,
    name: &str,
    from: IpAddr,
    now: DateTime<Utc>,
) -> Result<(), HolderError> {
    let at = now.timestamp_millis();
    let key = place(inner, Counted::Logins, name.as_bytes())?;
    let mut count = read(tx, &key)?;
    if let Some(retry_after) = count.wait(at)? {
        return Err(HolderError::Slowed { retry_after });
    }
    spend_of_caller(inner, tx, Counted::Caller, from, (MOST_OF_A_CALLER, HOUR), at)?;
    count = CountRecord { count: count.count + 1, at };
    tx.put(COUNTER, &key, &encode(&count, 16));
    Ok(())
}

/// Failures in a row with a name.
pub(crate) fn failures(
    inner: &Inner,
    tx: &dyn Transaction,
    name: &str,
) -> Result<u32, HolderError> {
    Ok(read(tx, &place(inner, Counted::Logins, name.as_bytes())?)?.count)
}

/// A success: the failures with this name are gone, and the try was none of the caller's.
pub(crate) fn succeed(
    inner: &Inner,
    tx: &mut dyn Transaction,
    name: &str,
    from: IpAddr,
) -> Result<(), HolderError> {
    clear(inner, tx, name)?;
    let key = place(inner, Counted::Caller, &caller(from))?;
    let mut count = read(tx, &key)?;
    count.count = count.count.saturating_sub(1);
    tx.put(COUNTER, &key, &encode(&count, 16));
    Ok(())
}

/// Forgets the failures with a name: it has a new password.
pub(crate) fn clear(
    inner: &Inner,
    tx: &mut dyn Transaction,
    name: &str,
) -> Result<(), HolderError> {
    tx.delete(COUNTER, &place(inner, Counted::Logins, name.as_bytes())?);
    Ok(())
}

/// Whether one more mail of a kind that anybody can ask for may go to an address today.
pub(crate) fn may_mail(
    inner: &Inner,
    tx: &mut dyn Transaction,
    what: Counted,
    address: &str,
    now: DateTime<Utc>,
) -> Result<bool, HolderError> {
    let at = now.timestamp_millis();
    Ok(spend(inner, tx, what, address.as_bytes(), (MOST_MAILS, DAY), at)?.is_ok())
}

/// Whether one more link for a forgotten password may be mailed to the holder of a name: beyond
/// the mails of a day one each quarter of an hour. Anybody can ask, and who uses the day's mails
/// up must not keep the owner from theirs.
pub(crate) fn may_recover(
    inner: &Inner,
    tx: &mut dyn Transaction,
    name: &str,
    now: DateTime<Utc>,
) -> Result<bool, HolderError> {
    if may_mail(inner, tx, Counted::Recoveries, name, now)? {
        return Ok(true);
    }
    let (at, limit) = (now.timestamp_millis(), (1, REST));
    Ok(spend(inner, tx, Counted::LaterRecoveries, name.as_bytes(), limit, at)?.is_ok())
}

/// Writes a count as it is: for an answer that must take as long as one that changed something.
pub(crate) fn write_again(
    inner: &Inner,
    tx: &mut dyn Transaction,
    what: Counted,
    whose: &str,
) -> Result<(), HolderError> {
    let key = place(inner, what, whose.as_bytes())?;
    let count = read(tx, &key)?;
    tx.put(COUNTER, &key, &encode(&count, 16));
    Ok(())
}

/// Refuses a caller who asks for too many mails, whoever they are to.
pub(crate) fn caller_may_mail(
    inner: &Inner,
    tx: &mut dyn Transaction,
    from: IpAddr,
    now: DateTime<Utc>,
) -> Result<(), HolderError> {
    let (at, limit) = (now.timestamp_millis(), (MOST_OF_A_CALLER, HOUR));
    spend_of_caller(inner, tx, Counted::CallerMails, from, limit, at)
}

/// Refuses a caller who sent too many wrong emergency codes. It is asked for a wrong one alone: a
/// right code is one of 2^45, and whoever has it is not made to wait for what others sent.
pub(crate) fn may_send_emergency_code(
    inner: &Inner,
    tx: &mut dyn Transaction,
    from: IpAddr,
    now: DateTime<Utc>,
) -> Result<(), HolderError> {
    let (at, limit) = (now.timestamp_millis(), (MOST_OF_A_CALLER, HOUR));
    spend_of_caller(inner, tx, Counted::Emergencies, from, limit, at)
}

/// Whether a history tells of one more wrong emergency code for a name. It bounds what strangers
/// write into a history, and refuses nothing.
pub(crate) fn notes_wrong_emergency_code(
    inner: &Inner,
    tx: &mut dyn Transaction,
    name: &str,
    now: DateTime<Utc>,
) -> Result<bool, HolderError> {
    let (at, limit) = (now.timestamp_millis(), (MOST_WRONG_EMERGENCIES, HOUR));
    Ok(spend(inner, tx, Counted::WrongEmergencies, name.as_bytes(), limit, at)?.is_ok())
}

/// Counts a try of PUK and emergency code together, or refuses it: so many in a day. Tells how many
/// are left.
pub(crate) fn may_try_pair(
    inner: &Inner,
    tx: &mut dyn Transaction,
    credential: CredentialId,
    now: DateTime<Utc>,
) -> Result<u32, HolderError> {
    let (at, whose) = (now.timestamp_millis(), credential.as_bytes());
    spend(inner, tx, Counted::Pairs, whose, (MOST_PAIRS, DAY), at)?
        .map_err(|retry_after| HolderError::Slowed { retry_after })?;
    let counted = read(tx, &place(inner, Counted::Pairs, whose)?)?.count;
    Ok(MOST_PAIRS.saturating_sub(counted))
}

/// Takes such a try back: it was right, or could not be computed.
pub(crate) fn give_pair_back(
    inner: &Inner,
    tx: &mut dyn Transaction,
    credential: CredentialId,
) -> Result<(), HolderError> {
    let key = place(inner, Counted::Pairs, credential.as_bytes())?;
    let mut counted = read(tx, &key)?;
    counted.count = counted.count.saturating_sub(1);
    tx.put(COUNTER, &key, &encode(&counted, 16));
    Ok(())
}

/// Whether one more mail may go to somebody who is no holder in this hour, over all of them: what
/// strangers ask for must not delay the mails of holders.
pub(crate) fn may_mail_strangers(
    inner: &Inner,
    tx: &mut dyn Transaction,
    now: DateTime<Utc>,
) -> Result<bool, HolderError> {
    let (at, limit) = (now.timestamp_millis(), (MOST_STRANGERS, HOUR));
    Ok(spend(inner, tx, Counted::Strangers, b"all", limit, at)?.is_ok())
}

/// Refuses a caller who begins too many logins by QR code.
pub(crate) fn may_begin_qr(
    inner: &Inner,
    tx: &mut dyn Transaction,
    from: IpAddr,
    now: DateTime<Utc>,
) -> Result<(), HolderError> {
    let (at, limit) = (now.timestamp_millis(), (MOST_QR_LOGINS, HOUR / 6));
    // Also on loopback: what begins leaves a row for a day.
    spend(inner, tx, Counted::QrLogins, &caller(from), limit, at)?
        .map_err(|retry_after| HolderError::Slowed { retry_after })
}

/// Refuses a device that looks at too many logins by QR code.
pub(crate) fn may_look_at_qr(
    inner: &Inner,
    tx: &mut dyn Transaction,
    device: &[u8; 16],
    now: DateTime<Utc>,
) -> Result<(), HolderError> {
    let (at, limit) = (now.timestamp_millis(), (MOST_QR_LOOKS, HOUR));
    spend(inner, tx, Counted::QrLooks, device, limit, at)?
        .map_err(|retry_after| HolderError::Slowed { retry_after })
}

/// Whether two callers are one as far as limits go: an IPv4 address, or the /64 of an IPv6 one.
pub(crate) fn is_same_caller(one: IpAddr, other: IpAddr) -> bool {
    caller(one) == caller(other)
}

/// Takes one of what a caller may do in a window, or refuses it.
fn spend_of_caller(
    inner: &Inner,
    tx: &mut dyn Transaction,
    what: Counted,
    from: IpAddr,
    limit: (u32, i64),
    at: i64,
) -> Result<(), HolderError> {
    if from.to_canonical().is_loopback() {
        return Ok(());
    }
    spend(inner, tx, what, &caller(from), limit, at)?
        .map_err(|retry_after| HolderError::Slowed { retry_after })
}

/// Takes one of `most` in a window, or says how long to wait for the next window.
fn spend(
    inner: &Inner,
    tx: &mut dyn Transaction,
    what: Counted,
    whose: &[u8],
    (most, window): (u32, i64),
    at: i64,
) -> Result<Result<(), Duration>, HolderError> {
    let key = place(inner, what, whose)?;
    let mut count = read(tx, &key)?;
    // Also when the clock was set back.
    if at - count.at >= window || count.at > at {
        count = CountRecord { count: 0, at };
    }
    if count.count >= most {
        return Ok(Err(seconds(count.at + window - at).unwrap_or(Duration::from_secs(1))));
    }
    count.count += 1;
    tx.put(COUNTER, &key, &encode(&count, 16));
    Ok(Ok(()))
}

fn read(tx: &dyn Transaction, key: &[u8]) -> Result<CountRecord, HolderError> {
    let bytes = tx.get(COUNTER, key)?;
    let record = bytes.map(|bytes| decode(COUNTER, key, &bytes)).transpose()?;
    Ok(record.unwrap_or_default())
}

/// A letter and three bytes, of which 20 bits are used: a million places for each letter.
fn place(inner: &Inner, what: Counted, whose: &[u8]) -> Result<[u8; 4], HolderError> {
    let letter = what as u8;
    let [a, b, c, ..] =
        inner.pepper.mac_under(inner.pepper.oldest(), "place", &[&[letter], whose])?;
    Ok([letter, a & 0x0f, b, c])
}

fn seconds(rest: i64) -> Option<Duration> {
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
