//! Another phone number: a new second factor, so nothing of it is quick or quiet.
//!
//! There are two ways. When the old number can still receive a code, that code agrees, a code to
//! the new number proves it, and it counts at once; where an authenticator app is enrolled, a code
//! of it has to agree as well, since a number alone can be had by fraud. When the phone is lost,
//! PUK and emergency code of the envelope vouch for the holder (five tries in a day, which end
//! nothing), a code to the new number proves it, and then it waits: every address and the old
//! number are told, and any session or the link in the mail cancels it. Only after the while does
//! it count; an authenticator app goes with the lost phone then.
//!
//! Every address is told whenever a number counts, and so is the old number.

mod lost;
mod record;
mod state;

pub use state::{PhoneEvent, PhoneState};

pub(crate) use record::PhoneChangeRecord;

use super::fields::FieldRule;
use super::history::{HistoryEntry, HistoryKind};
use super::holder::{self, HolderRecord, HolderStatus, notify};
use super::job::Round;
use super::link::{self, LinkEvent, LinkPurpose};
use super::messages::{Channel, NewMessage, Template, enqueue};
use super::otp::{self, OtpAsked, OtpRequest, OtpVerified, Purpose};
use super::sessions::Access;
use super::tables::PHONE_CHANGE;
use super::{Actor, HolderError, HolderId, Holders, Inner, PhoneNumber, history, totp};
use crate::encoding::{damaged, decode};
use chrono::{DateTime, Utc};
use std::ops::Bound;
use store::{Order, Transaction};

/// Rows looked at by one step of the timer.
const SWEEP: usize = 500;

/// A change of the phone number as its holder sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhoneChangeView {
    /// Where it is.
    pub state: PhoneState,
    /// The new number, masked.
    pub number: String,
    /// When it was begun.
    pub begun_at: DateTime<Utc>,
    /// The end of the time to prove the new number.
    pub prove_until: Option<DateTime<Utc>>,
    /// When the new number will count.
    pub counts_at: Option<DateTime<Utc>>,
    /// What a one-time code that proves the new number is bound to.
    pub bound: [u8; 32],
}

/// What agrees to a new number in the place of the old one, each bound to [`phone_bound`].
#[derive(Debug)]
pub struct PhoneProofs {
    /// Of a code that went to the old number, for [`Purpose::ChangePhone`].
    pub number: OtpVerified,
    /// Of a code of the authenticator app, for [`Purpose::ChangePhoneApp`]; needed where one is
    /// enrolled.
    pub app: Option<OtpVerified>,
}

/// What one-time codes for a new number are bound to: those to the old number, those of the app and
/// those to the new number.
#[must_use]
pub fn phone_bound(number: &PhoneNumber) -> [u8; 32] {
    otp::bound(&[number.as_str().as_bytes()])
}

impl Holders {
    /// Begins a change that the old number agrees to, and the authenticator app where there is one.
    /// A code goes to the new number.
    ///
    /// # Errors
    /// [`HolderError::NoSession`], [`HolderError::StepUpNeeded`];
    /// [`HolderError::IllegalTransition`] while another one waits; [`HolderError::OtpForOther`] for
    /// a proof of something else, and without that of an app that is enrolled; and those of a
    /// one-time code.
    pub async fn begin_phone_change(
        &self,
        access: &Access,
        number: &PhoneNumber,
        proofs: PhoneProofs,
        now: DateTime<Utc>,
    ) -> Result<OtpAsked, HolderError> {
        access.session()?;
        access.needs_full()?;
        let (id, number, bound) = (access.holder, number.clone(), phone_bound(number));
        let by_app = proofs.app.is_some();
        for (proof, purpose) in
            [(Some(proofs.number), Purpose::ChangePhone), (proofs.app, Purpose::ChangePhoneApp)]
        {
            let Some(proof) = proof else { continue };
            let operation = proof.operation();
            proof.consume(id, operation, purpose, &bound)?;
        }
        self.transact(move |inner, tx| {
            if holder::load(tx, id)?.totp && !by_app {
                return Err(HolderError::OtpForOther);
            }
            may_begin(tx, id, &number, now)?;
            begin(inner, tx, id, &number, PhoneState::Agreed, now)
        })
        .await
    }

