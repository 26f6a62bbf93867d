//! The interface that every implementation of the store has, and its one convenience.

use crate::{StoreError, Table};
use std::ops::Bound;

/// A key of a table and its value.
pub type Row = (Vec<u8>, Vec<u8>);

/// The direction of a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Smallest key first.
    Ascending,
    /// Largest key first.
    Descending,
}

impl Order {
    /// Which of two keys comes first in this direction.
    pub(crate) fn compare(self, one: &[u8], other: &[u8]) -> std::cmp::Ordering {
        match self {
            Self::Ascending => one.cmp(other),
            Self::Descending => other.cmp(one),
        }
    }
}

/// What a job sees while it runs: all that was committed before it, and its own writes.
///
/// Jobs run one after another on one thread. A job must do no I/O of its own and must not wait.
pub trait Transaction {
    /// The value of `key`, or `None`.
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Up to `limit` rows of `table` with keys inside the bounds.
    fn scan(
        &self,
        table: Table,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        order: Order,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError>;

    /// Sets the value of `key`. Values may be large: only small ones are kept in the index.
    fn put(&mut self, table: Table, key: &[u8], value: &[u8]);

    /// Removes `key`.
    fn delete(&mut self, table: Table, key: &[u8]);

    /// The number that this transaction has in the journal: dense, starting at 1, never used again.
    /// Meaningful only when the job writes something.
    fn sequence(&self) -> u64;
}

/// A unit of work: run once by the writer, then told its end.
pub trait Job: Send {
    /// Reads and writes. `Err` drops all writes of this job; the error comes back in
    /// [`Job::done`]. A refusal of the domain is not an error: keep it, write nothing, return `Ok`.
    fn run(&mut self, transaction: &mut dyn Transaction) -> Result<(), StoreError>;

    /// Called on the writer thread, in the order of the journal, when the job's group is durable
    /// (also for a job that wrote nothing: what it read is durable then), or has failed.
    /// Must be short: the next group waits for it.
    fn done(self: Box<Self>, outcome: Result<(), StoreError>);
}

/// A durable, serializable, ordered key-value store.
pub trait Store: Send + Sync {
    /// Queues a job. When this returns `Err` the job was dropped without being run, and its `done`
    /// is not called: the caller has the error.
    fn submit(&self, job: Box<dyn Job>) -> Result<(), StoreError>;

    /// The durable value of `key`, read outside any transaction.
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Up to `limit` durable rows, read outside any transaction.
    fn scan(
        &self,
        table: Table,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        order: Order,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError>;

    /// `Ok` while the store takes writes, else why it does not.
    fn health(&self) -> Result<(), StoreError>;

    /// Ends the writer after the jobs that are queued, carries everything into the index, syncs,
    /// and frees the data directory. Later calls answer [`StoreError::Closed`].
    fn close(&self) -> Result<(), StoreError>;
}

/// The result of a transaction that is under way: a future, or [`Pending::wait`] for threads.
#[derive(Debug)]
pub struct Pending<T> {
    receiver: Result<tokio::sync::oneshot::Receiver<Result<T, StoreError>>, StoreError>,
}

impl<T> Pending<T> {
    /// Blocks this thread until the transaction is durable. Not for use inside a runtime.
    pub fn wait(self) -> Result<T, StoreError> {
        self.receiver?.blocking_recv().unwrap_or(Err(StoreError::Closed))
    }

    /// Waits until the transaction is durable.
    pub async fn durable(self) -> Result<T, StoreError> {
        self.receiver?.await.unwrap_or(Err(StoreError::Closed))
    }
}

struct Closure<F, T> {
    work: Option<F>,
    result: Option<T>,
    answer: tokio::sync::oneshot::Sender<Result<T, StoreError>>,
}

impl<F, T> Job for Closure<F, T>
where
    F: FnOnce(&mut dyn Transaction) -> Result<T, StoreError> + Send,
    T: Send,
{
    fn run(&mut self, transaction: &mut dyn Transaction) -> Result<(), StoreError> {
        let work = self.work.take().ok_or(StoreError::Closed)?;
        self.result = Some(work(transaction)?);
        Ok(())
    }

    fn done(self: Box<Self>, outcome: Result<(), StoreError>) {
        let Self { result, answer, .. } = *self;
        let outcome = outcome.and_then(|()| result.ok_or(StoreError::Closed));
        // The asker may have gone away; the transaction stands all the same.
        drop(answer.send(outcome));
    }
}

/// What every store can do on top of its own methods.
pub trait StoreExt {
    /// Runs `work` as one transaction; the answer comes when it is durable.
    fn transact<T, F>(&self, work: F) -> Pending<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut dyn Transaction) -> Result<T, StoreError> + Send + 'static;
}

impl<S: Store + ?Sized> StoreExt for S {
    fn transact<T, F>(&self, work: F) -> Pending<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut dyn Transaction) -> Result<T, StoreError> + Send + 'static,
    {
        let (answer, receiver) = tokio::sync::oneshot::channel();
        let job = Closure { work: Some(work), result: None, answer };
        let receiver = self.submit(Box::new(job)).map(|()| receiver);
        Pending { receiver }
    }
}
