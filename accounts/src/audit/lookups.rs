//! The rows that only help to find something: names of accounts, and lots that are to expire. A
//! wrong one moves no stamp, but lets one account log in as another, or a lot never expire.

use super::Rows;
use super::books::Books;
use super::discrepancy::Discrepancy;
use crate::StampAccountId;
use crate::stamps::{EntryKind, LotId};
use std::collections::HashSet;

/// Expiry (milliseconds), account, lot.
pub(super) type ExpiryKey = (i64, u64, u64);

/// The lookup rows that there are.
#[derive(Debug, Default)]
pub(super) struct Lookups {
    names: HashSet<String>,
    expiries: HashSet<ExpiryKey>,
}

impl Lookups {
    /// Compares the rows of a transaction with the books after it.
    pub(super) fn compare(
        &mut self,
        transaction: u64,
        rows: &Rows,
        books: &Books,
        found: &mut Vec<Discrepancy>,
    ) {
        self.compare_names(transaction, rows, found);
        self.compare_expiries(transaction, rows, books, found);
    }

    /// A name is written with the opening of its account, once.
    fn compare_names(&mut self, transaction: u64, rows: &Rows, found: &mut Vec<Discrepancy>) {
        let opened = |account: u64| rows.entries.get(&(account, 1)).map(|entry| entry.kind);
        let name_of = |account: u64| rows.accounts.get(&account).map(|record| &record.name);
        for (name, account) in &rows.names {
            let own = opened(*account) == Some(EntryKind::Open) && name_of(*account) == Some(name);
            if !(self.names.insert(name.clone()) && own) {
                let account = StampAccountId::new(*account);
                found.push(Discrepancy::NameRow { transaction, account });
            }
        }
        let opened = rows.entries.iter().filter(|(_, entry)| entry.kind == EntryKind::Open);
        for ((account, _), _) in opened {
            let row = name_of(*account).and_then(|name| rows.names.get(name));
            if row != Some(account) {
                let account = StampAccountId::new(*account);
                found.push(Discrepancy::NameRow { transaction, account });
            }
        }
    }

    /// A lot that ends is listed from its grant on, until it has nothing left.
    fn compare_expiries(
        &mut self,
        transaction: u64,
        rows: &Rows,
        books: &Books,
        found: &mut Vec<Discrepancy>,
    ) {
        let mut wrong = |account: u64, lot: u64| {
            let (account, lot) = (StampAccountId::new(account), LotId::new(lot));
            found.push(Discrepancy::ExpiryRow { transaction, account, lot });
        };
        let granted: HashSet<(u64, u64)> = rows
            .entries
            .iter()
            .filter(|(_, entry)| entry.kind == EntryKind::Grant)
            .filter_map(|((account, _), entry)| Some((*account, entry.lot?)))
            .collect();
        for ((end, account, lot), listed) in &rows.expiries {
            let (key, place) = ((*end, *account, *lot), (*account, *lot));
            let record = books.lots.get(&place);
            let right = if *listed {
                self.expiries.insert(key);
                granted.contains(&place) && record.is_some_and(|lot| lot.expires_at == Some(*end))
            } else {
                let empty = record.is_some_and(|lot| lot.available == 0);
                self.expiries.remove(&key) && empty
            };
            if !right {
                wrong(*account, *lot);
            }
        }
        for (account, lot) in granted {
            let end = books.lots.get(&(account, lot)).and_then(|lot| lot.expires_at);
            if end.is_some_and(|end| !self.expiries.contains(&(end, account, lot))) {
                wrong(account, lot);
            }
        }
    }
}
