//! Sessions: what a login gives, and what ends it.
//!
//! A session is known by its token alone (ASVS 5.0, 7.2.1: a reference token, looked up each
//! time). It ends when it is not used for a while, when its time is over whatever its use, when
//! its holder has a newer password, is blocked or closed, and when somebody ends it. A token is
//! replaced at each login and when the session is raised with a one-time code; the old one is
//! dead in the same instant (7.2.4). A holder has so many sessions side by side (7.1.2); one more
//! ends the one that was opened first. A use is noted once a minute, so that a session that is
//! left alone ends up to a minute early, and never late.

mod access;
mod record;

pub use access::{Access, AccessKind};

pub(crate) use record::SessionRecord;

use super::bearer::{self, Owner, SecretToken, TokenDigest};
use super::history::{HistoryEntry, HistoryKind};
use super::job::Round;
use super::login::LoggedIn;
use super::otp::{OtpVerified, Purpose};
use super::tables::SESSION;
use super::{
    Actor, HolderError, HolderId, Holders, Inner, QrLoginId, SessionId, fields, history, holder,
    otp,
};
use crate::encoding::decode;
use chrono::{DateTime, Utc};
use minicbor::{Decode, Encode};
use std::net::IpAddr;
use std::ops::Bound;
use store::{Order, Transaction};

/// How often the use of a session or a device is written, in milliseconds.
pub(crate) const NOTED_EVERY: i64 = 60_000;

/// How a session began. Used in stored state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum OpenedBy {
    /// With user ID and password.
    #[n(0)]
    Password,
    /// With a QR code that a linked phone approved.
    #[n(1)]
    QrCode,
}

impl OpenedBy {
    /// A stable word in kebab-case.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::QrCode => "qr-code",
        }
    }
}

/// A session as its holder and operators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionView {
    /// The identifier.
    pub id: SessionId,
    /// The IP address that it was opened from.
    pub from: String,
    /// What the client said that it is; may be empty.
    pub client: String,
    /// How it began.
    pub by: OpenedBy,
    /// When.
    pub opened_at: DateTime<Utc>,
    /// When it was used, to the minute.
    pub last_used_at: DateTime<Utc>,
    /// When it ends, whatever its use.
    pub ends_at: DateTime<Utc>,
    /// Until when it is raised.
    pub stepped_up_until: Option<DateTime<Utc>>,
}

/// A session with its token, which is not seen again.
#[derive(Debug)]
pub struct OpenedSession {
    /// What the client shows with each request.
    pub token: SecretToken,
    /// The session.
    pub view: SessionView,
}

/// What a one-time code that raises a session is bound to: that session.
#[must_use]
pub fn step_up_bound(session: SessionId) -> [u8; 32] {
    otp::bound(&[session.as_bytes()])
}

impl Holders {
    /// Opens a session after a login. `from` is where the request comes from, and `client` what it
    /// says that it is.
    ///
    /// # Errors
    /// [`HolderError::NotLoggedIn`] when the password was changed since, or the holder blocked.
    pub async fn open_session(
        &self,
        login: &LoggedIn,
        from: IpAddr,
        client: &str,
        now: DateTime<Utc>,
    ) -> Result<OpenedSession, HolderError> {
        let (holder, generation) = (login.holder, login.password_generation);
        let (from, client) = (from.to_string(), client.to_owned());
        let new = NewSession { holder, generation, by: OpenedBy::Password, from, client, qr: None };
        self.transact(move |inner, tx| open(inner, tx, new, now)).await
    }

    /// Raises a session with a one-time code for [`Purpose::StepUp`] bound to [`step_up_bound`].
    /// It gets another token; the old one is dead.
    pub async fn step_up(
        &self,
        access: &Access,
        proof: OtpVerified,
        now: DateTime<Utc>,
    ) -> Result<OpenedSession, HolderError> {
        let (id, session) = (access.holder, access.session()?);
        let operation = proof.operation();
        proof.consume(id, operation, Purpose::StepUp, &step_up_bound(session))?;
        let old = access.reference;
        self.transact(move |inner, tx| {
            // The token that asks, and no other: of two that raise side by side one is dead.
            let mut record = record::load(tx, &old)?.ok_or(HolderError::NotLoggedIn)?;
            if !record.lives(&inner.settings, &holder::load(tx, id)?, now) {
                return Err(HolderError::NotLoggedIn);
            }
            bearer::remove(tx, SESSION, record.owner())?;
            let token = SecretToken::generate(inner, access::SESSION_PREFIX);
            record.stepped_up_until = Some((now + inner.settings.step_up).timestamp_millis());
            record.last_used_at = record.last_used_at.max(now.timestamp_millis());
            record::save(tx, &token.digest(), &record);
            let entry = HistoryEntry::new(HistoryKind::SteppedUp, Actor::Holder(id));
            history::append(tx, id, &entry.with("session", session), now)?;
            Ok(OpenedSession { token, view: view(inner, record, now) })
        })
        .await
    }

