//! The audit: adds every stamp again, from the journal alone.
//!
//! An [`Auditor`] is fed with all transactions of the journal in their order. It trusts no sum
//! that was stored: it keeps its own books from the entries and compares every record with them.
//! Memory: one record for each account and each lot, one claim for each stamp given back, and the
//! tokens of the last minutes; nothing for each entry or token. Where stamps were given back, the
//! journal is read a second time, for the uses that the refunds name.
//!
//! What a journal cannot show: whether a stamp of a lot that sorts earlier was held by a request
//! under way when another lot paid (the draw order, I7, is tested where it is decided), and
//! whether a token was in the hands of a client before it was durable (I12, tested at the store).

mod books;
mod discrepancy;
mod lookups;
mod recent;
mod refunds;
#[cfg(test)]
pub(crate) mod tests;

pub use discrepancy::Discrepancy;

use crate::StampAccountId;
use crate::encoding::decode;
use crate::stamps::records::{
    AccountRecord, EntryRecord, GlobalRecord, LotRecord, SerialRecord, TokenFields,
};
use crate::stamps::tables::{
    ACCOUNT, ENTRY, EXPIRY, GLOBAL, LOT, NAME, SERIAL, split_expiry_key, split_key,
};
use crate::stamps::{EntryKind, LotId, retry};
use books::{Books, Written};
use chrono::TimeDelta;
use lookups::{ExpiryKey, Lookups};
use recent::{Requests, Seen, Serials};
use refunds::{Claim, Refunds};
use std::collections::{BTreeMap, HashSet};
use store::{StoreError, Table};

/// How many discrepancies are listed; the rest is counted.
const MOST_LISTED: usize = 1_000;

/// One operation of a transaction, as the journal has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation<'a> {
    /// The number of the table.
    pub table: u8,
    /// The key inside the table.
    pub key: &'a [u8],
    /// The value that was set, or `None` for a removal.
    pub value: Option<&'a [u8]>,
}

/// What an audit found in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AuditReport {
    /// Transactions of the journal, also those of other parts of the service.
    pub transactions: u64,
    /// Stamp accounts.
    pub accounts: u64,
    /// Lots.
    pub lots: u64,
    /// Entries.
    pub entries: u64,
    /// Tokens, both of each pair.
    pub tokens: u64,
    /// Of these: the second ones of pairs, which share the stamp of the first.
    pub companions: u64,
    /// Stamps granted: the sum of the four below.
    pub granted: u64,
    /// Stamps that are still in lots.
    pub available: u64,
    /// Tokens less stamps given back.
    pub used: u64,
    /// Stamps that expired unused.
    pub expired: u64,
    /// Stamps taken back.
    pub voided: u64,
}

/// Re-adds a journal that it is fed with.
#[derive(Debug)]
pub struct Auditor {
    books: Books,
    global: GlobalRecord,
    tokens: u64,
    companions: u64,
    transactions: u64,
    next_sequence: Option<u64>,
    serials: Serials,
    requests: Requests,
    refunds: Refunds,
    lookups: Lookups,
    found: Vec<Discrepancy>,
    more: u64,
}

/// The records of one transaction.
#[derive(Default)]
struct Rows {
    accounts: BTreeMap<u64, AccountRecord>,
    lots: BTreeMap<(u64, u64), LotRecord>,
    entries: BTreeMap<(u64, u64), EntryRecord>,
    serials: BTreeMap<[u8; 16], SerialRecord>,
    global: Option<GlobalRecord>,
    names: BTreeMap<String, u64>,
    /// Whether a lot joins (`true`) or leaves the list of those that are to expire.
    expiries: BTreeMap<ExpiryKey, bool>,
}

impl Auditor {
    /// An auditor for a journal from its first transaction. `retry_window` is that of the
    /// ledger's settings; when it was changed meanwhile, the shortest it had.
    #[must_use]
    pub fn new(retry_window: TimeDelta) -> Self {
        Self {
            books: Books::default(),
            global: GlobalRecord::default(),
            tokens: 0,
            companions: 0,
            transactions: 0,
            next_sequence: None,
            serials: Serials::default(),
            requests: Requests::new(retry_window),
            refunds: Refunds::default(),
            lookups: Lookups::default(),
            found: Vec::new(),
            more: 0,
        }
    }

