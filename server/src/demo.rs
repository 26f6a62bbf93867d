//! `marca demo`: not part of this branch, which builds the command line alone.

use crate::cli::{DemoOptions, ServiceError};

/// Refuses: the service is not in this build.
pub(crate) fn run(options: &DemoOptions) -> Result<(), ServiceError> {
    Err(format!("this build holds no service to start on {}", options.listen).into())
}
