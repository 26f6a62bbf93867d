//! A place for authorisations of signatures: kept here, understood elsewhere.
//!
//! What two factors allowed is decided by the room that signs, which depends on nothing of ours.
//! This room gives it what a store gives: one transaction in which the kept octets, the standing
//! of the credential as it is at that instant, and the holder's history are seen and changed
//! together. The octets are opaque here. They are found by the hash of their bearer, by their
//! credential, and by their end, which says when they may go.
//!
//! Keys of the table: `0`, hash → record; `1`, credential, hash → nothing; `2`, end (milliseconds,
//! eight bytes), hash → credential.

use super::credential::{self, CredentialRecord, State};
use super::history::{HistoryEntry, HistoryKind, append};
use super::holder::{self, HolderStatus};
use super::pin::CodeRefusal;
use super::tables::AUTHORISATION;
use super::{CredentialId, HolderError, HolderId, Holders, Inner, notices};
use crate::encoding::{damaged, decode, encode};
use chrono::{DateTime, Utc};
use minicbor::bytes::{ByteArray, ByteVec};
use minicbor::{Decode, Encode};
use std::ops::Bound;
use store::{Order, Transaction};

/// An authorisation, by the hash of its bearer.
const RECORD: u8 = 0;
/// Those of a credential.
const OF_CREDENTIAL: u8 = 1;
/// By their ends.
const BY_END: u8 = 2;

/// Where to act: an authorisation, and the credential that a request names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuthorisationPlace {
    /// SHA-256 of the bearer.
    pub hash: [u8; 32],
    /// The credential whose standing is shown.
    pub credential: CredentialId,
}

/// An authorisation as it is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct KeptAuthorisation {
    /// The credential that it is for.
    pub credential: CredentialId,
    /// When it ends by itself.
    pub expires_at: DateTime<Utc>,
    /// What it is, in the words of the room that signs.
    pub octets: Vec<u8>,
}

impl std::fmt::Debug for KeptAuthorisation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut f = f.debug_struct("KeptAuthorisation");
        f.field("credential", &self.credential).field("expires_at", &self.expires_at);
        f.finish_non_exhaustive()
    }
}

/// How a credential stands at the instant of the transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialStanding {
    /// Whose it is.
    pub holder: HolderId,
    /// Whether the holder's account is active: what belongs to a blocked one signs nothing.
    pub holder_active: bool,
    /// Where it is in its life.
    pub state: State,
    /// Grows with every event that ends what was authorised before.
    pub epoch: u64,
    /// The serial number of its certificate, hex, when it has one.
    pub serial: Option<String>,
}

/// What an act sees and changes, in one transaction.
#[derive(Debug)]
pub struct AuthorisationEntry {
    /// What is kept at the place; `None` deletes it.
    pub kept: Option<KeptAuthorisation>,
    /// How the credential of the place stands; `None` when there is none. Changing it does nothing.
    pub standing: Option<CredentialStanding>,
    /// What the act adds to histories. Of signatures that were made, notices go out with them.
    pub notes: Vec<(HolderId, HistoryEntry)>,
}

/// An authorisation. Used in stored state.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
struct AuthorisationRecord {
    #[n(0)]
    credential: ByteArray<16>,
    /// Milliseconds since the Unix epoch.
    #[n(1)]
    expires_at: i64,
    #[n(2)]
    octets: ByteVec,
}

impl Holders {
    /// Runs `act` on what is kept at `place` and on how its credential stands, in one transaction.
    ///
    /// When the answer is `Ok(Ok(_))`, the entry as `act` left it and its notes are durable
    /// together. When `act` refuses, its error is the inner one and nothing is written.
    ///
    /// # Errors
    /// The store's; then nothing is written either.
    pub async fn at_authorisation<T, E>(
        &self,
        place: AuthorisationPlace,
        now: DateTime<Utc>,
        act: impl FnOnce(&mut AuthorisationEntry) -> Result<T, E> + Send + 'static,
    ) -> Result<Result<T, E>, HolderError>
    where
        T: Send + 'static,
        E: Send + 'static,
    {
        self.transact(move |inner, tx| {
            let before = load(tx, &place.hash)?;
            let standing = standing(tx, place.credential, now)?;
            let mut entry = AuthorisationEntry { kept: before.clone(), standing, notes: vec![] };
            let done = match act(&mut entry) {
                Ok(done) => done,
                // Nothing was written up to here.
                Err(refusal) => return Ok(Err(refusal)),
            };
            write(tx, &place.hash, before.as_ref(), entry.kept.as_ref());
            for (holder, note) in &entry.notes {
                append(tx, *holder, note, now)?;
            }
            tell_of_signatures(inner, tx, place.credential, &entry.notes, now)?;
            Ok(Ok(done))
        })
        .await
    }

    /// How a credential stands now; `None` when there is none.
    ///
    /// # Errors
    /// The store's.
    pub fn standing(
        &self,
        id: CredentialId,
        now: DateTime<Utc>,
    ) -> Result<Option<CredentialStanding>, HolderError> {
        let record = match credential::read(self.store(), id) {
            Err(HolderError::Code(CodeRefusal::UnknownCredential)) => return Ok(None),
            record => record?,
        };
        let holder = self.holder_record(HolderId::new(record.holder))?;
        Ok(Some(stands(record, holder.status, now)))
    }

