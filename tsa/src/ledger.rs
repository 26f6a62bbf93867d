//! The port through which issuing asks for a stamp and has its record made durable.
//!
//! This room holds no storage: whoever composes the service gives it a [`Ledger`].

use std::future::Future;

/// Everything that is to be kept of a token, written in the same transaction as its debit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRecord {
    /// The serial number: 16 bytes, first bit zero, never zero as a whole. Its first 6 bytes are
    /// milliseconds since the Unix epoch (big-endian), so records sort by time.
    pub serial: [u8; 16],
    /// genTime in milliseconds since the Unix epoch.
    pub gen_time_ms: i64,
    /// Identifier of the time-stamping unit that signed.
    pub tsu: String,
    /// The token (DER `ContentInfo`) without its certificates.
    pub token: Vec<u8>,
    /// SHA-256 over imprint, policy and nonce: a request that repeats it inside the window gets
    /// this token again. `None` when the request had no nonce: such requests are never the same.
    pub retry_key: Option<[u8; 32]>,
    /// The second token of a pair, paid for by the same stamp.
    pub companion: Option<Companion>,
}

/// The second token of a pair: over the same imprint, policy, nonce and genTime, by another unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Companion {
    /// Its own serial number, of the same form as the first one's.
    pub serial: [u8; 16],
    /// Identifier of the time-stamping unit that signed it.
    pub tsu: String,
    /// The token (DER `ContentInfo`) without its certificates.
    pub token: Vec<u8>,
}

/// Why no stamp was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The account has no stamp left (or all that are left are held by requests under way).
    NoStamps,
    /// The account is suspended or closed.
    AccountNotActive,
    /// The service has too much to do: try again later.
    Busy,
    /// The ledger cannot be written now. The text is for the log, not for the client.
    Unavailable(String),
}

/// What a request for a stamp gives.
#[derive(Debug)]
pub enum Reserved<R> {
    /// A stamp is held for this request.
    Fresh(R),
    /// The same request was answered before, inside the retry window: its token, for no stamp.
    Existing {
        /// The record of the first answer.
        record: TokenRecord,
        /// Stamps that remain now.
        remaining: u64,
    },
}

/// What a commit gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// Stamps that remain in the account after this debit.
    pub remaining: u64,
}

/// The accounts, as issuing sees them.
pub trait Ledger: Send + Sync {
    /// Who asks: authenticated before it came here, and the account that pays.
    type Caller: Send + Sync;
    /// A stamp that is held. Dropping it gives the stamp back.
    type Reservation: Send;

    /// Holds one stamp. A request under way with the same `retry_key` is waited for, and its
    /// token is the answer; so is a token of the same key inside the retry window.
    fn reserve(
        &self,
        caller: &Self::Caller,
        retry_key: Option<[u8; 32]>,
        now_ms: i64,
    ) -> impl Future<Output = Result<Reserved<Self::Reservation>, Refusal>> + Send;

    /// Takes the held stamp and keeps the record, in one durable transaction. When this returns
    /// `Ok`, both are on disk: the debit, and one token or both of a pair.
    fn commit(
        &self,
        reservation: Self::Reservation,
        record: TokenRecord,
    ) -> impl Future<Output = Result<Committed, Refusal>> + Send;
}
