//! Enrolment of a certificate with an outside CA over the Certificate Management Protocol
//! (RFC 9810), as the lightweight profile has it (RFC 9483 §4.1.4): a PKCS#10 request made
//! elsewhere goes out, a certificate comes back and is confirmed or refused.
//!
//! This room makes and reads messages. It opens no connection and reads no clock; randomness comes
//! in from outside. The private key of the certificate is not needed: the request proves it.
//!
//! ```text
//!    end entity                                CA
//!    Enrollment::p10cr    p10cr    →
//!    read                          ←  cp             Answer::Issued
//!                                  ←  cp, waiting    Answer::Waiting
//!    poll                 pollReq  →
//!    read                          ←  pollRep, cp
//!    confirm              certConf →
//!    read_confirmation             ←  pkiConf
//! ```
//!
//! `message` has the structures, `transaction` the exchange and what ties answers to requests,
//! `received` takes answers apart, `protect` with `mac`, `signer` and `signature` is the
//! protection, `status` the CA's words.

mod error;
mod mac;
mod message;
mod protect;
mod received;
mod signature;
mod signer;
mod status;
mod transaction;

#[cfg(test)]
mod tests;

pub use error::CmpError;
pub use mac::MacAlgorithm;
pub use protect::Protection;
pub use status::StatusInfo;
pub use transaction::{Answer, Enrollment, Issued, Request, Verdict};

/// The longest message that is read, in octets: chains of post-quantum certificates fit well.
pub const LARGEST_MESSAGE: usize = 512 * 1024;
