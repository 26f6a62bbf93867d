//! What happens by itself: scheduled activations, and rollovers.

use super::error::UnitError;
use super::model::{CertifiedBy, Change, ChangeKind, Unit};
use super::registry::{Inner, UnitRegistry};
use super::state::State;
use crate::Act;
use chrono::{DateTime, TimeDelta, Utc};

impl UnitRegistry {
    /// Does what is due at `now`, and says what was done. What fails is tried again by the next
    /// call; one unit's failure keeps no other from its turn. Call it every minute or so, with a
    /// time that can be trusted.
    ///
    /// # Errors
    /// [`UnitError::Store`] when the units cannot be read.
    pub async fn tick(&self, now: DateTime<Utc>) -> Result<Vec<Change>, UnitError> {
        let _one_at_a_time = self.0.acts.lock().await;
        let mut changes = Vec::new();
        for unit in self.0.list()? {
            let id = unit.settings.id.clone();
            let change = |generation, what| Change { unit: id.clone(), generation, what };
            match self.0.prepare(unit, now).await {
                Ok(Some(generation)) => changes.push(change(generation, ChangeKind::Prepared)),
                Ok(None) => {}
                Err(error) => changes.push(change(0, ChangeKind::Failed(error.to_string()))),
            }
            match self.0.activate_due(&id, now).await {
                Ok(Some(generation)) => changes.push(change(generation, ChangeKind::Activated)),
                Ok(None) => {}
                Err(error) => changes.push(change(0, ChangeKind::Failed(error.to_string()))),
            }
        }
        Ok(changes)
    }
}

impl Inner {
    /// Makes, certifies and schedules the next generation of a unit that rolls over by itself,
    /// when its time has come. What an earlier try left half done is taken up where it stopped.
    async fn prepare(&self, unit: Unit, now: DateTime<Utc>) -> Result<Option<u32>, UnitError> {
        let settings = &unit.settings;
        let Some(rollover) = settings.rollover else { return Ok(None) };
        let Some(active) = unit.active().and_then(|active| active.certificate.as_ref()) else {
            return Ok(None);
        };
        let end = active.key_use_until;
        let before = |days: u16| end - TimeDelta::days(i64::from(days));
        if settings.certified_by != CertifiedBy::BuiltIn || now < before(rollover.prepare_days) {
            return Ok(None);
        }
        if unit.waiting().is_some_and(|waiting| waiting.activate_at.is_some()) {
            return Ok(None);
        }
        let by = Act::service("the end of the key's use comes near");
        let number = match unit.waiting() {
            Some(waiting) => waiting.number,
            None => self.new_key(&unit, &by, now).await?,
        };
        if self.record(&settings.id, number)?.state == State::KeyMade {
            self.certify(settings, number, &by, now).await?;
        }
        let at = before(rollover.activate_days).max(now);
        self.schedule(&settings.id, number, at, &by, now).await?;
        Ok(Some(number))
    }

    async fn activate_due(&self, id: &str, now: DateTime<Utc>) -> Result<Option<u32>, UnitError> {
        let due = |at: Option<i64>| at.is_some_and(|at| at <= now.timestamp_millis());
        let records = self.records(id)?;
        let due = records.iter().find(|(_, record)| due(record.activate_at));
        let Some((number, _)) = due else { return Ok(None) };
        self.activate_now(id, *number, &Act::service("scheduled"), now).await?;
        Ok(Some(*number))
    }
}