    /// The sessions of a holder that live, the one that was opened last first.
    pub fn sessions(
        &self,
        id: HolderId,
        now: DateTime<Utc>,
    ) -> Result<Vec<SessionView>, HolderError> {
        let holder = self.holder_record(id)?;
        let store = self.store();
        let scan = |from: Bound<&[u8]>, to: Bound<&[u8]>, limit| {
            store.scan(SESSION, from, to, Order::Ascending, limit)
        };
        let mut views = Vec::new();
        for digest in bearer::of_holder(scan, SESSION, id)? {
            // It may have ended since the scan.
            let Some(bytes) = store.get(SESSION, &digest)? else { continue };
            let record: SessionRecord = decode(SESSION, &digest, &bytes)?;
            if record.lives(&self.inner().settings, &holder, now) {
                views.push(view(self.inner(), record, now));
            }
        }
        views.sort_by_key(|view| (std::cmp::Reverse(view.opened_at), view.id));
        Ok(views)
    }

    /// Ends one session of a holder: a logout, too.
    ///
    /// # Errors
    /// [`HolderError::UnknownSession`].
    pub async fn end_session(
        &self,
        id: HolderId,
        session: SessionId,
        actor: Actor,
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        self.transact(move |_, tx| {
            let owner = Owner { holder: id, id: *session.as_bytes() };
            bearer::find(tx, SESSION, owner)?.ok_or(HolderError::UnknownSession)?;
            bearer::remove(tx, SESSION, owner)?;
            let entry = HistoryEntry::new(HistoryKind::SessionEnded, actor);
            history::append(tx, id, &entry.with("session", session), now).map(drop)
        })
        .await
    }

    /// Ends all sessions of a holder but the one that asks, and tells how many those were.
    pub async fn end_other_sessions(
        &self,
        access: &Access,
        now: DateTime<Utc>,
    ) -> Result<usize, HolderError> {
        let (id, actor, keep) = (access.holder, access.actor(), access.session().ok());
        self.transact(move |_, tx| end_told(tx, id, keep, actor, now)).await
    }

    /// Ends all sessions of a holder, and tells how many those were.
    pub async fn end_all_sessions(
        &self,
        id: HolderId,
        actor: Actor,
        now: DateTime<Utc>,
    ) -> Result<usize, HolderError> {
        self.transact(move |_, tx| {
            holder::load(tx, id)?;
            end_told(tx, id, None, actor, now)
        })
        .await
    }

    /// Work for a timer: takes the rows of sessions away that have ended, and unlinks devices that
    /// were not used for long. Tells how many of both.
    pub async fn sessions_tick(&self, now: DateTime<Utc>) -> Result<usize, HolderError> {
        let (mut round, mut after) = (Round::default(), b"h".to_vec());
        let scan = |from: Bound<&[u8]>, to: Bound<&[u8]>, limit| {
            self.store().scan(SESSION, from, to, Order::Ascending, limit)
        };
        loop {
            let page = bearer::page(scan, SESSION, &after)?;
            let Some(last) = page.last else { break };
            after = last;
            for digest in page.digests {
                round.note(self.end_when_dead(digest, now).await);
            }
        }
        round.note(self.devices_tick(now).await);
        round.end()
    }

    async fn end_when_dead(
        &self,
        digest: TokenDigest,
        now: DateTime<Utc>,
    ) -> Result<usize, HolderError> {
        // Read first: most of them live, and one that is dead is never alive again.
        if self.session_lives(&digest, now)? {
            return Ok(0);
        }
        let dead = move |inner: &Inner, tx: &mut dyn Transaction| {
            let Some(record) = record::load(tx, &digest)? else { return Ok(0) };
            let holder = holder::load(tx, record.holder())?;
            if record.lives(&inner.settings, &holder, now) {
                return Ok(0);
            }
            bearer::remove(tx, SESSION, record.owner())?;
            Ok(1)
        };
        self.transact(dead).await
    }

    fn session_lives(&self, digest: &TokenDigest, now: DateTime<Utc>) -> Result<bool, HolderError> {
        let Some(bytes) = self.store().get(SESSION, digest)? else { return Ok(true) };
        let record: SessionRecord = decode(SESSION, digest, &bytes)?;
        let holder = self.holder_record(record.holder())?;
        Ok(record.lives(&self.inner().settings, &holder, now))
    }
}

/// What a session is opened with.
pub(crate) struct NewSession {
    pub(crate) holder: HolderId,
    pub(crate) generation: u64,
    pub(crate) by: OpenedBy,
    pub(crate) from: String,
    /// As it came; cleaned here.
    pub(crate) client: String,
    pub(crate) qr: Option<QrLoginId>,
}

/// Opens a session, in a transaction.
pub(crate) fn open(
    inner: &Inner,
    tx: &mut dyn Transaction,
    new: NewSession,
    now: DateTime<Utc>,
) -> Result<OpenedSession, HolderError> {
    let at = now.timestamp_millis();
    let record = SessionRecord {
        id: *inner.draw(|random| SessionId::generate(random)).as_bytes(),
        holder: new.holder.number(),
        generation: new.generation,
        by: new.by,
        opened_at: at,
        last_used_at: at,
        from: new.from,
        client: fields::client(&new.client),
        stepped_up_until: None,
        qr: new.qr.map(|qr| *qr.as_bytes()),
    };
    if !record.lives(&inner.settings, &holder::load(tx, new.holder)?, now) {
        return Err(HolderError::NotLoggedIn);
    }
    make_room(inner, tx, new.holder, now)?;
    let token = SecretToken::generate(inner, access::SESSION_PREFIX);
    record::save(tx, &token.digest(), &record);
    Ok(OpenedSession { token, view: view(inner, record, now) })
}

