//! User IDs that holders had: for a while they suspend as well, with the emergency code.
//!
//! Whoever took an account over can change its user ID, and its owner knows the old one alone. A
//! former user ID finds its holder for nothing else. Others may have had the same address, or have
//! it now: the key of a row is a zero octet, with which no address begins, the address, another
//! zero octet and the holder.

use super::holder::{FormerEmail, HolderRecord, load, read_id, save};
use super::job::Round;
use super::tables::HOLDER_BY_EMAIL;
use super::{HolderError, HolderId, Holders, Inner};
use chrono::{DateTime, Utc};
use std::collections::BTreeSet;
use std::ops::Bound;
use store::{Order, Transaction};

/// How long a former user ID suspends, in milliseconds: as long as a former emergency code.
const LIFETIME: i64 = 30 * 24 * 3_600_000;
/// So many former holders of an address are looked at.
const MOST: usize = 100;

/// The holders who had a user ID until not long ago.
pub(crate) fn find(
    tx: &dyn Transaction,
    email: &str,
    now: DateTime<Utc>,
) -> Result<Vec<HolderId>, HolderError> {
    let (from, to) = (prefix(email), [&prefix(email)[..], &[0xff; 9]].concat());
    let (from, to) = (Bound::Included(&from[..]), Bound::Excluded(&to[..]));
    let mut found = Vec::new();
    for (key, value) in tx.scan(HOLDER_BY_EMAIL, from, to, Order::Ascending, MOST)? {
        let id = read_id(&key, &value)?;
        let former = load(tx, id)?.former_emails;
        let lives = |former: &FormerEmail| former.email == email && lives(former, now);
        if former.iter().flatten().any(lives) {
            found.push(id);
        }
    }
    Ok(found)
}

/// Keeps the user ID that is about to be changed.
pub(crate) fn keep(
    tx: &mut dyn Transaction,
    id: HolderId,
    record: &mut HolderRecord,
    now: DateTime<Utc>,
) {
    let email = record.email.clone();
    retain(tx, id, record, |former| lives(former, now) && former.email != email);
    tx.put(HOLDER_BY_EMAIL, &key(&email, id), &id.key());
    let until = now.timestamp_millis() + LIFETIME;
    record.former_emails.get_or_insert_default().push(FormerEmail { email, until });
}

/// Drops all of them: the holder is forgotten.
pub(crate) fn forget(tx: &mut dyn Transaction, id: HolderId, record: &mut HolderRecord) {
    retain(tx, id, record, |_| false);
}

/// Keeps those for which it holds, in the record and in the index.
fn retain(
    tx: &mut dyn Transaction,
    id: HolderId,
    record: &mut HolderRecord,
    holds: impl Fn(&FormerEmail) -> bool,
) {
    let former = record.former_emails.take().unwrap_or_default();
    let (stays, goes): (Vec<_>, Vec<_>) = former.into_iter().partition(holds);
    for former in goes {
        tx.delete(HOLDER_BY_EMAIL, &key(&former.email, id));
    }
    record.former_emails = (!stays.is_empty()).then_some(stays);
}

impl Holders {
    /// Work for a timer: forgets the former user IDs whose time is over.
    ///
    /// # Errors
    /// The store's.
    pub async fn expire_former_user_ids(&self, now: DateTime<Utc>) -> Result<usize, HolderError> {
        let (mut round, mut after) = (Round::default(), vec![0]);
        loop {
            let (from, to) = (Bound::Excluded(&after[..]), Bound::Excluded(&[1][..]));
            let rows = self.store().scan(HOLDER_BY_EMAIL, from, to, Order::Ascending, MOST)?;
            let Some((last, _)) = rows.last() else { return round.end() };
            let mut of = BTreeSet::new();
            for (key, value) in &rows {
                match read_id(key, value) {
                    Ok(id) => drop(of.insert(id)),
                    Err(fault) => round.note(Err(fault.into())),
                }
            }
            after = last.clone();
            for id in of {
                let expire = move |_: &Inner, tx: &mut dyn Transaction| expire(tx, id, now);
                round.note(self.transact(expire).await);
            }
        }
    }
}

/// How many of a holder's are over and gone.
fn expire(
    tx: &mut dyn Transaction,
    id: HolderId,
    now: DateTime<Utc>,
) -> Result<usize, HolderError> {
    let mut record = load(tx, id)?;
    let count = |record: &HolderRecord| record.former_emails.iter().flatten().count();
    let before = count(&record);
    retain(tx, id, &mut record, |former| lives(former, now));
    let gone = before - count(&record);
    if gone > 0 {
        save(tx, id, &record);
    }
    Ok(gone)
}

fn lives(former: &FormerEmail, now: DateTime<Utc>) -> bool {
    now.timestamp_millis() < former.until
}

fn key(email: &str, id: HolderId) -> Vec<u8> {
    [&prefix(email)[..], &id.key()].concat()
}

fn prefix(email: &str) -> Vec<u8> {
    [b"\0", email.as_bytes(), b"\0"].concat()
}
