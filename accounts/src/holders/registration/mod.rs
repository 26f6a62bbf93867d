//! How a holder comes in: asked for by themselves and approved by an operator, or registered by
//! an operator; then invited, until the holder has a password.
//!
//! What somebody who asks is told never depends on whether the address has an account: the answer
//! is the same, and only the mail to that address knows. What ends without a holder keeps no
//! personal data.
//!
//! Requests wait for days, since operators decide in working hours; so there is a queue, and it is
//! bounded. Of its places one network has a share: whoever asks in the names of many fills that,
//! and not the queue.

mod invite;
mod queue;
mod record;
mod state;

pub use invite::{Invitation, Invite};
pub use record::{EnvelopePassphrase, NewRegistration, RegistrationView};
pub use state::{RegistrationEvent, RegistrationState};

pub(crate) use invite::end_waiting;
pub(crate) use record::{ApplicantRecord, RegistrationRecord, load, save};

use super::counters::{NEXT_HOLDER, NEXT_REGISTRATION, next};
use super::history::{HistoryEntry, HistoryKind};
use super::holder::{HolderRecord, HolderStatus, SignatureNotices};
use super::job::Round;
use super::messages::{Channel, NewMessage, Template, enqueue};
use super::tables::{HOLDER_BY_EMAIL, REGISTRATION};
use super::throttle::{self, Counted};
use super::{
    Actor, Email, HolderError, HolderId, HolderSettings, Holders, Inner, RegistrationId, fields,
    history, holder,
};
use crate::encoding::{damaged, decode};
use chrono::{DateTime, Utc};
use record::Applicant;
use std::net::IpAddr;
use std::ops::Bound;
use store::{Order, Transaction};

/// What the passphrase of an envelope is sealed for.
const PASSPHRASE: &str = "envelope-passphrase";
/// Rows looked at by one call of the timer.
const SWEEP: usize = 500;
/// Registrations have keys below this, the index by address above.
const IDS_END: [u8; 1] = [1];

impl Holders {
    /// Takes a request of somebody unknown. The answer is the same whether the address has an
    /// account, has asked before, or is new.
    pub async fn request_registration(
        &self,
        new: NewRegistration,
        from: IpAddr,
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        let applicant = new.read(now)?;
        self.transact(move |inner, tx| {
            throttle::caller_may_mail(inner, tx, from, now)?;
            let source = queue::source(inner, from)?;
            // Before anything is known of the address: who asks is told the same for each.
            queue::needs_room(inner, tx, source)?;
            let email = applicant.details.email.clone();
            let language = applicant.details.language;
            let may_mail = throttle::may_mail(inner, tx, Counted::Requests, &email, now)?
                && throttle::may_mail_strangers(inner, tx, now)?;
            let to = Email::parse("email", &email)?;
            let known = holder::find(tx, &email)?;
            let template = if known.is_some() {
                Template::AlreadyRegistered
            } else if tx.get(REGISTRATION, &by_email(&email))?.is_some() {
                Template::RegistrationReceived
            } else {
                let ends_at = (now + inner.settings.request_lifetime).timestamp_millis();
                let state = RegistrationState::Requested;
                let id = keep(inner, tx, &applicant, state, true, Some(ends_at), now)?;
                queue::enter(tx, (id, &email), source)?;
                Template::RegistrationReceived
            };
            if may_mail {
                let message = NewMessage {
                    holder: known,
                    channel: Channel::Mail { to },
                    template,
                    language,
                    // Nobody has confirmed the address: no words of a stranger go there.
                    addressee: String::new(),
                    attachment: None,
                    secret: false,
                };
                enqueue(inner, tx, message, now)?;
            }
            Ok(())
        })
        .await
    }

    /// Registers somebody: the holder is there at once, and can be invited.
    pub async fn register(
        &self,
        new: NewRegistration,
        actor: Actor,
        now: DateTime<Utc>,
    ) -> Result<(RegistrationId, HolderId), HolderError> {
        let applicant = new.read(now)?;
        self.transact(move |inner, tx| {
            let state = RegistrationState::Approved;
            let id = keep(inner, tx, &applicant, state, false, None, now)?;
            let holder = make_holder(tx, id, &applicant.details, &actor, now)?;
            let mut record = load(tx, id)?;
            record.holder = Some(holder.number());
            save(tx, id, &record);
            Ok((id, holder))
        })
        .await
    }

    /// Approves a request: makes the holder.
    pub async fn approve(
        &self,
        id: RegistrationId,
        actor: Actor,
        now: DateTime<Utc>,
    ) -> Result<HolderId, HolderError> {
        self.transact(move |_, tx| {
            let mut record = load(tx, id)?;
            record.state = record.state.apply(RegistrationEvent::Approve)?;
            let applicant = record.applicant.clone().ok_or_else(|| lost(id))?;
            let holder = make_holder(tx, id, &applicant, &actor, now)?;
            record.holder = Some(holder.number());
            record.changed_at = now.timestamp_millis();
            record.ends_at = None;
            queue::leave(tx, (id, &applicant.email), &mut record)?;
            save(tx, id, &record);
            Ok(holder)
        })
        .await
    }

