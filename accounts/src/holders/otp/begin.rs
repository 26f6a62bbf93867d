//! Asking for a one-time code, and for the same once more.

use super::record::{self, ChallengeRecord};
use super::{ChallengeEvent, ChallengeState, OtpChannel, OtpRefusal, Purpose, check, limit};
use crate::holders::history::{HistoryEntry, HistoryKind, append};
use crate::holders::holder::{self, HolderRecord, HolderStatus};
use crate::holders::link::{self, LinkPurpose};
use crate::holders::messages::{Channel, NewMessage, Template, enqueue};
use crate::holders::{Actor, HolderError, HolderId, Holders, Inner, OperationId, PhoneNumber};
use chrono::{DateTime, TimeDelta, Utc};
use rand::CryptoRng;
use std::time::Duration;
use store::Transaction;
use zeroize::Zeroizing;

/// Messages for one operation, new codes included.
const MOST_SENDINGS: u32 = 5;
/// So long new codes are made for an operation.
pub(super) const OPERATION: i64 = 15 * 60_000;

/// What a one-time code is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OtpRequest {
    /// What for.
    pub purpose: Purpose,
    /// SHA-256 of what exactly: see [`bound`](super::bound).
    pub bound: [u8; 32],
    /// How it comes; `None` is the app when one is enrolled, and a short message otherwise. With
    /// an app there are short messages to prove a number, and for nothing else.
    pub channel: Option<OtpChannel>,
    /// How many documents are to be signed: the message says it.
    pub documents: Option<u32>,
}

impl OtpRequest {
    /// In the holder's own way.
    #[must_use]
    pub const fn new(purpose: Purpose, bound: [u8; 32]) -> Self {
        Self { purpose, bound, channel: None, documents: None }
    }
}

/// A code that is waited for, as its holder is told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtpAsked {
    /// The operation, to be given with the code.
    pub operation: OperationId,
    /// What for.
    pub purpose: Purpose,
    /// How it comes.
    pub channel: OtpChannel,
    /// The number that it was sent to, masked.
    pub to: Option<String>,
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// When it ends; exclusive.
    pub expires_at: DateTime<Utc>,
    /// From when on it can be sent again; `None` when it cannot.
    pub resend_at: Option<DateTime<Utc>>,
    /// Tries that are left.
    pub tries_left: u32,
}

impl Holders {
    /// Asks for a code for a new operation. An older one of the holder for the same purpose is
    /// void from now on.
    ///
    /// # Errors
    /// [`OtpRefusal::NoAuthenticator`], [`OtpRefusal::InApp`], [`OtpRefusal::Limit`],
    /// [`OtpRefusal::Budget`]; [`HolderError::IllegalTransition`] for a holder who may not log in.
    pub async fn begin_otp(
        &self,
        holder: HolderId,
        request: OtpRequest,
        now: DateTime<Utc>,
    ) -> Result<OtpAsked, HolderError> {
        self.transact(move |inner, tx| {
            let operation = inner.draw(|random| OperationId::generate(random));
            begin(inner, tx, (holder, operation), request, None, now)
        })
        .await
    }

    /// Asks for the code that a link for a forgotten password takes. Asked again, it is sent
    /// again, under the same limits as any other.
    ///
    /// # Errors
    /// [`HolderError::LinkInvalid`], and those of [`Holders::begin_otp`] and
    /// [`Holders::resend_otp`].
    pub async fn begin_recovery_otp(
        &self,
        token: &str,
        channel: Option<OtpChannel>,
        now: DateTime<Utc>,
    ) -> Result<OtpAsked, HolderError> {
        let digest = link::digest(token);
        self.transact(move |inner, tx| {
            let link = link::open(tx, &digest, &[LinkPurpose::RecoverPassword], now)?;
            let (id, operation) = (link.holder(), OperationId::new(link.operation));
            let own = way(&holder::load(tx, id)?);
            let chosen = channel.unwrap_or(own);
            if let Some(record) = record::load(tx, operation)?
                && (record.channel, chosen) == (OtpChannel::Sms, OtpChannel::Sms)
                && own == OtpChannel::Sms
                // A right code whose password was refused: another code is needed.
                && record.state != ChallengeState::Used
            {
                return resend(inner, tx, (operation, record), now);
            }
            let purpose = Purpose::RecoverPassword;
            let request = OtpRequest { channel: Some(chosen), ..OtpRequest::new(purpose, digest) };
            begin(inner, tx, (id, operation), request, None, now)
        })
        .await
    }

