//! Transactions of the holders, and computations that take long.

use super::{HolderError, HolderSettings, Holders, Inner};
use crate::credentials::CredentialError;
use crate::credentials::pool::{Pool, Turn};
use std::sync::Arc;
use store::{Job, StoreError, Transaction};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

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

/// Threads that compute, and the places of all that runs or waits there: one more is turned away
/// before anything is counted.
pub(crate) struct Workshop {
    pool: Pool,
    places: Arc<Semaphore>,
}

impl Workshop {
    pub(super) fn open(settings: &HolderSettings, turn: Turn) -> Result<Self, CredentialError> {
        let places = settings.concurrent_checks.max(1) + settings.queue;
        let pool = Pool::start(settings.concurrent_checks, places, turn)?;
        Ok(Self { pool, places: Arc::new(Semaphore::new(places)) })
    }

    fn room(&self, whose: Whose) -> Result<Room, HolderError> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| HolderError::Busy)?;
        Ok(Room { whose, place: Arc::new(place) })
    }

    /// Waits until nothing runs and nothing waits.
    #[cfg(test)]
    pub(crate) async fn at_rest(&self, settings: &HolderSettings) {
        let all = u32::try_from(settings.concurrent_checks + settings.queue).unwrap();
        drop(self.places.acquire_many(all).await.unwrap());
    }
}

/// Whose computations a workshop is for.
#[derive(Clone, Copy, Debug)]
enum Whose {
    Anybody,
    Known,
}

/// A place for the computations of one act, which take long: had before a one-time code is used up,
/// and before anything is counted or written. It is given back when it is dropped and nothing
/// computes in it any more.
#[derive(Debug)]
#[must_use = "a place that is not used is kept from others"]
pub struct Room {
    whose: Whose,
    /// Shared with what computes: who asked may have gone away.
    place: Arc<OwnedSemaphorePermit>,
}

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

    /// Takes a place for the act of somebody who is known: by a session, a device, a one-time code,
    /// or as an operator.
    ///
    /// # Errors
    /// [`HolderError::Busy`]: there is too much to do.
    pub fn room(&self) -> Result<Room, HolderError> {
        self.inner().workshop.room(Whose::Known)
    }

    /// The same for what anybody may ask: logins, answers to secret questions, links. These have
    /// places and threads of their own, so that no number of them takes those of a PIN.
    pub(crate) fn room_for_anybody(&self) -> Result<Room, HolderError> {
        self.inner().front.room(Whose::Anybody)
    }

    /// Runs a computation that takes long on a thread of the pool, in the place that was taken.
    pub(crate) async fn compute<T: Send + 'static>(
        &self,
        room: &Room,
        work: impl FnOnce(&Inner) -> Result<T, HolderError> + Send + 'static,
    ) -> Result<T, HolderError> {
        let (answer, outcome) = oneshot::channel();
        let (inner, place) = (Arc::clone(self.inner()), Arc::clone(&room.place));
        let task = move || {
            let result = work(&inner);
            // Before the answer: who gets it may be about to end the pool, and that waits for its
            // threads, but for the one that it is ended by.
            drop((place, inner));
            drop(answer.send(result));
        };
        let workshop = match room.whose {
            Whose::Anybody => &self.inner().front,
            Whose::Known => &self.inner().workshop,
        };
        workshop.pool.submit(Box::new(task)).map_err(|_| HolderError::Busy)?;
        outcome.await.unwrap_or(Err(HolderError::Busy))
    }
}
