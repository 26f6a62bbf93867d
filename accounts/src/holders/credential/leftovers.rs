//! What is of no use to anybody any more, and goes: keys of certificates that have ended, with
//! what their codes were compared with, and what was entered in renewals that were left.
//!
//! All are secrets of the holder under a PIN or the pepper. None counts for anything from its
//! instant on; here they are taken out of the store, so that a copy of it has less to give away.

use super::record::{find, save, wraps_of};
use super::{CredentialRecord, State};
use crate::encoding::decode;
use crate::holders::job::Round;
use crate::holders::renewal::RenewalRecord;
use crate::holders::tables::{RENEWAL, SIGNING_CREDENTIAL, SIGNING_KEY};
use crate::holders::{CredentialId, HolderError, Holders};
use chrono::{DateTime, TimeDelta, Utc};
use std::ops::Bound;
use store::{Order, Row, Table, Transaction};

/// So long after the end of its certificate a key is deleted. Nobody can use it in this time: it
/// is for a clock that ran ahead and was put right, which must not have cost anybody a key.
pub const KEY_GRACE: TimeDelta = TimeDelta::days(1);

/// Rows that are looked at before others get their turn.
const PAGE: usize = 500;

impl Holders {
    /// Work for a timer, once a day: deletes the keys of credentials whose certificate ended
    /// [`KEY_GRACE`] ago or that are revoked, and all that tells their codes from others. Looks
    /// through all keys; tells how many went.
    ///
    /// # Errors
    /// The store's.
    pub async fn keys_tick(&self, now: DateTime<Utc>) -> Result<usize, HolderError> {
        let (mut round, mut after) = (Round::default(), None);
        while let Some(page) = self.page(SIGNING_KEY, after.as_deref())? {
            for (key, _) in &page {
                let Some(id) = key.first_chunk::<16>() else { continue };
                round.note(self.forget_key(CredentialId::new(*id), now).await);
            }
            after = page.into_iter().next_back().map(|(key, _)| key);
        }
        round.end()
    }

    async fn forget_key(&self, id: CredentialId, now: DateTime<Utc>) -> Result<usize, HolderError> {
        // Read first: most keys are in use.
        let bytes = self.store().get(SIGNING_CREDENTIAL, &super::record::key(id))?;
        let record = bytes.map(|bytes| decode(SIGNING_CREDENTIAL, id.as_bytes(), &bytes));
        if !is_left(record.transpose()?.as_ref(), now) {
            return Ok(0);
        }
        let forget = move |_: &_, tx: &mut dyn Transaction| {
            if !is_left(find(tx, id)?.as_ref(), now) {
                return Ok(0);
            }
            let wraps = wraps_of(tx, id)?;
            wraps.iter().for_each(|key| tx.delete(SIGNING_KEY, key));
            tx.delete(RENEWAL, id.as_bytes());
            if let Some(mut record) = find(tx, id)? {
                record.forget_codes();
                save(tx, id, &record)?;
            }
            Ok(wraps.len())
        };
        self.transact(forget).await
    }

    /// Work for a timer: deletes what was entered in renewals that cannot go on, since a day is
    /// over or the credential changed. Tells how many those were.
    ///
    /// # Errors
    /// The store's.
    pub async fn renewals_tick(&self, now: DateTime<Utc>) -> Result<usize, HolderError> {
        let (mut round, mut after) = (Round::default(), None);
        while let Some(page) = self.page(RENEWAL, after.as_deref())? {
            for (key, bytes) in &page {
                round.note(self.forget_renewal(key, bytes, now).await);
            }
            after = page.into_iter().next_back().map(|(key, _)| key);
        }
        round.end()
    }

    async fn forget_renewal(
        &self,
        key: &[u8],
        bytes: &[u8],
        now: DateTime<Utc>,
    ) -> Result<usize, HolderError> {
        let record: RenewalRecord = decode(RENEWAL, key, bytes)?;
        let Ok(id) = <[u8; 16]>::try_from(key).map(CredentialId::new) else { return Ok(0) };
        let seen = bytes.to_vec();
        let left = move |_: &_, tx: &mut dyn Transaction| {
            let goes_on = find(tx, id)?.is_some_and(|credential| record.goes_on(&credential, now));
            // It may have begun again since.
            if goes_on || tx.get(RENEWAL, id.as_bytes())?.as_ref() != Some(&seen) {
                return Ok(0);
            }
            tx.delete(RENEWAL, id.as_bytes());
            Ok(1)
        };
        self.transact(left).await
    }

    /// The rows of a table after a key; `None` at its end.
    fn page(&self, table: Table, after: Option<&[u8]>) -> Result<Option<Vec<Row>>, HolderError> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let page = self.store().scan(table, from, Bound::Unbounded, Order::Ascending, PAGE)?;
        Ok(Some(page).filter(|page| !page.is_empty()))
    }
}

/// Whether nobody can use the key of a credential any more, and could not for a while.
fn is_left(record: Option<&CredentialRecord>, now: DateTime<Utc>) -> bool {
    // A key without a credential is nobody's.
    record.is_none_or(|record| match record.life.at(now - KEY_GRACE) {
        State::Revoked { .. } | State::Expired => true,
        State::AwaitingActivation | State::Active | State::Suspended { .. } | State::PinLocked => {
            false
        }
    })
}
