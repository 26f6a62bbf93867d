//! The keys that are unlocked now: in memory, each for as long as its authorisation.
//!
//! A credential has a few of them at a time. One more is no reason to refuse its holder, who may
//! have left the others behind without a way to end them: the oldest one is locked instead. So
//! no credential takes the places of the others.

use crate::error::SignError;
use crate::factors::{AccessRef, CredentialRef};
use crate::key::HolderKey;
use crate::sad::SadKey;
use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;

/// Unlocked keys by authorisation, up to a limit.
pub(crate) struct Vault {
    limit: usize,
    of_credential: usize,
    keys: Mutex<Keys>,
}

#[derive(Default)]
struct Keys {
    by_sad: HashMap<SadKey, Unlocked>,
    /// The number of the next key.
    next: u64,
}

struct Unlocked {
    /// Grows with each key.
    number: u64,
    key: Arc<dyn HolderKey>,
    credential: CredentialRef,
    access: AccessRef,
    until: DateTime<Utc>,
}

impl Vault {
    /// For `limit` keys, `of_credential` of the same credential.
    pub(crate) fn new(limit: usize, of_credential: usize) -> Self {
        Self { limit, of_credential: of_credential.max(1), keys: Mutex::default() }
    }

    /// Keeps a key until then, when there is room. Of a credential that has as many as it may, the
    /// oldest one is locked.
    pub(crate) fn keep(
        &self,
        sad: SadKey,
        (credential, access): (CredentialRef, AccessRef),
        key: Arc<dyn HolderKey>,
        (now, until): (DateTime<Utc>, DateTime<Utc>),
    ) -> Result<(), SignError> {
        let mut keys = self.keys.lock();
        let Keys { by_sad, next } = &mut *keys;
        if by_sad.len() >= self.limit {
            by_sad.retain(|_, unlocked| now < unlocked.until);
        }
        let own = by_sad.iter().filter(|(_, unlocked)| unlocked.credential == credential);
        let mut own: Vec<_> = own.map(|(sad, unlocked)| (unlocked.number, *sad)).collect();
        if own.len() >= self.of_credential {
            own.sort_unstable_by_key(|(number, _)| *number);
            for (_, oldest) in own.drain(..=own.len() - self.of_credential) {
                by_sad.remove(&oldest);
            }
        }
        if by_sad.len() >= self.limit {
            return Err(SignError::Busy);
        }
        by_sad.insert(sad, Unlocked { number: *next, key, credential, access, until });
        *next += 1;
        Ok(())
    }

    /// The key of an authorisation, while it is unlocked.
    pub(crate) fn key(&self, sad: SadKey) -> Option<Arc<dyn HolderKey>> {
        self.keys.lock().by_sad.get(&sad).map(|unlocked| Arc::clone(&unlocked.key))
    }

    pub(crate) fn forget(&self, sad: SadKey) {
        self.keys.lock().by_sad.remove(&sad);
    }

    pub(crate) fn forget_credential(&self, credential: CredentialRef) {
        self.keys.lock().by_sad.retain(|_, unlocked| unlocked.credential != credential);
    }

    pub(crate) fn forget_access(&self, access: AccessRef) {
        self.keys.lock().by_sad.retain(|_, unlocked| unlocked.access != access);
    }

    /// For which credentials keys are unlocked, and over which accesses.
    pub(crate) fn unlocked(&self) -> Vec<(CredentialRef, AccessRef)> {
        let keys = self.keys.lock();
        keys.by_sad.values().map(|unlocked| (unlocked.credential, unlocked.access)).collect()
    }

    pub(crate) fn forget_expired(&self, now: DateTime<Utc>) {
        self.keys.lock().by_sad.retain(|_, unlocked| now < unlocked.until);
    }

    pub(crate) fn len(&self) -> usize {
        self.keys.lock().by_sad.len()
    }
}
