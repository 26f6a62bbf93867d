//! Who asks: service passwords, API keys and client certificates of stamp accounts.
//!
//! Three ways in, each with its own cost. An API key is 128 random bits, so one hash tells. A
//! client certificate was verified by TLS, so its fingerprint tells. A password may be weak, so
//! checking one is made expensive (argon2id), bounded (a small pool of threads), slowed down
//! after failures, and remembered for a short time once it was right. An unknown name, a wrong
//! password and an account without a password cost the same and get the same answer.
//!
//! Failures with passwords never touch API keys or certificates, a password that was right a
//! moment ago stays right, and who never failed is not slowed for the failures of others:
//! guessing cannot shut the owner's tools out.

mod api_key;
mod certificate;
mod check;
mod error;
pub(crate) mod hashing;
mod job;
mod keyed;
mod password;
pub(crate) mod pool;
mod proof;
mod records;
mod scratch;
mod secret;
mod success;
pub mod tables;
#[cfg(test)]
mod tests;
mod throttle;
mod wrong;

pub use api_key::ApiKeyView;
pub use certificate::CertificateView;
pub use error::{AuthError, CredentialError};
pub use hashing::Argon2Cost;
pub use proof::LoginProof;
pub use secret::{ApiKey, Password, generate_password};

use api_key::KeyCache;
use check::Checks;
use chrono::TimeDelta;
use hashing::Hasher;
use parking_lot::Mutex;
use pool::{Pool, Turn};
use rand::CryptoRng;
use std::sync::Arc;
use store::Store;
use success::Successes;
use throttle::Throttle;
use wrong::Wrong;

/// What can be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CredentialSettings {
    /// What one password check costs.
    pub argon2: Argon2Cost,
    /// Threads that check passwords, each with the memory of one check.
    pub concurrent_checks: usize,
    /// Checks that may wait for a thread; one more is answered [`AuthError::Busy`].
    pub queue: usize,
    /// How long a password that was right is taken without another check.
    pub cache_ttl: TimeDelta,
    /// How many names, and how many API keys, are remembered at most.
    pub remembered: usize,
}

impl Default for CredentialSettings {
    fn default() -> Self {
        Self {
            argon2: Argon2Cost::default(),
            concurrent_checks: std::thread::available_parallelism().map_or(1, usize::from),
            queue: 64,
            cache_ttl: TimeDelta::seconds(60),
            remembered: 10_000,
        }
    }
}

/// What was done since the start, for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CredentialStatistics {
    /// Password checks that were computed, those against nothing included.
    pub password_checks: u64,
    /// Of these: against nothing, because there is no such name or it has no password.
    pub dummy_checks: u64,
}

/// The credentials of stamp accounts. Cloning it gives another handle to the same credentials.
#[derive(Clone)]
pub struct Credentials(Arc<Inner>);

struct Inner {
    store: Arc<dyn Store>,
    settings: CredentialSettings,
    random: Mutex<Box<dyn CryptoRng + Send>>,
    hasher: Hasher,
    pool: Pool,
    /// For passwords that were right before, and for new ones: guesses do not come in here.
    reserved: Pool,
    successes: Successes,
    throttle: Throttle,
    wrong: Wrong,
    checks: Checks,
    keys: KeyCache,
}

impl Credentials {
    /// Opens the credentials in `store`. `random` gives the secrets and salts.
    pub fn open(
        store: Arc<dyn Store>,
        settings: CredentialSettings,
        mut random: impl CryptoRng + Send + 'static,
    ) -> Result<Self, CredentialError> {
        let (mut cache_key, mut throttle_key) = ([0; 64], [0; 64]);
        random.fill_bytes(&mut cache_key);
        random.fill_bytes(&mut throttle_key);
        let hasher = Hasher::new(settings.argon2, &mut random)?;
        let pool = Pool::start(settings.concurrent_checks, settings.queue, Turn::Last)?;
        let reserved = Pool::start(1, settings.queue, Turn::Behind)?;
        Ok(Self(Arc::new(Inner {
            store,
            settings,
            random: Mutex::new(Box::new(random)),
            hasher,
            pool,
            reserved,
            successes: Successes::new(&cache_key, settings.remembered),
            throttle: Throttle::new(&throttle_key),
            wrong: Wrong::new(),
            checks: Checks::default(),
            keys: KeyCache::new(settings.remembered),
        })))
    }

    /// A password that nobody can guess.
    #[must_use]
    pub fn generate_password(&self) -> Password {
        generate_password(&mut **self.0.random.lock())
    }

    /// What was done since the start.
    #[must_use]
    pub fn statistics(&self) -> CredentialStatistics {
        self.0.hasher.statistics()
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}
