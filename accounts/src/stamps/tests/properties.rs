//! Random lives of accounts against the model: after each step every number is the same, and in
//! the end the auditor adds the same sums. When a test fails, proptest prints the shortest life
//! that fails and the seed that repeats it.

use super::model::{ModelAccount, ModelLot, ModelToken};
use super::support::*;
use crate::StampAccountId;
use crate::audit::tests::audit;
use crate::stamps::*;
use crate::testing::{MapStore, block_on};
use chrono::TimeDelta;
use proptest::prelude::*;

const ACCOUNTS: usize = 3;
const WINDOW: i64 = 1_000;

#[derive(Clone, Debug)]
enum Step {
    Grant {
        account: usize,
        quantity: u64,
        category: Category,
        priority: u8,
        from: i64,
        life: Option<i64>,
    },
    Use {
        account: usize,
        key: Option<u8>,
        pair: bool,
    },
    Hold {
        account: usize,
    },
    Commit {
        nth: usize,
    },
    Drop {
        nth: usize,
    },
    Refund {
        account: usize,
        nth: usize,
        by_second: bool,
    },
    Void {
        account: usize,
        nth: usize,
    },
    Suspend {
        account: usize,
    },
    Reactivate {
        account: usize,
    },
    Close {
        account: usize,
    },
    Expire,
    Clock {
        by: i64,
    },
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let account = 0..ACCOUNTS;
    let category = prop_oneof![Just(Category::Paid), Just(Category::Promo), Just(Category::Comp)];
    let life = prop_oneof![Just(None), (1..2_000i64).prop_map(Some)];
    let grant = (account.clone(), 1..6u64, category, 0..3u8, 0..500i64, life).prop_map(
        |(account, quantity, category, priority, from, life)| Step::Grant {
            account,
            quantity,
            category,
            priority,
            from,
            life,
        },
    );
    let key = prop_oneof![2 => Just(None), 1 => (0..4u8).prop_map(Some)];
    prop_oneof![
        4 => grant,
        12 => (account.clone(), key, prop::bool::weighted(0.3))
            .prop_map(|(account, key, pair)| Step::Use { account, key, pair }),
        4 => account.clone().prop_map(|account| Step::Hold { account }),
        3 => (0..8usize).prop_map(|nth| Step::Commit { nth }),
        1 => (0..8usize).prop_map(|nth| Step::Drop { nth }),
        3 => (account.clone(), 0..8usize, any::<bool>()).prop_map(|(account, nth, by_second)| {
            Step::Refund { account, nth, by_second }
        }),
        1 => (account.clone(), 0..8usize).prop_map(|(account, nth)| Step::Void { account, nth }),
        1 => account.clone().prop_map(|account| Step::Suspend { account }),
        2 => account.clone().prop_map(|account| Step::Reactivate { account }),
        1 => account.prop_map(|account| Step::Close { account }),
        2 => Just(Step::Expire),
        6 => (-20..400i64).prop_map(|by| Step::Clock { by }),
        1 => Just(Step::Reopen),
    ]
}

struct Held {
    account: usize,
    lot: usize,
    at: i64,
    reservation: Reservation,
}

/// The ledger and the model, side by side.
struct World {
    bench: Bench,
    ids: Vec<StampAccountId>,
    model: Vec<ModelAccount>,
    held: Vec<Held>,
    now: i64,
    tokens: u64,
}

impl World {
    fn new() -> Self {
        let settings = LedgerSettings {
            retry_window: TimeDelta::milliseconds(WINDOW),
            // Fewer than there are, so that accounts leave the memory and come back.
            cached_accounts: 2,
        };
        let bench = Bench::over(MapStore::new(), settings);
        let ids = (0..ACCOUNTS).map(|n| bench.account(&format!("a{n}"))).collect();
        let model = vec![ModelAccount::new(0); ACCOUNTS];
        Self { bench, ids, model, held: vec![], now: 0, tokens: 0 }
    }

