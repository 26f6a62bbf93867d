//! The accounting half of `marca store check`: every stamp re-added from the journal alone.
//!
//! The journal is read, nothing else, so it works beside a running service. The adding is done by
//! `accounts::audit`, which shares no sums with what wrote the journal.

use ::store::StoreError;
use ::store::journal::Reader;
use accounts::audit::{AuditReport, Auditor, Operation};
use chrono::TimeDelta;
use std::path::Path;

/// What the audit found: the sums, or everything that does not add up, in words.
pub(super) type Audited = Result<AuditReport, Vec<String>>;

/// What to do about a finding; the same for all of them.
const ADVICE: &str = "stop the service, keep the data directory as it is, and compare it with \
                      the last good backup (`marca store restore --from BACKUP --data NEW`)";

/// Feeds the journal in the data directory to an auditor. `retry_window` is how long the service
/// answers a repeated request with the same token. The error is one of reading.
pub(super) fn audit(
    data: &Path,
    retry_window: TimeDelta,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Audited, StoreError> {
    let mut auditor = Auditor::new(retry_window);
    let mut reader = Reader::open(data)?;
    while let Some(transaction) = reader.next() {
        let transaction = transaction?;
        auditor.feed(transaction.sequence, transaction.operations.iter().map(operation));
        let (done, total) = reader.progress();
        progress(done, total);
    }
    if auditor.has_refunds() {
        for transaction in Reader::open(data)? {
            auditor.feed_again(transaction?.operations.iter().map(operation));
        }
    }
    Ok(auditor.finish().map_err(|found| {
        found.iter().map(|discrepancy| format!("accounting: {discrepancy}; {ADVICE}")).collect()
    }))
}

fn operation(operation: &::store::journal::Operation) -> Operation<'_> {
    Operation { table: operation.table, key: &operation.key, value: operation.value.as_deref() }
}
