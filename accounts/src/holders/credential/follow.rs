//! A credential stands as its certificate does, also when an operator works on that in the registry
//! of certificates, past the credential.

use super::issuer::{CertificateIssuer, CertificateStatus};
use super::record::{self, own, save};
use super::state::{Event, State, SuspensionCause};
use super::suspension::apply;
use crate::holders::{Actor, CredentialId, HolderError, HolderId, Holders, Inner};
use chrono::{DateTime, Utc};
use store::Transaction;

impl Holders {
    /// Follows what an operator did to a certificate in the registry itself: its credential stands
    /// as `stands` says, which is asked while nobody else tells the registry anything of it. Tells
    /// whether the credential changed.
    ///
    /// A certificate of before a renewal is not the credential's any more, and says nothing of it.
    /// A suspension that is not an operator's own stays: the registry is told of it again.
    ///
    /// # Errors
    /// The store's.
    pub async fn follow_certificate(
        &self,
        (holder, id): (HolderId, CredentialId),
        serial: &str,
        stands: impl Fn() -> Option<CertificateStatus>,
        operator: String,
        issuer: &impl CertificateIssuer,
        now: DateTime<Utc>,
    ) -> Result<bool, HolderError> {
        let changed = self.follow((holder, id), serial, stands, operator, now).await?;
        // Nothing new of this certificate; but of those before a renewal, and of a suspension that
        // stays.
        self.publish(id, issuer, now).await?;
        Ok(changed)
    }

    async fn follow(
        &self,
        (holder, id): (HolderId, CredentialId),
        serial: &str,
        stands: impl Fn() -> Option<CertificateStatus>,
        operator: String,
        now: DateTime<Utc>,
    ) -> Result<bool, HolderError> {
        let _turn = self.inner().turns.of(id).lock().await;
        let record = record::read(self.store(), id)?;
        // What the registry was not told yet is newer than what it says.
        if record.unpublished || record.serial.as_deref() != Some(serial) {
            return Ok(false);
        }
        let Some(stands) = stands() else { return Ok(false) };
        let epoch = record.life.epoch();
        let follow = move |inner: &Inner, tx: &mut dyn Transaction| {
            let mut record = own(tx, holder, id)?;
            if record.life.epoch() != epoch {
                return Ok(false);
            }
            let state = record.life.at(now);
            if let (State::Suspended { cause, .. }, CertificateStatus::Good) = (state, stands)
                && cause != SuspensionCause::Operator
            {
                record.unpublished = true;
                save(tx, id, &record)?;
                return Ok(false);
            }
            let Some(event) = followed(state, stands) else { return Ok(false) };
            apply(inner, tx, (id, &mut record), event, Actor::Operator(operator), now)?;
            Ok(true)
        };
        self.transact(follow).await
    }
}

/// What brings a credential to where its certificate is; `None` when it is there, or over.
fn followed(state: State, stands: CertificateStatus) -> Option<Event> {
    match (state, stands) {
        (State::AwaitingActivation | State::Expired | State::Revoked { .. }, _)
        | (State::Active | State::PinLocked, CertificateStatus::Good) => None,
        (_, CertificateStatus::Revoked(cause)) => Some(Event::Revoke { cause }),
        (State::Suspended { .. }, CertificateStatus::Good) => Some(Event::Reactivate),
        (_, CertificateStatus::Suspended { until }) => {
            let until = until.map(|until| until.timestamp_millis());
            let cause = SuspensionCause::Operator;
            match state {
                State::Suspended { until: before, .. } if before == until => None,
                _ => Some(Event::Suspend { until, cause }),
            }
        }
    }
}
