//! Checks of what transactions do to each other.

#![expect(clippy::unwrap_used, clippy::panic, reason = "checks fail by panicking")]

use super::{AMPLE, Fixture, LETTERS, NUMBERS, closed, put};
use crate::{Job, Order, Store, StoreError, StoreExt, Transaction};
use std::ops::Bound::Unbounded;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Barrier};

/// A job that holds the writer until it is let go.
struct Holding {
    started: Sender<()>,
    go: Receiver<()>,
}

impl Job for Holding {
    fn run(&mut self, _: &mut dyn Transaction) -> Result<(), StoreError> {
        self.started.send(()).unwrap();
        self.go.recv().unwrap();
        Ok(())
    }

    fn done(self: Box<Self>, outcome: Result<(), StoreError>) {
        outcome.unwrap();
    }
}

/// Holds the writer, so that what is submitted next becomes one group.
fn hold(store: &dyn Store) -> Sender<()> {
    let (started, is_started) = channel();
    let (release, go) = channel();
    store.submit(Box::new(Holding { started, go })).unwrap();
    is_started.recv().unwrap();
    release
}

/// Later jobs of a group read what earlier ones wrote, in gets and in scans.
pub fn jobs_see_those_before_them(fixture: &mut dyn Fixture) {
    let store = fixture.open(AMPLE);
    let release = hold(&*store);
    let jobs: Vec<_> = (0..50_u8)
        .map(|number| {
            store.transact(move |transaction| {
                let seen = transaction.scan(LETTERS, Unbounded, Unbounded, Order::Ascending, 99)?;
                let last = transaction.get(NUMBERS, b"last")?;
                transaction.put(LETTERS, &[number], &[number; 120]);
                transaction.put(NUMBERS, b"last", &[number]);
                Ok((seen.len(), last))
            })
        })
        .collect();
    release.send(()).unwrap();
    for (number, job) in jobs.into_iter().enumerate() {
        let last = number.checked_sub(1).map(|last| vec![last as u8]);
        assert_eq!(job.wait().unwrap(), (number, last));
    }
}

/// Sequences are dense, and answers come in their order.
pub fn answers_come_in_order_of_the_sequence(fixture: &mut dyn Fixture) {
    struct Numbered(u64, Sender<u64>);
    impl Job for Numbered {
        fn run(&mut self, transaction: &mut dyn Transaction) -> Result<(), StoreError> {
            self.0 = transaction.sequence();
            transaction.put(LETTERS, b"k", b"v");
            Ok(())
        }
        fn done(self: Box<Self>, outcome: Result<(), StoreError>) {
            outcome.unwrap();
            self.1.send(self.0).unwrap();
        }
    }
    let store = fixture.open(AMPLE);
    let (sender, receiver) = channel();
    for _ in 0..1500 {
        store.submit(Box::new(Numbered(0, sender.clone()))).unwrap();
    }
    drop(sender);
    assert!(receiver.into_iter().eq(1..=1500));
}

/// A job that returns an error writes nothing, and its number goes to the next.
pub fn a_failed_job_leaves_nothing_and_takes_no_number(fixture: &mut dyn Fixture) {
    let store = fixture.open(AMPLE);
    put(&*store, LETTERS, &[(b"a", b"old")]);
    let release = hold(&*store);
    let failing = store.transact(|transaction| {
        transaction.put(LETTERS, b"a", b"dropped");
        transaction.put(LETTERS, b"b", &[1; 500]);
        transaction.delete(LETTERS, b"c");
        Err::<(), _>(closed())
    });
    let reading = store.transact(|transaction| Ok(transaction.sequence()));
    let next = store.transact(|transaction| {
        transaction.put(LETTERS, b"d", b"kept");
        Ok((transaction.sequence(), transaction.get(LETTERS, b"a")?))
    });
    release.send(()).unwrap();
    assert!(matches!(failing.wait(), Err(StoreError::Closed)));
    assert_eq!(reading.wait().unwrap(), 2);
    assert_eq!(next.wait().unwrap(), (2, Some(b"old".to_vec())));
    assert_eq!(store.get(LETTERS, b"b").unwrap(), None);
    assert_eq!(store.get(LETTERS, b"d").unwrap().unwrap(), b"kept");
}

/// A panic is the end of one job, not of the group, nor of the store.
pub fn a_panicking_job_fails_alone(fixture: &mut dyn Fixture) {
    let store = fixture.open(AMPLE);
    let release = hold(&*store);
    let before = store.transact(|transaction| {
        transaction.put(LETTERS, b"a", b"1");
        Ok(())
    });
    let panicking = store.transact::<(), _>(|transaction| {
        transaction.put(LETTERS, b"a", b"dropped");
        panic!("meant to happen in this test");
    });
    let after = store.transact(|transaction| {
        transaction.put(LETTERS, b"b", b"2");
        transaction.get(LETTERS, b"a")
    });
    release.send(()).unwrap();
    before.wait().unwrap();
    let error = panicking.wait().unwrap_err();
    assert!(matches!(error, StoreError::Panicked { .. }), "{error}");
    assert_eq!(after.wait().unwrap().unwrap(), b"1");
    store.health().unwrap();
}

