//! A trail in a store in memory, its journal as operations, and events to put into it.

use crate::{Category, Checker, Event, Fault, Operation, Report, Trail};
use chrono::{DateTime, TimeZone, Utc};
use proptest::prelude::*;
use std::sync::Arc;
use store::disk::Disk;
use store::journal::Reader;
use store::{MemoryStore, StoreExt};

/// Milliseconds after 2026-11-22 10:00:00 UTC.
pub(crate) fn at(ms: i64) -> DateTime<Utc> {
    Utc.timestamp_millis_opt(1_795_341_600_000 + ms).unwrap()
}

pub(crate) fn event(subject: &str) -> Event {
    Event::success(Category::Key, "key-made", "service", subject).with("kind", "p256")
}

pub(crate) struct World {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) trail: Trail,
}

pub(crate) fn world() -> World {
    let store = Arc::new(MemoryStore::new().unwrap());
    let trail = Trail::open(store.clone()).unwrap();
    World { store, trail }
}

impl World {
    /// Records one event in a transaction of its own.
    pub(crate) fn record(&self, event: Event, ms: i64) -> u64 {
        self.trail.submit(event, at(ms)).wait().unwrap()
    }

    /// Records some events in one transaction.
    pub(crate) fn together(&self, events: Vec<Event>, ms: i64) {
        let work = move |tx: &mut dyn store::Transaction| {
            for event in &events {
                crate::append(tx, event, at(ms))?;
            }
            Ok(())
        };
        self.store.transact(work).wait().unwrap();
    }

    /// Records `count` events, as many in a transaction as fit into it.
    pub(crate) fn fill(&self, count: u64) {
        let numbers: Vec<u64> = (0..count).collect();
        for group in numbers.chunks(60) {
            self.together(group.iter().map(|n| event(&n.to_string())).collect(), 0);
        }
    }

    pub(crate) fn journal(&self) -> Journal {
        let disk: Arc<dyn Disk> = Arc::new(self.store.disk().clone());
        let reader = Reader::on(disk).unwrap();
        Journal(reader.map(|transaction| transaction.unwrap().operations).collect())
    }
}

/// The operations of each transaction, to be changed at will.
#[derive(Clone)]
pub(crate) struct Journal(pub(crate) Vec<Vec<store::journal::Operation>>);

impl Journal {
    pub(crate) fn check(&self) -> Result<Report, Vec<Fault>> {
        let mut checker = Checker::new();
        for (index, transaction) in self.0.iter().enumerate() {
            let operations = transaction.iter().map(|operation| Operation {
                table: operation.table,
                key: &operation.key,
                value: operation.value.as_deref(),
            });
            checker.feed(index as u64 + 1, operations);
        }
        checker.finish()
    }
}

pub(crate) fn any_event() -> impl Strategy<Value = Event> {
    let category = (0..Category::ALL.len()).prop_map(|index| Category::ALL[index]);
    let details = prop::collection::vec(("(reason|state|kind)", any::<String>()), 0..4);
    (category, any::<bool>(), any::<String>(), any::<String>(), details).prop_map(
        |(category, done, actor, subject, details)| {
            let make = if done { Event::success } else { Event::failure };
            let event = make(category, "something-done", actor, subject);
            details.into_iter().fold(event, |event, (name, value)| {
                let name = ["reason", "state", "kind"].into_iter().find(|n| *n == name).unwrap();
                event.with(name, value)
            })
        },
    )
}
