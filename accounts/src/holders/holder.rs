//! The record of a holder: a person who owns a remote-signature account.

use super::error::HolderError;
use super::messages::{Attachment, Channel, NewMessage, Template, enqueue};
use super::tables::{HOLDER, HOLDER_BY_EMAIL};
use super::{Email, HolderId, Holders, Inner, Language, PhoneNumber};
use crate::encoding::{damaged, decode, encode};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use minicbor::{Decode, Encode};
use std::fmt;
use std::ops::Bound;
use store::{Order, StoreError, Transaction};

/// Where a holder is. Used in stored state.
///
/// ```text
/// Invited ──first password──▶ Active ⇄ Blocked
///    └──────────────┬────────────┴────────┘
///                   ▼
///                Closed ──retention over──▶ Erased
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum HolderStatus {
    /// Has no password of their own yet.
    #[n(0)]
    Invited,
    /// May log in.
    #[n(1)]
    Active,
    /// May not log in until an operator lifts it.
    #[n(2)]
    Blocked,
    /// May not log in any more; what the law needs is kept.
    #[n(3)]
    Closed,
    /// Nothing is left but the number, and when the account was opened, closed and erased. The
    /// registry of the CA keeps certificates without their names.
    #[n(4)]
    Erased,
}

/// What happens to a holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HolderEvent {
    /// The first password of their own was set.
    SetPassword,
    /// An operator blocks.
    Block,
    /// An operator lifts the block.
    Unblock,
    /// The account is closed.
    Close,
    /// The personal data are erased.
    Erase,
}

impl HolderStatus {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Invited, Self::Active, Self::Blocked, Self::Closed, Self::Erased];

    /// A stable word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Invited => "invited",
            Self::Active => "active",
            Self::Blocked => "blocked",
            Self::Closed => "closed",
            Self::Erased => "erased",
        }
    }

    /// The state after an event, or a refusal: there are no other transitions.
    pub fn apply(self, event: HolderEvent) -> Result<Self, HolderError> {
        use HolderEvent as Event;
        match (self, event) {
            (Self::Invited, Event::SetPassword) | (Self::Blocked, Event::Unblock) => {
                Ok(Self::Active)
            }
            (Self::Active, Event::Block) => Ok(Self::Blocked),
            (Self::Invited | Self::Active | Self::Blocked, Event::Close) => Ok(Self::Closed),
            (Self::Closed, Event::Erase) => Ok(Self::Erased),
            (state, event) => Err(HolderError::IllegalTransition {
                machine: "the holder",
                state: state.word(),
                event: event.word(),
            }),
        }
    }
}

impl HolderEvent {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::SetPassword, Self::Block, Self::Unblock, Self::Close, Self::Erase];

    fn word(self) -> &'static str {
        match self {
            Self::SetPassword => "set a first password",
            Self::Block => "be blocked",
            Self::Unblock => "be unblocked",
            Self::Close => "be closed",
            Self::Erase => "be erased",
        }
    }
}

/// Which notices about signatures are sent. Used in stored state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum SignatureNotices {
    /// One a day, when there were signatures.
    #[default]
    #[n(0)]
    DailySummary,
    /// One for each.
    #[n(1)]
    Each,
    /// None.
    #[n(2)]
    None,
}

impl SignatureNotices {
    /// A stable word in kebab-case.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::DailySummary => "daily-summary",
            Self::Each => "each",
            Self::None => "none",
        }
    }
}

/// A holder as operators and the holder see it.
#[derive(Clone, PartialEq, Eq)]
pub struct HolderView {
    /// The identifier.
    pub id: HolderId,
    /// The e-mail address that the holder logs in with.
    pub user_id: String,
    /// The given name.
    pub given_name: String,
    /// The surname.
    pub surname: String,
    /// The fiscal code.
    pub fiscal_code: String,
    /// The birth date, when it is known.
    pub birth_date: Option<NaiveDate>,
    /// The phone number for one-time codes (E.164).
    pub phone: String,
    /// Where notices about signatures go, when not to the user ID.
    pub notice_email: Option<String>,
    /// The language of mails and pages.
    pub language: Language,
    /// Where the holder is.
    pub status: HolderStatus,
    /// When the holder was made.
    pub created_at: DateTime<Utc>,
    /// Whether there is a password.
    pub password_set: bool,
    /// When it was set last.
    pub password_changed_at: Option<DateTime<Utc>>,
    /// Grows with every change of the password: a session that was begun with an older one ends.
    pub password_generation: u64,
    /// Whether the password was given by the service, and has to be replaced.
    pub must_change_password: bool,
    /// Whether an authenticator app is enrolled.
    pub totp: bool,
    /// Whether there is a secret question.
    pub question_set: bool,
    /// Which notices about signatures are sent.
    pub notices: SignatureNotices,
    /// When the account was closed.
    pub closed_at: Option<DateTime<Utc>>,
    /// When the personal data were erased.
    pub erased_at: Option<DateTime<Utc>>,
}

