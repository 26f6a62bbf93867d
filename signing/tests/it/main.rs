//! Signing from outside: two factors in, signature values out, over a store in memory whose
//! faults can be injected. What must not compile is in the documentation of the crate.

#![expect(clippy::unwrap_used, reason = "tests end where an answer is not the expected one")]

mod algorithms;
mod bindings;
mod errors;
mod life;
mod limits;
mod parallel;
mod stamping;
mod support;
mod windows;
