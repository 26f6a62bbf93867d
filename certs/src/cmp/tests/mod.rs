//! The exchange against a CA that is made here and can lie, and against recorded messages.
//!
//! ```text
//! peer       the CA: certificates, keys, answers with any field changed
//! exchange   what goes out and comes back when all is well
//! lies       answers that are not to be believed
//! secrets    the two MACs: known answers, bounds
//! signers    who may sign for a CA
//! recorded   messages of the openssl command
//! ```

mod exchange;
mod lies;
mod peer;
mod recorded;
mod secrets;
mod signers;