    /// Up to `limit` authorisations that ended before `now`, those that ended first in front.
    ///
    /// # Errors
    /// The store's.
    pub fn ended_authorisations(
        &self,
        now: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<AuthorisationPlace>, HolderError> {
        let to = end_key(now.timestamp_millis(), [0; 32]);
        let bounds = (Bound::Included(&[BY_END][..]), Bound::Excluded(&to[..]));
        let rows = self.store().scan(AUTHORISATION, bounds.0, bounds.1, Order::Ascending, limit)?;
        let place = |(key, value): &store::Row| {
            let wrong = || damaged(AUTHORISATION, key, "an end that leads nowhere");
            let (_, hash) = key.split_last_chunk::<32>().ok_or_else(wrong)?;
            let credential = value.as_slice().try_into().map_err(|_| wrong())?;
            Ok(AuthorisationPlace { hash: *hash, credential: CredentialId::new(credential) })
        };
        rows.iter().map(place).collect()
    }
}

/// Tells of the signatures among the notes, as their holder wants it.
fn tell_of_signatures(
    inner: &Inner,
    tx: &mut dyn Transaction,
    credential: CredentialId,
    notes: &[(HolderId, HistoryEntry)],
    now: DateTime<Utc>,
) -> Result<(), HolderError> {
    let made = notes.iter().filter(|(_, note)| note.kind == HistoryKind::SignatureMade);
    let count = u32::try_from(made.clone().count()).unwrap_or(u32::MAX);
    match made.map(|(holder, _)| *holder).next() {
        Some(holder) => notices::signed(inner, tx, (holder, credential), count, now),
        None => Ok(()),
    }
}

/// How a credential stands.
fn standing(
    tx: &dyn Transaction,
    id: CredentialId,
    now: DateTime<Utc>,
) -> Result<Option<CredentialStanding>, HolderError> {
    let Some(record) = credential::find(tx, id)? else { return Ok(None) };
    let status = holder::load(tx, HolderId::new(record.holder))?.status;
    Ok(Some(stands(record, status, now)))
}

fn stands(record: CredentialRecord, of: HolderStatus, now: DateTime<Utc>) -> CredentialStanding {
    CredentialStanding {
        holder: HolderId::new(record.holder),
        holder_active: of == HolderStatus::Active,
        state: record.life.at(now),
        epoch: record.life.epoch(),
        serial: record.serial,
    }
}

fn load(tx: &dyn Transaction, hash: &[u8; 32]) -> Result<Option<KeptAuthorisation>, HolderError> {
    let key = record_key(hash);
    let Some(bytes) = tx.get(AUTHORISATION, &key)? else { return Ok(None) };
    let record: AuthorisationRecord = decode(AUTHORISATION, &key, &bytes)?;
    Ok(Some(KeptAuthorisation {
        credential: CredentialId::new(*record.credential),
        expires_at: crate::stamps::instant(record.expires_at),
        octets: record.octets.into(),
    }))
}

/// Puts one authorisation in the place of another, with the rows that lead to it.
fn write(
    tx: &mut dyn Transaction,
    hash: &[u8; 32],
    before: Option<&KeptAuthorisation>,
    after: Option<&KeptAuthorisation>,
) {
    if before == after {
        return;
    }
    let leads = |kept: &KeptAuthorisation| {
        (of_credential(kept.credential, *hash), end_key(kept.expires_at.timestamp_millis(), *hash))
    };
    if let Some(before) = before {
        let (of, end) = leads(before);
        tx.delete(AUTHORISATION, &of);
        tx.delete(AUTHORISATION, &end);
    }
    let Some(after) = after else { return tx.delete(AUTHORISATION, &record_key(hash)) };
    let record = AuthorisationRecord {
        credential: (*after.credential.as_bytes()).into(),
        expires_at: after.expires_at.timestamp_millis(),
        octets: after.octets.clone().into(),
    };
    let (of, end) = leads(after);
    tx.put(AUTHORISATION, &record_key(hash), &encode(&record, after.octets.len() + 64));
    tx.put(AUTHORISATION, &of, &[]);
    tx.put(AUTHORISATION, &end, after.credential.as_bytes());
}

/// Deletes up to `limit` authorisations of a holder's credentials, and tells how many those were.
/// Called before the credentials themselves go.
pub(crate) fn erase(
    tx: &mut dyn Transaction,
    holder: HolderId,
    limit: usize,
) -> Result<usize, HolderError> {
    let mut count = 0;
    for id in credential::all_of(tx, holder)? {
        let (from, to) = (of_credential(id, [0; 32]), of_credential(id, [0xff; 32]));
        let bounds = (Bound::Included(&from[..]), Bound::Included(&to[..]));
        let rows = tx.scan(AUTHORISATION, bounds.0, bounds.1, Order::Ascending, limit - count)?;
        for (key, _) in rows {
            let wrong = || damaged(AUTHORISATION, &key, "a key of the wrong length");
            let (_, hash) = key.split_last_chunk::<32>().ok_or_else(wrong)?;
            let before = load(tx, hash)?;
            write(tx, hash, before.as_ref(), None);
            count += 1;
        }
        if count == limit {
            break;
        }
    }
    Ok(count)
}

fn record_key(hash: &[u8; 32]) -> [u8; 33] {
    let mut key = [RECORD; 33];
    key[1..].copy_from_slice(hash);
    key
}

fn of_credential(id: CredentialId, hash: [u8; 32]) -> [u8; 49] {
    let mut key = [OF_CREDENTIAL; 49];
    key[1..17].copy_from_slice(id.as_bytes());
    key[17..].copy_from_slice(&hash);
    key
}

fn end_key(at: i64, hash: [u8; 32]) -> [u8; 41] {
    let mut key = [BY_END; 41];
    key[1..9].copy_from_slice(&u64::try_from(at).unwrap_or(0).to_be_bytes());
    key[9..].copy_from_slice(&hash);
    key
}
