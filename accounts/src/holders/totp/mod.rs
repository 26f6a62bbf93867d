//! Authenticator apps: codes that a telephone computes by itself (RFC 6238), and nobody sends.
//!
//! SMS is what NIST SP 800-63B-4 §3.2.9 calls a restricted authenticator; this is the alternative
//! that it asks to be offered. An app is enrolled in two steps: a secret is made and shown once,
//! and counts when a code out of it came back. Until then the app that was there before counts.

mod algorithm;
mod record;

#[cfg(test)]
pub(crate) use record::{EnrolmentRecord, TotpRecord};
pub(crate) use record::{end_enrolment, erase};

use super::history::{HistoryEntry, HistoryKind, append};
use super::holder::{self, notify};
use super::messages::Template;
use super::otp::{self, Change, OtpRefusal, OtpVerified, Purpose};
use super::{Actor, HolderError, HolderId, Holders, Inner};
use algorithm::{Secret, base32, code, step_at, uri};
use chrono::{DateTime, TimeDelta, Utc};
use record::{
    load, load_enrolment, new_app, new_enrolment, open_secret, save, save_enrolment, secret_of,
};
use store::Transaction;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::Zeroizing;

/// How long an enrolment waits for its first code.
const ENROLMENT: TimeDelta = TimeDelta::minutes(10);
/// Wrong codes that an enrolment survives.
const MOST_WRONG: u32 = 5;
/// Steps that a telephone's clock may be off, to each side: RFC 6238 §5.2 recommends "at most one
/// time step [..] as the network delay".
const WINDOW: u64 = 1;

/// The secret of an authenticator app, to be shown once.
pub struct TotpEnrolment {
    /// In base32 (RFC 4648 §6) without padding, to be typed.
    pub secret: Zeroizing<String>,
    /// `otpauth://totp/…`, to be shown as a QR code.
    pub uri: Zeroizing<String>,
    /// Until when the first code has to come.
    pub ends_at: DateTime<Utc>,
}

impl std::fmt::Debug for TotpEnrolment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TotpEnrolment").field("ends_at", &self.ends_at).finish_non_exhaustive()
    }
}

impl Holders {
    /// Makes the secret of a new authenticator app. It counts when [`Holders::confirm_totp`] got
    /// a code out of it. `proof` is for [`Purpose::ChangeOtpMethod`], bound to
    /// [`Change::Set`].
    ///
    /// # Errors
    /// [`HolderError::OtpForOther`], and a holder who is not there or closed.
    pub async fn begin_totp(
        &self,
        id: HolderId,
        proof: OtpVerified,
        now: DateTime<Utc>,
    ) -> Result<TotpEnrolment, HolderError> {
        use_up(id, Change::Set, proof)?;
        self.transact(move |inner, tx| {
            let owner = holder::load(tx, id)?;
            owner.needs_open(id)?;
            let secret: Secret = inner.draw(algorithm::draw);
            let ends_at = now + ENROLMENT;
            let record = new_enrolment(inner, id, &secret, ends_at.timestamp_millis())?;
            save_enrolment(tx, id, &record);
            Ok(TotpEnrolment {
                secret: base32(&*secret),
                uri: uri(&inner.settings.service_name, &owner.email, &secret),
                ends_at,
            })
        })
        .await
    }

    /// Enrols the app that computed this code. From now on codes are asked from it.
    ///
    /// # Errors
    /// [`OtpRefusal::NoAuthenticator`] without an enrolment, [`OtpRefusal::EnrolmentEnded`],
    /// [`OtpRefusal::Wrong`].
    pub async fn confirm_totp(
        &self,
        id: HolderId,
        code: &str,
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        let code = otp::digits(code)?;
        self.transact(move |inner, tx| confirm(inner, tx, id, &code, now)).await?
    }

    /// Takes the app away. From now on codes are sent. `proof` is for
    /// [`Purpose::ChangeOtpMethod`], bound to [`Change::Remove`].
    ///
    /// # Errors
    /// [`OtpRefusal::NoAuthenticator`], [`HolderError::OtpForOther`].
    pub async fn remove_totp(
        &self,
        id: HolderId,
        proof: OtpVerified,
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        use_up(id, Change::Remove, proof)?;
        self.transact(move |inner, tx| {
            if !holder::load(tx, id)?.totp {
                return Err(OtpRefusal::NoAuthenticator.into());
            }
            remove(inner, tx, id, Actor::Holder(id), now)
        })
        .await
    }
}