impl fmt::Debug for HolderView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Personal data do not go into logs.
        f.debug_struct("HolderView")
            .field("id", &self.id)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// A holder. Used in stored state.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct HolderRecord {
    #[n(0)]
    pub(crate) status: HolderStatus,
    #[n(1)]
    pub(crate) created_at: i64,
    /// In lower case.
    #[n(2)]
    pub(crate) email: String,
    #[n(3)]
    pub(crate) given_name: String,
    #[n(4)]
    pub(crate) surname: String,
    #[n(5)]
    pub(crate) fiscal_code: String,
    /// Days since 1970-01-01.
    #[n(6)]
    pub(crate) birth_date: Option<i64>,
    #[n(7)]
    pub(crate) phone: String,
    #[n(8)]
    pub(crate) notice_email: Option<String>,
    #[n(9)]
    pub(crate) language: Language,
    #[n(10)]
    pub(crate) notices: SignatureNotices,
    #[n(11)]
    pub(crate) password: Option<PasswordRecord>,
    #[n(12)]
    pub(crate) question: Option<QuestionRecord>,
    /// Whether the authenticator app counts: set and cleared with its row in the table of those.
    #[n(13)]
    pub(crate) totp: bool,
    #[n(14)]
    pub(crate) closed_at: Option<i64>,
    #[n(15)]
    pub(crate) erased_at: Option<i64>,
    /// The registration that made the holder.
    #[n(16)]
    pub(crate) registration: Option<u64>,
    /// User IDs that it had: for a while they suspend as well, with the emergency code.
    #[n(17)]
    pub(crate) former_emails: Option<Vec<FormerEmail>>,
}

/// A user ID that was changed. Used in stored state.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct FormerEmail {
    /// In lower case.
    #[n(0)]
    pub(crate) email: String,
    /// Until when it suspends.
    #[n(1)]
    pub(crate) until: i64,
}

/// A password at rest. Used in stored state.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct PasswordRecord {
    /// argon2id as a PHC string, over the password under the pepper.
    #[n(0)]
    pub(crate) phc: String,
    /// The version of the pepper.
    #[n(1)]
    pub(crate) pepper: u16,
    /// Grows with every change.
    #[n(2)]
    pub(crate) generation: u64,
    #[n(3)]
    pub(crate) changed_at: i64,
    /// Of a password that the service gave: when it ends.
    #[n(4)]
    pub(crate) first_until: Option<i64>,
}

/// A secret question at rest. Used in stored state.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct QuestionRecord {
    /// The question in words, or the name of one from the list.
    #[n(0)]
    pub(crate) question: String,
    /// argon2id over the answer under the pepper.
    #[n(1)]
    pub(crate) phc: String,
    #[n(2)]
    pub(crate) pepper: u16,
    #[n(3)]
    pub(crate) set_at: i64,
}

impl HolderRecord {
    /// The user ID. What is stored was read before.
    pub(crate) fn email(&self) -> Result<Email, HolderError> {
        Email::parse("email", &self.email)
    }

    /// The phone number.
    pub(crate) fn phone(&self) -> Result<PhoneNumber, HolderError> {
        PhoneNumber::parse("phone", &self.phone)
    }

    pub(crate) fn birth_date(&self) -> Option<NaiveDate> {
        NaiveDate::default().checked_add_signed(TimeDelta::try_days(self.birth_date?)?)
    }

    /// Refuses a holder whose data were erased or whose account was closed.
    pub(crate) fn needs_open(&self, id: HolderId) -> Result<(), HolderError> {
        match self.status {
            HolderStatus::Erased => Err(HolderError::Erased(id)),
            HolderStatus::Closed => Err(HolderError::IllegalTransition {
                machine: "the holder",
                state: "closed",
                event: "be changed",
            }),
            _ => Ok(()),
        }
    }

    fn view(self, id: HolderId) -> HolderView {
        let instant = crate::stamps::instant;
        let birth_date = self.birth_date();
        let password = self.password.as_ref();
        HolderView {
            id,
            birth_date,
            password_set: password.is_some(),
            password_changed_at: password.map(|password| instant(password.changed_at)),
            password_generation: password.map_or(0, |password| password.generation),
            must_change_password: password.is_some_and(|password| password.first_until.is_some()),
            user_id: self.email,
            given_name: self.given_name,
            surname: self.surname,
            fiscal_code: self.fiscal_code,
            phone: self.phone,
            notice_email: self.notice_email,
            language: self.language,
            status: self.status,
            created_at: instant(self.created_at),
            totp: self.totp,
            question_set: self.question.is_some(),
            notices: self.notices,
            closed_at: self.closed_at.map(instant),
            erased_at: self.erased_at.map(instant),
        }
    }
}

