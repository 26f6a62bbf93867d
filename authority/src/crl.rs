//! Revocation lists: made at once after a change, on a timer, and one at a time for each CA.
//!
//! Everyone whose change is not on the newest list waits for the same lock. The first makes a list
//! of all that was changed until then, so that those behind find theirs done: a hundred changes at
//! once cost a few lists and not a hundred.

use crate::encoding::{damaged, decode, encode, instant};
use crate::model::{Act, Crl};
use crate::records::CrlRecord;
use crate::registry::{Ca, Inner, blocking};
use crate::standing::Snapshot;
use crate::tables::{AUTHORITY, CRL, authority_key};
use crate::{Authority, AuthorityError, job};
use certs::crl;
use chrono::{DateTime, SubsecRound, Utc};
use openssl::x509::X509Crl;
use std::sync::Arc;
use store::{StoreError, Transaction};
use trail::{Category, Event};

/// A longer list is not stored: the journal keeps every list that ever was, and one comes with each
/// change. About 5,000 certificates.
const LONGEST_STORED: usize = 256 * 1024;

/// What is known of a CA's lists by whoever makes the next one.
#[derive(Debug)]
pub(crate) struct Publishing {
    /// The count of changes that the newest list has; `None` before the first list.
    pub(crate) covers: Option<u64>,
    /// The number of the newest list, over all starts.
    pub(crate) last: u64,
}

/// Which list is good enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// One that has this change.
    Change(u64),
    /// A new one.
    New,
    /// One that is neither missing, nor without a change, nor due.
    Due,
}

impl Authority {
    /// The newest list of a CA; `None` when there is no such CA, or no list could be made yet.
    /// Right after a change it has the change.
    #[must_use]
    pub fn crl(&self, ca: &str) -> Option<Arc<Crl>> {
        self.0.find(ca).ok()?.crl.load_full()
    }

    /// Makes a new list now.
    ///
    /// # Errors
    /// [`AuthorityError::UnknownCa`], [`AuthorityError::Unpublished`] when the CA's key does not
    /// sign or the list cannot be registered.
    pub async fn publish_crl(
        &self,
        ca: &str,
        by: &Act,
        now: DateTime<Utc>,
    ) -> Result<Arc<Crl>, AuthorityError> {
        by.check()?;
        let number = self.0.find(ca)?.number;
        self.0.publish(number, Wanted::New, by, now).await
    }
}

impl Inner {
    /// Gives a list as it is wanted, made now if need be. The making goes on when the caller is
    /// gone: others may wait for the same list.
    pub(crate) async fn publish(
        self: &Arc<Self>,
        ca: u16,
        wanted: Wanted,
        by: &Act,
        now: DateTime<Utc>,
    ) -> Result<Arc<Crl>, AuthorityError> {
        let Some(ca) = self.numbered(ca).map(Arc::clone) else {
            let (ca, reason) = (format!("number {ca}"), "its key is not configured".to_owned());
            return Err(AuthorityError::Unpublished { ca, reason });
        };
        let (inner, by) = (Arc::clone(self), by.clone());
        let making = tokio::spawn(async move { inner.make(&ca, wanted, &by, now).await });
        making.await.map_err(|error| AuthorityError::CutOff(error.to_string()))?
    }

    /// Takes up the newest list from before a restart while it is valid: the CA's key may be away.
    /// It covers no change for certain, so the timer makes another at its first turn.
    pub(crate) fn resume_crl(&self, ca: &Ca, now: DateTime<Utc>) -> Result<(), AuthorityError> {
        let key = authority_key(ca.number);
        let Some(bytes) = self.store.get(CRL, &key)? else { return Ok(()) };
        let crl = decode::<CrlRecord>(CRL, &key, &bytes)?.list(&key)?;
        let is_newest = ca.read_record(&*self.store)?.crl_number == crl.number;
        if !is_newest || !(crl.this_update..crl.next_update).contains(&now) {
            return Ok(());
        }
        let public = ca.authority.key().public_key();
        let is_signed = |list: X509Crl| list.verify(public).unwrap_or(false);
        if X509Crl::from_der(&crl.der).is_ok_and(is_signed) {
            ca.crl.store(Some(Arc::new(crl)));
        } else {
            tracing::warn!(ca = ca.id(), "the stored revocation list is not one of this CA");
        }
        Ok(())
    }

