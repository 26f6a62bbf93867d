//! Suspension, reactivation and the end of a credential; by its holder, an operator, a timer, or
//! somebody with the emergency code.
//!
//! The state changes first, durably, and with it signing stops. The issuer hears of it next; when
//! it does not answer, the credential stays marked and the timer tells it again.

use super::create::EMERGENCY;
use super::record::{self, CredentialRecord, EmergencyRecord};
use super::{
    CertificateIssuer, CertificateStatus, Event, RevocationCause, State, SuspensionCause, all_of,
    binding, delete_wraps, load, own, save, short, tell,
};
use crate::holders::history::{HistoryEntry, HistoryKind, append};
use crate::holders::holder::find;
use crate::holders::job::Round;
use crate::holders::messages::Template;
use crate::holders::otp::{OtpVerified, Purpose};
use crate::holders::pin::{CodeRefusal, PukOfHeld};
use crate::holders::tables::RENEWAL;
use crate::holders::{
    Actor, CredentialId, Email, HolderError, HolderId, Holders, Inner, Room, former, throttle,
};
use chrono::{DateTime, Utc};
use envelope::{EmergencyCode, Puk};
use std::net::IpAddr;
use store::Transaction;
use subtle::ConstantTimeEq;

impl Holders {
    /// Suspends a holder's own credential, with a one-time code for [`Purpose::Suspend`] bound to
    /// [`binding`]; for a time, or until it is reactivated.
    ///
    /// # Errors
    /// The one-time code's; [`HolderError::IllegalTransition`].
    pub async fn suspend(
        &self,
        (holder, id): (HolderId, CredentialId),
        until: Option<DateTime<Utc>>,
        otp: OtpVerified,
        issuer: &impl CertificateIssuer,
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        let operation = otp.operation();
        otp.consume(holder, operation, Purpose::Suspend, &binding(id))?;
        let until = until.map(|until| until.timestamp_millis());
        let event = Event::Suspend { until, cause: SuspensionCause::Holder };
        self.change((holder, id), event, Actor::Holder(holder), issuer, now).await
    }

    /// Reactivates a holder's own credential, with a one-time code for [`Purpose::Reactivate`],
    /// and, where the emergency code suspended it, with the PUK: who has the phone has the codes
    /// that come to it, and the emergency code is for a phone in other hands. Whoever had it had
    /// the sheet with the PUK.
    ///
    /// # Errors
    /// Those of [`Holders::check_reactivation`] and [`Holders::suspend`], and the PUK's:
    /// [`CodeRefusal::WrongPuk`] and [`CodeRefusal::CodesExhausted`].
    pub async fn reactivate(
        &self,
        (holder, id): (HolderId, CredentialId),
        puk: Option<(Puk, Room)>,
        otp: OtpVerified,
        issuer: &impl CertificateIssuer,
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        let operation = otp.operation();
        otp.consume(holder, operation, Purpose::Reactivate, &binding(id))?;
        let proved = puk.is_some();
        self.check_reactivation((holder, id), proved, now)?;
        if let Some((puk, room)) = puk {
            // What it opens is not used: it is wiped here.
            drop(self.try_code(&room, (holder, id), PukOfHeld(puk), now).await?);
        }
        let lift = move |inner: &Inner, tx: &mut dyn Transaction| {
            let mut record = own(tx, holder, id)?;
            // Again: another suspension may have come in the meantime.
            may_lift(record.life.at(now), proved)?;
            apply(inner, tx, (id, &mut record), Event::Reactivate, Actor::Holder(holder), now)
        };
        self.transact(lift).await?;
        self.publish(id, issuer, now).await
    }

    /// Whether the holder may lift the suspension, with the PUK or without: asked before a
    /// one-time code is used up for it.
    ///
    /// # Errors
    /// [`CodeRefusal::HeldByOperator`], [`CodeRefusal::PukNeeded`],
    /// [`CodeRefusal::UnknownCredential`].
    pub fn check_reactivation(
        &self,
        (holder, id): (HolderId, CredentialId),
        with_puk: bool,
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        may_lift(self.credential(holder, id, now)?.state, with_puk)
    }

