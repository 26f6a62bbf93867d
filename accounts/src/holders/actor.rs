//! Who acts: the holder, an operator, the owner of a stamp account, the service itself, or nobody
//! known yet.

use super::HolderId;
use crate::StampAccountId;
use std::fmt;

/// Who does something. Its text stands in the history and in the audit trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// The holder, logged in or proved otherwise.
    Holder(HolderId),
    /// A person who runs the service, by the name of the administration.
    Operator(String),
    /// Whoever has the login of a stamp account.
    StampAccount(StampAccountId),
    /// The service, by a timer.
    Service,
    /// Somebody who is not known: before a login, or with a link out of a mail.
    Anyone,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Holder(id) => write!(f, "holder {id}"),
            Self::Operator(name) => f.write_str(name),
            Self::StampAccount(id) => write!(f, "account {id}"),
            Self::Service => f.write_str("service"),
            Self::Anyone => f.write_str("anyone"),
        }
    }
}
