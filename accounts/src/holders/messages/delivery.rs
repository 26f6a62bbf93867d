//! How queued messages go out: claimed, sent or refused, reported.
//!
//! ```text
//! Queued ──claim──▶ (leased) ──sent──▶ Sent ──report──▶ Delivered
//!   ▲                  │  │              └────report──▶ Failed
//!   └──refused, retry──┘  └──refused for good──▶ Failed ──operator──▶ Queued
//! ```
//!
//! A claim is a lease: while it lasts no other worker gets the message. Who claims says what came
//! of it before the lease ends. When nobody does, the process was lost in the middle, and the
//! message is due again: rather twice than never, since a notice that is missing hides an attack
//! and a second copy of a code or a link harms nobody.

use super::record::{self, Content, Lease, MessageRecord};
use super::{Attachment, Delivery, MessageState, Template};
use crate::holders::tables::MESSAGE;
use crate::holders::{Actor, HolderError, HolderId, Holders, Inner, Language, MessageId};
use chrono::{DateTime, TimeDelta, Utc};
use std::ops::Bound;
use store::{Order, Transaction};

/// How long a claim lasts. One try has to end well before.
pub const LEASE: TimeDelta = TimeDelta::minutes(2);
/// Messages of one claim.
const MOST_CLAIMED: usize = 100;
/// Tries of a message.
pub(crate) const MOST_TRIES: u32 = 10;
/// The first wait after a refusal, and by how much it grows, in milliseconds: a mail has a day,
/// and a code three minutes.
const MAIL: (i64, i64) = (30_000, 4);
const CODE: (i64, i64) = (5_000, 2);
/// The longest wait.
const LONGEST: i64 = 6 * 3_600_000;
/// So long the content of a message to somebody who is no holder is kept after it failed: an
/// operator may have it tried again in that time.
const KEPT_OF_STRANGERS: i64 = 24 * 3_600_000;
/// The longest error that is kept, in characters.
const LONGEST_ERROR: usize = 200;
/// The longest name that a gateway gives.
const LONGEST_NAME: usize = 200;

/// A message on its way out.
pub struct Outgoing {
    /// The identifier.
    pub id: MessageId,
    /// How it goes.
    pub delivery: Delivery,
    /// An address, or a number (E.164).
    pub to: String,
    /// The name in its first line.
    pub addressee: String,
    /// What it says.
    pub template: Template,
    /// In which language.
    pub language: Language,
    /// A file, with mails only.
    pub attachment: Option<Attachment>,
    /// Whose it is; `None` for somebody who is not a holder.
    pub holder: Option<HolderId>,
    /// Which try this is: 1 is the first.
    pub tries: u32,
    /// Whether its content is wiped as soon as a gateway has taken it.
    pub secret: bool,
    /// When it was queued.
    pub created_at: DateTime<Utc>,
    /// From when on it is not worth sending; exclusive.
    pub ends_at: Option<DateTime<Utc>>,
}

impl std::fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Neither whom it goes to nor what it says goes into logs.
        f.debug_struct("Outgoing")
            .field("id", &self.id)
            .field("template", &self.template)
            .field("tries", &self.tries)
            .finish_non_exhaustive()
    }
}

impl Holders {
    /// Takes messages of one way that are due, for [`LEASE`]: up to `limit`, and a hundred. When
    /// none is, nothing is written. What has ended is not given out, and its content is wiped.
    ///
    /// # Errors
    /// The store's; [`HolderError::Unsealable`] with another pepper.
    pub async fn claim_messages(
        &self,
        delivery: Delivery,
        worker: &str,
        limit: usize,
        now: DateTime<Utc>,
    ) -> Result<Vec<Outgoing>, HolderError> {
        let limit = limit.min(MOST_CLAIMED);
        let (from, to) = due_until(delivery, now);
        let (from, to) = (Bound::Included(&from[..]), Bound::Excluded(&to[..]));
        if self.store().scan(MESSAGE, from, to, Order::Ascending, limit)?.is_empty() {
            return Ok(Vec::new());
        }
        let worker = cut(worker, LONGEST_NAME);
        self.transact(move |inner, tx| claim(inner, tx, delivery, (&worker, limit), now)).await
    }