    /// Ends a holder's own credential for good, with a one-time code for [`Purpose::Revoke`].
    ///
    /// # Errors
    /// Like [`Holders::suspend`].
    pub async fn revoke(
        &self,
        (holder, id): (HolderId, CredentialId),
        cause: RevocationCause,
        otp: OtpVerified,
        issuer: &impl CertificateIssuer,
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        let operation = otp.operation();
        otp.consume(holder, operation, Purpose::Revoke, &binding(id))?;
        let event = Event::Revoke { cause };
        self.change((holder, id), event, Actor::Holder(holder), issuer, now).await
    }

    /// An operator suspends, reactivates or revokes: nothing else, and never with the key.
    ///
    /// # Errors
    /// [`HolderError::IllegalTransition`], also for any other event.
    pub async fn change_by_operator(
        &self,
        (holder, id): (HolderId, CredentialId),
        event: Event,
        operator: String,
        issuer: &impl CertificateIssuer,
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        let event = match event {
            Event::Suspend { until, .. } => {
                Event::Suspend { until, cause: SuspensionCause::Operator }
            }
            Event::Reactivate | Event::Revoke { .. } => event,
            _ => return Err(event.refused_to("an operator")),
        };
        self.change((holder, id), event, Actor::Operator(operator), issuer, now).await
    }

    /// Suspends every credential that this emergency code is for, without a login: of an unknown
    /// user and with a wrong code the answer is the same, and so is the work.
    ///
    /// No number of wrong codes keeps a right one out, wherever it comes from: 45 random bits need
    /// no lock, and whoever wants a suspension late would only have to guess.
    ///
    /// # Errors
    /// [`CodeRefusal::WrongEmergencyCode`], and for a wrong one [`HolderError::Slowed`] after
    /// fifty of a caller in an hour, for whichever users. A right code always suspends.
    pub async fn suspend_by_code(
        &self,
        user_id: &str,
        code: EmergencyCode,
        from: IpAddr,
        issuer: &impl CertificateIssuer,
        now: DateTime<Utc>,
    ) -> Result<Vec<CredentialId>, HolderError> {
        let name = user_id.trim().to_lowercase();
        let suspend = move |inner: &Inner, tx: &mut dyn Transaction| {
            // Counted in one transaction with the answer: parallel guesses count one by one.
            suspend_all(inner, tx, (&name, from), &code, now)
        };
        let suspended = self.transact(suspend).await??;
        for id in &suspended {
            self.publish(*id, issuer, now).await?;
        }
        Ok(suspended)
    }

    /// Work for a timer: ends holds whose date has come, and tells the issuer what it has not
    /// heard yet.
    ///
    /// # Errors
    /// The store's.
    pub async fn credentials_tick(
        &self,
        issuer: &impl CertificateIssuer,
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        let (mut round, mut after) = (Round::default(), None);
        loop {
            let due = record::due(self.store(), after, 100)?;
            let Some(last) = due.last().copied() else { return round.end().map(drop) };
            for id in due {
                round.note(self.tend(id, issuer, now).await.map(|()| 0));
            }
            after = Some(last);
        }
    }

    /// What a timer does for one credential. Read first: the dates of most holds are far ahead.
    async fn tend(
        &self,
        id: CredentialId,
        issuer: &impl CertificateIssuer,
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        if record::read(self.store(), id)?.life.apply(Event::HoldEnds, now).is_ok() {
            let end = move |inner: &Inner, tx: &mut dyn Transaction| {
                let mut record = load(tx, id)?;
                if record.life.apply(Event::HoldEnds, now).is_ok() {
                    apply(inner, tx, (id, &mut record), Event::HoldEnds, Actor::Service, now)?;
                }
                Ok(())
            };
            self.transact(end).await?;
        }
        self.publish(id, issuer, now).await
    }

    async fn change(
        &self,
        (holder, id): (HolderId, CredentialId),
        event: Event,
        by: Actor,
        issuer: &impl CertificateIssuer,
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        let change = move |inner: &Inner, tx: &mut dyn Transaction| {
            let mut record = own(tx, holder, id)?;
            apply(inner, tx, (id, &mut record), event, by, now)
        };
        self.transact(change).await?;
        self.publish(id, issuer, now).await
    }

