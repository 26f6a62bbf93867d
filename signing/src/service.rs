//! The acts: authorise, open a window, sign. Each changes the authorisation in one transaction
//! before the key is used, and in a second one after it.

use crate::SignatureAlgorithm;
use crate::activation::Activation;
use crate::authorisation::{Authorisation, End, Reserved};
use crate::error::SignError;
use crate::factors::{AccessFacts, AccessRef, CredentialRef, Factors, HolderRef};
use crate::hashes::HashesToSign;
use crate::key::{HolderKey, KeyFault};
use crate::sad::SignatureActivationData;
use crate::store::{Authorisations, Entry, Note, NoteKind, Place};
use crate::vault::Vault;
use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;
use rand::CryptoRng;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use tracing::error;

/// What can be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long an authorisation of two factors lives.
    pub lifetime: TimeDelta,
    /// Most signatures of a window.
    pub window_signatures: u32,
    /// The longest window.
    pub window_time: TimeDelta,
    /// Most keys that are unlocked at the same time.
    pub unlocked_keys: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            lifetime: TimeDelta::seconds(300),
            window_signatures: 10_000,
            window_time: TimeDelta::hours(8),
            unlocked_keys: 10_000,
        }
    }
}

/// An authorisation that was kept. The SAD is shown here once.
#[derive(Debug)]
pub struct Granted {
    /// The bearer of the authorisation.
    pub sad: SignatureActivationData,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
}

/// A window that an authenticated system asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowRequest {
    /// How to sign.
    pub algorithm: SignatureAlgorithm,
    /// How many signatures at most.
    pub signatures: u32,
    /// Until when.
    pub ends_at: DateTime<Utc>,
}

