//! Whether a one-time code is right.
//!
//! A try is one transaction: it is counted, compared and settled in it, and nobody hears of the
//! outcome before all of that is durable. Tries side by side are tried one after another by the
//! store's one writer, so that three are three.

use super::record::{self, ChallengeRecord};
use super::{ChallengeEvent, OtpChannel, OtpRefusal, OtpVerified, Purpose, begin, limit};
use crate::encoding::decode;
use crate::holders::tables::OTP_CHALLENGE;
use crate::holders::{HolderError, HolderId, Holders, Inner, OperationId, totp};
use chrono::{DateTime, Utc};
use std::ops::Bound;
use store::{Order, Transaction};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Tries of one code.
pub(super) const MOST_TRIES: u32 = 3;

/// What a code is tried for.
#[derive(Clone, Copy)]
struct Try {
    holder: HolderId,
    operation: OperationId,
    purpose: Purpose,
    bound: [u8; 32],
}

impl Holders {
    /// Tries a code for an operation. A right one is used up, and with it the operation.
    ///
    /// # Errors
    /// [`OtpRefusal`] says what is wrong; [`HolderError::OtpForOther`] when the operation was
    /// begun for something else. Only [`OtpRefusal::Wrong`] and the last [`OtpRefusal::Spent`]
    /// take a try.
    pub async fn verify_otp(
        &self,
        holder: HolderId,
        operation: OperationId,
        code: &str,
        purpose: Purpose,
        bound: [u8; 32],
        now: DateTime<Utc>,
    ) -> Result<OtpVerified, HolderError> {
        let code = digits(code)?;
        let what = Try { holder, operation, purpose, bound };
        self.transact(move |inner, tx| settle(inner, tx, what, &code, now)).await?
    }

    /// Forgets operations that are long over.
    pub(super) async fn forget_operations(&self, now: DateTime<Utc>) -> Result<usize, HolderError> {
        let at = now.timestamp_millis();
        let (mut forgotten, mut after) = (0, Vec::new());
        loop {
            let from = Bound::Excluded(after.as_slice());
            let store = self.store();
            let rows = store.scan(OTP_CHALLENGE, from, Bound::Unbounded, Order::Ascending, 500)?;
            let Some((last, _)) = rows.last() else { return Ok(forgotten) };
            after.clone_from(last);
            let mut over = Vec::new();
            for (key, value) in rows {
                let Ok(key) = <[u8; 16]>::try_from(key.as_slice()) else { continue };
                if is_forgotten(&decode(OTP_CHALLENGE, &key, &value)?, at) {
                    over.push(OperationId::new(key));
                }
            }
            forgotten += over.len();
            if !over.is_empty() {
                self.transact(move |_, tx| forget_all(tx, &over, at)).await?;
            }
        }
    }
}

/// One try. What it writes stays in spite of a refusal: the outer result is that of the store.
fn settle(
    inner: &Inner,
    tx: &mut dyn Transaction,
    what: Try,
    code: &str,
    now: DateTime<Utc>,
) -> Result<Result<OtpVerified, HolderError>, HolderError> {
    let Try { holder, operation, purpose, bound } = what;
    let mut record = record::load(tx, operation)?.ok_or(OtpRefusal::Unknown)?;
    if record.holder() != holder {
        return Err(OtpRefusal::Unknown.into());
    }
    if record.purpose != purpose || *record.bound != bound {
        return Err(HolderError::OtpForOther);
    }
    let used = record.state.apply(ChallengeEvent::Use)?;
    if is_over(&record, now.timestamp_millis()) {
        return Err(OtpRefusal::Expired.into());
    }
    limit::needs_tries(inner, tx, (holder, purpose), now)?;

    record.tries += 1;
    if is_right(inner, tx, (operation, &record), code, now)? {
        record.state = used;
        record.code = None;
        record::save(tx, operation, &record);
        return Ok(Ok(OtpVerified::new(holder, operation, purpose, bound)));
    }
    let left = MOST_TRIES.saturating_sub(record.tries);
    if left == 0 {
        record.state = record.state.apply(ChallengeEvent::Spend)?;
        record.code = None;
    }
    record::save(tx, operation, &record);
    limit::wrong_code(inner, tx, (holder, purpose), now)?;
    let refusal = if left == 0 { OtpRefusal::Spent } else { OtpRefusal::Wrong { left } };
    Ok(Err(refusal.into()))
}

fn is_right(
    inner: &Inner,
    tx: &mut dyn Transaction,
    (operation, record): (OperationId, &ChallengeRecord),
    code: &str,
    now: DateTime<Utc>,
) -> Result<bool, HolderError> {
    if record.channel == OtpChannel::Authenticator {
        return totp::take(inner, tx, record.holder(), code, now);
    }
    let kept = record.code.as_ref().ok_or(OtpRefusal::Void)?;
    let mac = record.mac(inner, kept.pepper, operation, code)?;
    Ok(mac.as_slice().ct_eq(kept.mac.as_slice()).into())
}

/// The six digits of a code, however they were spaced.
pub(crate) fn digits(code: &str) -> Result<Zeroizing<String>, OtpRefusal> {
    let digits: Zeroizing<String> =
        Zeroizing::new(code.chars().filter(|c| !matches!(c, ' ' | '-')).take(7).collect());
    let right = digits.len() == 6 && digits.bytes().all(|c| c.is_ascii_digit());
    if right { Ok(digits) } else { Err(OtpRefusal::Malformed) }
}

/// The end is exclusive: at that instant the code is dead.
pub(super) fn is_over(record: &ChallengeRecord, at: i64) -> bool {
    at >= record.ends_at
}

fn is_forgotten(record: &ChallengeRecord, at: i64) -> bool {
    at >= begin::forgotten_at(record)
}

fn forget_all(tx: &mut dyn Transaction, over: &[OperationId], at: i64) -> Result<(), HolderError> {
    for operation in over {
        // It may have been sent again since it was read.
        if let Some(record) = record::load(tx, *operation)?.filter(|it| is_forgotten(it, at)) {
            record::forget(tx, *operation, &record)?;
        }
    }
    Ok(())
}
