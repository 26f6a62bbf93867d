//! The history of a holder: every event that concerns the account, in the order of time.
//!
//! An entry is appended in the transaction of the change that it tells of, and so is the event of
//! the audit trail. The history belongs to the holder, and is erased with the holder's data; the
//! trail belongs to the service, and names the holder by number alone.

use super::counters::{NEXT_HISTORY, next};
use super::error::HolderError;
use super::tables::HISTORY;
use super::{Actor, HolderId, Holders};
use crate::encoding::{damaged, decode, encode};
use chrono::{DateTime, Utc};
use minicbor::{Decode, Encode};
use std::ops::Bound;
use store::{Order, Row, StoreError, Transaction};
use trail::Category;

/// Entries of one page.
const MOST_AT_ONCE: usize = 1_000;

macro_rules! kinds {
    ($($(#[$doc:meta])* $number:literal $name:ident $word:literal $category:ident,)+) => {
        /// What happened. Used in stored state.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
        #[cbor(index_only)]
        #[non_exhaustive]
        pub enum HistoryKind {
            $($(#[$doc])* #[n($number)] $name,)+
        }

        impl HistoryKind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// A stable word in kebab-case: that of the audit trail as well.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Self::$name => $word),+ }
            }

            fn category(self) -> Category {
                match self { $(Self::$name => Category::$category),+ }
            }
        }
    };
}

kinds! {
    /// The holder was registered.
    0 Registered "holder-registered" Administration,
    /// The invitation went out.
    1 Invited "holder-invited" Administration,
    /// A registration was rejected.
    2 Rejected "registration-rejected" Administration,
    /// A registration or an invitation has ended unused.
    3 RegistrationExpired "registration-expired" Administration,
    /// The first password was set.
    4 PasswordSet "password-set" Login,
    /// The password was changed.
    5 PasswordChanged "password-changed" Login,
    /// A link for a forgotten password was asked for.
    6 RecoveryRequested "recovery-requested" Login,
    /// A new password replaced a forgotten one.
    7 PasswordRecovered "password-recovered" Login,
    /// The holder logged in.
    8 LoggedIn "login-succeeded" Login,
    /// A login failed.
    9 LoginFailed "login-failed" Login,
    /// Logins are refused for a while, or until the password is recovered.
    10 LoginLocked "login-locked" Login,
    /// A secret question was set.
    11 QuestionSet "secret-question-set" Login,
    /// The secret question was removed.
    12 QuestionRemoved "secret-question-removed" Login,
    /// The answer to the secret question was wrong.
    13 AnswerWrong "secret-question-failed" Login,
    /// Another e-mail address was asked for.
    14 EmailChangeRequested "email-change-requested" Login,
    /// The user ID is another e-mail address.
    15 EmailChanged "email-changed" Login,
    /// The address for notices is another.
    16 NoticeEmailChanged "notice-email-changed" Login,
    /// The language was chosen.
    17 LanguageChanged "language-changed" Administration,
    /// Which notices of signatures are sent was chosen.
    18 NoticesChanged "notices-changed" Administration,
    /// All personal data were exported.
    19 DataExported "personal-data-exported" Administration,
    /// The account was closed.
    20 Closed "holder-closed" Administration,
    /// The personal data were erased.
    21 Erased "holder-erased" Administration,
    /// An operator blocked the account.
    22 Blocked "holder-blocked" Administration,
    /// An operator lifted the block.
    23 Unblocked "holder-unblocked" Administration,
    /// A one-time code was sent.
    24 OtpSent "otp-sent" Login,
    /// A one-time code was wrong.
    25 OtpFailed "otp-failed" Login,
    /// An authenticator app was enrolled.
    26 TotpEnrolled "totp-enrolled" Login,
    /// The authenticator app was removed.
    27 TotpRemoved "totp-removed" Login,
    /// How one-time codes arrive was chosen.
    28 OtpMethodChanged "otp-method-changed" Login,
    /// Another phone number was asked for.
    29 PhoneChangeRequested "phone-change-requested" Login,
    /// The phone number is another.
    30 PhoneChanged "phone-changed" Login,
    /// A change of the phone number was cancelled.
    31 PhoneChangeCancelled "phone-change-cancelled" Login,
    /// A credential was made.
    32 CredentialCreated "credential-created" Key,
    /// A credential was activated.
    33 CredentialActivated "credential-activated" Key,
    /// The PIN was changed.
    34 PinChanged "pin-changed" Key,
    /// A PIN was wrong.
    35 PinFailed "pin-failed" Key,
    /// Wrong PINs locked the credential.
    36 PinLocked "pin-locked" Key,
    /// The PUK set a new PIN.
    37 PinUnlocked "pin-unlocked" Key,
    /// Wrong PUKs ended the credential.
    38 PukExhausted "puk-exhausted" Key,
    /// A credential was suspended.
    39 CredentialSuspended "credential-suspended" Certificate,
    /// A credential was reactivated.
    40 CredentialReactivated "credential-reactivated" Certificate,
    /// A credential was revoked.
    41 CredentialRevoked "credential-revoked" Certificate,
    /// A renewal began.
    42 RenewalStarted "renewal-started" Certificate,
    /// A renewal was completed.
    43 RenewalCompleted "renewal-completed" Certificate,
    /// Signatures were authorised.
    44 SignatureAuthorised "signature-authorised" Key,
    /// A signature was made.
    45 SignatureMade "signature-made" Key,
    /// A session was ended by its holder or by an operator.
    46 SessionEnded "session-ended" Login,
    /// A device was linked.
    47 DeviceLinked "device-linked" Login,
    /// A device was unlinked.
    48 DeviceUnlinked "device-unlinked" Login,
    /// A timestamp account was linked.
    49 StampAccountLinked "stamp-account-linked" Login,
    /// A timestamp account was unlinked.
    50 StampAccountUnlinked "stamp-account-unlinked" Login,
    /// A device approved a login by QR code.
    51 QrLoginApproved "qr-login-approved" Login,
    /// A device refused a login by QR code.
    52 QrLoginDenied "qr-login-denied" Login,
    /// A signature was refused or failed.
    53 SignatureFailed "signature-failed" Key,
    /// A suspension without login was tried with a wrong code.
    54 EmergencyCodeFailed "emergency-code-failed" Login,
    /// A session was raised with a one-time code.
    55 SteppedUp "session-stepped-up" Login,
    /// A login by QR code ended with a wrong number or a wrong signature.
    56 QrLoginFailed "qr-login-failed" Login,
    /// A holder says that a login by QR code was not theirs.
    57 QrLoginDisowned "qr-login-disowned" Login,
    /// A new phone number was proved, and counts later.
    58 PhoneProved "phone-number-proved" Login,
    /// PUK and emergency code for a lost phone were wrong.
    59 LostPhoneFailed "lost-phone-failed" Login,
}

/// What is appended. Details are names and values; never a secret.
#[derive(Clone, Debug)]
pub struct HistoryEntry {
    /// What happened.
    pub kind: HistoryKind,
    /// Who did it.
    pub actor: Actor,
    /// Whether it was a success or a failure.
    pub success: bool,
    /// Shown to the holder.
    pub details: Vec<(&'static str, String)>,
}

impl HistoryEntry {
    /// An entry that tells of a success.
    #[must_use]
    pub fn new(kind: HistoryKind, actor: Actor) -> Self {
        Self { kind, actor, success: true, details: Vec::new() }
    }

    /// An entry that tells of a failure.
    #[must_use]
    pub fn failure(kind: HistoryKind, actor: Actor) -> Self {
        Self { kind, actor, success: false, details: Vec::new() }
    }

    /// With a detail. It stands in the history alone, not in the trail: it may be personal.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl std::fmt::Display) -> Self {
        self.details.push((name, value.to_string()));
        self
    }
}

/// An entry as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedEntry {
    /// Grows with every entry of the service: a place to go on from.
    pub number: u64,
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub kind: HistoryKind,
    /// Who.
    pub actor: String,
    /// Whether it was a success.
    pub success: bool,
    /// Names and values.
    pub details: Vec<(String, String)>,
}

/// An entry of a history. Used in stored state.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct HistoryRecord {
    #[n(0)]
    pub(crate) kind: HistoryKind,
    #[n(1)]
    pub(crate) actor: String,
    #[n(2)]
    pub(crate) success: bool,
    #[n(3)]
    pub(crate) details: Vec<(String, String)>,
}

