//! E-mail addresses: another user ID, and an address for notices.
//!
//! A new address counts when its owner has followed the link that was mailed to it; until then
//! nothing is changed, and the old one has been told. Whether another holder has the address is
//! told to nobody but the mail that goes there.

use super::fields::FieldRule;
use super::history::{HistoryEntry, HistoryKind};
use super::holder::{HolderRecord, mail, notify};
use super::link::{self, LinkEvent, LinkPurpose};
use super::messages::{Channel, NewMessage, Template, enqueue};
use super::otp::{OtpVerified, Purpose};
use super::tables::HOLDER_BY_EMAIL;
use super::throttle::{self, Counted};
use super::{Actor, Email, HolderError, HolderId, Holders, Inner, former, history, holder, otp};
use chrono::{DateTime, Utc};
use store::Transaction;

/// Which address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AddressKind {
    /// That the holder logs in with.
    UserId,
    /// That notices about signatures go to.
    Notices,
}

impl AddressKind {
    fn purpose(self) -> LinkPurpose {
        match self {
            Self::UserId => LinkPurpose::ConfirmUserId,
            Self::Notices => LinkPurpose::ConfirmNoticeEmail,
        }
    }
}

/// What a one-time code for a change to an address is bound to: a code for where notices go is
/// none for the user ID.
#[must_use]
pub fn address_bound(kind: AddressKind, new: &Email) -> [u8; 32] {
    let kind: &[u8] = match kind {
        AddressKind::UserId => b"user-id",
        AddressKind::Notices => b"notices",
    };
    otp::bound(&[kind, new.as_str().as_bytes()])
}

impl Holders {
    /// Mails a link to a new address, and tells the old one. `proof` is for
    /// [`Purpose::ChangeEmail`], bound to [`address_bound`].
    pub async fn request_address(
        &self,
        id: HolderId,
        kind: AddressKind,
        new: &Email,
        proof: OtpVerified,
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        let operation = proof.operation();
        proof.consume(id, operation, Purpose::ChangeEmail, &address_bound(kind, new))?;
        let new = new.clone();
        self.transact(move |inner, tx| {
            let record = holder::load(tx, id)?;
            record.needs_open(id)?;
            let current = match kind {
                AddressKind::UserId => Some(record.email.as_str()),
                AddressKind::Notices => record.notice_email.as_deref(),
            };
            if current == Some(new.as_str()) {
                return Err(FieldRule::Unchanged.broken_by("address"));
            }
            let at = now.timestamp_millis();
            let template = Template::EmailChangeRequested { new_address: new.masked(), at };
            notify(inner, tx, id, &record, &template, now)?;
            let entry = HistoryEntry::new(HistoryKind::EmailChangeRequested, Actor::Holder(id));
            history::append(tx, id, &entry.with("address", new.masked()), now)?;
            let other = holder::find(tx, new.as_str())?.filter(|other| *other != id);
            match other.filter(|_| kind == AddressKind::UserId) {
                Some(other) => {
                    // As a link that is mailed would: else the older one tells what became of this.
                    link::take_away(tx, id, kind.purpose(), LinkEvent::Replace)?;
                    tell_other(inner, tx, other, new, now)
                }
                None => send_link(inner, tx, (id, &record), kind, new, now),
            }
        })
        .await
    }

    /// Confirms a new address with the link that was mailed to it.
    pub async fn confirm_address(
        &self,
        token: &str,
        now: DateTime<Utc>,
    ) -> Result<HolderId, HolderError> {
        let digest = link::digest(token);
        self.transact(move |inner, tx| {
            let purposes = [LinkPurpose::ConfirmUserId, LinkPurpose::ConfirmNoticeEmail];
            let link = link::open(tx, &digest, &purposes, now)?;
            link::burn(tx, &link, LinkEvent::Use)?;
            let id = link.holder();
            let mut record = holder::load(tx, id)?;
            record.needs_open(id).map_err(|_| HolderError::LinkInvalid)?;
            let new = link.address.ok_or(HolderError::LinkInvalid)?;
            match link.purpose {
                LinkPurpose::ConfirmUserId => change_user_id(inner, tx, id, &mut record, new, now)?,
                _ => {
                    let by = Actor::Holder(id);
                    change_notices(inner, tx, (id, &mut record), Some(new), by, now)?;
                }
            }
            Ok(id)
        })
        .await
    }