    /// Whether the timer has to make a list.
    pub(crate) fn is_due(&self, ca: &Ca, covers: Option<u64>, now: DateTime<Utc>) -> bool {
        let Some(crl) = ca.crl.load_full() else { return true };
        // A clock that was ahead and is right again would leave a list from the future.
        let is_from_the_future = now < crl.this_update;
        is_from_the_future
            || now >= crl.this_update + self.settings.crl_every
            || covers != Some(self.standings.changes(ca.number))
    }

    async fn make(
        &self,
        ca: &Arc<Ca>,
        wanted: Wanted,
        by: &Act,
        now: DateTime<Utc>,
    ) -> Result<Arc<Crl>, AuthorityError> {
        let mut publishing = ca.publishing.lock().await;
        let is_enough = match wanted {
            Wanted::Change(count) => publishing.covers.is_some_and(|covers| covers >= count),
            Wanted::New => false,
            Wanted::Due => !self.is_due(ca, publishing.covers, now),
        };
        if let (true, Some(crl)) = (is_enough, ca.crl.load_full()) {
            return Ok(crl);
        }
        let Snapshot { changes, entries } = self.standings.snapshot(ca.number);
        let number = publishing.last + 1;
        let this_update = now.trunc_subsecs(0);
        let next_update = this_update + self.settings.crl_lifetime;
        let (signer, count) = (Arc::clone(ca), entries.len());
        let build = move || {
            let entries = entries.iter().map(|entry| &**entry);
            crl::build(&signer.authority, number, this_update, next_update, entries)
        };
        let der = blocking(build).await?.map_err(|error| unpublished(ca, &error))?;
        let hash = hex::encode(openssl::sha::sha256(&der));
        let etag = format!("\"{hash}\"");
        let crl = Crl { der, number, this_update, next_update, entries: count, etag };
        let durable = self.number_durable(ca, &crl, hash, by, now).await;
        durable.map_err(|error| unpublished(ca, &error))?;

        let crl = Arc::new(crl);
        ca.crl.store(Some(Arc::clone(&crl)));
        *publishing = Publishing { covers: Some(changes), last: number };
        Ok(crl)
    }

    /// The number is durable before the list leaves: no later list, after whatever crash, has it.
    async fn number_durable(
        &self,
        ca: &Arc<Ca>,
        crl: &Crl,
        hash: String,
        by: &Act,
        now: DateTime<Utc>,
    ) -> Result<(), AuthorityError> {
        let (ca, number, at) = (Arc::clone(ca), crl.number, crl.this_update);
        let stored = (crl.der.len() <= LONGEST_STORED).then(|| encode(&CrlRecord::of(crl)));
        let subject = format!("crl {}", ca.id());
        let event = Event::success(Category::Certificate, "crl-published", &*by.actor, subject)
            .with("number", number)
            .with("entries", crl.entries)
            .with("until", crl.next_update.to_rfc3339())
            .with("sha256", hash);
        let event = if by.reason.is_empty() { event } else { event.with("reason", &by.reason) };
        let work = move |tx: &mut dyn Transaction| {
            let mut record = ca.record(tx)?;
            if record.crl_number >= number {
                let (key, what) = (authority_key(ca.number), "a CRL number that was used before");
                return Err(damaged(AUTHORITY, &key, what).into());
            }
            record.crl_number = number;
            record.crl_at = Some(at.timestamp_millis());
            ca.put_record(tx, &record);
            if let Some(stored) = &stored {
                tx.put(CRL, &authority_key(ca.number), stored);
            }
            trail::append(tx, &event, now)?;
            Ok(())
        };
        job::run(&*self.store, work, |()| {}).await
    }
}

fn unpublished(ca: &Ca, error: &impl std::fmt::Display) -> AuthorityError {
    AuthorityError::Unpublished { ca: ca.id().to_owned(), reason: error.to_string() }
}

impl CrlRecord {
    fn of(crl: &Crl) -> Self {
        Self {
            number: crl.number,
            this_update: crl.this_update.timestamp_millis(),
            next_update: crl.next_update.timestamp_millis(),
            entries: crl.entries as u64,
            der: crl.der.clone(),
        }
    }

    fn list(self, key: &[u8]) -> Result<Crl, StoreError> {
        let Self { number, this_update, next_update, entries, der } = self;
        let etag = format!("\"{}\"", hex::encode(openssl::sha::sha256(&der)));
        Ok(Crl {
            number,
            this_update: instant(CRL, key, this_update)?,
            next_update: instant(CRL, key, next_update)?,
            entries: usize::try_from(entries)
                .map_err(|_| damaged(CRL, key, "an impossible count"))?,
            der,
            etag,
        })
    }
}
