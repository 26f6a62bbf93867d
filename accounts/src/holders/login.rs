//! The login with user ID and password: the first factor. What matters afterwards asks for a
//! one-time code as well.
//!
//! An unknown user, a wrong password and an account that cannot log in get the same answer after
//! the same work: one transaction that counts the try, one argon2 computation, one transaction
//! that notes how it ended.

use super::counters::UNKNOWN_LOGIN;
use super::history::{HistoryEntry, HistoryKind};
use super::holder::{HolderRecord, HolderStatus, PasswordRecord, notify};
use super::messages::Template;
use super::password::NewPassword;
use super::tables::COUNTER;
use super::{Actor, Email, HolderError, HolderId, Holders, Inner, Room, history, holder, throttle};
use chrono::{DateTime, Utc};
use std::net::IpAddr;
use store::Transaction;
use zeroize::Zeroizing;

/// A login that succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoggedIn {
    /// Who.
    pub holder: HolderId,
    /// Of the password that was right: a session ends when there is a newer one.
    pub password_generation: u64,
    /// Nothing else may be done before the password is replaced.
    pub must_change_password: bool,
    /// Whether one-time codes come from an authenticator app.
    pub totp: bool,
}

/// What a password is compared with.
#[derive(Clone)]
pub(super) struct Candidate {
    pub(super) holder: HolderId,
    pub(super) password: PasswordRecord,
}

impl Holders {
    /// Logs a holder in. `from` is where the request comes from, as far as it is known for sure.
    pub async fn login(
        &self,
        user_id: &str,
        password: &str,
        from: IpAddr,
        now: DateTime<Utc>,
    ) -> Result<LoggedIn, HolderError> {
        let room = self.room_for_anybody()?;
        let name = compared(user_id);
        let asked = name.clone();
        let candidate = self
            .transact(move |inner, tx| {
                throttle::begin(inner, tx, &asked, from, now)?;
                candidate(tx, &asked)
            })
            .await?;
        let password = Zeroizing::new(password.to_owned());
        let compared = candidate.clone();
        let (right, renewed) =
            self.compute(&room, move |inner| verify(inner, &password, compared.as_ref())).await?;
        self.transact(move |inner, tx| {
            let Some(candidate) = candidate else {
                note_unknown(tx, now);
                return Ok(Err(HolderError::WrongLogin));
            };
            if right && let Some(done) = succeed(inner, tx, &candidate, renewed, from, now)? {
                return Ok(Ok(done));
            }
            fail(inner, tx, candidate.holder, &name, now)?;
            Ok(Err(HolderError::WrongLogin))
        })
        .await?
    }

    /// Checks the password of a holder again, as an act that changes much asks for. A wrong one
    /// counts like a failed login.
    pub(super) async fn check_current(
        &self,
        room: &Room,
        id: HolderId,
        password: &str,
        from: IpAddr,
        now: DateTime<Utc>,
    ) -> Result<PasswordRecord, HolderError> {
        let (name, current) = self
            .transact(move |inner, tx| {
                let record = holder::load(tx, id)?;
                record.needs_open(id)?;
                throttle::begin(inner, tx, &record.email, from, now)?;
                Ok((record.email, record.password))
            })
            .await?;
        let password = Zeroizing::new(password.to_owned());
        let candidate = current.clone().map(|password| Candidate { holder: id, password });
        let (right, _) =
            self.compute(room, move |inner| verify(inner, &password, candidate.as_ref())).await?;
        self.transact(move |inner, tx| {
            if right && let Some(current) = current {
                throttle::succeed(inner, tx, &name, from)?;
                return Ok(Ok(current));
            }
            fail(inner, tx, id, &name, now)?;
            Ok(Err(HolderError::WrongCurrentPassword))
        })
        .await?
    }
}

/// A user ID as it is compared. What cannot be one is cut, and marked with a character that no
/// address has: it is counted and checked like any unknown one.
pub(super) fn compared(user_id: &str) -> String {
    match Email::parse("user_id", user_id) {
        Ok(email) => email.as_str().to_owned(),
        Err(_) => format!("{} ", user_id.chars().take(64).collect::<String>()),
    }
}

