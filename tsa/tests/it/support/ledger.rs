//! A ledger in memory, with the faults that a real one may have.

use marca_tsa::ledger::{Committed, Ledger, Refusal, Reserved, TokenRecord};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) remaining: u64,
    pub(crate) reserved: u64,
    pub(crate) records: Vec<TokenRecord>,
    by_retry_key: HashMap<[u8; 32], usize>,
    /// The answer to the next reservations.
    pub(crate) refuse_reserve: Option<Refusal>,
    /// The answer to the next commits.
    pub(crate) refuse_commit: Option<Refusal>,
}

/// One account, whoever calls.
#[derive(Clone, Debug, Default)]
pub(crate) struct MemoryLedger(Arc<Mutex<State>>);

/// Gives its stamp back when it is dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    ledger: MemoryLedger,
    taken: bool,
}

impl MemoryLedger {
    pub(crate) fn with_stamps(stamps: u64) -> Self {
        let ledger = Self::default();
        ledger.state().remaining = stamps;
        ledger
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// No stamp is lost and none is held.
    pub(crate) fn assert_balanced(&self, granted: u64) {
        let state = self.state();
        assert_eq!(state.reserved, 0, "a stamp is still held");
        assert_eq!(state.remaining + state.records.len() as u64, granted);
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut state = self.ledger.state();
        state.reserved -= 1;
        if !self.taken {
            state.remaining += 1;
        }
    }
}

impl Ledger for MemoryLedger {
    type Caller = ();
    type Reservation = Reservation;

    async fn reserve(
        &self,
        _: &(),
        retry_key: Option<[u8; 32]>,
        _: i64,
    ) -> Result<Reserved<Reservation>, Refusal> {
        let mut state = self.state();
        if let Some(refusal) = &state.refuse_reserve {
            return Err(refusal.clone());
        }
        let existing = retry_key.and_then(|key| state.by_retry_key.get(&key).copied());
        if let Some(index) = existing {
            let record = state.records[index].clone();
            return Ok(Reserved::Existing { record, remaining: state.remaining });
        }
        state.remaining = state.remaining.checked_sub(1).ok_or(Refusal::NoStamps)?;
        state.reserved += 1;
        Ok(Reserved::Fresh(Reservation { ledger: self.clone(), taken: false }))
    }

    async fn commit(
        &self,
        mut reservation: Reservation,
        record: TokenRecord,
    ) -> Result<Committed, Refusal> {
        let mut state = self.state();
        if let Some(refusal) = state.refuse_commit.clone() {
            // The reservation takes the lock when it is dropped.
            drop(state);
            return Err(refusal);
        }
        reservation.taken = true;
        let index = state.records.len();
        if let Some(key) = record.retry_key {
            state.by_retry_key.insert(key, index);
        }
        state.records.push(record);
        let committed = Committed { remaining: state.remaining };
        drop(state);
        drop(reservation);
        Ok(committed)
    }
}
