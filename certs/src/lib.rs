//! X.509 certificates and the private keys behind them.
//!
//! This room makes and checks certificates and holds keys behind one narrow trait, so that a
//! device can stand where a file stands today. It knows nothing of HTTP, accounts or tokens.

pub mod key;

pub use key::{KeyError, KeyKind, SignatureScheme, SigningKey};
