//! Logging in to a browser by a QR code that a linked phone reads.
//!
//! The danger is that somebody shows their own browser's code to a holder, who approves it
//! (RFC 8628 §5.4, and the IETF's best practice for cross-device flows). So:
//!
//! - The code holds an identifier of 128 random bits and nothing else; it lives a minute, and the
//!   first phone that reads it is the only one. The session goes to whoever has a second secret,
//!   which the browser got and the code does not hold.
//! - The browser shows a number of two digits; the holder picks it on the phone out of three. A
//!   wrong one ends the login, so does a wrong signature: there is no second guess.
//! - The phone is told where the browser is, and whether that is its own network. It signs what it
//!   approves with the key that was linked.
//! - The session is a limited one: what changes factors, or signs, asks for a one-time code first.
//! - Every address of the holder is told, and "that was not me" ends the session at once.
//! - How often a caller begins, and a phone looks, is limited.
//!
//! Rows are gone by [`Holders::qr_tick`] when no session can be left of them, within a day.

mod approve;
mod record;
mod state;

pub use approve::{QrSeen, signed_bytes};
pub use state::{QrEvent, QrStatus};

pub(crate) use record::QrRecord;

use super::bearer::{self, Owner, SecretToken};
use super::history::{HistoryEntry, HistoryKind};
use super::job::Round;
use super::sessions::{self, NewSession, OpenedBy, OpenedSession};
use super::tables::{DEVICE, QR_LOGIN};
use super::{Actor, HolderError, HolderId, Holders, Inner, QrLoginId, fields, history, throttle};
use crate::encoding::decode;
use chrono::{DateTime, Utc};
use rand::{CryptoRng, Rng};
use std::net::IpAddr;
use std::ops::Bound;
use store::{Order, Transaction};
use subtle::ConstantTimeEq;

/// What a browser's secret begins with.
const PREFIX: &str = "mq_";

/// Rows looked at by one step of the timer.
const SWEEP: usize = 500;

/// What a browser gets that begins a login.
#[derive(Debug)]
pub struct QrLogin {
    /// What the code holds.
    pub id: QrLoginId,
    /// What the browser keeps, and shows when it asks how it went.
    pub secret: SecretToken,
    /// What the browser shows beside the code: two digits.
    pub number: String,
    /// When the code ends.
    pub expires_at: DateTime<Utc>,
}

/// How a login went, for the browser that began it.
#[derive(Debug)]
pub enum QrState {
    /// No phone has read the code.
    Waiting,
    /// A phone has.
    Seen,
    /// The phone approved: this is the session. It is given once.
    Approved(OpenedSession),
    /// The phone said no.
    Denied,
    /// Too late.
    Expired,
    /// The number was wrong, or the holder may not log in any more.
    Failed,
}

impl QrState {
    /// A stable word.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Seen => "seen",
            Self::Approved(_) => "approved",
            Self::Denied => "denied",
            Self::Expired => "expired",
            Self::Failed => "failed",
        }
    }
}

impl Holders {
    /// Begins a login for a browser that nobody has logged in to. `from` is where the request
    /// comes from, and `client` what it says that it is.
    ///
    /// # Errors
    /// [`HolderError::Slowed`] for a caller who begins too many.
    pub async fn begin_qr_login(
        &self,
        from: IpAddr,
        client: &str,
        now: DateTime<Utc>,
    ) -> Result<QrLogin, HolderError> {
        let client = fields::client(client);
        self.transact(move |inner, tx| {
            throttle::may_begin_qr(inner, tx, from, now)?;
            let secret = SecretToken::generate(inner, PREFIX);
            let expires_at = now + inner.settings.qr_lifetime;
            let (id, [number, one, other], challenge) = inner.draw(|random| {
                let mut challenge = [0; 32];
                random.fill_bytes(&mut challenge);
                (QrLoginId::generate(random), three_numbers(random), challenge)
            });
            // In the order of their size, which says nothing of which one was drawn first.
            let mut choices = [number, one, other];
            choices.sort_unstable();
            let record = QrRecord {
                status: QrStatus::Waiting,
                secret: secret.digest(),
                number,
                choices,
                challenge,
                begun_at: now.timestamp_millis(),
                ends_at: expires_at.timestamp_millis(),
                from: from.to_string(),
                client,
                holder: None,
                device: None,
                generation: None,
            };
            record::save(tx, id, &record);
            Ok(QrLogin { id, secret, number: number.to_string(), expires_at })
        })
        .await
    }

