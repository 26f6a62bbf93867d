//! The auditor's own books: every entry added again, by rules written here a second time, so that
//! a mistake in the ledger is not repeated by what checks it.

use super::discrepancy::Discrepancy;
use crate::StampAccountId;
use crate::stamps::records::{AccountRecord, EntryRecord, LotRecord};
use crate::stamps::{Book, EntryKind, LotId, Status};
use std::collections::HashMap;

/// Sums over all accounts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) entries: u64,
    pub(super) uses: u64,
    pub(super) refunds: u64,
    /// What came out of each book, and what went in, summed with its sign.
    pub(super) world: i128,
    pub(super) available: i128,
    pub(super) used: i128,
    pub(super) expired: i128,
    pub(super) voided: i128,
}

/// All accounts and lots, as the entries make them.
#[derive(Debug, Default)]
pub(super) struct Books {
    pub(super) accounts: HashMap<u64, AccountRecord>,
    pub(super) lots: HashMap<(u64, u64), LotRecord>,
    pub(super) totals: Totals,
}

/// The records that an entry's transaction writes beside it: the terms of what comes into being.
pub(super) struct Written<'a> {
    pub(super) account: Option<&'a AccountRecord>,
    pub(super) lot: Option<&'a LotRecord>,
}

impl Books {
    /// Adds an entry, and tells everything that is wrong with it.
    pub(super) fn add(
        &mut self,
        account: StampAccountId,
        number: u64,
        entry: &EntryRecord,
        written: &Written<'_>,
        found: &mut Vec<Discrepancy>,
    ) {
        self.totals.entries += 1;
        let id = account.number();
        if entry.kind == EntryKind::Open && number == 1 && !self.accounts.contains_key(&id) {
            let opened = written.account.map_or_else(String::new, |record| record.name.clone());
            self.accounts.insert(id, new_account(opened, entry.at));
        }
        let Some(record) = self.accounts.get_mut(&id) else {
            found.push(Discrepancy::NeverOpened { account, entry: number });
            return;
        };
        if number != record.next_entry {
            let expected = record.next_entry;
            found.push(Discrepancy::EntryNumber { account, expected, found: number });
        }
        record.next_entry = number.saturating_add(1);
        if entry.at < record.last_at {
            found.push(Discrepancy::TimeWentBack { account, entry: number });
        }
        record.last_at = entry.at;
        if entry.kind != EntryKind::Use && (entry.actor.is_none() || entry.reason.is_none()) {
            found.push(Discrepancy::NobodyDidIt { account, entry: number });
        }
        check_status(account, number, entry.kind, record, found);
        self.move_stamps(account, number, entry, written, found);
        self.check_balance(account, number, entry, found);
    }

    fn move_stamps(
        &mut self,
        account: StampAccountId,
        number: u64,
        entry: &EntryRecord,
        written: &Written<'_>,
        found: &mut Vec<Discrepancy>,
    ) {
        let kind = entry.kind;
        let lot = LotId::new(entry.lot.unwrap_or(0));
        let Some((from, to)) = kind.books(lot) else {
            if entry.quantity != 0 || entry.lot.is_some() {
                found.push(Discrepancy::Malformed { account, entry: number, kind });
            }
            return;
        };
        if entry.quantity == 0 || entry.lot.is_none() {
            found.push(Discrepancy::Malformed { account, entry: number, kind });
            return;
        }
        let key = (account.number(), lot.number());
        if kind == EntryKind::Grant {
            self.grant(key, entry, written);
        }
        let Some(record) = self.lots.get_mut(&key) else {
            found.push(Discrepancy::Malformed { account, entry: number, kind });
            return;
        };
        if kind == EntryKind::Use && !in_its_time(record, entry.at) {
            found.push(Discrepancy::OutsideItsTime { account, entry: number, lot });
        }
        record.last_entry = number;
        if kind == EntryKind::Void {
            record.closed = true;
        }
        let quantity = entry.quantity;
        if !(take(record, from, quantity) && give(record, to, quantity)) {
            found.push(Discrepancy::Overdrawn { account, entry: number, lot });
        }
        self.totals.book(from, -i128::from(quantity));
        self.totals.book(to, i128::from(quantity));
        match kind {
            EntryKind::Use => self.totals.uses += 1,
            EntryKind::Refund => self.totals.refunds += 1,
            _ => {}
        }
        if let Some(record) = self.accounts.get_mut(&account.number()) {
            count(record, kind, quantity);
        }
    }

