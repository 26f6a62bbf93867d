//! Acts that go through more than one of the holders' rooms.

use super::{HolderPin, credential_reference};
use crate::random::SystemRandom;
use crate::service::Service;
use accounts::holders::credential::{Event, RevocationCause, State};
use accounts::holders::messages::Attachment;
use accounts::holders::pin::EnvelopeAddresses;
use accounts::holders::registration::{Invitation, Invite};
use accounts::holders::{
    Actor, CredentialId, HolderError, HolderId, Language, RegistrationId, Room,
};
use certs::Serial;
use chrono::{DateTime, Utc};
use envelope::{Codes, EmergencyCode, Envelope, Pin, SealError};
use std::net::IpAddr;

/// Why nobody was invited.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InviteError {
    /// The holders' own refusal.
    #[error(transparent)]
    Holder(#[from] HolderError),
    /// A text that the envelope cannot show: a name, as a rule.
    #[error("the envelope cannot be made: {0}")]
    Seal(#[from] SealError),
}

/// An envelope ready to be sent, and its codes.
struct Sealed {
    codes: Codes,
    pdf: Vec<u8>,
}

impl Service {
    /// Unlocks the key of an active credential with its PIN.
    ///
    /// # Errors
    /// Those of [`Holders::verify_pin`](accounts::holders::Holders::verify_pin). A device that is
    /// away is found out when the key signs.
    pub(crate) async fn verify_pin(
        &self,
        room: &Room,
        place: (HolderId, CredentialId),
        pin: Pin,
        now: DateTime<Utc>,
    ) -> Result<HolderPin, HolderError> {
        let proof = self.holders.verify_pin(room, place, pin, now).await?;
        self.holder_device.unlock(proof)
    }

    /// The same by a PIN that comes without a one-time code.
    ///
    /// # Errors
    /// Those of [`Holders::verify_pin_alone`](accounts::holders::Holders::verify_pin_alone).
    pub(crate) async fn verify_pin_alone(
        &self,
        room: &Room,
        place: (HolderId, CredentialId),
        pin: Pin,
        now: DateTime<Utc>,
    ) -> Result<HolderPin, HolderError> {
        let proof = self.holders.verify_pin_alone(room, place, pin, now).await?;
        self.holder_device.unlock(proof)
    }

    /// Invites the holder of a registration, with a new envelope: codes, credential, link and mail
    /// are there together, or none of them is. An earlier invitation and its envelope end.
    pub(crate) async fn invite(
        &self,
        registration: RegistrationId,
        first_password: bool,
        actor: Actor,
        now: DateTime<Utc>,
    ) -> Result<HolderId, InviteError> {
        let invitation = self.holders.invitation(registration)?;
        let (name, addresses) = (self.service_name.clone(), self.envelope_addresses());
        let sealing =
            tokio::task::spawn_blocking(move || seal(&invitation, (&name, &addresses), now));
        // A task that panicked has said so itself.
        let Sealed { codes, pdf } = sealing.await.map_err(|_| HolderError::Busy)??;
        let envelope = Attachment {
            name: format!("envelope-{}.pdf", codes.number.as_str()),
            media_type: "application/pdf".to_owned(),
            bytes: pdf,
        };
        let invite = Invite { envelope: Some(envelope), first_password };
        let (holders, key) = (&self.holders, self.holder_key);
        let invited =
            holders.invite_with_credential(registration, &codes, key, invite, actor, now).await;
        Ok(invited?)
    }

    /// What of the service stands in envelopes.
    pub(crate) fn envelope_addresses(&self) -> EnvelopeAddresses {
        EnvelopeAddresses {
            portal: format!("{}/login", self.public_url),
            suspension: format!("{}/suspend", self.public_url),
            support: self.support.clone(),
        }
    }

    /// Locks a credential's key in memory, after its state or its PIN changed. Its epoch keeps
    /// what was authorised from being used in any case.
    pub(crate) fn forget_keys(&self, credential: CredentialId) {
        self.signing.forget(credential_reference(credential));
    }

    /// The same when a refused try has locked or ended the credential.
    pub(crate) fn forget_locked(&self, holder: HolderId, credential: CredentialId) {
        let view = self.holders.credential(holder, credential, self.clock.now());
        if view.is_ok_and(|view| view.state != State::Active) {
            self.forget_keys(credential);
        }
    }

    /// The same for every credential of a holder.
    pub(crate) fn forget_keys_of(&self, holder: HolderId) {
        match self.holders.credentials_of(holder, self.clock.now()) {
            Ok(credentials) => credentials.iter().for_each(|one| self.forget_keys(one.id)),
            Err(error) => tracing::error!(%error, %holder, "keys are locked at their ends only"),
        }
    }

    /// Lets a holder's credential stand as its certificate does, which an operator changed in the
    /// registry: it is shown so, the holder is told, and its key is locked. What fails is in the
    /// log; the certificate alone keeps the credential from signing, and the same command again
    /// tries it again.
    pub(crate) async fn follow_certificate(&self, serial: &Serial, now: DateTime<Utc>) {
        let Some(of) = self.holder_ca.credential_of(serial, now) else { return };
        let (text, place) = (serial.to_string(), (of.holder, of.credential));
        let stands = || self.holder_ca.standing(serial);
        let by = "admin".to_owned();
        let (holders, ca) = (&self.holders, &self.holder_ca);
        match holders.follow_certificate(place, &text, stands, by, ca, now).await {
            Ok(true) => self.forget_keys(of.credential),
            Ok(false) => {}
            Err(error) => {
                tracing::error!(%error, %serial, "a credential does not follow its certificate");
            }
        }
    }

    /// Suspends every credential that an emergency code is for, without a login.
    pub(crate) async fn suspend_by_code(
        &self,
        user_id: &str,
        code: EmergencyCode,
        from: IpAddr,
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        let suspended = self.holders.suspend_by_code(user_id, code, from, &self.holder_ca, now);
        for credential in suspended.await? {
            self.forget_keys(credential);
        }
        Ok(())
    }

    /// Closes a holder's account; what certificates it has are revoked first, so that CRL and OCSP
    /// say so before the account is gone.
    pub(crate) async fn close_holder(
        &self,
        holder: HolderId,
        reason: &str,
        operator: &str,
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        self.holders.check_closing(holder, reason)?;
        for credential in self.holders.credentials_of(holder, now)? {
            if matches!(credential.state, State::Revoked { .. } | State::Expired) {
                continue;
            }
            let cause = RevocationCause::PrivilegeWithdrawn;
            let (place, event) = ((holder, credential.id), Event::Revoke { cause });
            let by = operator.to_owned();
            self.holders.change_by_operator(place, event, by, &self.holder_ca, now).await?;
            self.forget_keys(credential.id);
        }
        self.holders.close(holder, reason, Actor::Operator(operator.to_owned()), now).await
    }
}

impl Service {
    /// Erases what is held about a holder: first the names in the registry of certificates, to
    /// which the holder's own rows lead, then those rows. When it is interrupted, the next call
    /// goes on.
    pub(crate) async fn erase_holder(
        &self,
        holder: HolderId,
        operator: &str,
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        self.holders.check_erasing(holder, now)?;
        self.holder_ca.erase(holder, operator, now).await?;
        self.holders.erase(holder, Actor::Operator(operator.to_owned()), now).await
    }
}

/// Draws the codes and seals them. Takes long.
fn seal(
    invitation: &Invitation,
    (service_name, addresses): (&str, &EnvelopeAddresses),
    now: DateTime<Utc>,
) -> Result<Sealed, SealError> {
    let mut random = SystemRandom.seeded();
    let codes = Codes::generate(&mut random);
    let envelope = Envelope {
        codes: &codes,
        holder_name: &invitation.holder_name,
        user_id: &invitation.user_id,
        issued_at: now,
        language: match invitation.language {
            Language::En => envelope::Language::En,
            Language::It => envelope::Language::It,
        },
        service_name,
        portal_address: &addresses.portal,
        suspension_address: &addresses.suspension,
        support: addresses.support.as_deref(),
    };
    let pdf = envelope.seal(&invitation.passphrase, &mut random)?;
    Ok(Sealed { codes, pdf })
}