    fn take(&mut self, step: &Step) {
        match *step {
            Step::Clock { by } => self.now += by,
            Step::Reopen => self.reopen(),
            Step::Expire => self.expire(),
            Step::Grant { account, quantity, category, priority, from, life } => {
                let (from, end) = (self.now + from, life.map(|life| self.now + from + life));
                self.grant(account, quantity, category, priority, from, end);
            }
            Step::Use { account, key, pair } => self.use_stamp(account, key, pair),
            Step::Hold { account } => self.hold(account),
            Step::Commit { nth } => self.commit(nth),
            Step::Drop { nth } => {
                if nth < self.held.len() {
                    let held = self.held.remove(nth);
                    self.model[held.account].lots[held.lot].held -= 1;
                }
            }
            Step::Refund { account, nth, by_second } => self.refund(account, nth, by_second),
            Step::Void { account, nth } => self.void(account, nth),
            Step::Suspend { account } => self.suspend(account),
            Step::Reactivate { account } => self.reactivate(account),
            Step::Close { account } => self.close(account),
        }
    }

    fn grant(
        &mut self,
        account: usize,
        quantity: u64,
        category: Category,
        priority: u8,
        effective: i64,
        expires: Option<i64>,
    ) {
        let lot = NewLot {
            category,
            priority,
            effective_at: at(effective),
            expires_at: expires.map(at),
            ..NewLot::plain(quantity, category, at(self.now))
        };
        let outcome =
            block_on(self.bench.ledger.grant(self.ids[account], lot, &by(), at(self.now)));
        let model = &mut self.model[account];
        assert_eq!(outcome.is_ok(), model.status != Status::Closed, "{outcome:?}");
        if outcome.is_ok() {
            model.lots.push(ModelLot {
                quantity,
                available: quantity,
                used: 0,
                expired: 0,
                voided: 0,
                held: 0,
                category,
                priority,
                effective,
                expires,
                closed: false,
            });
            model.entry(self.now);
        }
    }

    fn use_stamp(&mut self, account: usize, key: Option<u8>, pair: bool) {
        let id = self.ids[account];
        let retry_key = key.map(|key| [key; 32]);
        let reserved = block_on(self.bench.ledger.reserve(id, retry_key, at(self.now)));
        let model = &mut self.model[account];
        let recent = |token: &&ModelToken| {
            key.is_some() && token.key == key && self.now - token.time < WINDOW
        };
        let known = model.tokens.iter().rev().find(recent);
        match reserved {
            Err(Refused::NotActive(status)) => {
                assert_eq!(status, model.status);
                assert_ne!(status, Status::Active);
            }
            Ok(Reserved::Existing { token, remaining }) => {
                // I8: the same token, byte for byte, and nothing taken.
                assert_eq!(known.map(|known| known.serial), Some(token.serial));
                let second = token.companion.map(|companion| companion.serial);
                assert_eq!(known.and_then(|known| known.second), second);
                assert_eq!(remaining, model.remaining(self.now));
            }
            Err(Refused::NoStamps) => {
                assert!(known.is_none() && model.to_hold(self.now).is_none());
            }
            Ok(Reserved::Fresh(reservation)) => {
                assert!(known.is_none(), "a second token inside the window");
                let lot = model.to_hold(self.now).expect("the model has no stamp");
                model.lots[lot].held += 1;
                self.debit(Held { account, lot, at: self.now, reservation }, key, pair);
            }
            Err(other) => panic!("{other}"),
        }
    }

    fn hold(&mut self, account: usize) {
        let reserved = self.bench.hold(self.ids[account], None, at(self.now));
        let model = &mut self.model[account];
        let expected = (model.status == Status::Active).then(|| model.to_hold(self.now)).flatten();
        assert_eq!(reserved.is_ok(), expected.is_some());
        if let (Ok(reservation), Some(lot)) = (reserved, expected) {
            model.lots[lot].held += 1;
            self.held.push(Held { account, lot, at: self.now, reservation });
        }
    }

    fn commit(&mut self, nth: usize) {
        if nth < self.held.len() {
            let held = self.held.remove(nth);
            self.debit(held, None, nth % 2 == 1);
        }
    }

