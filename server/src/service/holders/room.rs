//! Where authorisations are kept: the port of `signing`, served by `accounts::holders`.
//!
//! This is where two words for one thing meet, and nothing is decided. One thing is added: a
//! credential whose certificate was suspended or revoked in the CA itself does not sign, whatever
//! its own state says.

use super::ca::HolderCa;
use accounts::holders::authorisations::{
    AuthorisationEntry, AuthorisationPlace, CredentialStanding, KeptAuthorisation,
};
use accounts::holders::credential::State;
use accounts::holders::history::{HistoryEntry, HistoryKind};
use accounts::holders::{Actor, CredentialId, HolderError, HolderId, Holders};
use authority::Status;
use chrono::{DateTime, SecondsFormat, Utc};
use signing::{
    Authorisation, Authorisations, CredentialRef, CredentialState, Entry, Note, NoteKind, Place,
    SadKey, SignError, Standing,
};

/// The place of authorisations.
pub(crate) struct AuthorisationRoom {
    holders: Holders,
    ca: HolderCa,
}

impl AuthorisationRoom {
    pub(super) fn new(holders: Holders, ca: HolderCa) -> Self {
        Self { holders, ca }
    }
}

impl Authorisations for AuthorisationRoom {
    async fn act<T, A>(&self, place: Place, now: DateTime<Utc>, act: A) -> Result<T, SignError>
    where
        T: Send + 'static,
        A: FnOnce(&mut Entry) -> Result<T, SignError> + Send + 'static,
    {
        let ca = self.ca.clone();
        let at = AuthorisationPlace { hash: place.sad.0, credential: id(place.credential) };
        let work = move |kept: &mut AuthorisationEntry| {
            let mut entry = Entry {
                authorisation: kept.kept.as_ref().map(read).transpose()?,
                standing: kept.standing.as_ref().map(|standing| shown(&ca, standing)),
                notes: Vec::new(),
            };
            let done = act(&mut entry)?;
            kept.kept = entry.authorisation.as_ref().map(written).transpose()?;
            let serial = kept.standing.as_ref().and_then(|standing| standing.serial.as_deref());
            kept.notes = entry.notes.into_iter().map(|note| told(note, serial)).collect();
            Ok(done)
        };
        match self.holders.at_authorisation(at, now, work).await {
            Ok(answer) => answer,
            Err(error) => Err(unavailable(error)),
        }
    }

    async fn expired(&self, now: DateTime<Utc>, limit: usize) -> Result<Vec<Place>, SignError> {
        let ended = self.holders.ended_authorisations(now, limit).map_err(unavailable)?;
        let place = |place: AuthorisationPlace| {
            let credential = CredentialRef(*place.credential.as_bytes());
            Place { sad: SadKey(place.hash), credential }
        };
        Ok(ended.into_iter().map(place).collect())
    }
}

fn id(credential: CredentialRef) -> CredentialId {
    CredentialId::new(credential.0)
}

fn read(kept: &KeptAuthorisation) -> Result<Authorisation, SignError> {
    minicbor::decode(&kept.octets).map_err(|error| SignError::Unavailable {
        reason: format!("an authorisation that does not read: {error}"),
    })
}

fn written(authorisation: &Authorisation) -> Result<KeptAuthorisation, SignError> {
    let octets = minicbor::to_vec(authorisation);
    let unwritten = |error| SignError::Unavailable { reason: format!("{error}") };
    Ok(KeptAuthorisation {
        credential: id(authorisation.credential()),
        expires_at: authorisation.expires_at(),
        octets: octets.map_err(unwritten)?,
    })
}

/// How a credential stands, in the words of signing.
pub(super) fn shown(ca: &HolderCa, standing: &CredentialStanding) -> Standing {
    let of_certificate = standing.serial.as_deref().and_then(|serial| ca.status(serial));
    let state = match (standing.state, of_certificate) {
        (State::Revoked { .. }, _) | (_, Some(Status::Revoked { .. })) => CredentialState::Revoked,
        (State::AwaitingActivation, _) => CredentialState::AwaitingActivation,
        (State::Expired, _) => CredentialState::Expired,
        (State::Suspended { .. }, _) | (_, Some(Status::Held { .. })) => CredentialState::Suspended,
        (State::PinLocked, _) => CredentialState::PinLocked,
        // What belongs to a holder who was blocked waits like the holder.
        (State::Active, _) if !standing.holder_active => CredentialState::Suspended,
        (State::Active, _) => CredentialState::Active,
    };
    Standing { state, epoch: standing.epoch }
}

/// A line of the history. A hash stands in it, and never what was hashed.
///
/// `serial` is that of the credential's certificate in the same transaction. A signature is told
/// as made only while the credential stands as it stood when it was authorised, so this is the
/// certificate that it was made with; of a try that failed nobody can say so.
fn told(note: Note, serial: Option<&str>) -> (HolderId, HistoryEntry) {
    let holder = HolderId::new(note.holder.0);
    let (by, credential) = (Actor::Holder(holder), id(note.credential));
    let success = |kind| HistoryEntry::new(kind, by.clone()).with("credential", credential);
    let until = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let entry = match note.kind {
        NoteKind::Authorised { hashes, algorithm, expires_at } => {
            success(HistoryKind::SignatureAuthorised)
                .with("algorithm", algorithm)
                .with("hashes", hashes)
                .with("until", until(expires_at))
        }
        NoteKind::WindowOpened { signatures, algorithm, expires_at } => {
            success(HistoryKind::SignatureAuthorised)
                .with("algorithm", algorithm)
                .with("window", signatures)
                .with("until", until(expires_at))
        }
        NoteKind::Signed { hash, algorithm, stamp } => {
            let entry = success(HistoryKind::SignatureMade)
                .with("algorithm", algorithm)
                .with("hash", hex::encode(hash));
            let entry = match serial {
                Some(serial) => entry.with("certificate", serial),
                None => entry,
            };
            match stamp {
                Some(serial) => entry.with("timestamp", hex::encode(serial)),
                None => entry,
            }
        }
        NoteKind::Burned { hash, algorithm } => {
            HistoryEntry::failure(HistoryKind::SignatureFailed, by)
                .with("credential", credential)
                .with("algorithm", algorithm)
                .with("hash", hex::encode(hash))
        }
        // A kind that this room does not know yet is told without its details.
        _ => success(HistoryKind::SignatureAuthorised),
    };
    (holder, entry)
}

fn unavailable(error: HolderError) -> SignError {
    match error {
        HolderError::Busy => SignError::Busy,
        error => {
            tracing::error!(%error, "authorisations cannot be kept");
            SignError::Unavailable { reason: error.to_string() }
        }
    }
}
