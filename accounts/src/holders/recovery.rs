//! A forgotten password: a link by mail, and a one-time code on top of it.
//!
//! Whoever asks for a link gets the same answer for every user ID. The link alone changes nothing:
//! it takes a right one-time code as well, and the answer to the secret question where there is
//! one (NIST SP 800-63B-4 §4.2.2.2 asks for two codes by different ways; ASVS 5.0, 6.4.3).

use super::change::{TypedTwice, end_what_was_begun, put};
use super::history::{HistoryEntry, HistoryKind};
use super::holder::{HolderStatus, QuestionRecord, mail, notify};
use super::link::{self, LinkEvent, LinkPurpose, LinkState};
use super::login::compared;
use super::messages::Template;
use super::otp::{OtpVerified, Purpose};
use super::password::NewPassword;
use super::throttle::{self, Counted};
use super::{
    Actor, HolderError, HolderId, Holders, Inner, OperationId, Room, history, holder, sessions,
};
use chrono::{DateTime, Utc};
use std::net::IpAddr;
use store::Transaction;

/// The link of a recovery, and nothing else.
const RECOVERY: [LinkPurpose; 1] = [LinkPurpose::RecoverPassword];

impl Holders {
    /// Mails a link to set a new password, when there is an account that may have one, and no link
    /// that lives. The answer is the same when there is none.
    pub async fn request_recovery(
        &self,
        user_id: &str,
        from: IpAddr,
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        let name = compared(user_id);
        self.transact(move |inner, tx| {
            throttle::caller_may_mail(inner, tx, from, now)?;
            let owner = recoverable(tx, &name)?;
            let waits = match owner {
                // Anybody can ask: the link that its owner has goes on, and the answer to the
                // question that was given with it.
                Some(id) => link::is_there(tx, id, LinkPurpose::RecoverPassword, now)?,
                None => false,
            };
            let may_mail = !waits && throttle::may_recover(inner, tx, &name, now)?;
            match owner {
                Some(id) if may_mail => send_link(inner, tx, id, now),
                // The work of writing and sealing the mail that is not sent: an answer that has
                // nothing to sync comes sooner, and tells who has an account.
                _ => {
                    throttle::write_again(inner, tx, Counted::Recoveries, &name)?;
                    inner.seal("nothing", &[], &[0; 256]).map(drop)
                }
            }
        })
        .await
    }

    /// Answers the secret question of a holder who opened the link. A right answer opens nothing:
    /// the one-time code is still asked for. The fifth wrong one ends the link.
    pub async fn answer_question(
        &self,
        token: &str,
        answer: &str,
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        let room = self.room_for_anybody()?;
        let digest = link::digest(token);
        // Counted before it is compared: answers side by side cannot outrun the count.
        let (id, question) = self
            .transact(move |_, tx| {
                let mut link = link::open(tx, &digest, &RECOVERY, now)?;
                if link.state != LinkState::Live || link.wrong_answers > link::MOST_WRONG_ANSWERS {
                    return Err(HolderError::LinkInvalid);
                }
                let id = link.holder();
                let question = holder::load(tx, id)?.question.ok_or(HolderError::NoQuestion)?;
                link.wrong_answers += 1;
                link::update(tx, &digest, &link);
                Ok((id, question))
            })
            .await?;
        let (answer, kept) = (super::question::compared(answer), question.clone());
        let compare = move |inner: &Inner| {
            let right = inner.is_right(&answer, Some((kept.phc.as_str(), kept.pepper)))?;
            let old = right && inner.is_old_secret(&kept.phc, kept.pepper);
            Ok((right, old.then(|| inner.hash_secret(&answer)).transpose()?))
        };
        let (right, renewed) = self.compute(&room, compare).await?;
        self.transact(move |_, tx| {
            let mut link = link::open(tx, &digest, &RECOVERY, now)?;
            if right {
                link.state = link.state.apply(LinkEvent::Answer)?;
                link.wrong_answers = 0;
                link::update(tx, &digest, &link);
                if let Some(renewed) = renewed {
                    renew_answer(tx, id, question, renewed)?;
                }
                return Ok(Ok(()));
            }
            let entry = HistoryEntry::failure(HistoryKind::AnswerWrong, Actor::Anyone);
            history::append(tx, id, &entry, now)?;
            if link.wrong_answers > link::MOST_WRONG_ANSWERS {
                link::burn(tx, &link, LinkEvent::Spend)?;
            }
            Ok(Err(HolderError::WrongAnswer))
        })
        .await?
    }

