//! What is kept under which version of the pepper: so that an operator knows when a version can
//! be taken out of the file, and so that a start without one that is needed is refused.
//!
//! A version is left in three ways. What a code or a password opens moves to the newest version
//! when it is typed next; what is short-lived ends; and what belongs to a credential goes a day
//! after its certificate. Of the two tables of counts nothing is told: they stand under the oldest
//! version, and begin anew without it.

use super::credential::{CredentialRecord, State, is_record_key};
use super::holder::HolderRecord;
use super::keys::Wrapped;
use super::messages::MessageRecord;
use super::otp::ChallengeRecord;
use super::registration::RegistrationRecord;
use super::renewal::RenewalRecord;
use super::tables::{
    HOLDER, MESSAGE, OTP_CHALLENGE, REGISTRATION, RENEWAL, SIGNING_CREDENTIAL, SIGNING_KEY, TOTP,
};
use super::{HolderError, Holders};
use crate::encoding::decode;
use std::collections::BTreeMap;
use std::ops::Bound;
use store::{Order, Store, Table};

/// Rows that are read at a time.
const PAGE: usize = 1_000;

/// Kinds of things that are under the pepper.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Peppered {
    /// Passwords: the next login moves them.
    Password,
    /// Answers to secret questions: a right answer moves them.
    Answer,
    /// Keys under a PIN: the PIN moves them.
    PinKey,
    /// Keys under a PUK: the PUK moves them, and each renewal.
    PukKey,
    /// What tells a PIN from those before it: the PIN moves it.
    FormerPins,
    /// Emergency codes: the code moves them, and each new envelope.
    EmergencyCode,
    /// Secrets of authenticator apps: a code of the app moves them.
    Authenticator,
    /// One-time codes and the numbers they go to: they end within hours.
    OneTimeCode,
    /// Contents of messages: they end within 90 days.
    Message,
    /// What was entered in renewals: a day.
    Renewal,
    /// Passphrases of envelopes: the first password ends them.
    Registration,
}

impl Peppered {
    /// A stable word in kebab-case.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Password => "passwords",
            Self::Answer => "answers",
            Self::PinKey => "pin-keys",
            Self::PukKey => "puk-keys",
            Self::FormerPins => "former-pins",
            Self::EmergencyCode => "emergency-codes",
            Self::Authenticator => "authenticators",
            Self::OneTimeCode => "one-time-codes",
            Self::Message => "messages",
            Self::Renewal => "renewals",
            Self::Registration => "registrations",
        }
    }
}

/// A version of the pepper, and how much is under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PepperUse {
    /// The version.
    pub version: u16,
    /// Whether new things are put under it.
    pub current: bool,
    /// How many of which kind; a kind that it has none of is not named.
    pub kept: BTreeMap<Peppered, u64>,
}

/// What is kept under each version.
pub(super) type Uses = BTreeMap<u16, BTreeMap<Peppered, u64>>;

impl Holders {
    /// What is kept under each version of the pepper, the oldest version first. Looks through all
    /// holders, credentials and messages.
    ///
    /// # Errors
    /// The store's.
    pub fn pepper_uses(&self) -> Result<Vec<PepperUse>, HolderError> {
        let pepper = &self.inner().pepper;
        let mut uses = uses(self.store())?;
        for version in pepper.versions() {
            uses.entry(version).or_default();
        }
        let current = pepper.current();
        let told = uses.into_iter();
        let told =
            told.map(|(version, kept)| PepperUse { version, current: version == current, kept });
        Ok(told.collect())
    }
}

/// Looks through everything that may be under the pepper.
pub(super) fn uses(store: &dyn Store) -> Result<Uses, HolderError> {
    use Peppered as P;
    let mut uses = Uses::new();
    let mut note = |what: Peppered, version: u16| {
        *uses.entry(version).or_default().entry(what).or_default() += 1;
    };
    each::<HolderRecord>(
        store,
        HOLDER,
        |_| true,
        |holder| {
            holder.password.iter().for_each(|password| note(P::Password, password.pepper));
            holder.question.iter().for_each(|question| note(P::Answer, question.pepper));
        },
    )?;
    each::<Wrapped>(
        store,
        SIGNING_KEY,
        |_| true,
        |wraps| {
            note(P::PinKey, wraps.pin.pepper());
            note(P::PukKey, wraps.puk.pepper());
        },
    )?;
    each::<CredentialRecord>(store, SIGNING_CREDENTIAL, is_record_key, |credential| {
        of_credential(&credential, &mut note);
    })?;
    // Both forms begin with what is sealed.
    each::<SealedFirst>(store, TOTP, |_| true, |app| note(P::Authenticator, version(&app.sealed)))?;
    each::<ChallengeRecord>(
        store,
        OTP_CHALLENGE,
        |key| key.len() == 16,
        |challenge| {
            challenge.code.iter().for_each(|code| note(P::OneTimeCode, code.pepper));
            challenge.number.iter().for_each(|number| note(P::OneTimeCode, version(number)));
        },
    )?;
    each::<MessageRecord>(store, MESSAGE, is_number, |message| {
        message.content.iter().for_each(|content| note(P::Message, version(content)));
    })?;
    each::<RenewalRecord>(
        store,
        RENEWAL,
        |_| true,
        |renewal| {
            note(P::Renewal, renewal.slot.pin.pepper());
            renewal.passphrase.iter().for_each(|sealed| note(P::Renewal, version(sealed)));
        },
    )?;
    each::<RegistrationRecord>(store, REGISTRATION, is_number, |registration| {
        registration.passphrase.iter().for_each(|sealed| note(P::Registration, version(sealed)));
    })?;
    uses.remove(&NONE);
    Ok(uses)
}

/// No version: of what was blanked.
const NONE: u16 = 0;

/// What nobody can use any more counts for nothing: a code of a credential that was revoked.
fn of_credential(credential: &CredentialRecord, note: &mut impl FnMut(Peppered, u16)) {
    if !credential.former.traces.is_empty() {
        note(Peppered::FormerPins, credential.former.pepper);
    }
    if matches!(credential.life.stored(), State::Revoked { .. }) {
        return;
    }
    note(Peppered::EmergencyCode, credential.emergency.pepper);
    for former in credential.former_codes.iter().flatten() {
        note(Peppered::EmergencyCode, former.code.pepper);
    }
}

/// A record of which only the first field is of interest.
#[derive(minicbor::Decode)]
struct SealedFirst {
    #[n(0)]
    sealed: minicbor::bytes::ByteVec,
}

/// A key that is a number. Those that lead to one begin with a letter.
fn is_number(key: &[u8]) -> bool {
    key.first() == Some(&0)
}

/// The version in front of what is sealed.
fn version(sealed: &[u8]) -> u16 {
    sealed.first_chunk::<2>().map_or(NONE, |version| u16::from_be_bytes(*version))
}

/// Reads each record of a table whose key is one of a record.
fn each<T: for<'b> minicbor::Decode<'b, ()>>(
    store: &dyn Store,
    table: Table,
    is_record: impl Fn(&[u8]) -> bool,
    mut look: impl FnMut(T),
) -> Result<(), HolderError> {
    let mut after = Bound::Unbounded;
    loop {
        let from = after.as_ref().map(Vec::as_slice);
        let rows = store.scan(table, from, Bound::Unbounded, Order::Ascending, PAGE)?;
        let Some((last, _)) = rows.last() else { return Ok(()) };
        let last = last.clone();
        for (key, value) in rows.iter().filter(|(key, _)| is_record(key)) {
            look(decode(table, key, value)?);
        }
        after = Bound::Excluded(last);
    }
}
