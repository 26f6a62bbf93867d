//! Everything that is held about a holder, as one JSON document.

use crate::encoding::decode;
use crate::holders::history::{HistoryEntry, HistoryKind, HistoryQuery};
use crate::holders::messages::{Delivery, MessageState, messages_of};
use crate::holders::registration::{RegistrationRecord, RegistrationState};
use crate::holders::tables::REGISTRATION;
use crate::holders::{Actor, HolderError, HolderId, Holders, RegistrationId, history, holder};
use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use serde::Serialize;
use std::collections::BTreeMap;

/// All that is held about a holder. Secrets are not in it, only whether there is one: nobody can
/// read them out of what is stored.
#[derive(Serialize)]
#[expect(missing_docs, reason = "the names are those of the document")]
pub struct PersonalData {
    pub exported_at: String,
    pub holder: String,
    pub status: &'static str,
    pub user_id: String,
    pub given_name: String,
    pub surname: String,
    pub fiscal_code: String,
    pub birth_date: Option<NaiveDate>,
    pub phone: String,
    pub notice_email: Option<String>,
    pub language: &'static str,
    pub signature_notices: &'static str,
    pub created_at: String,
    pub closed_at: Option<String>,
    pub password_set_at: Option<String>,
    pub secret_question: Option<String>,
    pub authenticator_app: bool,
    pub registration: Option<Registration>,
    pub credentials: Vec<Credential>,
    pub sessions: Vec<Session>,
    pub devices: Vec<Device>,
    pub phone_change: Option<PhoneChange>,
    pub stamp_account: Option<String>,
    pub history: Vec<Event>,
    pub messages: Vec<Message>,
}

/// How the holder came in.
#[derive(Serialize)]
#[expect(missing_docs, reason = "the names are those of the document")]
pub struct Registration {
    pub id: String,
    pub state: &'static str,
    pub asked_for_by_the_holder: bool,
    pub created_at: String,
    pub credential_kind: Option<&'static str>,
}

/// A signing credential.
#[derive(Serialize)]
#[expect(missing_docs, reason = "the names are those of the document")]
pub struct Credential {
    pub id: String,
    pub kind: &'static str,
    pub state: &'static str,
    pub envelope_number: String,
    pub created_at: String,
    pub activated_at: Option<String>,
    pub certificate_serial: Option<String>,
    pub certificate_ends_at: Option<String>,
    /// DER, in hex.
    pub certificate: Option<String>,
}

/// A session that lives.
#[derive(Serialize)]
#[expect(missing_docs, reason = "the names are those of the document")]
pub struct Session {
    pub id: String,
    pub by: &'static str,
    pub from: String,
    pub client: String,
    pub opened_at: String,
    pub last_used_at: String,
}

/// A linked device.
#[derive(Serialize)]
#[expect(missing_docs, reason = "the names are those of the document")]
pub struct Device {
    pub id: String,
    pub name: String,
    pub kind: &'static str,
    pub from: String,
    pub linked_at: String,
    pub last_used_at: String,
    /// DER of SubjectPublicKeyInfo, in hex.
    pub public_key: String,
}

/// A new phone number that does not count yet.
#[derive(Serialize)]
#[expect(missing_docs, reason = "the names are those of the document")]
pub struct PhoneChange {
    pub number: String,
    pub state: &'static str,
    pub begun_at: String,
}

/// An entry of the history.
#[derive(Serialize)]
#[expect(missing_docs, reason = "the names are those of the document")]
pub struct Event {
    pub at: String,
    pub event: &'static str,
    pub by: String,
    pub success: bool,
    pub details: BTreeMap<String, String>,
}

/// A message that was sent, or waits.
#[derive(Serialize)]
#[expect(missing_docs, reason = "the names are those of the document")]
pub struct Message {
    pub id: String,
    pub at: String,
    pub by: &'static str,
    pub kind: String,
    pub state: &'static str,
    /// `None` once the content was wiped.
    pub to: Option<String>,
}

impl std::fmt::Debug for PersonalData {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PersonalData").field("holder", &self.holder).finish_non_exhaustive()
    }
}

