//! A bench: holders over a store in a map, and a look into their mails.

use crate::credentials::Argon2Cost;
use crate::encoding::decode;
use crate::holders::credential::CredentialKind;
use crate::holders::messages::{Content, Delivery, MessageRecord, Template};
use crate::holders::otp::{OtpVerified, Purpose};
use crate::holders::personal_data::PersonalDataExport;
use crate::holders::registration::{EnvelopePassphrase, Invite, NewRegistration};
use crate::holders::sessions::{Access, OpenedSession};
use crate::holders::tables::MESSAGE;
use crate::holders::{
    Actor, HolderError, HolderId, HolderSettings, Holders, Language, LoggedIn, MessageId,
    OperationId, Pepper, RegistrationId, SecretToken, TypedTwice, otp,
};
use crate::testing::{MapStore, TestRandom, block_on};
use chrono::{DateTime, NaiveDate, Utc};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use store::Store;
use zeroize::Zeroizing;

pub(super) const RIGHT: &str = "Tramontana7.lenta";
pub(super) const OTHER: &str = "Lampione(4)verde";
pub(super) const WRONG: &str = "Tramontana7.veloce";
pub(super) const EMAIL: &str = "ada@example.org";
/// Where requests come from, unless a test says otherwise.
pub(super) const HOME: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

pub(super) fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_225_600 + seconds, 0).unwrap()
}

pub(super) fn operator() -> Actor {
    Actor::Operator("admin".to_owned())
}

pub(super) struct Bench {
    pub(super) store: Arc<MapStore>,
    pub(super) holders: Holders,
}

/// A message as its reader sees it.
pub(super) struct Sent {
    pub(super) record: MessageRecord,
    pub(super) content: Content,
}

impl Bench {
    pub(super) fn new() -> Self {
        Self::over(MapStore::new(), Self::settings(), &Self::pepper(1))
    }

    pub(super) fn settings() -> HolderSettings {
        HolderSettings {
            argon2: Argon2Cost::for_tests(1),
            concurrent_checks: 2,
            ..HolderSettings::default()
        }
    }

    pub(super) fn pepper(versions: u8) -> String {
        (1..=versions).map(|v| format!("{v} {}\n", format!("{v:02x}ab").repeat(16))).collect()
    }

    pub(super) fn over(store: Arc<MapStore>, settings: HolderSettings, pepper: &str) -> Self {
        let pepper = Pepper::parse(pepper).unwrap();
        let holders = Holders::open(store.clone(), settings, pepper, TestRandom::new(7)).unwrap();
        Self { store, holders }
    }

    /// What a restart finds.
    pub(super) fn reopened(&self) -> Self {
        Self::over(self.store.reopened(), Self::settings(), &Self::pepper(1))
    }

    pub(super) fn new_registration(email: &str) -> NewRegistration {
        NewRegistration {
            given_name: "Ada".to_owned(),
            surname: "Rossi".to_owned(),
            fiscal_code: "RSSMRA85T10A562S".to_owned(),
            birth_date: NaiveDate::from_ymd_opt(1985, 12, 10),
            email: email.to_owned(),
            phone: "+39 347 123 4567".to_owned(),
            passphrase: EnvelopePassphrase::Own(Zeroizing::new("una frase lunga".to_owned())),
            kind: CredentialKind::Remote,
            language: Language::It,
        }
    }

    pub(super) fn register(&self, email: &str) -> (RegistrationId, HolderId) {
        let new = Self::new_registration(email);
        block_on(self.holders.register(new, operator(), at(0))).unwrap()
    }

    pub(super) fn invite(&self, id: RegistrationId, seconds: i64) -> HolderId {
        let invite = Invite::default();
        block_on(self.holders.invite(id, invite, operator(), at(seconds))).unwrap()
    }

    /// A holder with the password [`RIGHT`].
    pub(super) fn holder(&self, email: &str) -> HolderId {
        let (registration, id) = self.register(email);
        self.invite(registration, 0);
        let typed = TypedTwice { new: RIGHT, repeat: RIGHT };
        let token = self.token(email);
        assert_eq!(block_on(self.holders.set_first_password(&token, &typed, at(1))).unwrap(), id);
        id
    }

