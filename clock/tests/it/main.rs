//! The monitor as a service uses it: real sockets on loopback, and a real NTP daemon.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod chronyd;
mod responder;
mod running;
