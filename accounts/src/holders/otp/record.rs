//! The stored form of a challenge: an operation that waits for a one-time code, and where it is
//! kept.

use super::{ChallengeState, OtpRefusal, Purpose};
use crate::encoding::{damaged, decode, encode};
use crate::holders::tables::OTP_CHALLENGE;
use crate::holders::{HolderError, HolderId, Inner, OperationId, PhoneNumber};
use minicbor::bytes::{ByteArray, ByteVec};
use minicbor::{Decode, Encode};
use std::fmt;
use std::str::FromStr;
use store::Transaction;
use zeroize::Zeroizing;

/// What codes are compared with.
const COMPARED: &str = "one-time code";
/// What a code is sealed for, to be sent again.
const SENT_AGAIN: &str = "one-time code to send";
/// What the number is sealed for.
const NUMBER: &str = "number of a one-time code";

/// How a one-time code comes to its holder. Used in stored state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum OtpChannel {
    /// By short message.
    #[n(0)]
    Sms,
    /// An authenticator app shows it.
    #[n(1)]
    Authenticator,
}

impl OtpChannel {
    /// A stable word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::Authenticator => "authenticator",
        }
    }
}

impl fmt::Display for OtpChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A text is no way of a one-time code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a way of one-time codes: use sms or authenticator")]
pub struct UnknownChannel;

impl FromStr for OtpChannel {
    type Err = UnknownChannel;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Sms, Self::Authenticator]
            .into_iter()
            .find(|channel| channel.word() == text)
            .ok_or(UnknownChannel)
    }
}

/// An operation that waits for a code. Used in stored state.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct ChallengeRecord {
    #[n(0)]
    pub(crate) holder: u64,
    #[n(1)]
    pub(crate) purpose: Purpose,
    #[n(2)]
    pub(crate) bound: ByteArray<32>,
    #[n(3)]
    pub(crate) state: ChallengeState,
    #[n(4)]
    pub(crate) channel: OtpChannel,
    /// When the operation began.
    #[n(5)]
    pub(crate) began_at: i64,
    /// When the code was made; that of an app, when it was first waited for.
    #[n(6)]
    pub(crate) made_at: i64,
    /// The end of the code; exclusive.
    #[n(7)]
    pub(crate) ends_at: i64,
    /// The code that was sent, until it is over.
    #[n(8)]
    pub(crate) code: Option<CodeRecord>,
    /// Wrong codes since it was made.
    #[n(9)]
    pub(crate) tries: u32,
    /// Messages for this operation.
    #[n(10)]
    pub(crate) sendings: u32,
    /// The newest of them.
    #[n(11)]
    pub(crate) sent_at: i64,
    /// The number, sealed.
    #[n(12)]
    pub(crate) number: Option<ByteVec>,
    /// How many documents are to be signed.
    #[n(13)]
    pub(crate) documents: Option<u32>,
}

/// A code at rest. Used in stored state.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct CodeRecord {
    /// HMAC over holder, operation, purpose, what it is bound to, and the code.
    #[n(0)]
    pub(crate) mac: ByteArray<32>,
    #[n(1)]
    pub(crate) pepper: u16,
    #[n(2)]
    pub(crate) sealed: ByteVec,
}

impl ChallengeRecord {
    pub(crate) fn holder(&self) -> HolderId {
        HolderId::new(self.holder)
    }

    /// Keeps a code.
    pub(crate) fn keep(
        &mut self,
        inner: &Inner,
        operation: OperationId,
        code: &str,
    ) -> Result<(), HolderError> {
        let pepper = inner.pepper.current();
        let mac = self.mac(inner, pepper, operation, code)?;
        let sealed = inner.seal(SENT_AGAIN, operation.as_bytes(), code.as_bytes())?;
        self.code = Some(CodeRecord { mac: mac.into(), pepper, sealed: sealed.into() });
        Ok(())
    }

    /// The code, to be sent again.
    pub(crate) fn code(
        &self,
        inner: &Inner,
        operation: OperationId,
    ) -> Result<Zeroizing<String>, HolderError> {
        let kept = self.code.as_ref().ok_or(OtpRefusal::Void)?;
        let code = inner.pepper.open(SENT_AGAIN, operation.as_bytes(), &kept.sealed)?;
        text(SENT_AGAIN, &code)
    }

