//! The record of a signing credential, and where it stands in the store.

use super::state::{Life, State};
use crate::encoding::{damaged, decode, encode};
use crate::holders::keys::{Place, SigningKeyKind, Wrapped};
use crate::holders::notices::{RenewalTold, notice_at};
use crate::holders::pin::CodeRefusal;
use crate::holders::tables::{RENEWAL, SIGNING_CREDENTIAL, SIGNING_KEY};
use crate::holders::{CredentialId, HolderError, HolderId};
use minicbor::bytes::{ByteArray, ByteVec};
use minicbor::{Decode, Encode};
use openssl::sha::sha256;
use std::ops::Bound;
use store::{Order, Store, StoreError, Transaction};

/// How a credential signs. Used in stored state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum CredentialKind {
    /// Every signature with PIN and one-time code.
    #[n(0)]
    Remote,
    /// Unattended, by an authenticated system.
    #[n(1)]
    Automatic,
}

impl CredentialKind {
    /// A stable word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Remote => "remote",
            Self::Automatic => "automatic",
        }
    }
}

/// A signing credential. Used in stored state.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct CredentialRecord {
    #[n(0)]
    pub(crate) holder: u64,
    #[n(1)]
    pub(crate) kind: CredentialKind,
    #[n(2)]
    pub(crate) key_kind: SigningKeyKind,
    #[n(3)]
    pub(crate) life: Life,
    #[n(4)]
    pub(crate) created_at: i64,
    #[n(5)]
    pub(crate) activated_at: Option<i64>,
    /// 0 before the activation, then one more with each certificate.
    #[n(6)]
    pub(crate) version: u32,
    /// DER.
    #[n(7)]
    pub(crate) certificate: Option<ByteVec>,
    /// Serial number of the certificate, hex.
    #[n(8)]
    pub(crate) serial: Option<String>,
    /// The number of the newest envelope. It opens nothing.
    #[n(9)]
    pub(crate) envelope: String,
    #[n(10)]
    pub(crate) emergency: EmergencyRecord,
    /// Wrong or unsettled tries since the last right one.
    #[n(11)]
    pub(crate) pin_tries: u32,
    #[n(12)]
    pub(crate) puk_tries: u32,
    #[n(13)]
    pub(crate) former: FormerPins,
    /// The certificate's issuer has not heard of the last change of state yet.
    #[n(14)]
    pub(crate) unpublished: bool,
    /// Which notice about the end of its certificate was sent last.
    #[n(15)]
    pub(crate) renewal_told: Option<RenewalTold>,
    /// Emergency codes of sheets before the newest, which suspend for a while longer.
    #[n(16)]
    pub(crate) former_codes: Option<Vec<FormerCode>>,
    /// Certificates before the newest that have not ended: they are as good as the credential.
    #[n(17)]
    pub(crate) former_certificates: Option<Vec<FormerCertificate>>,
}

/// An emergency code of a sheet that another took the place of. Used in stored state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct FormerCode {
    #[n(0)]
    pub(crate) code: EmergencyRecord,
    #[n(1)]
    pub(crate) until: i64,
}

/// A certificate that another took the place of. Used in stored state.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct FormerCertificate {
    #[n(0)]
    pub(crate) serial: String,
    #[n(1)]
    pub(crate) not_after: i64,
}

/// Thirty days: so long a former emergency code suspends.
const FORMER_CODE_LIFETIME: i64 = 30 * 24 * 3_600_000;
/// So many of them are kept, the oldest ones: nobody pushes the owner's out with new sheets.
const FORMER_CODES: usize = 8;

/// An emergency code at rest: under the pepper. Used in stored state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct EmergencyRecord {
    #[n(0)]
    pub(crate) mac: ByteArray<32>,
    /// 0 when nothing is kept.
    #[n(1)]
    pub(crate) pepper: u16,
}

/// What tells the last PINs from others, all with one salt, so that one computation compares
/// with each. Used in stored state.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct FormerPins {
    #[n(0)]
    pub(crate) salt: ByteArray<16>,
    #[n(1)]
    pub(crate) cost: [u32; 3],
    #[n(2)]
    pub(crate) pepper: u16,
    /// Oldest first, at most three.
    #[n(3)]
    pub(crate) traces: Vec<ByteArray<32>>,
}

