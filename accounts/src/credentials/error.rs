//! What can go wrong with credentials: when they are managed, and when they are checked.

use crate::StampAccountId;
use std::time::Duration;
use store::StoreError;

/// Why a credential was not made or changed. Nothing was written.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialError {
    /// The password is too short or too long. It is not repeated here.
    #[error("password is not allowed: use 8 to 128 characters")]
    BadPassword,
    /// The label of a key is too long or not readable.
    #[error("label {0:?} is not allowed: use 1 to 64 characters without control characters")]
    BadLabel(String),
    /// The text is not an API key. It is not repeated here.
    #[error(
        "not an API key: use marca_PREFIX_SECRET, prefix 1 to 16 of a-z 0-9, secret 32 of 0-9 a-f"
    )]
    BadKey,
    /// The cost of a password check is below what is safe.
    #[error(
        "argon2 {memory_kib} KiB, {passes} passes, {lanes} lanes is not allowed: use at least \
         19456 KiB with 2 passes, 47104 KiB with 1, or 12288 KiB with 3"
    )]
    WeakArgon2 {
        /// Memory.
        memory_kib: u32,
        /// Passes.
        passes: u32,
        /// Lanes.
        lanes: u32,
    },
    /// No account has this name, or another account than was said.
    #[error("there is no stamp account {account} with the name {name:?}")]
    UnknownAccount {
        /// The account that was said.
        account: StampAccountId,
        /// The name that was said.
        name: String,
    },
    /// No stamp account has this identifier.
    #[error("there is no stamp account {0}")]
    UnknownAccountId(StampAccountId),
    /// Two keys are alive: enough to change from one to the next.
    #[error("{0} has two API keys already: revoke one of them first")]
    TooManyKeys(StampAccountId),
    /// Another key has this prefix.
    #[error("an API key with the prefix {0:?} exists: use another")]
    PrefixTaken(String),
    /// The account has no such key.
    #[error("{account} has no API key with the prefix {prefix:?}")]
    UnknownKey {
        /// The account.
        account: StampAccountId,
        /// The prefix.
        prefix: String,
    },
    /// The certificate belongs to an account already.
    #[error("this certificate is bound to {0}: unbind it there first")]
    CertificateTaken(StampAccountId),
    /// The account has no such certificate.
    #[error("{0} has no client certificate with this SHA-256")]
    UnknownCertificate(StampAccountId),
    /// Too many password checks are waiting.
    #[error("too many passwords are being checked: try again later")]
    Busy,
    /// The machine gave no threads for password checks.
    #[error("no thread for password checks could be started: {0}")]
    NoThread(String),
    /// The hash could not be computed or read.
    #[error("argon2: {0}")]
    Hash(String),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why nobody was authenticated. What a client may see is the same for every `Denied`.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// Wrong, revoked, or unknown: which of them is not said.
    #[error("these credentials are not valid")]
    Denied,
    /// Too many failures with this name: nothing was checked.
    #[error("too many failures with this name: try again in {} s", retry_after.as_secs())]
    Slowed {
        /// How long to wait; whole seconds, at least one.
        retry_after: Duration,
    },
    /// Too many passwords are being checked: try again.
    #[error("too many passwords are being checked: try again later")]
    Busy,
    /// The store, or a record in it.
    #[error(transparent)]
    Store(#[from] StoreError),
}