    pub(super) fn login(&self, name: &str, word: &str, s: i64) -> Result<LoggedIn, HolderError> {
        block_on(self.holders.login(name, word, HOME, at(s)))
    }

    /// A session of a holder with the password [`RIGHT`].
    pub(super) fn session(&self, name: &str, seconds: i64) -> OpenedSession {
        let login = self.login(name, RIGHT, seconds).unwrap();
        self.open(&login, seconds).unwrap()
    }

    pub(super) fn open(&self, login: &LoggedIn, s: i64) -> Result<OpenedSession, HolderError> {
        block_on(self.holders.open_session(login, HOME, "Browser/1.0", at(s)))
    }

    pub(super) fn access(&self, token: &SecretToken, s: i64) -> Result<Access, HolderError> {
        block_on(self.holders.access(token.expose(), at(s)))
    }

    /// The access of a new session.
    pub(super) fn logged_in(&self, name: &str, seconds: i64) -> Access {
        self.access(&self.session(name, seconds).token, seconds).unwrap()
    }

    pub(super) fn proof(&self, holder: HolderId, purpose: Purpose, bound: [u8; 32]) -> OtpVerified {
        OtpVerified::for_tests(holder, OperationId::new([1; 16]), purpose, bound)
    }

    pub(super) fn set_question(&self, id: HolderId, answer: &str) -> Result<(), HolderError> {
        let question = crate::holders::question::Question::Listed("first-pet".to_owned());
        let proof = self.proof(id, Purpose::ChangeQuestion, otp::Change::Set.bound());
        block_on(self.holders.set_question(id, &question, answer, proof, at(10)))
    }

    /// Every message that has its content still, oldest first.
    pub(super) fn sent(&self) -> Vec<Sent> {
        let contents = self.store.contents();
        let rows = contents.iter().filter(|((t, key), _)| *t == MESSAGE.number() && key.len() == 8);
        let sent = |((_, key), value): (&(u8, Vec<u8>), &Vec<u8>)| {
            let id = MessageId::new(u64::from_be_bytes(key.as_slice().try_into().unwrap()));
            let record: MessageRecord = decode(MESSAGE, key, value).unwrap();
            let content = record.open(&self.holders.inner().pepper, id).unwrap();
            content.map(|content| Sent { record, content })
        };
        rows.filter_map(sent).collect()
    }

    /// The words of the messages to somebody, oldest first.
    pub(super) fn mails_to(&self, to: &str) -> Vec<&'static str> {
        self.sent()
            .iter()
            .filter(|m| m.content.to == to)
            .map(|m| m.content.template.kind())
            .collect()
    }

    /// The token of the newest link that was mailed to an address.
    pub(super) fn token(&self, to: &str) -> String {
        let link = |sent: Sent| match sent.content.template {
            _ if sent.content.to != to || sent.record.delivery != Delivery::Mail => None,
            Template::EnvelopeReady { token, .. }
            | Template::SetPassword { token, .. }
            | Template::RecoverPassword { token, .. }
            | Template::ConfirmEmail { token, .. } => Some(token),
            _ => None,
        };
        self.sent().into_iter().filter_map(link).next_back().unwrap()
    }

    /// The words of a holder's history, oldest first.
    pub(super) fn history(&self, id: HolderId) -> Vec<&'static str> {
        let page = self.holders.history(id, &Default::default()).unwrap();
        page.entries.iter().map(|entry| entry.kind.word()).collect()
    }

    /// The words and subjects of the audit trail, oldest first.
    pub(super) fn trail(&self) -> Vec<(String, String)> {
        let store: Arc<dyn Store> = self.store.clone();
        let page = trail::Trail::open(store).unwrap().page(&trail::Query::default()).unwrap();
        page.events.into_iter().map(|event| (event.action, event.subject)).collect()
    }
}

/// The slug of a refusal.
#[track_caller]
pub(super) fn slug<T: std::fmt::Debug>(outcome: Result<T, HolderError>) -> &'static str {
    outcome.unwrap_err().slug()
}

/// An export, read to its end.
pub(super) fn document(export: PersonalDataExport) -> serde_json::Value {
    let text: String = export.map(Result::unwrap).collect();
    serde_json::from_str(&text).unwrap()
}
