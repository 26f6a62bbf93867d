//! What the ledger takes and gives: the words of its interface. Nothing here is stored.

use super::error::StampError;
use super::records::{Category, EntryKind, EntryRecord, LotRecord, Status};
use crate::StampAccountId;
use chrono::{DateTime, Datelike, Utc};
use rust_decimal::Decimal;
use std::fmt;
use std::str::FromStr;

/// The most stamps in one lot.
pub const LARGEST_LOT: u64 = 1_000_000_000;

/// Who does something to an account, and why. Both end up in the entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    /// Who: 1 to 128 characters.
    pub actor: String,
    /// Why: 1 to 500 characters.
    pub reason: String,
}

impl Act {
    /// An act by `actor` because of `reason`.
    #[must_use]
    pub fn new(actor: &str, reason: &str) -> Self {
        Self { actor: actor.to_owned(), reason: reason.to_owned() }
    }

    pub(crate) fn check(&self) -> Result<(), StampError> {
        let within = |text: &str, most: usize| {
            (1..=most).contains(&text.chars().count()) && !text.chars().any(char::is_control)
        };
        if !within(&self.actor, 128) {
            let allowed = "1 to 128 characters without control characters";
            return Err(StampError::bad("actor", &self.actor, allowed));
        }
        if !within(&self.reason, 500) {
            let allowed = "1 to 500 characters without control characters";
            return Err(StampError::bad("reason", &self.reason, allowed));
        }
        Ok(())
    }
}

/// The number of a lot inside its account, from 1. Written `lot-<number>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LotId(u64);

impl LotId {
    /// The lot with this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for LotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "lot-{}", self.0)
    }
}

impl FromStr for LotId {
    type Err = StampError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || StampError::bad("lot", text, "`lot-` and a number, as in lot-3");
        let number = text.strip_prefix("lot-").ok_or_else(bad)?.parse().map_err(|_| bad())?;
        Ok(Self(number))
    }
}

/// A lot to be granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLot {
    /// Stamps: 1 to [`LARGEST_LOT`].
    pub quantity: u64,
    /// Why they exist.
    pub category: Category,
    /// 0 is drawn first.
    pub priority: u8,
    /// The first instant at which they may be used.
    pub effective_at: DateTime<Utc>,
    /// The first instant at which they may no longer be used; `None` is never.
    pub expires_at: Option<DateTime<Utc>>,
    /// EUR for one stamp without VAT: 0 to 1 000 000, at most 6 decimals.
    pub unit_price: Option<Decimal>,
    /// VAT in per cent: 0 to 100, at most 2 decimals.
    pub vat_rate: Option<Decimal>,
    /// The order that this lot fulfils: 1 to 64 characters.
    pub order: Option<String>,
}

impl NewLot {
    /// A lot with nothing special: priority 100, effective at `now`, no expiry, no price.
    #[must_use]
    pub fn plain(quantity: u64, category: Category, now: DateTime<Utc>) -> Self {
        Self {
            quantity,
            category,
            priority: 100,
            effective_at: now,
            expires_at: None,
            unit_price: None,
            vat_rate: None,
            order: None,
        }
    }

    /// Whether every value is allowed; what [`super::StampLedger::grant`] asks first.
    pub fn check(&self, now: DateTime<Utc>) -> Result<(), StampError> {
        if !(1..=LARGEST_LOT).contains(&self.quantity) {
            return Err(StampError::bad("quantity", &self.quantity, "1 to 1000000000 stamps"));
        }
        for (field, at) in
            [("effective_at", Some(self.effective_at)), ("expires_at", self.expires_at)]
        {
            if let Some(at) = at
                && !(2000..=9999).contains(&at.year())
            {
                return Err(StampError::bad(field, &at, "an instant in the years 2000 to 9999"));
            }
        }
        if let Some(end) = self.expires_at {
            if end.timestamp_millis() <= now.timestamp_millis() {
                return Err(StampError::bad("expires_at", &end, "an instant in the future"));
            }
            if end.timestamp_millis() <= self.effective_at.timestamp_millis() {
                return Err(StampError::bad("expires_at", &end, "an instant after effective_at"));
            }
        }
        if let Some(price) = self.unit_price
            && (price.is_sign_negative() || price > Decimal::from(1_000_000) || price.scale() > 6)
        {
            let allowed = "0 to 1000000 EUR with at most 6 decimals";
            return Err(StampError::bad("unit_price", &price, allowed));
        }
        if let Some(rate) = self.vat_rate
            && (rate.is_sign_negative() || rate > Decimal::ONE_HUNDRED || rate.scale() > 2)
        {
            let allowed = "0 to 100 per cent with at most 2 decimals";
            return Err(StampError::bad("vat_rate", &rate, allowed));
        }
        if let Some(order) = &self.order
            && (!(1..=64).contains(&order.chars().count()) || order.chars().any(char::is_control))
        {
            return Err(StampError::bad("order", order, "1 to 64 characters"));
        }
        Ok(())
    }
}

