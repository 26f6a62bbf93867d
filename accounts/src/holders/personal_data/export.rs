//! Everything that is held about a holder, as one JSON document.
//!
//! The document is made piece by piece: a history grows with every signature, and its size must be
//! nobody's memory. What there is of bounded number comes first, then the history and the
//! messages, page after page.

use crate::encoding::decode;
use crate::holders::history::{HistoryEntry, HistoryKind, HistoryPlace, HistoryQuery};
use crate::holders::holder::HolderRecord;
use crate::holders::messages::{Delivery, MessageState, messages_of};
use crate::holders::registration::{RegistrationRecord, RegistrationState};
use crate::holders::tables::REGISTRATION;
use crate::holders::{
    Actor, HolderError, HolderId, Holders, MessageId, RegistrationId, history, holder,
};
use chrono::{DateTime, NaiveDate, SecondsFormat, TimeDelta, Utc};
use serde::Serialize;
use std::collections::BTreeMap;

/// Messages of one piece.
const PAGE: usize = 500;

/// All that is held about a holder but history and messages, which follow in the document.
/// Secrets are not in it, only whether there is one: nobody can read them out of what is stored.
#[derive(Serialize)]
struct PersonalData {
    exported_at: String,
    holder: String,
    status: &'static str,
    user_id: String,
    given_name: String,
    surname: String,
    fiscal_code: String,
    birth_date: Option<NaiveDate>,
    phone: String,
    notice_email: Option<String>,
    former_user_ids: Vec<FormerUserId>,
    language: &'static str,
    signature_notices: &'static str,
    created_at: String,
    closed_at: Option<String>,
    password_set_at: Option<String>,
    secret_question: Option<String>,
    authenticator_app: bool,
    registration: Option<Registration>,
    credentials: Vec<Credential>,
    sessions: Vec<Session>,
    devices: Vec<Device>,
    phone_change: Option<PhoneChange>,
    stamp_account: Option<String>,
}

/// A user ID of before a change, with which the emergency code suspends.
#[derive(Serialize)]
struct FormerUserId {
    user_id: String,
    until: String,
}

/// How the holder came in.
#[derive(Serialize)]
struct Registration {
    id: String,
    state: &'static str,
    asked_for_by_the_holder: bool,
    created_at: String,
    credential_kind: Option<&'static str>,
}

/// A signing credential.
#[derive(Serialize)]
struct Credential {
    id: String,
    kind: &'static str,
    state: &'static str,
    envelope_number: String,
    created_at: String,
    activated_at: Option<String>,
    certificate_serial: Option<String>,
    certificate_ends_at: Option<String>,
    /// DER, in hex.
    certificate: Option<String>,
}

/// A session that lives.
#[derive(Serialize)]
struct Session {
    id: String,
    by: &'static str,
    from: String,
    client: String,
    opened_at: String,
    last_used_at: String,
}

/// A linked device.
#[derive(Serialize)]
struct Device {
    id: String,
    name: String,
    kind: &'static str,
    from: String,
    linked_at: String,
    last_used_at: String,
    /// DER of SubjectPublicKeyInfo, in hex.
    public_key: String,
    /// SHA-256 of the client certificate that it comes in with, in hex.
    client_certificate_sha256: Option<String>,
    /// The credentials that it may use, when those are not all.
    credentials: Option<Vec<String>>,
}

/// A new phone number that does not count yet.
#[derive(Serialize)]
struct PhoneChange {
    number: String,
    state: &'static str,
    begun_at: String,
}

/// An entry of the history.
#[derive(Serialize)]
struct Event {
    at: String,
    event: &'static str,
    by: String,
    success: bool,
    details: BTreeMap<String, String>,
}

/// A message that was sent, or waits.
#[derive(Serialize)]
struct Message {
    id: String,
    at: String,
    by: &'static str,
    kind: String,
    state: &'static str,
    /// `None` once the content was wiped.
    to: Option<String>,
}

/// The document: its pieces in their order. After an error it breaks off.
pub struct PersonalDataExport {
    holders: Holders,
    holder: HolderId,
    /// The export's own entry of the history, which is the last one in the document.
    own: u64,
    until: DateTime<Utc>,
    next: Piece,
}

