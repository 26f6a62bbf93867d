//! The audit of the registry: every certificate's history followed again, from the journal alone.
//!
//! A [`Checker`] is fed with all transactions of the journal in their order. It makes each change
//! again and compares what was stored as the result; it counts certificates itself; and it knows
//! of every revocation list's number that it must be the next one. Memory: some
//! hundred and fifty bytes for each certificate.

mod fault;
mod rows;

pub use fault::Fault;
pub use trail::Operation;

use crate::encoding::{encode, instant};
use crate::records::{AuthorityRecord, CertificateRecord, GlobalRecord, StandingRecord};
use crate::status::{Change, IllegalChange, Status, StatusWord};
use crate::tables::{CERTIFICATE, CHANGE, SerialKey, certificate_key, change_key};
use chrono::{DateTime, Utc};
use rows::Rows;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use store::StoreError;

/// How many faults are listed; the rest is counted.
const MOST_LISTED: usize = 1_000;

/// What an audit found in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Certificates that are registered.
    pub certificates: u64,
    /// Those that are suspended.
    pub held: u64,
    /// Those that are revoked.
    pub revoked: u64,
    /// Revocation lists that were made.
    pub crls: u64,
}

/// Follows a journal that it is fed with.
#[derive(Debug, Default)]
pub struct Checker {
    /// By number, from 1.
    certificates: Vec<Followed>,
    serials: HashMap<SerialKey, u64>,
    authorities: BTreeMap<u16, AuthorityRecord>,
    issued: BTreeMap<u16, u64>,
    crls: u64,
    found: Vec<Fault>,
    more: u64,
}

/// A certificate as its history makes it.
#[derive(Clone, Copy, Debug)]
struct Followed {
    serial: SerialKey,
    ca: u16,
    not_after: DateTime<Utc>,
    changes: u32,
    status: Status,
    /// Of all that stays of its row when its subject is erased.
    content: [u8; 32],
    erased: bool,
}

/// What a transaction did, as it was found in the rows that are never changed.
#[derive(Debug, Default)]
struct Done {
    /// Certificates that are new or changed.
    touched: BTreeSet<u64>,
    /// CAs that got a certificate.
    issuers: BTreeSet<u16>,
    registered: bool,
    /// The subject of a certificate was erased.
    erased: bool,
}

