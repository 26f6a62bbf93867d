//! The records of the stamps as they are stored.
//!
//! Every type here is **used in stored state**: fields are numbered, numbers are never reused,
//! and a new field is optional. `tests/golden.rs` holds the bytes of each.

use minicbor::{Decode, Encode};
use rust_decimal::Decimal;
use std::fmt;

/// Where an account is in its life. Used in stored state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Status {
    /// Issues tokens.
    #[n(0)]
    Active,
    /// Issues nothing until it is reactivated.
    #[n(1)]
    Suspended,
    /// Issues nothing ever again; it has no stamps.
    #[n(2)]
    Closed,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Closed => "closed",
        })
    }
}

/// Why the stamps of a lot exist. Used in stored state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Category {
    /// Sold.
    #[n(0)]
    Paid,
    /// Given to promote the service.
    #[n(1)]
    Promo,
    /// Given to make good.
    #[n(2)]
    Comp,
    /// For tests: not revenue.
    #[n(3)]
    Test,
}

/// What an entry does. Used in stored state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum EntryKind {
    /// A lot comes into being: world → available.
    #[n(0)]
    Grant,
    /// A token is issued: available → used.
    #[n(1)]
    Use,
    /// The rest of a lot has expired: available → expired.
    #[n(2)]
    Expire,
    /// A used stamp is given back into its lot: used → available.
    #[n(3)]
    Refund,
    /// The rest of a lot is taken back: available → voided.
    #[n(4)]
    Void,
    /// The account was opened. Moves nothing.
    #[n(5)]
    Open,
    /// The account was suspended. Moves nothing.
    #[n(6)]
    Suspend,
    /// The account was reactivated. Moves nothing.
    #[n(7)]
    Reactivate,
    /// The account was closed. Moves nothing: its stamps were voided by the entries before.
    #[n(8)]
    Close,
}

/// A stamp account. Used in stored state.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct AccountRecord {
    #[n(0)]
    pub(crate) name: String,
    #[n(1)]
    pub(crate) status: Status,
    /// Milliseconds since the Unix epoch, as all instants of these records.
    #[n(2)]
    pub(crate) created_at: i64,
    /// The time of the newest entry: an account's time never goes back.
    #[n(3)]
    pub(crate) last_at: i64,
    /// The number of the next entry: grows with every change, so it is the version as well.
    #[n(4)]
    pub(crate) next_entry: u64,
    #[n(5)]
    pub(crate) next_lot: u64,
    #[n(6)]
    pub(crate) granted: u64,
    /// Uses less refunds.
    #[n(7)]
    pub(crate) used: u64,
    #[n(8)]
    pub(crate) expired: u64,
    #[n(9)]
    pub(crate) voided: u64,
}

/// A lot of stamps. Used in stored state.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct LotRecord {
    #[n(0)]
    pub(crate) quantity: u64,
    #[n(1)]
    pub(crate) available: u64,
    #[n(2)]
    pub(crate) used: u64,
    #[n(3)]
    pub(crate) expired: u64,
    #[n(4)]
    pub(crate) voided: u64,
    #[n(5)]
    pub(crate) category: Category,
    /// 0 is drawn first.
    #[n(6)]
    pub(crate) priority: u8,
    #[n(7)]
    pub(crate) created_at: i64,
    #[n(8)]
    pub(crate) effective_at: i64,
    /// The first instant at which the lot is no longer usable.
    #[n(9)]
    pub(crate) expires_at: Option<i64>,
    /// EUR for one stamp, without VAT.
    #[n(10)]
    #[cbor(with = "crate::encoding::decimal")]
    pub(crate) unit_price: Option<Decimal>,
    /// Per cent.
    #[n(11)]
    #[cbor(with = "crate::encoding::decimal")]
    pub(crate) vat_rate: Option<Decimal>,
    #[n(12)]
    pub(crate) order: Option<String>,
    /// The newest entry that touched this lot: the version of this record.
    #[n(13)]
    pub(crate) last_entry: u64,
    /// Voided: nothing comes out of it or back into it.
    #[n(14)]
    pub(crate) closed: bool,
}

