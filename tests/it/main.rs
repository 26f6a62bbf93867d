//! The end-to-end tests: one binary that starts the real service and drives it from outside.
//!
//! ```text
//! harness        the service as a child, clients, requests, replies, certificates
//! tsa            POST /tsa…: the contract, bad input, accounting
//! stamp_account  GET /api/v1/stamp-account, its events, GET /api/v1/timestamps/{serial}
//! admin          /api/v1/admin/… and the command line that talks to it
//! pki, operation certificates; health, metrics, the OpenAPI document, the pages
//! units          certificates, rollover, pairs, modern algorithms, keys in a device
//! time           every state of the clock, with NTP servers that lie, leap and fall silent
//! trail          the audit trail, from outside
//! revocation     suspended, reactivated, revoked: every verifier says so at once
//! delivery       mails and short messages: each gateway, failures, what an operator sees
//! access         every route × every caller
//! holders        a person's account: every flow, from a request to the erasure
//! problems       a golden file for every error that a client can receive
//! demo, tls      the two ways to start
//! proxies        whose word about a caller's address is taken
//! faults         what breaks, and what is then promised
//! clients        programs that others wrote
//! tidy           the style of the workspace
//! ```
//!
//! Every test starts its own service on a free port with its own data, and ends it; so all of them
//! can run at once. `MARCA_BIN` names another binary, `MARCA_LONG=1` runs the long campaigns.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "in a test a panic is the report"
)]
#![expect(clippy::print_stderr, clippy::print_stdout, reason = "for whoever reads a failure")]

mod access;
mod admin;
mod clients;
mod delivery;
mod demo;
mod faults;
mod harness;
mod holders;
mod operation;
mod pki;
mod problems;
mod proxies;
mod revocation;
mod stamp_account;
mod tidy;
mod time;
mod tls;
mod trail;
mod tsa;
mod units;