impl Holders {
    /// A holder.
    pub fn holder(&self, id: HolderId) -> Result<HolderView, HolderError> {
        let bytes = self.store().get(HOLDER, &id.key())?.ok_or(HolderError::UnknownHolder(id))?;
        let record: HolderRecord = decode(HOLDER, &id.key(), &bytes)?;
        Ok(record.view(id))
    }

    /// The holder with a user ID. For operators: an answer to anybody else would tell who has an
    /// account.
    pub fn holder_by_user_id(&self, user_id: &str) -> Result<Option<HolderView>, HolderError> {
        let Ok(email) = Email::parse("user_id", user_id) else { return Ok(None) };
        match self.store().get(HOLDER_BY_EMAIL, email.as_str().as_bytes())? {
            Some(bytes) => Ok(Some(self.holder(read_id(email.as_str().as_bytes(), &bytes)?)?)),
            None => Ok(None),
        }
    }

    /// Holders in the order of their numbers, from the one after `after`; at most 1000 at once.
    pub fn holders(
        &self,
        after: Option<HolderId>,
        limit: usize,
    ) -> Result<Vec<HolderView>, HolderError> {
        let from = after.map_or([0; 8], HolderId::key);
        let from = if after.is_some() { Bound::Excluded(&from[..]) } else { Bound::Unbounded };
        let limit = limit.clamp(1, 1_000);
        let rows = self.store().scan(HOLDER, from, Bound::Unbounded, Order::Ascending, limit)?;
        let view = |(key, value): (Vec<u8>, Vec<u8>)| {
            let id = read_id(&key, &key)?;
            let record: HolderRecord = decode(HOLDER, &key, &value)?;
            Ok(record.view(id))
        };
        rows.into_iter().map(view).collect()
    }
}

/// The record of a holder, in a transaction.
pub(crate) fn load(tx: &dyn Transaction, id: HolderId) -> Result<HolderRecord, HolderError> {
    let bytes = tx.get(HOLDER, &id.key())?.ok_or(HolderError::UnknownHolder(id))?;
    Ok(decode(HOLDER, &id.key(), &bytes)?)
}

/// Writes the record of a holder.
pub(crate) fn save(tx: &mut dyn Transaction, id: HolderId, record: &HolderRecord) {
    tx.put(HOLDER, &id.key(), &encode(record, 512));
}

/// The holder with a user ID, in a transaction.
pub(crate) fn find(tx: &dyn Transaction, email: &str) -> Result<Option<HolderId>, HolderError> {
    let bytes = tx.get(HOLDER_BY_EMAIL, email.as_bytes())?;
    Ok(bytes.map(|bytes| read_id(email.as_bytes(), &bytes)).transpose()?)
}

/// Queues a mail to the user ID of a holder and, where it is another, to the address for notices.
pub(crate) fn notify(
    inner: &Inner,
    tx: &mut dyn Transaction,
    id: HolderId,
    record: &HolderRecord,
    template: &Template,
    now: DateTime<Utc>,
) -> Result<(), HolderError> {
    let other = record.notice_email.as_deref().filter(|other| *other != record.email);
    for address in std::iter::once(record.email.as_str()).chain(other) {
        let to = Email::parse("email", address)?;
        mail(inner, tx, (id, record), to, template.clone(), None, now)?;
    }
    Ok(())
}

/// Queues a mail to one address. A template with a link in it is secret.
pub(crate) fn mail(
    inner: &Inner,
    tx: &mut dyn Transaction,
    (id, record): (HolderId, &HolderRecord),
    to: Email,
    template: Template,
    attachment: Option<Attachment>,
    now: DateTime<Utc>,
) -> Result<(), HolderError> {
    let secret = template.is_secret() || attachment.is_some();
    let message = NewMessage {
        holder: Some(id),
        channel: Channel::Mail { to },
        template,
        language: record.language,
        addressee: record.given_name.clone(),
        attachment,
        secret,
    };
    enqueue(inner, tx, message, now).map(drop)
}

pub(crate) fn read_id(key: &[u8], bytes: &[u8]) -> Result<HolderId, StoreError> {
    let wrong = |_| damaged(HOLDER_BY_EMAIL, key, "not a number of eight bytes");
    Ok(HolderId::new(u64::from_be_bytes(bytes.try_into().map_err(wrong)?)))
}
