//! One binary for every test of the crate's public surface.
//!
//! ```text
//! support    clock, randomness, CAs, ledger, requests, and the token as rasn writes it
//! interop    openssl ts asks, Marca issues, openssl ts verifies
//! ```

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod interop;
mod support;
