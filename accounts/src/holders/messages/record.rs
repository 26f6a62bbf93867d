//! The stored form of a message. Every type here is **used in stored state**.

use super::{Attachment, SEALED_FOR, Template};
use crate::encoding::{decode, encode};
use crate::holders::tables::MESSAGE;
use crate::holders::{HolderError, HolderId, Language, MessageId, Pepper};
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use openssl::sha::sha256;
use store::Transaction;

/// How a message goes. Used in stored state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Delivery {
    /// By mail.
    #[n(0)]
    Mail,
    /// By short message.
    #[n(1)]
    Sms,
}

/// Where a message is. Used in stored state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum MessageState {
    /// Waits for its next try.
    #[n(0)]
    Queued,
    /// A gateway has taken it.
    #[n(1)]
    Sent,
    /// The gateway says that it arrived.
    #[n(2)]
    Delivered,
    /// It will not be tried again.
    #[n(3)]
    Failed,
}

impl MessageState {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Queued, Self::Sent, Self::Delivered, Self::Failed];

    /// A stable word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }
}

/// A message. Used in stored state.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct MessageRecord {
    #[n(0)]
    pub(crate) holder: Option<u64>,
    #[n(1)]
    pub(crate) delivery: Delivery,
    /// The word of its template: what may be shown when the content is sealed or wiped.
    #[n(2)]
    pub(crate) kind: String,
    #[n(3)]
    pub(crate) language: Language,
    #[n(4)]
    pub(crate) secret: bool,
    /// [`Content`], sealed; `None` once it was wiped.
    #[n(5)]
    pub(crate) content: Option<ByteVec>,
    #[n(6)]
    pub(crate) state: MessageState,
    #[n(7)]
    pub(crate) created_at: i64,
    #[n(8)]
    pub(crate) next_try_at: i64,
    #[n(9)]
    pub(crate) tries: u32,
    /// Who tries it now.
    #[n(10)]
    pub(crate) lease: Option<Lease>,
    #[n(11)]
    pub(crate) changed_at: i64,
    /// What the gateway calls it.
    #[n(12)]
    pub(crate) gateway_id: Option<String>,
    #[n(13)]
    pub(crate) last_error: Option<String>,
    /// Which gateway has taken it.
    #[n(14)]
    pub(crate) gateway: Option<String>,
    /// When its content is good for nothing any more; exclusive.
    #[n(15)]
    pub(crate) ends_at: Option<i64>,
}

impl MessageRecord {
    /// What is sealed of it, while it is there.
    pub(crate) fn open(
        &self,
        pepper: &Pepper,
        id: MessageId,
    ) -> Result<Option<Content>, HolderError> {
        let Some(sealed) = &self.content else { return Ok(None) };
        let bytes = pepper.open(SEALED_FOR, &id.key(), sealed)?;
        Ok(Some(decode(MESSAGE, &id.key(), &bytes)?))
    }

    /// When something has to be done about it: it is tried, or its content is wiped.
    pub(crate) fn due_at(&self) -> Option<i64> {
        match self.state {
            MessageState::Queued => {
                Some(self.lease.as_ref().map_or(self.next_try_at, |lease| lease.until))
            }
            MessageState::Failed if self.content.is_some() => self.ends_at,
            _ => None,
        }
    }

    /// Whether its content is good for nothing any more.
    pub(crate) fn is_over(&self, at: i64) -> bool {
        self.ends_at.is_some_and(|end| at >= end)
    }
}

/// A message, in a transaction.
pub(super) fn load(
    tx: &dyn Transaction,
    id: MessageId,
) -> Result<Option<MessageRecord>, HolderError> {
    let bytes = tx.get(MESSAGE, &id.key())?;
    Ok(bytes.map(|bytes| decode(MESSAGE, &id.key(), &bytes)).transpose()?)
}

