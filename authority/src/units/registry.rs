//! The registry itself: what it holds, and how a change becomes durable together with its event.

use super::error::UnitError;
use super::model::{KeyStore, KeyStores, RegistrySettings};
use super::records::{GenerationRecord, UnitRecord};
use super::state::Step;
use super::tables::{GENERATION, UNIT, generation_key};
use crate::encoding::{decode, encode};
use crate::{Act, Authority};
use certs::SigningKey;
use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock};
use store::{Store, StoreExt, Transaction};
use trail::{Category, Event};

type Watcher = Box<dyn Fn(DateTime<Utc>) + Send + Sync>;

/// The units of a service. Cloning it gives another handle to the same registry.
///
/// Everything that is known is in the store; what is kept in memory are keys that were opened.
#[derive(Clone)]
pub struct UnitRegistry(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) store: Arc<dyn Store>,
    pub(super) keys: KeyStores,
    pub(super) authority: Option<Authority>,
    pub(super) settings: RegistrySettings,
    /// An act makes keys and certificates outside of a transaction, so there is one act at a time.
    pub(super) acts: tokio::sync::Mutex<()>,
    pub(super) opened: Mutex<HashMap<(KeyStore, String), Arc<dyn SigningKey>>>,
    pub(super) watcher: OnceLock<Watcher>,
}

impl UnitRegistry {
    /// Opens the registry in `store`. `authority` certifies the units that are not certified
    /// outside.
    ///
    /// # Errors
    /// [`UnitError::Store`] when what is stored cannot be read.
    pub fn open(
        store: Arc<dyn Store>,
        keys: KeyStores,
        authority: Option<Authority>,
        settings: RegistrySettings,
    ) -> Result<Self, UnitError> {
        let inner = Inner {
            store,
            keys,
            authority,
            settings,
            acts: tokio::sync::Mutex::new(()),
            opened: Mutex::default(),
            watcher: OnceLock::new(),
        };
        let registry = Self(Arc::new(inner));
        // Damage is found at the start, not at the first rollover.
        registry.list()?;
        Ok(registry)
    }

    /// Has `watcher` called after every change of what [`UnitRegistry::plan`] says, before a key
    /// that was in use is destroyed or its certificate revoked: whoever issues tokens puts the new
    /// plan into effect in it. There is one; a second one is not taken.
    pub fn watch(&self, watcher: impl Fn(DateTime<Utc>) + Send + Sync + 'static) -> bool {
        self.0.watcher.set(Box::new(watcher)).is_ok()
    }
}

impl fmt::Debug for UnitRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnitRegistry").field("settings", &self.0.settings).finish_non_exhaustive()
    }
}

impl Inner {
    /// Runs `work` in one transaction. It refuses before its first write, or not at all.
    pub(super) async fn transact<T, F>(&self, work: F) -> Result<T, UnitError>
    where
        T: Send + 'static,
        F: FnOnce(&mut dyn Transaction) -> Result<T, UnitError> + Send + 'static,
    {
        let outcome = self.store.transact(move |tx| match work(tx) {
            Err(UnitError::Store(error)) => Err(error),
            // A refusal is an answer, not an error of the store.
            result => Ok(result),
        });
        outcome.durable().await?
    }

    /// Tells whoever issues tokens that the plan is another one.
    pub(super) fn changed(&self, now: DateTime<Utc>) {
        if let Some(watcher) = self.watcher.get() {
            watcher(now);
        }
    }
}

/// Runs what blocks (a device, a key that is being made) where it may.
pub(super) async fn blocking<T, F>(work: F) -> Result<T, UnitError>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, UnitError> + Send + 'static,
{
    let ended = tokio::task::spawn_blocking(work).await;
    ended.map_err(|error| UnitError::CutOff(error.to_string()))?
}

/// The record of a unit.
pub(super) fn read_unit(tx: &dyn Transaction, id: &str) -> Result<UnitRecord, UnitError> {
    let bytes = tx.get(UNIT, id.as_bytes())?;
    let bytes = bytes.ok_or_else(|| UnitError::UnknownUnit { unit: id.to_owned() })?;
    Ok(decode(UNIT, id.as_bytes(), &bytes)?)
}

/// Sets the record of a unit.
pub(super) fn write_unit(tx: &mut dyn Transaction, id: &str, record: &UnitRecord) {
    tx.put(UNIT, id.as_bytes(), &encode(record));
}

/// The record of a generation.
pub(super) fn read_generation(
    tx: &dyn Transaction,
    id: &str,
    number: u32,
) -> Result<GenerationRecord, UnitError> {
    let key = generation_key(id, number);
    let bytes = tx.get(GENERATION, &key)?;
    let unknown = || UnitError::UnknownGeneration { unit: id.to_owned(), generation: number };
    Ok(decode(GENERATION, &key, &bytes.ok_or_else(unknown)?)?)
}

/// Sets the record of a generation.
pub(super) fn write_generation(
    tx: &mut dyn Transaction,
    id: &str,
    number: u32,
    record: &GenerationRecord,
) {
    tx.put(GENERATION, &generation_key(id, number), &encode(record));
}

/// Takes a step with a generation, in memory: the only place where a state is changed.
pub(super) fn step(
    (id, number): (&str, u32),
    record: &mut GenerationRecord,
    step: Step,
    now: DateTime<Utc>,
) -> Result<(), UnitError> {
    let illegal = |why| UnitError::Illegal { unit: id.to_owned(), generation: number, why };
    record.state = record.state.after(step).map_err(illegal)?;
    let now = Some(now.timestamp_millis());
    match step {
        Step::Certify => record.certified_at = now,
        Step::Activate => record.activated_at = now,
        Step::Retire => record.retired_at = now,
        Step::Destroy => {
            record.destroyed_at = now;
            record.destroying_at = None;
        }
    }
    // Whatever was scheduled is done, or was for another certificate, or will not be.
    record.activate_at = None;
    Ok(())
}

/// How a unit is called in the audit trail.
pub(super) fn subject_of(id: &str) -> String {
    format!("unit {id}")
}

/// How a generation is called in the audit trail.
pub(super) fn subject_of_generation(id: &str, number: u32) -> String {
    format!("unit {id} generation {number}")
}

/// An event of `by`, who says why.
pub(super) fn event(category: Category, action: &'static str, by: &Act, subject: String) -> Event {
    let event = Event::success(category, action, &by.actor, subject);
    match by.reason.is_empty() {
        true => event,
        false => event.with("reason", &by.reason),
    }
}