impl PersonalData {
    /// The JSON document.
    pub fn to_json(&self) -> Result<String, HolderError> {
        // Strings, numbers and lists: nothing in it cannot be written.
        serde_json::to_string_pretty(self).map_err(|error| HolderError::Crypto(error.to_string()))
    }
}

impl Holders {
    /// Everything that is held about a holder. The export itself is an event of the history, and
    /// is the last one in it.
    pub async fn export_personal_data(
        &self,
        id: HolderId,
        actor: Actor,
        now: DateTime<Utc>,
    ) -> Result<PersonalData, HolderError> {
        self.transact(move |_, tx| {
            holder::load(tx, id)?;
            history::append(tx, id, &HistoryEntry::new(HistoryKind::DataExported, actor), now)
        })
        .await?;
        let record = self.holder_record(id)?;
        let question = record.question.as_ref().map(|question| question.question.clone());
        let registration = record.registration.map(RegistrationId::new);
        let view = self.holder(id)?;
        Ok(PersonalData {
            exported_at: text(now),
            holder: id.to_string(),
            status: view.status.word(),
            user_id: view.user_id,
            given_name: view.given_name,
            surname: view.surname,
            fiscal_code: view.fiscal_code,
            birth_date: view.birth_date,
            phone: view.phone,
            notice_email: view.notice_email,
            language: view.language.code(),
            signature_notices: view.notices.word(),
            created_at: text(view.created_at),
            closed_at: view.closed_at.map(text),
            password_set_at: view.password_changed_at.map(text),
            secret_question: question,
            authenticator_app: view.totp,
            registration: registration.map(|id| self.export_registration(id)).transpose()?,
            credentials: self.export_credentials(id, now)?,
            sessions: self.export_sessions(id, now)?,
            devices: self.export_devices(id)?,
            phone_change: self.phone_change_record(id, now)?.map(|record| PhoneChange {
                number: record.number,
                state: record.state.word(),
                begun_at: text(crate::stamps::instant(record.begun_at)),
            }),
            stamp_account: self.linked_stamp_account(id)?.map(|account| account.to_string()),
            history: self.export_history(id)?,
            messages: self.export_messages(id)?,
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
            created_at: text(crate::stamps::instant(record.created_at)),
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
            created_at: text(view.created_at),
            activated_at: view.activated_at.map(text),
            certificate_serial: view.serial,
            certificate_ends_at: view.not_after.map(text),
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
            opened_at: text(view.opened_at),
            last_used_at: text(view.last_used_at),
        });
        Ok(sessions.collect())
    }

    fn export_devices(&self, id: HolderId) -> Result<Vec<Device>, HolderError> {
        let devices = self.devices(id)?.into_iter().map(|view| Device {
            id: view.id.to_string(),
            name: view.name,
            kind: view.kind.word(),
            from: view.from,
            linked_at: text(view.linked_at),
            last_used_at: text(view.last_used_at),
            public_key: hex::encode(view.public_key),
        });
        Ok(devices.collect())
    }

    fn export_history(&self, id: HolderId) -> Result<Vec<Event>, HolderError> {
        let (mut events, mut query) = (Vec::new(), HistoryQuery::default());
        loop {
            let page = self.history(id, &query)?;
            events.extend(page.entries.into_iter().map(|entry| Event {
                at: text(entry.at),
                event: entry.kind.word(),
                by: entry.actor,
                success: entry.success,
                details: entry.details.into_iter().collect(),
            }));
            query.after = page.next;
            if query.after.is_none() {
                return Ok(events);
            }
        }
    }

    fn export_messages(&self, id: HolderId) -> Result<Vec<Message>, HolderError> {
        let mut messages = Vec::new();
        for (message, record) in messages_of(self, id)? {
            let content = record.open(&self.inner().pepper, message)?;
            messages.push(Message {
                id: message.to_string(),
                at: text(crate::stamps::instant(record.created_at)),
                by: match record.delivery {
                    Delivery::Mail => "mail",
                    Delivery::Sms => "short-message",
                },
                kind: record.kind,
                state: MessageState::word(record.state),
                to: content.map(|content| content.to),
            });
        }
        Ok(messages)
    }
}

fn text(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}
