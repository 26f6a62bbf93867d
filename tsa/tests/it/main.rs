//! One binary for every test of the crate's public surface.
//!
//! ```text
//! support    clock, randomness, CAs, ledger, keys, requests, and the token as rasn writes it
//! token      the token's structure, field by field, and that pieces and rasn agree
//! issuing    the eight steps: what each failure costs, and what the client is told
//! golden     every rejection, octet for octet
//! units      setting a unit up, and the threads that sign for slow ones
//! replacing  units that come and go, and keys in devices that are asked how they are
//! device     a unit whose device is pulled out and comes back
//! held       a stamp that is held before there is anything to stamp
//! pair       one request, two tokens, one stamp
//! forged     tokens of the right key that are not right
//! verifying  our own verifier accepts what is issued and nothing else
//! robust     no input makes anything panic
//! interop    openssl ts asks, Marca issues, openssl ts verifies
//! ```

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on says where")]

mod device;
mod forged;
mod golden;
mod held;
mod interop;
mod issuing;
mod pair;
mod replacing;
mod robust;
mod support;
mod token;
mod units;
mod verifying;