    /// Sends the code of an operation again: the same while it lives, a new one when its time has
    /// ended or too many wrong ones came.
    ///
    /// # Errors
    /// [`OtpRefusal::Unknown`] also for another holder's; [`OtpRefusal::Void`],
    /// [`OtpRefusal::TooSoon`], [`OtpRefusal::Sendings`], [`OtpRefusal::InApp`] and the limits.
    pub async fn resend_otp(
        &self,
        holder: HolderId,
        operation: OperationId,
        now: DateTime<Utc>,
    ) -> Result<OtpAsked, HolderError> {
        self.transact(move |inner, tx| {
            let record = record::load(tx, operation)?.ok_or(OtpRefusal::Unknown)?;
            if record.holder() != holder {
                return Err(OtpRefusal::Unknown.into());
            }
            resend(inner, tx, (operation, record), now)
        })
        .await
    }

    /// Forgets operations that are long over, and counts that are. For a timer; tells how many
    /// those were.
    ///
    /// # Errors
    /// The store's.
    pub async fn otp_tick(&self, now: DateTime<Utc>) -> Result<usize, HolderError> {
        Ok(self.forget_operations(now).await? + self.forget_otp_limits(now).await?)
    }
}

/// Sends a code to a number that is not the holder's yet, in the transaction of whatever asks
/// for the proof that it is.
pub(crate) fn begin_to_number(
    inner: &Inner,
    tx: &mut dyn Transaction,
    holder: HolderId,
    number: &PhoneNumber,
    request: OtpRequest,
    now: DateTime<Utc>,
) -> Result<OtpAsked, HolderError> {
    let operation = inner.draw(|random| OperationId::generate(random));
    let request = OtpRequest { channel: Some(OtpChannel::Sms), ..request };
    begin(inner, tx, (holder, operation), request, Some(number), now)
}

fn begin(
    inner: &Inner,
    tx: &mut dyn Transaction,
    (holder, operation): (HolderId, OperationId),
    request: OtpRequest,
    number: Option<&PhoneNumber>,
    now: DateTime<Utc>,
) -> Result<OtpAsked, HolderError> {
    let owner = holder::load(tx, holder)?;
    needs_active(&owner)?;
    let channel = match request.purpose {
        // To the number that is given up: that it can be read there is what is asked.
        Purpose::ChangePhone => OtpChannel::Sms,
        // Beside it: who took the number over has no app.
        Purpose::ChangePhoneApp => OtpChannel::Authenticator,
        _ => request.channel.unwrap_or_else(|| way(&owner)),
    };
    if channel == OtpChannel::Authenticator && !owner.totp {
        return Err(OtpRefusal::NoAuthenticator.into());
    }
    // Who enrolled an app did it so that the number alone, which can be had by fraud, is not
    // enough. But a number is proved by what is sent to it.
    let of_number = number.is_some() || request.purpose == Purpose::ChangePhone;
    if channel == OtpChannel::Sms && owner.totp && !of_number {
        return Err(OtpRefusal::InApp.into());
    }
    replace(tx, holder, request.purpose, operation)?;
    let at = now.timestamp_millis();
    // That of a link may have been there before; what it was sent counts.
    let before = record::load(tx, operation)?.map_or(0, |before| before.sendings);
    let mut record = ChallengeRecord {
        holder: holder.number(),
        purpose: request.purpose,
        bound: request.bound.into(),
        state: ChallengeState::Waiting,
        channel,
        began_at: at,
        made_at: at,
        ends_at: (now + inner.settings.otp_lifetime).timestamp_millis(),
        code: None,
        tries: 0,
        sendings: before,
        sent_at: 0,
        number: None,
        documents: request.documents,
    };
    if channel == OtpChannel::Sms {
        let own = owner.phone()?;
        record.keep_number(inner, operation, number.unwrap_or(&own))?;
        record.keep(inner, operation, &draw(inner))?;
        send(inner, tx, (operation, &mut record), &owner, now)?;
    }
    record::save(tx, operation, &record);
    record::note_newest(tx, &record, operation);
    asked(inner, operation, &record)
}

/// Ends the older operation for a purpose: a code that was sent for it is good for nothing.
fn replace(
    tx: &mut dyn Transaction,
    holder: HolderId,
    purpose: Purpose,
    by: OperationId,
) -> Result<(), HolderError> {
    let older = record::newest(tx, holder, purpose)?.filter(|older| *older != by);
    let Some(older) = older else { return Ok(()) };
    let Some(mut record) = record::load(tx, older)? else { return Ok(()) };
    // One that was used stays so.
    if let Ok(state) = record.state.apply(ChallengeEvent::Replace) {
        record.state = state;
        record.code = None;
        record::save(tx, older, &record);
    }
    Ok(())
}