/// A transaction that cannot fit is refused, and nothing of it is written.
pub fn an_oversized_transaction_fails_alone(fixture: &mut dyn Fixture) {
    let store = fixture.open(AMPLE);
    let key = store.transact(|transaction| {
        transaction.put(LETTERS, &[1; 65_536], b"");
        Ok(())
    });
    assert!(matches!(key.wait(), Err(StoreError::TooLarge { .. })));
    let value = store.transact(|transaction| {
        transaction.put(LETTERS, b"a", b"before");
        transaction.put(LETTERS, b"b", &vec![1; 64 << 20]);
        Ok(())
    });
    assert!(matches!(value.wait(), Err(StoreError::TooLarge { .. })));
    assert_eq!(store.get(LETTERS, b"a").unwrap(), None);
    put(&*store, LETTERS, &[(b"a", b"after")]);
}

/// Read, add one, write, from many threads: no update is lost.
pub fn concurrent_increments_are_all_counted(fixture: &mut dyn Fixture) {
    let store = fixture.open(AMPLE);
    let start = Barrier::new(8);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                start.wait();
                for _ in 0..100 {
                    let add = store.transact(|transaction| {
                        let old = transaction.get(NUMBERS, b"n")?.unwrap_or(vec![0; 8]);
                        let new = u64::from_be_bytes(old.try_into().unwrap()) + 1;
                        transaction.put(NUMBERS, b"n", &new.to_be_bytes());
                        Ok(new)
                    });
                    let new = add.wait().unwrap();
                    // Durable means visible, for everyone.
                    let seen = store.get(NUMBERS, b"n").unwrap().unwrap();
                    assert!(u64::from_be_bytes(seen.try_into().unwrap()) >= new);
                }
            });
        }
    });
    assert_eq!(store.get(NUMBERS, b"n").unwrap().unwrap(), 800_u64.to_be_bytes());
}

/// More jobs than may wait are refused; those that wait are done.
pub fn a_full_queue_is_busy(fixture: &mut dyn Fixture) {
    let store = fixture.open(3);
    let release = hold(&*store);
    let waiting: Vec<_> = (0..3_u8)
        .map(|number| {
            store.transact(move |transaction| {
                transaction.put(LETTERS, &[number], b"");
                Ok(())
            })
        })
        .collect();
    let refused = store.transact(|transaction| {
        transaction.put(LETTERS, b"refused", b"");
        Ok(())
    });
    assert!(matches!(refused.wait(), Err(StoreError::Busy)));
    release.send(()).unwrap();
    waiting.into_iter().for_each(|job| job.wait().unwrap());
    assert_eq!(store.get(LETTERS, b"refused").unwrap(), None);
    put(&*store, LETTERS, &[(b"now", b"")]);
}

/// What was queued before the close is done; everything later is refused.
pub fn a_closed_store_says_so(fixture: &mut dyn Fixture) {
    let store = fixture.open(AMPLE);
    let release = hold(&*store);
    let queued = store.transact(|transaction| {
        transaction.put(LETTERS, b"queued", b"1");
        Ok(())
    });
    std::thread::scope(|scope| {
        let close = scope.spawn(|| store.close());
        while store.health().is_ok() {
            std::thread::yield_now();
        }
        assert!(matches!(store.submit(Box::new(Never)), Err(StoreError::Closed)));
        release.send(()).unwrap();
        close.join().unwrap().unwrap();
    });
    queued.wait().unwrap();
    store.close().unwrap();
    assert!(matches!(store.get(LETTERS, b"queued"), Err(StoreError::Closed)));
    assert!(matches!(store.health(), Err(StoreError::Closed)));
    drop(store);
    let store = fixture.open(AMPLE);
    assert_eq!(store.get(LETTERS, b"queued").unwrap().unwrap(), b"1");
}

struct Never;

impl Job for Never {
    fn run(&mut self, _: &mut dyn Transaction) -> Result<(), StoreError> {
        panic!("a refused job was run");
    }

    fn done(self: Box<Self>, _: Result<(), StoreError>) {
        panic!("a refused job was told an end");
    }
}

/// Rows, removals and the sequence survive closing, several times.
pub fn reopening_finds_everything(fixture: &mut dyn Fixture) {
    let mut sequence = 0;
    for round in 0..4_u8 {
        let store: Arc<dyn Store> = fixture.open(AMPLE);
        let rows = store.scan(LETTERS, Unbounded, Unbounded, Order::Ascending, 999).unwrap();
        assert_eq!(rows.len(), usize::from(round) * 9);
        for number in 0..10_u8 {
            let write = store.transact(move |transaction| {
                transaction.put(LETTERS, &[round, number], &[number; 200]);
                if number == 9 {
                    transaction.delete(LETTERS, &[round, 0]);
                }
                Ok(transaction.sequence())
            });
            sequence += 1;
            assert_eq!(write.wait().unwrap(), sequence);
        }
        store.close().unwrap();
    }
}
