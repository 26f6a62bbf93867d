//! Setting a password: the first one by its link, another one by knowing the current.

use super::history::{HistoryEntry, HistoryKind};
use super::holder::{HolderEvent, HolderRecord, HolderStatus, PasswordRecord, notify};
use super::link::{self, LinkDigest, LinkEvent, LinkPurpose, LinkRecord};
use super::messages::Template;
use super::password::{self, NewPassword, PasswordContext, RuleOutcome, prepared};
use super::sessions::{self, Access};
use super::tables::{HOLDER, LINK};
use super::{
    Actor, HolderError, HolderId, Holders, Inner, OperationId, PhoneNumber, Room, SessionId,
    history, holder, phone, registration, throttle, totp,
};
use crate::encoding::decode;
use chrono::{DateTime, Utc};
use std::net::IpAddr;
use store::Transaction;
use subtle::ConstantTimeEq;

/// A new password, typed twice.
pub struct TypedTwice<'a> {
    /// The first time.
    pub new: &'a str,
    /// The second time.
    pub repeat: &'a str,
}

impl TypedTwice<'_> {
    /// Refuses two that differ.
    pub(super) fn same(&self) -> Result<&str, HolderError> {
        if bool::from(self.new.as_bytes().ct_eq(self.repeat.as_bytes())) {
            return Ok(self.new);
        }
        Err(HolderError::RepeatDiffers { field: "repeat" })
    }
}

/// What the page of a link needs to know.
#[derive(Debug)]
pub struct LinkView {
    /// What it is for.
    pub purpose: LinkPurpose,
    /// Whose it is.
    pub holder: HolderId,
    /// The user ID, masked.
    pub user_id: String,
    /// The phone number that one-time codes go to, masked.
    pub phone: String,
    /// Whether one-time codes come from an authenticator app.
    pub totp: bool,
    /// The secret question that has to be answered still.
    pub question: Option<String>,
    /// What a one-time code for it has to be bound to.
    pub operation: OperationId,
    /// What a one-time code for it has to be bound to as well.
    pub bound: [u8; 32],
    /// When it ends.
    pub ends_at: DateTime<Utc>,
}

impl Holders {
    /// A link that is live: what its page shows. Nothing is used up.
    pub fn link(&self, token: &str, now: DateTime<Utc>) -> Result<LinkView, HolderError> {
        let (digest, link) = self.live_link(token, &LinkPurpose::ALL, now)?;
        let record = self.holder_record(link.holder())?;
        let question = record.question.as_ref().filter(|_| {
            link.purpose == LinkPurpose::RecoverPassword && link.state == link::LinkState::Live
        });
        Ok(LinkView {
            purpose: link.purpose,
            holder: link.holder(),
            user_id: record.email()?.masked(),
            phone: PhoneNumber::parse("phone", &record.phone)?.masked(),
            totp: record.totp,
            question: question.map(|question| question.question.clone()),
            operation: OperationId::new(link.operation),
            bound: digest,
            ends_at: crate::stamps::instant(link.ends_at),
        })
    }

    /// The rules, and which of them a password meets, for a holder who is logged in.
    pub fn check_password(
        &self,
        holder: HolderId,
        password: &str,
    ) -> Result<Vec<RuleOutcome>, HolderError> {
        let record = self.holder_record(holder)?;
        Ok(password::check(password, &context(self.inner(), &record)))
    }

    /// The same for somebody with a link.
    pub fn check_password_with_link(
        &self,
        token: &str,
        password: &str,
        now: DateTime<Utc>,
    ) -> Result<Vec<RuleOutcome>, HolderError> {
        let purposes = [LinkPurpose::SetPassword, LinkPurpose::RecoverPassword];
        let (_, link) = self.live_link(token, &purposes, now)?;
        self.check_password(link.holder(), password)
    }

    /// Checks the rules of a new password and its repetition for somebody with a link, before a
    /// one-time code is used up for it.
    pub fn check_typed_with_link(
        &self,
        token: &str,
        typed: &TypedTwice<'_>,
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        let (_, link) = self.live_link(token, &[LinkPurpose::RecoverPassword], now)?;
        let record = self.holder_record(link.holder())?;
        prepared(typed.same()?, &context(self.inner(), &record)).map(drop)
    }

    /// Sets the first password with the link of the invitation: the account is active.
    pub async fn set_first_password(
        &self,
        token: &str,
        typed: &TypedTwice<'_>,
        now: DateTime<Utc>,
    ) -> Result<HolderId, HolderError> {
        let (digest, link) = self.live_link(token, &[LinkPurpose::SetPassword], now)?;
        let room = self.room_for_anybody()?;
        let hash = self.hash_new(&room, link.holder(), typed).await?;
        self.transact(move |inner, tx| {
            let link = link::open(tx, &digest, &[LinkPurpose::SetPassword], now)?;
            let id = link.holder();
            let mut record = holder::load(tx, id)?;
            link::burn(tx, &link, LinkEvent::Use)?;
            activate(tx, &mut record, now)?;
            let generation = put(&mut record, hash, now);
            holder::save(tx, id, &record);
            sessions::follow_password(tx, id, None, generation)?;
            let entry = HistoryEntry::new(HistoryKind::PasswordSet, Actor::Holder(id));
            history::append(tx, id, &entry, now)?;
            let at = now.timestamp_millis();
            notify(inner, tx, id, &record, &Template::PasswordSet { at }, now)?;
            Ok(id)
        })
        .await
    }

