//! The end of a generation: it signs no more, its certificate is revoked, its key destroyed.

use super::create::append;
use super::error::UnitError;
use super::model::{Generation, Retirement};
use super::records::GenerationRecord;
use super::registry::{
    Inner, UnitRegistry, event, read_generation, step, subject_of_generation, write_generation,
};
use super::state::{State, Step};
use crate::Act;
use certs::check::parse;
use certs::{RevocationReason, Serial};
use chrono::{DateTime, Utc};
use trail::{Category, Event};

impl UnitRegistry {
    /// Ends the active generation, or the one named.
    ///
    /// In this order: it signs no more; whoever issues tokens is told; its certificate is revoked,
    /// when that is asked for; its key is destroyed, when that is asked for. What was done before
    /// a step that fails stands, and the same call again goes on from there. The certificate stays,
    /// so that its tokens can be verified and fetched.
    ///
    /// # Errors
    /// [`UnitError::Needed`] without force, when requests that name no unit, or the tokens of a
    /// pair, would end with it; [`UnitError::NotOurs`], [`UnitError::Illegal`]; what the CA or the
    /// key store says.
    pub async fn retire(
        &self,
        id: &str,
        retirement: Retirement,
        by: &Act,
        now: DateTime<Utc>,
    ) -> Result<Generation, UnitError> {
        by.check()?;
        let _one_at_a_time = self.0.acts.lock().await;
        let number = self.0.to_retire(id, retirement.generation)?;
        let record = self.0.record(id, number)?;
        if !retirement.force {
            self.0.spare(id, number, record.state)?;
        }
        // What cannot be done is refused before anything is.
        let revoke = match retirement.revoke {
            Some(reason) => Some((ours(id, number, &record)?, reason)),
            None => None,
        };
        let gone = matches!(record.state, State::Retired | State::Destroyed);
        if !gone {
            self.0.stop(id, number, by, now).await?;
        } else if !retirement.destroy_key && revoke.is_none() {
            self.0.may((id, number), &record, Step::Retire)?;
        }
        if let Some((serial, reason)) = revoke {
            self.0.revoke(&serial, reason, by, now).await?;
        }
        if retirement.destroy_key {
            self.0.destroy(id, number, by, now).await?;
        }
        self.0.generation(id, number)
    }
}

impl Inner {
    fn to_retire(&self, id: &str, generation: Option<u32>) -> Result<u32, UnitError> {
        let unit = self.show(id)?;
        if let Some(number) = generation {
            return Ok(number);
        }
        unit.active().map(|active| active.number).ok_or_else(|| UnitError::NoGeneration {
            unit: id.to_owned(),
            wanted: "is active",
            needed: "name the generation that is to be retired",
        })
    }

    /// Refuses what would end the service's own default, or a pair.
    fn spare(&self, id: &str, number: u32, state: State) -> Result<(), UnitError> {
        if state != State::Active {
            return Ok(());
        }
        let needed =
            |why: String| UnitError::Needed { unit: id.to_owned(), generation: number, why };
        let units = self.list()?;
        if units.iter().any(|unit| unit.is_default && unit.settings.id == id) {
            return Err(needed("it serves the requests that name no unit".to_owned()));
        }
        let pair = units
            .iter()
            .find(|unit| unit.settings.companion.as_deref() == Some(id) && unit.active().is_some());
        match pair {
            Some(unit) => {
                let why = format!("it is the companion of unit {}", unit.settings.id);
                Err(needed(why))
            }
            None => Ok(()),
        }
    }

    async fn stop(
        &self,
        id: &str,
        number: u32,
        by: &Act,
        now: DateTime<Utc>,
    ) -> Result<(), UnitError> {
        let told = event(Category::Key, "unit-retired", by, subject_of_generation(id, number));
        self.step_with(id, number, Step::Retire, told, now).await?;
        self.changed(now);
        Ok(())
    }

    async fn revoke(
        &self,
        serial: &Serial,
        reason: RevocationReason,
        by: &Act,
        now: DateTime<Utc>,
    ) -> Result<(), UnitError> {
        let Some(authority) = &self.authority else { return Ok(()) };
        if let Some(crate::Status::Revoked { .. }) = authority.status(serial) {
            return Ok(());
        }
        authority.revoke(serial, reason, None, by, now).await?;
        Ok(())
    }

