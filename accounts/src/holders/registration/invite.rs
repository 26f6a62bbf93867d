//! The invitation: the envelope and the link by mail, or a first password by short message.

use super::record::RegistrationRecord;
use super::{PASSPHRASE, RegistrationEvent, load, lost, save};
use crate::credentials::generate_password;
use crate::encoding::{damaged, decode};
use crate::holders::credential::{
    self, CredentialKind, Event, NewCredential, RevocationCause, State,
};
use crate::holders::history::{HistoryEntry, HistoryKind};
use crate::holders::holder::{self, HolderRecord, PasswordRecord};
use crate::holders::link::{self, LinkPurpose};
use crate::holders::messages::{Attachment, Channel, NewMessage, Template, enqueue};
use crate::holders::password::NewPassword;
use crate::holders::tables::REGISTRATION;
use crate::holders::{
    Actor, HolderError, HolderId, Holders, Inner, Language, RegistrationId, SigningKeyKind, history,
};
use chrono::{DateTime, Utc};
use envelope::{Codes, Passphrase};
use std::fmt;
use store::Transaction;

/// What the envelope of an invitation is made of.
pub struct Invitation {
    /// The registration.
    pub registration: RegistrationId,
    /// Its holder.
    pub holder: HolderId,
    /// Which credential is asked for.
    pub kind: CredentialKind,
    /// The holder's name, as it stands on the envelope.
    pub holder_name: String,
    /// The user ID.
    pub user_id: String,
    /// The language of the envelope.
    pub language: Language,
    /// What opens the envelope.
    pub passphrase: Passphrase,
}

impl fmt::Debug for Invitation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invitation").field("holder", &self.holder).finish_non_exhaustive()
    }
}

/// What goes out.
#[derive(Debug, Default)]
pub struct Invite {
    /// The sealed envelope.
    pub envelope: Option<Attachment>,
    /// Send a first password by short message, to log in with and to replace; the mail still
    /// carries the link, by which a password can be chosen instead.
    pub first_password: bool,
}

impl Holders {
    /// What the envelope for a registration is made of. The codes in it are drawn and kept by
    /// the room of credentials.
    pub fn invitation(&self, id: RegistrationId) -> Result<Invitation, HolderError> {
        let bytes = self.store().get(REGISTRATION, &id.key())?;
        let bytes = bytes.ok_or(HolderError::UnknownRegistration(id))?;
        let record: RegistrationRecord = decode(REGISTRATION, &id.key(), &bytes)?;
        record.state.apply(RegistrationEvent::Invite)?;
        let applicant = record.applicant.ok_or_else(|| lost(id))?;
        let sealed = record.passphrase.ok_or_else(|| lost(id))?;
        let passphrase = self.inner().pepper.open(PASSPHRASE, &id.key(), &sealed)?;
        let unreadable = || damaged(REGISTRATION, &id.key(), "a passphrase that does not read");
        let passphrase = std::str::from_utf8(&passphrase).map_err(|_| unreadable())?;
        Ok(Invitation {
            registration: id,
            holder: record.holder.map(HolderId::new).ok_or_else(|| lost(id))?,
            kind: applicant.kind,
            holder_name: format!("{} {}", applicant.given_name, applicant.surname),
            user_id: applicant.email,
            language: applicant.language,
            passphrase: Passphrase::parse(passphrase).map_err(|_| unreadable())?,
        })
    }

    /// Invites a holder, or invites again: an older link and an older first password end.
    pub async fn invite(
        &self,
        id: RegistrationId,
        invite: Invite,
        actor: Actor,
        now: DateTime<Utc>,
    ) -> Result<HolderId, HolderError> {
        self.invite_with(id, invite, actor, now, |_, _, _| Ok(())).await
    }

