//! Hash signing with a holder's key: authorised by two factors, bound to the hashes, used once.
//!
//! The shape is that of EN 419 241-1 with its words: *signature activation data* (SAD) is what two
//! factors are exchanged for; it names the holder, the access it was asked over, the credential,
//! the algorithm and each hash. The walk of a signature:
//!
//! 1. [`HashesToSign`] says what is to be signed, and [`Signing::binding`] makes the 32 octets out
//!    of it that the one-time password is bound to;
//! 2. [`Signing::authorize`] takes the two proofs, checks that they speak of the same holder,
//!    credential and hashes, keeps a row for each hash, and gives the SAD;
//! 3. [`Signing::sign`] reserves the rows durably, *then* uses the key, then marks them used and
//!    lets the signature values go. A row is never free again: what is unclear is burned.
//! 4. [`Signing::sign_and_stamp`] holds a stamp first and stamps the signature value before
//!    anything leaves: a caller gets both or neither.
//!
//! The unlocked key lives in this process' memory for as long as the SAD, and nowhere else: after
//! a restart the holder authorises again.
//!
//! No HTTP, no clock, no storage and no accounts here. The house comes in through three ports:
//! [`Factors`] names the types of the proofs, [`Authorisations`] keeps the SADs, and [`Stamper`]
//! gives stamps. What this is *not*: a qualified device. The factors are checked by the same
//! process that uses the key, so the binding to hashes is that of SCAL2, its hardware is not.
//!
//! # A signature without both factors does not compile
//!
//! The proofs are types of the room that checks them; their constructors are private to it, they
//! are not `Clone`, and [`Signing::authorize`] consumes both. With both it compiles:
//!
//! ```
#![doc = include_str!("../tests/compile/house.md")]
//! async fn both(signing: &Signing<House, Kept>, access: &Access, what: HashesToSign, pin: Pin,
//!               otp: Otp, now: DateTime<Utc>) -> Result<Granted, SignError> {
//!     signing.authorize(access, what, pin, otp, now).await
//! }
//! ```
//!
//! Without the second factor it does not:
//!
//! ```compile_fail,E0061
#![doc = include_str!("../tests/compile/house.md")]
//! async fn one(signing: &Signing<House, Kept>, access: &Access, what: HashesToSign, pin: Pin,
//!              now: DateTime<Utc>) -> Result<Granted, SignError> {
//!     signing.authorize(access, what, pin, now).await
//! }
//! ```
//!
//! Nor with the same factor twice:
//!
//! ```compile_fail,E0308
#![doc = include_str!("../tests/compile/house.md")]
//! async fn twice(signing: &Signing<House, Kept>, access: &Access, what: HashesToSign, pin: Pin,
//!                again: Pin, now: DateTime<Utc>) -> Result<Granted, SignError> {
//!     signing.authorize(access, what, pin, again, now).await
//! }
//! ```
//!
//! A proof is good for one authorisation:
//!
//! ```compile_fail,E0382
#![doc = include_str!("../tests/compile/house.md")]
//! async fn reuse(signing: &Signing<House, Kept>, access: &Access, what: [HashesToSign; 2],
//!                pin: Pin, otp: [Otp; 2], now: DateTime<Utc>) -> Result<Granted, SignError> {
//!     let ([one, two], [first, second]) = (what, otp);
//!     signing.authorize(access, one, pin, first, now).await?;
//!     signing.authorize(access, two, pin, second, now).await
//! }
//! ```
//!
//! An authenticated system stands in for the one-time password only in the act that opens a
//! window, and not here:
//!
//! ```compile_fail,E0308
#![doc = include_str!("../tests/compile/house.md")]
//! async fn system(signing: &Signing<House, Kept>, access: &Access, what: HashesToSign, pin: Pin,
//!                 system: System, now: DateTime<Utc>) -> Result<Granted, SignError> {
//!     signing.authorize(access, what, pin, system, now).await
//! }
//! ```
//!
//! And a proof cannot be made by whoever wants one:
//!
//! ```compile_fail,E0451
#![doc = include_str!("../tests/compile/house.md")]
//! let otp = Otp { private: () };
//! ```

mod activation;
mod algorithm;
mod authorisation;
mod error;
mod factors;
mod hashes;
mod key;
mod sad;
mod service;
mod stamp;
mod store;
mod turns;
mod vault;

pub use algorithm::{DigestAlgorithm, SignatureAlgorithm, UnknownAlgorithm};
pub use authorisation::{Authorisation, Row, RowState, Window};
pub use error::{Culprit, SignError};
pub use factors::{
    AccessFacts, AccessRef, CredentialKind, CredentialRef, Factors, HolderRef, OtpFacts, PinFacts,
    SystemFacts,
};
pub use hashes::HashesToSign;
pub use key::{HolderKey, KeyFault};
pub use sad::{SadKey, SignatureActivationData};
pub use service::{By, Granted, Settings, Signing, WindowRequest};
pub use stamp::{Stamp, StampFault, StampedSignature, Stamper};
pub use store::{Authorisations, CredentialState, Entry, Note, NoteKind, Place, Standing};