impl Checker {
    /// A checker for a journal from its first transaction.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the next transaction. Tables of other parts of the service are passed over.
    pub fn feed<'a>(
        &mut self,
        transaction: u64,
        operations: impl IntoIterator<Item = Operation<'a>>,
    ) {
        let mut rows = Rows::default();
        for operation in operations {
            if let Err(fault) = rows.read(transaction, operation) {
                self.note(fault);
            }
        }
        let mut done = Done::default();
        self.add_certificates(transaction, &rows, &mut done);
        self.add_changes(transaction, &rows, &mut done);
        self.compare_standings(transaction, &rows, &done);
        self.compare_counter(transaction, &rows, &done);
        let listed = self.compare_authorities(transaction, &rows, &done);
        if (listed || done.erased || !done.touched.is_empty()) && !rows.has_event {
            self.note(Fault::NoEvent { transaction });
        }
    }

    /// The end of the journal: the sums, or everything that was found.
    ///
    /// # Errors
    /// The faults, at most a thousand of them and then [`Fault::More`].
    pub fn finish(mut self) -> Result<Report, Vec<Fault>> {
        if self.found.is_empty() {
            let count = |word: StatusWord| {
                let stands_so = |one: &&Followed| one.status.word() == word;
                self.certificates.iter().filter(stands_so).count() as u64
            };
            return Ok(Report {
                certificates: self.certificates.len() as u64,
                held: count(StatusWord::Suspended),
                revoked: count(StatusWord::Revoked),
                crls: self.crls,
            });
        }
        if self.more > 0 {
            self.found.push(Fault::More(self.more));
        }
        Err(self.found)
    }

    fn note(&mut self, fault: Fault) {
        if self.found.len() < MOST_LISTED {
            self.found.push(fault);
        } else {
            self.more += 1;
        }
    }

    fn note_unreadable(&mut self, transaction: u64, error: &StoreError) {
        self.note(Fault::Unreadable { transaction, what: error.to_string() });
    }

    fn add_certificates(&mut self, transaction: u64, rows: &Rows<'_>, done: &mut Done) {
        for (number, record) in &rows.certificates {
            let expected = self.certificates.len() as u64 + 1;
            if let (Some(_), Some(before)) = (record.erased_at, self.followed(*number)) {
                self.follow_erasure(*number, before, record, rows);
                done.erased = true;
                continue;
            }
            if *number != expected {
                self.note(Fault::Number { expected, found: *number });
                continue;
            }
            let row = certificate_key(*number);
            let not_after = match instant(CERTIFICATE, &row, record.not_after) {
                Ok(not_after) => not_after,
                Err(error) => {
                    self.note_unreadable(transaction, &error);
                    DateTime::<Utc>::MAX_UTC
                }
            };
            let mut serial = SerialKey([0; 20]);
            match 20_usize.checked_sub(record.serial.len()) {
                Some(zeros) => serial.0[zeros..].copy_from_slice(&record.serial),
                None => self.note(Fault::Content { certificate: *number }),
            }
            if self.serials.insert(serial, *number).is_some() {
                let serial = hex::encode(&record.serial);
                self.note(Fault::SerialRepeated { certificate: *number, serial });
            }
            let fits = |der: &&[u8]| {
                record.erased_at.is_none() && openssl::sha::sha256(der) == record.fingerprint
            };
            if rows.ders.get(number).filter(|der| fits(der)).is_none() {
                self.note(Fault::Content { certificate: *number });
            }
            self.certificates.push(Followed {
                serial,
                ca: record.ca,
                not_after,
                changes: 0,
                status: Status::Good,
                content: what_stays(record),
                erased: false,
            });
            let ca = record.ca;
            *self.issued.entry(ca).or_default() += 1;
            done.touched.insert(*number);
            done.issuers.insert(ca);
            done.registered = true;
        }
        let without = rows.ders.keys().filter(|number| !rows.certificates.contains_key(number));
        for number in without.copied().collect::<Vec<_>>() {
            self.note(Fault::Content { certificate: number });
        }
    }

    /// An erasure takes subject and DER out, once, and nothing else.
    fn follow_erasure(
        &mut self,
        number: u64,
        before: Followed,
        record: &CertificateRecord,
        rows: &Rows<'_>,
    ) {
        let is_gone = record.subject.is_empty() && rows.ders.get(&number) == Some(&&[][..]);
        if before.erased || !is_gone || before.content != what_stays(record) {
            self.note(Fault::Content { certificate: number });
        }
        self.set(number, Followed { erased: true, ..before });
    }

    fn add_changes(&mut self, transaction: u64, rows: &Rows<'_>, done: &mut Done) {
        for ((number, change), record) in &rows.changes {
            let Some(followed) = self.followed(*number) else {
                let (certificate, found) = (*number, *change);
                self.note(Fault::ChangeNumber { certificate, expected: 0, found });
                continue;
            };
            let expected = followed.changes + 1;
            if *change != expected {
                let (certificate, found) = (*number, *change);
                self.note(Fault::ChangeNumber { certificate, expected, found });
                continue;
            }
            done.touched.insert(*number);
            let status = match record.change(CHANGE, &change_key(*number, *change)) {
                Ok((change, at)) => again(&followed, change, at),
                Err(error) => {
                    self.note_unreadable(transaction, &error);
                    continue;
                }
            };
            match status {
                Ok(status) => {
                    let changed = Followed { changes: expected, status, ..followed };
                    self.set(*number, changed);
                }
                Err(why) => {
                    let (certificate, change, why) = (*number, *change, why.to_string());
                    self.note(Fault::IllegalChange { certificate, change, why });
                }
            }
        }
    }

    /// How certificates are said to stand: those that were touched, and no others.
    fn compare_standings(&mut self, transaction: u64, rows: &Rows<'_>, done: &Done) {
        let mut expected = BTreeMap::new();
        for number in &done.touched {
            if let Some(Followed { serial, ca, changes, status, .. }) = self.followed(*number) {
                expected.insert(serial, StandingRecord::new(*number, ca, changes, status));
            }
        }
        let touched = expected.keys().chain(rows.standings.keys());
        for serial in touched.copied().collect::<BTreeSet<_>>() {
            if expected.get(&serial) != rows.standings.get(&serial) {
                let serial = serial.serial().map_or_else(|| "0".to_owned(), |it| it.to_string());
                self.note(Fault::Standing { transaction, serial });
            }
        }
    }

    fn compare_counter(&mut self, transaction: u64, rows: &Rows<'_>, done: &Done) {
        let certificates = self.certificates.len() as u64;
        let expected = done.registered.then_some(GlobalRecord { certificates });
        if rows.global != expected {
            self.note(Fault::Counter { transaction });
        }
    }

    /// Returns whether a list was numbered.
    fn compare_authorities(&mut self, transaction: u64, rows: &Rows<'_>, done: &Done) -> bool {
        let mut listed = false;
        for ca in done.issuers.iter().filter(|ca| !rows.authorities.contains_key(ca)) {
            self.note(Fault::Authority { transaction, ca: *ca });
        }
        for (ca, record) in &rows.authorities {
            let fresh = AuthorityRecord::new(&record.id, record.key_hash);
            let before = self.authorities.insert(*ca, record.clone()).unwrap_or(fresh);
            let is_same = before.id == record.id && before.key_hash == record.key_hash;
            let issued = self.issued.get(ca).copied().unwrap_or(0);
            let responder = record.responder.and_then(|number| self.followed(number));
            let is_own = record.responder.is_none() || responder.is_some_and(|own| own.ca == *ca);
            if !is_same || record.issued != issued || !is_own {
                self.note(Fault::Authority { transaction, ca: *ca });
            }
            // A certificate or a list: one of them is why the record was written.
            if done.issuers.contains(ca) {
                let is_untouched =
                    record.crl_number == before.crl_number && record.crl_at == before.crl_at;
                if !is_untouched {
                    self.note(Fault::Authority { transaction, ca: *ca });
                }
            } else if record.crl_number == before.crl_number + 1 {
                self.crls += 1;
                listed = true;
            } else {
                let (before, found) = (before.crl_number, record.crl_number);
                self.note(Fault::CrlNumber { ca: *ca, before, found });
            }
        }
        listed
    }

    fn followed(&self, number: u64) -> Option<Followed> {
        let index = usize::try_from(number.checked_sub(1)?).ok()?;
        self.certificates.get(index).copied()
    }

    fn set(&mut self, number: u64, followed: Followed) {
        let index = number.checked_sub(1).and_then(|index| usize::try_from(index).ok());
        if let Some(place) = index.and_then(|index| self.certificates.get_mut(index)) {
            *place = followed;
        }
    }
}

/// Stands for what an erasure leaves of a row.
fn what_stays(record: &CertificateRecord) -> [u8; 32] {
    openssl::sha::sha256(&encode(&record.clone().erased(0)))
}

/// Makes a change once more.
fn again(followed: &Followed, change: Change, at: DateTime<Utc>) -> Result<Status, IllegalChange> {
    let from = followed.status.word_at(followed.not_after, at);
    if matches!(change, Change::Suspend { .. }) && from == StatusWord::Expired {
        return Err(IllegalChange::Status { from });
    }
    followed.status.after(change, at)
}
