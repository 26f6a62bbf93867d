//! API keys: 128 random bits behind a prefix, kept as a hash, at most two alive for an account.

use super::error::{AuthError, CredentialError};
use super::job::needs_account;
use super::records::ApiKeyRecord;
use super::secret::{ApiKey, prefix_of};
use super::tables::{ACCOUNT_KEY, API_KEY};
use super::{Credentials, Inner};
use crate::StampAccountId;
use crate::encoding::{damaged, decode, encode};
use crate::stamps::tables::account_key;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use openssl::sha::sha256;
use parking_lot::RwLock;
use std::collections::HashMap;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use store::{Order, StoreError, Transaction};
use subtle::ConstantTimeEq;

/// Keys alive for an account: the one in use, and the one that it changes to.
const MOST_ALIVE: usize = 2;
/// Keys of an account that are looked through, revoked ones included.
const MOST_KEPT: usize = 10_000;
const DAY: i64 = 86_400;

/// An API key as it may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKeyView {
    /// What it is found by.
    pub prefix: String,
    /// What it is for.
    pub label: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// The last day (UTC) on which it was used.
    pub last_used_on: Option<NaiveDate>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// Keys that were used lately, by prefix.
pub(super) struct KeyCache {
    most: usize,
    state: RwLock<Cached>,
}

#[derive(Default)]
struct Cached {
    /// Grows with every revocation: what was read before one is not remembered after it.
    epoch: u64,
    keys: HashMap<String, Arc<Key>>,
}

struct Key {
    account: StampAccountId,
    digest: [u8; 32],
    last_used_on: AtomicI64,
}

impl KeyCache {
    pub(super) fn new(most: usize) -> Self {
        Self { most: most.max(1), state: RwLock::default() }
    }

    fn revoke(&self, prefix: &str) {
        let mut state = self.state.write();
        state.epoch += 1;
        state.keys.remove(prefix);
    }

    fn insert(&self, prefix: &str, key: &Arc<Key>, epoch: u64) {
        let mut state = self.state.write();
        if state.epoch != epoch {
            return;
        }
        // Starting anew costs one read for each key in use, and needs no order of age.
        if state.keys.len() >= self.most {
            state.keys.clear();
        }
        state.keys.insert(prefix.to_owned(), Arc::clone(key));
    }
}

impl Credentials {
    /// Makes a key for an account. This is the only time that the key is seen.
    pub async fn issue_api_key(
        &self,
        account: StampAccountId,
        label: &str,
        now: DateTime<Utc>,
    ) -> Result<ApiKey, CredentialError> {
        loop {
            let key = ApiKey::generate(&mut **self.0.random.lock());
            match self.keep_api_key(account, &key, label, now).await {
                // 40 random bits of prefix: once in a lifetime.
                Err(CredentialError::PrefixTaken(_)) => {}
                Err(error) => return Err(error),
                Ok(()) => return Ok(key),
            }
        }
    }

    /// Takes in a key that was made elsewhere.
    pub async fn import_api_key(
        &self,
        account: StampAccountId,
        key: &str,
        label: &str,
        now: DateTime<Utc>,
    ) -> Result<(), CredentialError> {
        let key = ApiKey::parse(key)?;
        self.keep_api_key(account, &key, label, now).await
    }

    /// Revokes a key: refused from the moment that this is durable. A key that was revoked
    /// before stays so, with its first date.
    pub async fn revoke_api_key(
        &self,
        account: StampAccountId,
        prefix: &str,
        now: DateTime<Utc>,
    ) -> Result<(), CredentialError> {
        let (prefix, key) = (prefix.to_owned(), prefix.to_owned());
        let work = move |tx: &mut dyn Transaction| {
            let bytes = tx.get(API_KEY, key.as_bytes())?;
            let record: Option<ApiKeyRecord> =
                bytes.map(|bytes| decode(API_KEY, key.as_bytes(), &bytes)).transpose()?;
            let record = record.filter(|record| record.account == account.number());
            let unknown = || CredentialError::UnknownKey { account, prefix: key.clone() };
            let mut record = record.ok_or_else(unknown)?;
            if record.revoked_at.is_none() {
                record.revoked_at = Some(now.timestamp_millis());
                tx.put(API_KEY, key.as_bytes(), &encode(&record, 128));
            }
            Ok(())
        };
        self.0.transact(work, move |inner| inner.keys.revoke(&prefix)).await
    }

    /// All keys of an account, revoked ones too, in the order of their prefixes.
    pub fn list_api_keys(
        &self,
        account: StampAccountId,
    ) -> Result<Vec<ApiKeyView>, CredentialError> {
        let (from, to) = key_range(account);
        let (from, to) = (Bound::Included(from.as_slice()), Bound::Excluded(to.as_slice()));
        let store = &self.0.store;
        let rows = store.scan(ACCOUNT_KEY, from, to, Order::Ascending, MOST_KEPT)?;
        let mut views = Vec::with_capacity(rows.len());
        for (row, _) in rows {
            let prefix = row.get(8..).unwrap_or_default();
            if let Some(bytes) = store.get(API_KEY, prefix)? {
                views.push(view(prefix, decode(API_KEY, prefix, &bytes)?));
            }
        }
        Ok(views)
    }

