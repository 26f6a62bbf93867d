//! Keys of generations: made, opened and destroyed in the store they are kept in.

use super::error::UnitError;
use super::model::{KeyStore, UnitSettings};
use super::records::GenerationRecord;
use super::registry::{Inner, blocking};
use super::settings::{label, scheme};
use super::state::State;
use certs::{KeyBackend, KeyError, KeyKind, SigningKey};
use chrono::{DateTime, Utc};
use openssl::pkey::{PKey, Public};
use std::sync::Arc;

/// A key that was made for a generation, or found under its label.
pub(super) struct NewKey {
    pub(super) record: GenerationRecord,
    /// It was there already: a start that ended between the key and its record left it, or an
    /// administrator made it in the device.
    pub(super) found: bool,
}

impl Inner {
    pub(super) fn backend(
        &self,
        unit: &str,
        store: KeyStore,
    ) -> Result<Arc<dyn KeyBackend>, UnitError> {
        match store {
            KeyStore::File => Ok(Arc::clone(&self.keys.file)),
            KeyStore::Hsm => {
                self.keys.hsm.clone().ok_or_else(|| UnitError::NoHsm { unit: unit.to_owned() })
            }
        }
    }

    /// Whether there is a key under `label`.
    pub(super) async fn has_key(
        &self,
        unit: &str,
        store: KeyStore,
        label: &str,
    ) -> Result<bool, UnitError> {
        let backend = self.backend(unit, store)?;
        let (unit, label) = (unit.to_owned(), label.to_owned());
        blocking(move || backend.contains(&label).map_err(|error| UnitError::Key { unit, error }))
            .await
    }

    /// Makes the key of generation `number`, or takes the one that is there under its label.
    pub(super) async fn make_key(
        &self,
        settings: &UnitSettings,
        number: u32,
        now: DateTime<Utc>,
    ) -> Result<NewKey, UnitError> {
        let backend = self.backend(&settings.id, settings.key_store)?;
        let (label, wanted) = (label(&settings.id, number), settings.key);
        let (id, place) = (settings.id.clone(), label.clone());
        let (key, found) = blocking(move || {
            let fault = |error| UnitError::Key { unit: id.clone(), error };
            let found = backend.contains(&place).map_err(fault)?;
            let key = match found {
                true => backend.open(&place),
                false => backend.generate(&place, wanted),
            };
            Ok((key.map_err(fault)?, found))
        })
        .await?;
        if key.kind() != wanted {
            return Err(UnitError::WrongKey { label, found: key.kind(), wanted });
        }
        let public_key = key.public_key().public_key_to_der().map_err(|error| {
            let error = KeyError::Unsupported { what: error.to_string() };
            UnitError::Key { unit: settings.id.clone(), error }
        })?;
        let record = GenerationRecord {
            label,
            key_store: settings.key_store,
            kind: wanted.to_string(),
            padding: settings.padding,
            public_key,
            state: State::KeyMade,
            made_at: now.timestamp_millis(),
            certificate: None,
            certified_at: None,
            activate_at: None,
            activated_at: None,
            retired_at: None,
            destroyed_at: None,
            warned: None,
        };
        Ok(NewKey { record, found })
    }

    /// The key of a generation, opened once. One in a device is looked for at its first use.
    pub(super) fn key(
        &self,
        unit: &str,
        record: &GenerationRecord,
    ) -> Result<Arc<dyn SigningKey>, UnitError> {
        let place = (record.key_store, record.label.clone());
        if let Some(key) = self.opened.lock().get(&place) {
            return Ok(Arc::clone(key));
        }
        let fault = |error| UnitError::Key { unit: unit.to_owned(), error };
        let public = public_key(unit, record)?;
        let kind: KeyKind = record.kind.parse().map_err(fault)?;
        let backend = self.backend(unit, record.key_store)?;
        let mut key = backend.open_known(&record.label, public).map_err(fault)?;
        let wanted = scheme(kind, record.padding);
        if key.scheme() != wanted {
            key = key.with_scheme(wanted).map_err(fault)?;
        }
        self.opened.lock().insert(place, Arc::clone(&key));
        Ok(key)
    }

    /// Destroys the key of a generation; one that is gone already is destroyed.
    pub(super) async fn destroy_key(
        &self,
        unit: &str,
        record: &GenerationRecord,
    ) -> Result<(), UnitError> {
        let backend = self.backend(unit, record.key_store)?;
        self.opened.lock().remove(&(record.key_store, record.label.clone()));
        let (unit, label) = (unit.to_owned(), record.label.clone());
        blocking(move || {
            let fault = |error| UnitError::Key { unit: unit.clone(), error };
            match backend.contains(&label).map_err(fault)? {
                true => backend.destroy(&label).map_err(fault),
                false => Ok(()),
            }
        })
        .await
    }
}

/// The public half, which is known whether or not the key can be reached.
pub(super) fn public_key(unit: &str, record: &GenerationRecord) -> Result<PKey<Public>, UnitError> {
    PKey::public_key_from_der(&record.public_key).map_err(|error| UnitError::Key {
        unit: unit.to_owned(),
        error: KeyError::Unsupported { what: error.to_string() },
    })
}