impl CredentialRecord {
    /// What the wraps of its key are bound to.
    pub(crate) fn place(&self, credential: CredentialId) -> Place {
        let certificate = self.certificate.as_ref().map_or([0; 32], |der| sha256(der));
        Place { credential, version: self.version, certificate }
    }

    /// Takes the emergency code of a new sheet. That of the former one still suspends for a
    /// while: whoever has PUK and phone could else take the owner's last way to stop the
    /// credential away, with a new sheet that the owner cannot open. It does nothing else.
    pub(crate) fn replace_emergency(&mut self, new: EmergencyRecord, now: i64) {
        let former = FormerCode { code: self.emergency, until: now + FORMER_CODE_LIFETIME };
        let codes = self.former_codes.get_or_insert_default();
        codes.retain(|code| code.until > now);
        if codes.len() < FORMER_CODES {
            codes.push(former);
        }
        self.emergency = new;
    }

    /// Forgets what codes were compared with: the credential has ended, and nobody types them.
    pub(super) fn forget_codes(&mut self) {
        self.former.traces.clear();
        self.former.pepper = 0;
        self.emergency = EmergencyRecord { mac: [0; 32].into(), pepper: 0 };
        self.former_codes = None;
    }

    /// The emergency codes that suspend at this instant.
    pub(crate) fn suspending_codes(&self, now: i64) -> impl Iterator<Item = EmergencyRecord> {
        let former = self.former_codes.iter().flatten().filter(move |code| code.until > now);
        std::iter::once(self.emergency).chain(former.map(|former| former.code))
    }

    /// Takes a new certificate. The former one stays good to its end, and ends with the
    /// credential before that.
    pub(crate) fn replace_serial(&mut self, new: String, not_after: Option<i64>, now: i64) {
        let former = self.former_certificates.get_or_insert_default();
        former.retain(|certificate| certificate.not_after > now);
        if let (Some(serial), Some(not_after)) = (self.serial.take(), not_after) {
            former.push(FormerCertificate { serial, not_after });
        }
        self.serial = Some(new);
    }

    /// The serial numbers of all certificates that stand and fall with the credential.
    pub(crate) fn serials(&self, now: i64) -> Vec<String> {
        let former = self.former_certificates.iter().flatten();
        let former = former.filter(|certificate| certificate.not_after > now);
        self.serial.iter().cloned().chain(former.map(|former| former.serial.clone())).collect()
    }
}

/// A credential's record.
const RECORD: u8 = 0;
/// A holder's credentials.
const OF_HOLDER: u8 = 1;
/// Credentials that a timer has something to do for.
const DUE: u8 = 2;
/// Notices about ends of certificates, in the order of time.
const NOTICE: u8 = 4;

/// Whether a key of the table is that of a record.
pub(crate) fn is_record_key(key: &[u8]) -> bool {
    key.first() == Some(&RECORD)
}

pub(super) fn key(id: CredentialId) -> [u8; 17] {
    let mut key = [RECORD; 17];
    key[1..].copy_from_slice(id.as_bytes());
    key
}

fn due_key(id: CredentialId) -> [u8; 17] {
    let mut key = key(id);
    key[0] = DUE;
    key
}

fn notice_key(at: i64, id: CredentialId) -> [u8; 25] {
    let mut key = [NOTICE; 25];
    key[1..9].copy_from_slice(&u64::try_from(at).unwrap_or(0).to_be_bytes());
    key[9..].copy_from_slice(id.as_bytes());
    key
}

fn holder_key(holder: HolderId, id: [u8; 16]) -> [u8; 25] {
    let mut key = [OF_HOLDER; 25];
    key[1..9].copy_from_slice(&holder.key());
    key[9..].copy_from_slice(&id);
    key
}

