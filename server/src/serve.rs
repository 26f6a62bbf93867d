//! `marca serve`: not part of this branch, which builds the command line alone.

use crate::cli::ServiceError;
use std::path::Path;

/// What `marca config default` prints.
pub(crate) const DEFAULT_CONFIG: &str = "# this build holds no service\n";

/// Refuses: the service is not in this build.
pub(crate) fn run(config: &Path) -> Result<(), ServiceError> {
    Err(format!("this build holds no service to start from {}", config.display()).into())
}

/// Refuses: the service is not in this build.
pub(crate) fn check_config(config: &Path) -> Result<(), ServiceError> {
    Err(format!("this build holds no service to check {}", config.display()).into())
}
