//! One try of a code: counted, computed, settled.

use super::flight::Flight;
use super::renewed::Renewed;
use super::{CodeRefusal, MOST_TRIES};
use crate::holders::credential::{
    CredentialRecord, Event, State, end_of_codes, load_wraps, own, save, short, tell,
};
use crate::holders::history::{HistoryEntry, HistoryKind, append};
use crate::holders::keys::{Lock, Wrapped};
use crate::holders::messages::Template;
use crate::holders::{Actor, CredentialId, HolderError, HolderId, Holders, Inner, Room};
use chrono::{DateTime, Utc};
use envelope::{Pin, Puk};
use store::Transaction;
use zeroize::Zeroizing;

/// What a code opened.
pub(crate) struct Opened {
    /// The credential as it is now, with the count of this code back at nothing.
    pub(crate) record: CredentialRecord,
    /// The key as [`KeyPair`](crate::holders::KeyPair) reads it; before the activation, nothing of
    /// use.
    pub(crate) secret: Zeroizing<Vec<u8>>,
}

/// PIN and PUK of the envelope, for the activation.
pub(crate) type Both = (Pin, Puk);

/// Which count of tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Counted {
    /// That of the PIN.
    Pin,
    /// That of the PUK, and of what is tried together with it.
    Puk,
}

/// A code that can be tried.
pub(crate) trait Code: Send + 'static {
    /// Whether it is asked for in this state.
    fn allowed(state: State) -> bool;
    /// For refusals: what cannot be done in another state.
    const ACT: &'static str;
    /// With which tries its own are counted.
    const COUNTED: Counted;
    /// So many tries there may be before one of these. The last ones of all are for codes that
    /// come with a one-time code.
    const BEFORE: u32 = MOST_TRIES;
    /// The count of its tries.
    fn tries(record: &mut CredentialRecord) -> &mut u32 {
        match Self::COUNTED {
            Counted::Pin => &mut record.pin_tries,
            Counted::Puk => &mut record.puk_tries,
        }
    }
    /// What it opens.
    fn open(
        &self,
        inner: &Inner,
        id: CredentialId,
        kept: &(CredentialRecord, Wrapped),
    ) -> Result<Option<Zeroizing<Vec<u8>>>, HolderError>;
    /// What a right one brings up to date, when that is outdated.
    fn renew(
        &self,
        _: &Inner,
        _: CredentialId,
        _: &Kept,
        _: &Zeroizing<Vec<u8>>,
    ) -> Result<Renewed, HolderError> {
        Ok(Renewed::default())
    }
    /// The refusal of a wrong one.
    fn wrong(left: u32) -> CodeRefusal;
    /// What the last wrong one does; its refusal.
    fn last(
        inner: &Inner,
        tx: &mut dyn Transaction,
        id: CredentialId,
        record: &mut CredentialRecord,
        now: DateTime<Utc>,
    ) -> Result<CodeRefusal, HolderError>;
}

impl Code for Pin {
    const COUNTED: Counted = Counted::Pin;
    const ACT: &'static str = "be used with its PIN";

    fn allowed(state: State) -> bool {
        state == State::Active
    }

    fn open(
        &self,
        inner: &Inner,
        id: CredentialId,
        (record, wraps): &(CredentialRecord, Wrapped),
    ) -> Result<Option<Zeroizing<Vec<u8>>>, HolderError> {
        let place = record.place(id);
        let Some(deposit) = &wraps.deposit else {
            return inner.open_wrap(Lock::Pin, &place, self.expose(), &wraps.pin);
        };
        // After a renewal the PIN opens the slot that the key was put into.
        let slot = inner.open_wrap(Lock::Pin, &place.slot(), self.expose(), &wraps.pin)?;
        slot.map(|private| deposit.take(&private, &place)).transpose()
    }

