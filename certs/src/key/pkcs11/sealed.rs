//! Keys that live outside the device, as ciphertext that it alone can read.
//!
//! ```text
//! generate   C_GenerateKeyPair ─▶ C_WrapKey ─▶ octets for the caller      (nothing is left inside)
//! sign       octets ─▶ C_UnwrapKey ─▶ C_Sign ─▶ C_DestroyObject ─▶ the signature, verified
//! ```
//!
//! PKCS #11 knows no password for each key, and a token holds some hundreds or thousands of
//! objects. A key of which there are many, and that a secret of its own has to unlock, therefore
//! leaves the device, but only under an AES key that never does, and whoever keeps the octets puts
//! that secret around them. The private key in clear is never in this process.
//!
//! The octets are those of CKM_AES_KEY_WRAP_PAD: the PKCS#8 form (RFC 5958) in RFC 5649, which
//! tells octets that were changed, or sealed under another key, from its own.

use super::super::{KeyError, KeyKind, check_label, check_public_key};
use super::Pkcs11Backend;
use super::device::Device;
use super::digest::DigestScheme;
use super::error::{DeviceError, Failure};
use super::key::{all, in_device, logged_in, missing, not_logged_in, public_key};
use super::mechanism;
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use openssl::pkey::{PKey, Public};
use openssl::sha::sha256;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use zeroize::Zeroizing;

/// AES-256.
const WRAPPING_KEY_OCTETS: u64 = 32;

/// A key pair of which the device keeps nothing: the private half only in a form that the device
/// itself can open.
#[derive(Clone)]
pub struct SealedKey {
    /// The public half.
    pub public: PKey<Public>,
    /// The label of the wrapping key in the device.
    pub wrapping: String,
    /// The private half, as C_WrapKey gave it.
    pub octets: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for SealedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedKey").field("wrapping", &self.wrapping).finish_non_exhaustive()
    }
}

/// What makes and uses sealed keys. Clones share the device of their back end.
#[derive(Clone, Debug)]
pub struct SealedKeys {
    device: Arc<Device>,
    /// Two that need a wrapping key at once would make two of one label.
    making: Arc<Mutex<()>>,
}

impl Pkcs11Backend {
    /// Sealed keys of this device. One of these for a process: it sees to it that a wrapping key
    /// is made once.
    #[must_use]
    pub fn sealed_keys(&self) -> SealedKeys {
        SealedKeys { device: Arc::clone(&self.device), making: Arc::default() }
    }
}

impl SealedKeys {
    /// Makes a key pair in the device and seals it under the wrapping key of this label, which
    /// [`prepare`](Self::prepare) has made. The pair is tried before it is given out: it comes back
    /// out of its octets and signs. Blocks on the device; safe to repeat after any error.
    ///
    /// # Errors
    /// [`KeyError::Label`]; [`KeyError::Device`], with [`DeviceError::Mechanism`] for a device that
    /// cannot do CKM_AES_KEY_WRAP_PAD.
    pub fn generate(&self, wrapping: &str, kind: KeyKind) -> Result<SealedKey, KeyError> {
        check_label(wrapping)?;
        let generation = super::generation(&self.device, kind)?;
        self.check()?;
        let device = &self.device;
        let (public, octets) = device.read(|session, _| {
            let lock = wrapping_keys(device, session, wrapping)?[0];
            let (public, private) = session.generate_key_pair(
                &generation.mechanism,
                &[&public_template(), &generation.parameters[..]].concat(),
                &private_template(true),
            )?;
            let read = public_key(device, session, public, wrapping)?;
            let octets = session.wrap_key(&Mechanism::AesKeyWrapPad, lock, private)?;
            session.destroy_object(private)?;
            session.destroy_object(public)?;
            Ok((read, Zeroizing::new(octets)))
        })?;
        let key = SealedKey { public, wrapping: wrapping.to_owned(), octets };
        // No certificate should name a key that does not come back.
        let scheme = DigestScheme::usual(check_public_key(&key.public)?);
        self.sign(&key, scheme, &sha256(b"A new key is tried. This is no document."))?;
        Ok(key)
    }

