//! The port through which the two factors come in, and what is read out of their proofs.
//!
//! This room neither checks a PIN nor a one-time password. Who composes the service says with
//! [`Factors`] which types prove that it was done; the rooms that check keep the constructors of
//! those types to themselves.

use crate::key::HolderKey;
use std::fmt;
use std::sync::Arc;

/// The types that prove something, and how each is read. Nothing here is ever made: the type
/// that implements it only names the others.
pub trait Factors: Send + Sync + 'static {
    /// An authenticated session or device of a holder; the same one for many requests.
    type Access: Sync;
    /// The PIN was right, and with it the key is unlocked. Must not be `Clone`.
    type Pin: Send;
    /// The one-time password was right. Must not be `Clone`.
    type Otp: Send;
    /// A system was authenticated by its certificate or its key, for one automatic credential.
    type System: Sync;

    /// Whose access it is.
    fn access(access: &Self::Access) -> AccessFacts;
    /// What the right PIN unlocked. The proof is used up.
    fn pin(pin: Self::Pin) -> PinFacts;
    /// What the one-time password was made for. The proof is used up.
    fn otp(otp: Self::Otp) -> OtpFacts;
    /// Which system it is.
    fn system(system: &Self::System) -> SystemFacts;
}

/// A holder, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HolderRef(pub u64);

/// A credential: a certificate and the key behind it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CredentialRef(pub [u8; 16]);

/// A session, a device or a system, by 32 octets that no other has (not its bearer token).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccessRef(pub [u8; 32]);

/// What is known of an authenticated access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessFacts {
    /// Whose it is.
    pub holder: HolderRef,
    /// Which one it is.
    pub access: AccessRef,
}

/// How a credential signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CredentialKind {
    /// Every signature with PIN and one-time password.
    Remote,
    /// Unattended, by an authenticated system.
    Automatic,
}

/// What a right PIN unlocked.
pub struct PinFacts {
    /// Whose PIN it is.
    pub holder: HolderRef,
    /// The credential whose key is unlocked.
    pub credential: CredentialRef,
    /// How the credential signs.
    pub kind: CredentialKind,
    /// [`Standing::epoch`](crate::Standing::epoch) of the credential when the PIN was tried.
    pub epoch: u64,
    /// The key.
    pub key: Arc<dyn HolderKey>,
}

/// What a one-time password was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OtpFacts {
    /// Whose telephone or authenticator it came from.
    pub holder: HolderRef,
    /// What it was bound to when it was sent: [`Signing::binding`](crate::Signing::binding).
    pub bound: [u8; 32],
}

/// What is known of an authenticated system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SystemFacts {
    /// Whose credential it may use.
    pub holder: HolderRef,
    /// The only credential that it may use.
    pub credential: CredentialRef,
    /// Which system it is.
    pub access: AccessRef,
}

impl fmt::Debug for CredentialRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for AccessRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for PinFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PinFacts")
            .field("holder", &self.holder)
            .field("credential", &self.credential)
            .finish_non_exhaustive()
    }
}
