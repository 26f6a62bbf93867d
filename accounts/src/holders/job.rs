//! Transactions of the holders, and computations that take long.

use super::{HolderError, Holders, Inner};
use std::sync::Arc;
use store::{Job, StoreError, Transaction};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

type Work<T> = Box<dyn FnOnce(&Inner, &mut dyn Transaction) -> Result<T, HolderError> + Send>;

struct HolderJob<T> {
    inner: Arc<Inner>,
    work: Option<Work<T>>,
    result: Option<Result<T, HolderError>>,
    answer: oneshot::Sender<Result<T, HolderError>>,
}

impl<T: Send> Job for HolderJob<T> {
    fn run(&mut self, tx: &mut dyn Transaction) -> Result<(), StoreError> {
        let work = self.work.take().ok_or(StoreError::Closed)?;
        match work(&self.inner, tx) {
            Err(HolderError::Store(error)) => Err(error),
            Err(refusal) => {
                self.result = Some(Err(refusal));
                // A refusal writes nothing, wherever in its work it was found: an error drops
                // all writes. Its asker gets the refusal instead.
                Err(StoreError::Closed)
            }
            result => {
                self.result = Some(result);
                Ok(())
            }
        }
    }

    fn done(self: Box<Self>, outcome: Result<(), StoreError>) {
        let Self { result, answer, .. } = *self;
        let result = match (result, outcome) {
            (Some(Err(refusal)), _) => Err(refusal),
            (_, Err(error)) => Err(error.into()),
            (Some(result), Ok(())) => result,
            (None, Ok(())) => Err(HolderError::Store(StoreError::Closed)),
        };
        // The asker may have gone away; what was done stands.
        drop(answer.send(result));
    }
}

/// What the rounds of a timer came to. A row that cannot be read or settled stops none of the
/// others: it is told of at the end, when all that could be done is done.
#[derive(Default)]
pub(crate) struct Round {
    done: usize,
    fault: Option<HolderError>,
}

impl Round {
    /// Counts what was done for a row, or keeps the first fault.
    pub(crate) fn note(&mut self, row: Result<usize, HolderError>) {
        match row {
            Ok(done) => self.done += done,
            Err(fault) => {
                self.fault.get_or_insert(fault);
            }
        }
    }

    /// How much was done, or what went wrong first.
    pub(crate) fn end(self) -> Result<usize, HolderError> {
        self.fault.map_or(Ok(self.done), Err)
    }
}

/// A place for a computation that takes long: had before anything is counted or written.
pub(crate) struct Room(OwnedSemaphorePermit);

impl Holders {
    /// Runs `work` in one transaction. A refusal drops everything that it wrote; what has to be
    /// written in spite of one is returned as a value (`Ok(Err(refusal))`).
    pub(crate) async fn transact<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner, &mut dyn Transaction) -> Result<T, HolderError> + Send + 'static,
    ) -> Result<T, HolderError> {
        let (answer, outcome) = oneshot::channel();
        let inner = Arc::clone(self.inner());
        let job = HolderJob { inner, work: Some(Box::new(work)), result: None, answer };
        self.store().submit(Box::new(job))?;
        outcome.await.unwrap_or(Err(HolderError::Store(StoreError::Closed)))
    }

    /// Takes a place for a computation, or says that there is too much to do.
    pub(crate) fn room(&self) -> Result<Room, HolderError> {
        let permit = Arc::clone(&self.inner().room).try_acquire_owned();
        permit.map(Room).map_err(|_| HolderError::Busy)
    }

    /// Runs a computation that takes long on a thread of the pool, in the place that was taken.
    pub(crate) async fn compute<T: Send + 'static>(
        &self,
        room: Room,
        work: impl FnOnce(&Inner) -> Result<T, HolderError> + Send + 'static,
    ) -> Result<T, HolderError> {
        let (answer, outcome) = oneshot::channel();
        let inner = Arc::clone(self.inner());
        let task = move || {
            let result = work(&inner);
            drop(room.0);
            drop(answer.send(result));
        };
        self.inner().pool.submit(Box::new(task)).map_err(|_| HolderError::Busy)?;
        outcome.await.unwrap_or(Err(HolderError::Busy))
    }
}
