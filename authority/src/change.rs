//! Changes of status: suspended, reactivated, revoked. Each is one transaction with its event in
//! the audit trail, and returns when a revocation list that has it exists.

use crate::crl::Wanted;
use crate::encoding::{damaged, decode, encode};
use crate::model::{Act, Certificate, Changed};
use crate::records::{CertificateRecord, ChangeRecord, StandingRecord};
use crate::registry::{Inner, listed};
use crate::standing::Listed;
use crate::status::{Change, IllegalChange, Status, StatusWord};
use crate::tables::{CERTIFICATE, CHANGE, STANDING, SerialKey, certificate_key, change_key};
use crate::{Authority, AuthorityError, job, read};
use certs::{RevocationReason, Serial};
use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use std::sync::Arc;
use store::Transaction;
use trail::{Category, Event};

impl Authority {
    /// Suspends a certificate: it is on the list with the reason certificateHold from now on. With
    /// `until` the suspension ends by itself, at the first tick after that instant. One that is
    /// suspended stays so since when it was, and gets the new end, if that is another one.
    ///
    /// # Errors
    /// [`AuthorityError::UnknownCertificate`], [`AuthorityError::Illegal`] when it is revoked, has
    /// expired, or is suspended like this already, [`AuthorityError::Unpublished`] when the change
    /// stands and its list does not.
    pub async fn suspend(
        &self,
        serial: &Serial,
        until: Option<DateTime<Utc>>,
        by: &Act,
        now: DateTime<Utc>,
    ) -> Result<Changed, AuthorityError> {
        self.change(serial, Change::Suspend { until }, by, now).await
    }

    /// Ends a suspension: the certificate is not on the next list.
    ///
    /// # Errors
    /// As [`Authority::suspend`]; [`AuthorityError::Illegal`] when it is not suspended.
    pub async fn reactivate(
        &self,
        serial: &Serial,
        by: &Act,
        now: DateTime<Utc>,
    ) -> Result<Changed, AuthorityError> {
        self.change(serial, Change::Reactivate, by, now).await
    }

    /// Revokes a certificate for good. `invalidity` is since when it is known or suspected to be
    /// invalid, if that is earlier.
    ///
    /// # Errors
    /// As [`Authority::suspend`]; [`AuthorityError::Illegal`] when it is revoked already, or the
    /// reason is certificateHold.
    pub async fn revoke(
        &self,
        serial: &Serial,
        reason: RevocationReason,
        invalidity: Option<DateTime<Utc>>,
        by: &Act,
        now: DateTime<Utc>,
    ) -> Result<Changed, AuthorityError> {
        self.change(serial, Change::Revoke { reason, invalidity }, by, now).await
    }

    async fn change(
        &self,
        serial: &Serial,
        change: Change,
        by: &Act,
        now: DateTime<Utc>,
    ) -> Result<Changed, AuthorityError> {
        by.check()?;
        let made = self.0.change(serial, change, None, by, now).await?;
        // Nobody answers while a responder is replaced, so that comes before the list.
        self.replace_responders(&made.silenced, now).await;
        let wanted = Wanted::Change(made.count);
        let crl = self.0.publish(made.ca, wanted, &Act::service("a status changed"), now).await?;
        Ok(Changed { certificate: made.certificate, crl_number: crl.number })
    }

    /// New responders for those that the change took out.
    async fn replace_responders(&self, silenced: &[u16], now: DateTime<Utc>) {
        for ca in silenced.iter().filter_map(|number| self.0.numbered(*number)) {
            if let Err(error) = self.0.renew_responder(ca, now).await {
                // No answer is better than one by a bad responder; the timer tries it again.
                tracing::error!(ca = ca.id(), %error, "the OCSP responder cannot be replaced");
            }
        }
    }
}

/// A change that is durable and in memory.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) certificate: Certificate,
    /// The number of the CA.
    pub(crate) ca: u16,
    /// The count of the CA's changes that a list has to have.
    pub(crate) count: u64,
    /// The numbers of the CAs whose responder this is the certificate of, if it is not good.
    pub(crate) silenced: Vec<u16>,
}

/// What a change did in memory.
#[derive(Debug, Default)]
struct Effect {
    count: u64,
    silenced: Vec<u16>,
}

