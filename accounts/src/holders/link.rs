//! Links that work once: to set a first password, to recover one, to confirm an address.
//!
//! A link carries 256 random bits; what is stored is their SHA-256. There is one live link for a
//! holder and a purpose: a newer one replaces it. The row of a link that is not live is gone, so
//! an unknown link and one that was used get the same answer.

use super::job::Round;
use super::tables::LINK;
use super::{HolderError, HolderId, Holders, Inner, OperationId};
use crate::encoding::{damaged, decode, encode};
use chrono::{DateTime, TimeDelta, Utc};
use minicbor::{Decode, Encode};
use openssl::sha::sha256;
use std::ops::Bound;
use store::{Order, Transaction};
use zeroize::Zeroizing;

/// Wrong answers to the secret question that a link survives.
pub(crate) const MOST_WRONG_ANSWERS: u32 = 4;

/// Rows looked at by one step of the timer.
const SWEEP: usize = 500;

/// What a link is for. Used in stored state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum LinkPurpose {
    /// Choose the first password.
    #[n(0)]
    SetPassword,
    /// Set a new password for a forgotten one.
    #[n(1)]
    RecoverPassword,
    /// Confirm a new user ID.
    #[n(2)]
    ConfirmUserId,
    /// Confirm an address for notices.
    #[n(3)]
    ConfirmNoticeEmail,
    /// Cancel a change of the phone number that waits.
    #[n(4)]
    CancelPhoneChange,
}

impl LinkPurpose {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::SetPassword,
        Self::RecoverPassword,
        Self::ConfirmUserId,
        Self::ConfirmNoticeEmail,
        Self::CancelPhoneChange,
    ];

    /// A stable word in kebab-case.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::SetPassword => "set-password",
            Self::RecoverPassword => "recover-password",
            Self::ConfirmUserId => "confirm-user-id",
            Self::ConfirmNoticeEmail => "confirm-notice-email",
            Self::CancelPhoneChange => "cancel-phone-change",
        }
    }
}

/// Where a link is. Only a live one, answered or not, has a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum LinkState {
    /// Was mailed, and may be used.
    #[n(0)]
    Live,
    /// The secret question was answered as well.
    #[n(1)]
    Answered,
    /// Did what it is for.
    #[n(2)]
    Used,
    /// A newer one took its place.
    #[n(3)]
    Replaced,
    /// Too many wrong answers.
    #[n(4)]
    Spent,
    /// Its time has ended.
    #[n(5)]
    Ended,
}

/// What happens to a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LinkEvent {
    /// The secret question was answered right.
    Answer,
    /// It is used.
    Use,
    /// A newer one is mailed.
    Replace,
    /// One wrong answer too many.
    Spend,
    /// Its time ends.
    End,
}

impl LinkState {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Live, Self::Answered, Self::Used, Self::Replaced, Self::Spent, Self::Ended];

    /// The state after an event. Everything else is [`HolderError::LinkInvalid`]: it is not told
    /// what became of a link.
    pub fn apply(self, event: LinkEvent) -> Result<Self, HolderError> {
        match (self, event) {
            (Self::Live, LinkEvent::Answer) => Ok(Self::Answered),
            (Self::Live | Self::Answered, LinkEvent::Use) => Ok(Self::Used),
            (Self::Live | Self::Answered, LinkEvent::Replace) => Ok(Self::Replaced),
            (Self::Live, LinkEvent::Spend) => Ok(Self::Spent),
            (Self::Live | Self::Answered, LinkEvent::End) => Ok(Self::Ended),
            _ => Err(HolderError::LinkInvalid),
        }
    }
}

impl LinkEvent {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Answer, Self::Use, Self::Replace, Self::Spend, Self::End];
}

/// A link. Used in stored state.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct LinkRecord {
    #[n(0)]
    pub(crate) purpose: LinkPurpose,
    #[n(1)]
    pub(crate) state: LinkState,
    #[n(2)]
    pub(crate) holder: u64,
    #[n(3)]
    pub(crate) created_at: i64,
    #[n(4)]
    pub(crate) ends_at: i64,
    /// What a one-time code for it is bound to.
    #[n(5)]
    #[cbor(with = "minicbor::bytes")]
    pub(crate) operation: [u8; 16],
    #[n(6)]
    pub(crate) wrong_answers: u32,
    /// The new address.
    #[n(7)]
    pub(crate) address: Option<String>,
}

impl LinkRecord {
    pub(crate) fn holder(&self) -> HolderId {
        HolderId::new(self.holder)
    }
}

/// The SHA-256 of a link's text: how it is found.
pub(crate) type LinkDigest = [u8; 32];

/// The digest of a text that came in. Any text has one; only that of a live link is found.
pub(crate) fn digest(token: &str) -> LinkDigest {
    sha256(token.as_bytes())
}

impl Holders {
    /// Takes links away whose time is over, with the addresses that stand in some of them. For a
    /// timer; tells how many those were.
    pub async fn expire_links(&self, now: DateTime<Utc>) -> Result<usize, HolderError> {
        let (mut round, mut after) = (Round::default(), Vec::new());
        loop {
            let from = Bound::Excluded(after.as_slice());
            let rows = self.store().scan(LINK, from, Bound::Unbounded, Order::Ascending, SWEEP)?;
            let Some((last, _)) = rows.last() else { return round.end() };
            let last = last.clone();
            for (key, value) in rows {
                let Ok(digest) = LinkDigest::try_from(key.as_slice()) else { continue };
                match decode(LINK, &key, &value) {
                    Ok(record) if !is_over(&record, now) => {}
                    Ok(_) => round.note(self.expire_link(digest, now).await.map(usize::from)),
                    Err(fault) => round.note(Err(fault.into())),
                }
            }
            after = last;
        }
    }

