//! The auditor finds nothing in a sound journal, and names each thing that is wrong in one that
//! was tampered with.

use super::{AuditReport, Auditor, Discrepancy, Operation};
use crate::testing::{MapStore, Operation as Owned};
use chrono::TimeDelta;

/// Audits everything that was ever written to a store.
pub(crate) fn audit(store: &MapStore, window: i64) -> Result<AuditReport, Vec<Discrepancy>> {
    audit_journal(&store.journal(), window)
}

pub(crate) fn audit_journal(
    journal: &[Vec<Owned>],
    window: i64,
) -> Result<AuditReport, Vec<Discrepancy>> {
    let mut auditor = Auditor::new(TimeDelta::milliseconds(window));
    for (sequence, transaction) in (1..).zip(journal) {
        auditor.feed(
            sequence,
            transaction.iter().map(|(table, key, value)| Operation {
                table: *table,
                key,
                value: value.as_deref(),
            }),
        );
    }
    auditor.finish()
}
