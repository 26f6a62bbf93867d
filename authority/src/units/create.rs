//! Units come into being: created by an administrator, named in the configuration, or adopted from
//! a data directory that is older than the registry.

use super::certify::Certified;
use super::error::UnitError;
use super::keys::NewKey;
use super::model::{CertifiedBy, Generation, Unit, UnitSettings};
use super::read::default_in;
use super::registry::{
    Inner, UnitRegistry, event, read_unit, step, subject_of, subject_of_generation,
    write_generation, write_unit,
};
use super::settings::label;
use super::state::{State, Step};
use super::tables::{CHOICE, DEFAULT_KEY, MAKING, UNIT, generation_key};
use crate::{Act, Profile};
use chrono::{DateTime, Utc};
use store::Transaction;
use trail::{Category, Event};

impl UnitRegistry {
    /// Creates a unit and its first key. It issues nothing until it is certified and activated.
    /// The first unit of all becomes the default one.
    ///
    /// # Errors
    /// [`UnitError::UnitExists`]; what is wrong with the settings; what the key store says.
    pub async fn create(
        &self,
        settings: UnitSettings,
        by: &Act,
        now: DateTime<Utc>,
    ) -> Result<Unit, UnitError> {
        by.check()?;
        settings.check()?;
        let _one_at_a_time = self.0.acts.lock().await;
        let id = settings.id.clone();
        self.0.create(settings, None, by, now).await?;
        self.0.show(&id)
    }

    /// Makes the unit be as the configuration names it, at a start.
    ///
    /// A unit that is known gets the settings (the kind and the place of keys hold for the next
    /// one). One that is not known, but whose key `tsu-{id}` is there with `existing_chain`, the
    /// PEM of its certificate and chain, is adopted as it is. Any other is created; when the CA in
    /// here certifies it, it is certified and activated at once.
    ///
    /// # Errors
    /// [`UnitError`]: what is wrong with the settings, the key or the certificate.
    pub async fn configure(
        &self,
        settings: UnitSettings,
        existing_chain: Option<&[u8]>,
        by: &Act,
        now: DateTime<Utc>,
    ) -> Result<Unit, UnitError> {
        by.check()?;
        settings.check()?;
        let _one_at_a_time = self.0.acts.lock().await;
        let id = settings.id.clone();
        let built_in = settings.certified_by == CertifiedBy::BuiltIn;
        match self.0.find(&id)? {
            Some(unit) => self.0.update(unit, settings, by, now).await?,
            None => {
                let has_key = self.0.has_key(&id, settings.key_store, &label(&id, 1)).await?;
                let existing = existing_chain.filter(|_| has_key);
                self.0.create(settings, existing, by, now).await?;
            }
        }
        // What a start that was cut off left half done, too: a unit that never signed.
        let unit = self.0.show(&id)?;
        let unused = unit.generations.iter().all(|generation| generation.activated_at.is_none());
        if let Some(waiting) = unit.waiting().filter(|_| unused && built_in) {
            let number = waiting.number;
            if waiting.certificate.is_none() {
                self.0.certify(&unit.settings, number, by, now).await?;
            }
            self.0.activate_now(&id, number, by, now).await?;
        }
        self.0.show(&id)
    }

    /// Makes the key of the unit's next generation.
    ///
    /// When the CA in here is to certify it, and a try before made the key but got no certificate,
    /// that generation is given again: certify it, and the try goes on.
    ///
    /// # Errors
    /// [`UnitError::Waiting`] when there is another one that has not begun; what the key store
    /// says.
    pub async fn new_key(
        &self,
        id: &str,
        by: &Act,
        now: DateTime<Utc>,
    ) -> Result<Generation, UnitError> {
        by.check()?;
        let _one_at_a_time = self.0.acts.lock().await;
        let unit = self.0.show(id)?;
        let number = match resumable(&unit) {
            Some(number) => number,
            None => self.0.new_key(&unit, by, now).await?,
        };
        self.0.generation(id, number)
    }
}

/// A generation that waits for the CA in here, with the key that would be made now.
fn resumable(unit: &Unit) -> Option<u32> {
    let UnitSettings { certified_by, key, key_store, padding, .. } = &unit.settings;
    let waiting = unit.waiting().filter(|waiting| waiting.state == State::KeyMade)?;
    let is_wanted = waiting.kind == *key
        && waiting.key_store == *key_store
        && waiting.padding == *padding
        && *certified_by == CertifiedBy::BuiltIn;
    is_wanted.then_some(waiting.number)
}

impl Inner {
    /// Whether the companion that is asked for is free, and the unit is nobody's companion. A
    /// companion that is not there yet may come later; until then the plan names the fault.
    fn check_pair(&self, settings: &UnitSettings) -> Result<(), UnitError> {
        let Some(companion) = &settings.companion else { return Ok(()) };
        let is = |unit: &Unit, id: &String| unit.settings.id == *id;
        let chained = |unit: &Unit| match &unit.settings.companion {
            Some(_) if is(unit, companion) => Some(companion.clone()),
            Some(of) if *of == settings.id => Some(settings.id.clone()),
            _ => None,
        };
        match self.list()?.iter().find_map(chained) {
            None => Ok(()),
            Some(paired) => {
                let (unit, companion) = (settings.id.clone(), companion.clone());
                Err(UnitError::CompanionPaired { unit, companion, paired })
            }
        }
    }