    /// A gateway has taken a message, and calls it `name`. The content of a secret one is wiped.
    ///
    /// # Errors
    /// [`HolderError::UnknownMessage`] when it was erased in the meantime.
    pub async fn message_sent(
        &self,
        id: MessageId,
        gateway: &str,
        name: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        let (gateway, name) =
            (cut(gateway, LONGEST_NAME), name.map(|name| cut(name, LONGEST_NAME)));
        self.transact(move |_, tx| {
            let before = record::load(tx, id)?.ok_or(HolderError::UnknownMessage(id))?;
            if matches!(before.state, MessageState::Sent | MessageState::Delivered) {
                // Another worker, after a lease that ran out.
                return Ok(());
            }
            let mut record = MessageRecord {
                state: MessageState::Sent,
                lease: None,
                last_error: None,
                changed_at: now.timestamp_millis(),
                gateway: Some(gateway),
                gateway_id: name,
                ..before.clone()
            };
            if record.secret {
                record.content = None;
            }
            if let (Some(gateway), Some(name)) = (&record.gateway, &record.gateway_id) {
                tx.put(MESSAGE, &record::gateway_key(gateway, name), &id.key());
            }
            record::save(tx, id, Some(&before), &record);
            Ok(())
        })
        .await
    }

    /// No gateway has taken a message. `retry` only where nothing can have been accepted: it is
    /// tried again after a while, as long as it is worth it and ten times at most. `error` is
    /// shown to operators: it holds no address and nothing of the content.
    ///
    /// # Errors
    /// [`HolderError::UnknownMessage`] when it was erased in the meantime.
    pub async fn message_refused(
        &self,
        id: MessageId,
        error: &str,
        retry: bool,
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        let error = cut(error, LONGEST_ERROR);
        self.transact(move |_, tx| {
            let before = record::load(tx, id)?.ok_or(HolderError::UnknownMessage(id))?;
            if before.state != MessageState::Queued {
                return Ok(());
            }
            let at = now.timestamp_millis();
            let next_try_at = at + wait(&before);
            let again = retry && before.tries < MOST_TRIES && !before.is_over(next_try_at);
            if !again {
                return fail(tx, id, &before, error, now);
            }
            let record = MessageRecord {
                lease: None,
                next_try_at,
                last_error: Some(error),
                changed_at: at,
                ..before.clone()
            };
            record::save(tx, id, Some(&before), &record);
            Ok(())
        })
        .await
    }

