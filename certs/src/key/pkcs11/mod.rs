//! The device back end: keys that live in a PKCS #11 token and never leave it in clear (OASIS
//! PKCS #11 v2.40, and v3.0 for Ed25519).
//!
//! ```text
//! settings    which module, token and PIN file
//! connection  from the module's path to a login
//! device      sessions: bounded, kept, and made anew after a loss
//! mechanism   kinds of key and schemes in the words of PKCS #11
//! key         a key that signs by its handle
//! sealed      keys that are kept outside, as ciphertext of the device
//! digest      signatures over digests, for those
//! error       what can be wrong, by culprit
//! ```
//!
//! A module is foreign code in this process: what it crashes, it crashes here, and a call that does
//! not return cannot be called off. A module that stands in for a process of its own, such as
//! p11-kit's client, keeps both away.

mod connection;
mod device;
mod digest;
mod error;
mod key;
mod mechanism;
mod sealed;
mod settings;

pub use digest::{DigestKind, DigestScheme};
pub use error::DeviceError;
pub use sealed::{SealedKey, SealedKeys};
pub use settings::{Pkcs11Settings, TokenChoice};

use super::{KeyBackend, KeyError, KeyKind, SigningKey};
use cryptoki::object::{Attribute, ObjectClass};
use cryptoki::session::Session;
use device::Device;
use error::Failure;
use key::{DeviceKey, Found, all, in_device, missing};
use mechanism::Generation;
use openssl::pkey::{PKey, Public};
use openssl::sha;
use std::sync::Arc;

/// Keys in a token, each a private and a public object of the same label and CKA_ID.
///
/// Clones share the sessions. A token that is lost is looked for again with the next uses; until it
/// is back, they fail with [`DeviceError::Lost`]. There should be one back end for a module in a
/// process, because the module is started and ended for the whole process.
#[derive(Clone, Debug)]
pub struct Pkcs11Backend {
    device: Arc<Device>,
}

impl Pkcs11Backend {
    /// The keys of a token that is looked for at the first use.
    #[must_use]
    pub fn new(settings: Pkcs11Settings) -> Self {
        Self { device: Arc::new(Device::new(settings)) }
    }

    /// The keys of a token that is there now.
    ///
    /// # Errors
    /// [`KeyError::Device`] when the module cannot be loaded, the token is not found or the PIN is
    /// not taken.
    pub fn open(settings: Pkcs11Settings) -> Result<Self, KeyError> {
        let backend = Self::new(settings);
        backend.check()?;
        Ok(backend)
    }

    /// Whether the token is there and logged in to. Connects if need be; may block on the device.
    ///
    /// # Errors
    /// [`KeyError::Device`]
    pub fn check(&self) -> Result<(), KeyError> {
        self.device.read(|session, _| Ok(session.get_session_info().map(drop)?))
    }

    /// The kinds of key that the token can make and sign with.
    ///
    /// # Errors
    /// [`KeyError::Device`]
    pub fn kinds(&self) -> Result<Vec<KeyKind>, KeyError> {
        let mut kinds = Vec::new();
        for kind in KeyKind::ALL {
            let (Some(generation), Some(signing)) =
                (mechanism::generation(kind), mechanism::signing(kind.scheme()))
            else {
                continue;
            };
            if self.device.offers(generation.mechanism.mechanism_type())?
                && self.device.offers(signing.mechanism_type())?
            {
                kinds.push(kind);
            }
        }
        Ok(kinds)
    }
}

impl KeyBackend for Pkcs11Backend {
    /// Makes the pair inside the token: CKA_SENSITIVE, not CKA_EXTRACTABLE, for signatures only.
    fn generate(&self, label: &str, kind: KeyKind) -> Result<Arc<dyn SigningKey>, KeyError> {
        super::check_label(label)?;
        let generation = generation(&self.device, kind)?;
        if self.contains(label)? {
            let reason = "exists already, and a key is never replaced: choose another label";
            return Err(in_device(&self.device, label, reason.to_owned()).into());
        }
        self.device.write(|session| Ok(make(session, label, &generation)?))?;
        self.open(label)
    }