    /// A lot comes into being with the terms in the record beside its entry, and with nothing in
    /// it: what it has are its entries.
    fn grant(&mut self, key: (u64, u64), entry: &EntryRecord, written: &Written<'_>) {
        let Some(terms) = written.lot else { return };
        if let Some(account) = self.accounts.get_mut(&key.0) {
            account.next_lot = key.1.saturating_add(1);
        }
        let empty = LotRecord {
            quantity: entry.quantity,
            available: 0,
            used: 0,
            expired: 0,
            voided: 0,
            created_at: entry.at,
            closed: false,
            ..terms.clone()
        };
        self.lots.insert(key, empty);
    }

    fn check_balance(
        &self,
        account: StampAccountId,
        number: u64,
        entry: &EntryRecord,
        found: &mut Vec<Discrepancy>,
    ) {
        let Some(record) = self.accounts.get(&account.number()) else { return };
        let counted = record.balance();
        if counted != entry.balance {
            let stated = entry.balance;
            found.push(Discrepancy::Balance { account, entry: number, stated, counted });
        }
        if entry.kind == EntryKind::Close && counted != 0 {
            found.push(Discrepancy::ClosedWithStamps { account, left: counted });
        }
    }
}

impl Totals {
    fn book(&mut self, book: Book, change: i128) {
        match book {
            Book::World => self.world += change,
            Book::Available(_) => self.available += change,
            Book::Used => self.used += change,
            Book::Expired => self.expired += change,
            Book::Voided => self.voided += change,
        }
    }
}

fn new_account(name: String, at: i64) -> AccountRecord {
    AccountRecord {
        name,
        status: Status::Active,
        created_at: at,
        last_at: at,
        next_entry: 1,
        next_lot: 1,
        granted: 0,
        used: 0,
        expired: 0,
        voided: 0,
    }
}

/// I14, and the steps between one status and the next.
fn check_status(
    account: StampAccountId,
    entry: u64,
    kind: EntryKind,
    record: &mut AccountRecord,
    found: &mut Vec<Discrepancy>,
) {
    let status = record.status;
    let (allowed, after) = match kind {
        EntryKind::Open => (entry == 1, status),
        EntryKind::Use => (status == Status::Active, status),
        EntryKind::Suspend => (status == Status::Active, Status::Suspended),
        EntryKind::Reactivate => (status == Status::Suspended, Status::Active),
        EntryKind::Close => (status != Status::Closed, Status::Closed),
        EntryKind::Grant | EntryKind::Refund | EntryKind::Void | EntryKind::Expire => {
            (status != Status::Closed, status)
        }
    };
    if !allowed {
        found.push(Discrepancy::WrongStatus { account, entry, kind, status });
    }
    record.status = after;
}

fn in_its_time(lot: &LotRecord, at: i64) -> bool {
    lot.effective_at <= at && lot.expires_at.is_none_or(|end| at < end) && !lot.closed
}

fn counter(lot: &mut LotRecord, book: Book) -> Option<&mut u64> {
    match book {
        Book::World => None,
        Book::Available(_) => Some(&mut lot.available),
        Book::Used => Some(&mut lot.used),
        Book::Expired => Some(&mut lot.expired),
        Book::Voided => Some(&mut lot.voided),
    }
}

fn take(lot: &mut LotRecord, book: Book, quantity: u64) -> bool {
    counter(lot, book).is_none_or(|have| {
        let enough = *have >= quantity;
        *have = have.saturating_sub(quantity);
        enough
    })
}

fn give(lot: &mut LotRecord, book: Book, quantity: u64) -> bool {
    let most = lot.quantity;
    counter(lot, book).is_none_or(|have| {
        *have = have.saturating_add(quantity);
        *have <= most
    })
}

fn count(account: &mut AccountRecord, kind: EntryKind, quantity: u64) {
    let counter = match kind {
        EntryKind::Grant => &mut account.granted,
        EntryKind::Use => &mut account.used,
        EntryKind::Expire => &mut account.expired,
        EntryKind::Void => &mut account.voided,
        EntryKind::Refund => {
            account.used = account.used.saturating_sub(quantity);
            return;
        }
        EntryKind::Open | EntryKind::Suspend | EntryKind::Reactivate | EntryKind::Close => return,
    };
    *counter = counter.saturating_add(quantity);
}
