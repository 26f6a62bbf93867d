//! Personal data: all that is held about a holder, handed over; and how it goes.
//!
//! Erasing has two steps. When an account is closed, everything goes at once that no law asks
//! for: password, secret question, settings, links. What the law asks for (who the holder was, and
//! what was signed) goes when its time is over; a row stays that says only that there was a
//! holder, and when. The audit trail names holders by number alone and stays as it is. The
//! certificates are in the registry of the CA, which takes the names out of them when whoever
//! calls [`Holders::erase`] asks it to, before: it depends on nothing here.
//!
//! Each room that keeps something about a holder is named in `ROOMS`.

mod export;

pub use export::PersonalDataExport;

use super::credential::{self, State};
use super::history::{self, HistoryEntry, HistoryKind};
use super::holder::{self, HolderEvent, HolderRecord, HolderStatus, notify};
use super::messages::{self, Template};
use super::tables::HOLDER_BY_EMAIL;
use super::{
    Actor, HolderError, HolderId, Holders, Inner, authorisations, devices, fields, former, link,
    otp, phone, registration, sessions, stamp_link, totp,
};
use chrono::{DateTime, TimeDelta, Utc};
use store::Transaction;

/// Rows that one transaction deletes: others wait while it runs.
const BATCH: usize = 500;

/// Where rows about a holder are: deletes up to so many of them, and tells how many it did.
type Erase = fn(&mut dyn Transaction, HolderId, usize) -> Result<usize, HolderError>;

/// Every room whose rows go when the time of the law is over.
const ROOMS: [Erase; 7] = [
    history::erase,
    messages::erase,
    authorisations::erase,
    credential::erase,
    sessions::erase,
    devices::erase,
    stamp_link::erase,
];

impl Holders {
    /// Refuses what [`Holders::close`] would refuse whatever becomes of the credentials: to be
    /// asked before they are revoked for it.
    pub fn check_closing(&self, id: HolderId, reason: &str) -> Result<(), HolderError> {
        fields::line("reason", reason)?;
        self.holder_record(id)?.status.apply(HolderEvent::Close).map(drop)
    }

    /// Closes an account for good. What no law asks for is gone at once.
    pub async fn close(
        &self,
        id: HolderId,
        reason: &str,
        actor: Actor,
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        let reason = fields::line("reason", reason)?;
        self.transact(move |inner, tx| {
            let mut record = holder::load(tx, id)?;
            record.status = record.status.apply(HolderEvent::Close)?;
            needs_no_credential(tx, id, now)?;
            registration::end_waiting(tx, id, &actor, now)?;
            let at = now.timestamp_millis();
            let kept_until = (now + inner.settings.retention).timestamp_millis();
            notify(inner, tx, id, &record, &Template::Closed { at, kept_until }, now)?;
            strip(tx, id, &mut record)?;
            record.closed_at = Some(at);
            holder::save(tx, id, &record);
            let entry = HistoryEntry::new(HistoryKind::Closed, actor).with("reason", reason);
            history::append(tx, id, &entry, now).map(drop)
        })
        .await
    }

    /// Refuses what [`Holders::erase`] would refuse: to be asked before what others hold about the
    /// holder is erased.
    ///
    /// # Errors
    /// [`HolderError::RetentionNotOver`], [`HolderError::IllegalTransition`],
    /// [`HolderError::UnknownHolder`].
    pub fn check_erasing(&self, id: HolderId, now: DateTime<Utc>) -> Result<(), HolderError> {
        may_be_erased(&self.holder_record(id)?, self.inner().settings.retention, now)
    }

