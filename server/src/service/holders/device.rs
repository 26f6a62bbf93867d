//! Holders' keys in the device of `[hsm]`: how they are made, and how an unlocked one signs.
//!
//! A key pair is made in the device and leaves it only as octets that the device sealed
//! ([`certs::SealedKeys`]); `accounts` puts PIN and PUK around those. A signature takes the PIN,
//! the pepper, the store and the device: none of them is enough, nor all of them but one.

use crate::service::keys::Keys;
use accounts::holders::credential::CredentialKind;
use accounts::holders::pin::PinVerified;
use accounts::holders::{
    CredentialId, HolderError, HolderId, KeyMaker, KeyMakerFault, KeyPair, SealedPair,
    SigningKeyKind,
};
use certs::{DeviceError, DigestKind, DigestScheme, KeyError, KeyKind, SealedKey, SealedKeys};
use openssl::pkey::PKey;
use signing::{DigestAlgorithm, HolderKey, KeyFault, SignatureAlgorithm};
use std::fmt;
use std::sync::Arc;

/// What the device calls the key that new holders' keys are sealed under. Each of them notes its
/// own, so that another one may follow.
const WRAPPING: &str = "marca-holder-keys-1";

/// The device of `[hsm]`, if there is one, for holders' keys.
#[derive(Clone, Debug)]
pub(crate) struct HolderDevice(Option<SealedKeys>);

impl HolderDevice {
    pub(super) fn of(keys: &Keys) -> Self {
        Self(keys.sealed_keys())
    }

    /// What makes the keys of new credentials, when it is the device.
    pub(super) fn maker(&self) -> Option<Arc<dyn KeyMaker>> {
        let keys = self.0.clone()?;
        told_whether_it_can(keys.clone());
        Some(Arc::new(DeviceMaker(keys)))
    }

    /// The key that a PIN unlocked, ready to sign wherever it lives.
    pub(in crate::service) fn unlock(&self, proof: PinVerified) -> Result<HolderPin, HolderError> {
        let (holder, credential) = (proof.holder(), proof.credential());
        let (kind, epoch) = (proof.kind(), proof.epoch());
        let key: Arc<dyn HolderKey> = match proof.into_key() {
            KeyPair::Software(key) => Arc::new(key),
            KeyPair::Sealed(pair) => Arc::new(DeviceKey::new(self.0.clone(), pair)?),
        };
        Ok(HolderPin { holder, credential, kind, epoch, key })
    }
}

/// Sees to it that there is a wrapping key. What it would mean to lose it is told when it is made.
fn prepare(keys: &SealedKeys) -> Result<(), KeyError> {
    if keys.prepare(WRAPPING)? {
        tracing::warn!(
            label = WRAPPING,
            "the device has a new key for holders' keys: back it up now, they are lost without it"
        );
    }
    Ok(())
}

/// A start does not wait for a device, which may hang. What it cannot do is told all the same.
fn told_whether_it_can(keys: SealedKeys) {
    let task = move || {
        if let Err(error) = prepare(&keys) {
            tracing::error!(%error, "the device cannot make holders' keys now");
        }
    };
    // Without the thread, the first activation finds out.
    drop(std::thread::Builder::new().name("holders' device".to_owned()).spawn(task));
}

/// A PIN was right, and the key that it unlocked can sign. Not `Clone`: a proof is good once.
pub(crate) struct HolderPin {
    pub(super) holder: HolderId,
    pub(super) credential: CredentialId,
    pub(super) kind: CredentialKind,
    pub(super) epoch: u64,
    pub(super) key: Arc<dyn HolderKey>,
}

impl fmt::Debug for HolderPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HolderPin")
            .field("holder", &self.holder)
            .field("credential", &self.credential)
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct DeviceMaker(SealedKeys);

impl KeyMaker for DeviceMaker {
    fn generate(&self, kind: SigningKeyKind) -> Result<KeyPair, KeyMakerFault> {
        let kind = match kind {
            SigningKeyKind::P256 => KeyKind::P256,
            SigningKeyKind::P384 => KeyKind::P384,
            SigningKeyKind::Rsa2048 => KeyKind::Rsa2048,
            SigningKeyKind::Rsa3072 => KeyKind::Rsa3072,
            SigningKeyKind::Rsa4096 => KeyKind::Rsa4096,
        };
        let made = prepare(&self.0).and_then(|()| self.0.generate(WRAPPING, kind));
        let made = made.map_err(|error| {
            tracing::error!(%error, %kind, "the device made no key for a holder");
            KeyMakerFault::Device { reason: error.to_string() }
        })?;
        let public_key = made.public.public_key_to_der();
        let public_key =
            public_key.map_err(|error| KeyMakerFault::Library { reason: error.to_string() })?;
        let SealedKey { wrapping, octets, .. } = made;
        Ok(KeyPair::Sealed(SealedPair { public_key, wrapping, octets }))
    }
}

/// An unlocked key of the device.
struct DeviceKey {
    device: Option<SealedKeys>,
    kind: KeyKind,
    key: SealedKey,
}

impl DeviceKey {
    fn new(device: Option<SealedKeys>, pair: SealedPair) -> Result<Self, HolderError> {
        let SealedPair { public_key, wrapping, octets } = pair;
        let public = PKey::public_key_from_der(&public_key)?;
        let kind = KeyKind::of(&public).map_err(|error| HolderError::Crypto(error.to_string()))?;
        Ok(Self { device, kind, key: SealedKey { public, wrapping, octets } })
    }

    fn device(&self) -> Result<&SealedKeys, KeyFault> {
        self.device.as_ref().ok_or_else(|| {
            let reason = "the key is in a device, and the configuration has no [hsm]: put the \
                          section back";
            KeyFault::Device(reason.to_owned())
        })
    }
}

impl HolderKey for DeviceKey {
    fn fits(&self, algorithm: SignatureAlgorithm) -> bool {
        self.kind.scheme().is_rsa() == algorithm.is_rsa()
    }

    fn in_device(&self) -> bool {
        true
    }

    fn probe(&self) -> Result<(), KeyFault> {
        self.device()?.probe(&self.key.wrapping).map_err(fault)
    }

    fn sign_digest(
        &self,
        algorithm: SignatureAlgorithm,
        digest: &[u8],
    ) -> Result<Vec<u8>, KeyFault> {
        let kind = match algorithm.digest() {
            DigestAlgorithm::Sha256 => DigestKind::Sha256,
            DigestAlgorithm::Sha384 => DigestKind::Sha384,
            DigestAlgorithm::Sha512 => DigestKind::Sha512,
            _ => return Err(KeyFault::Algorithm(algorithm)),
        };
        let scheme = match algorithm {
            _ if !self.fits(algorithm) => return Err(KeyFault::Algorithm(algorithm)),
            SignatureAlgorithm::RsaPkcs1(_) => DigestScheme::RsaPkcs1(kind),
            SignatureAlgorithm::RsaPss(_) => DigestScheme::RsaPss(kind),
            SignatureAlgorithm::Ecdsa(_) => DigestScheme::Ecdsa(kind),
            _ => return Err(KeyFault::Algorithm(algorithm)),
        };
        self.device()?.sign(&self.key, scheme, digest).map_err(fault)
    }
}

fn fault(error: KeyError) -> KeyFault {
    match error {
        KeyError::Device(DeviceError::WrongSignature { .. }) => KeyFault::WrongSignature,
        KeyError::Device(error) => KeyFault::Device(error.to_string()),
        other => KeyFault::Library(other.to_string()),
    }
}