fn candidate(tx: &dyn Transaction, name: &str) -> Result<Option<Candidate>, HolderError> {
    let Some(holder) = holder::find(tx, name)? else { return Ok(None) };
    let record = holder::load(tx, holder)?;
    Ok(record.password.map(|password| Candidate { holder, password }))
}

/// One argon2 computation, whatever there is to compare with; one more for a right password
/// whose hash is of older parameters or under an older pepper.
fn verify(
    inner: &Inner,
    password: &str,
    candidate: Option<&Candidate>,
) -> Result<(bool, Option<NewPassword>), HolderError> {
    let record = candidate.map(|candidate| &candidate.password);
    let right = inner.is_right(password, record.map(|r| (r.phc.as_str(), r.pepper)))?;
    let outdated = right && record.is_some_and(|record| inner.is_outdated(record));
    let renewed = outdated.then(|| inner.hash_secret(password)).transpose()?;
    Ok((right, renewed))
}

/// Notes a success; `None` when the password was changed meanwhile, or the account may not log in.
fn succeed(
    inner: &Inner,
    tx: &mut dyn Transaction,
    candidate: &Candidate,
    renewed: Option<NewPassword>,
    from: IpAddr,
    now: DateTime<Utc>,
) -> Result<Option<LoggedIn>, HolderError> {
    let id = candidate.holder;
    let mut record = holder::load(tx, id)?;
    // The same password, also when a login beside this one has just renewed its hash.
    let same = |now: &PasswordRecord| now.generation == candidate.password.generation;
    let Some(password) = record.password.clone().filter(same) else {
        return Ok(None);
    };
    if !may_log_in(&record, &password, now) {
        return Ok(None);
    }
    if let Some(NewPassword { phc, pepper }) = renewed {
        record.password = Some(PasswordRecord { phc, pepper, ..password.clone() });
        holder::save(tx, id, &record);
    }
    throttle::succeed(inner, tx, &record.email, from)?;
    let entry = HistoryEntry::new(HistoryKind::LoggedIn, Actor::Holder(id)).with("from", from);
    history::append(tx, id, &entry, now)?;
    Ok(Some(LoggedIn {
        holder: id,
        password_generation: password.generation,
        must_change_password: password.first_until.is_some(),
        totp: record.totp,
    }))
}

/// Whether a right password lets this holder in.
pub(super) fn may_log_in(
    record: &HolderRecord,
    password: &PasswordRecord,
    now: DateTime<Utc>,
) -> bool {
    match record.status {
        HolderStatus::Active => true,
        // With the password that the service gave, while it lives.
        HolderStatus::Invited => {
            password.first_until.is_some_and(|until| now.timestamp_millis() < until)
        }
        HolderStatus::Blocked | HolderStatus::Closed | HolderStatus::Erased => false,
    }
}

/// Notes a failure, and tells the holder when the failures lock the login.
fn fail(
    inner: &Inner,
    tx: &mut dyn Transaction,
    id: HolderId,
    name: &str,
    now: DateTime<Utc>,
) -> Result<(), HolderError> {
    let entry = HistoryEntry::failure(HistoryKind::LoginFailed, Actor::Anyone);
    history::append(tx, id, &entry, now)?;
    let failures = throttle::failures(inner, tx, name)?;
    if failures == 0 || failures % throttle::REST_EVERY != 0 {
        return Ok(());
    }
    let record = holder::load(tx, id)?;
    let wait = now.timestamp_millis() + throttle::delay(failures);
    let until = (failures < throttle::MOST_FAILURES).then_some(wait);
    let entry = HistoryEntry::failure(HistoryKind::LoginLocked, Actor::Service);
    history::append(tx, id, &entry.with("failures", failures), now)?;
    if record.needs_open(id).is_ok() {
        notify(inner, tx, id, &record, &Template::LoginLocked { until }, now)?;
    }
    Ok(())
}

/// A name that nobody has leaves a row that is always the same one: no number of invented names
/// fills store or trail. It is written so that this try takes as long as that of a known name, for
/// a transaction that writes nothing does not wait for the disk. Whoever calls tells of refusals
/// in sums.
fn note_unknown(tx: &mut dyn Transaction, now: DateTime<Utc>) {
    tx.put(COUNTER, UNKNOWN_LOGIN, &now.timestamp_millis().to_be_bytes());
}