fn resend(
    inner: &Inner,
    tx: &mut dyn Transaction,
    (operation, mut record): (OperationId, ChallengeRecord),
    now: DateTime<Utc>,
) -> Result<OtpAsked, HolderError> {
    let owner = holder::load(tx, record.holder())?;
    needs_active(&owner)?;
    let state = record.state.apply(ChallengeEvent::Renew)?;
    if record.channel == OtpChannel::Authenticator {
        return Err(OtpRefusal::InApp.into());
    }
    let at = now.timestamp_millis();
    if at - record.began_at >= OPERATION {
        return Err(OtpRefusal::Expired.into());
    }
    // Never longer than the gap, also when the clock was set back.
    let rest = (record.sent_at.min(at) + gap(inner) - at).max(0).unsigned_abs();
    if rest > 0 {
        let retry_after = Duration::from_secs(rest.div_ceil(1_000));
        return Err(OtpRefusal::TooSoon { retry_after }.into());
    }
    if record.state == ChallengeState::Spent || check::is_over(&record, at) {
        record.state = state;
        record.made_at = at;
        record.ends_at = (now + inner.settings.otp_lifetime).timestamp_millis();
        record.tries = 0;
        record.keep(inner, operation, &draw(inner))?;
    }
    send(inner, tx, (operation, &mut record), &owner, now)?;
    record::save(tx, operation, &record);
    asked(inner, operation, &record)
}

/// Queues the message with the code, within every limit.
fn send(
    inner: &Inner,
    tx: &mut dyn Transaction,
    (operation, record): (OperationId, &mut ChallengeRecord),
    owner: &HolderRecord,
    now: DateTime<Utc>,
) -> Result<(), HolderError> {
    if record.sendings >= MOST_SENDINGS {
        return Err(OtpRefusal::Sendings.into());
    }
    let (id, at) = (record.holder(), now.timestamp_millis());
    let to = record.number(inner, operation)?.ok_or(OtpRefusal::InApp)?;
    limit::spend(inner, tx, (id, record.purpose), &to, now)?;
    record.sendings += 1;
    record.sent_at = at;
    let entry = HistoryEntry::new(HistoryKind::OtpSent, Actor::Holder(id))
        .with("purpose", record.purpose)
        .with("number", to.masked());
    append(tx, id, &entry, now)?;
    let message = NewMessage {
        holder: Some(id),
        channel: Channel::Sms { to },
        template: Template::OtpCode {
            purpose: record.purpose,
            requested_at: at,
            made_at: record.made_at,
            code: record.code(inner, operation)?.to_string(),
            documents: record.documents,
        },
        language: owner.language,
        addressee: owner.given_name.clone(),
        attachment: None,
        secret: true,
    };
    enqueue(inner, tx, message, now).map(drop)
}

fn asked(
    inner: &Inner,
    operation: OperationId,
    record: &ChallengeRecord,
) -> Result<OtpAsked, HolderError> {
    let instant = crate::stamps::instant;
    let next = record.sent_at + gap(inner);
    let more = record.channel == OtpChannel::Sms
        && record.sendings < MOST_SENDINGS
        && next < record.began_at + OPERATION;
    Ok(OtpAsked {
        operation,
        purpose: record.purpose,
        channel: record.channel,
        to: record.number(inner, operation)?.map(|number| number.masked()),
        made_at: instant(record.made_at),
        expires_at: instant(record.ends_at),
        resend_at: more.then(|| instant(next)),
        tries_left: check::MOST_TRIES.saturating_sub(record.tries),
    })
}

/// Between two messages with the same code.
fn gap(inner: &Inner) -> i64 {
    inner.settings.otp_gap.num_milliseconds()
}

/// The way that a holder's codes come in.
fn way(owner: &HolderRecord) -> OtpChannel {
    if owner.totp { OtpChannel::Authenticator } else { OtpChannel::Sms }
}

fn needs_active(owner: &HolderRecord) -> Result<(), HolderError> {
    if owner.status == HolderStatus::Active {
        return Ok(());
    }
    Err(HolderError::IllegalTransition {
        machine: "the holder",
        state: owner.status.word(),
        event: "ask for a one-time code",
    })
}

/// Six digits, each of the million as likely as any other.
fn draw(inner: &Inner) -> Zeroizing<String> {
    Zeroizing::new(format!("{:06}", inner.draw(below_a_million)))
}

fn below_a_million(random: &mut dyn CryptoRng) -> u32 {
    loop {
        // 20 bits are 1 048 576: one in twenty draws is thrown away, and none is favoured.
        let number = random.next_u32() >> 12;
        if number < 1_000_000 {
            return number;
        }
    }
}

/// Long enough for an answer that says what became of a code.
pub(super) fn forgotten_at(record: &ChallengeRecord) -> i64 {
    record.began_at.max(record.ends_at) + TimeDelta::hours(1).num_milliseconds()
}
