//! Who asks: what a token stands for, looked up for every request.

use super::record::{self, SessionRecord};
use super::{NOTED_EVERY, OpenedBy};
use crate::encoding::decode;
use crate::holders::bearer::{self, TokenDigest};
use crate::holders::tables::SESSION;
use crate::holders::{
    Actor, CredentialId, DeviceId, HolderError, HolderId, Holders, SessionId, devices,
};
use chrono::{DateTime, Utc};

/// What a session's token begins with.
pub(crate) const SESSION_PREFIX: &str = "ms_";

/// What somebody came in by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessKind {
    /// A session of a browser or an app, after a login.
    Session(SessionId),
    /// A linked phone.
    Device(DeviceId),
    /// A linked system, for automatic signatures.
    System(DeviceId),
}

/// A token was right: who asks, and what they may do. Only [`Holders::access`] gives one.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Access {
    /// Who.
    pub holder: HolderId,
    /// By what.
    pub what: AccessKind,
    /// Stands for this very token wherever something is bound to it: another one after each
    /// rotation. It opens nothing.
    pub reference: [u8; 32],
    /// It began with a QR code, and is not raised at the moment: what matters is refused.
    pub limited: bool,
    /// It began with a QR code: the password was not asked for, and a phone was enough.
    pub by_qr: bool,
    /// Nothing else may be done before the password is replaced.
    pub must_change_password: bool,
    /// A session that was raised with a one-time code: until when.
    pub stepped_up_until: Option<DateTime<Utc>>,
    /// A system that is bound to some of the holder's credentials: to which.
    pub credentials: Option<Vec<CredentialId>>,
}

impl Access {
    /// The session, where it is one.
    pub fn session(&self) -> Result<SessionId, HolderError> {
        match self.what {
            AccessKind::Session(id) => Ok(id),
            AccessKind::Device(_) | AccessKind::System(_) => Err(HolderError::NoSession),
        }
    }

    /// The linked phone, where it is one.
    pub fn device(&self) -> Result<DeviceId, HolderError> {
        match self.what {
            AccessKind::Device(id) => Ok(id),
            AccessKind::Session(_) | AccessKind::System(_) => Err(HolderError::NotADevice),
        }
    }

    /// Whether its link allows the use of a credential: that of a system can name some.
    #[must_use]
    pub fn may_use(&self, credential: CredentialId) -> bool {
        self.credentials.as_ref().is_none_or(|allowed| allowed.contains(&credential))
    }

    /// For histories.
    #[must_use]
    pub fn actor(&self) -> Actor {
        Actor::Holder(self.holder)
    }

    /// Whether it is raised at this instant.
    #[must_use]
    pub fn stepped_up(&self, now: DateTime<Utc>) -> bool {
        self.stepped_up_until.is_some_and(|until| now < until)
    }

    /// Refuses a session that began with a QR code and is not raised, and one of a first password:
    /// for what changes factors, or opens other ways in.
    pub fn needs_full(&self) -> Result<(), HolderError> {
        if self.must_change_password {
            return Err(HolderError::MustChangePassword);
        }
        if self.limited { Err(HolderError::StepUpNeeded) } else { Ok(()) }
    }

    /// Refuses all but a session that the password opened: for what changes the account or its
    /// factors. Whoever has the phone in hand has the QR login and the codes of it, and nothing
    /// else of the holder.
    pub fn needs_password(&self) -> Result<(), HolderError> {
        if self.by_qr {
            return Err(HolderError::NoSession);
        }
        self.needs_full()?;
        self.session().map(drop)
    }
}

impl Holders {
    /// What a token of a session or of a device stands for. Two reads; and a write once a minute,
    /// which notes that it is used.
    ///
    /// # Errors
    /// [`HolderError::NotLoggedIn`] for every token that opens nothing (any more).
    pub async fn access(&self, token: &str, now: DateTime<Utc>) -> Result<Access, HolderError> {
        self.used(self.found(token, now)?, now).await
    }