/// What comes next.
enum Piece {
    Head(Box<PersonalData>),
    History { after: Option<HistoryPlace>, first: bool },
    Messages { after: Option<MessageId>, first: bool },
    Over,
}

impl std::fmt::Debug for PersonalDataExport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PersonalDataExport").field("holder", &self.holder).finish_non_exhaustive()
    }
}

impl Iterator for PersonalDataExport {
    type Item = Result<String, HolderError>;

    fn next(&mut self) -> Option<Self::Item> {
        let made = match std::mem::replace(&mut self.next, Piece::Over) {
            Piece::Head(head) => self.head(&head),
            Piece::History { after, first } => self.history(after, first),
            Piece::Messages { after, first } => self.messages(after, first),
            Piece::Over => return None,
        };
        Some(made)
    }
}

impl PersonalDataExport {
    fn head(&mut self, head: &PersonalData) -> Result<String, HolderError> {
        let mut text = serde_json::to_string_pretty(head).map_err(|error| unwritten(&error))?;
        // The object goes on.
        text.truncate(text.trim_end_matches(['}', '\n']).len());
        text.push_str(",\n  \"history\": [");
        self.next = Piece::History { after: None, first: true };
        Ok(text)
    }

    fn history(
        &mut self,
        after: Option<HistoryPlace>,
        mut first: bool,
    ) -> Result<String, HolderError> {
        let query = HistoryQuery { to: Some(self.until), after, ..HistoryQuery::default() };
        let page = self.holders.history(self.holder, &query)?;
        let mut text = String::new();
        for entry in page.entries.into_iter().filter(|entry| entry.number <= self.own) {
            let event = Event {
                at: instant(entry.at),
                event: entry.kind.word(),
                by: entry.actor,
                success: entry.success,
                details: entry.details.into_iter().collect(),
            };
            push(&mut text, &mut first, &event)?;
        }
        self.next = match page.next {
            Some(place) => Piece::History { after: Some(place), first },
            None => {
                text.push_str("\n  ],\n  \"messages\": [");
                Piece::Messages { after: None, first: true }
            }
        };
        Ok(text)
    }

    fn messages(
        &mut self,
        after: Option<MessageId>,
        mut first: bool,
    ) -> Result<String, HolderError> {
        let (page, next) = messages_of(&self.holders, self.holder, after, PAGE)?;
        let mut text = String::new();
        for (id, record) in page {
            let content = record.open(&self.holders.inner().pepper, id)?;
            let message = Message {
                id: id.to_string(),
                at: instant(crate::stamps::instant(record.created_at)),
                by: match record.delivery {
                    Delivery::Mail => "mail",
                    Delivery::Sms => "short-message",
                },
                kind: record.kind,
                state: MessageState::word(record.state),
                to: content.map(|content| content.to),
            };
            push(&mut text, &mut first, &message)?;
        }
        self.next = match next {
            Some(after) => Piece::Messages { after: Some(after), first },
            None => {
                text.push_str("\n  ]\n}\n");
                Piece::Over
            }
        };
        Ok(text)
    }
}

/// One more element of a list.
fn push(text: &mut String, first: &mut bool, one: &impl Serialize) -> Result<(), HolderError> {
    text.push_str(if std::mem::take(first) { "\n    " } else { ",\n    " });
    text.push_str(&serde_json::to_string(one).map_err(|error| unwritten(&error))?);
    Ok(())
}

/// Strings, numbers and lists: nothing in it cannot be written.
fn unwritten(error: &serde_json::Error) -> HolderError {
    HolderError::Crypto(error.to_string())
}

impl Holders {
    /// Everything that is held about a holder, to be read piece by piece; together the pieces are
    /// one JSON document. The export itself is an event of the history, and the last one in it.
    ///
    /// # Errors
    /// [`HolderError::UnknownHolder`], and the store's.
    pub async fn export_personal_data(
        &self,
        id: HolderId,
        actor: Actor,
        now: DateTime<Utc>,
    ) -> Result<PersonalDataExport, HolderError> {
        let own = self
            .transact(move |_, tx| {
                holder::load(tx, id)?;
                history::append(tx, id, &HistoryEntry::new(HistoryKind::DataExported, actor), now)
            })
            .await?;
        let head = Box::new(self.export_head(id, now)?);
        let (holders, until) = (self.clone(), now + TimeDelta::milliseconds(1));
        Ok(PersonalDataExport { holders, holder: id, own, until, next: Piece::Head(head) })
    }

