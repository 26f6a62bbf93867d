//! x
pub mod tables {}