impl Inner {
    /// Makes a change; no list yet. With `only_from` only if the certificate still stands so: what
    /// the timer saw may be over when its turn comes.
    pub(crate) async fn change(
        self: &Arc<Self>,
        serial: &Serial,
        change: Change,
        only_from: Option<Status>,
        by: &Act,
        now: DateTime<Utc>,
    ) -> Result<Made, AuthorityError> {
        let key = SerialKey::of(serial);
        let (inner, by, effect) = (Arc::clone(self), by.clone(), Arc::new(Mutex::default()));
        let work = {
            let (serial, inner) = (serial.clone(), Arc::clone(self));
            move |tx: &mut dyn Transaction| {
                let written = write(tx, &serial, change, only_from, &by, now)?;
                let certificate =
                    inner.view(written.number, written.record, written.status, now)?;
                Ok((certificate, written.standing, written.listed))
            }
        };
        let durable = {
            let effect = Arc::clone(&effect);
            move |(_, standing, listed): &(Certificate, StandingRecord, Option<Listed>)| {
                let StandingRecord { ca, changes, .. } = *standing;
                let count = inner.standings.change(key, ca, changes, listed.clone());
                // Here, and not after the list: a list that cannot be made, or a caller who has
                // gone, must not leave a bad responder at work.
                let silenced = match listed {
                    Some(_) => inner.silence(key),
                    None => Vec::new(),
                };
                *effect.lock() = Effect { count, silenced };
            }
        };
        let (certificate, standing, _) = job::run(&*self.store, work, durable).await?;
        let Effect { count, silenced } = std::mem::take(&mut *effect.lock());
        Ok(Made { certificate, ca: standing.ca, count, silenced })
    }
}

struct Written {
    number: u64,
    record: CertificateRecord,
    standing: StandingRecord,
    status: Status,
    listed: Option<Listed>,
}

/// Everything that can be refused comes before the first write.
fn write(
    tx: &mut dyn Transaction,
    serial: &Serial,
    change: Change,
    only_from: Option<Status>,
    by: &Act,
    now: DateTime<Utc>,
) -> Result<Written, AuthorityError> {
    let key = SerialKey::of(serial);
    let illegal = |why| AuthorityError::Illegal { serial: serial.clone(), why };
    let Some(bytes) = tx.get(STANDING, &key.0)? else {
        return Err(AuthorityError::UnknownCertificate { serial: serial.clone() });
    };
    let before: StandingRecord = decode(STANDING, &key.0, &bytes)?;
    let number = before.certificate;
    let row = certificate_key(number);
    let missing = || damaged(CERTIFICATE, &row, "the certificate of a standing is missing");
    let bytes = tx.get(CERTIFICATE, &row)?.ok_or_else(missing)?;
    let record: CertificateRecord = decode(CERTIFICATE, &row, &bytes)?;

    // In whole milliseconds, as it is stored, so that memory says the same after a restart.
    let now = read::whole_milliseconds(now);
    let not_after = crate::encoding::instant(CERTIFICATE, &row, record.not_after)?;
    let from = before.status(STANDING, &key.0)?;
    if only_from.is_some_and(|expected| expected != from) {
        return Err(illegal(IllegalChange::Meanwhile));
    }
    // A suspension of what has ended protects nobody; that it was compromised is still worth
    // knowing, to whoever verifies what it signed while it was valid.
    if matches!(change, Change::Suspend { .. })
        && from.word_at(not_after, now) == StatusWord::Expired
    {
        return Err(illegal(IllegalChange::Status { from: StatusWord::Expired }));
    }
    let change = read::change_in_milliseconds(change);
    let not_before = crate::encoding::instant(CERTIFICATE, &row, record.not_before)?;
    if let Change::Revoke { invalidity: Some(invalidity), .. } = change
        && invalidity < not_before
    {
        return Err(illegal(IllegalChange::InvalidBeforeValid { invalidity, not_before }));
    }
    let status = from.after(change, now).map_err(illegal)?;
    let listed = listed(key, number, status)?;

    let changes = before.changes.saturating_add(1);
    let standing = StandingRecord::new(number, before.ca, changes, status);
    let entry = ChangeRecord::new(change, now, &by.actor, &by.reason);
    tx.put(STANDING, &key.0, &encode(&standing));
    tx.put(CHANGE, &change_key(number, changes), &encode(&entry));
    trail::append(tx, &event(serial, from, change, by), now)?;
    Ok(Written { number, record, standing, status, listed })
}

fn event(serial: &Serial, from: Status, change: Change, by: &Act) -> Event {
    let subject = format!("certificate {serial}");
    let action = match (from, change) {
        (Status::Held { .. }, Change::Suspend { .. }) => "suspension-changed",
        _ => change.action(),
    };
    let mut event = Event::success(Category::Certificate, action, &*by.actor, subject);
    match change {
        Change::Suspend { until: Some(until) } => event = event.with("until", until.to_rfc3339()),
        Change::Revoke { reason, invalidity } => {
            event = event.with("reason-code", reason);
            if let Some(date) = invalidity {
                event = event.with("invalid-since", date.to_rfc3339());
            }
        }
        Change::Suspend { until: None } | Change::Reactivate => {}
    }
    if !by.reason.is_empty() {
        event = event.with("reason", &by.reason);
    }
    event
}