    /// The account of a key. Waits for nothing; the date of its last use is written later.
    pub fn by_api_key(&self, key: &str, now: DateTime<Utc>) -> Result<StampAccountId, AuthError> {
        let prefix = prefix_of(key).ok_or(AuthError::Denied)?;
        let digest = sha256(key.as_bytes());
        let Some(known) = self.0.key(prefix)? else { return Err(AuthError::Denied) };
        if !bool::from(known.digest.ct_eq(&digest)) {
            return Err(AuthError::Denied);
        }
        let today = now.timestamp().div_euclid(DAY);
        if known.last_used_on.load(Ordering::Relaxed) < today
            && known.last_used_on.fetch_max(today, Ordering::Relaxed) < today
        {
            self.0.note_use(prefix, today);
        }
        Ok(known.account)
    }

    async fn keep_api_key(
        &self,
        account: StampAccountId,
        key: &ApiKey,
        label: &str,
        now: DateTime<Utc>,
    ) -> Result<(), CredentialError> {
        if !(1..=64).contains(&label.chars().count()) || label.chars().any(char::is_control) {
            return Err(CredentialError::BadLabel(label.chars().take(64).collect()));
        }
        let prefix = key.prefix().to_owned();
        let record = ApiKeyRecord {
            account: account.number(),
            digest: sha256(key.expose().as_bytes()),
            label: label.to_owned(),
            created_at: now.timestamp_millis(),
            last_used_on: None,
            revoked_at: None,
        };
        let work = move |tx: &mut dyn Transaction| {
            needs_account(tx, account)?;
            if tx.get(API_KEY, prefix.as_bytes())?.is_some() {
                return Err(CredentialError::PrefixTaken(prefix));
            }
            if alive(tx, account)? >= MOST_ALIVE {
                return Err(CredentialError::TooManyKeys(account));
            }
            tx.put(API_KEY, prefix.as_bytes(), &encode(&record, 128));
            tx.put(ACCOUNT_KEY, &[&account_key(account), prefix.as_bytes()].concat(), &[]);
            Ok(())
        };
        self.0.transact(work, |_| {}).await
    }
}

impl Inner {
    /// The key with this prefix, when there is one that is not revoked.
    fn key(&self, prefix: &str) -> Result<Option<Arc<Key>>, StoreError> {
        let epoch = {
            let state = self.keys.state.read();
            if let Some(key) = state.keys.get(prefix) {
                return Ok(Some(Arc::clone(key)));
            }
            state.epoch
        };
        let Some(bytes) = self.store.get(API_KEY, prefix.as_bytes())? else { return Ok(None) };
        let record: ApiKeyRecord = decode(API_KEY, prefix.as_bytes(), &bytes)?;
        if record.revoked_at.is_some() {
            return Ok(None);
        }
        let key = Arc::new(Key {
            account: StampAccountId::new(record.account),
            digest: record.digest,
            last_used_on: AtomicI64::new(record.last_used_on.unwrap_or(i64::MIN)),
        });
        self.keys.insert(prefix, &key, epoch);
        Ok(Some(key))
    }

    /// Queues the date of a key's last use: once a day for each key.
    pub(super) fn note_use(self: &Arc<Self>, prefix: &str, today: i64) {
        let prefix = prefix.to_owned();
        let work = move |tx: &mut dyn Transaction| {
            let Some(bytes) = tx.get(API_KEY, prefix.as_bytes())? else { return Ok(()) };
            let mut record: ApiKeyRecord = decode(API_KEY, prefix.as_bytes(), &bytes)?;
            if record.last_used_on < Some(today) {
                record.last_used_on = Some(today);
                tx.put(API_KEY, prefix.as_bytes(), &encode(&record, 128));
            }
            Ok(())
        };
        // A date is not worth a refusal: a store that takes no writes says so elsewhere.
        drop(self.begin(work, |_| {}));
    }
}

/// How many keys of an account are not revoked.
fn alive(tx: &dyn Transaction, account: StampAccountId) -> Result<usize, CredentialError> {
    let (from, to) = key_range(account);
    let (from, to) = (Bound::Included(from.as_slice()), Bound::Excluded(to.as_slice()));
    let mut count = 0;
    for (row, _) in tx.scan(ACCOUNT_KEY, from, to, Order::Ascending, MOST_KEPT)? {
        let prefix = row.get(8..).unwrap_or_default();
        let lost = || damaged(API_KEY, prefix, "a key that its account has is missing");
        let bytes = tx.get(API_KEY, prefix)?.ok_or_else(lost)?;
        let record: ApiKeyRecord = decode(API_KEY, prefix, &bytes)?;
        count += usize::from(record.revoked_at.is_none());
    }
    Ok(count)
}

/// The keys of an account's rows: from the first to before that of the next account.
pub(super) fn key_range(account: StampAccountId) -> ([u8; 8], [u8; 8]) {
    let next = StampAccountId::new(account.number().saturating_add(1));
    (account_key(account), account_key(next))
}

fn view(prefix: &[u8], record: ApiKeyRecord) -> ApiKeyView {
    let day = |day: i64| NaiveDate::default().checked_add_signed(TimeDelta::try_days(day)?);
    ApiKeyView {
        prefix: String::from_utf8_lossy(prefix).into_owned(),
        label: record.label,
        created_at: crate::stamps::instant(record.created_at),
        last_used_on: record.last_used_on.and_then(day),
        revoked_at: record.revoked_at.map(crate::stamps::instant),
    }
}
