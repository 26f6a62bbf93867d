//! What an audit of the registry can find, each by its name.

/// Something in the registry that is not as it was written, or was never right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// A row cannot be read.
    #[error("transaction {transaction}: {what}")]
    Unreadable {
        /// The transaction of the journal.
        transaction: u64,
        /// Table, key and reason.
        what: String,
    },
    /// A row was removed. Nothing ever is.
    #[error("transaction {transaction}: a row of {table} was removed (key {key})")]
    Removed {
        /// The transaction of the journal.
        transaction: u64,
        /// The table.
        table: &'static str,
        /// The key in hex.
        key: String,
    },
    /// Certificates are not dense, or one was written again.
    #[error("certificate {found} is registered where {expected} was to come")]
    Number {
        /// The number that was to come.
        expected: u64,
        /// The number that came.
        found: u64,
    },
    /// A serial number was given twice.
    #[error("certificate {certificate}: its serial number {serial} belongs to another one")]
    SerialRepeated {
        /// The certificate.
        certificate: u64,
        /// The serial number in hex.
        serial: String,
    },
    /// The DER of a certificate is missing, was changed, or stands there without one.
    #[error("certificate {certificate}: what is kept of it is not what was registered")]
    Content {
        /// The certificate.
        certificate: u64,
    },
    /// A change that its certificate's status did not allow.
    #[error("certificate {certificate}, change {change}: {why}")]
    IllegalChange {
        /// The certificate.
        certificate: u64,
        /// The number of the change.
        change: u32,
        /// Why not.
        why: String,
    },
    /// Changes are not dense, one was written again, or it is of no certificate.
    #[error("certificate {certificate}: change {found} follows where {expected} was to come")]
    ChangeNumber {
        /// The certificate.
        certificate: u64,
        /// The number that was to come.
        expected: u32,
        /// The number that came.
        found: u32,
    },
    /// How a certificate stands is not what its history makes it.
    #[error("transaction {transaction}: how {serial} stands is not what its history makes it")]
    Standing {
        /// The transaction of the journal.
        transaction: u64,
        /// The serial number in hex.
        serial: String,
    },
    /// The counter of certificates is wrong.
    #[error("transaction {transaction}: the counter of certificates is not their number")]
    Counter {
        /// The transaction of the journal.
        transaction: u64,
    },
    /// The record of a CA became another CA's, counts its certificates wrongly, or was not written
    /// with one of them.
    #[error("transaction {transaction}: the record of CA {ca} is not what it issued")]
    Authority {
        /// The transaction of the journal.
        transaction: u64,
        /// The number of the CA.
        ca: u16,
    },
    /// A revocation list with a number that is not the next one.
    #[error("CA {ca}: revocation list {found} follows {before}; each is one more")]
    CrlNumber {
        /// The number of the CA.
        ca: u16,
        /// The number before.
        before: u64,
        /// The number that came.
        found: u64,
    },
    /// Something was done of which the audit trail says nothing.
    #[error("transaction {transaction}: it changes the registry without an event in the trail")]
    NoEvent {
        /// The transaction of the journal.
        transaction: u64,
    },
    /// More was found than is listed.
    #[error("and {0} more")]
    More(u64),
}