    /// Confirms the new number with a code that went there, for [`Purpose::ProvePhone`] bound to
    /// [`PhoneChangeView::bound`]. When the old number agreed it counts at once; else it waits.
    ///
    /// # Errors
    /// [`HolderError::NoPhoneChange`]; [`HolderError::IllegalTransition`] when it waits already.
    pub async fn confirm_phone_change(
        &self,
        access: &Access,
        proof: OtpVerified,
        now: DateTime<Utc>,
    ) -> Result<PhoneChangeView, HolderError> {
        access.session()?;
        access.needs_full()?;
        let (id, actor) = (access.holder, access.actor());
        self.transact(move |inner, tx| {
            let mut record = record::load(tx, id, now)?.ok_or(HolderError::NoPhoneChange)?;
            let operation = proof.operation();
            proof.consume(id, operation, Purpose::ProvePhone, &phone_bound(&record.number()?))?;
            record.turn(PhoneEvent::Prove, now)?;
            match record.state {
                PhoneState::Counted => count(inner, tx, id, &record, actor, now)?,
                _ => wait(inner, tx, id, &mut record, now)?,
            }
            view(&record)
        })
        .await
    }

    /// The change of a holder that is under way.
    pub fn phone_change(
        &self,
        id: HolderId,
        now: DateTime<Utc>,
    ) -> Result<Option<PhoneChangeView>, HolderError> {
        let record = self.phone_change_record(id, now)?;
        record.map(|record| view(&record)).transpose()
    }

    pub(crate) fn phone_change_record(
        &self,
        id: HolderId,
        now: DateTime<Utc>,
    ) -> Result<Option<PhoneChangeRecord>, HolderError> {
        record::read(id, self.store().get(PHONE_CHANGE, &id.key())?.as_deref(), now)
    }

    /// Cancels the change of a holder. Any way in may do it, a limited session too: it takes
    /// nothing away but a number that nobody uses yet.
    ///
    /// # Errors
    /// [`HolderError::NoPhoneChange`].
    pub async fn cancel_phone_change(
        &self,
        access: &Access,
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        let (id, actor) = (access.holder, access.actor());
        self.transact(move |inner, tx| cancel(inner, tx, id, actor, now)).await
    }

    /// Cancels a change that waits with the link that was mailed.
    ///
    /// # Errors
    /// [`HolderError::LinkInvalid`].
    pub async fn cancel_phone_change_with_link(
        &self,
        token: &str,
        now: DateTime<Utc>,
    ) -> Result<HolderId, HolderError> {
        let digest = link::digest(token);
        self.transact(move |inner, tx| {
            let link = link::open(tx, &digest, &[LinkPurpose::CancelPhoneChange], now)?;
            link::burn(tx, &link, LinkEvent::Use)?;
            cancel(inner, tx, link.holder(), Actor::Anyone, now)?;
            Ok(link.holder())
        })
        .await
    }

    /// Work for a timer: numbers whose while is over count, and changes that were not proved in
    /// time go. Tells how many of both.
    pub async fn phone_tick(&self, now: DateTime<Utc>) -> Result<usize, HolderError> {
        let (mut round, mut after) = (Round::default(), Vec::new());
        loop {
            let from = Bound::Excluded(after.as_slice());
            let order = Order::Ascending;
            let rows = self.store().scan(PHONE_CHANGE, from, Bound::Unbounded, order, SWEEP)?;
            let Some((last, _)) = rows.last() else { return round.end() };
            let last = last.clone();
            for (key, bytes) in rows {
                match due(&key, &bytes, now) {
                    Ok(Some(id)) => round.note(self.settle(id, now).await.map(usize::from)),
                    Ok(None) => {}
                    Err(fault) => round.note(Err(fault)),
                }
            }
            after = last;
        }
    }

