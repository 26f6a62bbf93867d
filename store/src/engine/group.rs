//! A group under way: jobs run one after another, and what they write is encoded into one frame.

use super::view::{Found, View};
use crate::index::{Key, KeyRange, Slot, key_of, range_of};
use crate::journal::append::Appended;
use crate::journal::{frame, operation};
use crate::{Job, Order, Row, StoreError, Table, Transaction};
use std::any::Any;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Where a value written by this group stands in its frame, or that the key was removed.
#[derive(Clone, Copy, Debug)]
enum Written {
    Removed,
    Value { at: usize, length: usize },
}

type Changes = BTreeMap<Key, Written>;

/// The frame and the changes of a group.
#[derive(Debug)]
pub(crate) struct Group {
    /// The frame, from its header on.
    pub(crate) buffer: Vec<u8>,
    /// How many transactions it holds.
    pub(crate) count: u32,
    changes: Changes,
    first_sequence: u64,
    /// The most bytes that one transaction may write.
    limit: usize,
}

impl Group {
    /// An empty group. `buffer` is given so that it need not grow again.
    pub(crate) fn new(mut buffer: Vec<u8>, first_sequence: u64, limit: usize) -> Self {
        frame::begin(&mut buffer);
        Self { buffer, count: 0, changes: Changes::new(), first_sequence, limit }
    }

    /// Runs a job. Unless it succeeds, and writes something, the group is as it was before.
    pub(crate) fn run(&mut self, job: &mut dyn Job, view: &View) -> Result<(), StoreError> {
        let begin = operation::begin_transaction(&mut self.buffer);
        let mut running = Running {
            group: self,
            view,
            begin,
            changes: Changes::new(),
            operations: 0,
            fault: None,
        };
        // The group's state is changed only below, so a panic leaves nothing half done in it.
        let outcome = catch_unwind(AssertUnwindSafe(|| job.run(&mut running)));
        let Running { changes, operations, fault, .. } = running;
        let outcome = match (outcome, fault) {
            (Err(panic), _) => Err(StoreError::Panicked { message: message_of(&*panic) }),
            (Ok(Ok(())), Some(fault)) => Err(fault),
            (Ok(outcome), _) => outcome,
        };
        if outcome.is_err() || operations == 0 {
            self.buffer.truncate(begin);
            return outcome;
        }
        operation::end_transaction(&mut self.buffer, begin, operations);
        self.count += 1;
        self.changes.extend(changes);
        Ok(())
    }

    /// The changes of the group, once its frame is in the journal, and the buffer.
    pub(crate) fn into_changes(
        self,
        appended: Appended,
    ) -> (Vec<u8>, impl Iterator<Item = (Key, Slot)>) {
        let Self { buffer, changes, .. } = self;
        let slots: Vec<(Key, Slot)> = changes
            .into_iter()
            .map(|(key, written)| match written {
                Written::Removed => (key, Slot::Deleted),
                Written::Value { at, length } => {
                    let value = &buffer[at..at + length];
                    (key, Slot::of(value, appended.segment, appended.offset + at as u64))
                }
            })
            .collect();
        (buffer, slots.into_iter())
    }
}

/// What a panic said.
pub(crate) fn message_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "?".to_owned())
}

/// A job under way: its own changes, on top of the group's, on top of what is durable.
struct Running<'a> {
    group: &'a mut Group,
    view: &'a View,
    /// Where the transaction begins in the group's buffer.
    begin: usize,
    changes: Changes,
    operations: u32,
    /// A write that could not be taken: the job fails at its end.
    fault: Option<StoreError>,
}

impl Running<'_> {
    /// Whether the transaction can take `more` bytes. If not, it fails in the end.
    fn takes(&mut self, key: &[u8], more: usize) -> bool {
        let bytes = self.group.buffer.len() - self.begin + more;
        if key.len() > operation::MAX_KEY {
            let limit = operation::MAX_KEY;
            self.fault.get_or_insert(StoreError::TooLarge { bytes: key.len(), limit });
        }
        let limit = self.group.limit;
        if bytes > limit {
            self.fault.get_or_insert(StoreError::TooLarge { bytes, limit });
        }
        self.fault.is_none()
    }

    fn record(&mut self, table: Table, key: &[u8], written: Written) {
        self.operations += 1;
        self.changes.insert(key_of(table.number(), key).into(), written);
    }

    fn bytes_of(&self, written: Written) -> Option<Vec<u8>> {
        match written {
            Written::Removed => None,
            Written::Value { at, length } => Some(self.group.buffer[at..at + length].to_vec()),
        }
    }

    fn pending(&self, range: &KeyRange) -> BTreeMap<Key, Found> {
        let mut pending = BTreeMap::new();
        if crate::index::is_empty(range) {
            return pending;
        }
        let bounds: (Bound<&[u8]>, Bound<&[u8]>) =
            (range.0.as_ref().map(Vec::as_slice), range.1.as_ref().map(Vec::as_slice));
        for changes in [&self.group.changes, &self.changes] {
            for (key, written) in changes.range::<[u8], _>(bounds) {
                pending.insert(key.clone(), Found::Pending(self.bytes_of(*written)));
            }
        }
        pending
    }
}

impl Transaction for Running<'_> {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let key = key_of(table.number(), key);
        let own = self.changes.get(key.as_slice());
        match own.or_else(|| self.group.changes.get(key.as_slice())) {
            Some(written) => Ok(self.bytes_of(*written)),
            None => self.view.get(&key),
        }
    }

    fn scan(
        &self,
        table: Table,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        order: Order,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let range = range_of(table, from, to);
        self.view.scan_with(&range, order, limit, self.pending(&range))
    }

    fn put(&mut self, table: Table, key: &[u8], value: &[u8]) {
        if self.takes(key, key.len() + value.len()) {
            let buffer = &mut self.group.buffer;
            let at = operation::append_put(buffer, table.number(), key, value);
            self.record(table, key, Written::Value { at, length: value.len() });
        }
    }

    fn delete(&mut self, table: Table, key: &[u8]) {
        if self.takes(key, key.len()) {
            operation::append_delete(&mut self.group.buffer, table.number(), key);
            self.record(table, key, Written::Removed);
        }
    }

    fn sequence(&self) -> u64 {
        self.group.first_sequence + u64::from(self.group.count)
    }
}
