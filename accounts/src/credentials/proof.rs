//! What a login rested on, so that what it opened can end with it.
//!
//! A proof names the password by its generation, or the API key by its prefix, and holds no secret.
//! It holds for as long as that very password or key does: not for one that is set later, not even
//! where it reads the same.

use super::Credentials;
use super::error::AuthError;
use super::records::{ApiKeyRecord, PasswordRecord};
use super::secret::prefix_of;
use super::tables::{API_KEY, PASSWORD};
use crate::StampAccountId;
use crate::encoding::decode;
use minicbor::{Decode, Encode};
use store::{StoreError, Table};

/// What a login of a stamp account rested on. Used in stored state.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum LoginProof {
    /// Name and password.
    #[n(0)]
    Password {
        /// The name, in lower case.
        #[n(0)]
        name: String,
        /// Which of its passwords.
        #[n(1)]
        generation: u64,
        /// When that one was set: after a password was taken away, generations begin anew.
        /// Milliseconds since the Unix epoch.
        #[n(2)]
        changed_at: i64,
    },
    /// An API key.
    #[n(1)]
    ApiKey {
        /// What the key is found by.
        #[n(0)]
        prefix: String,
    },
}

impl LoginProof {
    /// A stable word in kebab-case.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Password { .. } => "password",
            Self::ApiKey { .. } => "api-key",
        }
    }

    /// Whether it still opens the account, by what `get` reads.
    pub(crate) fn holds(
        &self,
        account: StampAccountId,
        get: impl Fn(Table, &[u8]) -> Result<Option<Vec<u8>>, StoreError>,
    ) -> Result<bool, StoreError> {
        match self {
            Self::Password { name, generation, changed_at } => {
                let key = name.as_bytes();
                let Some(bytes) = get(PASSWORD, key)? else { return Ok(false) };
                let record: PasswordRecord = decode(PASSWORD, key, &bytes)?;
                Ok(record.account == account.number()
                    && (record.generation, record.changed_at) == (*generation, *changed_at))
            }
            Self::ApiKey { prefix } => {
                let key = prefix.as_bytes();
                let Some(bytes) = get(API_KEY, key)? else { return Ok(false) };
                let record: ApiKeyRecord = decode(API_KEY, key, &bytes)?;
                Ok(record.account == account.number() && record.revoked_at.is_none())
            }
        }
    }
}

impl Credentials {
    /// The proof of a login by name and password, to be taken *before* the password is checked: one
    /// that is changed meanwhile leaves a proof that does not hold. `None` where the name has no
    /// password; it opens nothing by itself.
    ///
    /// # Errors
    /// The store's.
    pub fn proof_of_password(&self, name: &str) -> Result<Option<LoginProof>, AuthError> {
        let name = name.to_ascii_lowercase();
        let record = self.0.password_record(&name)?;
        Ok(record.map(|PasswordRecord { generation, changed_at, .. }| LoginProof::Password {
            name,
            generation,
            changed_at,
        }))
    }

    /// The proof of a login by API key; it opens nothing by itself.
    #[must_use]
    pub fn proof_of_api_key(key: &str) -> Option<LoginProof> {
        Some(LoginProof::ApiKey { prefix: prefix_of(key)?.to_owned() })
    }
}