    /// The same for the client certificate of a linked system, which TLS has verified; SHA-256 of
    /// its DER.
    ///
    /// # Errors
    /// [`HolderError::NotLoggedIn`] for one that no system is linked with (any more).
    pub async fn access_by_certificate(
        &self,
        certificate: &[u8; 32],
        now: DateTime<Utc>,
    ) -> Result<Access, HolderError> {
        self.used(self.certified_access(certificate)?, now).await
    }

    /// The same without counting as a use: for what looks again and again with nobody there. A
    /// session whose only requests are such ends as one that is left alone.
    ///
    /// # Errors
    /// Those of [`Holders::access`].
    pub fn peek(&self, token: &str, now: DateTime<Utc>) -> Result<Access, HolderError> {
        Ok(self.found(token, now)?.0)
    }

    /// The same for a client certificate.
    ///
    /// # Errors
    /// Those of [`Holders::access_by_certificate`].
    pub fn peek_by_certificate(&self, certificate: &[u8; 32]) -> Result<Access, HolderError> {
        Ok(self.certified_access(certificate)?.0)
    }

    /// Notes, once a minute, that what stands for somebody is used.
    async fn used(
        &self,
        (access, last_used_at): (Access, i64),
        now: DateTime<Utc>,
    ) -> Result<Access, HolderError> {
        if now.timestamp_millis() - last_used_at >= NOTED_EVERY {
            match access.what {
                AccessKind::Session(_) => self.note_session(access.reference, now).await?,
                AccessKind::Device(_) | AccessKind::System(_) => {
                    self.note_device(access.reference, now).await?;
                }
            }
        }
        Ok(access)
    }

    /// What a token stands for, and when it was used last.
    fn found(&self, token: &str, now: DateTime<Utc>) -> Result<(Access, i64), HolderError> {
        if token.starts_with(devices::PREFIX) {
            return self.device_access(token);
        }
        if !token.starts_with(SESSION_PREFIX) {
            return Err(HolderError::NotLoggedIn);
        }
        let digest = bearer::digest(token);
        let bytes = self.store().get(SESSION, &digest)?.ok_or(HolderError::NotLoggedIn)?;
        let session: SessionRecord = decode(SESSION, &digest, &bytes)?;
        let holder = self.holder_record(session.holder())?;
        if !session.lives(&self.inner().settings, &holder, now) {
            return Err(HolderError::NotLoggedIn);
        }
        let stepped_up_until = session.stepped_up(now);
        let access = Access {
            holder: session.holder(),
            what: AccessKind::Session(session.id()),
            reference: digest,
            limited: session.by == OpenedBy::QrCode && stepped_up_until.is_none(),
            by_qr: session.by == OpenedBy::QrCode,
            must_change_password: holder.password.is_some_and(|p| p.first_until.is_some()),
            stepped_up_until,
            credentials: None,
        };
        Ok((access, session.last_used_at))
    }

    /// Whether the token that a reference stands for opens anything: for what was begun with it
    /// and goes on without it. It does not count as a use.
    ///
    /// # Errors
    /// The store's.
    pub fn access_lives(
        &self,
        reference: &[u8; 32],
        now: DateTime<Utc>,
    ) -> Result<bool, HolderError> {
        if let Some(bytes) = self.store().get(SESSION, reference)? {
            let session: SessionRecord = decode(SESSION, reference, &bytes)?;
            let holder = self.holder_record(session.holder())?;
            return Ok(session.lives(&self.inner().settings, &holder, now));
        }
        self.device_lives(reference)
    }

    /// Notes that a session is used; one that was ended meanwhile stays ended.
    async fn note_session(
        &self,
        digest: TokenDigest,
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        self.transact(move |_, tx| {
            let mut session = record::load(tx, &digest)?.ok_or(HolderError::NotLoggedIn)?;
            session.last_used_at = session.last_used_at.max(now.timestamp_millis());
            record::save(tx, &digest, &session);
            Ok(())
        })
        .await
    }
}
