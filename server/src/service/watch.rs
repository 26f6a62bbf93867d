//! What happens beside the requests: expiries are posted, and the store, the clock, keys and
//! certificates are watched.

use super::holders::tend_holders;
use super::{Service, rounds};
use futures_util::FutureExt;
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use store::{Store, StoreError};

/// How soon a stopped store is noticed by a service that nobody asks anything.
const HEALTH_EVERY: Duration = Duration::from_millis(200);
/// Stamps past their end can no longer be used from that instant on; their entry follows within
/// this time.
const EXPIRIES_EVERY: Duration = Duration::from_secs(60);
/// A task that ended by a fault of its own starts again after this time.
const PAUSE: Duration = Duration::from_secs(10);

/// Runs until the store has stopped after a disk error; then the process has to end, for nothing
/// that is in memory can be trusted to be on the disk.
pub(crate) async fn watch(service: Arc<Service>) -> StoreError {
    let clock = || async {
        service.clock.monitor().clone().run().await;
        std::future::pending().await
    };
    tokio::select! {
        error = watch_health(&service) => error,
        never = start_again("the clock", Duration::ZERO, clock) => match never {},
        never = start_again("posting expiries", EXPIRIES_EVERY, || post_expiries(&service)) => {
            match never {}
        }
        never = start_again("sign-ins", PAUSE, || rounds::tell_logins(&service)) => match never {},
        never = start_again("clock events", PAUSE, || rounds::tell_clock(&service)) => {
            match never {}
        }
        never = start_again("keys", PAUSE, || rounds::watch_keys(&service)) => match never {},
        never = start_again("holders", PAUSE, || tend_holders(&service)) => match never {},
        never = start_again("certificates", PAUSE, || rounds::watch_certificates(&service)) => {
            match never {}
        }
    }
}

async fn watch_health(service: &Service) -> StoreError {
    let mut was_full = false;
    loop {
        tokio::time::sleep(HEALTH_EVERY).await;
        match service.store.health() {
            Ok(()) if was_full => {
                tracing::info!("the store takes writes again");
                was_full = false;
            }
            Err(error @ StoreError::Full { .. }) => {
                if !was_full {
                    tracing::error!(%error, "nothing can be issued");
                }
                was_full = true;
            }
            Ok(()) | Err(StoreError::Busy) => {}
            Err(error) => return error,
        }
    }
}

/// Runs what never ends by itself. When it panics, that is said, and it starts again after a
/// while: a service that quietly books no expiries any more would be worse than either.
async fn start_again<F>(name: &str, pause: Duration, task: impl Fn() -> F) -> Infallible
where
    F: Future<Output = Infallible>,
{
    loop {
        // Sound to go on after: the task is made anew, and what it shares has locks of its own.
        let Err(_panic) = AssertUnwindSafe(task()).catch_unwind().await;
        // The panic itself has been printed with its place.
        tracing::error!("watching {name} ended by a fault of its own; it starts again");
        tokio::time::sleep(pause).await;
    }
}

async fn post_expiries(service: &Service) -> Infallible {
    loop {
        // An expiry that is booked by a wrong clock stays booked. The jump itself is in the log.
        if let Ok(now) = service.clock.trusted_now() {
            match service.ledger.post_expiries(now).await {
                Ok(0) => {}
                Ok(lots) => tracing::info!(lots, "expired stamps posted"),
                Err(error) => tracing::warn!(%error, "expired stamps are not posted yet"),
            }
        }
        tokio::time::sleep(EXPIRIES_EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use super::start_again;
    use std::cell::Cell;
    use std::convert::Infallible;
    use std::time::Duration;

    #[test]
    fn a_task_that_panics_starts_again() {
        let runs = Cell::new(0);
        let (third, wait) = tokio::sync::oneshot::channel::<()>();
        let third = Cell::new(Some(third));
        let task = || async {
            runs.set(runs.get() + 1);
            if runs.get() < 3 {
                panic!("as a test wants it");
            }
            drop(third.take());
            std::future::pending::<Infallible>().await
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            tokio::select! {
                never = start_again("a test", Duration::ZERO, task) => match never {},
                _ended = wait => {}
            }
        });
        assert_eq!(runs.get(), 3);
    }
}