    fn export_head(&self, id: HolderId, now: DateTime<Utc>) -> Result<PersonalData, HolderError> {
        let record = self.holder_record(id)?;
        let question = record.question.as_ref().map(|question| question.question.clone());
        let registration = record.registration.map(RegistrationId::new);
        let view = self.holder(id)?;
        Ok(PersonalData {
            exported_at: instant(now),
            holder: id.to_string(),
            status: view.status.word(),
            user_id: view.user_id,
            given_name: view.given_name,
            surname: view.surname,
            fiscal_code: view.fiscal_code,
            birth_date: view.birth_date,
            phone: view.phone,
            notice_email: view.notice_email,
            former_user_ids: former_user_ids(&record),
            language: view.language.code(),
            signature_notices: view.notices.word(),
            created_at: instant(view.created_at),
            closed_at: view.closed_at.map(instant),
            password_set_at: view.password_changed_at.map(instant),
            secret_question: question,
            authenticator_app: view.totp,
            registration: registration.map(|id| self.export_registration(id)).transpose()?,
            credentials: self.export_credentials(id, now)?,
            sessions: self.export_sessions(id, now)?,
            devices: self.export_devices(id)?,
            phone_change: self.phone_change_record(id, now)?.map(|record| PhoneChange {
                number: record.number,
                state: record.state.word(),
                begun_at: instant(crate::stamps::instant(record.begun_at)),
            }),
            stamp_account: self.linked_stamp_account(id)?.map(|account| account.to_string()),
        })
    }

    fn export_registration(&self, id: RegistrationId) -> Result<Registration, HolderError> {
        let bytes = self.store().get(REGISTRATION, &id.key())?;
        let bytes = bytes.ok_or(HolderError::UnknownRegistration(id))?;
        let record: RegistrationRecord = decode(REGISTRATION, &id.key(), &bytes)?;
        Ok(Registration {
            id: id.to_string(),
            state: RegistrationState::word(record.state),
            asked_for_by_the_holder: record.self_service,
            created_at: instant(crate::stamps::instant(record.created_at)),
            credential_kind: record.applicant.map(|applicant| applicant.kind.word()),
        })
    }

    fn export_credentials(
        &self,
        id: HolderId,
        now: DateTime<Utc>,
    ) -> Result<Vec<Credential>, HolderError> {
        let credentials = self.credentials_of(id, now)?.into_iter().map(|view| Credential {
            id: view.id.to_string(),
            kind: view.kind.word(),
            state: view.state.word(),
            envelope_number: view.envelope,
            created_at: instant(view.created_at),
            activated_at: view.activated_at.map(instant),
            certificate_serial: view.serial,
            certificate_ends_at: view.not_after.map(instant),
            certificate: view.certificate.map(hex::encode),
        });
        Ok(credentials.collect())
    }

    fn export_sessions(
        &self,
        id: HolderId,
        now: DateTime<Utc>,
    ) -> Result<Vec<Session>, HolderError> {
        let sessions = self.sessions(id, now)?.into_iter().map(|view| Session {
            id: view.id.to_string(),
            by: view.by.word(),
            from: view.from,
            client: view.client,
            opened_at: instant(view.opened_at),
            last_used_at: instant(view.last_used_at),
        });
        Ok(sessions.collect())
    }

    fn export_devices(&self, id: HolderId) -> Result<Vec<Device>, HolderError> {
        let devices = self.devices(id)?.into_iter().map(|view| Device {
            id: view.id.to_string(),
            name: view.name,
            kind: view.kind.word(),
            from: view.from,
            linked_at: instant(view.linked_at),
            last_used_at: instant(view.last_used_at),
            public_key: hex::encode(view.public_key),
            client_certificate_sha256: view.certificate.map(hex::encode),
            credentials: view.credentials.map(|ids| ids.iter().map(ToString::to_string).collect()),
        });
        Ok(devices.collect())
    }
}

fn former_user_ids(record: &HolderRecord) -> Vec<FormerUserId> {
    let former = record.former_emails.iter().flatten().map(|former| FormerUserId {
        user_id: former.email.clone(),
        until: instant(crate::stamps::instant(former.until)),
    });
    former.collect()
}

fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}
