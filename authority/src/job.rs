//! Transactions of the registry whose outcome changes what is kept in memory.

use crate::AuthorityError;
use store::{Job, Store, StoreError, Transaction};
use tokio::sync::oneshot;

/// Runs `work` in one transaction. When it is durable, `durable` runs on the writer's thread, in
/// the order of the journal: what is in memory follows what is on disk, change by change.
///
/// A refusal has to be found before the first write: what was written before it would stand.
pub(crate) async fn run<T, W, D>(
    store: &dyn Store,
    work: W,
    durable: D,
) -> Result<T, AuthorityError>
where
    T: Send + 'static,
    W: FnOnce(&mut dyn Transaction) -> Result<T, AuthorityError> + Send + 'static,
    D: FnOnce(&T) + Send + 'static,
{
    let (answer, outcome) = oneshot::channel();
    let job = RegistryJob { work: Some(work), durable, result: None, answer };
    store.submit(Box::new(job))?;
    outcome.await.unwrap_or(Err(AuthorityError::Store(StoreError::Closed)))
}

struct RegistryJob<T, W, D> {
    work: Option<W>,
    durable: D,
    result: Option<Result<T, AuthorityError>>,
    answer: oneshot::Sender<Result<T, AuthorityError>>,
}

impl<T, W, D> Job for RegistryJob<T, W, D>
where
    T: Send,
    W: FnOnce(&mut dyn Transaction) -> Result<T, AuthorityError> + Send,
    D: FnOnce(&T) + Send,
{
    fn run(&mut self, tx: &mut dyn Transaction) -> Result<(), StoreError> {
        let work = self.work.take().ok_or(StoreError::Closed)?;
        match work(tx) {
            Err(AuthorityError::Store(error)) => return Err(error),
            // A refusal is an answer, not an error of the store; nothing was written before it.
            result => self.result = Some(result),
        }
        Ok(())
    }

    fn done(self: Box<Self>, outcome: Result<(), StoreError>) {
        let Self { durable, result, answer, .. } = *self;
        let closed = Err(AuthorityError::Store(StoreError::Closed));
        let result = outcome.map_err(AuthorityError::from).and_then(|()| result.unwrap_or(closed));
        if let Ok(value) = &result {
            durable(value);
        }
        // The asker may have gone away; what was done stands.
        drop(answer.send(result));
    }
}