    /// Sends notices about signatures to the user ID again.
    pub async fn clear_notice_address(
        &self,
        id: HolderId,
        actor: Actor,
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        self.transact(move |inner, tx| {
            let mut record = holder::load(tx, id)?;
            record.needs_open(id)?;
            if record.notice_email.is_none() {
                return Err(HolderError::IllegalTransition {
                    machine: "the address for notices",
                    state: "not set",
                    event: "be removed",
                });
            }
            change_notices(inner, tx, (id, &mut record), None, actor, now)
        })
        .await
    }
}

fn send_link(
    inner: &Inner,
    tx: &mut dyn Transaction,
    (id, record): (HolderId, &HolderRecord),
    kind: AddressKind,
    new: Email,
    now: DateTime<Utc>,
) -> Result<(), HolderError> {
    let address = Some(new.as_str().to_owned());
    let (token, ends_at) = link::issue(inner, tx, id, kind.purpose(), address, now)?;
    let (token, ends_at) = (token.to_string(), ends_at.timestamp_millis());
    // Not among the messages of the one who asked: there it would tell that the address was free.
    let message = NewMessage {
        holder: None,
        channel: Channel::Mail { to: new },
        template: Template::ConfirmEmail { token, ends_at },
        language: record.language,
        addressee: record.given_name.clone(),
        attachment: None,
        secret: true,
    };
    enqueue(inner, tx, message, now).map(drop)
}

/// The address is another holder's: that one is told, and the one who asked sees no difference.
fn tell_other(
    inner: &Inner,
    tx: &mut dyn Transaction,
    other: HolderId,
    to: Email,
    now: DateTime<Utc>,
) -> Result<(), HolderError> {
    if !throttle::may_mail(inner, tx, Counted::Requests, to.as_str(), now)? {
        return Ok(());
    }
    let record = holder::load(tx, other)?;
    let message = NewMessage {
        holder: Some(other),
        channel: Channel::Mail { to },
        template: Template::AlreadyRegistered,
        language: record.language,
        addressee: record.given_name,
        attachment: None,
        secret: false,
    };
    enqueue(inner, tx, message, now).map(drop)
}

fn change_user_id(
    inner: &Inner,
    tx: &mut dyn Transaction,
    id: HolderId,
    record: &mut HolderRecord,
    new: String,
    now: DateTime<Utc>,
) -> Result<(), HolderError> {
    // Taken since the link was mailed: it leads nowhere.
    if holder::find(tx, &new)?.is_some() {
        return Err(HolderError::LinkInvalid);
    }
    let at = now.timestamp_millis();
    let template = Template::EmailChanged { new_address: new.clone(), at };
    // To the old address first, then to the new one.
    notify(inner, tx, id, record, &template, now)?;
    tx.delete(HOLDER_BY_EMAIL, record.email.as_bytes());
    former::keep(tx, id, record, now);
    tx.put(HOLDER_BY_EMAIL, new.as_bytes(), &id.key());
    record.email = new;
    holder::save(tx, id, record);
    mail(inner, tx, (id, record), record.email()?, template, None, now)?;
    // A link for a password that went to the old address opens nothing any more.
    link::take_away(tx, id, LinkPurpose::RecoverPassword, LinkEvent::End)?;
    let entry = HistoryEntry::new(HistoryKind::EmailChanged, Actor::Holder(id));
    history::append(tx, id, &entry, now).map(drop)
}

fn change_notices(
    inner: &Inner,
    tx: &mut dyn Transaction,
    (id, record): (HolderId, &mut HolderRecord),
    new: Option<String>,
    actor: Actor,
    now: DateTime<Utc>,
) -> Result<(), HolderError> {
    let new_address = new.clone().unwrap_or_else(|| record.email.clone());
    let template = Template::NoticeEmailChanged {
        new_address: new_address.clone(),
        at: now.timestamp_millis(),
    };
    notify(inner, tx, id, record, &template, now)?;
    record.notice_email = new;
    holder::save(tx, id, record);
    if let Some(new) = &record.notice_email {
        let to = Email::parse("email", new)?;
        mail(inner, tx, (id, record), to, template, None, now)?;
    }
    let entry = HistoryEntry::new(HistoryKind::NoticeEmailChanged, actor);
    history::append(tx, id, &entry, now).map(drop)
}
