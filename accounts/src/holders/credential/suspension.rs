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
use crate::holders::pin::CodeRefusal;
use crate::holders::tables::COUNTER;
use crate::holders::{Actor, CredentialId, Email, HolderError, HolderId, Holders, Inner};
use chrono::{DateTime, TimeDelta, Utc};
use envelope::EmergencyCode;
use minicbor::{Decode, Encode};
use std::time::Duration;
use store::Transaction;
use subtle::ConstantTimeEq;

/// Tries of emergency codes for one user ID in a window.
const EMERGENCY_TRIES: u32 = 10;
/// An hour: 10 tries in each leave 45 random bits alone for some hundred million years, and who
/// has the code is kept out by a guesser for no longer than this.
const EMERGENCY_WINDOW: i64 = 3_600_000;

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

    /// Reactivates a holder's own credential, with a one-time code for [`Purpose::Reactivate`].
    ///
    /// # Errors
    /// Like [`Holders::suspend`].
    pub async fn reactivate(
        &self,
        (holder, id): (HolderId, CredentialId),
        otp: OtpVerified,
        issuer: &impl CertificateIssuer,
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        let operation = otp.operation();
        otp.consume(holder, operation, Purpose::Reactivate, &binding(id))?;
        self.change((holder, id), Event::Reactivate, Actor::Holder(holder), issuer, now).await
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
    /// # Errors
    /// [`CodeRefusal::WrongEmergencyCode`], and [`HolderError::Slowed`] after ten of them in an
    /// hour for one user ID, whether there is such a user or not.
    pub async fn suspend_by_code(
        &self,
        user_id: &str,
        code: EmergencyCode,
        issuer: &impl CertificateIssuer,
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        let name = user_id.trim().to_lowercase();
        let email = Email::parse("user_id", &name).ok();
        // Counted before anything is compared, and durable: parallel guesses count one by one.
        self.transact(move |inner, tx| count_emergency(inner, tx, &name, now)).await?;
        let suspend = move |inner: &Inner, tx: &mut dyn Transaction| {
            let holder = email.map(|email| find(tx, email.as_str())).transpose()?.flatten();
            suspend_all(inner, tx, holder, &code, now)
        };
        let suspended = self.transact(suspend).await??;
        for id in suspended {
            self.publish(id, issuer, now).await?;
        }
        Ok(())
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
    async fn publish(
        &self,
        id: CredentialId,
        issuer: &impl CertificateIssuer,
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        let record = record::read(self.store(), id)?;
        let (Some(serial), true) = (&record.serial, record.unpublished) else { return Ok(()) };
        let Some(status) = status(record.life.stored()) else { return Ok(()) };
        if issuer.set_status(serial, status, now).await.is_err() {
            return Ok(());
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
fn apply(
    inner: &Inner,
    tx: &mut dyn Transaction,
    (id, record): (CredentialId, &mut CredentialRecord),
    event: Event,
    by: Actor,
    now: DateTime<Utc>,
) -> Result<(), HolderError> {
    record.life = record.life.apply(event, now)?;
    record.unpublished = record.serial.is_some();
    let (at, credential) = (now.timestamp_millis(), short(id));
    let state = record.life.stored();
    let (kind, template) = match state {
        State::Suspended { until, .. } => {
            (HistoryKind::CredentialSuspended, Template::Suspended { credential, until, at })
        }
        State::Revoked { cause } => {
            // Nobody needs the key any more.
            delete_wraps(tx, id, record.version);
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
    save(tx, id, record)?;
    let holder = HolderId::new(record.holder);
    let entry = HistoryEntry::failure(HistoryKind::PukExhausted, Actor::Holder(holder));
    append(tx, holder, &entry.with("credential", id), now)?;
    let template = Template::PukExhausted { credential: short(id), at: now.timestamp_millis() };
    tell(inner, tx, holder, &template, now)
}

/// Tries of emergency codes in a window. Used in stored state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
struct EmergencyTries {
    #[n(0)]
    since: i64,
    #[n(1)]
    count: u32,
}

/// Counts a try for a user ID, or says how long to wait.
///
/// There are 65536 places, found by a keyed hash: names that nobody has cannot fill the store, and
/// two names that share a place, which nobody can bring about on purpose, share its count.
pub(crate) fn count_emergency(
    inner: &Inner,
    tx: &mut dyn Transaction,
    name: &str,
    now: DateTime<Utc>,
) -> Result<(), HolderError> {
    let mac = inner.pepper.mac("emergency tries", &[name.as_bytes()])?;
    let key = [b"e".as_slice(), &mac[..2]].concat();
    let bytes = tx.get(COUNTER, &key)?;
    let kept = bytes.map(|bytes| crate::encoding::decode(COUNTER, &key, &bytes)).transpose()?;
    let mut tries: EmergencyTries = kept.unwrap_or_default();
    let now = now.timestamp_millis();
    // A clock that was set back does not make the window longer.
    if now - tries.since >= EMERGENCY_WINDOW || now < tries.since {
        tries = EmergencyTries { since: now, count: 0 };
    }
    if tries.count >= EMERGENCY_TRIES {
        let rest = TimeDelta::milliseconds(tries.since + EMERGENCY_WINDOW - now);
        let seconds = u64::try_from(rest.num_seconds()).unwrap_or(0) + 1;
        return Err(HolderError::Slowed { retry_after: Duration::from_secs(seconds) });
    }
    tries.count += 1;
    tx.put(COUNTER, &key, &crate::encoding::encode(&tries, 16));
    Ok(())
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

/// Suspends each credential whose code it is. Those that are suspended or over already are left
/// as they are, with the same answer: the code was right.
fn suspend_all(
    inner: &Inner,
    tx: &mut dyn Transaction,
    holder: Option<HolderId>,
    code: &EmergencyCode,
    now: DateTime<Utc>,
) -> Result<Result<Vec<CredentialId>, HolderError>, HolderError> {
    let ids = holder.map(|holder| all_of(tx, holder)).transpose()?.unwrap_or_default();
    // The same work when there is nothing to compare with.
    let nothing = inner.pepper.mac(EMERGENCY, &[code.expose().as_bytes()])?;
    let (mut right, mut suspended) = (false, Vec::new());
    for id in ids {
        let mut record = load(tx, id)?;
        let under = record.emergency.pepper;
        let mac = match under == inner.pepper.current() {
            true => nothing,
            false => inner.pepper.mac_under(under, EMERGENCY, &[code.expose().as_bytes()])?,
        };
        if !bool::from(mac.as_slice().ct_eq(record.emergency.mac.as_slice())) {
            continue;
        }
        right = true;
        let event = Event::Suspend { until: None, cause: SuspensionCause::EmergencyCode };
        if record.life.apply(event, now).is_ok_and(|after| after.stored() != record.life.stored()) {
            apply(inner, tx, (id, &mut record), event, Actor::Anyone, now)?;
            suspended.push(id);
        }
    }
    if right {
        return Ok(Ok(suspended));
    }
    if let Some(holder) = holder {
        let entry = HistoryEntry::failure(HistoryKind::EmergencyCodeFailed, Actor::Anyone);
        append(tx, holder, &entry, now)?;
    }
    Ok(Err(CodeRefusal::WrongEmergencyCode.into()))
}
