//! The stamp account that a holder linked: the one that stamps with a signature are taken from.
//!
//! A link is the holder's, so it holds for all devices and sessions. Whoever links has shown the
//! login of the stamp account to whoever calls; here is kept which one it is, and what the login
//! rested on. With that password or key the link ends: from the instant that it is changed or
//! revoked there is none, and a moment later the row goes and the holder is told. Several holders
//! may link the same account, that of a company: its owner sees them, and cuts any of them.

use super::history::{HistoryEntry, HistoryKind};
use super::holder::{self, HolderStatus, notify};
use super::job::Round;
use super::messages::Template;
use super::sessions::{Access, AccessKind};
use super::tables::STAMP_LINK;
use super::{Actor, HolderError, HolderId, Holders, Inner, history};
use crate::StampAccountId;
use crate::credentials::LoginProof;
use crate::encoding::{damaged, decode, encode};
use chrono::{DateTime, Utc};
use minicbor::{Decode, Encode};
use std::ops::Bound;
use store::{Order, Transaction};

/// Rows looked at by one step of the timer.
const SWEEP: usize = 500;
/// Links have keys below this, the index by account above.
const LINKS_END: [u8; 1] = [1];
/// The first octet of the index by account.
const BY_ACCOUNT: u8 = b'a';

/// The stamp account of a holder. Used in stored state.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct StampLinkRecord {
    #[n(0)]
    pub(crate) account: u64,
    #[n(1)]
    pub(crate) linked_at: i64,
    /// What the login rested on; `None` in links of early versions, which end by a cut alone.
    #[n(2)]
    pub(crate) proof: Option<LoginProof>,
}

/// A link as the owner of the stamp account and operators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StampLinkView {
    /// Who takes stamps.
    pub holder: HolderId,
    /// The user ID, masked.
    pub user_id: String,
    /// When it was linked.
    pub linked_at: DateTime<Utc>,
    /// What the login rested on, where it is known.
    pub by: Option<LoginProof>,
}