/// What an account looks like at an instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountView {
    /// Its identifier.
    pub id: StampAccountId,
    /// Its name.
    pub name: String,
    /// Where it is in its life.
    pub status: Status,
    /// Stamps in lots that are effective and not expired. Those held by requests under way are
    /// counted here until their tokens are durable: after N tokens, `remaining` is N less.
    pub remaining: u64,
    /// Tokens issued, less stamps given back.
    pub used: u64,
    /// Of `remaining`: held by requests under way.
    pub reserved: u64,
    /// The lot that expires first among those that count in `remaining`.
    pub expiring: Option<Expiring>,
    /// Lots with stamps left that have not expired, in the order in which they are drawn.
    pub lots: Vec<LotView>,
    /// When it was opened.
    pub created_at: DateTime<Utc>,
}

/// Stamps that expire soonest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expiring {
    /// How many.
    pub count: u64,
    /// When.
    pub at: DateTime<Utc>,
}

/// A lot as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LotView {
    /// Its number.
    pub id: LotId,
    /// Stamps granted.
    pub quantity: u64,
    /// Stamps left.
    pub remaining: u64,
    /// Stamps used, less those given back.
    pub used: u64,
    /// Stamps that expired unused.
    pub expired: u64,
    /// Stamps taken back.
    pub voided: u64,
    /// Why they exist.
    pub category: Category,
    /// 0 is drawn first.
    pub priority: u8,
    /// When the lot was granted.
    pub created_at: DateTime<Utc>,
    /// First usable instant.
    pub effective_at: DateTime<Utc>,
    /// First instant no longer usable.
    pub expires_at: Option<DateTime<Utc>>,
    /// EUR for one stamp without VAT.
    pub unit_price: Option<Decimal>,
    /// VAT in per cent.
    pub vat_rate: Option<Decimal>,
    /// The order that it fulfils.
    pub order: Option<String>,
}

impl LotView {
    pub(crate) fn new(id: u64, record: &LotRecord) -> Self {
        Self {
            id: LotId(id),
            quantity: record.quantity,
            remaining: record.available,
            used: record.used,
            expired: record.expired,
            voided: record.voided,
            category: record.category,
            priority: record.priority,
            created_at: instant(record.created_at),
            effective_at: instant(record.effective_at),
            expires_at: record.expires_at.map(instant),
            unit_price: record.unit_price,
            vat_rate: record.vat_rate,
            order: record.order.clone(),
        }
    }
}

/// What a watcher sees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    /// As in [`AccountView`].
    pub remaining: u64,
    /// As in [`AccountView`].
    pub used: u64,
}

/// One side of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Book {
    /// Where stamps come from.
    World,
    /// What a lot still has.
    Available(LotId),
    /// What became tokens.
    Used,
    /// What expired.
    Expired,
    /// What was taken back.
    Voided,
}

impl EntryKind {
    /// The book that gives and the book that receives, or `None` when nothing moves. The kind
    /// and the lot decide them, so an entry cannot be out of balance.
    #[must_use]
    pub fn books(self, lot: LotId) -> Option<(Book, Book)> {
        Some(match self {
            Self::Grant => (Book::World, Book::Available(lot)),
            Self::Use => (Book::Available(lot), Book::Used),
            Self::Expire => (Book::Available(lot), Book::Expired),
            Self::Refund => (Book::Used, Book::Available(lot)),
            Self::Void => (Book::Available(lot), Book::Voided),
            Self::Open | Self::Suspend | Self::Reactivate | Self::Close => return None,
        })
    }
}

/// One line of an account's book. Immutable once written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Dense inside the account, from 1.
    pub number: u64,
    /// When.
    pub at: DateTime<Utc>,
    /// What it does.
    pub kind: EntryKind,
    /// Which books, when it moves stamps: from the first to the second.
    pub books: Option<(Book, Book)>,
    /// How many stamps move; 0 only for entries without books.
    pub quantity: u64,
    /// Which lot.
    pub lot: Option<LotId>,
    /// What all lots hold together afterwards.
    pub balance: u64,
    /// Who; `None` is the holder of the account, by using it.
    pub actor: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// The token: of a use its own, of a refund the one given back.
    pub serial: Option<[u8; 16]>,
    /// Of a use: the second token of a pair. One stamp pays for both.
    pub companion: Option<[u8; 16]>,
}

