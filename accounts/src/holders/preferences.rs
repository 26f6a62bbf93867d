//! What a holder chooses freely, and what an operator may do to an account: language, notices,
//! the block.

use super::history::{HistoryEntry, HistoryKind};
use super::holder::{HolderEvent, HolderRecord, SignatureNotices, notify};
use super::link;
use super::messages::Template;
use super::{
    Actor, HolderError, HolderId, Holders, Language, devices, fields, history, holder, phone,
    sessions,
};
use chrono::{DateTime, Utc};

impl Holders {
    /// Chooses the language of mails and pages.
    pub async fn set_language(
        &self,
        id: HolderId,
        language: Language,
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        let (kind, word) = (HistoryKind::LanguageChanged, language.code());
        let change = move |record: &mut HolderRecord| {
            record.language = language;
            None
        };
        self.prefer(id, (kind, word), now, change).await
    }

    /// Chooses which notices about signatures are sent. Every address is told, so that nobody stops
    /// them unseen.
    pub async fn set_notices(
        &self,
        id: HolderId,
        notices: SignatureNotices,
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        let (kind, word) = (HistoryKind::NoticesChanged, notices.word());
        let (none, at) = (notices == SignatureNotices::None, now.timestamp_millis());
        let change = move |record: &mut HolderRecord| {
            let other = record.notices != notices;
            record.notices = notices;
            other.then_some(Template::NoticesChanged { at, none })
        };
        self.prefer(id, (kind, word), now, change).await
    }

    /// `change` gives the notice that is sent of it, where there is one.
    async fn prefer(
        &self,
        id: HolderId,
        (kind, word): (HistoryKind, &'static str),
        now: DateTime<Utc>,
        change: impl FnOnce(&mut HolderRecord) -> Option<Template> + Send + 'static,
    ) -> Result<(), HolderError> {
        self.transact(move |inner, tx| {
            let mut record = holder::load(tx, id)?;
            record.needs_open(id)?;
            let told = change(&mut record);
            holder::save(tx, id, &record);
            let entry = HistoryEntry::new(kind, Actor::Holder(id)).with("choice", word);
            history::append(tx, id, &entry, now)?;
            match told {
                Some(template) => notify(inner, tx, id, &record, &template, now),
                None => Ok(()),
            }
        })
        .await
    }

    /// Blocks an account: no login until it is unblocked. Links that were mailed end, and so do
    /// all sessions and devices: unblocking brings none of them back.
    pub async fn block(
        &self,
        id: HolderId,
        reason: &str,
        operator: Actor,
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        self.turn(id, HolderEvent::Block, reason, operator, now).await
    }

    /// Lifts the block of an account.
    pub async fn unblock(
        &self,
        id: HolderId,
        reason: &str,
        operator: Actor,
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        self.turn(id, HolderEvent::Unblock, reason, operator, now).await
    }

    async fn turn(
        &self,
        id: HolderId,
        event: HolderEvent,
        reason: &str,
        operator: Actor,
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        let reason = fields::line("reason", reason)?;
        self.transact(move |inner, tx| {
            let mut record = holder::load(tx, id)?;
            record.status = record.status.apply(event)?;
            holder::save(tx, id, &record);
            let lifted = event == HolderEvent::Unblock;
            if !lifted {
                link::burn_all(tx, id)?;
                sessions::end_all(tx, id, None)?;
                devices::unlink_all(tx, id)?;
                phone::forget(tx, id);
            }
            let kind = if lifted { HistoryKind::Unblocked } else { HistoryKind::Blocked };
            let entry = HistoryEntry::new(kind, operator).with("reason", reason);
            history::append(tx, id, &entry, now)?;
            let template = Template::Blocked { lifted, at: now.timestamp_millis() };
            notify(inner, tx, id, &record, &template, now)
        })
        .await
    }
}
