//! A private key inside a token: found by its label, used by its handle, never read.

use super::super::{KeyError, KeyKind, SignatureScheme, SigningKey, check_public_key};
use super::device::Device;
use super::error::{DeviceError, Failure, is};
use super::mechanism::{self, PublicParts};
use cryptoki::error::{Error, RvError};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, SessionState};
use openssl::pkey::{PKey, Public};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// A key pair of a token.
pub(super) struct DeviceKey {
    device: Arc<Device>,
    label: String,
    kind: KeyKind,
    scheme: SignatureScheme,
    public: PKey<Public>,
    /// Its handle, and the number of the connection in which it is one.
    handle: Mutex<Option<(u64, ObjectHandle)>>,
}

impl DeviceKey {
    pub(super) fn new(
        device: Arc<Device>,
        label: &str,
        public: PKey<Public>,
    ) -> Result<Self, KeyError> {
        let kind = check_public_key(&public)?;
        let (label, scheme) = (label.to_owned(), kind.scheme());
        Ok(Self { device, label, kind, scheme, public, handle: Mutex::default() })
    }

    /// That the device has the mechanism of the scheme.
    pub(super) fn check_scheme(&self) -> Result<(), KeyError> {
        let purpose = || self.scheme.to_string();
        let mechanism = signing(&self.device, self.scheme)?.mechanism_type();
        if self.device.offers(mechanism)? {
            return Ok(());
        }
        Err(missing(&self.device, mechanism::name(mechanism), purpose()).into())
    }

    /// Does `work` with the key's handle in a session.
    fn with_handle<T>(
        &self,
        work: impl Fn(&Session, ObjectHandle) -> Result<T, Error>,
    ) -> Result<T, KeyError> {
        self.device.read(|session, generation| {
            if let Some(handle) = self.known_handle(generation) {
                match work(session, handle) {
                    // Somebody has replaced the objects of the token; the key may still be there.
                    Err(error) if is_stale(&error) => {}
                    result => return Ok(result?),
                }
            }
            let handle = self.find(session)?;
            let remembered = Some((generation, handle));
            *self.handle.lock().unwrap_or_else(PoisonError::into_inner) = remembered;
            Ok(work(session, handle)?)
        })
    }

    fn known_handle(&self, generation: u64) -> Option<ObjectHandle> {
        let handle = *self.handle.lock().unwrap_or_else(PoisonError::into_inner);
        handle.filter(|(of, _)| *of == generation).map(|(_, handle)| handle)
    }

    /// The private key of this label, if its public half is ours.
    fn find(&self, session: &Session) -> Result<ObjectHandle, Failure> {
        let found = Found::by_label(&self.device, session, &self.label)?;
        match found.public(&self.device, session, &self.label)? {
            Some(public) if !public.public_eq(&self.public) => {
                Err(KeyError::OtherKey { label: self.label.clone() }.into())
            }
            _ => Ok(found.private),
        }
    }
}

fn is_stale(error: &Error) -> bool {
    is(error, RvError::KeyHandleInvalid) || is(error, RvError::ObjectHandleInvalid)
}

impl SigningKey for DeviceKey {
    fn kind(&self) -> KeyKind {
        self.kind
    }

    fn scheme(&self) -> SignatureScheme {
        self.scheme
    }

    fn public_key(&self) -> &PKey<Public> {
        &self.public
    }

    fn in_device(&self) -> bool {
        true
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let mechanism = signing(&self.device, self.scheme)?;
        let input = mechanism::input(self.scheme, message);
        let raw = self.with_handle(|session, key| session.sign(&mechanism, key, &input))?;
        mechanism::output(self.scheme, raw).map_err(|mechanism::NotASignature| {
            let reason = "it gave octets that are no signature".to_owned();
            DeviceError::Refused { token: self.device.name(), reason }.into()
        })
    }

    fn probe(&self) -> Result<(), KeyError> {
        self.with_handle(|session, key| session.get_attributes(key, &[AttributeType::Label]))
            .map(drop)
    }

    fn with_scheme(&self, scheme: SignatureScheme) -> Result<Arc<dyn SigningKey>, KeyError> {
        if !self.kind.schemes().contains(&scheme) {
            return Err(KeyError::Scheme { kind: self.kind, scheme });
        }
        let (device, public) = (Arc::clone(&self.device), self.public.clone());
        let key = Self { scheme, ..Self::new(device, &self.label, public)? };
        Ok(Arc::new(key))
    }
}

impl fmt::Debug for DeviceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceKey")
            .field("token", &self.device.name())
            .field("label", &self.label)
            .field("kind", &self.kind)
            .field("scheme", &self.scheme)
            .finish_non_exhaustive()
    }
}

fn signing(
    device: &Device,
    scheme: SignatureScheme,
) -> Result<cryptoki::mechanism::Mechanism<'static>, DeviceError> {
    mechanism::signing(scheme)
        .ok_or_else(|| missing(device, "its mechanism".to_owned(), scheme.to_string()))
}

