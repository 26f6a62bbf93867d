//! The stored form of a message. Every type here is **used in stored state**.

use super::{Attachment, SEALED_FOR, Template};
use crate::encoding::decode;
use crate::holders::tables::MESSAGE;
use crate::holders::{HolderError, Language, MessageId, Pepper};
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

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