    /// What a gateway says became of a message that it took. `false` when there is no such
    /// message (any more); the same report twice changes nothing the second time.
    ///
    /// # Errors
    /// The store's.
    pub async fn message_report(
        &self,
        gateway: &str,
        name: &str,
        delivered: bool,
        detail: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, HolderError> {
        let key = record::gateway_key(&cut(gateway, LONGEST_NAME), &cut(name, LONGEST_NAME));
        let detail = cut(detail, LONGEST_ERROR);
        self.transact(move |_, tx| {
            let Some(id) = tx.get(MESSAGE, &key)? else { return Ok(false) };
            let id = super::read_id(&id)?;
            let Some(before) = record::load(tx, id)? else { return Ok(false) };
            // What has arrived has arrived, whatever comes after.
            if before.state != MessageState::Sent {
                return Ok(true);
            }
            if delivered {
                let changed_at = now.timestamp_millis();
                let state = MessageState::Delivered;
                let record = MessageRecord { state, changed_at, ..before.clone() };
                record::save(tx, id, Some(&before), &record);
            } else {
                fail(tx, id, &before, detail, now)?;
            }
            Ok(true)
        })
        .await
    }

    /// Has a message that failed tried again, for an operator.
    ///
    /// # Errors
    /// [`HolderError::UnknownMessage`]; [`HolderError::MessageNotRetriable`] unless it failed and
    /// its content is there and worth sending.
    pub async fn retry_message(
        &self,
        id: MessageId,
        operator: Actor,
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        self.transact(move |_, tx| {
            let before = record::load(tx, id)?.ok_or(HolderError::UnknownMessage(id))?;
            let at = now.timestamp_millis();
            if !can_retry(&before, at) {
                return Err(HolderError::MessageNotRetriable);
            }
            let record = MessageRecord {
                state: MessageState::Queued,
                lease: None,
                tries: 0,
                next_try_at: at,
                changed_at: at,
                ..before.clone()
            };
            record::save(tx, id, Some(&before), &record);
            let (category, subject) = (trail::Category::Administration, format!("message {id}"));
            let actor = operator.to_string();
            let event = trail::Event::success(category, "message-retried", actor, subject);
            trail::append(tx, &event, now)?;
            Ok(())
        })
        .await
    }
}

/// Where the rows of what is due now begin, and where they have ended.
fn due_until(delivery: Delivery, now: DateTime<Utc>) -> ([u8; 1], [u8; 17]) {
    let after = now.timestamp_millis().saturating_add(1);
    ([record::due_letter(delivery)], record::due_key(delivery, after, MessageId::new(0)))
}

fn claim(
    inner: &Inner,
    tx: &mut dyn Transaction,
    delivery: Delivery,
    (worker, limit): (&str, usize),
    now: DateTime<Utc>,
) -> Result<Vec<Outgoing>, HolderError> {
    let (at, (from, to)) = (now.timestamp_millis(), due_until(delivery, now));
    let (from, to) = (Bound::Included(&from[..]), Bound::Excluded(&to[..]));
    let due = tx.scan(MESSAGE, from, to, Order::Ascending, limit)?;
    let mut claimed = Vec::with_capacity(due.len());
    for (row, _) in due {
        let id = super::read_id(&row)?;
        let Some(before) = record::load(tx, id)? else {
            tx.delete(MESSAGE, &row);
            continue;
        };
        if before.is_over(at) {
            fail(tx, id, &before, "its time had ended before it was sent".to_owned(), now)?;
            continue;
        }
        if before.tries >= MOST_TRIES {
            // Each lease ran out: whoever tries it does not live to say so.
            fail(tx, id, &before, "no try came to an end".to_owned(), now)?;
            continue;
        }
        let content = match before.open(&inner.pepper, id) {
            Ok(Some(content)) => content,
            // One that is damaged does not keep the others back.
            Ok(None) | Err(HolderError::Unsealable { .. }) => {
                fail(tx, id, &before, "its content does not open".to_owned(), now)?;
                continue;
            }
            Err(error) => return Err(error),
        };
        let until = (now + LEASE).timestamp_millis();
        let lease = Some(Lease { worker: worker.to_owned(), until });
        let record = MessageRecord { lease, tries: before.tries + 1, ..before.clone() };
        record::save(tx, id, Some(&before), &record);
        claimed.push(outgoing(id, &record, content));
    }
    Ok(claimed)
}

fn outgoing(id: MessageId, record: &MessageRecord, content: Content) -> Outgoing {
    let Content { to, addressee, template, attachment } = content;
    Outgoing {
        id,
        delivery: record.delivery,
        to,
        addressee,
        template,
        language: record.language,
        attachment: attachment.map(Into::into),
        holder: record.holder.map(HolderId::new),
        tries: record.tries,
        secret: record.secret,
        created_at: crate::stamps::instant(record.created_at),
        ends_at: record.ends_at.map(crate::stamps::instant),
    }
}

/// The end of a message that did not get through. An operator may have it tried again while its
/// content is worth something; a code, or what has ended, is wiped at once, and what went to
/// somebody who is no holder a day later.
fn fail(
    tx: &mut dyn Transaction,
    id: MessageId,
    before: &MessageRecord,
    error: String,
    now: DateTime<Utc>,
) -> Result<(), HolderError> {
    let at = now.timestamp_millis();
    let mut record = MessageRecord {
        state: MessageState::Failed,
        lease: None,
        last_error: Some(error),
        changed_at: at,
        ..before.clone()
    };
    if record.is_over(at) || is_code(&record) {
        record.content = None;
    } else if record.holder.is_none() {
        // Who is no holder gave an address and nothing else; it goes soon.
        let end = at.saturating_add(KEPT_OF_STRANGERS);
        record.ends_at = Some(record.ends_at.map_or(end, |given| given.min(end)));
    }
    record::save(tx, id, Some(before), &record);
    // Only what was not known to have failed is news.
    if before.state == MessageState::Failed {
        return Ok(());
    }
    let (category, subject) = (trail::Category::Service, format!("message {id}"));
    let event = trail::Event::failure(category, "message-failed", "service", subject);
    trail::append(tx, &event.with("kind", &record.kind), now)?;
    Ok(())
}

/// Whether an operator may have it tried again.
pub(super) fn can_retry(record: &MessageRecord, at: i64) -> bool {
    record.state == MessageState::Failed && record.content.is_some() && !record.is_over(at)
}

fn is_code(record: &MessageRecord) -> bool {
    record.delivery == Delivery::Sms && record.secret
}

/// How long the next try waits, after a try that was counted.
fn wait(record: &MessageRecord) -> i64 {
    let (first, factor) = if is_code(record) { CODE } else { MAIL };
    let grown = factor.saturating_pow(record.tries.saturating_sub(1));
    first.saturating_mul(grown).min(LONGEST)
}

fn cut(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}
