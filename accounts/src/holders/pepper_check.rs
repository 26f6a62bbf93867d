//! Whether the pepper is that of this store: asked at each start, before anything is written
//! under a wrong one.
//!
//! For each version of the pepper the store keeps a MAC of nothing secret. Who has the store
//! learns nothing of the pepper from it; who starts the service with another pepper is told at
//! once, and not by the first holder whose password is suddenly wrong.

use super::counters::pepper_row;
use super::pepper_use::uses;
use super::tables::{COUNTER, HOLDER};
use super::{HolderError, Holders, Inner};
use std::ops::Bound;
use store::{Order, Store, StoreError, Transaction};
use subtle::ConstantTimeEq;

const PURPOSE: &str = "pepper check";

/// Whether a store has holders: then it has a pepper, which must not be replaced by a new one.
///
/// # Errors
/// The store's.
pub fn any_holder(store: &dyn Store) -> Result<bool, StoreError> {
    let all = (Bound::Unbounded, Bound::Unbounded);
    Ok(!store.scan(HOLDER, all.0, all.1, Order::Ascending, 1)?.is_empty())
}

impl Holders {
    /// Refuses a pepper that is another than the one that this store is under, and remembers the
    /// versions that are new. Every version that something is kept under has to be there; one
    /// that nothing is under any more may have been taken out, and is forgotten. A store without
    /// holders takes any pepper.
    ///
    /// # Errors
    /// [`HolderError::PepperDiffers`], [`HolderError::PepperMissing`], and the store's.
    pub async fn check_pepper(&self) -> Result<(), HolderError> {
        let new = !any_holder(self.store())?;
        let away = self.transact(|inner, tx| away(inner, tx)).await?;
        if let (false, false) = (new, away.is_empty()) {
            // Looked through only then: it takes a while, and nobody is served yet.
            let uses = uses(self.store())?;
            // One that is away makes every PIN, PUK and password under it a fault.
            if let Some(version) = away.iter().find(|version| uses.contains_key(version)) {
                return Err(HolderError::PepperMissing { version: *version });
            }
        }
        self.transact(move |inner, tx| {
            away.iter().for_each(|version| tx.delete(COUNTER, &pepper_row(*version)));
            for version in inner.pepper.versions() {
                let mac = inner.pepper.mac_under(version, PURPOSE, &[])?;
                let row = pepper_row(version);
                match tx.get(COUNTER, &row)? {
                    Some(kept) if bool::from(kept.as_slice().ct_eq(&mac)) => {}
                    Some(_) if !new => return Err(HolderError::PepperDiffers { version }),
                    _ => tx.put(COUNTER, &row, &mac),
                }
            }
            Ok(())
        })
        .await
    }
}

/// The versions that this store has seen and the file does not have, the oldest first.
fn away(inner: &Inner, tx: &dyn Transaction) -> Result<Vec<u16>, HolderError> {
    let mut versions = known(tx)?;
    versions.retain(|version| !inner.pepper.has(*version));
    Ok(versions)
}

/// The versions that this store has seen, the oldest first.
fn known(tx: &dyn Transaction) -> Result<Vec<u16>, HolderError> {
    let (from, to) = (pepper_row(0), pepper_row(u16::MAX));
    let bounds = (Bound::Included(&from[..]), Bound::Included(&to[..]));
    let rows = tx.scan(COUNTER, bounds.0, bounds.1, Order::Ascending, 1_000)?;
    let version = |key: &[u8]| key.last_chunk::<2>().map(|bytes| u16::from_be_bytes(*bytes));
    Ok(rows.iter().filter_map(|(key, _)| version(key)).collect())
}
