//! The stamps again, as simply as can be: lists of numbers, nothing cached, nothing clever.

use crate::stamps::{Category, Status};
use std::cmp::Reverse;

#[derive(Clone, Debug)]
pub(super) struct ModelLot {
    pub(super) quantity: u64,
    pub(super) available: u64,
    pub(super) used: u64,
    pub(super) expired: u64,
    pub(super) voided: u64,
    pub(super) held: u64,
    pub(super) category: Category,
    pub(super) priority: u8,
    pub(super) effective: i64,
    pub(super) expires: Option<i64>,
    pub(super) closed: bool,
}

#[derive(Clone, Debug)]
pub(super) struct ModelToken {
    pub(super) serial: [u8; 16],
    pub(super) second: Option<[u8; 16]>,
    pub(super) lot: usize,
    pub(super) key: Option<u8>,
    pub(super) time: i64,
    pub(super) refunded: bool,
}

#[derive(Clone, Debug)]
pub(super) struct ModelAccount {
    pub(super) status: Status,
    pub(super) lots: Vec<ModelLot>,
    pub(super) tokens: Vec<ModelToken>,
    /// The sum of all lots after each entry.
    pub(super) balances: Vec<u64>,
    pub(super) last_at: i64,
}

impl ModelLot {
    pub(super) fn usable(&self, at: i64) -> bool {
        !self.closed && self.effective <= at && self.expires.is_none_or(|end| at < end)
    }

    pub(super) fn has_expired(&self, at: i64) -> bool {
        self.expires.is_some_and(|end| end <= at)
    }
}

impl ModelAccount {
    pub(super) fn new(now: i64) -> Self {
        let status = Status::Active;
        Self { status, lots: vec![], tokens: vec![], balances: vec![0], last_at: now }
    }

    /// The time of the next entry.
    pub(super) fn time(&self, now: i64) -> i64 {
        self.last_at.max(now)
    }

    pub(super) fn entry(&mut self, now: i64) {
        self.last_at = self.time(now);
        self.balances.push(self.lots.iter().map(|lot| lot.available).sum());
    }

    pub(super) fn used(&self) -> u64 {
        self.lots.iter().map(|lot| lot.used).sum()
    }

    pub(super) fn remaining(&self, now: i64) -> u64 {
        self.lots.iter().filter(|lot| lot.usable(now)).map(|lot| lot.available).sum()
    }

    /// Lots in draw order: the smallest of each word of the rule, one after the other.
    pub(super) fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.lots.len()).collect();
        order.sort_by_key(|index| {
            let lot = &self.lots[*index];
            let paid = match lot.category {
                Category::Promo => 0,
                Category::Comp => 1,
                Category::Test => 2,
                Category::Paid => 3,
            };
            (lot.priority, Reverse(lot.expires.map(Reverse)), paid, *index)
        });
        order
    }

    /// The lot that the next request holds.
    pub(super) fn to_hold(&self, now: i64) -> Option<usize> {
        let free = |index: &usize| {
            let lot = &self.lots[*index];
            lot.usable(now) && lot.available > lot.held
        };
        self.order().into_iter().find(free)
    }

    /// The lot that pays for what was held at `at` from `held`.
    pub(super) fn to_debit(&self, held: usize, at: i64) -> Option<usize> {
        let at = self.time(at);
        let pays = |index: &usize| self.lots[*index].usable(at) && self.lots[*index].available > 0;
        Some(held).filter(pays).or_else(|| self.order().into_iter().find(pays))
    }
}