/// Writes a message, and when something has to be done about it. `before` is what was there.
pub(super) fn save(
    tx: &mut dyn Transaction,
    id: MessageId,
    before: Option<&MessageRecord>,
    record: &MessageRecord,
) {
    tx.put(MESSAGE, &id.key(), &encode(record, 512));
    let (was, is) = (before.and_then(MessageRecord::due_at), record.due_at());
    if was != is {
        if let Some(was) = was {
            tx.delete(MESSAGE, &due_key(record.delivery, was, id));
        }
        if let Some(is) = is {
            tx.put(MESSAGE, &due_key(record.delivery, is, id), &[]);
        }
    }
    if before.is_none()
        && let Some(holder) = record.holder
    {
        tx.put(MESSAGE, &of_holder(HolderId::new(holder), id), &[]);
    }
}

/// Deletes a message with every row that leads to it.
pub(super) fn delete(tx: &mut dyn Transaction, id: MessageId, record: &MessageRecord) {
    tx.delete(MESSAGE, &id.key());
    if let Some(due) = record.due_at() {
        tx.delete(MESSAGE, &due_key(record.delivery, due, id));
    }
    if let Some(holder) = record.holder {
        tx.delete(MESSAGE, &of_holder(HolderId::new(holder), id));
    }
    if let (Some(gateway), Some(name)) = (&record.gateway, &record.gateway_id) {
        tx.delete(MESSAGE, &gateway_key(gateway, name));
    }
}

/// Letter, instant, message: what there is something to do about, in the order of time. It stands
/// after every message, whose keys begin with zeros.
pub(super) fn due_key(delivery: Delivery, at: i64, id: MessageId) -> [u8; 17] {
    let at = u64::try_from(at).unwrap_or(0);
    key(due_letter(delivery), &at.to_be_bytes(), &id.key())
}

/// Each way has its own: a mail relay that is slow keeps no code waiting.
pub(super) fn due_letter(delivery: Delivery) -> u8 {
    match delivery {
        Delivery::Mail => b'm',
        Delivery::Sms => b't',
    }
}

/// `g`, and half a hash of what a gateway calls a message.
pub(super) fn gateway_key(gateway: &str, name: &str) -> [u8; 17] {
    let hash = sha256(&[gateway.as_bytes(), b"\0", name.as_bytes()].concat());
    key(b'g', &hash[..8], &hash[8..16])
}

/// `h`, holder, message.
pub(super) fn of_holder(holder: HolderId, id: MessageId) -> [u8; 17] {
    key(b'h', &holder.key(), &id.key())
}

fn key(letter: u8, first: &[u8], second: &[u8]) -> [u8; 17] {
    let mut key = [letter; 17];
    key[1..9].copy_from_slice(first);
    key[9..].copy_from_slice(second);
    key
}

/// A worker has a message to itself until a time. Used in stored state.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Lease {
    #[n(0)]
    pub(crate) worker: String,
    #[n(1)]
    pub(crate) until: i64,
}

/// What is sealed of a message. Used in stored state.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Content {
    /// An address, or a number.
    #[n(0)]
    pub(crate) to: String,
    #[n(1)]
    pub(crate) addressee: String,
    #[n(2)]
    pub(crate) template: Template,
    #[n(3)]
    pub(crate) attachment: Option<StoredAttachment>,
}

/// A file of a message. Used in stored state.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct StoredAttachment {
    #[n(0)]
    pub(crate) name: String,
    #[n(1)]
    pub(crate) media_type: String,
    #[n(2)]
    pub(crate) bytes: ByteVec,
}

impl From<Attachment> for StoredAttachment {
    fn from(attachment: Attachment) -> Self {
        let Attachment { name, media_type, bytes } = attachment;
        Self { name, media_type, bytes: bytes.into() }
    }
}

impl From<StoredAttachment> for Attachment {
    fn from(attachment: StoredAttachment) -> Self {
        let StoredAttachment { name, media_type, bytes } = attachment;
        Self { name, media_type, bytes: bytes.into() }
    }
}