    fn renew(
        &self,
        inner: &Inner,
        id: CredentialId,
        kept: &Kept,
        secret: &Zeroizing<Vec<u8>>,
    ) -> Result<Renewed, HolderError> {
        Renewed::by_pin(inner, id, kept, (self, secret))
    }

    fn wrong(left: u32) -> CodeRefusal {
        CodeRefusal::WrongPin { left }
    }

    fn last(
        inner: &Inner,
        tx: &mut dyn Transaction,
        id: CredentialId,
        record: &mut CredentialRecord,
        now: DateTime<Utc>,
    ) -> Result<CodeRefusal, HolderError> {
        record.life = record.life.apply(Event::LockPin, now)?;
        save(tx, id, record)?;
        let holder = HolderId::new(record.holder);
        let entry = HistoryEntry::failure(HistoryKind::PinLocked, Actor::Holder(holder));
        append(tx, holder, &entry.with("credential", id), now)?;
        let template = Template::PinLocked { credential: short(id), at: now.timestamp_millis() };
        tell(inner, tx, holder, &template, now)?;
        Ok(CodeRefusal::PinLocked)
    }
}

/// The PIN without a one-time code, as a renewal is begun and a system's window opened with it:
/// whoever has a session or a system's token alone must not lock it.
pub(crate) struct PinAlone(pub(crate) Pin);

impl Code for PinAlone {
    const COUNTED: Counted = Counted::Pin;
    const ACT: &'static str = Pin::ACT;
    const BEFORE: u32 = 3;

    fn allowed(state: State) -> bool {
        Pin::allowed(state)
    }

    fn open(
        &self,
        inner: &Inner,
        id: CredentialId,
        kept: &Kept,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, HolderError> {
        self.0.open(inner, id, kept)
    }

    fn renew(
        &self,
        inner: &Inner,
        id: CredentialId,
        kept: &Kept,
        secret: &Zeroizing<Vec<u8>>,
    ) -> Result<Renewed, HolderError> {
        self.0.renew(inner, id, kept, secret)
    }

    fn wrong(left: u32) -> CodeRefusal {
        Pin::wrong(left)
    }

    fn last(
        inner: &Inner,
        tx: &mut dyn Transaction,
        id: CredentialId,
        record: &mut CredentialRecord,
        now: DateTime<Utc>,
    ) -> Result<CodeRefusal, HolderError> {
        Pin::last(inner, tx, id, record, now)
    }
}

impl Code for Puk {
    const COUNTED: Counted = Counted::Puk;
    const ACT: &'static str = "get a new PIN by its PUK";

    fn allowed(state: State) -> bool {
        matches!(state, State::Active | State::PinLocked)
    }

    fn open(
        &self,
        inner: &Inner,
        id: CredentialId,
        (record, wraps): &(CredentialRecord, Wrapped),
    ) -> Result<Option<Zeroizing<Vec<u8>>>, HolderError> {
        inner.open_wrap(Lock::Puk, &record.place(id), self.expose(), &wraps.puk)
    }

    fn renew(
        &self,
        inner: &Inner,
        id: CredentialId,
        kept: &Kept,
        secret: &Zeroizing<Vec<u8>>,
    ) -> Result<Renewed, HolderError> {
        Renewed::by_puk(inner, id, kept, (self, secret))
    }

    fn wrong(left: u32) -> CodeRefusal {
        CodeRefusal::WrongPuk { left }
    }

    fn last(
        inner: &Inner,
        tx: &mut dyn Transaction,
        id: CredentialId,
        record: &mut CredentialRecord,
        now: DateTime<Utc>,
    ) -> Result<CodeRefusal, HolderError> {
        end_of_codes(inner, tx, id, record, now)?;
        Ok(CodeRefusal::CodesExhausted)
    }
}

/// The PUK for a credential that is suspended: it vouches for who reactivates it.
pub(crate) struct PukOfHeld(pub(crate) Puk);

impl Code for PukOfHeld {
    const COUNTED: Counted = Counted::Puk;
    const ACT: &'static str = "be reactivated with its PUK";

