//! The holders' rooms put together as in the running service: a real store, the real CA, real
//! one-time codes, and OpenSSL to verify what is signed.

mod busy;
mod certificates;
mod signing;
mod stamping;
mod support;
