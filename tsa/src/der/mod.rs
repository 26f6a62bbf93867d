//! The little of DER (X.690) that rasn does not do for us: a strict walk over what strangers send,
//! before any of it becomes a Rust value, and the joining of pieces that are already encoded.
//!
//! rasn reads lengths, object identifiers and INTEGERs in more forms than DER allows; this room
//! allows one. It keeps no state and allocates only what it returns.

mod read;
mod write;

pub(crate) use read::{DerError, Limits, Reader, Value, check, minimal_integer};
pub(crate) use write::{header_len, put_header, tlv, unsigned_integer};

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const NULL: u8 = 0x05;
pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;
/// `[0]`, constructed.
pub(crate) const CONTEXT_0: u8 = 0xA0;

#[cfg(test)]
mod tests;