    /// Adds the next transaction. Tables of other parts of the service are passed over.
    pub fn feed<'a>(&mut self, sequence: u64, operations: impl IntoIterator<Item = Operation<'a>>) {
        self.transactions += 1;
        if let Some(expected) = self.next_sequence.filter(|expected| *expected != sequence) {
            self.note(Discrepancy::Sequence { expected, found: sequence });
        }
        self.next_sequence = Some(sequence + 1);
        let mut rows = Rows::default();
        for operation in operations {
            if let Err(found) = rows.read(sequence, operation) {
                self.note(found);
            }
        }
        self.add_entries(&rows);
        self.compare(sequence, &rows);
    }

    /// Whether the journal has to be read once more, with [`Auditor::feed_again`].
    #[must_use]
    pub fn has_refunds(&self) -> bool {
        self.refunds.any()
    }

    /// The second reading, from the first transaction: finds the uses that refunds name. What the
    /// journal got since the first reading may come as well; it changes nothing.
    pub fn feed_again<'a>(&mut self, operations: impl IntoIterator<Item = Operation<'a>>) {
        for Operation { table, key, value } in operations {
            let Some(number) = split_key(key).filter(|_| table == ENTRY.number()) else { continue };
            if self.refunds.wants(number)
                && let Some(value) = value
                // What cannot be read was noted at the first reading, and meets no claim.
                && let Ok(entry) = decode(ENTRY, key, value)
            {
                self.refunds.seen(number, &entry);
            }
        }
    }

    /// The end of the journal: the sums, or everything that was found. A refund whose use was not
    /// seen in a second reading is one of a stamp that was never used.
    pub fn finish(mut self) -> Result<AuditReport, Vec<Discrepancy>> {
        let report = self.report();
        self.check_totals(&report);
        for unmet in self.refunds.unmet() {
            self.note(unmet);
        }
        if self.found.is_empty() {
            return Ok(report);
        }
        if self.more > 0 {
            self.found.push(Discrepancy::More(self.more));
        }
        Err(self.found)
    }

    fn note(&mut self, found: Discrepancy) {
        if self.found.len() < MOST_LISTED {
            self.found.push(found);
        } else {
            self.more += 1;
        }
    }

    fn add_entries(&mut self, rows: &Rows) {
        let mut found = Vec::new();
        rows.check_serials(&mut found);
        for ((account, number), entry) in &rows.entries {
            let id = StampAccountId::new(*account);
            let lot = entry.lot.and_then(|lot| rows.lots.get(&(*account, lot)));
            let written = Written { account: rows.accounts.get(account), lot };
            self.books.add(id, *number, entry, &written, &mut found);
            let kind = entry.kind;
            if entry.companion.is_some() && kind != EntryKind::Use {
                found.push(Discrepancy::Malformed { account: id, entry: *number, kind });
            }
            match (kind, entry.serial, &entry.token) {
                (EntryKind::Use, Some(serial), Some(token)) => {
                    self.add_token((id, *number), serial, token, rows, &mut found);
                    if let Some(companion) = &entry.companion {
                        self.add_companion((id, *number), companion.serial, rows, &mut found);
                    }
                }
                (EntryKind::Refund, Some(serial), None) => {
                    self.add_refund((id, *number), (entry, serial), rows, &mut found);
                }
                (EntryKind::Use | EntryKind::Refund, _, _) | (_, Some(_), _) | (_, _, Some(_)) => {
                    found.push(Discrepancy::Malformed { account: id, entry: *number, kind });
                }
                _ => {}
            }
        }
        found.into_iter().for_each(|found| self.note(found));
    }

    fn add_token(
        &mut self,
        (account, entry): (StampAccountId, u64),
        serial: [u8; 16],
        token: &TokenFields,
        rows: &Rows,
        found: &mut Vec<Discrepancy>,
    ) {
        let text = || hex::encode(serial);
        if token.log_index != self.tokens {
            let (expected, index) = (self.tokens, token.log_index);
            found.push(Discrepancy::LogIndex { serial: text(), expected, found: index });
        }
        self.tokens = token.log_index.saturating_add(1);
        self.global.last_gen_time = self.global.last_gen_time.max(Some(token.gen_time));
        let retry = token.retry_key.as_ref();
        let expected = SerialRecord {
            account: account.number(),
            entry,
            retry: retry.map(|key| retry::fingerprint(account, key)),
            refunded_by: None,
        };
        self.add_serial(serial, expected, rows, found);
        if let Some(key) = retry
            && !self.requests.insert(account, key, token.gen_time)
        {
            found.push(Discrepancy::RetryRepeated { account, serial: text() });
        }
    }

    /// The second token of a pair: it takes the next log index, and no stamp.
    fn add_companion(
        &mut self,
        (account, entry): (StampAccountId, u64),
        serial: [u8; 16],
        rows: &Rows,
        found: &mut Vec<Discrepancy>,
    ) {
        self.tokens = self.tokens.saturating_add(1);
        self.companions += 1;
        let account = account.number();
        let expected = SerialRecord { account, entry, retry: None, refunded_by: None };
        self.add_serial(serial, expected, rows, found);
    }

    /// I13, and that the token is found by its number.
    fn add_serial(
        &mut self,
        serial: [u8; 16],
        expected: SerialRecord,
        rows: &Rows,
        found: &mut Vec<Discrepancy>,
    ) {
        let text = || hex::encode(serial);
        match self.serials.insert(serial) {
            Seen::New => {}
            Seen::Before => found.push(Discrepancy::SerialRepeated { serial: text() }),
            Seen::TooOldToTell => found.push(Discrepancy::SerialOutOfOrder { serial: text() }),
        }
        if rows.serials.get(&serial) != Some(&expected) {
            let account = StampAccountId::new(expected.account);
            found.push(Discrepancy::SerialRow { account, entry: expected.entry, serial: text() });
        }
    }

    fn add_refund(
        &mut self,
        (account, number): (StampAccountId, u64),
        (entry, serial): (&EntryRecord, [u8; 16]),
        rows: &Rows,
        found: &mut Vec<Discrepancy>,
    ) {
        let text = || hex::encode(serial);
        if !self.refunds.first(serial) {
            found.push(Discrepancy::RefundedTwice { account, entry: number, serial: text() });
        }
        let row = rows.serials.get(&serial).filter(|row| {
            row.account == account.number() && row.refunded_by == Some(number) && row.entry < number
        });
        match row {
            Some(row) => {
                // One stamp paid for both tokens of a pair, so both rows say that it came back.
                let mut others = rows.serials.iter().filter(|(other, of)| {
                    **other != serial
                        && of.account == account.number()
                        && of.refunded_by == Some(number)
                });
                let companion = others.next().map(|(other, of)| (*other, of.entry));
                if others.next().is_some() || companion.is_some_and(|(_, of)| of != row.entry) {
                    found.push(Discrepancy::SerialRow { account, entry: number, serial: text() });
                }
                let companion = companion.map(|(other, _)| other);
                let claim = Claim { refund: number, serial, companion, lot: entry.lot };
                self.refunds.claim(account, row.entry, claim, found);
            }
            None => found.push(Discrepancy::SerialRow { account, entry: number, serial: text() }),
        }
    }

    /// Every record that was written, and every one that should have been, against the books.
    fn compare(&mut self, transaction: u64, rows: &Rows) {
        let mut found = Vec::new();
        let touched_accounts: HashSet<u64> = rows
            .entries
            .keys()
            .map(|(account, _)| *account)
            .chain(rows.accounts.keys().copied())
            .collect();
        for number in touched_accounts {
            if self.books.accounts.get(&number) != rows.accounts.get(&number) {
                let account = StampAccountId::new(number);
                found.push(Discrepancy::AccountRecord { transaction, account });
            }
        }
        let touched_lots: HashSet<(u64, u64)> = rows
            .entries
            .iter()
            .filter_map(|((account, _), entry)| Some((*account, entry.lot?)))
            .chain(rows.lots.keys().copied())
            .collect();
        for (number, lot) in touched_lots {
            let counted = self.books.lots.get(&(number, lot));
            if counted != rows.lots.get(&(number, lot)) || counted.is_some_and(|lot| !lot.adds_up())
            {
                let (account, lot) = (StampAccountId::new(number), LotId::new(lot));
                found.push(Discrepancy::LotRecord { transaction, account, lot });
            }
        }
        let opened =
            rows.entries.values().filter(|entry| entry.kind == EntryKind::Open).count() as u64;
        let uses = rows.entries.values().any(|entry| entry.kind == EntryKind::Use);
        self.global.next_account += opened;
        self.global.tokens = self.tokens;
        let expected = (opened > 0 || uses).then_some(self.global);
        if rows.global != expected {
            found.push(Discrepancy::GlobalRecord { transaction });
        }
        self.lookups.compare(transaction, rows, &self.books, &mut found);
        found.into_iter().for_each(|found| self.note(found));
    }

    fn report(&self) -> AuditReport {
        let sum = |book: i128| u64::try_from(book.max(0)).unwrap_or(u64::MAX);
        let totals = &self.books.totals;
        AuditReport {
            transactions: self.transactions,
            accounts: self.books.accounts.len() as u64,
            lots: self.books.lots.len() as u64,
            entries: totals.entries,
            tokens: self.tokens,
            companions: self.companions,
            granted: sum(-totals.world),
            available: sum(totals.available),
            used: sum(totals.used),
            expired: sum(totals.expired),
            voided: sum(totals.voided),
        }
    }

    fn check_totals(&mut self, report: &AuditReport) {
        let totals = self.books.totals;
        let all = totals.world + totals.available + totals.used + totals.expired + totals.voided;
        // I1: what left one book came into another.
        if all != 0 {
            self.note(Discrepancy::Totals { what: format!("all books together are {all}") });
        }
        // I3, I16: each token is a use, and each use a token; the second one of a pair is not
        // paid for again.
        let paid = self.tokens.saturating_sub(self.companions);
        if totals.uses != paid {
            let what = format!("{} uses and {paid} tokens", totals.uses);
            self.note(Discrepancy::Totals { what });
        }
        if report.used.checked_add(totals.refunds) != Some(paid) {
            let (used, back, tokens) = (report.used, totals.refunds, paid);
            let what = format!("{used} used and {back} given back, of {tokens} tokens");
            self.note(Discrepancy::Totals { what });
        }
        let mut in_lots: i128 = 0;
        for lot in self.books.lots.values() {
            in_lots += i128::from(lot.available);
        }
        if in_lots != totals.available {
            let what = format!("lots have {in_lots}, the book has {}", totals.available);
            self.note(Discrepancy::Totals { what });
        }
    }
}

