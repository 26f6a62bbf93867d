//! The stored form of an authenticator app, and of one that waits for its first code.

use super::algorithm::Secret;
use crate::encoding::{decode, encode};
use crate::holders::tables::TOTP;
use crate::holders::{HolderError, HolderId, Inner};
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use store::Transaction;

/// What secrets are sealed for.
const SEALED_FOR: &str = "authenticator";

/// An authenticator app. Used in stored state.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct TotpRecord {
    /// Sealed.
    #[n(0)]
    pub(crate) secret: ByteVec,
    /// The step of the last code that was taken.
    #[n(1)]
    pub(crate) last_step: u64,
    #[n(2)]
    pub(crate) enrolled_at: i64,
}

/// An app that waits for its first code. Used in stored state.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct EnrolmentRecord {
    /// Sealed.
    #[n(0)]
    pub(crate) secret: ByteVec,
    #[n(1)]
    pub(crate) ends_at: i64,
    #[n(2)]
    pub(crate) tries: u32,
}

/// A new record of an app whose first code was that of `last_step`.
pub(super) fn new_app(
    inner: &Inner,
    id: HolderId,
    secret: &Secret,
    last_step: u64,
    enrolled_at: i64,
) -> Result<TotpRecord, HolderError> {
    let secret = inner.seal(SEALED_FOR, &id.key(), &**secret)?.into();
    Ok(TotpRecord { secret, last_step, enrolled_at })
}

/// A new record of an app that waits.
pub(super) fn new_enrolment(
    inner: &Inner,
    id: HolderId,
    secret: &Secret,
    ends_at: i64,
) -> Result<EnrolmentRecord, HolderError> {
    let secret = inner.seal(SEALED_FOR, &id.key(), &**secret)?.into();
    Ok(EnrolmentRecord { secret, ends_at, tries: 0 })
}

/// What is sealed.
pub(super) fn open_secret(
    inner: &Inner,
    id: HolderId,
    sealed: &[u8],
) -> Result<Secret, HolderError> {
    let bytes = inner.pepper.open(SEALED_FOR, &id.key(), sealed)?;
    let mut secret = Secret::default();
    if bytes.len() != secret.len() {
        return Err(HolderError::Unsealable { purpose: SEALED_FOR });
    }
    secret.copy_from_slice(&bytes);
    Ok(secret)
}

/// The secret of an app.
pub(super) fn secret_of(
    inner: &Inner,
    id: HolderId,
    record: &TotpRecord,
) -> Result<Secret, HolderError> {
    open_secret(inner, id, &record.secret)
}

pub(super) fn load(tx: &dyn Transaction, id: HolderId) -> Result<Option<TotpRecord>, HolderError> {
    let bytes = tx.get(TOTP, &id.key())?;
    Ok(bytes.map(|bytes| decode(TOTP, &id.key(), &bytes)).transpose()?)
}

pub(super) fn save(tx: &mut dyn Transaction, id: HolderId, record: &TotpRecord) {
    tx.put(TOTP, &id.key(), &encode(record, 80));
}

pub(super) fn load_enrolment(
    tx: &dyn Transaction,
    id: HolderId,
) -> Result<Option<EnrolmentRecord>, HolderError> {
    let key = enrolment(id);
    let bytes = tx.get(TOTP, &key)?;
    Ok(bytes.map(|bytes| decode(TOTP, &key, &bytes)).transpose()?)
}

pub(super) fn save_enrolment(tx: &mut dyn Transaction, id: HolderId, record: &EnrolmentRecord) {
    tx.put(TOTP, &enrolment(id), &encode(record, 80));
}

/// Takes the app of a holder away, and one that waits.
pub(crate) fn erase(tx: &mut dyn Transaction, id: HolderId) {
    tx.delete(TOTP, &id.key());
    tx.delete(TOTP, &enrolment(id));
}

/// Takes an app away that waits for its first code.
pub(crate) fn end_enrolment(tx: &mut dyn Transaction, id: HolderId) {
    tx.delete(TOTP, &enrolment(id));
}

/// `e`, holder: nine bytes, where an app has eight.
fn enrolment(id: HolderId) -> [u8; 9] {
    let mut key = [b'e'; 9];
    key[1..].copy_from_slice(&id.key());
    key
}