impl Holders {
    /// Links a stamp account, in the place of one that was linked. Its own login was checked, and
    /// `proof` is what that rested on.
    ///
    /// # Errors
    /// [`HolderError::StepUpNeeded`] for a limited session, [`HolderError::NoSession`] for a
    /// system.
    pub async fn link_stamp_account(
        &self,
        access: &Access,
        account: StampAccountId,
        proof: LoginProof,
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        may_link(access)?;
        let (id, actor) = (access.holder, access.actor());
        self.transact(move |inner, tx| {
            let of = holder::load(tx, id)?;
            if of.status != HolderStatus::Active {
                return Err(HolderError::NotLoggedIn);
            }
            let at = now.timestamp_millis();
            let entry = HistoryEntry::new(HistoryKind::StampAccountLinked, actor);
            let entry = entry.with("account", account).with("by", proof.word());
            let record =
                StampLinkRecord { account: account.number(), linked_at: at, proof: Some(proof) };
            erase(tx, id, 1)?;
            tx.put(STAMP_LINK, &id.key(), &encode(&record, 64));
            tx.put(STAMP_LINK, &by_account(account, id), &[]);
            history::append(tx, id, &entry, now)?;
            // Its owner can fetch the tokens: it is told whose stamps are taken from now on.
            let template = Template::StampLinked { account: account.to_string(), at };
            notify(inner, tx, id, &of, &template, now)
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
        self.transact(move |inner, tx| {
            let Some(record) = load(tx, id)? else { return Ok(()) };
            end(inner, tx, (id, StampAccountId::new(record.account)), actor, now)
        })
        .await
    }

    /// The stamp account that a holder linked, while the login that was shown for it holds.
    pub fn linked_stamp_account(
        &self,
        id: HolderId,
    ) -> Result<Option<StampAccountId>, HolderError> {
        let record = self.stamp_link(id)?;
        Ok(match record {
            Some(record) if self.link_holds(&record)? => Some(StampAccountId::new(record.account)),
            _ => None,
        })
    }

    /// The holders who linked a stamp account, in the order of their numbers, from the one after
    /// `after`; at most 1000 at once. Whose link ended with its login is not among them.
    pub fn stamp_links(
        &self,
        account: StampAccountId,
        after: Option<HolderId>,
        limit: usize,
    ) -> Result<Vec<StampLinkView>, HolderError> {
        let mut views = Vec::new();
        let limit = limit.clamp(1, 1_000);
        let mut after = after.unwrap_or(HolderId::new(0));
        loop {
            let page = self.linkers(account, after)?;
            let Some(last) = page.last().copied() else { return Ok(views) };
            for id in page {
                // It may have been unlinked since the scan.
                let Some(record) = self.stamp_link(id)? else { continue };
                if record.account != account.number() || !self.link_holds(&record)? {
                    continue;
                }
                views.push(StampLinkView {
                    holder: id,
                    user_id: self.holder_record(id)?.email()?.masked(),
                    linked_at: crate::stamps::instant(record.linked_at),
                    by: record.proof,
                });
                if views.len() == limit {
                    return Ok(views);
                }
            }
            after = last;
        }
    }

    /// Cuts the link of a holder to this account: by its owner or an operator. Every address of
    /// the holder is told. Whether there was one.
    pub async fn cut_stamp_link(
        &self,
        account: StampAccountId,
        holder: HolderId,
        actor: Actor,
        now: DateTime<Utc>,
    ) -> Result<bool, HolderError> {
        self.transact(move |inner, tx| {
            match load(tx, holder)? {
                Some(record) if record.account == account.number() => {}
                _ => return Ok(false),
            }
            end(inner, tx, (holder, account), actor, now)?;
            Ok(true)
        })
        .await
    }

    /// Ends the links of an account whose login was changed or revoked, and tells how many those
    /// were. They opened nothing any more: now their holders are told.
    pub async fn end_stamp_links(
        &self,
        account: StampAccountId,
        now: DateTime<Utc>,
    ) -> Result<usize, HolderError> {
        let (mut round, mut after) = (Round::default(), HolderId::new(0));
        loop {
            let page = self.linkers(account, after)?;
            let Some(last) = page.last().copied() else { return round.end() };
            for id in page {
                round.note(self.end_when_dead_link(id, now).await);
            }
            after = last;
        }
    }

    /// Work for a timer: what [`Holders::end_stamp_links`] does, for all accounts; and the index by
    /// account gets the links of early versions. Tells how many links it ended.
    pub async fn stamp_links_tick(&self, now: DateTime<Utc>) -> Result<usize, HolderError> {
        let (mut round, mut after) = (Round::default(), Vec::new());
        loop {
            let from = Bound::Excluded(after.as_slice());
            let to = Bound::Excluded(LINKS_END.as_slice());
            let rows = self.store().scan(STAMP_LINK, from, to, Order::Ascending, SWEEP)?;
            let Some((last, _)) = rows.last() else { return round.end() };
            let last = last.clone();
            for (key, _) in rows {
                match read_holder(&key) {
                    Ok(id) => {
                        round.note(self.index_link(id).await.map(|()| 0));
                        round.note(self.end_when_dead_link(id, now).await);
                    }
                    Err(fault) => round.note(Err(fault)),
                }
            }
            after = last;
        }
    }

    /// Holders after one in the index of an account.
    fn linkers(
        &self,
        account: StampAccountId,
        after: HolderId,
    ) -> Result<Vec<HolderId>, HolderError> {
        let from = by_account(account, after);
        let to = by_account(account, HolderId::new(u64::MAX));
        let bounds = (Bound::Excluded(from.as_slice()), Bound::Included(to.as_slice()));
        let rows = self.store().scan(STAMP_LINK, bounds.0, bounds.1, Order::Ascending, SWEEP)?;
        rows.iter().map(|(key, _)| read_holder(key.get(9..).unwrap_or_default())).collect()
    }

    async fn index_link(&self, id: HolderId) -> Result<(), HolderError> {
        let Some(record) = self.stamp_link(id)? else { return Ok(()) };
        let row = by_account(StampAccountId::new(record.account), id);
        if self.store().get(STAMP_LINK, &row)?.is_some() {
            return Ok(());
        }
        self.transact(move |_, tx| {
            // It may have been replaced since it was read.
            if let Some(record) = load(tx, id)? {
                tx.put(STAMP_LINK, &by_account(StampAccountId::new(record.account), id), &[]);
            }
            Ok(())
        })
        .await
    }

    async fn end_when_dead_link(
        &self,
        id: HolderId,
        now: DateTime<Utc>,
    ) -> Result<usize, HolderError> {
        // Read first: most of them hold.
        match self.stamp_link(id)? {
            Some(record) if !self.link_holds(&record)? => {}
            _ => return Ok(0),
        }
        self.transact(move |inner, tx| {
            // It may have been linked anew since it was read.
            let Some(record) = load(tx, id)? else { return Ok(0) };
            let account = StampAccountId::new(record.account);
            let proof = record.proof.as_ref();
            if proof.map_or(Ok(true), |proof| proof.holds(account, |t, key| tx.get(t, key)))? {
                return Ok(0);
            }
            end(inner, tx, (id, account), Actor::Service, now)?;
            Ok(1)
        })
        .await
    }

    fn stamp_link(&self, id: HolderId) -> Result<Option<StampLinkRecord>, HolderError> {
        let bytes = self.store().get(STAMP_LINK, &id.key())?;
        Ok(bytes.map(|bytes| decode(STAMP_LINK, &id.key(), &bytes)).transpose()?)
    }

    fn link_holds(&self, record: &StampLinkRecord) -> Result<bool, HolderError> {
        let Some(proof) = &record.proof else { return Ok(true) };
        let store = self.store();
        Ok(proof.holds(StampAccountId::new(record.account), |table, key| store.get(table, key))?)
    }
}

/// A machine links nothing, and neither does a session of a QR code that was not raised.
fn may_link(access: &Access) -> Result<(), HolderError> {
    access.needs_full()?;
    match access.what {
        AccessKind::Session(_) | AccessKind::Device(_) => Ok(()),
        AccessKind::System(_) => Err(HolderError::NoSession),
    }
}

/// Ends a link that somebody else than its holder ends, and tells the holder.
fn end(
    inner: &Inner,
    tx: &mut dyn Transaction,
    (id, account): (HolderId, StampAccountId),
    actor: Actor,
    now: DateTime<Utc>,
) -> Result<(), HolderError> {
    erase(tx, id, 1)?;
    let entry = HistoryEntry::new(HistoryKind::StampAccountUnlinked, actor);
    history::append(tx, id, &entry.with("account", account), now)?;
    let template =
        Template::StampLinkEnded { account: account.to_string(), at: now.timestamp_millis() };
    let owner = holder::load(tx, id)?;
    notify(inner, tx, id, &owner, &template, now)
}

/// Deletes the link of a holder, and tells whether there was one.
pub(crate) fn erase(
    tx: &mut dyn Transaction,
    holder: HolderId,
    _: usize,
) -> Result<usize, HolderError> {
    let Some(record) = load(tx, holder)? else { return Ok(0) };
    tx.delete(STAMP_LINK, &holder.key());
    tx.delete(STAMP_LINK, &by_account(StampAccountId::new(record.account), holder));
    Ok(1)
}

fn load(tx: &dyn Transaction, id: HolderId) -> Result<Option<StampLinkRecord>, HolderError> {
    let bytes = tx.get(STAMP_LINK, &id.key())?;
    Ok(bytes.map(|bytes| decode(STAMP_LINK, &id.key(), &bytes)).transpose()?)
}

/// `a`, account, holder: 17 bytes, where a holder has eight.
fn by_account(account: StampAccountId, holder: HolderId) -> [u8; 17] {
    let mut key = [BY_ACCOUNT; 17];
    key[1..9].copy_from_slice(&account.number().to_be_bytes());
    key[9..].copy_from_slice(&holder.key());
    key
}

fn read_holder(key: &[u8]) -> Result<HolderId, HolderError> {
    let wrong = |_| damaged(STAMP_LINK, key, "not a number of eight bytes");
    Ok(HolderId::new(u64::from_be_bytes(key.try_into().map_err(wrong)?)))
}