/// Who signs: the access or the system that an authorisation was given to.
pub enum By<'a, F: Factors> {
    /// A session or a device of the holder.
    Access(&'a F::Access),
    /// A system that is registered for an automatic credential.
    System(&'a F::System),
}

/// Hash signing. Cloning it gives another handle to the same one.
pub struct Signing<F, A>(Arc<Inner<A>>, PhantomData<fn() -> F>);

struct Inner<A> {
    settings: Settings,
    authorisations: A,
    random: Mutex<Box<dyn CryptoRng + Send>>,
    vault: Vault,
}

/// Rows that are reserved, and the key to use for them.
pub(crate) struct InUse {
    held: Held,
    key: Arc<dyn HolderKey>,
}

/// Rows that are reserved, to be settled.
pub(crate) struct Held {
    place: Place,
    holder: HolderRef,
    reserved: Reserved,
    what: HashesToSign,
}

/// How a row ended, and the serial number of its stamp.
pub(crate) type Ended = (End, Option<[u8; 16]>);

impl<F: Factors, A: Authorisations> Signing<F, A> {
    /// Signing with these authorisations. `random` gives the SADs.
    pub fn new(
        settings: Settings,
        authorisations: A,
        random: impl CryptoRng + Send + 'static,
    ) -> Self {
        let vault = Vault::new(settings.unlocked_keys);
        let random = Mutex::new(Box::new(random) as Box<dyn CryptoRng + Send>);
        Self(Arc::new(Inner { settings, authorisations, random, vault }), PhantomData)
    }

    /// What a one-time password for this signature over this access is bound to: 32 octets that
    /// stand for holder, access, credential, algorithm and every hash.
    #[must_use]
    pub fn binding(&self, access: &F::Access, what: &HashesToSign) -> [u8; 32] {
        what.binding(&F::access(access))
    }

    /// Exchanges both factors for a SAD over these hashes.
    ///
    /// # Errors
    /// Each way in which the proofs, the hashes and the access do not belong together has its own;
    /// [`SignError::CredentialNotActive`], [`SignError::SadWithdrawn`] when the credential changed
    /// since the PIN was tried, and [`SignError::Busy`].
    pub async fn authorize(
        &self,
        access: &F::Access,
        what: HashesToSign,
        pin: F::Pin,
        otp: F::Otp,
        now: DateTime<Utc>,
    ) -> Result<Granted, SignError> {
        let settings = &self.0.settings;
        let activation = Activation::two_factors::<F>(access, &what, (pin, otp), settings, now)?;
        self.grant(activation, now).await
    }

    /// Exchanges an authenticated system and the PIN of its automatic credential for a SAD over
    /// a bounded number of signatures, within a bounded time.
    ///
    /// # Errors
    /// Like [`Signing::authorize`]; [`SignError::NotAutomatic`] for any other credential.
    pub async fn open_window(
        &self,
        system: &F::System,
        request: WindowRequest,
        pin: F::Pin,
        now: DateTime<Utc>,
    ) -> Result<Granted, SignError> {
        let activation = Activation::window::<F>(system, request, pin, &self.0.settings, now)?;
        self.grant(activation, now).await
    }

    async fn grant(
        &self,
        activation: Activation,
        now: DateTime<Utc>,
    ) -> Result<Granted, SignError> {
        let Activation { authorisation, key, told } = activation;
        let sad = SignatureActivationData::generate(&mut **self.0.random.lock());
        let place = Place { sad: sad.key(), credential: authorisation.credential() };
        let expires_at = authorisation.expires_at();
        // The key first: an authorisation without one would be of no use to anybody.
        let whose = (place.credential, authorisation.access());
        self.0.vault.keep(place.sad, whose, key, (now, expires_at))?;
        let keep = move |entry: &mut Entry| {
            let standing = entry.standing.ok_or(SignError::UnknownCredential)?;
            authorisation.stands(standing)?;
            note(entry, authorisation.holder(), place.credential, told);
            entry.authorisation = Some(authorisation);
            Ok(())
        };
        let kept = self.0.authorisations.act(place, now, keep).await;
        kept.inspect_err(|_| self.0.vault.forget(place.sad))?;
        Ok(Granted { sad, expires_at })
    }

    /// Signs hashes that were authorised: all of them, or none. The signature values come in the
    /// order of `what`, which need not be that of the authorisation, nor all of it.
    ///
    /// When this future is dropped, what it reserved is not free again.
    ///
    /// # Errors
    /// Each binding of the SAD that is broken has its own; [`SignError::KeyFailed`] and
    /// [`SignError::Unclear`] leave the hashes burned.
    pub async fn sign(
        &self,
        by: By<'_, F>,
        sad: &SignatureActivationData,
        what: &HashesToSign,
        now: DateTime<Utc>,
    ) -> Result<Vec<Vec<u8>>, SignError> {
        let in_use = self.reserve(by, sad, what, now).await?;
        let (held, signatures) = self.use_key(in_use, now).await?;
        let ends = vec![(End::Used, None); signatures.len()];
        self.settle(held, ends, now).await?;
        Ok(signatures)
    }

    /// Reserves rows durably. From here on they are never free again.
    pub(crate) async fn reserve(
        &self,
        by: By<'_, F>,
        sad: &SignatureActivationData,
        what: &HashesToSign,
        now: DateTime<Utc>,
    ) -> Result<InUse, SignError> {
        let by = facts(&by, what)?;
        let place = Place { sad: sad.key(), credential: what.credential() };
        let key = self.0.vault.key(place.sad);
        // Nothing is burned for a device that is known to be away.
        if let Some(key) = key.as_ref().filter(|key| key.in_device()) {
            ask(Arc::clone(key)).await?;
        }
        let unlocked = key.is_some();
        let asked = what.clone();
        let reserve = move |entry: &mut Entry| {
            let standing = entry.standing;
            let authorisation = entry.authorisation.as_mut().ok_or(SignError::UnknownSad)?;
            // A credential that does not exist cannot be the one that was authorised: that is
            // said before its standing is asked for.
            if place.credential != authorisation.credential() {
                refuse_others(authorisation, &by)?;
                return Err(SignError::SadForOtherCredential);
            }
            let standing = standing.ok_or(SignError::UnknownCredential)?;
            let reserved = authorisation.reserve(&by, &asked, standing, now)?;
            // Last, so that the other answers do not depend on it; the `Err` undoes the rows.
            if unlocked { Ok(reserved) } else { Err(SignError::KeyLocked) }
        };
        let reserved = self.0.authorisations.act(place, now, reserve).await?;
        let key = key.ok_or(SignError::KeyLocked)?;
        let held = Held { place, holder: by.holder, reserved, what: what.clone() };
        Ok(InUse { held, key })
    }

    /// Uses the key, on a thread that may block. On a fault the rows are burned.
    pub(crate) async fn use_key(
        &self,
        in_use: InUse,
        now: DateTime<Utc>,
    ) -> Result<(Held, Vec<Vec<u8>>), SignError> {
        let InUse { held, key } = in_use;
        let what = held.what.clone();
        let work = tokio::task::spawn_blocking(move || sign_all(&*key, &what));
        let fault = match work.await {
            Ok(Ok(signatures)) => return Ok((held, signatures)),
            Ok(Err(fault)) => fault.to_string(),
            Err(panicked) => panicked.to_string(),
        };
        error!(credential = ?held.place.credential, fault, "a key could not be used");
        let ends = vec![(End::Burned, None); held.what.hashes().len()];
        match self.settle(held, ends, now).await {
            Ok(()) => Err(SignError::KeyFailed),
            Err(unclear) => Err(unclear),
        }
    }

    /// Records how the rows ended. Only after this may a signature value leave.
    ///
    /// The credential is asked once more: what was suspended while its key was in use is not
    /// handed out.
    pub(crate) async fn settle(
        &self,
        held: Held,
        ends: Vec<Ended>,
        now: DateTime<Utc>,
    ) -> Result<(), SignError> {
        let place = held.place;
        let settle = move |entry: &mut Entry| {
            let standing = entry.standing.ok_or(SignError::UnknownCredential)?;
            let authorisation = entry.authorisation.as_mut().ok_or(SignError::Unclear)?;
            let withdrawn = authorisation.stands(standing);
            let end = |end: &Ended| if withdrawn.is_ok() { end.0 } else { End::Burned };
            let given: Vec<End> = ends.iter().map(end).collect();
            authorisation.settle(&held.reserved, &given)?;
            let spent = authorisation.is_spent();
            let algorithm = held.what.algorithm();
            for ((hash, end), (_, stamp)) in held.what.hashes().iter().zip(given).zip(ends) {
                let hash = hash.clone();
                let kind = match end {
                    End::Used => NoteKind::Signed { hash, algorithm, stamp },
                    End::Burned => NoteKind::Burned { hash, algorithm },
                };
                note(entry, held.holder, place.credential, kind);
            }
            // Not an `Err`, which would undo what was just written.
            Ok((spent, withdrawn))
        };
        match self.0.authorisations.act(place, now, settle).await {
            Ok((spent, withdrawn)) => {
                if spent || withdrawn.is_err() {
                    self.0.vault.forget(place.sad);
                }
                withdrawn
            }
            Err(fault) => {
                error!(%fault, credential = ?place.credential, "a signature was not recorded");
                Err(SignError::Unclear)
            }
        }
    }

    /// Locks every key of a credential at once. To be called when it was suspended, locked or
    /// revoked, or its PIN changed; its epoch keeps its authorisations from being used in any case.
    pub fn forget(&self, credential: CredentialRef) {
        self.0.vault.forget_credential(credential);
    }

    /// Locks every key that was unlocked over an access at once. To be called when it ended: its
    /// authorisations cannot be used any more in any case.
    pub fn forget_access(&self, access: AccessRef) {
        self.0.vault.forget_access(access);
    }

    /// For which credentials keys are unlocked now, and over which accesses: so that a timer can
    /// look whether those still stand.
    #[must_use]
    pub fn unlocked(&self) -> Vec<(CredentialRef, AccessRef)> {
        self.0.vault.unlocked()
    }

    /// Keys that are unlocked now.
    #[must_use]
    pub fn unlocked_keys(&self) -> usize {
        self.0.vault.len()
    }

    /// Work for a timer: locks keys whose authorisations expired, and deletes those a minute
    /// after. What was reserved in them and never settled goes into the history as burned.
    ///
    /// # Errors
    /// [`SignError::Unavailable`]; the next call goes on where this one ended.
    pub async fn tick(&self, now: DateTime<Utc>) -> Result<(), SignError> {
        self.0.vault.forget_expired(now);
        let long_ago = now - TimeDelta::seconds(60);
        let mut outcome = Ok(());
        for place in self.0.authorisations.expired(long_ago, 1_000).await? {
            // One that does not read stays, and stops none of those behind it.
            let lapsed = self.0.authorisations.act(place, now, lapse(place, long_ago)).await;
            outcome = outcome.and(lapsed);
        }
        outcome
    }
}

/// Deletes an authorisation that expired before then.
fn lapse(
    place: Place,
    before: DateTime<Utc>,
) -> impl FnOnce(&mut Entry) -> Result<(), SignError> + Send + 'static {
    move |entry| {
        let Some(mut old) = entry.authorisation.take_if(|kept| kept.expires_at() < before) else {
            return Ok(());
        };
        let (holder, algorithm) = (old.holder(), old.algorithm());
        for hash in old.lapse() {
            note(entry, holder, place.credential, NoteKind::Burned { hash, algorithm });
        }
        Ok(())
    }
}

