//! The timer's work: suspensions that end, responders that need a certificate, lists that are due.

use crate::crl::Wanted;
use crate::model::{Act, Ticked};
use crate::registry::Ca;
use crate::status::{Change, Status};
use crate::{Authority, AuthorityError};
use certs::Serial;
use chrono::{DateTime, Utc};
use std::sync::Arc;

impl Authority {
    /// Does what is due at `now`; for a timer of a minute or so, and once after
    /// [`Authority::open`]. What fails is told, and tried again by the next call.
    ///
    /// Not while the clock is not trusted: a suspension would end, and a list would be dated, by a
    /// wrong time.
    pub async fn tick(&self, now: DateTime<Utc>) -> Ticked {
        let mut ticked = Ticked::default();
        self.end_suspensions(now, &mut ticked).await;
        for ca in &self.0.cas {
            match self.0.renew_responder(ca, now).await {
                Ok(None) => {}
                Ok(Some(serial)) => ticked.responders.push((ca.id().to_owned(), serial)),
                Err(error) => ticked.failures.push(error),
            }
            match self.publish_due(ca, now).await {
                Ok(None) => {}
                Ok(Some(number)) => ticked.crls.push((ca.id().to_owned(), number)),
                Err(error) => ticked.failures.push(error),
            }
        }
        ticked
    }

    /// No list for each of them: the lists of their CAs come next.
    async fn end_suspensions(&self, now: DateTime<Utc>, ticked: &mut Ticked) {
        for (serial, overdue) in self.overdue(now) {
            match self.end_suspension(&serial, overdue, now).await {
                Ok(()) => ticked.reactivated.push(serial),
                // Somebody was faster: it is reactivated, suspended anew, or revoked.
                Err(AuthorityError::Illegal { .. }) => {}
                Err(error) => ticked.failures.push(error),
            }
        }
    }

    /// The suspensions whose end has come.
    pub(crate) fn overdue(&self, now: DateTime<Utc>) -> Vec<(Serial, Status)> {
        self.0.standings.pick(|_, key, listed| match listed.status {
            Status::Held { until: Some(until), .. } if until <= now => {
                key.serial().map(|serial| (serial, listed.status))
            }
            _ => None,
        })
    }

    /// Ends this suspension, and no other of the same certificate.
    pub(crate) async fn end_suspension(
        &self,
        serial: &Serial,
        overdue: Status,
        now: DateTime<Utc>,
    ) -> Result<(), AuthorityError> {
        let by = Act::service("the suspension has come to its end");
        self.0.change(serial, Change::Reactivate, Some(overdue), &by, now).await?;
        Ok(())
    }

    async fn publish_due(
        &self,
        ca: &Arc<Ca>,
        now: DateTime<Utc>,
    ) -> Result<Option<u64>, AuthorityError> {
        let before = ca.crl.load().as_ref().map(|crl| crl.number);
        let by = Act::service("the list was due");
        let number = self.0.publish(ca.number, Wanted::Due, &by, now).await?.number;
        Ok((before != Some(number)).then_some(number))
    }
}