    /// Signs a digest. An ECDSA signature is the DER `ECDSA-Sig-Value`. Blocks on the device, in
    /// which nothing of the key is left afterwards.
    ///
    /// # Errors
    /// [`DeviceError::Key`] when the octets do not open in this device, or are another key's than
    /// the public half; [`DeviceError::WrongSignature`] for a signature that does not verify;
    /// [`KeyError::Signing`] for a digest of another length or an algorithm of another kind of key.
    pub fn sign(
        &self,
        key: &SealedKey,
        scheme: DigestScheme,
        digest: &[u8],
    ) -> Result<Vec<u8>, KeyError> {
        check_label(&key.wrapping)?;
        let kind = check_public_key(&key.public)?;
        let input = scheme.input(kind, digest)?;
        let mechanism = scheme.mechanism();
        let device = &self.device;
        let raw = device.read(|session, _| {
            let private = unwrap(device, session, kind, key)?;
            let raw = session.sign(&mechanism, private, &input)?;
            session.destroy_object(private)?;
            Ok(raw)
        })?;
        let wrong = || DeviceError::WrongSignature { token: device.name() };
        let signature = match scheme {
            DigestScheme::Ecdsa(_) => mechanism::ecdsa_to_der(&raw).map_err(|_| wrong())?,
            _ => raw,
        };
        match scheme.verify(&key.public, digest, &signature) {
            Ok(true) => Ok(signature),
            _ => Err(wrong().into()),
        }
    }

    /// Whether the device is there and has the wrapping key. Blocks on the device.
    ///
    /// # Errors
    /// [`KeyError::Device`].
    pub fn probe(&self, wrapping: &str) -> Result<(), KeyError> {
        check_label(wrapping)?;
        let device = &self.device;
        device.read(|session, _| wrapping_keys(device, session, wrapping).map(drop))
    }

    /// Whether the device is there and knows how to seal keys. Blocks on the device.
    ///
    /// # Errors
    /// [`KeyError::Device`], with [`DeviceError::Mechanism`] when it cannot.
    pub fn check(&self) -> Result<(), KeyError> {
        for needed in [Mechanism::AesKeyGen, Mechanism::AesKeyWrapPad] {
            let needed = needed.mechanism_type();
            if !self.device.offers(needed)? {
                let purpose = "a key that the device seals".to_owned();
                return Err(missing(&self.device, mechanism::name(needed), purpose).into());
            }
        }
        Ok(())
    }

    /// Makes the wrapping key of this label, if it is not there. Says whether it did: then it wants
    /// a backup, because without it all is lost that is sealed under it. Blocks on the device.
    ///
    /// # Errors
    /// Those of [`check`](Self::check), and [`KeyError::Label`].
    pub fn prepare(&self, wrapping: &str) -> Result<bool, KeyError> {
        check_label(wrapping)?;
        self.check()?;
        // Nothing is kept under this lock that a panic could leave half done.
        let _one_at_a_time = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        let mut found = self.look_for(wrapping)?;
        if let (false, connection) = found {
            // A module that has lost sight of its token may say so of every object. A new one in
            // the place of a key that is there would be the worst answer to that.
            self.device.lose(connection);
            found = self.look_for(wrapping)?;
        }
        if found.0 {
            return Ok(false);
        }
        self.device.write(|session| {
            session.generate_key(&Mechanism::AesKeyGen, &wrapping_template(wrapping))?;
            Ok(true)
        })
    }

    /// Whether there is a wrapping key, and over which connection it was looked for.
    fn look_for(&self, label: &str) -> Result<(bool, u64), KeyError> {
        self.device.read(|session, connection| {
            let found = all(session, ObjectClass::SECRET_KEY, label)?;
            if found.is_empty() && !logged_in(session)? {
                return Err(Failure::Module(not_logged_in()));
            }
            Ok((!found.is_empty(), connection))
        })
    }
}

