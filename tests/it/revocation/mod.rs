//! Suspended, reactivated, revoked: every verifier says so at once.

mod agreement;
mod protocol;
