//! The check of the trail: its chain computed again, from the journal alone.
//!
//! A [`Checker`] is fed with all transactions of the journal in their order and trusts nothing
//! that was stored beside the events: neither the head, nor the lists by category and hour.

use crate::record::{self, EventRecord, HASH, Head, HeadRecord};
use crate::tables::{
    BY_CATEGORY, BY_HOUR, EVENT, HEAD, HEAD_KEY, category_key, event_key, hour_key, number,
};
use std::collections::{BTreeMap, HashSet};
use store::Table;

/// How many faults are listed; the rest is counted.
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

/// What a check found in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// How many events there are.
    pub events: u64,
    /// The end of the chain, computed again.
    pub head: Head,
}

/// Something in the trail that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// A row cannot be read.
    #[error("transaction {transaction}: {what}")]
    Unreadable {
        /// The transaction of the journal.
        transaction: u64,
        /// Table, key and reason.
        what: String,
    },
    /// A row of the trail was removed. Nothing ever is.
    #[error("transaction {transaction}: a row of {table} was removed (key {key})")]
    Removed {
        /// The transaction of the journal.
        transaction: u64,
        /// The table.
        table: &'static str,
        /// The key in hex.
        key: String,
    },
    /// Events are missing before this one.
    #[error("transaction {transaction}: event {found} follows where {expected} was to come")]
    Missing {
        /// The transaction of the journal.
        transaction: u64,
        /// The event that was to come.
        expected: u64,
        /// The event that came.
        found: u64,
    },
    /// An event was written again.
    #[error("transaction {transaction}: event {event} was written again")]
    Rewritten {
        /// The transaction of the journal.
        transaction: u64,
        /// The event.
        event: u64,
    },
    /// A record says that it is another event than its key says.
    #[error("event {event} has the record of event {record}")]
    Place {
        /// By its key.
        event: u64,
        /// By its record.
        record: u64,
    },
    /// The event before this one was changed, or this one does not belong here.
    #[error("event {event} does not follow the one before it: their hashes do not join")]
    Chain {
        /// The event.
        event: u64,
    },
    /// The head is not the end of the chain: the last event of the transaction was changed, or
    /// one was put in or left out.
    #[error("transaction {transaction}: the head of the trail is not its last event")]
    Head {
        /// The transaction of the journal.
        transaction: u64,
    },
    /// A list that leads to events is not that of the events.
    #[error("transaction {transaction}: the rows of {table} are not those of its events")]
    List {
        /// The transaction of the journal.
        transaction: u64,
        /// The table.
        table: &'static str,
    },
    /// More was found than is listed.
    #[error("and {0} more")]
    More(u64),
}

/// Computes the chain of a journal that it is fed with. Memory: one number for each hour in which
/// something happened.
#[derive(Debug, Default)]
pub struct Checker {
    head: HeadRecord,
    hours: HashSet<[u8; 8]>,
    found: Vec<Fault>,
    more: u64,
}

/// The rows of one transaction.
#[derive(Default)]
struct Rows<'a> {
    events: BTreeMap<u64, &'a [u8]>,
    /// One after each event.
    heads: Vec<&'a [u8]>,
    categories: BTreeMap<&'a [u8], &'a [u8]>,
    hours: BTreeMap<&'a [u8], &'a [u8]>,
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
        let mut categories = BTreeMap::new();
        let mut hours = BTreeMap::new();
        let mut heads = Vec::new();
        for (sequence, row) in &rows.events {
            let record = self.add(transaction, *sequence, row);
            heads.push(record::encode(&self.head));
            let Some(record) = record else { continue };
            categories.insert(category_key(record.category, *sequence), *sequence);
            let hour = hour_key(record.at);
            if self.hours.insert(hour) {
                hours.insert(hour, sequence.to_be_bytes());
            }
        }
        // The bytes are compared, not what they mean: they have one form only.
        if rows.heads != heads {
            self.note(Fault::Head { transaction });
        }
        let listed = rows.categories.iter().map(|(key, value)| (*key, *value));
        if !listed.eq(categories.keys().map(|key| (&key[..], &[][..]))) {
            self.note(Fault::List { transaction, table: BY_CATEGORY.name() });
        }
        let listed = rows.hours.iter().map(|(key, value)| (*key, *value));
        if !listed.eq(hours.iter().map(|(key, value)| (&key[..], &value[..]))) {
            self.note(Fault::List { transaction, table: BY_HOUR.name() });
        }
    }

    /// The end of the journal: the head, or everything that was found.
    ///
    /// # Errors
    /// The faults, at most a thousand of them and then [`Fault::More`].
    pub fn finish(mut self) -> Result<Report, Vec<Fault>> {
        if self.found.is_empty() {
            return Ok(Report { events: self.head.count, head: self.head.into() });
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

    /// Takes an event for the next of the chain. After a fault the chain goes on with what is
    /// there, so that one fault is told once.
    fn add(&mut self, transaction: u64, sequence: u64, row: &[u8]) -> Option<EventRecord> {
        let expected = self.head.count + 1;
        if sequence < expected {
            self.note(Fault::Rewritten { transaction, event: sequence });
            return None;
        }
        if sequence > expected {
            self.note(Fault::Missing { transaction, expected, found: sequence });
        }
        let before = self.head.hash;
        self.head = HeadRecord { count: sequence, hash: openssl::sha::sha256(row) };
        let (previous, record) = match record::split_row(&event_key(sequence), row) {
            Ok(parts) => parts,
            Err(error) => {
                self.note(Fault::Unreadable { transaction, what: error.to_string() });
                return None;
            }
        };
        if previous != before {
            self.note(Fault::Chain { event: sequence });
        }
        if record.sequence != sequence {
            self.note(Fault::Place { event: sequence, record: record.sequence });
        }
        Some(record)
    }
}

impl<'a> Rows<'a> {
    fn read(&mut self, transaction: u64, operation: Operation<'a>) -> Result<(), Fault> {
        let known = [EVENT, HEAD, BY_CATEGORY, BY_HOUR];
        let Some(table) = known.into_iter().find(|t| t.number() == operation.table) else {
            return Ok(());
        };
        let key = operation.key;
        let Some(value) = operation.value else {
            let (table, key) = (table.name(), hex::encode(key));
            return Err(Fault::Removed { transaction, table, key });
        };
        let unreadable = |what: &str| unreadable(transaction, table, key, what);
        if table == EVENT {
            let sequence = number(key).ok_or_else(|| unreadable("a malformed key"))?;
            if value.len() < HASH {
                return Err(unreadable("a row cut short"));
            }
            self.events.insert(sequence, value);
        } else if table == HEAD {
            if key != HEAD_KEY {
                return Err(unreadable("a malformed key"));
            }
            self.heads.push(value);
        } else if table == BY_CATEGORY {
            self.categories.insert(key, value);
        } else {
            self.hours.insert(key, value);
        }
        Ok(())
    }
}

fn unreadable(transaction: u64, table: Table, key: &[u8], what: &str) -> Fault {
    Fault::Unreadable { transaction, what: record::damaged(table, key, what).to_string() }
}