    /// What becomes of a change when its time is over; whether there was one still.
    async fn settle(&self, id: HolderId, now: DateTime<Utc>) -> Result<bool, HolderError> {
        self.transact(move |inner, tx| {
            let Some(bytes) = tx.get(PHONE_CHANGE, &id.key())? else { return Ok(false) };
            let mut record: PhoneChangeRecord = decode(PHONE_CHANGE, &id.key(), &bytes)?;
            if now.timestamp_millis() < record.ends_at {
                return Ok(false);
            }
            if record.state != PhoneState::Waiting {
                record::delete(tx, id);
                return Ok(true);
            }
            record.turn(PhoneEvent::Count, now)?;
            // Who lost the phone lost the app on it: PUK, emergency code and the while stand for
            // both.
            totp::lose(inner, tx, id, now)?;
            count(inner, tx, id, &record, Actor::Service, now)?;
            Ok(true)
        })
        .await
    }
}

/// Whose change a row is, when its time is over.
fn due(key: &[u8], bytes: &[u8], now: DateTime<Utc>) -> Result<Option<HolderId>, HolderError> {
    let record: PhoneChangeRecord = decode(PHONE_CHANGE, key, bytes)?;
    let wrong = |_| damaged(PHONE_CHANGE, key, "not a number of eight bytes");
    let id = HolderId::new(u64::from_be_bytes(key.try_into().map_err(wrong)?));
    Ok((now.timestamp_millis() >= record.ends_at).then_some(id))
}

/// Refuses a number that is the holder's already, and a change beside one that waits.
fn may_begin(
    tx: &dyn Transaction,
    id: HolderId,
    number: &PhoneNumber,
    now: DateTime<Utc>,
) -> Result<(), HolderError> {
    let owner = holder::load(tx, id)?;
    if owner.status != HolderStatus::Active {
        return Err(HolderError::NotLoggedIn);
    }
    // With an app, the way of a lost phone is also that of a lost app.
    if owner.phone == number.as_str() && !owner.totp {
        return Err(FieldRule::Unchanged.broken_by("number"));
    }
    if let Some(other) = record::load(tx, id, now)? {
        other.state.apply(PhoneEvent::Replace)?;
    }
    Ok(())
}

/// Keeps a change, in the place of one that was not proved, and sends a code to the new number.
fn begin(
    inner: &Inner,
    tx: &mut dyn Transaction,
    id: HolderId,
    number: &PhoneNumber,
    state: PhoneState,
    now: DateTime<Utc>,
) -> Result<OtpAsked, HolderError> {
    let record = PhoneChangeRecord {
        state,
        number: number.as_str().to_owned(),
        begun_at: now.timestamp_millis(),
        ends_at: (now + inner.settings.phone_proof).timestamp_millis(),
    };
    record::save(tx, id, &record);
    let entry = HistoryEntry::new(HistoryKind::PhoneChangeRequested, Actor::Holder(id));
    let entry = entry.with("number", number.masked()).with("way", state.word());
    history::append(tx, id, &entry, now)?;
    let request = OtpRequest::new(Purpose::ProvePhone, phone_bound(number));
    otp::begin_to_number(inner, tx, id, number, request, now)
}

/// The new number was proved, and nobody at the old one agreed: everybody is told, and it waits.
fn wait(
    inner: &Inner,
    tx: &mut dyn Transaction,
    id: HolderId,
    record: &mut PhoneChangeRecord,
    now: DateTime<Utc>,
) -> Result<(), HolderError> {
    let counts_at = now + inner.settings.phone_waiting;
    record.ends_at = counts_at.timestamp_millis();
    record::save(tx, id, record);
    let owner = holder::load(tx, id)?;
    let new_number = record.number()?.masked();
    let (at, effective_at) = (record.begun_at, record.ends_at);
    let (token, _) = link::issue(inner, tx, id, LinkPurpose::CancelPhoneChange, None, now)?;
    let waiting = Template::PhoneChangeWaiting {
        new_number: new_number.clone(),
        at,
        effective_at,
        token: token.to_string(),
    };
    notify(inner, tx, id, &owner, &waiting, now)?;
    let template =
        Template::PhoneChangeRequested { new_number: new_number.clone(), at, effective_at };
    short_message(inner, tx, id, &owner, template, now)?;
    let entry = HistoryEntry::new(HistoryKind::PhoneProved, Actor::Holder(id));
    history::append(tx, id, &entry.with("number", new_number), now).map(drop)
}

