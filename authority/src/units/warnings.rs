//! Warnings before a unit stops: each of them once, restarts included.

use super::error::UnitError;
use super::model::{WARNING_DAYS, Warning};
use super::records::GenerationRecord;
use super::registry::{UnitRegistry, read_generation, write_generation};
use super::state::State;
use chrono::{DateTime, TimeDelta, Utc};

impl UnitRegistry {
    /// The warnings that are to be sent at `now`: one for each active generation whose end has
    /// come as near as one of [`WARNING_DAYS`], and for which none as urgent was sent.
    ///
    /// # Errors
    /// [`UnitError::Store`]
    pub fn warnings_due(&self, now: DateTime<Utc>) -> Result<Vec<Warning>, UnitError> {
        let mut warnings = Vec::new();
        for unit in self.0.list()? {
            let id = unit.settings.id.clone();
            let successor = unit.waiting().and_then(|next| Some((next.number, next.activate_at?)));
            for (number, record) in self.0.records(&id)? {
                if let Some((days, ends_at, what)) = due(&record, now) {
                    let successor = successor.filter(|(_, at)| *at <= ends_at);
                    let unit = id.clone();
                    warnings.push(Warning {
                        unit,
                        generation: number,
                        days,
                        ends_at,
                        what,
                        successor,
                    });
                }
            }
        }
        Ok(warnings)
    }

    /// Notes, durably, that a warning was sent; it and the less urgent ones are not due again.
    ///
    /// # Errors
    /// [`UnitError::UnknownGeneration`], [`UnitError::Store`].
    pub async fn warning_sent(
        &self,
        warning: &Warning,
        now: DateTime<Utc>,
    ) -> Result<(), UnitError> {
        let _one_at_a_time = self.0.acts.lock().await;
        let Warning { unit, generation, days, .. } = warning.clone();
        let subject = super::registry::subject_of_generation(&unit, generation);
        let told = trail::Event::success(
            trail::Category::Certificate,
            "end-warning-sent",
            "service",
            subject,
        );
        let told = told.with("days", days).with("ends_at", warning.ends_at.to_rfc3339());
        self.0
            .transact(move |tx| {
                let mut record = read_generation(tx, &unit, generation)?;
                let mut sent = record.warned.unwrap_or_default();
                if !sent.contains(&days) {
                    sent.push(days);
                }
                record.warned = Some(sent);
                write_generation(tx, &unit, generation, &record);
                super::create::append(tx, &[told], now)
            })
            .await
    }
}

/// The most urgent warning that a generation has come to, unless it or a more urgent one was sent.
fn due(
    record: &GenerationRecord,
    now: DateTime<Utc>,
) -> Option<(u16, DateTime<Utc>, super::model::EndOf)> {
    let certificate = record.certificate.as_ref().filter(|_| record.state == State::Active)?;
    let (ends_at, what) = (certificate.last_use()?, certificate.end().1);
    let reached = |days: &u16| now >= ends_at - TimeDelta::days(i64::from(*days));
    let days = WARNING_DAYS.into_iter().filter(reached).min()?;
    let sent = record.warned.iter().flatten().any(|sent| *sent <= days);
    (!sent).then_some((days, ends_at, what))
}
