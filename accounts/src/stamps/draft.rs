//! The arithmetic of the books. Every change of a balance in the service is a [`Draft::post`].
//!
//! A draft reads the account inside a transaction, collects entries and the records they change,
//! and writes all of it at once: a draft that is dropped has written nothing.

use super::model::{Act, LotId};
use super::records::{
    AccountRecord, CompanionFields, EntryKind, EntryRecord, LotRecord, SerialRecord, Status,
    TokenFields,
};
use super::tables::{ACCOUNT, ENTRY, EXPIRY, LOT, SERIAL, account_key, expiry_key, inner_key};
use super::{draw, error::StampError};
use crate::StampAccountId;
use crate::encoding::{decode, encode};
use std::ops::Bound;
use store::{Order, StoreError, Transaction};

/// How many lots are read at a time.
pub(crate) const PAGE: usize = 256;

/// Records after a transaction: what a cache has to know.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) account: AccountRecord,
    pub(crate) lots: Vec<(u64, LotRecord)>,
}

/// Entries for one account that become durable together, or not at all.
#[derive(Debug)]
pub(crate) struct Draft {
    id: StampAccountId,
    /// The time of these entries: never before that of the entry before them.
    at: i64,
    account: AccountRecord,
    lots: Vec<(u64, LotRecord)>,
    entries: Vec<EntryRecord>,
    first_entry: u64,
    /// Lots that join (`true`) or leave the list of those that are to expire.
    expiry: Vec<(i64, u64, bool)>,
    serials: Vec<([u8; 16], SerialRecord)>,
}

/// What an entry says beside the stamps it moves.
#[derive(Debug, Default)]
pub(crate) struct Detail<'a> {
    pub(crate) by: Option<&'a Act>,
    pub(crate) serial: Option<[u8; 16]>,
    pub(crate) token: Option<TokenFields>,
    pub(crate) companion: Option<CompanionFields>,
}

impl Draft {
    /// A draft for an account that exists.
    pub(crate) fn open(
        tx: &dyn Transaction,
        id: StampAccountId,
        now: i64,
    ) -> Result<Self, StampError> {
        let account = read_account(tx, id)?.ok_or(StampError::UnknownAccount { account: id })?;
        Ok(Self::over(id, account, now))
    }

    /// A draft for an account that comes into being.
    pub(crate) fn create(id: StampAccountId, name: String, now: i64) -> Self {
        let account = AccountRecord {
            name,
            status: Status::Active,
            created_at: now,
            last_at: now,
            next_entry: 1,
            next_lot: 1,
            granted: 0,
            used: 0,
            expired: 0,
            voided: 0,
        };
        Self::over(id, account, now)
    }

    fn over(id: StampAccountId, account: AccountRecord, now: i64) -> Self {
        Self {
            id,
            at: now.max(account.last_at),
            first_entry: account.next_entry,
            account,
            lots: Vec::with_capacity(1),
            entries: Vec::with_capacity(1),
            expiry: Vec::new(),
            serials: Vec::new(),
        }
    }

    /// The account as it is in this draft.
    pub(crate) fn account(&self) -> &AccountRecord {
        &self.account
    }

    /// The time that the entries of this draft have.
    pub(crate) fn at(&self) -> i64 {
        self.at
    }

    /// The lot with number `id`, read once.
    pub(crate) fn lot(
        &mut self,
        tx: &dyn Transaction,
        id: u64,
    ) -> Result<&mut LotRecord, StampError> {
        let unknown = StampError::UnknownLot { account: self.id, lot: LotId::new(id) };
        let index = match self.lots.iter().position(|(known, _)| *known == id) {
            Some(index) => index,
            None => {
                let key = inner_key(self.id, id);
                let bytes = tx.get(LOT, &key)?.ok_or_else(|| unknown.clone())?;
                self.lots.push((id, decode(LOT, &key, &bytes)?));
                self.lots.len() - 1
            }
        };
        self.lots.get_mut(index).map(|(_, lot)| lot).ok_or(unknown)
    }

    /// All lots of the account, in the order of their numbers.
    pub(crate) fn all_lots(
        &self,
        tx: &dyn Transaction,
    ) -> Result<Vec<(u64, LotRecord)>, StoreError> {
        read_lots(self.id, |from, to| tx.scan(LOT, from, to, Order::Ascending, PAGE))
    }

