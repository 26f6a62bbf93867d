//! What happens beside the requests: expiries are posted, and the store is watched.

use super::Service;
use std::sync::Arc;
use std::time::Duration;
use store::{Store, StoreError};

/// How soon a stopped store is noticed by a service that nobody asks anything.
const HEALTH_EVERY: Duration = Duration::from_millis(200);
/// Stamps past their end can no longer be used from that instant on; their entry follows within
/// this time.
const EXPIRIES_EVERY: Duration = Duration::from_secs(60);

/// Runs until the store has stopped after a disk error; then the process has to end, for nothing
/// that is in memory can be trusted to be on the disk.
pub(crate) async fn watch(service: Arc<Service>) -> StoreError {
    let expiries = tokio::task::spawn_local(post_expiries(Arc::clone(&service)));
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
            Err(error) => {
                expiries.abort();
                return error;
            }
        }
    }
}

async fn post_expiries(service: Arc<Service>) {
    loop {
        match service.ledger.post_expiries(service.clock.now()).await {
            Ok(0) => {}
            Ok(lots) => tracing::info!(lots, "expired stamps posted"),
            Err(error) => tracing::warn!(%error, "expired stamps are not posted yet"),
        }
        tokio::time::sleep(EXPIRIES_EVERY).await;
    }
}