    /// Destroys the key. That it is there is looked at, and that it is being destroyed written
    /// down, before: only then a key that is not there was destroyed, by a try that was cut off
    /// before it could say so. Otherwise it may be in a token or a file that is elsewhere.
    async fn destroy(
        &self,
        id: &str,
        number: u32,
        by: &Act,
        now: DateTime<Utc>,
    ) -> Result<(), UnitError> {
        let record = self.record(id, number)?;
        self.may((id, number), &record, Step::Destroy)?;
        let subject = subject_of_generation(id, number);
        let described = |event: Event| {
            event
                .with("label", &record.label)
                .with("key_store", record.key_store)
                .with("public_key_sha256", hex::encode(openssl::sha::sha256(&record.public_key)))
        };
        let begun = described(event(Category::Key, "key-destruction-begun", by, subject.clone()));
        if let Err(error) = self.destroy_marked((id, number), &record, begun, now).await {
            let failed = Event::failure(Category::Key, "key-destroyed", &by.actor, &subject);
            let failed = described(failed).with("error", &error);
            self.note_failure((id, number), &record, failed, now).await?;
            return Err(error);
        }
        let told = described(event(Category::Key, "key-destroyed", by, subject));
        self.step_with(id, number, Step::Destroy, told, now).await
    }

    async fn destroy_marked(
        &self,
        (id, number): (&str, u32),
        record: &GenerationRecord,
        begun: Event,
        now: DateTime<Utc>,
    ) -> Result<(), UnitError> {
        let is_there = self.has_key(id, record.key_store, &record.label).await?;
        match (is_there, record.destroying_at) {
            (true, _) => {}
            (false, Some(_)) => return Ok(()),
            (false, None) => {
                let (unit, label) = (id.to_owned(), record.label.clone());
                return Err(UnitError::KeyNotFound { unit, generation: number, label });
            }
        }
        self.mark_destroying((id, number), begun, now).await?;
        self.destroy_key(id, record).await
    }

    pub(super) async fn mark_destroying(
        &self,
        (id, number): (&str, u32),
        begun: Event,
        now: DateTime<Utc>,
    ) -> Result<(), UnitError> {
        let id = id.to_owned();
        self.transact(move |tx| {
            let mut record = read_generation(tx, &id, number)?;
            record.destroying_at = Some(now.timestamp_millis());
            write_generation(tx, &id, number, &record);
            append(tx, &[begun], now)
        })
        .await
    }

    /// Writes down that a key was not destroyed. When it is known to be there, the mark goes: its
    /// later absence would say nothing.
    async fn note_failure(
        &self,
        (id, number): (&str, u32),
        record: &GenerationRecord,
        failed: Event,
        now: DateTime<Utc>,
    ) -> Result<(), UnitError> {
        let stays = self.has_key(id, record.key_store, &record.label).await.unwrap_or(false);
        let id = id.to_owned();
        self.transact(move |tx| {
            let mut record = read_generation(tx, &id, number)?;
            if stays && record.destroying_at.take().is_some() {
                write_generation(tx, &id, number, &record);
            }
            append(tx, &[failed], now)
        })
        .await
    }

    async fn step_with(
        &self,
        id: &str,
        number: u32,
        taken: Step,
        told: Event,
        now: DateTime<Utc>,
    ) -> Result<(), UnitError> {
        let id = id.to_owned();
        self.transact(move |tx| {
            let mut record = read_generation(tx, &id, number)?;
            step((&id, number), &mut record, taken, now)?;
            write_generation(tx, &id, number, &record);
            append(tx, &[told], now)
        })
        .await
    }
}

/// The serial number of a certificate that was issued in here.
fn ours(id: &str, number: u32, record: &GenerationRecord) -> Result<Serial, UnitError> {
    let not_ours = || UnitError::NotOurs { unit: id.to_owned(), generation: number };
    let certificate = record.certificate.as_ref().filter(|certificate| certificate.ca.is_some());
    let certificate = certificate.ok_or_else(not_ours)?;
    parse(&certificate.der).ok().and_then(|parsed| Serial::of(&parsed)).ok_or_else(not_ours)
}
