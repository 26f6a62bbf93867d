//! Tests of the credentials: the matrix of the state machine, and the acts around it.

mod activation;
mod device;
mod errors;
mod leftovers;
mod matrix;
mod pins;
mod records;
mod rotation;
pub(crate) mod support;
mod suspension;