    /// Rejects a registration, with a reason that its address is told. A holder that it made is
    /// gone with it: nobody has used the account.
    pub async fn reject(
        &self,
        id: RegistrationId,
        reason: &str,
        actor: Actor,
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        let reason = fields::line("reason", reason)?;
        self.transact(move |inner, tx| {
            let mut record = load(tx, id)?;
            record.state = record.state.apply(RegistrationEvent::Reject)?;
            record.reason = Some(reason.clone());
            if let Some(applicant) = &record.applicant {
                let message = NewMessage {
                    holder: None,
                    channel: Channel::Mail { to: Email::parse("email", &applicant.email)? },
                    template: Template::RegistrationRejected { reason },
                    language: applicant.language,
                    addressee: String::new(),
                    attachment: None,
                    secret: false,
                };
                enqueue(inner, tx, message, now)?;
            }
            end(tx, id, record, (&actor, HistoryKind::Rejected), now)
        })
        .await
    }

    /// Ends requests that nobody looked at and invitations that nobody used, and forgets why
    /// others were rejected. For a timer; tells how many of all three.
    pub async fn expire_registrations(&self, now: DateTime<Utc>) -> Result<usize, HolderError> {
        let (mut round, mut after) = (Round::default(), Vec::new());
        loop {
            let from = Bound::Excluded(after.as_slice());
            let to = Bound::Excluded(IDS_END.as_slice());
            let rows = self.store().scan(REGISTRATION, from, to, Order::Ascending, SWEEP)?;
            let Some((last, _)) = rows.last() else { return round.end() };
            let last = last.clone();
            for (key, value) in rows {
                match decode(REGISTRATION, &key, &value) {
                    Ok(record) if !is_over(&record, now) && !self.forgets(&record, now) => {}
                    Ok(_) => round.note(match read_id(&key) {
                        Ok(id) => self.expire(id, now).await.map(usize::from),
                        Err(fault) => Err(fault),
                    }),
                    Err(fault) => round.note(Err(fault.into())),
                }
            }
            after = last;
        }
    }

    async fn expire(&self, id: RegistrationId, now: DateTime<Utc>) -> Result<bool, HolderError> {
        self.transact(move |inner, tx| {
            let mut record = load(tx, id)?;
            if forgets_reason(&inner.settings, &record, now) {
                record.reason = None;
                save(tx, id, &record);
                return Ok(true);
            }
            // It may have been approved or used since it was read.
            if !is_over(&record, now) {
                return Ok(false);
            }
            record.state = record.state.apply(RegistrationEvent::Expire)?;
            end(tx, id, record, (&Actor::Service, HistoryKind::RegistrationExpired), now)?;
            Ok(true)
        })
        .await
    }

    fn forgets(&self, record: &RegistrationRecord, now: DateTime<Utc>) -> bool {
        forgets_reason(&self.inner().settings, record, now)
    }

    /// A registration.
    pub fn registration(&self, id: RegistrationId) -> Result<RegistrationView, HolderError> {
        let bytes = self.store().get(REGISTRATION, &id.key())?;
        let bytes = bytes.ok_or(HolderError::UnknownRegistration(id))?;
        let record: RegistrationRecord = decode(REGISTRATION, &id.key(), &bytes)?;
        Ok(record.view(id))
    }

    /// Registrations in the order of their numbers, from the one after `after`; at most 1000.
    pub fn registrations(
        &self,
        after: Option<RegistrationId>,
        limit: usize,
    ) -> Result<Vec<RegistrationView>, HolderError> {
        let from = after.map_or([0; 8], RegistrationId::key);
        let (from, to) = (Bound::Excluded(&from[..]), Bound::Excluded(IDS_END.as_slice()));
        let limit = limit.clamp(1, 1_000);
        let rows = self.store().scan(REGISTRATION, from, to, Order::Ascending, limit)?;
        let view = |(key, value): (Vec<u8>, Vec<u8>)| {
            let record: RegistrationRecord = decode(REGISTRATION, &key, &value)?;
            Ok(record.view(read_id(&key)?))
        };
        rows.into_iter().map(view).collect()
    }
}