/// Appends an entry to the history of a holder, and its event to the audit trail.
pub(crate) fn append(
    tx: &mut dyn Transaction,
    holder: HolderId,
    entry: &HistoryEntry,
    now: DateTime<Utc>,
) -> Result<u64, HolderError> {
    let number = next(tx, NEXT_HISTORY)?;
    let details = entry.details.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
    let record = HistoryRecord {
        kind: entry.kind,
        actor: entry.actor.to_string(),
        success: entry.success,
        details: details.collect(),
    };
    tx.put(HISTORY, &key(holder, now.timestamp_millis(), number), &encode(&record, 96));
    let (category, word) = (entry.kind.category(), entry.kind.word());
    let (actor, subject) = (entry.actor.to_string(), format!("holder {holder}"));
    let event = if entry.success {
        trail::Event::success(category, word, actor, subject)
    } else {
        trail::Event::failure(category, word, actor, subject)
    };
    trail::append(tx, &event, now)?;
    Ok(number)
}

/// Which entries are asked for.
#[derive(Clone, Debug, Default)]
pub struct HistoryQuery {
    /// The first instant; included.
    pub from: Option<DateTime<Utc>>,
    /// The end; excluded.
    pub to: Option<DateTime<Utc>>,
    /// Only these kinds; empty for all.
    pub kinds: Vec<HistoryKind>,
    /// From the place where the last page ended.
    pub after: Option<HistoryPlace>,
    /// At most so many, 1 to 1000; 0 for 1000.
    pub limit: usize,
}

