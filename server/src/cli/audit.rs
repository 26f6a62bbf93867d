//! The second half of `marca store check`: what the journal says is checked, not only its bytes.
//!
//! Every stamp is added again, the history of every certificate followed again, and the chain of
//! the audit trail computed again. The journal is read, nothing else, so it works beside a running
//! service. The checking is done by `accounts::audit`, `authority::audit` and `trail`, which share
//! no sums with what wrote the journal.

use ::store::StoreError;
use ::store::journal::{Operation, Reader};
use accounts::audit::{AuditReport, Auditor};
use chrono::TimeDelta;
use std::fmt::Display;
use std::path::Path;

/// What was found: for each part its sums, or everything that is not right, in words.
#[derive(Debug)]
pub(super) struct Audited {
    pub(super) stamps: Result<AuditReport, Vec<String>>,
    pub(super) certificates: Result<authority::audit::Report, Vec<String>>,
    pub(super) trail: Result<trail::Report, Vec<String>>,
}

/// What to do about a finding; the same for all of them.
const ADVICE: &str = "stop the service, keep the data directory as it is, and compare it with \
                      the last good backup (`marca store restore --from BACKUP --data NEW`)";

/// Feeds the journal in the data directory to the checks. `retry_window` is how long the service
/// answers a repeated request with the same token. The error is one of reading.
pub(super) fn audit(
    data: &Path,
    retry_window: TimeDelta,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Audited, StoreError> {
    let mut auditor = Auditor::new(retry_window);
    let mut certificates = authority::audit::Checker::new();
    let mut trail = trail::Checker::new();
    let mut reader = Reader::open(data)?;
    while let Some(transaction) = reader.next() {
        let transaction = transaction?;
        let (sequence, operations) = (transaction.sequence, &transaction.operations);
        auditor.feed(sequence, operations.iter().map(stamps_operation));
        certificates.feed(sequence, operations.iter().map(trail_operation));
        trail.feed(sequence, operations.iter().map(trail_operation));
        let (done, total) = reader.progress();
        progress(done, total);
    }
    if auditor.has_refunds() {
        for transaction in Reader::open(data)? {
            auditor.feed_again(transaction?.operations.iter().map(stamps_operation));
        }
    }
    Ok(Audited {
        stamps: auditor.finish().map_err(|found| in_words("accounting", &found)),
        certificates: certificates.finish().map_err(|found| in_words("certificates", &found)),
        trail: trail.finish().map_err(|found| in_words("audit trail", &found)),
    })
}

fn in_words(part: &str, found: &[impl Display]) -> Vec<String> {
    found.iter().map(|fault| format!("{part}: {fault}; {ADVICE}")).collect()
}

fn stamps_operation(operation: &Operation) -> accounts::audit::Operation<'_> {
    let Operation { table, key, value } = operation;
    accounts::audit::Operation { table: *table, key, value: value.as_deref() }
}

fn trail_operation(operation: &Operation) -> trail::Operation<'_> {
    let Operation { table, key, value } = operation;
    trail::Operation { table: *table, key, value: value.as_deref() }
}
