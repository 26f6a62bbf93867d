//! Which keys may stay unlocked in memory: those whose credential still signs, over an access that
//! still lives. All others are locked again.
//!
//! None of those could sign any more (the room that signs asks again in each act), but a key that
//! nobody can use has no business in memory. Acts that end an access or a credential lock its keys
//! at once; the timer finds what ended in any other way, as by time or in the CA itself.

use super::room::shown;
use super::{HolderCa, HolderSigning, credential_reference};
use crate::service::Service;
use accounts::holders::{CredentialId, HolderError, HolderId, Holders};
use chrono::{DateTime, Utc};
use signing::{AccessRef, CredentialRef, CredentialState};
use std::collections::HashSet;

impl Service {
    /// Locks the keys whose credential does not sign any more, or whose access ended: those of a
    /// holder, or all.
    pub(crate) async fn lock_dead_keys(&self, of: Option<HolderId>) {
        if self.signing.unlocked_keys() == 0 {
            return;
        }
        let room = KeyRoom {
            holders: self.holders.clone(),
            ca: self.holder_ca.clone(),
            signing: self.signing.clone(),
            now: self.clock.now(),
        };
        // There may be thousands of keys, with some reads for each.
        let looked = tokio::task::spawn_blocking(move || room.lock_dead(of)).await;
        if let Ok(Err(error)) = looked {
            tracing::error!(%error, "some keys are locked at their ends only");
        }
    }
}

struct KeyRoom {
    holders: Holders,
    ca: HolderCa,
    signing: HolderSigning,
    now: DateTime<Utc>,
}

impl KeyRoom {
    fn lock_dead(&self, of: Option<HolderId>) -> Result<(), HolderError> {
        let own = of.map(|holder| self.credentials_of(holder)).transpose()?;
        let mut unlocked = self.signing.unlocked();
        unlocked.retain(|(credential, _)| own.as_ref().is_none_or(|own| own.contains(credential)));
        let credentials: HashSet<CredentialRef> = unlocked.iter().map(|(one, _)| *one).collect();
        let accesses: HashSet<AccessRef> = unlocked.iter().map(|(_, one)| *one).collect();
        for credential in credentials {
            if !self.signs(credential)? {
                self.signing.forget(credential);
            }
        }
        for access in accesses {
            if !self.holders.access_lives(&access.0, self.now)? {
                self.signing.forget_access(access);
            }
        }
        Ok(())
    }

    fn credentials_of(&self, holder: HolderId) -> Result<HashSet<CredentialRef>, HolderError> {
        let credentials = self.holders.credentials_of(holder, self.now)?;
        Ok(credentials.into_iter().map(|one| credential_reference(one.id)).collect())
    }

    fn signs(&self, credential: CredentialRef) -> Result<bool, HolderError> {
        let standing = self.holders.standing(CredentialId::new(credential.0), self.now)?;
        let state = standing.map(|standing| shown(&self.ca, &standing).state);
        Ok(state == Some(CredentialState::Active))
    }
}
