//! Passwords that were right a moment ago, so that a tool that sends its password with every
//! request does not pay for argon2 each time.
//!
//! What is kept is a hash under a key of this process, never the password. A change of the
//! password takes the entry away in the same breath as it becomes durable.

use super::keyed::{Digest, Keyed};
use crate::StampAccountId;
use parking_lot::RwLock;
use std::collections::HashMap;
use subtle::ConstantTimeEq;

/// Names with the password that was right for them.
pub(crate) struct Successes {
    keyed: Keyed,
    most: usize,
    state: RwLock<State>,
}

#[derive(Default)]
struct State {
    /// Grows with every change of a password: what was checked before one is not remembered
    /// after it.
    epoch: u64,
    names: HashMap<String, Success>,
}

#[derive(Clone, Copy)]
struct Success {
    digest: Digest,
    account: StampAccountId,
    checked_at: i64,
}

impl Successes {
    pub(crate) fn new(key: &[u8; 64], most: usize) -> Self {
        Self { keyed: Keyed::new(key), most: most.max(1), state: RwLock::default() }
    }

    /// The digest of a name in lower case and a password.
    pub(crate) fn digest(&self, name: &str, password: &str) -> Digest {
        self.keyed.digest(name, password.as_bytes())
    }

    /// The account of a name whose password with this digest was right, and when it was checked.
    pub(crate) fn find(&self, name: &str, digest: &Digest) -> Option<(StampAccountId, i64)> {
        let state = self.state.read();
        let success = state.names.get(name)?;
        bool::from(success.digest.ct_eq(digest)).then_some((success.account, success.checked_at))
    }

    /// To be read before the record that a password is checked against.
    pub(crate) fn epoch(&self) -> u64 {
        self.state.read().epoch
    }

    /// Remembers a success, unless a password was changed since `epoch`.
    pub(crate) fn insert(
        &self,
        name: &str,
        digest: Digest,
        account: StampAccountId,
        now: i64,
        epoch: u64,
    ) {
        let mut state = self.state.write();
        if state.epoch != epoch {
            return;
        }
        if state.names.len() >= self.most && !state.names.contains_key(name) {
            let oldest = state.names.iter().min_by_key(|(_, s)| s.checked_at);
            if let Some(oldest) = oldest.map(|(name, _)| name.clone()) {
                state.names.remove(&oldest);
            }
        }
        state.names.insert(name.to_owned(), Success { digest, account, checked_at: now });
    }

    /// Forgets a name: its password is another one now.
    pub(crate) fn forget(&self, name: &str) {
        let mut state = self.state.write();
        state.epoch += 1;
        state.names.remove(name);
    }
}
