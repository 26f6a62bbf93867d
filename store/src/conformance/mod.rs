//! What every implementation of [`Store`] must do, as checks that fail by panicking.
//!
//! An implementation gives a [`Fixture`] and calls [`conformance_suite!`](crate::conformance_suite)
//! in its tests: each check becomes a test there.

#![expect(clippy::unwrap_used, reason = "checks fail by panicking")]

mod reads;
mod transactions;

pub use reads::*;
pub use transactions::*;

use crate::{Store, StoreError, StoreExt, Table};
use std::sync::Arc;

/// A store that can be opened, closed, and opened again with what it held.
pub trait Fixture {
    /// Opens the store. `queue` is how many jobs may wait.
    fn open(&mut self, queue: usize) -> Arc<dyn Store>;
}

/// A queue that no check fills by accident.
const AMPLE: usize = 4096;

const LETTERS: Table = Table::new(11, "letters");
const NUMBERS: Table = Table::new(12, "numbers");

/// Makes a test of each check. `$fixture` is an expression that makes a new [`Fixture`].
#[macro_export]
macro_rules! conformance_suite {
    ($fixture:expr) => {
        $crate::conformance_suite! { $fixture;
            committed_writes_are_read_back,
            large_values_are_read_back,
            tables_are_apart,
            scans_are_ordered_and_bounded,
            scans_inside_a_transaction_see_its_writes,
            scans_see_neither_removed_nor_half_of_anything,
            jobs_see_those_before_them,
            answers_come_in_order_of_the_sequence,
            a_failed_job_leaves_nothing_and_takes_no_number,
            a_panicking_job_fails_alone,
            an_oversized_transaction_fails_alone,
            concurrent_increments_are_all_counted,
            a_full_queue_is_busy,
            a_closed_store_says_so,
            reopening_finds_everything,
        }
    };
    ($fixture:expr; $($check:ident,)*) => {
        $(
            #[test]
            fn $check() {
                $crate::conformance::$check(&mut $fixture);
            }
        )*
    };
}

fn put(store: &dyn Store, table: Table, rows: &[(&[u8], &[u8])]) {
    let rows: Vec<(Vec<u8>, Vec<u8>)> =
        rows.iter().map(|(key, value)| (key.to_vec(), value.to_vec())).collect();
    let write = store.transact(move |transaction| {
        rows.iter().for_each(|(key, value)| transaction.put(table, key, value));
        Ok(())
    });
    write.wait().unwrap();
}

fn delete(store: &dyn Store, table: Table, key: &[u8]) {
    let key = key.to_vec();
    let write = store.transact(move |transaction| {
        transaction.delete(table, &key);
        Ok(())
    });
    write.wait().unwrap();
}

fn closed() -> StoreError {
    StoreError::Closed
}
