//! Outgoing mails and short messages: a queue in the store.
//!
//! A message is queued in the transaction of the change that it tells of, so that neither is
//! there without the other ([`enqueue`]). Whom it goes to, what it says and what is attached are
//! sealed at rest; the content of a secret one is wiped when the gateway has taken it.

mod record;
mod template;

pub use record::{Delivery, MessageState};
pub use template::Template;

pub(crate) use record::{Content, MessageRecord};

use super::counters::{NEXT_MESSAGE, next};
use super::tables::MESSAGE;
use super::{Email, HolderError, HolderId, Inner, Language, MessageId, PhoneNumber};
use crate::encoding::encode;
use chrono::{DateTime, Utc};
use store::Transaction;
use zeroize::Zeroizing;

/// What the content of a message is sealed for.
pub(crate) const SEALED_FOR: &str = "message";

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
    let content = Zeroizing::new(encode(&content, 512));
    let sealed = inner.seal(SEALED_FOR, &id.key(), &content)?;
    let at = now.timestamp_millis();
    let record = MessageRecord {
        holder: message.holder.map(HolderId::number),
        delivery,
        kind,
        language: message.language,
        secret: message.secret,
        content: Some(sealed.into()),
        state: MessageState::Queued,
        created_at: at,
        next_try_at: at,
        tries: 0,
        lease: None,
        changed_at: at,
        gateway_id: None,
        last_error: None,
    };
    tx.put(MESSAGE, &id.key(), &encode(&record, 512));
    Ok(id)
}