    /// Creates a unit with its first generation; with a chain, that generation has signed before
    /// and goes on.
    async fn create(
        &self,
        settings: UnitSettings,
        existing_chain: Option<&[u8]>,
        by: &Act,
        now: DateTime<Utc>,
    ) -> Result<(), UnitError> {
        let id = settings.id.clone();
        if self.find(&id)?.is_some() {
            return Err(UnitError::UnitExists { unit: id });
        }
        self.check_pair(&settings)?;
        let mut key = self.make_key(&settings, 1, existing_chain.is_some(), now).await?;
        let mut certified = None;
        if let Some(chain) = existing_chain {
            let checked = self.checked(&id, (1, &key.record), chain, now)?;
            if let (Some(ca), Some(authority)) = (&checked.record.ca, &self.authority) {
                let profile = Profile::End(certs::EndKind::Tsu);
                authority.register(ca, &checked.record.der, profile, by, now).await?;
            }
            adopt(&id, &mut key, &checked, now)?;
            certified = Some(checked);
        }
        let events = creation_events(&settings, &key, certified.as_ref(), by);
        let record = settings.to_record(now.timestamp_millis(), 2);
        let active = existing_chain.is_some();
        self.transact(move |tx| {
            if tx.get(UNIT, id.as_bytes())?.is_some() {
                return Err(UnitError::UnitExists { unit: id });
            }
            let has_default = default_in(tx)?.is_some();
            write_unit(tx, &id, &record);
            write_generation(tx, &id, 1, &key.record);
            tx.delete(MAKING, &generation_key(&id, 1));
            append(tx, &events, now)?;
            if !has_default {
                tx.put(CHOICE, DEFAULT_KEY, id.as_bytes());
            }
            Ok(())
        })
        .await?;
        if active {
            self.changed(now);
        }
        Ok(())
    }

    /// Brings the settings of a unit up to date.
    async fn update(
        &self,
        unit: Unit,
        settings: UnitSettings,
        by: &Act,
        now: DateTime<Utc>,
    ) -> Result<(), UnitError> {
        let differences = settings.differences(&unit.settings);
        if differences.is_empty() {
            return Ok(());
        }
        self.backend(&settings.id, settings.key_store)?;
        self.check_pair(&settings)?;
        let id = settings.id.clone();
        let changed = event(Category::Configuration, "unit-changed", by, subject_of(&id));
        let changed =
            differences.into_iter().fold(changed, |event, (name, value)| event.with(name, value));
        self.transact(move |tx| {
            let before = read_unit(tx, &id)?;
            write_unit(tx, &id, &settings.to_record(before.created_at, before.next_generation));
            append(tx, &[changed], now)
        })
        .await?;
        self.changed(now);
        Ok(())
    }

    /// Makes the next generation of `unit`; gives its number.
    pub(super) async fn new_key(
        &self,
        unit: &Unit,
        by: &Act,
        now: DateTime<Utc>,
    ) -> Result<u32, UnitError> {
        let id = unit.settings.id.clone();
        if let Some(waiting) = unit.waiting() {
            return Err(UnitError::Waiting { unit: id, generation: waiting.number });
        }
        let number = unit.generations.last().map_or(1, |last| last.number.saturating_add(1));
        let key = self.make_key(&unit.settings, number, false, now).await?;
        let made = key_event(&id, number, &key, by);
        self.transact(move |tx| {
            let mut record = read_unit(tx, &id)?;
            record.next_generation = number.saturating_add(1);
            write_unit(tx, &id, &record);
            write_generation(tx, &id, number, &key.record);
            tx.delete(MAKING, &generation_key(&id, number));
            append(tx, &[made], now)?;
            Ok(number)
        })
        .await
    }

    pub(super) fn generation(&self, id: &str, number: u32) -> Result<Generation, UnitError> {
        Ok(super::read::shown(id, number, &self.record(id, number)?)?)
    }
}

/// A generation that was at work before there was a registry.
fn adopt(
    id: &str,
    key: &mut NewKey,
    certified: &Certified,
    now: DateTime<Utc>,
) -> Result<(), UnitError> {
    step((id, 1), &mut key.record, Step::Certify, now)?;
    step((id, 1), &mut key.record, Step::Activate, now)?;
    key.record.certificate = Some(certified.record.clone());
    Ok(())
}

fn creation_events(
    settings: &UnitSettings,
    key: &NewKey,
    certified: Option<&Certified>,
    by: &Act,
) -> Vec<Event> {
    let id = &settings.id;
    let created = event(Category::Configuration, "unit-created", by, subject_of(id))
        .with("policies", settings.policies.join(" "))
        .with("accuracy_ms", settings.accuracy_ms)
        .with("certified_by", settings.certified_by);
    let created = match &settings.companion {
        Some(companion) => created.with("companion", companion),
        None => created,
    };
    let mut events = vec![created, key_event(id, 1, key, by)];
    if let Some(certified) = certified {
        let subject = subject_of_generation(id, 1);
        let adopted = event(Category::Certificate, "unit-adopted", by, subject);
        events.push(certified.described(adopted));
    }
    events
}

fn key_event(id: &str, number: u32, key: &NewKey, by: &Act) -> Event {
    let action = if key.found { "key-adopted" } else { "key-made" };
    event(Category::Key, action, by, subject_of_generation(id, number))
        .with("label", &key.record.label)
        .with("key_store", key.record.key_store)
        .with("kind", &key.record.kind)
        .with("public_key_sha256", hex::encode(openssl::sha::sha256(&key.record.public_key)))
}

/// Adds events to the transaction of what they tell.
pub(super) fn append(
    tx: &mut dyn Transaction,
    events: &[Event],
    now: DateTime<Utc>,
) -> Result<(), UnitError> {
    for event in events {
        trail::append(tx, event, now)?;
    }
    Ok(())
}