    /// Tells the issuer how the certificate stands. That it does not answer is no error here: the
    /// credential is in its new state, and stays marked.
    ///
    /// One after the other for a credential: of two side by side the older news might arrive last,
    /// and stay.
    pub(super) async fn publish(
        &self,
        id: CredentialId,
        issuer: &impl CertificateIssuer,
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        let _turn = self.inner().turns.of(id).lock().await;
        let record = record::read(self.store(), id)?;
        if !record.unpublished {
            return Ok(());
        }
        let Some(status) = status(record.life.stored()) else { return Ok(()) };
        // Also those before a renewal: their key was the holder's, under the PIN of then.
        for serial in record.serials(now.timestamp_millis()) {
            if issuer.set_status(&serial, status, now).await.is_err() {
                return Ok(());
            }
        }
        let epoch = record.life.epoch();
        let told = move |_: &Inner, tx: &mut dyn Transaction| {
            let mut record = load(tx, id)?;
            // Only when nothing changed since: what came after has to be told as well.
            if record.life.epoch() == epoch {
                record.unpublished = false;
                save(tx, id, &record)?;
            }
            Ok(())
        };
        self.transact(told).await
    }
}

/// Whether a holder may lift what suspended the credential.
fn may_lift(state: State, with_puk: bool) -> Result<(), HolderError> {
    match state {
        State::Suspended { cause: SuspensionCause::Operator, .. } => {
            Err(CodeRefusal::HeldByOperator.into())
        }
        State::Suspended { cause: SuspensionCause::EmergencyCode, .. } if !with_puk => {
            Err(CodeRefusal::PukNeeded.into())
        }
        _ => Ok(()),
    }
}

/// What the world is told of a state.
fn status(state: State) -> Option<CertificateStatus> {
    match state {
        State::Active | State::PinLocked => Some(CertificateStatus::Good),
        State::Suspended { until, .. } => {
            Some(CertificateStatus::Suspended { until: until.map(crate::stamps::instant) })
        }
        State::Revoked { cause } => Some(CertificateStatus::Revoked(cause)),
        State::AwaitingActivation | State::Expired => None,
    }
}

/// One change of state, with all that belongs to it.
pub(super) fn apply(
    inner: &Inner,
    tx: &mut dyn Transaction,
    (id, record): (CredentialId, &mut CredentialRecord),
    event: Event,
    by: Actor,
    now: DateTime<Utc>,
) -> Result<(), HolderError> {
    record.life = record.life.apply(event, now)?;
    record.unpublished = record.serial.is_some();
    // A renewal begins again after each of these; what was entered in it is of no use.
    tx.delete(RENEWAL, id.as_bytes());
    let (at, credential) = (now.timestamp_millis(), short(id));
    let state = record.life.stored();
    let (kind, template) = match state {
        State::Suspended { until, .. } => {
            (HistoryKind::CredentialSuspended, Template::Suspended { credential, until, at })
        }
        State::Revoked { cause } => {
            // Nobody needs the key any more, nor what tells its PIN from others.
            delete_wraps(tx, id, record.version);
            record.former.traces.clear();
            let reason = cause.word().to_owned();
            (HistoryKind::CredentialRevoked, Template::Revoked { credential, reason, at })
        }
        _ if event == Event::HoldEnds => {
            (HistoryKind::CredentialReactivated, Template::SuspensionEnds { credential, at })
        }
        _ => (HistoryKind::CredentialReactivated, Template::Reactivated { credential, at }),
    };
    save(tx, id, record)?;
    let holder = HolderId::new(record.holder);
    append(tx, holder, &HistoryEntry::new(kind, by).with("credential", id), now)?;
    tell(inner, tx, holder, &template, now)
}

/// The end after too many wrong codes.
pub(crate) fn end_of_codes(
    inner: &Inner,
    tx: &mut dyn Transaction,
    id: CredentialId,
    record: &mut CredentialRecord,
    now: DateTime<Utc>,
) -> Result<(), HolderError> {
    let cause = RevocationCause::CodesExhausted;
    record.life = record.life.apply(Event::Revoke { cause }, now)?;
    record.unpublished = record.serial.is_some();
    delete_wraps(tx, id, record.version);
    record.former.traces.clear();
    tx.delete(RENEWAL, id.as_bytes());
    save(tx, id, record)?;
    let holder = HolderId::new(record.holder);
    let entry = HistoryEntry::failure(HistoryKind::PukExhausted, Actor::Holder(holder));
    append(tx, holder, &entry.with("credential", id), now)?;
    let template = Template::PukExhausted { credential: short(id), at: now.timestamp_millis() };
    tell(inner, tx, holder, &template, now)
}