/// One line of an account's book. Used in stored state.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct EntryRecord {
    #[n(0)]
    pub(crate) kind: EntryKind,
    #[n(1)]
    pub(crate) at: i64,
    #[n(2)]
    pub(crate) quantity: u64,
    #[n(3)]
    pub(crate) lot: Option<u64>,
    /// What all lots of the account hold together after this entry.
    #[n(4)]
    pub(crate) balance: u64,
    #[n(5)]
    pub(crate) actor: Option<String>,
    #[n(6)]
    pub(crate) reason: Option<String>,
    /// Of a use: its token's. Of a refund: that of the use given back.
    #[n(7)]
    #[cbor(with = "minicbor::bytes")]
    pub(crate) serial: Option<[u8; 16]>,
    #[n(8)]
    pub(crate) token: Option<TokenFields>,
    /// Of a use: the second token of a pair, paid for by the same stamp.
    #[n(9)]
    pub(crate) companion: Option<CompanionFields>,
}

/// The token that a use paid for. Used in stored state.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct TokenFields {
    #[n(0)]
    pub(crate) gen_time: i64,
    #[n(1)]
    pub(crate) tsu: String,
    /// DER of the token, without its certificates.
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    pub(crate) der: Vec<u8>,
    #[n(3)]
    #[cbor(with = "minicbor::bytes")]
    pub(crate) retry_key: Option<[u8; 32]>,
    /// Dense over all tokens of the service, from 0.
    #[n(4)]
    pub(crate) log_index: u64,
}

/// The second token of a pair. Used in stored state. Its time and its retry key are those of the
/// first, its log index is the one after the first's.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct CompanionFields {
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub(crate) serial: [u8; 16],
    #[n(1)]
    pub(crate) tsu: String,
    /// DER of the token, without its certificates.
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    pub(crate) der: Vec<u8>,
}

/// Where the entry of a serial number is. Used in stored state. Small: it stays in the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct SerialRecord {
    #[n(0)]
    pub(crate) account: u64,
    #[n(1)]
    pub(crate) entry: u64,
    /// What the retry memory is rebuilt from. Only with the first token of a pair.
    #[n(2)]
    pub(crate) retry: Option<u64>,
    /// The entry that gave this stamp back.
    #[n(3)]
    pub(crate) refunded_by: Option<u64>,
}

/// The counters of the whole service. Used in stored state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct GlobalRecord {
    #[n(0)]
    pub(crate) next_account: u64,
    /// Tokens issued so far: the log index of the next one.
    #[n(1)]
    pub(crate) tokens: u64,
    /// The newest genTime.
    #[n(2)]
    pub(crate) last_gen_time: Option<i64>,
}

impl Default for GlobalRecord {
    fn default() -> Self {
        Self { next_account: 1, tokens: 0, last_gen_time: None }
    }
}

impl EntryRecord {
    /// The serial numbers of the tokens of a use: one, or the two of a pair.
    pub(crate) fn serials(&self) -> impl Iterator<Item = [u8; 16]> {
        self.serial.into_iter().chain(self.companion.as_ref().map(|companion| companion.serial))
    }
}

impl AccountRecord {
    /// What all lots hold together, also those not yet effective and those not yet swept.
    ///
    /// Saturates: the counters are kept so that this cannot go below zero, and the auditor and
    /// [`super::draft::Draft`] check it; a display must not panic over it.
    pub(crate) fn balance(&self) -> u64 {
        self.granted
            .saturating_sub(self.used)
            .saturating_sub(self.expired)
            .saturating_sub(self.voided)
    }
}

impl LotRecord {
    /// Whether stamps of this lot may be drawn at `at`: effective, not expired, not voided.
    // The expiry instant is exclusive: at `expires_at` itself the lot is gone.
    pub(crate) fn usable(&self, at: i64) -> bool {
        !self.closed && self.effective_at <= at && !self.expired_at(at)
    }

    /// Whether the lot has expired at `at`.
    pub(crate) fn expired_at(&self, at: i64) -> bool {
        self.expires_at.is_some_and(|end| at >= end)
    }

    /// `quantity = available + used + expired + voided`, without overflow.
    pub(crate) fn adds_up(&self) -> bool {
        self.available
            .checked_add(self.used)
            .and_then(|sum| sum.checked_add(self.expired))
            .and_then(|sum| sum.checked_add(self.voided))
            == Some(self.quantity)
    }
}