/// The record of a credential.
pub(crate) fn load(
    tx: &dyn Transaction,
    id: CredentialId,
) -> Result<CredentialRecord, HolderError> {
    let bytes = tx.get(SIGNING_CREDENTIAL, &key(id))?.ok_or(CodeRefusal::UnknownCredential)?;
    Ok(decode(SIGNING_CREDENTIAL, &key(id), &bytes)?)
}

/// The record of a credential, if there is one.
pub(crate) fn find(
    tx: &dyn Transaction,
    id: CredentialId,
) -> Result<Option<CredentialRecord>, HolderError> {
    let bytes = tx.get(SIGNING_CREDENTIAL, &key(id))?;
    let record = bytes.map(|bytes| decode(SIGNING_CREDENTIAL, &key(id), &bytes)).transpose();
    Ok(record?)
}

/// The record of a holder's own credential: that of another holder is as unknown as none.
pub(crate) fn own(
    tx: &dyn Transaction,
    holder: HolderId,
    id: CredentialId,
) -> Result<CredentialRecord, HolderError> {
    let record = load(tx, id)?;
    if record.holder != holder.number() {
        return Err(CodeRefusal::UnknownCredential.into());
    }
    Ok(record)
}

/// Writes a record, its place among its holder's, and whether and when a timer has to look at it.
pub(crate) fn save(
    tx: &mut dyn Transaction,
    id: CredentialId,
    record: &CredentialRecord,
) -> Result<(), HolderError> {
    note_notice(tx, id, Some(record))?;
    tx.put(SIGNING_CREDENTIAL, &key(id), &encode(record, 2_048));
    let holder = HolderId::new(record.holder);
    tx.put(SIGNING_CREDENTIAL, &holder_key(holder, *id.as_bytes()), &[]);
    // A timer has something to do while a hold has a date, or the issuer waits for news.
    let held = matches!(record.life.stored(), State::Suspended { until: Some(_), .. });
    if held || record.unpublished {
        tx.put(SIGNING_CREDENTIAL, &due_key(id), &[]);
    } else {
        tx.delete(SIGNING_CREDENTIAL, &due_key(id));
    }
    Ok(())
}

/// Moves the row of the next notice from where that of the stored record is.
fn note_notice(
    tx: &mut dyn Transaction,
    id: CredentialId,
    record: Option<&CredentialRecord>,
) -> Result<(), HolderError> {
    let before = tx.get(SIGNING_CREDENTIAL, &key(id))?;
    let before: Option<CredentialRecord> =
        before.map(|bytes| decode(SIGNING_CREDENTIAL, &key(id), &bytes)).transpose()?;
    let (was, is) = (before.as_ref().and_then(notice_at), record.and_then(notice_at));
    if was == is {
        return Ok(());
    }
    if let Some(was) = was {
        tx.delete(SIGNING_CREDENTIAL, &notice_key(was, id));
    }
    if let Some(is) = is {
        tx.put(SIGNING_CREDENTIAL, &notice_key(is, id), &[]);
    }
    Ok(())
}

/// The record, outside a transaction.
pub(crate) fn read(store: &dyn Store, id: CredentialId) -> Result<CredentialRecord, HolderError> {
    let bytes = store.get(SIGNING_CREDENTIAL, &key(id))?.ok_or(CodeRefusal::UnknownCredential)?;
    Ok(decode(SIGNING_CREDENTIAL, &key(id), &bytes)?)
}

/// All credentials of a holder.
pub(crate) fn of_holder(
    scan: impl Fn(Bound<&[u8]>, Bound<&[u8]>, usize) -> Result<Vec<store::Row>, StoreError>,
    holder: HolderId,
) -> Result<Vec<CredentialId>, StoreError> {
    let (from, to) = (holder_key(holder, [0; 16]), holder_key(holder, [0xff; 16]));
    let rows = scan(Bound::Included(&from), Bound::Included(&to), usize::MAX)?;
    rows.iter().map(|(key, _)| tail(key)).collect()
}