/// Writes a new registration.
fn keep(
    inner: &Inner,
    tx: &mut dyn Transaction,
    applicant: &Applicant,
    state: RegistrationState,
    self_service: bool,
    ends_at: Option<i64>,
    now: DateTime<Utc>,
) -> Result<RegistrationId, HolderError> {
    let id = RegistrationId::new(next(tx, NEXT_REGISTRATION)?);
    let sealed = inner.seal(PASSPHRASE, &id.key(), applicant.passphrase.as_bytes())?;
    let at = now.timestamp_millis();
    let record = RegistrationRecord {
        state,
        created_at: at,
        changed_at: at,
        self_service,
        applicant: Some(applicant.details.clone()),
        passphrase: Some(sealed.into()),
        holder: None,
        reason: None,
        ends_at,
        source: None,
    };
    save(tx, id, &record);
    Ok(id)
}

fn make_holder(
    tx: &mut dyn Transaction,
    registration: RegistrationId,
    applicant: &ApplicantRecord,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<HolderId, HolderError> {
    if holder::find(tx, &applicant.email)?.is_some() {
        return Err(HolderError::EmailTaken);
    }
    let id = HolderId::new(next(tx, NEXT_HOLDER)?);
    let record = HolderRecord {
        status: HolderStatus::Invited,
        created_at: now.timestamp_millis(),
        email: applicant.email.clone(),
        given_name: applicant.given_name.clone(),
        surname: applicant.surname.clone(),
        fiscal_code: applicant.fiscal_code.clone(),
        birth_date: applicant.birth_date,
        phone: applicant.phone.clone(),
        notice_email: None,
        language: applicant.language,
        notices: SignatureNotices::default(),
        password: None,
        question: None,
        totp: false,
        closed_at: None,
        erased_at: None,
        registration: Some(registration.number()),
        former_emails: None,
    };
    holder::save(tx, id, &record);
    tx.put(HOLDER_BY_EMAIL, applicant.email.as_bytes(), &id.key());
    let entry = HistoryEntry::new(HistoryKind::Registered, actor.clone());
    history::append(tx, id, &entry.with("registration", registration), now)?;
    Ok(id)
}

/// Ends a registration without a holder: what is personal of it goes, and so does the holder that
/// it made.
fn end(
    tx: &mut dyn Transaction,
    id: RegistrationId,
    mut record: RegistrationRecord,
    (actor, kind): (&Actor, HistoryKind),
    now: DateTime<Utc>,
) -> Result<(), HolderError> {
    if let Some(applicant) = record.applicant.take() {
        queue::leave(tx, (id, &applicant.email), &mut record)?;
    }
    record.passphrase = None;
    record.ends_at = None;
    record.changed_at = now.timestamp_millis();
    save(tx, id, &record);
    let holder = record.holder.map(HolderId::new);
    if let Some(holder) = holder {
        super::personal_data::forget_unused(tx, holder, now)?;
    }
    // In the trail alone: there is no holder any more who could have a history.
    let subject = holder.map_or(format!("registration {id}"), |holder| format!("holder {holder}"));
    let category = trail::Category::Administration;
    let event = trail::Event::success(category, kind.word(), actor.to_string(), subject);
    trail::append(tx, &event.with("registration", id), now)?;
    Ok(())
}

/// The registration of a holder who has set a password.
pub(crate) fn complete(
    tx: &mut dyn Transaction,
    holder: &HolderRecord,
    now: DateTime<Utc>,
) -> Result<(), HolderError> {
    let Some(id) = holder.registration.map(RegistrationId::new) else { return Ok(()) };
    let mut record = load(tx, id)?;
    record.state = record.state.apply(RegistrationEvent::Complete)?;
    record.changed_at = now.timestamp_millis();
    record.ends_at = None;
    // The envelope is not made again: a new one comes with a renewal, under a new passphrase.
    record.passphrase = None;
    save(tx, id, &record);
    Ok(())
}

fn is_over(record: &RegistrationRecord, now: DateTime<Utc>) -> bool {
    let may_end = record.state.apply(RegistrationEvent::Expire).is_ok();
    may_end && record.ends_at.is_some_and(|end| now.timestamp_millis() >= end)
}

/// Whether the words of a rejection have been kept for as long as a request would have waited:
/// they are an operator's free text about somebody who is not here.
fn forgets_reason(
    settings: &HolderSettings,
    record: &RegistrationRecord,
    now: DateTime<Utc>,
) -> bool {
    record.state == RegistrationState::Rejected
        && record.reason.is_some()
        && now >= crate::stamps::instant(record.changed_at) + settings.request_lifetime
}

fn by_email(email: &str) -> Vec<u8> {
    [b"e", email.as_bytes()].concat()
}

fn read_id(key: &[u8]) -> Result<RegistrationId, HolderError> {
    let wrong = |_| damaged(REGISTRATION, key, "not a number of eight bytes");
    Ok(RegistrationId::new(u64::from_be_bytes(key.try_into().map_err(wrong)?)))
}

fn lost(id: RegistrationId) -> HolderError {
    damaged(REGISTRATION, &id.key(), "a registration in this state has an applicant").into()
}
