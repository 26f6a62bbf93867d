//! What the tests of the stamps share: a ledger over a map, a clock that is a number, tokens.

use crate::StampAccountId;
use crate::stamps::*;
use crate::testing::{MapStore, block_on};
use chrono::{DateTime, TimeDelta, Utc};
use std::sync::Arc;

/// The first instant of every test: 2026-01-01T00:00:00Z.
pub(super) const START: i64 = 1_767_225_600_000;

/// The instant so many milliseconds after the start.
pub(super) fn at(milliseconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(START + milliseconds).unwrap()
}

pub(super) fn by() -> Act {
    Act::new("operator", "test")
}

pub(super) struct Bench {
    pub(super) store: Arc<MapStore>,
    pub(super) ledger: StampLedger,
    pub(super) settings: LedgerSettings,
}

impl Bench {
    pub(super) fn new() -> Self {
        Self::over(MapStore::new(), LedgerSettings::default())
    }

    pub(super) fn over(store: Arc<MapStore>, settings: LedgerSettings) -> Self {
        let ledger = StampLedger::open(store.clone(), settings).unwrap();
        Self { store, ledger, settings }
    }

    /// What a restart finds.
    pub(super) fn reopened(&self) -> Self {
        Self::over(self.store.reopened(), self.settings)
    }

    pub(super) fn account(&self, name: &str) -> StampAccountId {
        block_on(self.ledger.create(name, &by(), at(0))).unwrap().id
    }

    pub(super) fn grant(&self, id: StampAccountId, quantity: u64) -> LotId {
        self.grant_lot(id, NewLot::plain(quantity, Category::Paid, at(0)), at(0))
    }

    pub(super) fn grant_lot(&self, id: StampAccountId, lot: NewLot, now: DateTime<Utc>) -> LotId {
        block_on(self.ledger.grant(id, lot, &by(), now)).unwrap().id
    }

    pub(super) fn view(&self, id: StampAccountId, now: DateTime<Utc>) -> AccountView {
        block_on(self.ledger.view(id, now)).unwrap()
    }

    /// Holds a stamp, which has to be a fresh one.
    pub(super) fn hold(
        &self,
        id: StampAccountId,
        key: Option<[u8; 32]>,
        now: DateTime<Utc>,
    ) -> Result<Reservation, Refused> {
        block_on(self.ledger.reserve(id, key, now)).map(|reserved| match reserved {
            Reserved::Fresh(reservation) => reservation,
            Reserved::Existing { token, .. } => panic!("an old token: {token:?}"),
        })
    }

    /// Issues token number `n`.
    pub(super) fn issue(
        &self,
        id: StampAccountId,
        n: u64,
        now: DateTime<Utc>,
    ) -> Result<Committed, Refused> {
        let reservation = self.hold(id, None, now)?;
        block_on(self.ledger.commit(reservation, token(n, None, now)))
    }

    pub(super) fn statement(&self, id: StampAccountId) -> Statement {
        block_on(self.ledger.statement(id, Period::default())).unwrap()
    }
}

/// The serial number of token `n` at `now`.
pub(super) fn serial(n: u64, now: DateTime<Utc>) -> [u8; 16] {
    let mut serial = [0; 16];
    serial[..6].copy_from_slice(&now.timestamp_millis().to_be_bytes()[2..]);
    serial[8..].copy_from_slice(&n.to_be_bytes());
    serial
}

pub(super) fn token(n: u64, retry_key: Option<[u8; 32]>, now: DateTime<Utc>) -> NewToken {
    NewToken {
        serial: serial(n, now),
        gen_time_ms: now.timestamp_millis(),
        tsu: "tsu-1".to_owned(),
        token: n.to_be_bytes().to_vec(),
        retry_key,
        companion: None,
    }
}

/// Token number `n` with a companion, whose serial number differs in its first bit of randomness.
pub(super) fn token_pair(n: u64, retry_key: Option<[u8; 32]>, now: DateTime<Utc>) -> NewToken {
    let first = token(n, retry_key, now);
    let mut second = first.serial;
    second[8] |= 0x80;
    let companion = Some(CompanionToken {
        serial: second,
        tsu: "tsu-2".to_owned(),
        token: [b"second".as_slice(), &n.to_be_bytes()].concat(),
    });
    NewToken { companion, ..first }
}

pub(super) fn minutes(n: i64) -> i64 {
    TimeDelta::minutes(n).num_milliseconds()
}