    fn allowed(state: State) -> bool {
        matches!(state, State::Suspended { .. })
    }

    fn open(
        &self,
        inner: &Inner,
        id: CredentialId,
        kept: &(CredentialRecord, Wrapped),
    ) -> Result<Option<Zeroizing<Vec<u8>>>, HolderError> {
        self.0.open(inner, id, kept)
    }

    fn renew(
        &self,
        inner: &Inner,
        id: CredentialId,
        kept: &Kept,
        secret: &Zeroizing<Vec<u8>>,
    ) -> Result<Renewed, HolderError> {
        self.0.renew(inner, id, kept, secret)
    }

    fn wrong(left: u32) -> CodeRefusal {
        Puk::wrong(left)
    }

    fn last(
        inner: &Inner,
        tx: &mut dyn Transaction,
        id: CredentialId,
        record: &mut CredentialRecord,
        now: DateTime<Utc>,
    ) -> Result<CodeRefusal, HolderError> {
        Puk::last(inner, tx, id, record, now)
    }
}

impl Code for Both {
    const COUNTED: Counted = Counted::Puk;
    const ACT: &'static str = "be activated";

    fn allowed(state: State) -> bool {
        state == State::AwaitingActivation
    }

    /// Both are tried whatever the first gives: neither answer nor time says which one is wrong.
    fn open(
        &self,
        inner: &Inner,
        id: CredentialId,
        kept: &(CredentialRecord, Wrapped),
    ) -> Result<Option<Zeroizing<Vec<u8>>>, HolderError> {
        let (pin, puk) = (self.0.open(inner, id, kept)?, self.1.open(inner, id, kept)?);
        Ok(pin.and(puk))
    }

    fn wrong(left: u32) -> CodeRefusal {
        CodeRefusal::WrongCodes { left }
    }