    /// Sets the new password. `proof` is of a code that was asked for with the operation and the
    /// bytes that [`Holders::link`] names, for [`Purpose::RecoverPassword`].
    pub async fn recover_password(
        &self,
        token: &str,
        (proof, room): (OtpVerified, Room),
        typed: &TypedTwice<'_>,
        now: DateTime<Utc>,
    ) -> Result<HolderId, HolderError> {
        let (digest, link) = self.live_link(token, &RECOVERY, now)?;
        let hash = self.hash_new(&room, link.holder(), typed).await?;
        let operation = OperationId::new(link.operation);
        proof.consume(link.holder(), operation, Purpose::RecoverPassword, &digest)?;
        self.transact(move |inner, tx| {
            let link = link::open(tx, &digest, &RECOVERY, now)?;
            let id = link.holder();
            let mut record = holder::load(tx, id)?;
            if record.status != HolderStatus::Active {
                return Err(HolderError::LinkInvalid);
            }
            if record.question.is_some() && link.state != LinkState::Answered {
                return Err(HolderError::AnswerNeeded);
            }
            link::burn(tx, &link, LinkEvent::Use)?;
            end_what_was_begun(tx, id, now)?;
            let generation = put(&mut record, hash, now);
            holder::save(tx, id, &record);
            sessions::follow_password(tx, id, None, generation)?;
            throttle::clear(inner, tx, &record.email)?;
            let entry = HistoryEntry::new(HistoryKind::PasswordRecovered, Actor::Holder(id));
            history::append(tx, id, &entry, now)?;
            let at = now.timestamp_millis();
            notify(inner, tx, id, &record, &Template::PasswordRecovered { at }, now)?;
            Ok(id)
        })
        .await
    }
}

/// The holder with a name, when there is a password that may be forgotten.
fn recoverable(tx: &dyn Transaction, name: &str) -> Result<Option<HolderId>, HolderError> {
    let Some(id) = holder::find(tx, name)? else { return Ok(None) };
    let active = holder::load(tx, id)?.status == HolderStatus::Active;
    Ok(active.then_some(id))
}

fn send_link(
    inner: &Inner,
    tx: &mut dyn Transaction,
    id: HolderId,
    now: DateTime<Utc>,
) -> Result<(), HolderError> {
    let record = holder::load(tx, id)?;
    let (token, ends_at) = link::issue(inner, tx, id, LinkPurpose::RecoverPassword, None, now)?;
    let (token, ends_at) = (token.to_string(), ends_at.timestamp_millis());
    let template = Template::RecoverPassword { token, ends_at };
    // To the user ID alone: the address for notices may be somebody else's.
    mail(inner, tx, (id, &record), record.email()?, template, None, now)?;
    let entry = HistoryEntry::new(HistoryKind::RecoveryRequested, Actor::Anyone);
    history::append(tx, id, &entry, now).map(drop)
}

/// Puts an answer that was right under today's pepper and cost, unless there is another by now.
fn renew_answer(
    tx: &mut dyn Transaction,
    id: HolderId,
    compared: QuestionRecord,
    NewPassword { phc, pepper }: NewPassword,
) -> Result<(), HolderError> {
    let mut record = holder::load(tx, id)?;
    if record.question.as_ref() == Some(&compared) {
        record.question = Some(QuestionRecord { phc, pepper, ..compared });
        holder::save(tx, id, &record);
    }
    Ok(())
}