/// Whether a code is the one that was kept.
pub(crate) fn is_emergency_code(
    inner: &Inner,
    kept: &EmergencyRecord,
    code: &EmergencyCode,
) -> Result<bool, HolderError> {
    let mac = inner.pepper.mac_under(kept.pepper, EMERGENCY, &[code.expose().as_bytes()])?;
    Ok(bool::from(mac.as_slice().ct_eq(kept.mac.as_slice())))
}

/// Puts a right emergency code under today's pepper; `false` when it is under it, or is that of a
/// former sheet.
fn renew_emergency(
    inner: &Inner,
    record: &mut CredentialRecord,
    mac: [u8; 32],
    code: &EmergencyCode,
) -> Result<bool, HolderError> {
    let pepper = inner.pepper.current();
    let kept = record.emergency.pepper;
    if kept == pepper
        || !inner.pepper.has(kept)
        || !is_emergency_code(inner, &record.emergency, code)?
    {
        return Ok(false);
    }
    record.emergency = EmergencyRecord { mac: mac.into(), pepper };
    Ok(true)
}

/// Suspends each credential whose code it is. Those that are suspended or over already are left
/// as they are, with the same answer: the code was right.
fn suspend_all(
    inner: &Inner,
    tx: &mut dyn Transaction,
    (name, from): (&str, IpAddr),
    code: &EmergencyCode,
    now: DateTime<Utc>,
) -> Result<Result<Vec<CredentialId>, HolderError>, HolderError> {
    let email = Email::parse("user_id", name).ok();
    let holder = email.as_ref().map(|email| find(tx, email.as_str())).transpose()?.flatten();
    // Also by the user ID before a change that was perhaps not the owner's.
    let former = email.as_ref().map(|email| former::find(tx, email.as_str(), now)).transpose()?;
    let mut ids = Vec::new();
    for one in holder.into_iter().chain(former.unwrap_or_default()) {
        ids.append(&mut all_of(tx, one)?);
    }
    // The same work when there is nothing to compare with.
    let typed = code.expose().as_bytes();
    let nothing = inner.pepper.mac(EMERGENCY, &[typed])?;
    let (mut right, mut suspended) = (false, Vec::new());
    for id in ids {
        let mut record = load(tx, id)?;
        let mut this = false;
        for kept in record.suspending_codes(now.timestamp_millis()) {
            let mac = match kept.pepper {
                current if current == inner.pepper.current() => nothing,
                // Only of a credential that has ended: nothing else is under such a version.
                gone if !inner.pepper.has(gone) => continue,
                older => inner.pepper.mac_under(older, EMERGENCY, &[typed])?,
            };
            this |= bool::from(mac.as_slice().ct_eq(kept.mac.as_slice()));
        }
        if this && renew_emergency(inner, &mut record, nothing, code)? {
            save(tx, id, &record)?;
        }
        if !this {
            continue;
        }
        right = true;
        // One that was not activated yet cannot be suspended, and whoever has its envelope could
        // activate it: it ends.
        let event = match record.life.at(now) {
            State::AwaitingActivation => Event::Revoke { cause: RevocationCause::KeyCompromise },
            _ => Event::Suspend { until: None, cause: SuspensionCause::EmergencyCode },
        };
        if record.life.apply(event, now).is_ok_and(|after| after.stored() != record.life.stored()) {
            apply(inner, tx, (id, &mut record), event, Actor::Anyone, now)?;
            suspended.push(id);
        }
    }
    if right {
        return Ok(Ok(suspended));
    }
    throttle::may_send_emergency_code(inner, tx, from, now)?;
    // A count is written for every name, whether somebody has it or not.
    let noted = throttle::notes_wrong_emergency_code(inner, tx, name, now)?;
    if let (Some(holder), true) = (holder, noted) {
        let entry = HistoryEntry::failure(HistoryKind::EmergencyCodeFailed, Actor::Anyone);
        append(tx, holder, &entry, now)?;
    }
    Ok(Err(CodeRefusal::WrongEmergencyCode.into()))
}
