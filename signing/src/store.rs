//! The port through which authorisations are kept, and what the house says of a credential.

use crate::algorithm::SignatureAlgorithm;
use crate::authorisation::Authorisation;
use crate::error::SignError;
use crate::factors::{CredentialRef, HolderRef};
use crate::sad::SadKey;
use chrono::{DateTime, Utc};
use std::fmt;
use std::future::Future;

/// Where a credential is in its life, as far as signing asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CredentialState {
    /// It has no key yet.
    AwaitingActivation,
    /// It signs. The only state in which it does.
    Active,
    /// It was suspended.
    Suspended,
    /// Too many wrong PINs.
    PinLocked,
    /// It was revoked.
    Revoked,
    /// Its certificate is past its end.
    Expired,
}

impl CredentialState {
    /// The state in words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AwaitingActivation => "awaiting activation",
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::PinLocked => "locked after wrong PINs",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
        }
    }
}

impl fmt::Display for CredentialState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What a credential is allowed now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Where it is in its life.
    pub state: CredentialState,
    /// A number that grows with every event that must end what was authorised before: suspension,
    /// revocation, a new PIN, a lock. An authorisation of an older epoch stays dead, also when
    /// the credential is active again.
    pub epoch: u64,
}

/// Where to act: the authorisation, and the credential that the request names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The authorisation.
    pub sad: SadKey,
    /// The credential whose standing counts.
    pub credential: CredentialRef,
}

/// What an act sees and changes, inside one transaction.
#[derive(Clone, Debug, Default)]
pub struct Entry {
    /// What is kept under [`Place::sad`]; `None` deletes it.
    pub authorisation: Option<Authorisation>,
    /// How [`Place::credential`] stands now; `None` when there is no such credential.
    pub standing: Option<Standing>,
    /// What the act adds to the holder's history.
    pub notes: Vec<Note>,
}

/// One line of the holder's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Whose history.
    pub holder: HolderRef,
    /// With which credential.
    pub credential: CredentialRef,
    /// What happened.
    pub kind: NoteKind,
}

/// What is told of signing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoteKind {
    /// Both factors were right; so many hashes may be signed.
    Authorised {
        /// How many.
        hashes: u32,
        /// How.
        algorithm: SignatureAlgorithm,
        /// Until when.
        expires_at: DateTime<Utc>,
    },
    /// A window was opened for an authenticated system.
    WindowOpened {
        /// How many signatures at most.
        signatures: u32,
        /// How.
        algorithm: SignatureAlgorithm,
        /// Until when.
        expires_at: DateTime<Utc>,
    },
    /// A signature value is handed out.
    Signed {
        /// Over this hash.
        hash: Vec<u8>,
        /// How.
        algorithm: SignatureAlgorithm,
        /// Serial number of its time-stamp, when it has one.
        stamp: Option<[u8; 16]>,
    },
    /// The key was perhaps used, and no signature value was handed out.
    Burned {
        /// Over this hash.
        hash: Vec<u8>,
        /// How.
        algorithm: SignatureAlgorithm,
    },
}

/// Durable storage of authorisations.
pub trait Authorisations: Send + Sync + 'static {
    /// Runs `act` on what is kept at `place` and on the standing of its credential, in one
    /// serializable transaction.
    ///
    /// When this returns `Ok`, the entry as `act` left it and its notes are durable together. When
    /// `act` refuses, nothing is written and its error comes back. `act` runs at most once.
    ///
    /// # Errors
    /// Those of `act`; [`SignError::Unavailable`] when the store does not answer.
    fn act<T, A>(
        &self,
        place: Place,
        now: DateTime<Utc>,
        act: A,
    ) -> impl Future<Output = Result<T, SignError>> + Send
    where
        T: Send + 'static,
        A: FnOnce(&mut Entry) -> Result<T, SignError> + Send + 'static;

    /// Up to `limit` authorisations that expired before `now`, for [`Signing::tick`].
    ///
    /// [`Signing::tick`]: crate::Signing::tick
    ///
    /// # Errors
    /// [`SignError::Unavailable`].
    fn expired(
        &self,
        now: DateTime<Utc>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Place>, SignError>> + Send;
}