    async fn expire_link(
        &self,
        digest: LinkDigest,
        now: DateTime<Utc>,
    ) -> Result<bool, HolderError> {
        self.transact(move |_, tx| {
            // It may have been replaced since it was read.
            let Some(bytes) = tx.get(LINK, &digest)? else { return Ok(false) };
            let record: LinkRecord = decode(LINK, &digest, &bytes)?;
            if !is_over(&record, now) {
                return Ok(false);
            }
            burn(tx, &record, LinkEvent::End)?;
            Ok(true)
        })
        .await
    }
}

/// The end is exclusive: at that instant the link is dead.
fn is_over(record: &LinkRecord, now: DateTime<Utc>) -> bool {
    now.timestamp_millis() >= record.ends_at
}

/// Makes a link, in the place of an older one with the same purpose.
pub(crate) fn issue(
    inner: &Inner,
    tx: &mut dyn Transaction,
    holder: HolderId,
    purpose: LinkPurpose,
    address: Option<String>,
    now: DateTime<Utc>,
) -> Result<(Zeroizing<String>, DateTime<Utc>), HolderError> {
    let ends_at = now + lifetime(inner, purpose);
    let mut bytes = Zeroizing::new([0; 32]);
    let operation = inner.draw(|random| {
        random.fill_bytes(&mut *bytes);
        OperationId::generate(random)
    });
    let token = Zeroizing::new(hex::encode(*bytes));
    let record = LinkRecord {
        purpose,
        state: LinkState::Live,
        holder: holder.number(),
        created_at: now.timestamp_millis(),
        ends_at: ends_at.timestamp_millis(),
        operation: *operation.as_bytes(),
        wrong_answers: 0,
        address,
    };
    take_away(tx, holder, purpose, LinkEvent::Replace)?;
    let digest = digest(&token);
    tx.put(LINK, &digest, &encode(&record, 96));
    tx.put(LINK, &newest(holder, purpose), &digest);
    Ok((token, ends_at))
}

/// The live link with a digest, for one of the purposes.
pub(crate) fn open(
    tx: &dyn Transaction,
    digest: &LinkDigest,
    purposes: &[LinkPurpose],
    now: DateTime<Utc>,
) -> Result<LinkRecord, HolderError> {
    live(tx.get(LINK, digest)?.as_deref(), digest, purposes, now)
}

/// The same out of the bytes of its row.
pub(crate) fn live(
    bytes: Option<&[u8]>,
    digest: &LinkDigest,
    purposes: &[LinkPurpose],
    now: DateTime<Utc>,
) -> Result<LinkRecord, HolderError> {
    let record: LinkRecord = decode(LINK, digest, bytes.ok_or(HolderError::LinkInvalid)?)?;
    if is_over(&record, now) || !purposes.contains(&record.purpose) {
        return Err(HolderError::LinkInvalid);
    }
    Ok(record)
}

/// Uses a link up.
pub(crate) fn burn(
    tx: &mut dyn Transaction,
    record: &LinkRecord,
    event: LinkEvent,
) -> Result<(), HolderError> {
    record.state.apply(event)?;
    take_away(tx, record.holder(), record.purpose, event)
}

/// Takes every link of a holder away.
pub(crate) fn burn_all(tx: &mut dyn Transaction, holder: HolderId) -> Result<(), HolderError> {
    LinkPurpose::ALL.into_iter().try_for_each(|p| take_away(tx, holder, p, LinkEvent::End))
}

/// Whether a holder has a live link for a purpose.
pub(crate) fn is_there(
    tx: &dyn Transaction,
    holder: HolderId,
    purpose: LinkPurpose,
    now: DateTime<Utc>,
) -> Result<bool, HolderError> {
    let Some(digest) = tx.get(LINK, &newest(holder, purpose))? else { return Ok(false) };
    let Some(bytes) = tx.get(LINK, &digest)? else { return Ok(false) };
    Ok(!is_over(&decode(LINK, &digest, &bytes)?, now))
}

/// Takes the newest link of a holder for a purpose away, when there is one.
pub(crate) fn take_away(
    tx: &mut dyn Transaction,
    holder: HolderId,
    purpose: LinkPurpose,
    event: LinkEvent,
) -> Result<(), HolderError> {
    let newest = newest(holder, purpose);
    let Some(digest) = tx.get(LINK, &newest)? else { return Ok(()) };
    let lost = || damaged(LINK, &newest, "the link that it names is missing");
    let bytes = tx.get(LINK, &digest)?.ok_or_else(lost)?;
    let record: LinkRecord = decode(LINK, &digest, &bytes)?;
    record.state.apply(event)?;
    tx.delete(LINK, &digest);
    tx.delete(LINK, &newest);
    Ok(())
}

/// Writes a link that changed.
pub(crate) fn update(tx: &mut dyn Transaction, digest: &LinkDigest, record: &LinkRecord) {
    tx.put(LINK, digest, &encode(record, 96));
}

fn lifetime(inner: &Inner, purpose: LinkPurpose) -> TimeDelta {
    match purpose {
        LinkPurpose::SetPassword => inner.settings.invitation_lifetime,
        LinkPurpose::RecoverPassword => inner.settings.recovery_lifetime,
        LinkPurpose::ConfirmUserId | LinkPurpose::ConfirmNoticeEmail => {
            inner.settings.confirmation_lifetime
        }
        LinkPurpose::CancelPhoneChange => inner.settings.phone_waiting,
    }
}

/// Ten bytes, where a digest has 32.
fn newest(holder: HolderId, purpose: LinkPurpose) -> [u8; 10] {
    let mut key = [0; 10];
    key[0] = b'h';
    key[1..9].copy_from_slice(&holder.key());
    key[9] = purpose as u8;
    key
}
