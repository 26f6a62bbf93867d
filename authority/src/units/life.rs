//! Generations begin to sign, at once or at their time, and the choice of the default unit.

use super::create::append;
use super::error::UnitError;
use super::keys::public_key;
use super::model::Generation;
use super::read::{default_in, records_in};
use super::records::GenerationRecord;
use super::registry::{
    Inner, UnitRegistry, event, read_generation, read_unit, step, subject_of,
    subject_of_generation, write_generation,
};
use super::state::{State, Step};
use super::tables::{CHOICE, DEFAULT_KEY};
use crate::Act;
use certs::check_tsu;
use chrono::{DateTime, Utc};
use trail::Category;

impl UnitRegistry {
    /// Lets the newest certified generation sign, or the one named: at once, or from `at` on. The
    /// one that signs until then retires in the same instant, so that one key signs at any time.
    ///
    /// # Errors
    /// [`UnitError::Certificate`] when its certificate does not allow it at that time,
    /// [`UnitError::NotGood`] when it is suspended or revoked;
    /// [`UnitError::NoGeneration`], [`UnitError::Illegal`].
    pub async fn activate(
        &self,
        id: &str,
        generation: Option<u32>,
        at: Option<DateTime<Utc>>,
        by: &Act,
        now: DateTime<Utc>,
    ) -> Result<Generation, UnitError> {
        by.check()?;
        let _one_at_a_time = self.0.acts.lock().await;
        let number = self.0.waiting(id, generation)?;
        match at.filter(|at| *at > now) {
            Some(at) => self.0.schedule(id, number, at, by, now).await?,
            None => self.0.activate_now(id, number, by, now).await?,
        }
        self.0.generation(id, number)
    }

    /// Makes a unit the one for requests that name none.
    ///
    /// # Errors
    /// [`UnitError::UnknownUnit`], [`UnitError::NoGeneration`] when it could not issue.
    pub async fn set_default(
        &self,
        id: &str,
        by: &Act,
        now: DateTime<Utc>,
    ) -> Result<(), UnitError> {
        by.check()?;
        let _one_at_a_time = self.0.acts.lock().await;
        let id = id.to_owned();
        let told = event(Category::Configuration, "default-unit-changed", by, subject_of(&id));
        self.0
            .transact(move |tx| {
                read_unit(tx, &id)?;
                if !records_in(tx, &id)?.iter().any(|(_, record)| record.state == State::Active) {
                    let (wanted, needed) = ("is active", "activate one first");
                    return Err(UnitError::NoGeneration { unit: id, wanted, needed });
                }
                if default_in(tx)?.as_deref() != Some(id.as_str()) {
                    tx.put(CHOICE, DEFAULT_KEY, id.as_bytes());
                    append(tx, &[told], now)?;
                }
                Ok(())
            })
            .await?;
        self.0.changed(now);
        Ok(())
    }
}

impl Inner {
    /// Lets a generation sign from now on.
    pub(super) async fn activate_now(
        &self,
        id: &str,
        number: u32,
        by: &Act,
        now: DateTime<Utc>,
    ) -> Result<(), UnitError> {
        let record = self.record(id, number)?;
        self.may((id, number), &record, Step::Activate)?;
        self.usable(id, (number, &record), now)?;
        let told = event(Category::Key, "unit-activated", by, subject_of_generation(id, number));
        let (id, by) = (id.to_owned(), by.clone());
        self.transact(move |tx| {
            let mut record = read_generation(tx, &id, number)?;
            step((&id, number), &mut record, Step::Activate, now)?;
            let mut events = vec![told];
            let others = records_in(tx, &id)?.into_iter().filter(|(other, _)| *other != number);
            for (other, mut before) in others.filter(|(_, other)| other.state == State::Active) {
                step((&id, other), &mut before, Step::Retire, now)?;
                write_generation(tx, &id, other, &before);
                let retired = subject_of_generation(&id, other);
                let retired = event(Category::Key, "unit-retired", &by, retired);
                events.push(retired.with("successor", number));
            }
            write_generation(tx, &id, number, &record);
            append(tx, &events, now)
        })
        .await?;
        self.changed(now);
        Ok(())
    }

    /// Sets the time at which a generation begins to sign.
    pub(super) async fn schedule(
        &self,
        id: &str,
        number: u32,
        at: DateTime<Utc>,
        by: &Act,
        now: DateTime<Utc>,
    ) -> Result<(), UnitError> {
        let record = self.record(id, number)?;
        self.may((id, number), &record, Step::Activate)?;
        self.usable(id, (number, &record), at)?;
        let subject = subject_of_generation(id, number);
        let told = event(Category::Key, "activation-scheduled", by, subject);
        let told = told.with("at", at.to_rfc3339());
        let id = id.to_owned();
        self.transact(move |tx| {
            let mut record = read_generation(tx, &id, number)?;
            record.activate_at = Some(at.timestamp_millis());
            write_generation(tx, &id, number, &record);
            append(tx, &[told], now)
        })
        .await
    }

    /// Whether the generation's certificate lets it sign at `at` (EN 319 421 TIS-7.6.4-04).
    fn usable(
        &self,
        id: &str,
        (number, record): (u32, &GenerationRecord),
        at: DateTime<Utc>,
    ) -> Result<(), UnitError> {
        let Some(certificate) = &record.certificate else { return Ok(()) };
        // One that is suspended or revoked takes over from nobody.
        self.good(id, number, certificate)?;
        let chain: Vec<Vec<u8>> = certificate.chain.iter().map(|der| der.to_vec()).collect();
        let roots = [certificate.root.clone()];
        let key = public_key(id, record)?;
        let checked = check_tsu(&certificate.der, &chain, &roots, &key, at);
        checked.map(drop).map_err(|faults| UnitError::Certificate {
            unit: id.to_owned(),
            generation: number,
            faults,
        })
    }
}
