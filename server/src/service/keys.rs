//! Where private keys live: in files of the data directory, and in the device of `[hsm]`.

use super::pki::{PkiError, private_directory};
use crate::config::{Config, HsmConfig, KeyStore};
use authority::units::KeyStores;
use certs::{
    FileBackend, KeyBackend, KeyKind, Pkcs11Backend, Pkcs11Settings, SealedKeys, SigningKey,
    TokenChoice,
};
use openssl::pkey::{PKey, Public};
use std::sync::Arc;

/// The back ends of the service. The device is not asked for anything before a key of it is used,
/// so that the service starts without it and recovers when it comes.
#[derive(Clone)]
pub(super) struct Keys {
    file: Arc<dyn KeyBackend>,
    hsm: Option<Pkcs11Backend>,
}

impl Keys {
    pub(super) fn open(config: &Config) -> Result<Self, PkiError> {
        let directory = private_directory(&config.data.directory.join("keys"))?;
        let device = |hsm: &HsmConfig| {
            let token = TokenChoice::Label(hsm.token.clone());
            let mut settings = Pkcs11Settings::new(hsm.module.clone(), token, hsm.pin_file.clone());
            settings.max_sessions = hsm.sessions;
            Pkcs11Backend::new(settings)
        };
        let hsm = config.hsm.as_ref().map(device);
        Ok(Self { file: Arc::new(FileBackend::new(directory)), hsm })
    }

    /// Both, as the registry of the units wants them.
    pub(super) fn stores(&self) -> KeyStores {
        let hsm = self.hsm.clone().map(|hsm| Arc::new(hsm) as Arc<dyn KeyBackend>);
        KeyStores { file: Arc::clone(&self.file), hsm }
    }

    /// Keys that the device seals, when there is one. To be asked for once.
    pub(super) fn sealed_keys(&self) -> Option<SealedKeys> {
        self.hsm.as_ref().map(Pkcs11Backend::sealed_keys)
    }

    /// The back end that new keys are made in. The configuration's own check made sure of `[hsm]`.
    pub(super) fn backend(&self, store: KeyStore) -> Arc<dyn KeyBackend> {
        match (store, &self.hsm) {
            (KeyStore::Hsm, Some(hsm)) => Arc::new(hsm.clone()),
            _ => Arc::clone(&self.file),
        }
    }

    /// A key that a certificate is there for: in a file, or else in the device, which may be away.
    pub(super) fn known(
        &self,
        label: &str,
        public: PKey<Public>,
    ) -> Result<Option<Arc<dyn SigningKey>>, PkiError> {
        if self.file.contains(label)? {
            return Ok(Some(self.file.open_known(label, public)?));
        }
        let hsm = self.hsm.as_ref();
        Ok(hsm.map(|hsm| hsm.open_known(label, public)).transpose()?)
    }

    /// A key that a start which ended too early left without a certificate, or a new one.
    pub(super) fn left_or_new(
        &self,
        label: &str,
        store: KeyStore,
        kind: KeyKind,
    ) -> Result<Arc<dyn SigningKey>, PkiError> {
        let backend = self.backend(store);
        Ok(match backend.contains(label)? {
            true => backend.open(label)?,
            false => backend.generate(label, kind)?,
        })
    }
}
