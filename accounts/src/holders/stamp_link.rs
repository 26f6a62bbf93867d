//! The stamp account that a holder linked: the one that stamps with a signature are taken from.
//!
//! A link is the holder's, so it holds for all devices and sessions. Whoever links has shown the
//! login of the stamp account to whoever calls; here is only kept which one it is. Several
//! holders may link the same account: that of a company.

use super::history::{HistoryEntry, HistoryKind};
use super::holder::HolderStatus;
use super::sessions::{Access, AccessKind};
use super::tables::STAMP_LINK;
use super::{HolderError, HolderId, Holders, history, holder};
use crate::StampAccountId;
use crate::encoding::{decode, encode};
use chrono::{DateTime, Utc};
use minicbor::{Decode, Encode};
use store::Transaction;

/// The stamp account of a holder. Used in stored state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct StampLinkRecord {
    #[n(0)]
    pub(crate) account: u64,
    #[n(1)]
    pub(crate) linked_at: i64,
}

impl Holders {
    /// Links a stamp account, in the place of one that was linked. Its own login was checked.
    ///
    /// # Errors
    /// [`HolderError::StepUpNeeded`] for a limited session, [`HolderError::NoSession`] for a
    /// system.
    pub async fn link_stamp_account(
        &self,
        access: &Access,
        account: StampAccountId,
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        may_link(access)?;
        let (id, actor) = (access.holder, access.actor());
        self.transact(move |_, tx| {
            if holder::load(tx, id)?.status != HolderStatus::Active {
                return Err(HolderError::NotLoggedIn);
            }
            let at = now.timestamp_millis();
            let record = StampLinkRecord { account: account.number(), linked_at: at };
            tx.put(STAMP_LINK, &id.key(), &encode(&record, 16));
            let entry = HistoryEntry::new(HistoryKind::StampAccountLinked, actor);
            history::append(tx, id, &entry.with("account", account), now).map(drop)
        })
        .await
    }

    /// Unlinks the stamp account; when there is none, there is nothing to do.
    ///
    /// # Errors
    /// Like [`Holders::link_stamp_account`].
    pub async fn unlink_stamp_account(
        &self,
        access: &Access,
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        may_link(access)?;
        let (id, actor) = (access.holder, access.actor());
        self.transact(move |_, tx| {
            let Some(bytes) = tx.get(STAMP_LINK, &id.key())? else { return Ok(()) };
            let account = read(id, &bytes)?;
            tx.delete(STAMP_LINK, &id.key());
            let entry = HistoryEntry::new(HistoryKind::StampAccountUnlinked, actor);
            history::append(tx, id, &entry.with("account", account), now).map(drop)
        })
        .await
    }

    /// The stamp account that a holder linked.
    pub fn linked_stamp_account(
        &self,
        id: HolderId,
    ) -> Result<Option<StampAccountId>, HolderError> {
        self.store().get(STAMP_LINK, &id.key())?.map(|bytes| read(id, &bytes)).transpose()
    }
}

/// A machine links nothing, and neither does a session that began with a QR code.
fn may_link(access: &Access) -> Result<(), HolderError> {
    access.needs_full()?;
    match access.what {
        AccessKind::Session(_) | AccessKind::Device(_) => Ok(()),
        AccessKind::System(_) => Err(HolderError::NoSession),
    }
}

fn read(id: HolderId, bytes: &[u8]) -> Result<StampAccountId, HolderError> {
    let record: StampLinkRecord = decode(STAMP_LINK, &id.key(), bytes)?;
    Ok(StampAccountId::new(record.account))
}

/// Deletes the link of a holder, and tells whether there was one.
pub(crate) fn erase(
    tx: &mut dyn Transaction,
    holder: HolderId,
    _: usize,
) -> Result<usize, HolderError> {
    let there = tx.get(STAMP_LINK, &holder.key())?.is_some();
    tx.delete(STAMP_LINK, &holder.key());
    Ok(usize::from(there))
}
