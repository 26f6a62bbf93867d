//! Certificates on their way: what an issuer was asked for and no credential has yet.
//!
//! Between an issuer's answer and the transaction that keeps it the process may end. Then there is
//! a good certificate whose key nobody has. A row that is written before the issuer is asked says
//! that this may be so; the timer asks the issuer what became of it and has it revoked.
//!
//! Each attempt has a row of its own: two may be under way side by side, and what the one comes to
//! says nothing of the other. The key of a row: `3`, credential, eight octets at random.

use super::{CertificateIssuer, CertificateStatus, RevocationCause, record};
use crate::encoding::{damaged, decode, encode};
use crate::holders::job::Round;
use crate::holders::tables::SIGNING_CREDENTIAL;
use crate::holders::{CredentialId, HolderError, Holders, Inner};
use chrono::{DateTime, TimeDelta, Utc};
use minicbor::{Decode, Encode};
use std::ops::Bound;
use store::{Order, Row, Transaction};

/// The first octet of the keys of these rows.
const ISSUING: u8 = 3;
/// Nobody waits for an issuer for longer than this.
const LONGEST: TimeDelta = TimeDelta::minutes(10);

/// A certificate that may be on its way. Used in stored state.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
struct IssuingRecord {
    /// Since when, in milliseconds since the Unix epoch.
    #[n(0)]
    since: i64,
    /// Serial numbers of those of other attempts that were kept since then, hex.
    #[n(1)]
    kept: Vec<String>,
}

/// One attempt to get a certificate: its row, and that of no other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt([u8; 25]);

/// Notes that a certificate will be asked for.
pub(crate) fn begin(
    inner: &Inner,
    tx: &mut dyn Transaction,
    id: CredentialId,
    now: DateTime<Utc>,
) -> Attempt {
    let mut row = [ISSUING; 25];
    row[1..17].copy_from_slice(id.as_bytes());
    inner.draw(|random| random.fill_bytes(&mut row[17..]));
    save(tx, &row, &IssuingRecord { since: now.timestamp_millis(), kept: Vec::new() });
    Attempt(row)
}

/// Notes that the certificate is that of its credential now, in the transaction that makes it so.
pub(crate) fn end(
    tx: &mut dyn Transaction,
    id: CredentialId,
    attempt: Attempt,
    serial: &str,
) -> Result<(), HolderError> {
    tx.delete(SIGNING_CREDENTIAL, &attempt.0);
    // What becomes of other attempts is still to be found out; this one is none of it.
    for (row, value) in all_of(tx, id)? {
        let (_, mut record) = read_row(&row, &value)?;
        record.kept.push(serial.to_owned());
        save(tx, &row, &record);
    }
    Ok(())
}

/// Deletes what is noted of a credential that is no more.
pub(super) fn erase(tx: &mut dyn Transaction, id: CredentialId) -> Result<(), HolderError> {
    for (row, _) in all_of(tx, id)? {
        tx.delete(SIGNING_CREDENTIAL, &row);
    }
    Ok(())
}

fn all_of(tx: &dyn Transaction, id: CredentialId) -> Result<Vec<Row>, HolderError> {
    let (from, to) = (key(id), [&key(id)[..], &[0xff; 8]].concat());
    let (from, to) = (Bound::Included(&from[..]), Bound::Included(&to[..]));
    Ok(tx.scan(SIGNING_CREDENTIAL, from, to, Order::Ascending, 100)?)
}

impl Holders {
    /// Work for a timer: revokes what was issued for a credential and never became its certificate.
    /// Nobody waits any more for what was asked for before `started`, the start of this process.
    ///
    /// # Errors
    /// The store's.
    pub async fn settle_issues(
        &self,
        started: DateTime<Utc>,
        issuer: &impl CertificateIssuer,
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        let over = started.max(now - LONGEST).timestamp_millis();
        let (mut round, mut after) = (Round::default(), vec![ISSUING]);
        loop {
            let (from, to) = (Bound::Excluded(&after[..]), Bound::Excluded(&[ISSUING + 1][..]));
            let (store, order) = (self.store(), Order::Ascending);
            let rows = store.scan(SIGNING_CREDENTIAL, from, to, order, 100)?;
            let Some((last, _)) = rows.last() else { return round.end().map(drop) };
            after = last.clone();
            for (key, value) in rows {
                let settled = match read_row(&key, &value) {
                    Ok((id, seen)) if seen.since < over => {
                        self.settle_issue((key, id), seen.since, over, issuer, now).await
                    }
                    row => row.map(drop),
                };
                round.note(settled.map(|()| 0));
            }
        }
    }

    /// An issuer that does not answer is asked again by the next tick.
    async fn settle_issue(
        &self,
        (row, id): (Vec<u8>, CredentialId),
        since: i64,
        over: i64,
        issuer: &impl CertificateIssuer,
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        // Asked before it is looked up what was kept: what is issued from now on is not among it.
        let issued = issuer.issued_for(id, crate::stamps::instant(since)).await;
        let Ok(issued) = issued else { return Ok(()) };
        let (own, place) = (row.clone(), now.timestamp_millis());
        let look = move |_: &Inner, tx: &mut dyn Transaction| {
            let Some(value) = tx.get(SIGNING_CREDENTIAL, &own)? else { return Ok(None) };
            for (row, value) in all_of(tx, id)? {
                // Somebody waits for what was asked for beside it, and it may be in the list.
                if read_row(&row, &value)?.1.since >= over {
                    return Ok(None);
                }
            }
            let kept = record::find(tx, id)?.map_or_else(Vec::new, |record| record.serials(place));
            Ok(Some((read_row(&own, &value)?.1, kept)))
        };
        let Some((seen, its_own)) = self.transact(look).await? else { return Ok(()) };
        for serial in issued {
            if seen.kept.contains(&serial) || its_own.contains(&serial) {
                continue;
            }
            let status = CertificateStatus::Revoked(RevocationCause::Cessation);
            if issuer.set_status(&serial, status, now).await.is_err() {
                return Ok(());
            }
        }
        let forget = move |_: &Inner, tx: &mut dyn Transaction| {
            // Unless something was kept meanwhile: then it is looked at again.
            let current = tx.get(SIGNING_CREDENTIAL, &row)?;
            let current = current.map(|value| read_row(&row, &value)).transpose()?;
            if current.is_some_and(|(_, record)| record == seen) {
                tx.delete(SIGNING_CREDENTIAL, &row);
            }
            Ok(())
        };
        self.transact(forget).await
    }
}

fn read_row(row: &[u8], value: &[u8]) -> Result<(CredentialId, IssuingRecord), HolderError> {
    let wrong = || damaged(SIGNING_CREDENTIAL, row, "a key of the wrong length");
    let (id, attempt) = row.get(1..).and_then(<[u8]>::split_first_chunk).ok_or_else(wrong)?;
    // Rows of earlier versions have no number: one row for all attempts.
    if ![0, 8].contains(&attempt.len()) {
        return Err(wrong().into());
    }
    Ok((CredentialId::new(*id), decode(SIGNING_CREDENTIAL, row, value)?))
}

fn save(tx: &mut dyn Transaction, row: &[u8], record: &IssuingRecord) {
    tx.put(SIGNING_CREDENTIAL, row, &encode(record, 128));
}

/// What the keys of a credential's rows begin with.
fn key(id: CredentialId) -> [u8; 17] {
    let mut key = [ISSUING; 17];
    key[1..].copy_from_slice(id.as_bytes());
    key
}