    fn last(
        inner: &Inner,
        tx: &mut dyn Transaction,
        id: CredentialId,
        record: &mut CredentialRecord,
        now: DateTime<Utc>,
    ) -> Result<CodeRefusal, HolderError> {
        end_of_codes(inner, tx, id, record, now)?;
        Ok(CodeRefusal::CodesExhausted)
    }
}

impl Holders {
    /// Tries a code once, in the place that was taken for it.
    pub(crate) async fn try_code<C: Code>(
        &self,
        room: &Room,
        (holder, id): (HolderId, CredentialId),
        code: C,
        now: DateTime<Utc>,
    ) -> Result<Opened, HolderError> {
        let count =
            move |inner: &Inner, tx: &mut dyn Transaction| count::<C>(inner, tx, (holder, id), now);
        let (kept, flight) = self.transact(count).await??;
        let number = *C::tries(&mut kept.0.clone());
        let epoch = kept.0.life.epoch();
        let work = move |inner: &Inner| {
            let secret = code.open(inner, id, &kept)?;
            // What cannot be renewed now is renewed another time: the code was right all the same.
            let renew = |secret| code.renew(inner, id, &kept, secret).unwrap_or_default();
            let renewed = secret.as_ref().map(renew).unwrap_or_default();
            Ok((secret, renewed))
        };
        let (secret, renewed) = match self.compute(room, work).await {
            Ok(opened) => opened,
            Err(fault) => {
                let back = move |_: &Inner, tx: &mut dyn Transaction| {
                    drop(flight);
                    give_back::<C>(tx, (holder, id), epoch)
                };
                self.transact(back).await?;
                return Err(fault);
            }
        };
        let right = secret.is_some();
        let settle = move |inner: &Inner, tx: &mut dyn Transaction| {
            let try_ = Try { number, epoch, right };
            drop(flight);
            settle::<C>(inner, tx, (holder, id), (&try_, renewed), now)
        };
        let record = self.transact(settle).await??;
        // Never missing: what is not right was refused when it was settled.
        let secret = secret.ok_or(CodeRefusal::Changed)?;
        Ok(Opened { record, secret })
    }
}

/// How a try ended.
#[derive(Clone, Copy)]
struct Try {
    /// Which one it was, from 1.
    number: u32,
    /// Of the credential, when it was counted.
    epoch: u64,
    right: bool,
}

type Settled<T> = Result<T, HolderError>;

/// A credential with the wraps of its key.
type Kept = (CredentialRecord, Wrapped);

/// Counts a try, or refuses it when there is none left. A refusal that has to be written is an
/// inner one.
fn count<C: Code>(
    inner: &Inner,
    tx: &mut dyn Transaction,
    (holder, id): (HolderId, CredentialId),
    now: DateTime<Utc>,
) -> Result<Settled<(Kept, Flight)>, HolderError> {
    let mut record = own(tx, holder, id)?;
    needs::<C>(&record, now)?;
    if *C::tries(&mut record) >= C::BEFORE && C::BEFORE < MOST_TRIES {
        return Err(match inner.flights.any(id, C::COUNTED) {
            true => HolderError::Busy,
            false => CodeRefusal::PinNeedsCode.into(),
        });
    }
    if *C::tries(&mut record) >= MOST_TRIES {
        // What is being computed may be right, and is no reason to end anything: that is settled
        // first.
        if inner.flights.any(id, C::COUNTED) {
            return Err(HolderError::Busy);
        }
        // The last try was counted and never settled: the service was stopped in it. There is no
        // other.
        return Ok(Err(C::last(inner, tx, id, &mut record, now)?.into()));
    }
    *C::tries(&mut record) += 1;
    save(tx, id, &record)?;
    let wraps = load_wraps(tx, id, record.version)?;
    Ok(Ok(((record, wraps), inner.flights.begin(id, C::COUNTED))))
}

/// Takes a try back that could not be computed. A fault of ours says nothing about the code: it
/// must cost nobody a key, and gives a guesser nothing.
fn give_back<C: Code>(
    tx: &mut dyn Transaction,
    (holder, id): (HolderId, CredentialId),
    epoch: u64,
) -> Result<(), HolderError> {
    let mut record = own(tx, holder, id)?;
    if record.life.epoch() == epoch {
        let tries = C::tries(&mut record);
        *tries = tries.saturating_sub(1);
        save(tx, id, &record)?;
    }
    Ok(())
}

/// Writes how a try ended.
fn settle<C: Code>(
    inner: &Inner,
    tx: &mut dyn Transaction,
    (holder, id): (HolderId, CredentialId),
    (ended, renewed): (&Try, Renewed),
    now: DateTime<Utc>,
) -> Result<Settled<CredentialRecord>, HolderError> {
    let mut record = own(tx, holder, id)?;
    if !ended.right {
        let entry = HistoryEntry::failure(HistoryKind::PinFailed, Actor::Holder(holder));
        append(tx, holder, &entry.with("credential", id), now)?;
    }
    needs::<C>(&record, now).map_or_else(
        |refusal| Ok(Err(refusal)),
        |()| {
            if record.life.epoch() != ended.epoch {
                return Ok(Err(CodeRefusal::Changed.into()));
            }
            if ended.right {
                *C::tries(&mut record) = 0;
                renewed.put(tx, id, &mut record)?;
                save(tx, id, &record)?;
                return Ok(Ok(record));
            }
            if ended.number < MOST_TRIES {
                return Ok(Err(C::wrong(MOST_TRIES - ended.number).into()));
            }
            Ok(Err(C::last(inner, tx, id, &mut record, now)?.into()))
        },
    )
}

fn needs<C: Code>(record: &CredentialRecord, now: DateTime<Utc>) -> Result<(), HolderError> {
    match record.life.at(now) {
        state if C::allowed(state) => Ok(()),
        State::PinLocked => Err(CodeRefusal::PinLocked.into()),
        state => Err(HolderError::IllegalTransition {
            machine: "the credential",
            state: state.word(),
            event: C::ACT,
        }),
    }
}