/// Ends the sessions that were opened first, until there is a place for one more.
fn make_room(
    inner: &Inner,
    tx: &mut dyn Transaction,
    id: HolderId,
    now: DateTime<Utc>,
) -> Result<(), HolderError> {
    let holder = holder::load(tx, id)?;
    let mut living = Vec::new();
    for (_, record) in all_of(tx, id)? {
        if record.lives(&inner.settings, &holder, now) {
            living.push(record);
        } else {
            bearer::remove(tx, SESSION, record.owner())?;
        }
    }
    living.sort_by_key(|record| (record.opened_at, record.id));
    let over = (living.len() + 1).saturating_sub(inner.settings.most_sessions);
    for record in living.iter().take(over) {
        bearer::remove(tx, SESSION, record.owner())?;
        let entry = HistoryEntry::new(HistoryKind::SessionEnded, Actor::Service);
        history::append(tx, id, &entry.with("session", record.id()), now)?;
    }
    Ok(())
}

/// Ends all sessions of a holder but one, without a word in the history: the change that they
/// end with has its own. Tells how many those were.
pub(crate) fn end_all(
    tx: &mut dyn Transaction,
    id: HolderId,
    keep: Option<SessionId>,
) -> Result<usize, HolderError> {
    let mut ended = 0;
    for (_, record) in all_of(tx, id)? {
        if Some(record.id()) != keep {
            bearer::remove(tx, SESSION, record.owner())?;
            ended += 1;
        }
    }
    Ok(ended)
}

/// Ends those that began with a QR code, without a word: a phone that may have approved them is
/// unlinked, and that has its own.
pub(crate) fn end_by_qr(tx: &mut dyn Transaction, id: HolderId) -> Result<(), HolderError> {
    for (_, record) in all_of(tx, id)? {
        if record.by == OpenedBy::QrCode {
            bearer::remove(tx, SESSION, record.owner())?;
        }
    }
    Ok(())
}

fn end_told(
    tx: &mut dyn Transaction,
    id: HolderId,
    keep: Option<SessionId>,
    actor: Actor,
    now: DateTime<Utc>,
) -> Result<usize, HolderError> {
    let ended = end_all(tx, id, keep)?;
    if ended > 0 {
        let entry = HistoryEntry::new(HistoryKind::SessionEnded, actor).with("sessions", ended);
        history::append(tx, id, &entry, now)?;
    }
    Ok(ended)
}

/// There is a new password: the session that it was changed in lives on with it, all others end.
pub(crate) fn follow_password(
    tx: &mut dyn Transaction,
    id: HolderId,
    keep: Option<SessionId>,
    generation: u64,
) -> Result<(), HolderError> {
    end_all(tx, id, keep)?;
    for (digest, mut record) in all_of(tx, id)? {
        record.generation = generation;
        record::save(tx, &digest, &record);
    }
    Ok(())
}

/// Ends the session that came of a login by QR code, and tells whether there was one.
pub(crate) fn end_of_qr(
    tx: &mut dyn Transaction,
    id: HolderId,
    qr: QrLoginId,
) -> Result<bool, HolderError> {
    let all = all_of(tx, id)?;
    let Some((_, record)) = all.iter().find(|(_, r)| r.qr.as_ref() == Some(qr.as_bytes())) else {
        return Ok(false);
    };
    bearer::remove(tx, SESSION, record.owner())?;
    Ok(true)
}

/// Deletes up to `limit` sessions of a holder, and tells how many those were.
pub(crate) fn erase(
    tx: &mut dyn Transaction,
    holder: HolderId,
    limit: usize,
) -> Result<usize, HolderError> {
    bearer::erase(tx, SESSION, holder, limit)
}

fn all_of(
    tx: &dyn Transaction,
    id: HolderId,
) -> Result<Vec<(TokenDigest, SessionRecord)>, HolderError> {
    let scan = |from: Bound<&[u8]>, to: Bound<&[u8]>, limit| {
        tx.scan(SESSION, from, to, Order::Ascending, limit)
    };
    let mut sessions = Vec::new();
    for digest in bearer::of_holder(scan, SESSION, id)? {
        if let Some(record) = record::load(tx, &digest)? {
            sessions.push((digest, record));
        }
    }
    Ok(sessions)
}

fn view(inner: &Inner, record: SessionRecord, now: DateTime<Utc>) -> SessionView {
    let opened_at = crate::stamps::instant(record.opened_at);
    SessionView {
        id: record.id(),
        by: record.by,
        opened_at,
        last_used_at: crate::stamps::instant(record.last_used_at),
        ends_at: opened_at + inner.settings.session_life,
        stepped_up_until: record.stepped_up(now),
        from: record.from,
        client: record.client,
    }
}