/// A place in a history, to go on from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryPlace {
    /// The instant of the last entry that was seen, in milliseconds since the Unix epoch.
    pub at: i64,
    /// Its number.
    pub number: u64,
}

/// Entries, oldest first.
#[derive(Clone, Debug, Default)]
pub struct HistoryPage {
    /// The entries; may be fewer than asked for, even none, while there is a `next`.
    pub entries: Vec<RecordedEntry>,
    /// Where to go on; `None` is the end.
    pub next: Option<HistoryPlace>,
}

impl Holders {
    /// A page of a holder's history. The work of a call is bounded: a filter may find nothing on
    /// a page and something on the next.
    pub fn history(
        &self,
        holder: HolderId,
        query: &HistoryQuery,
    ) -> Result<HistoryPage, HolderError> {
        let limit = if query.limit == 0 { MOST_AT_ONCE } else { query.limit.min(MOST_AT_ONCE) };
        let from = query.from.map_or(0, |from| from.timestamp_millis());
        let from = match query.after {
            Some(place) if place.at >= from => match place.number.checked_add(1) {
                Some(next) => key(holder, place.at, next),
                // No entry has the number behind the last that there can be.
                None => return Ok(HistoryPage::default()),
            },
            _ => key(holder, from, 0),
        };
        let to = query.to.map_or(i64::MAX, |to| to.timestamp_millis());
        let to = key(holder, to, 0);
        if from >= to {
            return Ok(HistoryPage::default());
        }
        let bounds = (Bound::Included(from.as_slice()), Bound::Excluded(to.as_slice()));
        let rows = self.store().scan(HISTORY, bounds.0, bounds.1, Order::Ascending, limit)?;
        let full = rows.len() == limit;
        let mut page = HistoryPage::default();
        for row in rows {
            let (place, entry) = read(row)?;
            page.next = full.then_some(place);
            if query.kinds.is_empty() || query.kinds.contains(&entry.kind) {
                page.entries.push(entry);
            }
        }
        Ok(page)
    }
}

/// Deletes up to `limit` entries of a holder, and tells how many those were.
pub(crate) fn erase(
    tx: &mut dyn Transaction,
    holder: HolderId,
    limit: usize,
) -> Result<usize, HolderError> {
    let (from, to) = (key(holder, 0, 0), key(holder, i64::MAX, u64::MAX));
    let bounds = (Bound::Included(from.as_slice()), Bound::Included(to.as_slice()));
    let rows = tx.scan(HISTORY, bounds.0, bounds.1, Order::Ascending, limit)?;
    for (row, _) in &rows {
        tx.delete(HISTORY, row);
    }
    Ok(rows.len())
}

fn read((key, value): Row) -> Result<(HistoryPlace, RecordedEntry), StoreError> {
    let wrong = || damaged(HISTORY, &key, "a key of the wrong length");
    let (_, place) = key.split_first_chunk::<8>().ok_or_else(wrong)?;
    let (at, number) = place.split_first_chunk::<8>().ok_or_else(wrong)?;
    let number: [u8; 8] = number.try_into().map_err(|_| wrong())?;
    let at = i64::try_from(u64::from_be_bytes(*at)).map_err(|_| wrong())?;
    let number = u64::from_be_bytes(number);
    let record: HistoryRecord = decode(HISTORY, &key, &value)?;
    let entry = RecordedEntry {
        number,
        at: crate::stamps::instant(at),
        kind: record.kind,
        actor: record.actor,
        success: record.success,
        details: record.details,
    };
    Ok((HistoryPlace { at, number }, entry))
}

/// An instant before 1970 is none that this service has seen.
fn key(holder: HolderId, at: i64, number: u64) -> [u8; 24] {
    let mut key = [0; 24];
    key[..8].copy_from_slice(&holder.key());
    key[8..16].copy_from_slice(&u64::try_from(at).unwrap_or(0).to_be_bytes());
    key[16..].copy_from_slice(&number.to_be_bytes());
    key
}
