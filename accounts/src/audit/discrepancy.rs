//! What an audit can find, each by its name.

use crate::StampAccountId;
use crate::stamps::{EntryKind, LotId, Status};

/// Something in the journal that does not add up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Discrepancy {
    /// Transactions are missing, or come twice.
    #[error("transaction {found} follows where {expected} was to come")]
    Sequence {
        /// The number that was to come.
        expected: u64,
        /// The number that came.
        found: u64,
    },
    /// A record cannot be read.
    #[error("transaction {transaction}: {what}")]
    Unreadable {
        /// The transaction.
        transaction: u64,
        /// Table, key and reason.
        what: String,
    },
    /// Something was removed that is kept for ever.
    #[error("transaction {transaction}: a row of {table} was removed (key {key})")]
    Removed {
        /// The transaction.
        transaction: u64,
        /// The table.
        table: &'static str,
        /// The key in hex.
        key: String,
    },
    /// Entries of an account are not dense, or one was written again.
    #[error("{account}: entry {found} follows where {expected} was to come")]
    EntryNumber {
        /// The account.
        account: StampAccountId,
        /// The number that was to come.
        expected: u64,
        /// The number that came.
        found: u64,
    },
    /// An entry of an account that was never opened.
    #[error("{account}: entry {entry} is of an account that was never opened")]
    NeverOpened {
        /// The account.
        account: StampAccountId,
        /// The entry.
        entry: u64,
    },
    /// An entry moves nothing and should, or the other way round, or names no lot.
    #[error("{account}: entry {entry} is not a well-formed {kind:?}")]
    Malformed {
        /// The account.
        account: StampAccountId,
        /// The entry.
        entry: u64,
        /// Its kind.
        kind: EntryKind,
    },
    /// An entry takes more from a book than is in it (I4).
    #[error("{account}: entry {entry} takes more than {lot} has")]
    Overdrawn {
        /// The account.
        account: StampAccountId,
        /// The entry.
        entry: u64,
        /// The lot.
        lot: LotId,
    },
    /// The balance that an entry states is not the sum of the entries (I11).
    #[error("{account}: entry {entry} states a balance of {stated}, the sum is {counted}")]
    Balance {
        /// The account.
        account: StampAccountId,
        /// The entry.
        entry: u64,
        /// In the entry.
        stated: u64,
        /// Re-added.
        counted: u64,
    },
    /// The time of an entry is before that of the one before it.
    #[error("{account}: entry {entry} is before the entry before it")]
    TimeWentBack {
        /// The account.
        account: StampAccountId,
        /// The entry.
        entry: u64,
    },
    /// A stamp was drawn from a lot that was not effective, had expired, or was voided (I5).
    #[error("{account}: entry {entry} draws from {lot} outside its time")]
    OutsideItsTime {
        /// The account.
        account: StampAccountId,
        /// The entry.
        entry: u64,
        /// The lot.
        lot: LotId,
    },
    /// An account issued, or changed its status, in a status that does not allow it (I14).
    #[error("{account}: entry {entry} is a {kind:?} of an account that is {status:?}")]
    WrongStatus {
        /// The account.
        account: StampAccountId,
        /// The entry.
        entry: u64,
        /// What it does.
        kind: EntryKind,
        /// The status before it.
        status: Status,
    },
    /// A closed account still has stamps (I14).
    #[error("{account} is closed and has {left} stamps")]
    ClosedWithStamps {
        /// The account.
        account: StampAccountId,
        /// How many.
        left: u64,
    },
    /// An administrative entry does not say who or why (I15).
    #[error("{account}: entry {entry} does not say who did it and why")]
    NobodyDidIt {
        /// The account.
        account: StampAccountId,
        /// The entry.
        entry: u64,
    },
    /// The record of an account is not what its entries make it (I11).
    #[error("transaction {transaction}: the record of {account} is not the sum of its entries")]
    AccountRecord {
        /// The transaction.
        transaction: u64,
        /// The account.
        account: StampAccountId,
    },
    /// The record of a lot is not what its entries make it (I2, I11).
    #[error(
        "transaction {transaction}: the record of {lot} of {account} is not the sum of its entries"
    )]
    LotRecord {
        /// The transaction.
        transaction: u64,
        /// The account.
        account: StampAccountId,
        /// The lot.
        lot: LotId,
    },
    /// The counters of the service are not what its tokens make them (I16).
    #[error("transaction {transaction}: the counters of the service are not the sum of its tokens")]
    GlobalRecord {
        /// The transaction.
        transaction: u64,
    },
    /// The log index of a token is not the next one.
    #[error("token {serial} has the log index {found}, {expected} was to come")]
    LogIndex {
        /// The serial number in hex.
        serial: String,
        /// The index that was to come.
        expected: u64,
        /// The index that came.
        found: u64,
    },
    /// A serial number was used twice (I13).
    #[error("serial number {serial} was used twice")]
    SerialRepeated {
        /// The serial number in hex.
        serial: String,
    },
    /// A token is so much older than its neighbours that its serial number could not be compared
    /// with those of its time. Times of issue never go back by more than a moment.
    #[error(
        "token {serial} is out of the order of time, so whether its number is new is not known"
    )]
    SerialOutOfOrder {
        /// The serial number in hex.
        serial: String,
    },
    /// The row of a serial number does not lead to its entry (I3).
    #[error(
        "{account}: entry {entry} and the row of serial number {serial} do not belong together"
    )]
    SerialRow {
        /// The account.
        account: StampAccountId,
        /// The entry.
        entry: u64,
        /// The serial number in hex.
        serial: String,
    },
    /// A request that was repeated inside the window got a second token (I8).
    #[error("{account}: token {serial} answers a request that has a token already")]
    RetryRepeated {
        /// The account.
        account: StampAccountId,
        /// The serial number in hex.
        serial: String,
    },
    /// A stamp was given back twice (I10).
    #[error("{account}: entry {entry} gives the stamp of {serial} back once more")]
    RefundedTwice {
        /// The account.
        account: StampAccountId,
        /// The entry.
        entry: u64,
        /// The serial number in hex.
        serial: String,
    },
    /// A stamp was given back that was never used: not by this account, or not from this lot, or
    /// the entry that the refund names is another token's (I10).
    #[error("{account}: entry {entry} gives a stamp of {serial} back that was not used there")]
    RefundOfNoUse {
        /// The account.
        account: StampAccountId,
        /// The refund.
        entry: u64,
        /// The serial number in hex.
        serial: String,
    },
    /// A name does not lead to the account that was opened with it, or the other way round.
    #[error("transaction {transaction}: the name of {account} and the row of that name differ")]
    NameRow {
        /// The transaction.
        transaction: u64,
        /// The account.
        account: StampAccountId,
    },
    /// The list of lots that are to expire has one that does not, lacks one that does, or lost
    /// one that still has stamps.
    #[error("transaction {transaction}: the end of {lot} of {account} is listed wrongly")]
    ExpiryRow {
        /// The transaction.
        transaction: u64,
        /// The account.
        account: StampAccountId,
        /// The lot.
        lot: LotId,
    },
    /// All books together are not zero (I1), or uses are not tokens (I3, I16).
    #[error("the books of all accounts do not add up: {what}")]
    Totals {
        /// Which sums differ.
        what: String,
    },
    /// More was found than is listed.
    #[error("and {0} more")]
    More(u64),
}
