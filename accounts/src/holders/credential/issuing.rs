//! Certificates on their way: what an issuer was asked for and no credential has yet.
//!
//! Between an issuer's answer and the transaction that keeps it the process may end. Then there is
//! a good certificate whose key nobody has. A row that is written before the issuer is asked says
//! that this may be so; the timer asks the issuer what became of it and has it revoked.
//!
//! The key of a row: `3`, credential.

use super::{CertificateIssuer, CertificateStatus, RevocationCause, record};
use crate::encoding::{damaged, decode, encode};
use crate::holders::job::Round;
use crate::holders::tables::SIGNING_CREDENTIAL;
use crate::holders::{CredentialId, HolderError, Holders, Inner};
use chrono::{DateTime, TimeDelta, Utc};
use minicbor::{Decode, Encode};
use std::ops::Bound;
use store::{Order, Transaction};

/// The first octet of the keys of these rows.
const ISSUING: u8 = 3;
/// Nobody waits for an issuer for longer than this.
const LONGEST: TimeDelta = TimeDelta::minutes(10);

/// Certificates that may be on their way. Used in stored state.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
struct IssuingRecord {
    /// Since when, in milliseconds since the Unix epoch.
    #[n(0)]
    since: i64,
    /// Serial numbers of those that were kept since then, hex.
    #[n(1)]
    kept: Vec<String>,
}

/// Whether a row is that of this attempt, or an earlier one left it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt {
    is_first: bool,
}

/// Notes that a certificate will be asked for.
pub(crate) fn begin(
    tx: &mut dyn Transaction,
    id: CredentialId,
    now: DateTime<Utc>,
) -> Result<Attempt, HolderError> {
    if load(tx, id)?.is_some() {
        return Ok(Attempt { is_first: false });
    }
    save(tx, id, &IssuingRecord { since: now.timestamp_millis(), kept: Vec::new() });
    Ok(Attempt { is_first: true })
}

/// Notes that the certificate is that of its credential now, in the transaction that makes it so.
pub(crate) fn end(
    tx: &mut dyn Transaction,
    id: CredentialId,
    attempt: Attempt,
    serial: &str,
) -> Result<(), HolderError> {
    if attempt.is_first {
        tx.delete(SIGNING_CREDENTIAL, &key(id));
    } else if let Some(mut record) = load(tx, id)? {
        // What became of the earlier attempt is still to be found out.
        record.kept.push(serial.to_owned());
        save(tx, id, &record);
    }
    Ok(())
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
                        self.settle_issue(id, seen, issuer, now).await
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
        id: CredentialId,
        seen: IssuingRecord,
        issuer: &impl CertificateIssuer,
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        let current = record::read(self.store(), id).ok().and_then(|record| record.serial);
        let since = crate::stamps::instant(seen.since);
        let Ok(issued) = issuer.issued_for(id, since).await else { return Ok(()) };
        for serial in issued {
            if seen.kept.contains(&serial) || current.as_ref() == Some(&serial) {
                continue;
            }
            let status = CertificateStatus::Revoked(RevocationCause::Cessation);
            if issuer.set_status(&serial, status, now).await.is_err() {
                return Ok(());
            }
        }
        let forget = move |_: &Inner, tx: &mut dyn Transaction| {
            // Unless something was kept meanwhile: then it is looked at again.
            if load(tx, id)?.as_ref() == Some(&seen) {
                tx.delete(SIGNING_CREDENTIAL, &key(id));
            }
            Ok(())
        };
        self.transact(forget).await
    }
}

fn read_row(key: &[u8], value: &[u8]) -> Result<(CredentialId, IssuingRecord), HolderError> {
    let wrong = || damaged(SIGNING_CREDENTIAL, key, "a key of the wrong length");
    let (_, id) = key.split_last_chunk::<16>().ok_or_else(wrong)?;
    Ok((CredentialId::new(*id), decode(SIGNING_CREDENTIAL, key, value)?))
}

fn load(tx: &dyn Transaction, id: CredentialId) -> Result<Option<IssuingRecord>, HolderError> {
    let bytes = tx.get(SIGNING_CREDENTIAL, &key(id))?;
    Ok(bytes.map(|bytes| decode(SIGNING_CREDENTIAL, &key(id), &bytes)).transpose()?)
}

fn save(tx: &mut dyn Transaction, id: CredentialId, record: &IssuingRecord) {
    tx.put(SIGNING_CREDENTIAL, &key(id), &encode(record, 128));
}

pub(super) fn key(id: CredentialId) -> [u8; 17] {
    let mut key = [ISSUING; 17];
    key[1..].copy_from_slice(id.as_bytes());
    key
}
