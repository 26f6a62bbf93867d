//! Tests of the registry and of what it publishes.

mod audits;
mod concurrency;
mod crls;
mod erasure;
mod golden;
mod issuing;
mod listing;
mod model;
mod ocsp;
mod restart;
mod status;
pub(crate) mod support;
mod timer;