    /// How a login went, for the browser that has its secret. The session of an approved one is
    /// made here, and given once.
    ///
    /// # Errors
    /// [`HolderError::QrInvalid`] for an unknown login, a wrong secret, and after the session was
    /// given.
    pub async fn poll_qr_login(
        &self,
        id: QrLoginId,
        secret: &str,
        now: DateTime<Utc>,
    ) -> Result<QrState, HolderError> {
        let bytes = self.store().get(QR_LOGIN, id.as_bytes())?;
        let record = record::read(id, bytes.as_deref())?;
        if !bool::from(record.secret.ct_eq(&bearer::digest(secret))) {
            return Err(HolderError::QrInvalid);
        }
        match record.at(now) {
            QrStatus::Waiting => Ok(QrState::Waiting),
            QrStatus::Seen => Ok(QrState::Seen),
            QrStatus::Approved => self.transact(move |inner, tx| collect(inner, tx, id, now)).await,
            QrStatus::Denied | QrStatus::Disowned => Ok(QrState::Denied),
            QrStatus::Expired => Ok(QrState::Expired),
            QrStatus::Failed => Ok(QrState::Failed),
            QrStatus::Collected => Err(HolderError::QrInvalid),
        }
    }

    /// Work for a timer: takes logins away that nobody asks for any more, and tells how many.
    pub async fn qr_tick(&self, now: DateTime<Utc>) -> Result<usize, HolderError> {
        let (mut round, mut after) = (Round::default(), Vec::new());
        loop {
            let from = Bound::Excluded(after.as_slice());
            let order = Order::Ascending;
            let rows = self.store().scan(QR_LOGIN, from, Bound::Unbounded, order, SWEEP)?;
            let Some((last, _)) = rows.last() else { return round.end() };
            let last = last.clone();
            let settings = &self.inner().settings;
            let mut done = Vec::new();
            for (key, bytes) in rows {
                match decode::<QrRecord>(QR_LOGIN, &key, &bytes) {
                    Ok(record) if record.is_done(settings, now) => done.push(key),
                    Ok(_) => {}
                    Err(fault) => round.note(Err(fault.into())),
                }
            }
            after = last;
            if done.is_empty() {
                continue;
            }
            // Nothing brings one back: it need not be read again.
            let delete = self.transact(move |_, tx| {
                done.iter().for_each(|key| tx.delete(QR_LOGIN, key));
                Ok(done.len())
            });
            round.note(delete.await);
        }
    }
}

/// Makes the session of an approved login. Of two that ask side by side one gets it.
fn collect(
    inner: &Inner,
    tx: &mut dyn Transaction,
    id: QrLoginId,
    now: DateTime<Utc>,
) -> Result<QrState, HolderError> {
    let mut record = record::load(tx, id)?;
    record.turn(QrEvent::Collect, now)?;
    let (Some(holder), Some(generation), Some(device)) =
        (record.holder, record.generation, record.device)
    else {
        // Never approved without them.
        return Err(HolderError::QrInvalid);
    };
    let holder = HolderId::new(holder);
    let new = NewSession {
        holder,
        generation,
        by: OpenedBy::QrCode,
        from: record.from.clone(),
        client: record.client.clone(),
        qr: Some(id),
    };
    record.ends_at = now.timestamp_millis();
    record::save(tx, id, &record);
    if bearer::find(tx, DEVICE, Owner { holder, id: device })?.is_none() {
        // Unlinked since it approved: lost or stolen, as like as not.
        return Ok(QrState::Failed);
    }
    let opened = match sessions::open(inner, tx, new, now) {
        // Blocked, or another password, since it was approved.
        Err(HolderError::NotLoggedIn) => return Ok(QrState::Failed),
        opened => opened?,
    };
    let entry = HistoryEntry::new(HistoryKind::LoggedIn, Actor::Holder(holder));
    let entry = entry.with("from", &record.from).with("by", OpenedBy::QrCode.word());
    history::append(tx, holder, &entry, now)?;
    Ok(QrState::Approved(opened))
}

/// Three numbers of two digits, each as likely as any other, no two of them the same.
pub(super) fn three_numbers(random: &mut (impl CryptoRng + ?Sized)) -> [u8; 3] {
    let mut numbers = [0; 3];
    for place in 0..numbers.len() {
        loop {
            let number = two_digits(random);
            if !numbers.contains(&number) {
                if let Some(free) = numbers.get_mut(place) {
                    *free = number;
                }
                break;
            }
        }
    }
    numbers
}

/// 10 to 99. Bytes from 180 on are drawn again: 90 divides 180, so that none is likelier.
fn two_digits(random: &mut (impl Rng + ?Sized)) -> u8 {
    loop {
        let mut byte = [0];
        random.fill_bytes(&mut byte);
        let [byte] = byte;
        if byte < 180 {
            return 10 + byte % 90;
        }
    }
}