/// Whose request it is. A system that names another credential than its own is refused here.
fn facts<F: Factors>(by: &By<'_, F>, what: &HashesToSign) -> Result<AccessFacts, SignError> {
    match by {
        By::Access(access) => Ok(F::access(access)),
        By::System(system) => {
            let system = F::system(system);
            if system.credential != what.credential() {
                return Err(SignError::SystemOfOtherCredential);
            }
            Ok(AccessFacts { holder: system.holder, access: system.access })
        }
    }
}

/// Whose an authorisation is comes before what it is for.
fn refuse_others(authorisation: &Authorisation, by: &AccessFacts) -> Result<(), SignError> {
    if authorisation.holder() != by.holder {
        return Err(SignError::SadOfOtherHolder);
    }
    if authorisation.access() != by.access {
        return Err(SignError::SadOfOtherAccess);
    }
    Ok(())
}

/// Asks a key's device, on a thread that may block.
async fn ask(key: Arc<dyn HolderKey>) -> Result<(), SignError> {
    let asked = tokio::task::spawn_blocking(move || key.probe()).await;
    let fault = match asked {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(fault)) => fault.to_string(),
        Err(panicked) => panicked.to_string(),
    };
    error!(fault, "a key cannot be reached");
    Err(SignError::KeyAway)
}

fn sign_all(key: &dyn HolderKey, what: &HashesToSign) -> Result<Vec<Vec<u8>>, KeyFault> {
    what.hashes().iter().map(|hash| key.sign_digest(what.algorithm(), hash)).collect()
}

fn note(entry: &mut Entry, holder: HolderRef, credential: CredentialRef, kind: NoteKind) {
    entry.notes.push(Note { holder, credential, kind });
}

impl<F, A> Clone for Signing<F, A> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0), PhantomData)
    }
}

impl<F, A> fmt::Debug for Signing<F, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signing").field("unlocked", &self.0.vault.len()).finish_non_exhaustive()
    }
}
