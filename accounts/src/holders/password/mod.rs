//! The passwords of holders: the rules of a new one, each with a name, and how it is hashed.
//!
//! The rules are those of the flows of remote-signature services: length, both cases, a digit, a
//! special character out of a list, no character three times in a row. On top of them stand the
//! ones that stop real guesses: no common password, however it is dressed up, and nothing of the
//! holder's own name, address or of the service (ASVS 5.0, 6.2.4 and 6.2.11). [`check`] tells all
//! of them at once, so that each can be shown as met while it is typed.

mod common;
mod hash;
mod rules;

pub use rules::{PasswordContext, PasswordRule, RuleOutcome, SPECIAL, check};

pub(crate) use hash::NewPassword;
pub(crate) use rules::{normalised, prepared};