    /// The first lot in draw order that has a stamp at the time of this draft. `known` are those
    /// that are thought to have one, in draw order: all lots that an account ever had are read
    /// only when none of these has.
    pub(crate) fn next_lot(
        &self,
        tx: &dyn Transaction,
        known: &[u64],
    ) -> Result<Option<u64>, StoreError> {
        for id in known {
            let key = inner_key(self.id, *id);
            let lot = tx.get(LOT, &key)?.map(|bytes| decode(LOT, &key, &bytes)).transpose()?;
            if lot.is_some_and(|lot| self.has_stamp(&lot)) {
                return Ok(Some(*id));
            }
        }
        let lots = self.all_lots(tx)?;
        let usable = lots.iter().filter(|(_, lot)| self.has_stamp(lot));
        Ok(usable.min_by_key(|(id, lot)| draw::place(*id, lot)).map(|(id, _)| *id))
    }

    fn has_stamp(&self, lot: &LotRecord) -> bool {
        lot.usable(self.at) && lot.available > 0
    }

    /// Adds a lot with nothing in it yet and gives its number.
    pub(crate) fn add_lot(&mut self, lot: LotRecord) -> Result<u64, StampError> {
        let id = self.account.next_lot;
        self.account.next_lot = id.checked_add(1).ok_or(self.arithmetic("number of lots"))?;
        if let Some(end) = lot.expires_at {
            self.expiry.push((end, id, true));
        }
        self.lots.push((id, lot));
        Ok(id)
    }

    /// Takes a lot from the list of those that are still to expire.
    pub(crate) fn settle_expiry(&mut self, expires_at: i64, lot: u64) {
        self.expiry.push((expires_at, lot, false));
    }

    /// Sets where the entry of a serial number is.
    pub(crate) fn set_serial(&mut self, serial: [u8; 16], record: SerialRecord) {
        self.serials.push((serial, record));
    }

    /// Sets the status of the account.
    pub(crate) fn set_status(&mut self, status: Status) {
        self.account.status = status;
    }

    /// Moves `quantity` stamps between the books that `kind` names, and writes the entry down.
    ///
    /// The lot must have been read with [`Draft::lot`] or added. Gives the entry's number.
    pub(crate) fn post(
        &mut self,
        kind: EntryKind,
        lot: u64,
        quantity: u64,
        detail: Detail<'_>,
    ) -> Result<u64, StampError> {
        if quantity == 0 {
            return Err(self.arithmetic("an entry of no stamps"));
        }
        let number = self.account.next_entry;
        let account = self.id;
        let unknown = StampError::UnknownLot { account, lot: LotId::new(lot) };
        let broken = |what| StampError::Arithmetic { account, what };
        let record = self.lots.iter_mut().find(|(id, _)| *id == lot).ok_or(unknown)?;
        move_in_lot(kind, &mut record.1, quantity).ok_or(broken("lot"))?;
        move_in_account(kind, &mut self.account, quantity).ok_or(broken("account"))?;
        if !record.1.adds_up() {
            return Err(broken("lot"));
        }
        record.1.last_entry = number;
        self.write_down(kind, Some(lot), quantity, detail)
    }

    /// Writes an entry down that moves nothing.
    pub(crate) fn note(&mut self, kind: EntryKind, by: &Act) -> Result<u64, StampError> {
        self.write_down(kind, None, 0, Detail { by: Some(by), ..Detail::default() })
    }

    fn write_down(
        &mut self,
        kind: EntryKind,
        lot: Option<u64>,
        quantity: u64,
        detail: Detail<'_>,
    ) -> Result<u64, StampError> {
        let number = self.account.next_entry;
        self.account.next_entry =
            number.checked_add(1).ok_or(self.arithmetic("number of entries"))?;
        self.account.last_at = self.at;
        self.entries.push(EntryRecord {
            kind,
            at: self.at,
            quantity,
            lot,
            balance: self.account.balance(),
            actor: detail.by.map(|by| by.actor.clone()),
            reason: detail.by.map(|by| by.reason.clone()),
            serial: detail.serial,
            token: detail.token,
            companion: detail.companion,
        });
        Ok(number)
    }