impl Rows {
    /// Each row of a serial number belongs to an entry of its transaction: to the use that made
    /// it, or to the refund that it names. What else is wrong with it is seen there.
    fn check_serials(&self, found: &mut Vec<Discrepancy>) {
        let uses = self.entries.values().filter(|entry| entry.kind == EntryKind::Use);
        let used: HashSet<[u8; 16]> = uses.flat_map(EntryRecord::serials).collect();
        for (serial, row) in &self.serials {
            let refund = row.refunded_by.and_then(|by| self.entries.get(&(row.account, by)));
            let refunded = refund.is_some_and(|entry| entry.kind == EntryKind::Refund);
            if !refunded && !used.contains(serial) {
                let (account, entry) = (StampAccountId::new(row.account), row.entry);
                found.push(Discrepancy::SerialRow { account, entry, serial: hex::encode(serial) });
            }
        }
    }

    fn read(&mut self, transaction: u64, operation: Operation<'_>) -> Result<(), Discrepancy> {
        let known = [ACCOUNT, NAME, LOT, ENTRY, SERIAL, GLOBAL, EXPIRY];
        let Some(table) = known.into_iter().find(|t| t.number() == operation.table) else {
            return Ok(());
        };
        let key = operation.key;
        if table == EXPIRY {
            let key = split_expiry_key(key).ok_or_else(|| {
                let what = crate::encoding::damaged(table, key, "a malformed key").to_string();
                Discrepancy::Unreadable { transaction, what }
            })?;
            self.expiries.insert(key, operation.value.is_some());
            return Ok(());
        }
        let Some(value) = operation.value else {
            let (table, key) = (table.name(), hex::encode(key));
            return Err(Discrepancy::Removed { transaction, table, key });
        };
        self.put(table, key, value)
            .map_err(|error| Discrepancy::Unreadable { transaction, what: error.to_string() })
    }

    fn put(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        let wrong = || crate::encoding::damaged(table, key, "a key of the wrong length");
        if table == ACCOUNT {
            let account = key.try_into().map_err(|_| wrong())?;
            self.accounts.insert(u64::from_be_bytes(account), decode(table, key, value)?);
        } else if table == NAME {
            let name = std::str::from_utf8(key);
            let name = name.map_err(|_| crate::encoding::damaged(table, key, "no name"))?;
            let account = value.try_into().map_err(|_| wrong())?;
            self.names.insert(name.to_owned(), u64::from_be_bytes(account));
        } else if table == LOT {
            self.lots.insert(split_key(key).ok_or_else(wrong)?, decode(table, key, value)?);
        } else if table == ENTRY {
            self.entries.insert(split_key(key).ok_or_else(wrong)?, decode(table, key, value)?);
        } else if table == SERIAL {
            let serial = key.try_into().map_err(|_| wrong())?;
            self.serials.insert(serial, decode(table, key, value)?);
        } else {
            self.global = Some(decode(table, key, value)?);
        }
        Ok(())
    }
}
