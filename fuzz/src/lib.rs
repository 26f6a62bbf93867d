//! What the fuzz targets share: a complete issuer with a ledger in memory ([`bench`]), and
//! checksums
//! that are put right again behind what the fuzzer changed ([`journal`]).
//!
//! A target asserts more than "no panic": what is accepted must mean the same to somebody else
//! (another decoder, the same text written again), and nothing that is refused may cost a stamp.

pub mod bench;
pub mod journal;
