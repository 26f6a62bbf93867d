//! PUK and emergency code of one sheet, tried together by a holder who lost the phone.
//!
//! No one-time code comes before them, since the phone is what is missing: whoever has the password
//! alone can try. So the tries are counted apart from those of the PUK, a few in a day, and end
//! nothing: ten digits and 45 random bits together are not guessed at five a day, and a thief of a
//! password must not be able to destroy a signing key. Each wrong pair is told.

use super::CodeRefusal;
use super::renewed::Renewed;
use crate::holders::credential::{State, is_emergency_code, load_wraps, own, save};
use crate::holders::history::{HistoryEntry, HistoryKind, append};
use crate::holders::holder::{load, notify};
use crate::holders::keys::Lock;
use crate::holders::messages::Template;
use crate::holders::throttle;
use crate::holders::{Actor, CredentialId, HolderError, HolderId, Holders, Inner, Room};
use chrono::{DateTime, Utc};
use envelope::{EmergencyCode, Puk};
use store::Transaction;

impl Holders {
    /// Tries both, whatever the first gives: neither answer nor time says which one is wrong.
    ///
    /// # Errors
    /// [`CodeRefusal::WrongPair`]; [`HolderError::Slowed`] when the tries of the day are used up;
    /// [`HolderError::IllegalTransition`] for a credential that cannot vouch any more.
    pub(crate) async fn try_pair(
        &self,
        room: &Room,
        (holder, id): (HolderId, CredentialId),
        (puk, code): (Puk, EmergencyCode),
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        // Counted, durably, before anything is computed.
        let count = move |inner: &Inner, tx: &mut dyn Transaction| {
            let record = own(tx, holder, id)?;
            needs_one_that_vouches(record.life.at(now))?;
            let wraps = load_wraps(tx, id, record.version)?;
            let left = throttle::may_try_pair(inner, tx, id, now)?;
            Ok(((record, wraps), left))
        };
        let (kept, left) = self.transact(count).await?;
        let epoch = kept.0.life.epoch();
        let open = move |inner: &Inner| {
            let (record, wraps) = &kept;
            let opened = inner.open_wrap(Lock::Puk, &record.place(id), puk.expose(), &wraps.puk)?;
            let right = is_emergency_code(inner, &record.emergency, &code)?;
            let renew = |secret| {
                let renewed = Renewed::by_puk(inner, id, &kept, (&puk, &secret))?;
                renewed.and_emergency(inner, record, &code)
            };
            // What cannot be renewed now is renewed another time: the codes were right anyway.
            Ok(opened.filter(|_| right).map(|secret| renew(secret).unwrap_or_default()))
        };
        let renewed = match self.compute(room, open).await {
            Ok(renewed) => renewed,
            Err(fault) => {
                // A fault of ours says nothing about the codes.
                let back = move |inner: &Inner, tx: &mut dyn Transaction| {
                    throttle::give_pair_back(inner, tx, id)
                };
                self.transact(back).await?;
                return Err(fault);
            }
        };
        let settle = move |inner: &Inner, tx: &mut dyn Transaction| {
            if let Some(renewed) = renewed {
                throttle::give_pair_back(inner, tx, id)?;
                let mut record = own(tx, holder, id)?;
                needs_one_that_vouches(record.life.at(now))?;
                if record.life.epoch() == epoch {
                    renewed.put(tx, id, &mut record)?;
                    save(tx, id, &record)?;
                }
                return Ok(Ok(()));
            }
            let entry = HistoryEntry::failure(HistoryKind::LostPhoneFailed, Actor::Holder(holder));
            append(tx, holder, &entry.with("credential", id), now)?;
            let template = Template::LostPhoneFailed { at: now.timestamp_millis() };
            let of = load(tx, holder)?;
            notify(inner, tx, holder, &of, &template, now)?;
            Ok(Err(CodeRefusal::WrongPair { left }.into()))
        };
        self.transact(settle).await?
    }
}

/// Also one that is suspended: who loses a phone suspends first.
fn needs_one_that_vouches(state: State) -> Result<(), HolderError> {
    match state {
        State::Active | State::PinLocked | State::Suspended { .. } => Ok(()),
        state => Err(HolderError::IllegalTransition {
            machine: "the credential",
            state: state.word(),
            event: "vouch for a new phone number",
        }),
    }
}