impl Entry {
    pub(crate) fn new(number: u64, record: EntryRecord) -> Self {
        let lot = record.lot.map(LotId);
        Self {
            number,
            at: instant(record.at),
            kind: record.kind,
            books: lot.and_then(|lot| record.kind.books(lot)),
            quantity: record.quantity,
            lot,
            balance: record.balance,
            actor: record.actor,
            reason: record.reason,
            serial: record.serial,
            companion: record.companion.map(|companion| companion.serial),
        }
    }

    /// What the entry does to the sum of all lots.
    #[must_use]
    pub fn change(&self) -> i128 {
        let quantity = i128::from(self.quantity);
        match self.books {
            Some((_, Book::Available(_))) => quantity,
            Some((Book::Available(_), _)) => -quantity,
            _ => 0,
        }
    }
}

/// Which part of an account's book is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// From this instant on.
    pub from: Option<DateTime<Utc>>,
    /// Before this instant.
    pub to: Option<DateTime<Utc>>,
    /// After this entry number: the `next` of the page before.
    pub after: Option<u64>,
    /// At most so many entries: 1 to 10 000.
    pub limit: usize,
}

impl Default for Period {
    fn default() -> Self {
        Self { from: None, to: None, after: None, limit: 1_000 }
    }
}

/// A page of an account's book: `opening` + the change of each entry = `closing`, and the
/// `closing` of one page or period is the `opening` of the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// What all lots held together before the first entry of this page.
    pub opening: u64,
    /// Oldest first.
    pub entries: Vec<Entry>,
    /// What they held after the last one.
    pub closing: u64,
    /// Where the next page starts (`after`), when there is one.
    pub next: Option<u64>,
}

/// Everything that is to be kept of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewToken {
    /// 16 bytes; the first six are milliseconds since the Unix epoch, big-endian.
    pub serial: [u8; 16],
    /// genTime in milliseconds since the Unix epoch.
    pub gen_time_ms: i64,
    /// The time-stamping unit that signed.
    pub tsu: String,
    /// DER of the token, without its certificates.
    pub token: Vec<u8>,
    /// The key that was given to `reserve`: a token is found again under no other.
    pub retry_key: Option<[u8; 32]>,
    /// The second token of a pair: kept in the same transaction, and no stamp of its own.
    pub companion: Option<CompanionToken>,
}

/// The other token of a pair: of the same genTime, for the same stamp.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompanionToken {
    /// Its serial number, of the same form.
    pub serial: [u8; 16],
    /// The time-stamping unit that signed it.
    pub tsu: String,
    /// DER of the token, without its certificates.
    pub token: Vec<u8>,
}

/// A token that was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredToken {
    /// Its serial number.
    pub serial: [u8; 16],
    /// genTime in milliseconds since the Unix epoch.
    pub gen_time_ms: i64,
    /// The time-stamping unit that signed.
    pub tsu: String,
    /// DER of the token, without its certificates.
    pub token: Vec<u8>,
    /// The key under which a repetition of the request finds it.
    pub retry_key: Option<[u8; 32]>,
    /// Its place among all tokens of the service, from 0.
    pub log_index: u64,
    /// The other token of the pair.
    pub companion: Option<CompanionToken>,
}

impl StoredToken {
    /// The pair with its tokens the other way round; a token that is alone stays as it is.
    #[must_use]
    pub(crate) fn turned(self) -> Self {
        let Some(CompanionToken { serial, tsu, token }) = self.companion else { return self };
        let first = CompanionToken { serial: self.serial, tsu: self.tsu, token: self.token };
        Self {
            serial,
            gen_time_ms: self.gen_time_ms,
            tsu,
            token,
            retry_key: self.retry_key,
            log_index: self.log_index.saturating_add(1),
            companion: Some(first),
        }
    }
}

/// What a commit gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// What remains in the account after this token.
    pub remaining: u64,
    /// The token's place among all tokens of the service, from 0.
    pub log_index: u64,
}

/// An instant of a record. Every stored instant was a `DateTime` before, so it is in range; were
/// it not, the last instant that can be written says so better than a panic.
pub(crate) fn instant(milliseconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(milliseconds).unwrap_or(DateTime::<Utc>::MAX_UTC)
}