/// The wrapping keys of this label that are fit to be ones: at least one. There are several where
/// two services made one at the same time; then nobody can say of which of them the octets are.
fn wrapping_keys(
    device: &Device,
    session: &Session,
    label: &str,
) -> Result<Vec<ObjectHandle>, Failure> {
    let found = all(session, ObjectClass::SECRET_KEY, label)?;
    let mut fit = Vec::new();
    for key in &found {
        let wanted = [AttributeType::Sensitive, AttributeType::Extractable];
        let given = session.get_attributes(*key, &wanted)?;
        let safe = [Attribute::Sensitive(true), Attribute::Extractable(false)];
        if safe.iter().all(|attribute| given.contains(attribute)) {
            fit.push(*key);
        }
    }
    let reason = match found.as_slice() {
        _ if !fit.is_empty() => return Ok(fit),
        // Without a login a token shows no such objects: that must not look like a loss.
        [] if !logged_in(session)? => return Err(Failure::Module(not_logged_in())),
        [] => {
            "there is no wrapping key with this label: is it the right token? What was sealed \
             under it is lost without it, so restore it from the device's backup"
        }
        _ => "this wrapping key can be read out of the token: choose another label",
    };
    Err(in_device(device, label, reason.to_owned()).into())
}

/// A private key for one session, which cannot leave the device again.
fn unwrap(
    device: &Device,
    session: &Session,
    kind: KeyKind,
    key: &SealedKey,
) -> Result<ObjectHandle, Failure> {
    let key_type = if kind.scheme().is_rsa() { KeyType::RSA } else { KeyType::EC };
    let mut template = private_template(false);
    template.extend([Attribute::Class(ObjectClass::PRIVATE_KEY), Attribute::KeyType(key_type)]);
    for lock in wrapping_keys(device, session, &key.wrapping)? {
        match session.unwrap_key(&Mechanism::AesKeyWrapPad, lock, &key.octets, &template) {
            Ok(private) => return Ok(private),
            // Devices answer octets that are not theirs in many ways, some as they would their own
            // failure. One that still answers, and knows us, has not failed.
            Err(_) if logged_in(session).unwrap_or(false) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let reason = "octets that should be a key do not open under it: they were changed, or sealed \
                  under another wrapping key of this label";
    Err(in_device(device, &key.wrapping, reason.to_owned()).into())
}

/// For wrapping and unwrapping and nothing else: with CKA_DECRYPT it would hand out every key that
/// it wrapped.
fn wrapping_template(label: &str) -> Vec<Attribute> {
    vec![
        Attribute::Token(true),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::ValueLen(WRAPPING_KEY_OCTETS.into()),
        Attribute::Wrap(true),
        Attribute::Unwrap(true),
        Attribute::Encrypt(false),
        Attribute::Decrypt(false),
        Attribute::Sign(false),
        Attribute::Verify(false),
        Attribute::Derive(false),
        Attribute::Label(label.as_bytes().to_vec()),
        Attribute::Id(sha256(label.as_bytes())[..20].to_vec()),
    ]
}

fn public_template() -> Vec<Attribute> {
    vec![
        Attribute::Token(false),
        Attribute::Private(false),
        Attribute::Verify(true),
        Attribute::Encrypt(false),
        Attribute::Wrap(false),
    ]
}

/// A session object, gone with its session at the latest. Only one that was just made may leave
/// the device, as ciphertext.
fn private_template(may_be_wrapped: bool) -> Vec<Attribute> {
    vec![
        Attribute::Token(false),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(may_be_wrapped),
        Attribute::Sign(true),
        Attribute::Decrypt(false),
        Attribute::Unwrap(false),
        Attribute::Derive(false),
    ]
}
