//! Setting a service password, and checking one.

use super::check::Check;
use super::error::{AuthError, CredentialError};
use super::job::needs_name;
use super::keyed::Digest;
use super::records::PasswordRecord;
use super::secret::Password;
use super::tables::PASSWORD;
use super::{Credentials, Inner};
use crate::encoding::{decode, encode};
use crate::{AccountName, StampAccountId};
use chrono::{DateTime, Utc};
use rand::Rng;
use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;
use store::StoreError;
use tokio::sync::oneshot;

impl Credentials {
    /// Sets the password of an account. The one before is refused from the moment that this is
    /// durable, also where it was remembered. What failed before stays counted: a change must not
    /// show, to who guesses, that there is a password.
    pub async fn set_password(
        &self,
        account: StampAccountId,
        name: &str,
        password: Password,
        now: DateTime<Utc>,
    ) -> Result<(), CredentialError> {
        let unknown = || CredentialError::UnknownAccount { account, name: name.to_owned() };
        let name = AccountName::parse(name).map_err(|_| unknown())?;
        let phc = self.hash(password).await?;
        let key = name.clone();
        let changed_at = now.timestamp_millis();
        let work = move |tx: &mut dyn store::Transaction| {
            let key = key.as_str();
            needs_name(tx, account, key)?;
            let old = tx.get(PASSWORD, key.as_bytes())?;
            let old: Option<PasswordRecord> =
                old.map(|bytes| decode(PASSWORD, key.as_bytes(), &bytes)).transpose()?;
            let generation = old.map_or(0, |old| old.generation) + 1;
            let record = PasswordRecord { account: account.number(), phc, generation, changed_at };
            tx.put(PASSWORD, key.as_bytes(), &encode(&record, 160));
            Ok(())
        };
        self.0.transact(work, move |inner| inner.successes.forget(name.as_str())).await
    }

    /// Takes the password of an account away: it cannot be used until another is set.
    pub async fn remove_password(
        &self,
        account: StampAccountId,
        name: &str,
    ) -> Result<(), CredentialError> {
        let unknown = || CredentialError::UnknownAccount { account, name: name.to_owned() };
        let name = AccountName::parse(name).map_err(|_| unknown())?;
        let key = name.clone();
        let work = move |tx: &mut dyn store::Transaction| {
            needs_name(tx, account, key.as_str())?;
            tx.delete(PASSWORD, key.as_str().as_bytes());
            Ok(())
        };
        self.0.transact(work, move |inner| inner.successes.forget(name.as_str())).await
    }

    /// The account of a name, when its password was found right less than `cache_ttl` ago.
    /// Costs one short hash; waits for nothing.
    #[must_use]
    pub fn by_password_cached(
        &self,
        name: &str,
        password: &str,
        now: DateTime<Utc>,
    ) -> Option<StampAccountId> {
        let name = lower(name);
        let digest = self.0.successes.digest(&name, password);
        self.0.fresh(&name, &digest, now.timestamp_millis())
    }

    /// The account of a name, when the password is right. `from` is the address at the other end
    /// of the connection, and never one that the caller wrote somewhere: tries are counted by it.
    pub async fn by_password(
        &self,
        name: &str,
        password: &str,
        from: IpAddr,
        now: DateTime<Utc>,
    ) -> Result<StampAccountId, AuthError> {
        let inner = &self.0;
        let at = now.timestamp_millis();
        let name = lower(name);
        let digest = inner.successes.digest(&name, password);
        if let Some(account) = inner.fresh(&name, &digest, at) {
            return Ok(account);
        }
        let mut end = match inner.check(&name, password, digest, from, at)? {
            Check::Known(account) => return Ok(account),
            Check::UnderWay(end) => end,
        };
        let outcome = match end.wait_for(Option::is_some).await {
            Ok(outcome) => outcome.clone().unwrap_or(Err(AuthError::Busy)),
            Err(_) => Err(AuthError::Busy),
        };
        // Also for one that joined the equal try of another caller. Wrong ones are not counted
        // for it: it learned no more than by asking twice.
        if outcome.is_ok() {
            inner.throttle.succeed(&name, from);
        }
        outcome
    }

    async fn hash(&self, password: Password) -> Result<String, CredentialError> {
        let mut salt = [0; 16];
        self.0.random.lock().fill_bytes(&mut salt);
        let (answer, outcome) = oneshot::channel();
        let inner = Arc::clone(&self.0);
        let task = move || {
            let hash = inner.hasher.hash(password.expose(), &salt);
            // Before the answer: who gets it may be about to end the pool.
            drop(inner);
            drop(answer.send(hash));
        };
        self.0.reserved.submit(Box::new(task)).map_err(|_| CredentialError::Busy)?;
        outcome.await.unwrap_or(Err(CredentialError::Busy))
    }
}

impl Inner {
    /// The account, when the password was found right a moment ago.
    pub(super) fn fresh(&self, name: &str, digest: &Digest, at: i64) -> Option<StampAccountId> {
        let (account, checked_at) = self.successes.find(name, digest)?;
        let age = at - checked_at;
        (0..self.settings.cache_ttl.num_milliseconds()).contains(&age).then_some(account)
    }

    pub(super) fn password_record(&self, name: &str) -> Result<Option<PasswordRecord>, StoreError> {
        let key = name.as_bytes();
        self.store.get(PASSWORD, key)?.map(|bytes| decode(PASSWORD, key, &bytes)).transpose()
    }

    /// Hashes a password that was right with the parameters of today. When that fails, the old
    /// hash stays good.
    pub(super) fn renew_hash(self: &Arc<Self>, name: &str, password: &str, old: &PasswordRecord) {
        let mut salt = [0; 16];
        self.random.lock().fill_bytes(&mut salt);
        let Ok(phc) = self.hasher.hash(password, &salt) else { return };
        let (name, old) = (name.to_owned(), old.clone());
        let work = move |tx: &mut dyn store::Transaction| {
            let key = name.as_bytes();
            let now = tx.get(PASSWORD, key)?;
            let now: Option<PasswordRecord> =
                now.map(|bytes| decode(PASSWORD, key, &bytes)).transpose()?;
            if now.is_some_and(|now| now == old) {
                tx.put(PASSWORD, key, &encode(&PasswordRecord { phc, ..old }, 160));
            }
            Ok(())
        };
        // Nobody waits for this; the next success tries again.
        drop(self.begin(work, |_| {}));
    }
}

/// A name as it is compared: in lower case. Most are already, and cost nothing.
///
/// What cannot be a name is cut, and marked with a character that no name has: it is counted and
/// checked like any unknown name, and takes no more memory than one.
fn lower(name: &str) -> Cow<'_, str> {
    if name.len() > 64 {
        let head: String = name.chars().take(32).collect();
        return Cow::Owned(format!("{head}!"));
    }
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Cow::Owned(name.to_ascii_lowercase());
    }
    Cow::Borrowed(name)
}
