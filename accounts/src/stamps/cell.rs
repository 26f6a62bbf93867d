//! One account in memory: its newest durable state, the stamps that are held, the requests under
//! way, and who watches.
//!
//! Nothing here is the truth. The state is what the store told, the newer of two wins, and a hold
//! is a promise inside this process only: the debit is decided again inside the transaction.
//! No lock is held while anything is waited for or read from disk.

use super::draft::Change;
use super::draw::{self, Place};
use super::error::Refused;
use super::model::{AccountView, Balance, Expiring, LotView, instant};
use super::records::{AccountRecord, LotRecord, Status};
use super::retry::{RetryMemory, fingerprint};
use crate::StampAccountId;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::futures::OwnedNotified;
use tokio::sync::{Notify, watch};

/// An account in memory.
#[derive(Debug)]
pub(crate) struct Cell {
    pub(crate) id: StampAccountId,
    /// Used since the cache last looked for something to drop.
    pub(crate) touched: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    account: Option<Loaded>,
    /// Readers that are fetching the account right now; changes that they may miss are kept.
    loading: usize,
    missed: Vec<Change>,
    /// Requests under way by their retry key; the bell is there once somebody waits.
    under_way: HashMap<[u8; 32], Option<Arc<Notify>>>,
    watchers: Option<watch::Sender<Balance>>,
}

/// The state of an account, with its lots that have something left.
#[derive(Debug)]
pub(crate) struct Loaded {
    record: AccountRecord,
    /// In draw order.
    lots: Vec<CachedLot>,
}

#[derive(Debug)]
struct CachedLot {
    place: Place,
    id: u64,
    held: u64,
    record: LotRecord,
}

/// One stamp that is held for a request. Dropping it gives the stamp back.
#[derive(Debug)]
pub struct Reservation {
    pub(crate) cell: Arc<Cell>,
    pub(crate) lot: u64,
    pub(crate) retry_key: Option<[u8; 32]>,
    /// When it was held, milliseconds since the Unix epoch: the time of the debit.
    pub(crate) at: i64,
    settled: bool,
}

/// What a request for a stamp meets.
pub(crate) enum Step {
    /// A stamp is held.
    Held(Reservation),
    /// The entry that perhaps has the token of the same request.
    Repeats(u64),
    /// The same request is under way: wait, then ask again.
    UnderWay(OwnedNotified),
}

impl Reservation {
    /// The account that pays.
    #[must_use]
    pub fn account(&self) -> StampAccountId {
        self.cell.id
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if !self.settled {
            let mut state = self.cell.state.lock();
            state.release(self.lot, self.retry_key.as_ref());
        }
    }
}

impl Cell {
    pub(crate) fn new(id: StampAccountId) -> Self {
        Self { id, touched: AtomicBool::new(true), state: Mutex::default() }
    }

    /// Whether the account is in memory.
    pub(crate) fn is_loaded(&self) -> bool {
        self.touched.store(true, Ordering::Relaxed);
        self.state.lock().account.is_some()
    }

    /// Whether somebody watches this account.
    pub(crate) fn is_watched(&self) -> bool {
        self.state.lock().watchers.as_ref().is_some_and(|w| w.receiver_count() > 0)
    }

    /// Reads the account through `read` without holding the lock. Changes that become durable
    /// meanwhile are kept and merged: of two states of a record the newer wins.
    pub(crate) fn load<E>(
        &self,
        read: impl FnOnce() -> Result<Option<Loaded>, E>,
    ) -> Result<bool, E> {
        self.state.lock().loading += 1;
        let outcome = read();
        let mut state = self.state.lock();
        state.loading -= 1;
        let missed = if state.loading == 0 {
            std::mem::take(&mut state.missed)
        } else {
            state.missed.clone()
        };
        let loaded = outcome?;
        if state.account.is_none() {
            state.account = loaded;
            if let Some(account) = &mut state.account {
                missed.into_iter().for_each(|change| account.apply(change));
                account.prune();
            }
        }
        Ok(state.account.is_some())
    }

