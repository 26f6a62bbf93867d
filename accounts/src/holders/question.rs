//! The secret question: asked besides the one-time code when a password is forgotten, and never
//! enough for anything alone.

use super::fields::{FieldRule, line};
use super::history::{HistoryEntry, HistoryKind};
use super::holder::{QuestionRecord, notify};
use super::messages::Template;
use super::otp::{Change, OtpVerified, Purpose};
use super::password::NewPassword;
use super::{Actor, HolderError, HolderId, Holders, Room, history, holder};
use chrono::{DateTime, Utc};
use std::ops::RangeInclusive;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

/// Characters of an answer.
const ANSWER: RangeInclusive<usize> = 3..=100;

/// The questions to choose from, by names that pages have texts for.
pub const LISTED: [&str; 6] = [
    "first-teacher",
    "first-street",
    "first-pet",
    "childhood-friend",
    "favourite-book",
    "grandmother-birthplace",
];

/// A secret question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// One of [`LISTED`].
    Listed(String),
    /// In the holder's own words.
    Own(String),
}

impl Question {
    /// Checks the rules of a question and its answer, before a one-time code is used up for them.
    pub fn check(&self, answer: &str) -> Result<(), HolderError> {
        read_answer(&self.text()?, answer).map(drop)
    }

    fn text(&self) -> Result<String, HolderError> {
        match self {
            Self::Listed(name) if LISTED.contains(&name.as_str()) => Ok(name.clone()),
            Self::Listed(_) => Err(FieldRule::Text.broken_by("question")),
            Self::Own(words) => line("question", words),
        }
    }
}

impl Holders {
    /// Sets the secret question. `proof` is for [`Purpose::ChangeQuestion`], bound to
    /// [`Change::Set`].
    pub async fn set_question(
        &self,
        id: HolderId,
        question: &Question,
        answer: &str,
        (proof, room): (OtpVerified, Room),
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        let question = question.text()?;
        let answer = read_answer(&question, answer)?;
        let operation = proof.operation();
        proof.consume(id, operation, Purpose::ChangeQuestion, &Change::Set.bound())?;
        let hash = self.compute(&room, move |inner| inner.hash_secret(&answer)).await?;
        let NewPassword { phc, pepper } = hash;
        let set_at = now.timestamp_millis();
        let question = QuestionRecord { question, phc, pepper, set_at };
        self.put_question(id, Some(question), Actor::Holder(id), now).await
    }

    /// Removes the secret question. `proof` is for [`Purpose::ChangeQuestion`], bound to
    /// [`Change::Remove`].
    pub async fn remove_question(
        &self,
        id: HolderId,
        proof: OtpVerified,
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        let operation = proof.operation();
        proof.consume(id, operation, Purpose::ChangeQuestion, &Change::Remove.bound())?;
        self.put_question(id, None, Actor::Holder(id), now).await
    }

    /// Removes the secret question of a holder who forgot the answer. For operators, who cannot
    /// see or choose an answer; what else a recovery asks for stays.
    pub async fn clear_question(
        &self,
        id: HolderId,
        operator: Actor,
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        self.put_question(id, None, operator, now).await
    }

    async fn put_question(
        &self,
        id: HolderId,
        question: Option<QuestionRecord>,
        actor: Actor,
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        self.transact(move |inner, tx| {
            let mut record = holder::load(tx, id)?;
            record.needs_open(id)?;
            if question.is_none() && record.question.is_none() {
                return Err(HolderError::NoQuestion);
            }
            let removed = question.is_none();
            record.question = question;
            holder::save(tx, id, &record);
            let kind =
                if removed { HistoryKind::QuestionRemoved } else { HistoryKind::QuestionSet };
            history::append(tx, id, &HistoryEntry::new(kind, actor), now)?;
            let template = Template::QuestionChanged { at: now.timestamp_millis(), removed };
            notify(inner, tx, id, &record, &template, now)
        })
        .await
    }
}

/// An answer as it is compared: nobody remembers years later how it was written.
pub(super) fn compared(answer: &str) -> Zeroizing<String> {
    let lower: Zeroizing<String> = Zeroizing::new(answer.nfkc().take(1_000).collect());
    let lower = Zeroizing::new(lower.to_lowercase());
    Zeroizing::new(lower.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn read_answer(question: &str, answer: &str) -> Result<Zeroizing<String>, HolderError> {
    let answer = compared(answer);
    if !ANSWER.contains(&answer.chars().count()) {
        return Err(FieldRule::Answer.broken_by("answer"));
    }
    if compared(question).contains(answer.as_str()) {
        return Err(FieldRule::AnswerInQuestion.broken_by("answer"));
    }
    Ok(answer)
}
