//! Keys of generations: made, opened and destroyed in the store they are kept in.

use super::error::UnitError;
use super::model::{KeyStore, UnitSettings};
use super::records::{GenerationRecord, MakingRecord};
use super::registry::{Inner, blocking};
use super::settings::{label, scheme};
use super::state::State;
use super::tables::{MAKING, generation_key};
use crate::encoding::{decode, encode};
use certs::{KeyBackend, KeyError, KeyKind, SigningKey};
use chrono::{DateTime, Utc};
use openssl::pkey::{PKey, Public};
use std::sync::Arc;

/// A key that was made for a generation, or found under its label.
pub(super) struct NewKey {
    pub(super) record: GenerationRecord,
    /// It was there already: a try that ended between the key and its record left it, or it is
    /// that of a unit which is older than the registry.
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

    /// Makes the key of generation `number`. One that is there under its label is taken when a try
    /// before made it, or when `known` says that a certificate names it; any other is a stranger's.
    pub(super) async fn make_key(
        &self,
        settings: &UnitSettings,
        number: u32,
        known: bool,
        now: DateTime<Utc>,
    ) -> Result<NewKey, UnitError> {
        let backend = self.backend(&settings.id, settings.key_store)?;
        let (label, wanted) = (label(&settings.id, number), settings.key);
        let found = self.has_key(&settings.id, settings.key_store, &label).await?;
        if !found {
            self.mark_making(settings, number, now).await?;
        } else if !known && !self.is_making(settings, number)? {
            return Err(UnitError::StrangeKey { unit: settings.id.clone(), label });
        }
        let (id, place) = (settings.id.clone(), label.clone());
        let key = blocking(move || {
            let key = match found {
                true => backend.open(&place),
                false => backend.generate(&place, wanted),
            };
            key.map_err(|error| UnitError::Key { unit: id, error })
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
            destroying_at: None,
        };
        Ok(NewKey { record, found })
    }

    /// Durable before the key is there: whoever finds the key knows whose it is.
    pub(super) async fn mark_making(
        &self,
        settings: &UnitSettings,
        number: u32,
        now: DateTime<Utc>,
    ) -> Result<(), UnitError> {
        let (since, key_store) = (now.timestamp_millis(), settings.key_store);
        let key = generation_key(&settings.id, number);
        self.transact(move |tx| {
            tx.put(MAKING, &key, &encode(&MakingRecord { since, key_store }));
            Ok(())
        })
        .await
    }

    /// Whether a try before began to make this key, in the place where keys are kept now.
    fn is_making(&self, settings: &UnitSettings, number: u32) -> Result<bool, UnitError> {
        let key = generation_key(&settings.id, number);
        let Some(bytes) = self.store.get(MAKING, &key)? else { return Ok(false) };
        let record: MakingRecord = decode(MAKING, &key, &bytes)?;
        Ok(record.key_store == settings.key_store)
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

    /// Destroys the key of a generation: the one that its record names, and no other under the
    /// same label.
    pub(super) async fn destroy_key(
        &self,
        unit: &str,
        record: &GenerationRecord,
    ) -> Result<(), UnitError> {
        let (public, backend) = (public_key(unit, record)?, self.backend(unit, record.key_store)?);
        self.opened.lock().remove(&(record.key_store, record.label.clone()));
        let (unit, label) = (unit.to_owned(), record.label.clone());
        blocking(move || {
            let destroyed = backend.destroy_known(&label, &public);
            destroyed.map_err(|error| UnitError::Key { unit, error })
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