    /// Writes everything into the transaction.
    pub(crate) fn write(self, tx: &mut dyn Transaction) -> Change {
        for (number, entry) in (self.first_entry..).zip(&self.entries) {
            let token = entry.token.as_ref().map_or(0, |token| token.der.len() + 96);
            let second = entry.companion.as_ref().map_or(0, |second| second.der.len() + 64);
            tx.put(ENTRY, &inner_key(self.id, number), &encode(entry, token + second + 96));
        }
        for (id, lot) in &self.lots {
            tx.put(LOT, &inner_key(self.id, *id), &encode(lot, 96));
        }
        for (end, lot, joins) in &self.expiry {
            let key = expiry_key(*end, self.id, *lot);
            if *joins {
                tx.put(EXPIRY, &key, &[]);
            } else {
                tx.delete(EXPIRY, &key);
            }
        }
        for (serial, record) in &self.serials {
            tx.put(SERIAL, serial, &encode(record, 32));
        }
        tx.put(ACCOUNT, &account_key(self.id), &encode(&self.account, 128));
        Change { account: self.account, lots: self.lots }
    }

    fn arithmetic(&self, what: &'static str) -> StampError {
        StampError::Arithmetic { account: self.id, what }
    }
}

/// The record of an account.
pub(crate) fn read_account(
    tx: &dyn Transaction,
    id: StampAccountId,
) -> Result<Option<AccountRecord>, StoreError> {
    let key = account_key(id);
    tx.get(ACCOUNT, &key)?.map(|bytes| decode(ACCOUNT, &key, &bytes)).transpose()
}

/// All lots of an account through `scan`, which is a transaction's or the store's.
pub(crate) fn read_lots(
    id: StampAccountId,
    scan: impl Fn(Bound<&[u8]>, Bound<&[u8]>) -> Result<Vec<store::Row>, StoreError>,
) -> Result<Vec<(u64, LotRecord)>, StoreError> {
    let end = inner_key(id, u64::MAX);
    let mut from = Bound::Included(inner_key(id, 0));
    let mut lots = Vec::new();
    loop {
        let bound = from.as_ref().map(<[u8; 16]>::as_slice);
        let rows = scan(bound, Bound::Included(&end))?;
        let full = rows.len() >= PAGE;
        for (key, value) in rows {
            let number = super::tables::split_key(&key)
                .ok_or_else(|| crate::encoding::damaged(LOT, &key, "a key of the wrong length"))?
                .1;
            lots.push((number, decode(LOT, &key, &value)?));
            from = Bound::Excluded(inner_key(id, number));
        }
        if !full {
            return Ok(lots);
        }
    }
}

/// Moves stamps between the counters of a lot. `None`: a counter would leave its range.
fn move_in_lot(kind: EntryKind, lot: &mut LotRecord, quantity: u64) -> Option<()> {
    let (from, to) = match kind {
        EntryKind::Grant => {
            lot.available = lot.available.checked_add(quantity)?;
            return Some(());
        }
        EntryKind::Use => (&mut lot.available, &mut lot.used),
        EntryKind::Expire => (&mut lot.available, &mut lot.expired),
        EntryKind::Refund => (&mut lot.used, &mut lot.available),
        EntryKind::Void => (&mut lot.available, &mut lot.voided),
        EntryKind::Open | EntryKind::Suspend | EntryKind::Reactivate | EntryKind::Close => {
            return None;
        }
    };
    *from = from.checked_sub(quantity)?;
    *to = to.checked_add(quantity)?;
    Some(())
}

/// The same on the account, whose available stamps are not a counter but a difference.
fn move_in_account(kind: EntryKind, account: &mut AccountRecord, quantity: u64) -> Option<()> {
    let counter = match kind {
        EntryKind::Grant => &mut account.granted,
        EntryKind::Use | EntryKind::Refund => &mut account.used,
        EntryKind::Expire => &mut account.expired,
        EntryKind::Void => &mut account.voided,
        EntryKind::Open | EntryKind::Suspend | EntryKind::Reactivate | EntryKind::Close => {
            return None;
        }
    };
    *counter = if kind == EntryKind::Refund {
        counter.checked_sub(quantity)?
    } else {
        counter.checked_add(quantity)?
    };
    let spent = account.used.checked_add(account.expired)?.checked_add(account.voided)?;
    (spent <= account.granted).then_some(())
}
