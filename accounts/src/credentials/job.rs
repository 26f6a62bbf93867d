//! Transactions of the credentials.

use super::Inner;
use super::error::CredentialError;
use crate::StampAccountId;
use crate::stamps::tables::{ACCOUNT, NAME, account_key};
use std::sync::Arc;
use store::{Job, StoreError, Transaction};
use tokio::sync::oneshot;

type Work<T> = Box<dyn FnOnce(&mut dyn Transaction) -> Result<T, CredentialError> + Send>;

struct CredentialJob<T, D> {
    inner: Arc<Inner>,
    work: Option<Work<T>>,
    durable: D,
    result: Option<Result<T, CredentialError>>,
    answer: oneshot::Sender<Result<T, CredentialError>>,
}

impl<T: Send, D: FnOnce(&Inner) + Send> Job for CredentialJob<T, D> {
    fn run(&mut self, tx: &mut dyn Transaction) -> Result<(), StoreError> {
        let work = self.work.take().ok_or(StoreError::Closed)?;
        match work(tx) {
            Err(CredentialError::Store(error)) => return Err(error),
            // A refusal is an answer; every work here checks first and writes last.
            result => self.result = Some(result),
        }
        Ok(())
    }

    fn done(self: Box<Self>, outcome: Result<(), StoreError>) {
        let Self { inner, durable, result, answer, .. } = *self;
        let closed = Err(CredentialError::Store(StoreError::Closed));
        let result = outcome.map_err(CredentialError::from).and_then(|()| result.unwrap_or(closed));
        if result.is_ok() {
            durable(&inner);
        }
        // The asker may have gone away; what was done stands.
        drop(answer.send(result));
    }
}

impl Inner {
    /// Runs `work` in one transaction; when it is durable, `durable` runs before anybody hears
    /// of it, in the order of the journal.
    pub(super) async fn transact<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&mut dyn Transaction) -> Result<T, CredentialError> + Send + 'static,
        durable: impl FnOnce(&Self) + Send + 'static,
    ) -> Result<T, CredentialError> {
        let outcome = self.begin(work, durable)?;
        outcome.await.unwrap_or(Err(CredentialError::Store(StoreError::Closed)))
    }

    /// The same without waiting.
    pub(super) fn begin<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&mut dyn Transaction) -> Result<T, CredentialError> + Send + 'static,
        durable: impl FnOnce(&Self) + Send + 'static,
    ) -> Result<oneshot::Receiver<Result<T, CredentialError>>, StoreError> {
        let (answer, outcome) = oneshot::channel();
        let inner = Arc::clone(self);
        let work: Work<T> = Box::new(work);
        let job = CredentialJob { inner, work: Some(work), durable, result: None, answer };
        self.store.submit(Box::new(job))?;
        Ok(outcome)
    }
}

/// Refuses an account that does not exist.
pub(super) fn needs_account(
    tx: &dyn Transaction,
    account: StampAccountId,
) -> Result<(), CredentialError> {
    let known = tx.get(ACCOUNT, &account_key(account))?.is_some();
    if known { Ok(()) } else { Err(CredentialError::UnknownAccountId(account)) }
}

/// Refuses a name that is not that of the account.
pub(super) fn needs_name(
    tx: &dyn Transaction,
    account: StampAccountId,
    name: &str,
) -> Result<(), CredentialError> {
    let known = tx.get(NAME, name.as_bytes())?;
    if known.as_deref() == Some(account.number().to_be_bytes().as_slice()) {
        return Ok(());
    }
    Err(CredentialError::UnknownAccount { account, name: name.to_owned() })
}