/// Takes the app of a holder away who lost it, if there is one.
pub(crate) fn lose(
    inner: &Inner,
    tx: &mut dyn Transaction,
    id: HolderId,
    now: DateTime<Utc>,
) -> Result<(), HolderError> {
    if !holder::load(tx, id)?.totp {
        end_enrolment(tx, id);
        return Ok(());
    }
    remove(inner, tx, id, Actor::Service, now)
}

fn remove(
    inner: &Inner,
    tx: &mut dyn Transaction,
    id: HolderId,
    by: Actor,
    now: DateTime<Utc>,
) -> Result<(), HolderError> {
    let mut owner = holder::load(tx, id)?;
    erase(tx, id);
    owner.totp = false;
    holder::save(tx, id, &owner);
    // A code of the app that is waited for would wait for ever.
    otp::end_all(tx, id)?;
    append(tx, id, &HistoryEntry::new(HistoryKind::TotpRemoved, by), now)?;
    let template = Template::OtpMethodChanged { authenticator: false, at: now.timestamp_millis() };
    notify(inner, tx, id, &owner, &template, now)
}

/// Whether a code is the app's, for an act. A right one is taken, and no code of its step or of
/// one before it is right again: RFC 6238 §5.2, "The verifier MUST NOT accept the second attempt
/// of the OTP after the successful validation has been issued for the first OTP".
pub(crate) fn take(
    inner: &Inner,
    tx: &mut dyn Transaction,
    id: HolderId,
    typed: &str,
    now: DateTime<Utc>,
) -> Result<bool, HolderError> {
    let record = load(tx, id)?.ok_or(OtpRefusal::NoAuthenticator)?;
    let secret = secret_of(inner, id, &record)?;
    let Some(step) = matching(&secret, typed, now, record.last_step)? else { return Ok(false) };
    // Sealed anew where it is under an older version of the pepper.
    let record = new_app(inner, id, &secret, step, record.enrolled_at)?;
    save(tx, id, &record);
    Ok(true)
}

/// The step that a code is of, when it is after the last one that was taken. All of the window is
/// computed and compared, whichever of it is right.
fn matching(
    secret: &Secret,
    typed: &str,
    now: DateTime<Utc>,
    last: u64,
) -> Result<Option<u64>, HolderError> {
    let here = step_at(now);
    let (mut right, mut found) = (Choice::from(0), 0);
    for step in here.saturating_sub(WINDOW)..=here + WINDOW {
        let same = code(&**secret, step)?.as_bytes().ct_eq(typed.as_bytes());
        let new = same & Choice::from(u8::from(step > last));
        found.conditional_assign(&step, new);
        right |= new;
    }
    Ok(bool::from(right).then_some(found))
}

fn confirm(
    inner: &Inner,
    tx: &mut dyn Transaction,
    id: HolderId,
    typed: &str,
    now: DateTime<Utc>,
) -> Result<Result<(), HolderError>, HolderError> {
    let mut owner = holder::load(tx, id)?;
    owner.needs_open(id)?;
    let mut waiting = load_enrolment(tx, id)?.ok_or(OtpRefusal::NoAuthenticator)?;
    if now.timestamp_millis() >= waiting.ends_at || waiting.tries >= MOST_WRONG {
        return Err(OtpRefusal::EnrolmentEnded.into());
    }
    waiting.tries += 1;
    let secret = open_secret(inner, id, &waiting.secret)?;
    let Some(step) = matching(&secret, typed, now, 0)? else {
        save_enrolment(tx, id, &waiting);
        let entry = HistoryEntry::failure(HistoryKind::OtpFailed, Actor::Holder(id));
        append(tx, id, &entry.with("purpose", "enrol-authenticator"), now)?;
        let left = MOST_WRONG - waiting.tries;
        let ended = OtpRefusal::EnrolmentEnded;
        let refusal = if left == 0 { ended } else { OtpRefusal::Wrong { left } };
        return Ok(Err(refusal.into()));
    };
    erase(tx, id);
    save(tx, id, &new_app(inner, id, &secret, step, now.timestamp_millis())?);
    owner.totp = true;
    holder::save(tx, id, &owner);
    append(tx, id, &HistoryEntry::new(HistoryKind::TotpEnrolled, Actor::Holder(id)), now)?;
    let at = now.timestamp_millis();
    let template = Template::OtpMethodChanged { authenticator: true, at };
    notify(inner, tx, id, &owner, &template, now)?;
    Ok(Ok(()))
}

fn use_up(id: HolderId, change: Change, proof: OtpVerified) -> Result<(), HolderError> {
    let operation = proof.operation();
    proof.consume(id, operation, Purpose::ChangeOtpMethod, &change.bound())
}