    fn open(&self, label: &str) -> Result<Arc<dyn SigningKey>, KeyError> {
        super::check_label(label)?;
        let device = &self.device;
        let public = device.read(|session, _| {
            let found = Found::by_label(device, session, label)?;
            found.check(device, session, label)?;
            found.public(device, session, label)?.ok_or_else(|| {
                let reason = "the token has no public key for it: import that, too";
                Failure::from(in_device(device, label, reason.to_owned()))
            })
        })?;
        let key = DeviceKey::new(Arc::clone(device), label, public)?;
        key.check_scheme()?;
        Ok(Arc::new(key))
    }

    /// The device is not asked: it may be away. A token that holds the public key too, and another
    /// one than this, is found out at the first use.
    fn open_known(
        &self,
        label: &str,
        public: PKey<Public>,
    ) -> Result<Arc<dyn SigningKey>, KeyError> {
        super::check_label(label)?;
        Ok(Arc::new(DeviceKey::new(Arc::clone(&self.device), label, public)?))
    }

    fn contains(&self, label: &str) -> Result<bool, KeyError> {
        super::check_label(label)?;
        let device = &self.device;
        device.read(|session, _| {
            let found = all(session, ObjectClass::PRIVATE_KEY, label)?;
            if found.is_empty() && !key::logged_in(session)? {
                return Err(Failure::Module(key::not_logged_in()));
            }
            Ok(!found.is_empty())
        })
    }

    /// Both objects are destroyed in the token. Copies that the device's maker can keep, as
    /// wrapped backups, are beyond its reach.
    fn destroy(&self, label: &str) -> Result<(), KeyError> {
        super::check_label(label)?;
        self.device.write(|session| {
            let found = Found::by_label(&self.device, session, label)?;
            Ok(remove(session, label, &found)?)
        })
    }

    /// Compared and destroyed in one session. A token without the public half cannot tell which
    /// key it has, so it is left alone.
    fn destroy_known(&self, label: &str, public: &PKey<Public>) -> Result<(), KeyError> {
        super::check_label(label)?;
        let device = &self.device;
        device.write(|session| {
            let found = Found::by_label(device, session, label)?;
            match found.public(device, session, label)? {
                Some(there) if there.public_eq(public) => Ok(remove(session, label, &found)?),
                Some(_) => Err(KeyError::OtherKey { label: label.to_owned() }.into()),
                None => {
                    let reason = "the token has no public key for it, so nobody can tell whether \
                                  it is the one to destroy: import that, or destroy it there";
                    Err(in_device(device, label, reason.to_owned()).into())
                }
            }
        })
    }
}

/// How a kind is made, if the token can.
fn generation(device: &Device, kind: KeyKind) -> Result<Generation, KeyError> {
    let Some(generation) = mechanism::generation(kind) else {
        let mechanism = "the mechanisms of this kind".to_owned();
        return Err(missing(device, mechanism, kind.to_string()).into());
    };
    let mechanism = generation.mechanism.mechanism_type();
    if !device.offers(mechanism)? {
        return Err(missing(device, mechanism::name(mechanism), kind.to_string()).into());
    }
    Ok(generation)
}

/// The private key first: without it the rest is of no use to anybody.
fn remove(session: &Session, label: &str, found: &Found) -> Result<(), cryptoki::error::Error> {
    session.destroy_object(found.private)?;
    for public in all(session, ObjectClass::PUBLIC_KEY, label)? {
        session.destroy_object(public)?;
    }
    Ok(())
}

fn make(
    session: &Session,
    label: &str,
    generation: &Generation,
) -> Result<(), cryptoki::error::Error> {
    // Ties the two halves together. A label is unique in this back end, and so is its digest.
    let id = Attribute::Id(sha::sha256(label.as_bytes())[..20].to_vec());
    let label = Attribute::Label(label.as_bytes().to_vec());
    let mut public = vec![
        Attribute::Token(true),
        Attribute::Private(false),
        Attribute::Verify(true),
        Attribute::Encrypt(false),
        Attribute::Wrap(false),
        label.clone(),
        id.clone(),
    ];
    public.extend(generation.parameters.iter().cloned());
    let private = [
        Attribute::Token(true),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Sign(true),
        // For signatures and nothing else; some tokens allow all by default.
        Attribute::Decrypt(false),
        Attribute::Unwrap(false),
        Attribute::Derive(false),
        label,
        id,
    ];
    session.generate_key_pair(&generation.mechanism, &public, &private).map(drop)
}