/// The new number counts from now on. Codes that went to the old one are good for nothing.
fn count(
    inner: &Inner,
    tx: &mut dyn Transaction,
    id: HolderId,
    record: &PhoneChangeRecord,
    actor: Actor,
    now: DateTime<Utc>,
) -> Result<(), HolderError> {
    let old = holder::load(tx, id)?;
    let new = HolderRecord { phone: record.number.clone(), ..old.clone() };
    holder::save(tx, id, &new);
    forget(tx, id);
    link::take_away(tx, id, LinkPurpose::CancelPhoneChange, LinkEvent::End)?;
    otp::end_all(tx, id)?;
    let new_number = record.number()?.masked();
    let entry = HistoryEntry::new(HistoryKind::PhoneChanged, actor).with("number", &new_number);
    history::append(tx, id, &entry, now)?;
    let template = Template::PhoneChanged { new_number, at: now.timestamp_millis() };
    notify(inner, tx, id, &new, &template, now)?;
    short_message(inner, tx, id, &old, template, now)
}

fn cancel(
    inner: &Inner,
    tx: &mut dyn Transaction,
    id: HolderId,
    actor: Actor,
    now: DateTime<Utc>,
) -> Result<(), HolderError> {
    let mut record = record::load(tx, id, now)?.ok_or(HolderError::NoPhoneChange)?;
    record.turn(PhoneEvent::Cancel, now)?;
    forget(tx, id);
    link::take_away(tx, id, LinkPurpose::CancelPhoneChange, LinkEvent::End)?;
    let new_number = record.number()?.masked();
    let entry = HistoryEntry::new(HistoryKind::PhoneChangeCancelled, actor);
    history::append(tx, id, &entry.with("number", &new_number), now)?;
    let template = Template::PhoneChangeCancelled { new_number, at: now.timestamp_millis() };
    let owner = holder::load(tx, id)?;
    notify(inner, tx, id, &owner, &template, now)
}

/// Takes the change of a holder away, without a word.
pub(crate) fn forget(tx: &mut dyn Transaction, id: HolderId) {
    record::delete(tx, id);
}

/// Ends a change that only the old number agreed to: there is a new password. Whoever reads the
/// mails is told of that.
pub(crate) fn end_agreed(
    tx: &mut dyn Transaction,
    id: HolderId,
    now: DateTime<Utc>,
) -> Result<(), HolderError> {
    let Some(record) = record::load(tx, id, now)? else { return Ok(()) };
    if record.state != PhoneState::Agreed {
        return Ok(());
    }
    forget(tx, id);
    let entry = HistoryEntry::new(HistoryKind::PhoneChangeCancelled, Actor::Service);
    history::append(tx, id, &entry.with("number", record.number()?.masked()), now).map(drop)
}

/// Queues a short message to the number of a holder.
fn short_message(
    inner: &Inner,
    tx: &mut dyn Transaction,
    id: HolderId,
    owner: &HolderRecord,
    template: Template,
    now: DateTime<Utc>,
) -> Result<(), HolderError> {
    let message = NewMessage {
        holder: Some(id),
        channel: Channel::Sms { to: owner.phone()? },
        template,
        language: owner.language,
        addressee: owner.given_name.clone(),
        attachment: None,
        secret: false,
    };
    enqueue(inner, tx, message, now).map(drop)
}

fn view(record: &PhoneChangeRecord) -> Result<PhoneChangeView, HolderError> {
    let (number, end) = (record.number()?, crate::stamps::instant(record.ends_at));
    let proving = matches!(record.state, PhoneState::Agreed | PhoneState::Vouched);
    Ok(PhoneChangeView {
        state: record.state,
        number: number.masked(),
        begun_at: crate::stamps::instant(record.begun_at),
        prove_until: proving.then_some(end),
        counts_at: (record.state == PhoneState::Waiting).then_some(end),
        bound: phone_bound(&number),
    })
}