    /// Changes the password of a holder who types the current one. All sessions end; the answer is
    /// the new generation.
    pub async fn change_password(
        &self,
        id: HolderId,
        current: &str,
        typed: &TypedTwice<'_>,
        from: IpAddr,
        now: DateTime<Utc>,
    ) -> Result<u64, HolderError> {
        self.replace_password(id, None, current, typed, from, now).await
    }

    /// Changes the password of a holder in a session: that session lives on, and all others end.
    pub async fn change_own_password(
        &self,
        access: &Access,
        current: &str,
        typed: &TypedTwice<'_>,
        from: IpAddr,
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        let session = access.session()?;
        if access.limited {
            return Err(HolderError::StepUpNeeded);
        }
        let id = access.holder;
        self.replace_password(id, Some(session), current, typed, from, now).await.map(drop)
    }

    async fn replace_password(
        &self,
        id: HolderId,
        keep: Option<SessionId>,
        current: &str,
        typed: &TypedTwice<'_>,
        from: IpAddr,
        now: DateTime<Utc>,
    ) -> Result<u64, HolderError> {
        let new = typed.same()?;
        prepared(new, &context(self.inner(), &self.holder_record(id)?))?;
        let room = self.room()?;
        let checked = self.check_current(&room, id, current, from, now).await?;
        // Only after the current one was right: else this would tell whether a guess was.
        if *password::normalised(current) == *password::normalised(new) {
            return Err(HolderError::PasswordUnchanged);
        }
        let hash = self.hash_new(&room, id, typed).await?;
        self.transact(move |inner, tx| {
            let mut record = holder::load(tx, id)?;
            // Changed by somebody else meanwhile: what was checked is not the current one.
            let same = record.password.as_ref().map(|now| now.generation);
            if same != Some(checked.generation) {
                return Err(HolderError::WrongCurrentPassword);
            }
            if record.status == HolderStatus::Invited {
                activate(tx, &mut record, now)?;
            }
            let generation = put(&mut record, hash, now);
            holder::save(tx, id, &record);
            sessions::follow_password(tx, id, keep, generation)?;
            end_what_was_begun(tx, id, now)?;
            let entry = HistoryEntry::new(HistoryKind::PasswordChanged, Actor::Holder(id));
            history::append(tx, id, &entry, now)?;
            let at = now.timestamp_millis();
            notify(inner, tx, id, &record, &Template::PasswordChanged { at }, now)?;
            throttle::clear(inner, tx, &record.email)?;
            Ok(generation)
        })
        .await
    }

    /// Checks the rules, and hashes.
    pub(super) async fn hash_new(
        &self,
        room: &Room,
        id: HolderId,
        typed: &TypedTwice<'_>,
    ) -> Result<NewPassword, HolderError> {
        let new = typed.same()?;
        let new = prepared(new, &context(self.inner(), &self.holder_record(id)?))?;
        self.compute(room, move |inner| inner.hash_secret(&new)).await
    }

    pub(super) fn holder_record(&self, id: HolderId) -> Result<HolderRecord, HolderError> {
        let bytes = self.store().get(HOLDER, &id.key())?.ok_or(HolderError::UnknownHolder(id))?;
        Ok(decode(HOLDER, &id.key(), &bytes)?)
    }

    pub(super) fn live_link(
        &self,
        token: &str,
        purposes: &[LinkPurpose],
        now: DateTime<Utc>,
    ) -> Result<(LinkDigest, LinkRecord), HolderError> {
        let digest = link::digest(token);
        let bytes = self.store().get(LINK, &digest)?;
        Ok((digest, link::live(bytes.as_deref(), &digest, purposes, now)?))
    }
}

/// What somebody began who knew the password before opens nothing after it: links to a password or
/// to another address, an authenticator app that waits for its first code, and a new phone number
/// that rests on a code to the old one. What PUK and emergency code vouch for stays: it needs more
/// than a password, everybody was told, and a holder whose phone is lost may set a new password
/// during the while. The link that cancels it is the owner's, and stays too.
pub(super) fn end_what_was_begun(
    tx: &mut dyn Transaction,
    id: HolderId,
    now: DateTime<Utc>,
) -> Result<(), HolderError> {
    totp::end_enrolment(tx, id);
    phone::end_agreed(tx, id, now)?;
    LinkPurpose::ALL
        .into_iter()
        .filter(|purpose| *purpose != LinkPurpose::CancelPhoneChange)
        .try_for_each(|purpose| link::take_away(tx, id, purpose, LinkEvent::End))
}

/// A holder with a password of their own is active, and so is the registration.
fn activate(
    tx: &mut dyn Transaction,
    record: &mut HolderRecord,
    now: DateTime<Utc>,
) -> Result<(), HolderError> {
    record.status = record.status.apply(HolderEvent::SetPassword)?;
    registration::complete(tx, record, now)
}

/// Puts a new password into a record: the generation grows, and it is the holder's own.
pub(super) fn put(record: &mut HolderRecord, hash: NewPassword, now: DateTime<Utc>) -> u64 {
    let NewPassword { phc, pepper } = hash;
    let generation = record.password.as_ref().map_or(0, |password| password.generation) + 1;
    let changed_at = now.timestamp_millis();
    record.password =
        Some(PasswordRecord { phc, pepper, generation, changed_at, first_until: None });
    generation
}

pub(super) fn context<'a>(inner: &'a Inner, record: &'a HolderRecord) -> PasswordContext<'a> {
    PasswordContext {
        email: &record.email,
        given_name: &record.given_name,
        surname: &record.surname,
        service_name: &inner.settings.service_name,
    }
}