/// Up to `limit` credentials that a timer has something to do for, in the order of their keys.
pub(crate) fn due(
    store: &dyn Store,
    after: Option<CredentialId>,
    limit: usize,
) -> Result<Vec<CredentialId>, StoreError> {
    let from = after.map_or([DUE; 1].to_vec(), |id| due_key(id).to_vec());
    let (from, to) = (Bound::Excluded(&from[..]), Bound::Excluded(&[DUE + 1][..]));
    let rows = store.scan(SIGNING_CREDENTIAL, from, to, Order::Ascending, limit)?;
    rows.iter().map(|(key, _)| tail(key)).collect()
}

/// Up to `limit` credentials with a notice that is due, the longest due first.
pub(crate) fn to_be_told(
    store: &dyn Store,
    now: i64,
    limit: usize,
) -> Result<Vec<CredentialId>, StoreError> {
    let (from, to) = ([NOTICE], notice_key(now.saturating_add(1), CredentialId::new([0; 16])));
    let (from, to) = (Bound::Included(&from[..]), Bound::Excluded(&to[..]));
    let rows = store.scan(SIGNING_CREDENTIAL, from, to, Order::Ascending, limit)?;
    rows.iter().map(|(key, _)| tail(key)).collect()
}

fn tail(key: &[u8]) -> Result<CredentialId, StoreError> {
    let wrong = || damaged(SIGNING_CREDENTIAL, key, "a key of the wrong length");
    let (_, id) = key.split_last_chunk::<16>().ok_or_else(wrong)?;
    Ok(CredentialId::new(*id))
}

fn wraps_key(id: CredentialId, version: u32) -> [u8; 20] {
    let mut key = [0; 20];
    key[..16].copy_from_slice(id.as_bytes());
    key[16..].copy_from_slice(&version.to_be_bytes());
    key
}

/// The wraps of a credential's key.
pub(crate) fn load_wraps(
    tx: &dyn Transaction,
    id: CredentialId,
    version: u32,
) -> Result<Wrapped, HolderError> {
    let key = wraps_key(id, version);
    let missing = || damaged(SIGNING_KEY, &key, "the wraps of a credential's key are not there");
    let bytes = tx.get(SIGNING_KEY, &key)?.ok_or_else(missing)?;
    Ok(decode(SIGNING_KEY, &key, &bytes)?)
}

pub(crate) fn save_wraps(
    tx: &mut dyn Transaction,
    id: CredentialId,
    version: u32,
    wraps: &Wrapped,
) {
    tx.put(SIGNING_KEY, &wraps_key(id, version), &encode(wraps, 4_096));
}

pub(crate) fn delete_wraps(tx: &mut dyn Transaction, id: CredentialId, version: u32) {
    tx.delete(SIGNING_KEY, &wraps_key(id, version));
}

/// The rows of a credential's wraps, whatever their versions. There is one, as a rule.
pub(super) fn wraps_of(tx: &dyn Transaction, id: CredentialId) -> Result<Vec<Vec<u8>>, StoreError> {
    let (from, to) = (wraps_key(id, 0), wraps_key(id, u32::MAX));
    let (from, to) = (Bound::Included(&from[..]), Bound::Included(&to[..]));
    let rows = tx.scan(SIGNING_KEY, from, to, Order::Ascending, 100)?;
    Ok(rows.into_iter().map(|(key, _)| key).collect())
}

/// Deletes up to `limit` credentials of a holder with their keys, and tells how many those were.
pub(crate) fn erase(
    tx: &mut dyn Transaction,
    holder: HolderId,
    limit: usize,
) -> Result<usize, HolderError> {
    let ids = super::all_of(tx, holder)?;
    let count = ids.len().min(limit);
    for id in ids.into_iter().take(limit) {
        for wraps in wraps_of(tx, id)? {
            tx.delete(SIGNING_KEY, &wraps);
        }
        note_notice(tx, id, None)?;
        for row in [&key(id)[..], &due_key(id), &holder_key(holder, *id.as_bytes())] {
            tx.delete(SIGNING_CREDENTIAL, row);
        }
        super::issuing::erase(tx, id)?;
        // A renewal under way holds the passphrase of an envelope.
        tx.delete(RENEWAL, id.as_bytes());
    }
    Ok(count)
}
