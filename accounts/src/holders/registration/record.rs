//! The stored form of a registration, and what is typed to make one.

use super::RegistrationState;
use crate::encoding::{decode, encode};
use crate::holders::credential::CredentialKind;
use crate::holders::fields::{self, FieldRule};
use crate::holders::tables::REGISTRATION;
use crate::holders::{Email, HolderError, HolderId, Language, PhoneNumber, RegistrationId};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use envelope::Passphrase;
use minicbor::bytes::{ByteArray, ByteVec};
use minicbor::{Decode, Encode};
use std::fmt;
use store::Transaction;
use zeroize::Zeroizing;

/// What opens the envelope.
pub enum EnvelopePassphrase {
    /// Chosen by the holder.
    Own(Zeroizing<String>),
    /// The fiscal code in capitals.
    FiscalCode,
}

/// What is typed to register somebody.
pub struct NewRegistration {
    /// The given name.
    pub given_name: String,
    /// The surname.
    pub surname: String,
    /// The fiscal code.
    pub fiscal_code: String,
    /// The birth date.
    pub birth_date: Option<NaiveDate>,
    /// The e-mail address: the user ID.
    pub email: String,
    /// The mobile number, with its country code.
    pub phone: String,
    /// What opens the envelope.
    pub passphrase: EnvelopePassphrase,
    /// Which credential is asked for.
    pub kind: CredentialKind,
    /// The language of mails and pages.
    pub language: Language,
}

impl fmt::Debug for NewRegistration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewRegistration")
    }
}

/// A registration whose fields were all read.
pub(super) struct Applicant {
    pub(super) details: ApplicantRecord,
    pub(super) passphrase: Zeroizing<String>,
}

impl NewRegistration {
    /// Reads every field; the first that breaks a rule is refused.
    pub(super) fn read(self, now: DateTime<Utc>) -> Result<Applicant, HolderError> {
        let fiscal_code = fields::fiscal_code("fiscal_code", &self.fiscal_code)?;
        let birth_date = self.birth_date;
        let birth_date =
            birth_date.map(|date| fields::birth_date("birth_date", date, now)).transpose()?;
        let days = |date: NaiveDate| (date - NaiveDate::default()).num_days();
        let passphrase = match self.passphrase {
            EnvelopePassphrase::Own(passphrase) => passphrase,
            EnvelopePassphrase::FiscalCode => Zeroizing::new(fiscal_code.clone()),
        };
        let bad = |_| FieldRule::Passphrase.broken_by("passphrase");
        drop(Passphrase::parse(&passphrase).map_err(bad)?);
        let details = ApplicantRecord {
            given_name: fields::person_name("given_name", &self.given_name)?,
            surname: fields::person_name("surname", &self.surname)?,
            fiscal_code,
            birth_date: birth_date.map(days),
            email: Email::parse("email", &self.email)?.as_str().to_owned(),
            phone: PhoneNumber::parse("phone", &self.phone)?.as_str().to_owned(),
            language: self.language,
            kind: self.kind,
        };
        Ok(Applicant { details, passphrase })
    }
}

/// A registration. Used in stored state.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct RegistrationRecord {
    #[n(0)]
    pub(crate) state: RegistrationState,
    #[n(1)]
    pub(crate) created_at: i64,
    #[n(2)]
    pub(crate) changed_at: i64,
    /// Asked for by the holder, not made by an operator.
    #[n(3)]
    pub(crate) self_service: bool,
    /// `None` once nothing personal is kept.
    #[n(4)]
    pub(crate) applicant: Option<ApplicantRecord>,
    /// Sealed; `None` once the envelope is not made again.
    #[n(5)]
    pub(crate) passphrase: Option<ByteVec>,
    #[n(6)]
    pub(crate) holder: Option<u64>,
    /// The operator's words.
    #[n(7)]
    pub(crate) reason: Option<String>,
    /// When it expires.
    #[n(8)]
    pub(crate) ends_at: Option<i64>,
    /// While it waits: a keyed hash of the network that it came from.
    #[n(9)]
    pub(crate) source: Option<ByteArray<16>>,
}

/// Who is registered. Used in stored state.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct ApplicantRecord {
    #[n(0)]
    pub(crate) given_name: String,
    #[n(1)]
    pub(crate) surname: String,
    #[n(2)]
    pub(crate) fiscal_code: String,
    /// Days since 1970-01-01.
    #[n(3)]
    pub(crate) birth_date: Option<i64>,
    #[n(4)]
    pub(crate) email: String,
    #[n(5)]
    pub(crate) phone: String,
    #[n(6)]
    pub(crate) language: Language,
    #[n(7)]
    pub(crate) kind: CredentialKind,
}

impl fmt::Debug for ApplicantRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApplicantRecord")
    }
}

/// A registration as operators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistrationView {
    /// The identifier.
    pub id: RegistrationId,
    /// Where it is.
    pub state: RegistrationState,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When its state changed last.
    pub changed_at: DateTime<Utc>,
    /// Whether the holder asked for it, or an operator made it.
    pub self_service: bool,
    /// Given name and surname; `None` once nothing personal is kept, as the next four.
    pub name: Option<(String, String)>,
    /// The e-mail address.
    pub email: Option<String>,
    /// The fiscal code.
    pub fiscal_code: Option<String>,
    /// The birth date; `None` too where none was given.
    pub birth_date: Option<NaiveDate>,
    /// The phone number.
    pub phone: Option<String>,
    /// Which credential is asked for.
    pub kind: Option<CredentialKind>,
    /// The holder that it made.
    pub holder: Option<HolderId>,
    /// Why it was rejected.
    pub reason: Option<String>,
    /// When it expires.
    pub ends_at: Option<DateTime<Utc>>,
}

impl RegistrationRecord {
    pub(super) fn view(self, id: RegistrationId) -> RegistrationView {
        let instant = crate::stamps::instant;
        let kind = self.applicant.as_ref().map(|applicant| applicant.kind);
        let birth_date = self.applicant.as_ref().and_then(|applicant| applicant.birth_date);
        let (name, email, fiscal_code, phone) = match self.applicant {
            Some(ApplicantRecord { given_name, surname, email, fiscal_code, phone, .. }) => {
                (Some((given_name, surname)), Some(email), Some(fiscal_code), Some(phone))
            }
            None => (None, None, None, None),
        };
        RegistrationView {
            id,
            state: self.state,
            created_at: instant(self.created_at),
            changed_at: instant(self.changed_at),
            self_service: self.self_service,
            name,
            email,
            fiscal_code,
            birth_date: birth_date.and_then(born),
            phone,
            kind,
            holder: self.holder.map(HolderId::new),
            reason: self.reason,
            ends_at: self.ends_at.map(instant),
        }
    }
}

/// The date of so many days after 1970-01-01, as records keep it.
fn born(days: i64) -> Option<NaiveDate> {
    NaiveDate::default().checked_add_signed(TimeDelta::try_days(days)?)
}

/// The record of a registration, in a transaction.
pub(crate) fn load(
    tx: &dyn Transaction,
    id: RegistrationId,
) -> Result<RegistrationRecord, HolderError> {
    let bytes = tx.get(REGISTRATION, &id.key())?.ok_or(HolderError::UnknownRegistration(id))?;
    Ok(decode(REGISTRATION, &id.key(), &bytes)?)
}

pub(crate) fn save(tx: &mut dyn Transaction, id: RegistrationId, record: &RegistrationRecord) {
    tx.put(REGISTRATION, &id.key(), &encode(record, 384));
}