    fn debit(&mut self, held: Held, key: Option<u8>, pair: bool) {
        let Held { account, lot, at: held_at, reservation } = held;
        self.tokens += 1;
        let (number, retry_key) = (self.tokens, key.map(|key| [key; 32]));
        let token = match pair {
            true => token_pair(number, retry_key, at(self.now)),
            false => token(number, retry_key, at(self.now)),
        };
        let (serial, second) =
            (token.serial, token.companion.as_ref().map(|companion| companion.serial));
        let outcome = block_on(self.bench.ledger.commit(reservation, token));
        let model = &mut self.model[account];
        model.lots[lot].held -= 1;
        let pays = (model.status == Status::Active).then(|| model.to_debit(lot, held_at)).flatten();
        assert_eq!(outcome.is_ok(), pays.is_some(), "{outcome:?} and {pays:?}");
        if let (Ok(committed), Some(pays)) = (outcome, pays) {
            model.lots[pays].available -= 1;
            model.lots[pays].used += 1;
            model.tokens.push(ModelToken {
                serial,
                second,
                lot: pays,
                key,
                time: self.now,
                refunded: false,
            });
            model.entry(held_at);
            assert_eq!(committed.remaining, model.remaining(held_at));
        }
    }

    fn refund(&mut self, account: usize, nth: usize, by_second: bool) {
        let model = &mut self.model[account];
        let Some(token) = model.tokens.get(nth).cloned() else { return };
        let (id, by) = (self.ids[account], by());
        let serial = token.second.filter(|_| by_second).unwrap_or(token.serial);
        let refund = self.bench.ledger.refund(id, serial, &by, at(self.now));
        let outcome = block_on(refund);
        let now = model.time(self.now);
        let lot = &model.lots[token.lot];
        let allowed = model.status != Status::Closed
            && !token.refunded
            && !lot.closed
            && !lot.has_expired(now);
        assert_eq!(outcome.is_ok(), allowed, "{outcome:?}");
        if allowed {
            model.lots[token.lot].used -= 1;
            model.lots[token.lot].available += 1;
            model.tokens[nth].refunded = true;
            model.entry(self.now);
        }
    }

    fn void(&mut self, account: usize, nth: usize) {
        let lot_id = LotId::new(nth as u64 + 1);
        let outcome =
            block_on(self.bench.ledger.void(self.ids[account], lot_id, &by(), at(self.now)));
        let model = &mut self.model[account];
        let now = model.time(self.now);
        let Some(lot) = model.lots.get_mut(nth) else {
            assert!(matches!(outcome, Err(StampError::UnknownLot { .. })));
            return;
        };
        let allowed = !lot.closed && !lot.has_expired(now) && lot.available > 0;
        assert_eq!(outcome.is_ok(), allowed, "{outcome:?}");
        if allowed {
            lot.voided += std::mem::take(&mut lot.available);
            lot.closed = true;
            model.entry(self.now);
        }
    }

    fn suspend(&mut self, account: usize) {
        let outcome = block_on(self.bench.ledger.suspend(self.ids[account], &by(), at(self.now)));
        let model = &mut self.model[account];
        assert_eq!(outcome.is_ok(), model.status == Status::Active);
        if outcome.is_ok() {
            model.status = Status::Suspended;
            model.entry(self.now);
        }
    }

    fn reactivate(&mut self, account: usize) {
        let outcome =
            block_on(self.bench.ledger.reactivate(self.ids[account], &by(), at(self.now)));
        let model = &mut self.model[account];
        assert_eq!(outcome.is_ok(), model.status == Status::Suspended);
        if outcome.is_ok() {
            model.status = Status::Active;
            model.entry(self.now);
        }
    }

    fn close(&mut self, account: usize) {
        let outcome = block_on(self.bench.ledger.close(self.ids[account], &by(), at(self.now)));
        let model = &mut self.model[account];
        assert_eq!(outcome.is_ok(), model.status != Status::Closed);
        if outcome.is_err() {
            return;
        }
        let now = model.time(self.now);
        for n in 0..model.lots.len() {
            let lot = &mut model.lots[n];
            let rest = std::mem::take(&mut lot.available);
            if rest == 0 {
                continue;
            }
            if lot.has_expired(now) {
                lot.expired += rest;
            } else {
                lot.voided += rest;
                lot.closed = true;
            }
            model.entry(self.now);
        }
        model.status = Status::Closed;
        model.entry(self.now);
    }

