//! What can be refused, typed by who has to act.

use super::records::Status;
use crate::{BadName, StampAccountId};
use store::StoreError;

/// Why an administrative act was refused. Nothing was written.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StampError {
    /// A value is outside what is allowed.
    #[error("{field} {value:?} is not allowed: use {allowed}")]
    BadValue {
        /// Which field.
        field: &'static str,
        /// What was given (cut to 80 characters).
        value: String,
        /// What may be given.
        allowed: &'static str,
    },
    /// The name of an account is not well formed.
    #[error(transparent)]
    BadName(#[from] BadName),
    /// Another account has this name.
    #[error("the name {name:?} is taken: choose another")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// There is no such account.
    #[error("there is no stamp account {account}: look it up with the list of accounts")]
    UnknownAccount {
        /// The identifier.
        account: StampAccountId,
    },
    /// The account is in a state in which this cannot be done.
    #[error("stamp account {account} is {status}, so this cannot be done: {needed}")]
    WrongStatus {
        /// The account.
        account: StampAccountId,
        /// Its status.
        status: Status,
        /// What would be needed.
        needed: &'static str,
    },
    /// The account has no such lot.
    #[error("stamp account {account} has no {lot}")]
    UnknownLot {
        /// The account.
        account: StampAccountId,
        /// The lot.
        lot: super::LotId,
    },
    /// The lot was voided before, or emptied when the account was closed.
    #[error("{lot} of {account} is closed: grant a new lot instead")]
    LotClosed {
        /// The account.
        account: StampAccountId,
        /// The lot.
        lot: super::LotId,
    },
    /// The lot has expired.
    #[error("{lot} of {account} has expired: grant a new lot instead")]
    LotExpired {
        /// The account.
        account: StampAccountId,
        /// The lot.
        lot: super::LotId,
    },
    /// The lot has nothing left that could be voided.
    #[error("{lot} of {account} has no stamps left: there is nothing to void")]
    LotEmpty {
        /// The account.
        account: StampAccountId,
        /// The lot.
        lot: super::LotId,
    },
    /// The account has no token with this serial number.
    #[error("stamp account {account} has no token with the serial number {serial}")]
    UnknownSerial {
        /// The account.
        account: StampAccountId,
        /// The serial number in lower-case hex.
        serial: String,
    },
    /// The stamp of this token was given back before: once is all.
    #[error("the stamp of token {serial} was given back before, by entry {entry}")]
    AlreadyRefunded {
        /// The serial number in lower-case hex.
        serial: String,
        /// The entry that did it.
        entry: u64,
    },
    /// A sum would go below zero or over 64 bits: the books would not add up.
    #[error("the books of {account} would not add up ({what}): nothing was written; run an audit")]
    Arithmetic {
        /// The account.
        account: StampAccountId,
        /// Which sum.
        what: &'static str,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl StampError {
    /// A value that is not allowed, cut so that a message stays readable.
    pub(crate) fn bad(
        field: &'static str,
        value: &(impl ToString + ?Sized),
        allowed: &'static str,
    ) -> Self {
        let value = value.to_string().chars().take(80).collect();
        Self::BadValue { field, value, allowed }
    }
}

/// Why no stamp was taken. Nothing was written.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// No stamp is left, or all that are left are held by requests under way.
    #[error("no stamps left")]
    NoStamps,
    /// The account is suspended or closed.
    #[error("the account is {0}")]
    NotActive(Status),
    /// There is no such account.
    #[error("there is no stamp account {0}")]
    UnknownAccount(StampAccountId),
    /// A token has this serial number already: the source of randomness is broken.
    #[error("serial number {0} was used before: check the source of randomness of this machine")]
    SerialRepeats(String),
    /// The books would not add up.
    #[error("the books of {0} would not add up: nothing was written; run an audit")]
    Arithmetic(StampAccountId),
    /// The queue of the store is full.
    #[error("too much to do: try again later")]
    Busy,
    /// The store.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Busy => Self::Busy,
            other => Self::Store(other),
        }
    }
}
