//! Names and DER taken out of certificates, when what is known of their holder has to go.
//!
//! What relying parties may ask for stays: RFC 5280 §5.1 lists revoked certificates by their
//! serial numbers, and an OCSP request (RFC 6960 §4.1.1) names one by issuer and serial number. So
//! the row of a certificate keeps its serial number, its dates, its status and the SHA-256 of its
//! DER, by which a copy in other hands can still be told to be the one that was issued.

use crate::encoding::{damaged, decode, encode};
use crate::model::Act;
use crate::records::CertificateRecord;
use crate::registry::{Inner, blocking};
use crate::status::{Status, StatusWord};
use crate::tables::{CERTIFICATE, DER, SerialKey, certificate_key};
use crate::{Authority, AuthorityError, job, read};
use chrono::{DateTime, Utc};
use std::ops::Bound;
use std::sync::Arc;
use store::{Order, Transaction};
use trail::{Category, Event};

/// How many rows are read at a time.
const BATCH: usize = 1_024;

impl Authority {
    /// Takes subject and DER out of every certificate that was issued to `actor`, and tells of how
    /// many. All of them have to be revoked or past their ends. When it is interrupted, the next
    /// call goes on. Looks through the whole registry.
    ///
    /// # Errors
    /// [`AuthorityError::StillValid`], before anything was erased; [`AuthorityError::Store`].
    pub async fn erase_subjects(
        &self,
        actor: &str,
        by: &Act,
        now: DateTime<Utc>,
    ) -> Result<usize, AuthorityError> {
        by.check()?;
        let (inner, of) = (Arc::clone(&self.0), actor.to_owned());
        let found = blocking(move || inner.issued_to(&of, now)).await??;
        let mut erased = 0;
        for number in found {
            let by = by.clone();
            let erase = move |tx: &mut dyn Transaction| erase(tx, number, &by, now);
            erased += usize::from(job::run(&*self.0.store, erase, |_| {}).await?);
        }
        Ok(erased)
    }
}

impl Inner {
    /// The certificates that were issued to somebody and not erased yet; none of them good.
    fn issued_to(&self, actor: &str, now: DateTime<Utc>) -> Result<Vec<u64>, AuthorityError> {
        let (mut found, mut after) = (Vec::new(), 0);
        loop {
            let from = certificate_key(after);
            let from = Bound::Excluded(&from[..]);
            let rows =
                self.store.scan(CERTIFICATE, from, Bound::Unbounded, Order::Ascending, BATCH)?;
            let is_last = rows.len() < BATCH;
            for (key, bytes) in rows {
                let wrong = |_| damaged(CERTIFICATE, &key, "a malformed key");
                after = u64::from_be_bytes(key.as_slice().try_into().map_err(wrong)?);
                let record: CertificateRecord = decode(CERTIFICATE, &key, &bytes)?;
                if record.actor != actor || record.erased_at.is_some() {
                    continue;
                }
                self.needs_end(&record, &key, now)?;
                found.push(after);
            }
            if is_last {
                return Ok(found);
            }
        }
    }

    fn needs_end(
        &self,
        record: &CertificateRecord,
        row: &[u8],
        now: DateTime<Utc>,
    ) -> Result<(), AuthorityError> {
        let serial = read::serial(record, row)?;
        let standing = self.standings.get(SerialKey::of(&serial));
        let status = standing.map_or(Status::Good, |standing| standing.status);
        let over = now.timestamp_millis() > record.not_after;
        if over || status.word() == StatusWord::Revoked {
            return Ok(());
        }
        Err(AuthorityError::StillValid { serial })
    }
}

/// Both rows, and the event. `false` when it was done before.
fn erase(
    tx: &mut dyn Transaction,
    number: u64,
    by: &Act,
    now: DateTime<Utc>,
) -> Result<bool, AuthorityError> {
    let row = certificate_key(number);
    let missing = || damaged(CERTIFICATE, &row, "a row of a certificate is missing");
    let bytes = tx.get(CERTIFICATE, &row)?.ok_or_else(missing)?;
    let record: CertificateRecord = decode(CERTIFICATE, &row, &bytes)?;
    if record.erased_at.is_some() {
        return Ok(false);
    }
    let serial = read::serial(&record, &row)?;
    tx.put(CERTIFICATE, &row, &encode(&record.erased(now.timestamp_millis())));
    // A row of nothing, and not no row: of a certificate that has none it would be damage.
    tx.put(DER, &row, &[]);
    let subject = format!("certificate {serial}");
    let event = Event::success(Category::Certificate, "subject-erased", &*by.actor, subject);
    trail::append(tx, &event, now)?;
    Ok(true)
}
