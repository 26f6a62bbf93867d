//! The queue as operators see it: how each message stands, and never what it says or to whom.

use super::delivery::can_retry;
use super::record::{self, MessageRecord};
use super::{Delivery, MessageState};
use crate::encoding::decode;
use crate::holders::tables::MESSAGE;
use crate::holders::{HolderError, HolderId, Holders, Language, MessageId};
use chrono::{DateTime, TimeDelta, Utc};
use std::ops::Bound;
use store::Order;

/// How long a message is kept after it was made.
const KEPT: TimeDelta = TimeDelta::days(90);
/// Messages looked at by one call, and deleted by one transaction.
const PAGE: usize = 500;
/// Behind the last message: what leads to them begins with a letter.
const LAST: Bound<&[u8]> = Bound::Excluded(&[1]);

/// How a message stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageView {
    /// The identifier.
    pub id: MessageId,
    /// Whose it is; `None` for somebody who is not a holder.
    pub holder: Option<HolderId>,
    /// How it goes.
    pub delivery: Delivery,
    /// What kind of message it is: see [`Template::kind`](super::Template::kind).
    pub kind: String,
    /// In which language.
    pub language: Language,
    /// Where it is.
    pub state: MessageState,
    /// When it was queued.
    pub created_at: DateTime<Utc>,
    /// When it came to where it is.
    pub changed_at: DateTime<Utc>,
    /// Tries so far.
    pub tries: u32,
    /// When it is tried next, while it waits.
    pub next_try_at: Option<DateTime<Utc>>,
    /// Which gateway has taken it.
    pub gateway: Option<String>,
    /// Why the last try failed.
    pub last_error: Option<String>,
    /// Whether an operator may have it tried again.
    pub can_retry: bool,
}

/// Messages, oldest first.
#[derive(Clone, Debug, Default)]
pub struct MessagePage {
    /// The messages; may be fewer than asked for, even none, while there is a `next`.
    pub messages: Vec<MessageView>,
    /// Where to go on; `None` is the end.
    pub next: Option<MessageId>,
}

impl Holders {
    /// Messages from the one after `after`, of one state or of all. The work of a call is bounded:
    /// a state may have none on a page and some on the next.
    ///
    /// # Errors
    /// The store's.
    pub fn messages(
        &self,
        after: Option<MessageId>,
        limit: usize,
        state: Option<MessageState>,
        now: DateTime<Utc>,
    ) -> Result<MessagePage, HolderError> {
        let limit = limit.clamp(1, PAGE);
        let mut page = MessagePage::default();
        for (id, record) in self.stored_messages(after, PAGE)? {
            if page.messages.len() == limit {
                return Ok(page);
            }
            page.next = Some(id);
            if state.is_none_or(|state| state == record.state) {
                page.messages.push(view(id, record, now));
            }
        }
        let more = match page.next {
            Some(last) => !self.stored_messages(Some(last), 1)?.is_empty(),
            None => false,
        };
        page.next = page.next.filter(|_| more);
        Ok(page)
    }

    /// A message.
    ///
    /// # Errors
    /// [`HolderError::UnknownMessage`].
    pub fn message(&self, id: MessageId, now: DateTime<Utc>) -> Result<MessageView, HolderError> {
        let bytes = self.store().get(MESSAGE, &id.key())?;
        let bytes = bytes.ok_or(HolderError::UnknownMessage(id))?;
        Ok(view(id, decode(MESSAGE, &id.key(), &bytes)?, now))
    }

    /// The messages of a holder, oldest first; ten thousand at most.
    ///
    /// # Errors
    /// The store's.
    pub fn messages_of(
        &self,
        holder: HolderId,
        now: DateTime<Utc>,
    ) -> Result<Vec<MessageView>, HolderError> {
        let (messages, _) = super::messages_of(self, holder, None, super::MOST_LISTED)?;
        Ok(messages.into_iter().map(|(id, record)| view(id, record, now)).collect())
    }

    /// Deletes messages that are older than 90 days and do not wait; for a timer. Tells how many
    /// those were.
    ///
    /// # Errors
    /// The store's.
    pub async fn messages_tick(&self, now: DateTime<Utc>) -> Result<usize, HolderError> {
        let (mut deleted, mut after) = (0, None);
        let oldest = (now - KEPT).timestamp_millis();
        loop {
            let messages = self.stored_messages(after, PAGE)?;
            let full = messages.len() == PAGE;
            after = messages.last().map(|(id, _)| *id);
            let old = messages.into_iter().take_while(|(_, record)| record.created_at < oldest);
            let old: Vec<_> =
                old.filter(|(_, it)| it.state != MessageState::Queued).map(|(id, _)| id).collect();
            let none = old.is_empty();
            deleted += old.len();
            if !none {
                self.transact(move |_, tx| {
                    for id in old {
                        if let Some(record) = record::load(tx, id)? {
                            record::delete(tx, id, &record);
                        }
                    }
                    Ok(())
                })
                .await?;
            }
            if none || !full {
                return Ok(deleted);
            }
        }
    }

    fn stored_messages(
        &self,
        after: Option<MessageId>,
        limit: usize,
    ) -> Result<Vec<(MessageId, MessageRecord)>, HolderError> {
        let after = after.map_or([0; 8], MessageId::key);
        let from = Bound::Excluded(&after[..]);
        let rows = self.store().scan(MESSAGE, from, LAST, Order::Ascending, limit)?;
        rows.into_iter()
            .map(|(key, value)| Ok((super::read_id(&key)?, decode(MESSAGE, &key, &value)?)))
            .collect()
    }
}

fn view(id: MessageId, record: MessageRecord, now: DateTime<Utc>) -> MessageView {
    let instant = crate::stamps::instant;
    let waits = record.state == MessageState::Queued;
    MessageView {
        id,
        holder: record.holder.map(HolderId::new),
        delivery: record.delivery,
        language: record.language,
        state: record.state,
        created_at: instant(record.created_at),
        changed_at: instant(record.changed_at),
        tries: record.tries,
        next_try_at: record.due_at().filter(|_| waits).map(instant),
        can_retry: can_retry(&record, now.timestamp_millis()),
        kind: record.kind,
        gateway: record.gateway,
        last_error: record.last_error,
    }
}