    /// Takes in what has become durable, in the order of the journal.
    pub(crate) fn apply(&self, change: Change) {
        let now = change.account.last_at;
        let mut state = self.state.lock();
        state.apply(change);
        state.tell(now);
    }

    /// Holds a stamp, or says what is in the way. `not` is an entry that was looked at and is
    /// not the answer.
    pub(crate) fn begin(
        self: &Arc<Self>,
        retry_key: Option<[u8; 32]>,
        not: Option<u64>,
        retries: &RetryMemory,
        at: i64,
    ) -> Result<Step, Refused> {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        let account = state.account.as_mut().ok_or(Refused::UnknownAccount(self.id))?;
        // I14: a suspended or closed account issues nothing, repetitions included.
        if account.record.status != Status::Active {
            return Err(Refused::NotActive(account.record.status));
        }
        if let Some(key) = &retry_key {
            if let Some(bell) = state.under_way.get_mut(key) {
                // The future is made under the lock: a ring after this is not missed.
                let bell = bell.get_or_insert_with(Arc::default);
                return Ok(Step::UnderWay(Arc::clone(bell).notified_owned()));
            }
            match retries.get(fingerprint(self.id, key)) {
                Some(entry) if not != Some(entry) => return Ok(Step::Repeats(entry)),
                _ => {}
            }
        }
        let lot = account.hold(at).ok_or(Refused::NoStamps)?;
        if let Some(key) = retry_key {
            state.under_way.insert(key, None);
        }
        let cell = Arc::clone(self);
        Ok(Step::Held(Reservation { cell, lot, retry_key, at, settled: false }))
    }

    /// Ends a reservation whose debit is durable: one step for whoever looks at the account.
    /// Gives what remains.
    pub(crate) fn settle(
        mut reservation: Reservation,
        change: Change,
        retries: &RetryMemory,
        token: (u64, i64),
    ) -> u64 {
        let cell = Arc::clone(&reservation.cell);
        let mut state = cell.state.lock();
        reservation.settled = true;
        state.apply(change);
        // The memory knows the token before the request is no longer under way: who asks sees
        // one or the other.
        if let Some(key) = &reservation.retry_key {
            retries.insert(fingerprint(cell.id, key), token.0, token.1);
        }
        state.release(reservation.lot, reservation.retry_key.as_ref());
        state.tell(reservation.at);
        state.account.as_ref().map_or(0, |account| account.remaining(reservation.at))
    }

    /// What remains at `at`.
    pub(crate) fn remaining(&self, at: i64) -> u64 {
        self.state.lock().account.as_ref().map_or(0, |account| account.remaining(at))
    }

    /// The lots that have a stamp at `at`, in draw order, held ones too: as far as is known here.
    pub(crate) fn lots_with_stamps(&self, at: i64) -> Vec<u64> {
        let state = self.state.lock();
        let lots = state.account.iter().flat_map(|account| account.usable(at));
        lots.filter(|lot| lot.record.available > 0).map(|lot| lot.id).collect()
    }

    /// The account as it is shown.
    pub(crate) fn view(&self, at: i64) -> Option<AccountView> {
        self.state.lock().account.as_ref().map(|account| account.view(self.id, at))
    }

    /// A channel with the balance, set whenever it changes.
    pub(crate) fn watch(&self, at: i64) -> Option<watch::Receiver<Balance>> {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        let balance = state.account.as_ref()?.balance(at);
        let sender = state.watchers.get_or_insert_with(|| watch::Sender::new(balance));
        sender.send_if_modified(|known| std::mem::replace(known, balance) != balance);
        Some(sender.subscribe())
    }

    /// Tells the watchers the balance at `at`, when it is another than they know.
    pub(crate) fn tell(&self, at: i64) {
        self.state.lock().tell(at);
    }
}

impl State {
    fn apply(&mut self, change: Change) {
        match &mut self.account {
            Some(account) => {
                account.apply(change);
                account.prune();
            }
            None if self.loading > 0 => self.missed.push(change),
            // Nobody has it in memory: whoever loads it later reads what is durable by then.
            None => {}
        }
    }