    /// Erases what is held about a holder whose account was closed, once the law allows it. When
    /// it is interrupted, the next call goes on.
    pub async fn erase(
        &self,
        id: HolderId,
        actor: Actor,
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        let may = move |inner: &Inner, tx: &mut dyn Transaction| {
            may_be_erased(&holder::load(tx, id)?, inner.settings.retention, now)
        };
        self.transact(may).await?;
        for erase in ROOMS {
            // Until a look finds nothing: fewer than were asked for does not say that it was all.
            while self.transact(move |_, tx| erase(tx, id, BATCH)).await? > 0 {}
        }
        self.transact(move |_, tx| {
            let mut record = holder::load(tx, id)?;
            record.status = record.status.apply(HolderEvent::Erase)?;
            forget(tx, id, &mut record, now)?;
            // In the trail alone: the history is gone.
            let (category, word) = (trail::Category::Administration, HistoryKind::Erased.word());
            let subject = format!("holder {id}");
            let event = trail::Event::success(category, word, actor.to_string(), subject);
            trail::append(tx, &event, now)?;
            Ok(())
        })
        .await
    }
}

/// Refuses an erasure before the law allows it.
fn may_be_erased(
    record: &HolderRecord,
    retention: TimeDelta,
    now: DateTime<Utc>,
) -> Result<(), HolderError> {
    record.status.apply(HolderEvent::Erase)?;
    let until = crate::stamps::instant(record.closed_at.unwrap_or(i64::MAX));
    let until = until.checked_add_signed(retention).unwrap_or(DateTime::<Utc>::MAX_UTC);
    if now < until { Err(HolderError::RetentionNotOver { until }) } else { Ok(()) }
}

/// Refuses while a credential may still be used: its certificate has to be revoked first, which
/// others have to hear of.
fn needs_no_credential(
    tx: &dyn Transaction,
    id: HolderId,
    now: DateTime<Utc>,
) -> Result<(), HolderError> {
    for credential in credential::all_of(tx, id)? {
        let state = credential::load(tx, credential)?.life.at(now);
        if matches!(state, State::Active | State::Suspended { .. } | State::PinLocked) {
            return Err(HolderError::IllegalTransition {
                machine: "a credential of this holder",
                state: state.word(),
                event: "be closed with the account before it is revoked",
            });
        }
    }
    Ok(())
}

/// Takes away what only a living account needs.
fn strip(
    tx: &mut dyn Transaction,
    id: HolderId,
    record: &mut HolderRecord,
) -> Result<(), HolderError> {
    link::burn_all(tx, id)?;
    sessions::end_all(tx, id, None)?;
    devices::unlink_all(tx, id)?;
    record.password = None;
    record.question = None;
    record.notice_email = None;
    record.totp = false;
    phone::forget(tx, id);
    stamp_link::erase(tx, id, 1)?;
    totp::erase(tx, id);
    otp::end_all(tx, id)
}

/// Leaves a row that says that there was a holder, and when.
fn forget(
    tx: &mut dyn Transaction,
    id: HolderId,
    record: &mut HolderRecord,
    now: DateTime<Utc>,
) -> Result<(), HolderError> {
    strip(tx, id, record)?;
    tx.delete(HOLDER_BY_EMAIL, record.email.as_bytes());
    former::forget(tx, id, record);
    if let Some(id) = record.registration.map(super::RegistrationId::new) {
        let mut registration = registration::load(tx, id)?;
        registration.applicant = None;
        registration.passphrase = None;
        registration.reason = None;
        registration::save(tx, id, &registration);
    }
    for field in [
        &mut record.email,
        &mut record.given_name,
        &mut record.surname,
        &mut record.fiscal_code,
        &mut record.phone,
    ] {
        field.clear();
    }
    record.birth_date = None;
    record.erased_at = Some(now.timestamp_millis());
    record.status = HolderStatus::Erased;
    holder::save(tx, id, record);
    Ok(())
}

/// Forgets a holder whose account was never used: no law asks to keep anything.
pub(super) fn forget_unused(
    tx: &mut dyn Transaction,
    id: HolderId,
    now: DateTime<Utc>,
) -> Result<(), HolderError> {
    let mut record = holder::load(tx, id)?;
    if record.status != HolderStatus::Invited {
        return Err(HolderError::IllegalTransition {
            machine: "the holder",
            state: record.status.word(),
            event: "be forgotten",
        });
    }
    for erase in ROOMS {
        while erase(tx, id, BATCH)? > 0 {}
    }
    record.closed_at = Some(now.timestamp_millis());
    forget(tx, id, &mut record, now)
}