    fn expire(&mut self) {
        let booked = block_on(self.bench.ledger.post_expiries(at(self.now))).unwrap();
        let mut expected = 0;
        for model in &mut self.model {
            let mut due: Vec<usize> = (0..model.lots.len()).collect();
            due.retain(|n| model.lots[*n].has_expired(self.now) && model.lots[*n].available > 0);
            due.sort_by_key(|n| model.lots[*n].expires);
            for n in due {
                let lot = &mut model.lots[n];
                expected += lot.available;
                lot.expired += std::mem::take(&mut lot.available);
                model.entry(self.now);
            }
        }
        assert_eq!(booked, expected);
    }

    /// A restart: what is held is lost with the process, everything else is as it was (I11).
    fn reopen(&mut self) {
        for held in self.held.drain(..) {
            self.model[held.account].lots[held.lot].held -= 1;
        }
        self.bench = self.bench.reopened();
    }

    /// Every number of every account.
    fn check(&self) {
        for (id, model) in self.ids.iter().zip(&self.model) {
            let view = self.bench.view(*id, at(self.now));
            assert_eq!(view.status, model.status);
            assert_eq!(view.used, model.used());
            assert_eq!(view.remaining, model.remaining(self.now));
            assert_eq!(view.reserved, model.lots.iter().map(|lot| lot.held).sum::<u64>());
            let shown: Vec<_> =
                view.lots.iter().map(|lot| (lot.id.number(), lot.remaining)).collect();
            let expected: Vec<_> = model
                .order()
                .into_iter()
                .map(|n| (n as u64 + 1, &model.lots[n]))
                .filter(|(_, lot)| lot.available > 0 && !lot.has_expired(self.now))
                .map(|(n, lot)| (n, lot.available))
                .collect();
            assert_eq!(shown, expected);
        }
    }

    /// What must hold in the end, from the store alone.
    fn check_books(&self) {
        for (id, model) in self.ids.iter().zip(&self.model) {
            let lots = block_on(self.bench.ledger.lots(*id)).unwrap();
            assert_eq!(lots.len(), model.lots.len());
            for (lot, expected) in lots.iter().zip(&model.lots) {
                // I2, I4.
                let parts = (lot.remaining, lot.used, lot.expired, lot.voided);
                let sums = (expected.available, expected.used, expected.expired, expected.voided);
                assert_eq!(parts, sums);
                assert_eq!(lot.quantity, expected.quantity);
                assert_eq!(parts.0 + parts.1 + parts.2 + parts.3, lot.quantity);
            }
            let entries = self.bench.statement(*id).entries;
            let balances: Vec<u64> = entries.iter().map(|entry| entry.balance).collect();
            assert_eq!(balances, model.balances);
            for token in &model.tokens {
                for serial in std::iter::once(token.serial).chain(token.second) {
                    let kept = block_on(self.bench.ledger.token(*id, serial)).unwrap().unwrap();
                    assert_eq!(kept.serial, serial);
                    assert_eq!(kept.companion.is_some(), token.second.is_some());
                }
            }
        }
        let report = audit(&self.bench.store, WINDOW).unwrap();
        let tokens = || self.model.iter().flat_map(|model| &model.tokens);
        let pairs = tokens().filter(|token| token.second.is_some()).count();
        assert_eq!(report.tokens, (tokens().count() + pairs) as u64);
        assert_eq!(report.companions, pairs as u64);
        assert_eq!(report.used, self.model.iter().map(ModelAccount::used).sum::<u64>());
        assert_eq!(report.granted, report.available + report.used + report.expired + report.voided);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    // I1 to I11, I13 and I14 of docs/STAMPS.md.
    #[test]
    fn every_life_of_accounts_is_that_of_the_model(steps in prop::collection::vec(step(), 1..120)) {
        let mut world = World::new();
        for step in &steps {
            world.take(step);
            world.check();
        }
        world.reopen();
        world.check();
        world.check_books();
    }
}
