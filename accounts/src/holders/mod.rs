//! Holders: the people who own remote-signature accounts.
//!
//! One room for each thing that a holder has or does, all of them methods of [`Holders`]:
//! [`registration`] brings a holder in, [`password`], `login` and `recovery` let the holder
//! in, [`otp`] is the second factor, [`history`] tells what happened, [`messages`] tells the
//! holder, and [`personal_data`] hands over or erases what is known. docs/ACCOUNTS.md draws the
//! state machines.
//!
//! No HTTP here, no clock, no files. Every act is one transaction: the change, the holder's
//! history, the audit trail and the notices are there together, or none of them is. What a stolen
//! store would give away is sealed or hashed under the [`Pepper`], which is kept outside it.

mod actor;
mod addresses;
pub mod authorisations;
mod bearer;
mod change;
mod counters;
pub mod credential;
pub mod devices;
mod error;
mod fields;
mod former;
pub mod history;
mod holder;
mod ids;
mod job;
mod keys;
mod link;
mod login;
pub mod messages;
mod notices;
mod numbers;
pub mod otp;
pub mod password;
mod pepper;
mod pepper_check;
mod pepper_use;
pub mod personal_data;
pub mod phone;
pub mod pin;
mod preferences;
pub mod qr;
pub mod question;
mod recovery;
pub mod registration;
pub mod renewal;
pub mod sessions;
mod settings;
mod stamp_link;
pub mod tables;
#[cfg(test)]
mod tests;
mod throttle;
pub mod totp;

pub use actor::Actor;
pub use addresses::{AddressKind, address_bound};
pub use bearer::SecretToken;
pub use change::{LinkView, TypedTwice};
pub use error::HolderError;
pub use fields::{Email, FieldRule, Language};
pub use holder::{HolderEvent, HolderStatus, HolderView, SignatureNotices};
pub use ids::{
    BadId, CredentialId, DeviceId, HolderId, MessageId, OperationId, QrLoginId, RegistrationId,
    SessionId,
};
pub use job::Room;
pub use keys::{
    KeyMaker, KeyMakerFault, KeyPair, SealedPair, SigningKeyKind, UnknownSigningKeyKind,
};
pub use link::{LinkEvent, LinkPurpose, LinkState};
pub use login::LoggedIn;
pub use numbers::PhoneNumber;
pub use pepper::{BadPepper, Key, Pepper};
pub use pepper_check::any_holder;
pub use pepper_use::{PepperUse, Peppered};
pub use settings::HolderSettings;
pub use stamp_link::StampLinkView;

use self::job::Workshop;
use crate::credentials::hashing::Hasher;
use crate::credentials::pool::Turn;
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{CryptoRng, SeedableRng};
use std::sync::Arc;
use store::Store;
use tokio::sync::Semaphore;

/// All holders of the service. Cloning it gives another handle to the same holders.
#[derive(Clone)]
pub struct Holders(Arc<Inner>);

/// What every room works with.
pub(crate) struct Inner {
    store: Arc<dyn Store>,
    pub(crate) settings: HolderSettings,
    pub(crate) pepper: Pepper,
    random: Mutex<Box<dyn CryptoRng + Send>>,
    /// What makes holders' keys.
    keys: Arc<dyn KeyMaker>,
    /// So many keys are made at once.
    making: Arc<Semaphore>,
    /// Those who wait for one, or have one made.
    waiting_for_keys: Arc<Semaphore>,
    hasher: Hasher,
    /// For what anybody may ask.
    front: Workshop,
    /// For the acts of those who are known.
    pub(crate) workshop: Workshop,
    /// Whose turn it is to tell a certificate's issuer news.
    turns: credential::Turns,
    /// Tries of PINs and PUKs that are being computed.
    flights: pin::Flights,
}

impl Holders {
    /// Opens the holders in `store`, whose keys are made in this process. `random` gives the
    /// secrets, salts and nonces.
    pub fn open(
        store: Arc<dyn Store>,
        settings: HolderSettings,
        pepper: Pepper,
        random: impl CryptoRng + Send + 'static,
    ) -> Result<Self, HolderError> {
        Self::open_with(store, settings, pepper, Arc::new(keys::SoftwareKeys), random)
    }

    /// As [`Holders::open`], with keys of whatever makes them: a device, say. Keys that were made
    /// elsewhere before go on.
    pub fn open_with(
        store: Arc<dyn Store>,
        settings: HolderSettings,
        pepper: Pepper,
        keys: Arc<dyn KeyMaker>,
        mut random: impl CryptoRng + Send + 'static,
    ) -> Result<Self, HolderError> {
        settings.check()?;
        let hasher = Hasher::new(settings.argon2, &mut random)?;
        let front = Workshop::open(&settings, Turn::Last)?;
        let workshop = Workshop::open(&settings, Turn::Behind)?;
        let making = settings.concurrent_checks.max(1);
        let waiting_for_keys = Arc::new(Semaphore::new(making + settings.queue / 2));
        let making = Arc::new(Semaphore::new(making));
        Ok(Self(Arc::new(Inner {
            store,
            settings,
            pepper,
            random: Mutex::new(Box::new(random)),
            keys,
            making,
            waiting_for_keys,
            hasher,
            front,
            workshop,
            turns: credential::Turns::default(),
            flights: pin::Flights::default(),
        })))
    }

    /// Argon2 computations since the start, those against nothing included. For metrics.
    #[must_use]
    pub fn password_checks(&self) -> u64 {
        self.0.hasher.statistics().password_checks
    }

    pub(crate) fn store(&self) -> &dyn Store {
        &*self.0.store
    }

    pub(crate) fn inner(&self) -> &Arc<Inner> {
        &self.0
    }
}

impl std::fmt::Debug for Holders {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Holders").finish_non_exhaustive()
    }
}

impl Inner {
    /// Draws something at random.
    pub(crate) fn draw<T>(&self, draw: impl FnOnce(&mut dyn CryptoRng) -> T) -> T {
        draw(&mut **self.random.lock())
    }

    /// A generator of one's own, seeded by that of the service: for what draws and takes long, so
    /// that nobody else waits for randomness meanwhile, least of all a transaction.
    pub(crate) fn seeded(&self) -> StdRng {
        self.draw(|random| StdRng::from_rng(random))
    }

    /// [`Pepper::seal`] with the randomness of the service.
    pub(crate) fn seal(
        &self,
        purpose: &'static str,
        aad: &[u8],
        bytes: &[u8],
    ) -> Result<Vec<u8>, HolderError> {
        self.draw(|random| self.pepper.seal(purpose, aad, bytes, random))
    }
}