    /// What a code is compared by: for another holder, operation, purpose or thing it is another.
    pub(crate) fn mac(
        &self,
        inner: &Inner,
        pepper: u16,
        operation: OperationId,
        code: &str,
    ) -> Result<[u8; 32], HolderError> {
        let parts: [&[u8]; 5] = [
            &self.holder().key(),
            operation.as_bytes(),
            self.purpose.word().as_bytes(),
            self.bound.as_slice(),
            code.as_bytes(),
        ];
        inner.pepper.mac_under(pepper, COMPARED, &parts)
    }

    /// Keeps the number.
    pub(crate) fn keep_number(
        &mut self,
        inner: &Inner,
        operation: OperationId,
        number: &PhoneNumber,
    ) -> Result<(), HolderError> {
        let sealed = inner.seal(NUMBER, operation.as_bytes(), number.as_str().as_bytes())?;
        self.number = Some(sealed.into());
        Ok(())
    }

    /// The number, when there is one.
    pub(crate) fn number(
        &self,
        inner: &Inner,
        operation: OperationId,
    ) -> Result<Option<PhoneNumber>, HolderError> {
        let Some(sealed) = &self.number else { return Ok(None) };
        let number = inner.pepper.open(NUMBER, operation.as_bytes(), sealed)?;
        PhoneNumber::parse("phone", &text(NUMBER, &number)?).map(Some)
    }
}

fn text(purpose: &'static str, bytes: &[u8]) -> Result<Zeroizing<String>, HolderError> {
    let text = std::str::from_utf8(bytes).map_err(|_| HolderError::Unsealable { purpose })?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// The challenge of an operation.
pub(crate) fn load(
    tx: &dyn Transaction,
    operation: OperationId,
) -> Result<Option<ChallengeRecord>, HolderError> {
    let key = operation.as_bytes();
    let Some(bytes) = tx.get(OTP_CHALLENGE, key)? else { return Ok(None) };
    Ok(Some(decode(OTP_CHALLENGE, key, &bytes)?))
}

/// Writes a challenge.
pub(crate) fn save(tx: &mut dyn Transaction, operation: OperationId, record: &ChallengeRecord) {
    tx.put(OTP_CHALLENGE, operation.as_bytes(), &encode(record, 256));
}

/// The newest operation of a holder for a purpose.
pub(crate) fn newest(
    tx: &dyn Transaction,
    holder: HolderId,
    purpose: Purpose,
) -> Result<Option<OperationId>, HolderError> {
    let key = place(holder, purpose);
    let Some(bytes) = tx.get(OTP_CHALLENGE, &key)? else { return Ok(None) };
    let wrong = |_| damaged(OTP_CHALLENGE, &key, "not an operation of 16 bytes");
    Ok(Some(OperationId::new(bytes.try_into().map_err(wrong)?)))
}

/// Notes the newest operation of a holder for a purpose.
pub(crate) fn note_newest(
    tx: &mut dyn Transaction,
    record: &ChallengeRecord,
    operation: OperationId,
) {
    tx.put(OTP_CHALLENGE, &place(record.holder(), record.purpose), operation.as_bytes());
}

/// Forgets an operation.
pub(crate) fn forget(
    tx: &mut dyn Transaction,
    operation: OperationId,
    record: &ChallengeRecord,
) -> Result<(), HolderError> {
    tx.delete(OTP_CHALLENGE, operation.as_bytes());
    if newest(tx, record.holder(), record.purpose)? == Some(operation) {
        tx.delete(OTP_CHALLENGE, &place(record.holder(), record.purpose));
    }
    Ok(())
}

/// Ends every operation of a holder: the codes that are under way are good for nothing.
pub(crate) fn end_all(tx: &mut dyn Transaction, holder: HolderId) -> Result<(), HolderError> {
    for purpose in Purpose::ALL {
        if let Some(operation) = newest(tx, holder, purpose)? {
            tx.delete(OTP_CHALLENGE, operation.as_bytes());
            tx.delete(OTP_CHALLENGE, &place(holder, purpose));
        }
    }
    Ok(())
}

/// `h`, holder, purpose: ten bytes, where an operation has 16.
fn place(holder: HolderId, purpose: Purpose) -> [u8; 10] {
    let mut key = [0; 10];
    key[0] = b'h';
    key[1..9].copy_from_slice(&holder.key());
    key[9] = purpose as u8;
    key
}