pub(super) fn missing(device: &Device, mechanism: String, purpose: String) -> DeviceError {
    DeviceError::Mechanism { token: device.name(), mechanism, purpose }
}

/// A private key of the token and what ties its public half to it.
pub(super) struct Found {
    pub(super) private: ObjectHandle,
    /// CKA_ID, the same in both halves; empty in tokens that were filled without it.
    id: Vec<u8>,
}

impl Found {
    /// The one private key with this label.
    pub(super) fn by_label(
        device: &Device,
        session: &Session,
        label: &str,
    ) -> Result<Self, Failure> {
        let reason = match all(session, ObjectClass::PRIVATE_KEY, label)?.as_slice() {
            [private] => return Ok(Self { private: *private, id: id_of(session, *private)? }),
            // Without a login a token shows no private keys: that must not look like a loss of
            // the key.
            [] if !logged_in(session)? => return Err(Failure::Module(not_logged_in())),
            [] => "there is no private key with this label: is it the right token?".to_owned(),
            many => format!("{} private keys have this label: rename all but one", many.len()),
        };
        Err(in_device(device, label, reason).into())
    }

    /// The public half, if the token has it.
    pub(super) fn public(
        &self,
        device: &Device,
        session: &Session,
        label: &str,
    ) -> Result<Option<PKey<Public>>, Failure> {
        let mut template = vec![Attribute::Class(ObjectClass::PUBLIC_KEY)];
        template.push(match self.id.is_empty() {
            true => Attribute::Label(label.as_bytes().to_vec()),
            false => Attribute::Id(self.id.clone()),
        });
        let Some(public) = session.find_objects(&template)?.first().copied() else {
            return Ok(None);
        };
        public_key(device, session, public, label).map(Some)
    }

    /// That the token keeps the private key to itself and may sign with it.
    pub(super) fn check(
        &self,
        device: &Device,
        session: &Session,
        label: &str,
    ) -> Result<(), Failure> {
        let wanted =
            [AttributeType::Sensitive, AttributeType::Sign, AttributeType::AlwaysAuthenticate];
        let attributes = session.get_attributes(self.private, &wanted)?;
        let reason = if attributes.contains(&Attribute::Sensitive(false)) {
            "it can be read out of the token (CKA_SENSITIVE is false): make a new one there"
        } else if attributes.contains(&Attribute::Sign(false)) {
            "it is not for signatures (CKA_SIGN is false)"
        } else if attributes.contains(&Attribute::AlwaysAuthenticate(true)) {
            "it wants the PIN for every signature (CKA_ALWAYS_AUTHENTICATE): make a new one there"
        } else {
            return Ok(());
        };
        Err(in_device(device, label, reason.to_owned()).into())
    }
}

/// Reads a public key object.
pub(super) fn public_key(
    device: &Device,
    session: &Session,
    public: ObjectHandle,
    label: &str,
) -> Result<PKey<Public>, Failure> {
    let refused = |reason| in_device(device, label, reason);
    let Some(key_type) = key_type(session, public)? else {
        return Err(refused("its public key has no type".to_owned()).into());
    };
    let wanted = match key_type {
        KeyType::RSA => [AttributeType::Modulus, AttributeType::PublicExponent],
        _ => [AttributeType::EcParams, AttributeType::EcPoint],
    };
    let attributes = session.get_attributes(public, &wanted)?;
    let parts = PublicParts { key_type, attributes };
    Ok(parts.assemble().map_err(refused)?)
}

pub(super) fn in_device(device: &Device, label: &str, reason: String) -> DeviceError {
    DeviceError::Key { token: device.name(), label: label.to_owned(), reason }
}

/// Every object of a class with this label.
pub(super) fn all(
    session: &Session,
    class: ObjectClass,
    label: &str,
) -> Result<Vec<ObjectHandle>, Error> {
    session.find_objects(&[Attribute::Class(class), Attribute::Label(label.as_bytes().to_vec())])
}

fn id_of(session: &Session, object: ObjectHandle) -> Result<Vec<u8>, Error> {
    let attributes = session.get_attributes(object, &[AttributeType::Id])?;
    Ok(attributes
        .into_iter()
        .find_map(|attribute| match attribute {
            Attribute::Id(id) => Some(id),
            _ => None,
        })
        .unwrap_or_default())
}

fn key_type(session: &Session, object: ObjectHandle) -> Result<Option<KeyType>, Error> {
    let attributes = session.get_attributes(object, &[AttributeType::KeyType])?;
    Ok(attributes.into_iter().find_map(|attribute| match attribute {
        Attribute::KeyType(key_type) => Some(key_type),
        _ => None,
    }))
}

pub(super) fn logged_in(session: &Session) -> Result<bool, Error> {
    let state = session.get_session_info()?.session_state();
    Ok(matches!(state, SessionState::RoUser | SessionState::RwUser))
}

pub(super) fn not_logged_in() -> Error {
    Error::Pkcs11(RvError::UserNotLoggedIn, cryptoki::context::Function::FindObjects)
}
