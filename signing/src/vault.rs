//! The keys that are unlocked now: in memory, each for as long as its authorisation.

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
    keys: Mutex<HashMap<SadKey, Unlocked>>,
}

struct Unlocked {
    key: Arc<dyn HolderKey>,
    credential: CredentialRef,
    access: AccessRef,
    until: DateTime<Utc>,
}

impl Vault {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, keys: Mutex::default() }
    }

    /// Keeps a key until then, when there is room.
    pub(crate) fn keep(
        &self,
        sad: SadKey,
        (credential, access): (CredentialRef, AccessRef),
        key: Arc<dyn HolderKey>,
        (now, until): (DateTime<Utc>, DateTime<Utc>),
    ) -> Result<(), SignError> {
        let mut keys = self.keys.lock();
        if keys.len() >= self.limit {
            keys.retain(|_, unlocked| now < unlocked.until);
        }
        if keys.len() >= self.limit {
            return Err(SignError::Busy);
        }
        keys.insert(sad, Unlocked { key, credential, access, until });
        Ok(())
    }

    /// The key of an authorisation, while it is unlocked.
    pub(crate) fn key(&self, sad: SadKey) -> Option<Arc<dyn HolderKey>> {
        self.keys.lock().get(&sad).map(|unlocked| Arc::clone(&unlocked.key))
    }

    pub(crate) fn forget(&self, sad: SadKey) {
        self.keys.lock().remove(&sad);
    }

    pub(crate) fn forget_credential(&self, credential: CredentialRef) {
        self.keys.lock().retain(|_, unlocked| unlocked.credential != credential);
    }

    pub(crate) fn forget_access(&self, access: AccessRef) {
        self.keys.lock().retain(|_, unlocked| unlocked.access != access);
    }

    /// For which credentials keys are unlocked, and over which accesses.
    pub(crate) fn unlocked(&self) -> Vec<(CredentialRef, AccessRef)> {
        self.keys.lock().values().map(|unlocked| (unlocked.credential, unlocked.access)).collect()
    }

    pub(crate) fn forget_expired(&self, now: DateTime<Utc>) {
        self.keys.lock().retain(|_, unlocked| now < unlocked.until);
    }

    pub(crate) fn len(&self) -> usize {
        self.keys.lock().len()
    }
}
