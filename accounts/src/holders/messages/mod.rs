//! Outgoing mails and short messages: a queue in the store.
//!
//! A message is queued in the transaction of the change that it tells of, so that neither is
//! there without the other (`enqueue`). Whom it goes to, what it says and what is attached are
//! sealed at rest; the content of a secret one is wiped when the gateway has taken it.
//!
//! Workers claim what is due, for a time ([`Holders::claim_messages`]), and say what became of it
//! ([`Holders::message_sent`], [`Holders::message_refused`]). A row for each message that there is
//! something to do about, in the order of time, spares them looking at all of them.

mod delivery;
mod list;
mod record;
mod release;
mod template;

pub use delivery::{LEASE, Outgoing};
pub use list::{MessagePage, MessageView};
pub use record::{Delivery, MessageState};
pub use template::Template;

pub(crate) use record::{Content, MessageRecord};
#[cfg(test)]
pub(crate) use record::{Lease, StoredAttachment};

use record::of_holder;

use super::counters::{NEXT_MESSAGE, next};
use super::tables::MESSAGE;
use super::{Email, HolderError, HolderId, Holders, Inner, Language, MessageId, PhoneNumber};
use crate::encoding::{damaged, decode, encode};
use chrono::{DateTime, Utc};
use std::ops::Bound;
use store::{Order, Transaction};
use zeroize::Zeroizing;

/// What the content of a message is sealed for.
pub(crate) const SEALED_FOR: &str = "message";

/// Messages of a holder that are listed.
const MOST_LISTED: usize = 10_000;

/// The way that a message goes.
#[derive(Clone, Debug)]
pub enum Channel {
    /// A mail.
    Mail {
        /// Its address.
        to: Email,
    },
    /// A short message.
    Sms {
        /// Its number.
        to: PhoneNumber,
    },
}

/// A file that goes with a mail.
#[derive(Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Its name, as in `envelope.pdf`.
    pub name: String,
    /// Its type, as in `application/pdf`.
    pub media_type: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for Attachment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Attachment").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A message to be queued.
#[derive(Debug)]
pub struct NewMessage {
    /// Whose history it belongs to; `None` for somebody who is not a holder.
    pub holder: Option<HolderId>,
    /// How, and to whom.
    pub channel: Channel,
    /// What it says.
    pub template: Template,
    /// In which language.
    pub language: Language,
    /// The name in its first line.
    pub addressee: String,
    /// A file, with mails only.
    pub attachment: Option<Attachment>,
    /// Whether its content is wiped as soon as the gateway has taken it.
    pub secret: bool,
}

/// Queues a message in the transaction of what it tells of.
pub(crate) fn enqueue(
    inner: &Inner,
    tx: &mut dyn Transaction,
    message: NewMessage,
    now: DateTime<Utc>,
) -> Result<MessageId, HolderError> {
    let id = MessageId::new(next(tx, NEXT_MESSAGE)?);
    let (delivery, to) = match &message.channel {
        Channel::Mail { to } => (Delivery::Mail, to.as_str()),
        Channel::Sms { to } => (Delivery::Sms, to.as_str()),
    };
    let content = Content {
        to: to.to_owned(),
        addressee: message.addressee,
        template: message.template,
        attachment: message.attachment.map(Into::into),
    };
    let kind = content.template.kind().to_owned();
    let ends_at = content.template.ends_at(inner.settings.otp_lifetime);
    let content = Zeroizing::new(encode(&content, 512));
    let sealed = inner.seal(SEALED_FOR, &id.key(), &content)?;
    let at = now.timestamp_millis();
    let record = MessageRecord {
        holder: message.holder.map(HolderId::number),
        delivery,
        kind,
        language: message.language,
        // Of somebody who is no holder nothing is kept longer than it takes to send it.
        secret: message.secret || message.holder.is_none(),
        content: Some(sealed.into()),
        state: MessageState::Queued,
        created_at: at,
        next_try_at: at,
        tries: 0,
        lease: None,
        changed_at: at,
        gateway_id: None,
        last_error: None,
        gateway: None,
        ends_at,
    };
    record::save(tx, id, None, &record);
    Ok(id)
}

/// Messages, and where to go on; `None` is the end.
type StoredPage = (Vec<(MessageId, MessageRecord)>, Option<MessageId>);

/// Up to `limit` messages of a holder, oldest first, from the one after `after` on.
pub(crate) fn messages_of(
    holders: &Holders,
    holder: HolderId,
    after: Option<MessageId>,
    limit: usize,
) -> Result<StoredPage, HolderError> {
    let (from, to) = (
        of_holder(holder, after.unwrap_or(MessageId::new(0))),
        of_holder(holder, MessageId::new(u64::MAX)),
    );
    let (from, to) = (Bound::Excluded(from.as_slice()), Bound::Included(to.as_slice()));
    let rows = holders.store().scan(MESSAGE, from, to, Order::Ascending, limit)?;
    let (full, mut messages, mut last) =
        (rows.len() == limit, Vec::with_capacity(rows.len()), None);
    for (row, _) in rows {
        let id = read_id(&row)?;
        last = Some(id);
        if let Some(bytes) = holders.store().get(MESSAGE, &id.key())? {
            messages.push((id, decode(MESSAGE, &id.key(), &bytes)?));
        }
    }
    Ok((messages, last.filter(|_| full)))
}

/// Deletes up to `limit` messages of a holder, and tells how many those were.
pub(crate) fn erase(
    tx: &mut dyn Transaction,
    holder: HolderId,
    limit: usize,
) -> Result<usize, HolderError> {
    let (from, to) =
        (of_holder(holder, MessageId::new(0)), of_holder(holder, MessageId::new(u64::MAX)));
    let (from, to) = (Bound::Included(from.as_slice()), Bound::Included(to.as_slice()));
    let rows = tx.scan(MESSAGE, from, to, Order::Ascending, limit)?;
    for (row, _) in &rows {
        let id = read_id(row)?;
        if let Some(record) = record::load(tx, id)? {
            record::delete(tx, id, &record);
        }
        tx.delete(MESSAGE, row);
    }
    Ok(rows.len())
}

fn read_id(row: &[u8]) -> Result<MessageId, HolderError> {
    let wrong = || damaged(MESSAGE, row, "a key of the wrong length");
    let (_, id) = row.split_last_chunk::<8>().ok_or_else(wrong)?;
    Ok(MessageId::new(u64::from_be_bytes(*id)))
}