    fn release(&mut self, lot: u64, retry_key: Option<&[u8; 32]>) {
        if let Some(account) = &mut self.account {
            account.release(lot);
            account.prune();
        }
        if let Some(bell) = retry_key.and_then(|key| self.under_way.remove(key)).flatten() {
            bell.notify_waiters();
        }
    }

    fn tell(&mut self, at: i64) {
        let Some(sender) = &self.watchers else { return };
        if sender.receiver_count() == 0 {
            self.watchers = None;
        } else if let Some(account) = &self.account {
            let balance = account.balance(at);
            sender.send_if_modified(|known| std::mem::replace(known, balance) != balance);
        }
    }
}

impl Loaded {
    pub(crate) fn new(record: AccountRecord, lots: Vec<(u64, LotRecord)>) -> Self {
        let mut lots: Vec<_> = lots
            .into_iter()
            .map(|(id, record)| CachedLot { place: draw::place(id, &record), id, held: 0, record })
            .collect();
        lots.sort_unstable_by_key(|lot| lot.place);
        Self { record, lots }
    }

    fn apply(&mut self, change: Change) {
        if change.account.next_entry > self.record.next_entry {
            self.record = change.account;
        }
        for (id, record) in change.lots {
            match self.lots.iter_mut().find(|lot| lot.id == id) {
                Some(known) if record.last_entry > known.record.last_entry => known.record = record,
                Some(_) => {}
                None => {
                    let place = draw::place(id, &record);
                    let index = self.lots.partition_point(|lot| lot.place < place);
                    self.lots.insert(index, CachedLot { place, id, held: 0, record });
                }
            }
        }
    }

    /// Drops lots that have nothing left: an account that lives long has many of them.
    fn prune(&mut self) {
        self.lots.retain(|lot| lot.record.available > 0 || lot.held > 0);
    }

    // I7: the first usable lot in draw order that has a stamp which nobody holds.
    fn hold(&mut self, at: i64) -> Option<u64> {
        let free = |lot: &&mut CachedLot| lot.record.usable(at) && lot.record.available > lot.held;
        let lot = self.lots.iter_mut().find(free)?;
        lot.held += 1;
        Some(lot.id)
    }

    fn release(&mut self, lot: u64) {
        if let Some(lot) = self.lots.iter_mut().find(|known| known.id == lot) {
            lot.held = lot.held.saturating_sub(1);
        }
    }

    fn usable(&self, at: i64) -> impl Iterator<Item = &CachedLot> {
        self.lots.iter().filter(move |lot| lot.record.usable(at))
    }

    fn remaining(&self, at: i64) -> u64 {
        // Cannot overflow: all lots together are at most what the account was granted, a u64.
        self.usable(at).map(|lot| lot.record.available).sum()
    }

    fn balance(&self, at: i64) -> Balance {
        Balance { remaining: self.remaining(at), used: self.record.used }
    }

    /// The account as it is shown.
    pub(crate) fn view(&self, id: StampAccountId, at: i64) -> AccountView {
        let with_stamps = |lot: &&CachedLot| lot.record.available > 0;
        let ending = || self.usable(at).filter(with_stamps);
        let soonest = ending().filter_map(|lot| lot.record.expires_at).min();
        let expiring = soonest.map(|end| {
            let together = ending().filter(|lot| lot.record.expires_at == Some(end));
            let count = together.map(|lot| lot.record.available).sum();
            Expiring { count, at: instant(end) }
        });
        let shown = |lot: &&CachedLot| with_stamps(lot) && !lot.record.expired_at(at);
        AccountView {
            id,
            name: self.record.name.clone(),
            status: self.record.status,
            remaining: self.remaining(at),
            used: self.record.used,
            reserved: self.lots.iter().map(|lot| lot.held).sum(),
            expiring,
            lots: self
                .lots
                .iter()
                .filter(shown)
                .map(|lot| LotView::new(lot.id, &lot.record))
                .collect(),
            created_at: instant(self.record.created_at),
        }
    }
}