    /// The same, with something that has to be there together with the invitation: the credential
    /// whose codes are in the envelope.
    pub(crate) async fn invite_with(
        &self,
        id: RegistrationId,
        invite: Invite,
        actor: Actor,
        now: DateTime<Utc>,
        with: impl FnOnce(&Inner, &mut dyn Transaction, HolderId) -> Result<(), HolderError>
        + Send
        + 'static,
    ) -> Result<HolderId, HolderError> {
        let first = if invite.first_password { Some(self.first_password().await?) } else { None };
        self.transact(move |inner, tx| {
            let mut registration = load(tx, id)?;
            registration.state = registration.state.apply(RegistrationEvent::Invite)?;
            let holder_id = registration.holder.map(HolderId::new).ok_or_else(|| lost(id))?;
            let mut record = holder::load(tx, holder_id)?;
            let ends_at = now + inner.settings.invitation_lifetime;
            registration.changed_at = now.timestamp_millis();
            registration.ends_at = Some(ends_at.timestamp_millis());
            save(tx, id, &registration);

            let purpose = LinkPurpose::SetPassword;
            let (token, _) = link::issue(inner, tx, holder_id, purpose, None, now)?;
            let (token, end) = (token.to_string(), ends_at.timestamp_millis());
            let template = match &invite.envelope {
                Some(_) => Template::EnvelopeReady { token, ends_at: end },
                None => Template::SetPassword { token, ends_at: end },
            };
            let owner = (holder_id, &record);
            holder::mail(inner, tx, owner, record.email()?, template, invite.envelope, now)?;
            record.password = None;
            if let Some((password, hash)) = first {
                send_first_password(inner, tx, (holder_id, &mut record), &password, hash, now)?;
            }
            holder::save(tx, holder_id, &record);
            let entry = HistoryEntry::new(HistoryKind::Invited, actor);
            history::append(tx, holder_id, &entry.with("registration", id), now)?;
            with(inner, tx, holder_id)?;
            Ok(holder_id)
        })
        .await
    }

    /// The same with the credential whose codes are in the envelope: it waits for its activation
    /// from the moment that the invitation goes out. One of an earlier invitation, whose envelope
    /// this one replaces, ends.
    pub async fn invite_with_credential(
        &self,
        id: RegistrationId,
        codes: &Codes,
        key_kind: SigningKeyKind,
        invite: Invite,
        actor: Actor,
        now: DateTime<Utc>,
    ) -> Result<HolderId, HolderError> {
        let registration = self.registration(id)?;
        registration.state.apply(RegistrationEvent::Invite)?;
        let kind = registration.kind.ok_or_else(|| lost(id))?;
        let prepared = self.prepare_credential(codes).await?;
        let by = actor.clone();
        self.invite_with(id, invite, actor, now, move |_, tx, holder| {
            end_waiting(tx, holder, &by, now)?;
            let new = NewCredential { holder, kind, key_kind };
            credential::insert(tx, new, &prepared, by, now).map(drop)
        })
        .await
    }

    async fn first_password(
        &self,
    ) -> Result<(crate::credentials::Password, NewPassword), HolderError> {
        let room = self.room()?;
        self.compute(&room, |inner| {
            let password = inner.draw(|random| generate_password(random));
            let hash = inner.hash_secret(password.expose())?;
            Ok((password, hash))
        })
        .await
    }
}

/// Ends the credentials of a holder that wait for their activation. Nothing was ever signed with
/// them and no certificate names them, so that nobody has to be told.
pub(crate) fn end_waiting(
    tx: &mut dyn Transaction,
    holder: HolderId,
    by: &Actor,
    now: DateTime<Utc>,
) -> Result<(), HolderError> {
    for id in credential::all_of(tx, holder)? {
        let mut record = credential::load(tx, id)?;
        if record.life.at(now) != State::AwaitingActivation {
            continue;
        }
        let cause = RevocationCause::Superseded;
        record.life = record.life.apply(Event::Revoke { cause }, now)?;
        credential::delete_wraps(tx, id, record.version);
        credential::save(tx, id, &record)?;
        let entry = HistoryEntry::new(HistoryKind::CredentialRevoked, by.clone());
        history::append(tx, holder, &entry.with("credential", id), now)?;
    }
    Ok(())
}

/// Keeps the first password, and sends it by another way than the mail.
fn send_first_password(
    inner: &Inner,
    tx: &mut dyn Transaction,
    (id, record): (HolderId, &mut HolderRecord),
    password: &crate::credentials::Password,
    NewPassword { phc, pepper }: NewPassword,
    now: DateTime<Utc>,
) -> Result<(), HolderError> {
    let ends_at = (now + inner.settings.invitation_lifetime).timestamp_millis();
    let changed_at = now.timestamp_millis();
    let first_until = Some(ends_at);
    record.password = Some(PasswordRecord { phc, pepper, generation: 1, changed_at, first_until });
    let template = Template::FirstPassword { password: password.expose().to_owned(), ends_at };
    let message = NewMessage {
        holder: Some(id),
        channel: Channel::Sms { to: record.phone()? },
        template,
        language: record.language,
        addressee: record.given_name.clone(),
        attachment: None,
        secret: true,
    };
    enqueue(inner, tx, message, now).map(drop)
}
