//! Whether the pepper is that of this store: asked at each start, before anything is written
//! under a wrong one.
//!
//! For each version of the pepper the store keeps a MAC of nothing secret. Who has the store
//! learns nothing of the pepper from it; who starts the service with another pepper is told at
//! once, and not by the first holder whose password is suddenly wrong.

use super::counters::pepper_row;
use super::tables::{COUNTER, HOLDER};
use super::{HolderError, Holders};
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
    /// versions that are new. Every version that the store has seen has to be there. A store
    /// without holders takes any pepper.
    ///
    /// # Errors
    /// [`HolderError::PepperDiffers`], [`HolderError::PepperMissing`], and the store's.
    pub async fn check_pepper(&self) -> Result<(), HolderError> {
        let new = !any_holder(self.store())?;
        self.transact(move |inner, tx| {
            let known = known(tx)?;
            let ours: Vec<u16> = inner.pepper.versions().collect();
            // One that is away makes every PIN, PUK and password under it a fault, and nothing
            // says that there is none.
            let away = known.iter().find(|version| !ours.contains(version));
            if let (false, Some(version)) = (new, away) {
                return Err(HolderError::PepperMissing { version: *version });
            }
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

/// The versions that this store has seen, the oldest first.
fn known(tx: &dyn Transaction) -> Result<Vec<u16>, HolderError> {
    let (from, to) = (pepper_row(0), pepper_row(u16::MAX));
    let bounds = (Bound::Included(&from[..]), Bound::Included(&to[..]));
    let rows = tx.scan(COUNTER, bounds.0, bounds.1, Order::Ascending, 1_000)?;
    let version = |key: &[u8]| key.last_chunk::<2>().map(|bytes| u16::from_be_bytes(*bytes));
    Ok(rows.iter().filter_map(|(key, _)| version(key)).collect())
}
