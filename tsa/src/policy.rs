//! Time-stamping policies: identifiers that a unit offers, one of them by default.
//!
//! RFC 3161 §2.1: the TSA is required "to include within each time-stamp token an identifier to
//! uniquely indicate the security policy under which the token was created".

use crate::der;
use rasn::types::{ObjectIdentifier, Oid};
use std::fmt;
use std::str::FromStr;

/// A TSAPolicyId, with its encoding at hand.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PolicyId {
    oid: ObjectIdentifier,
    encoding: Vec<u8>,
}

impl PolicyId {
    /// The identifier.
    #[must_use]
    pub fn oid(&self) -> &Oid {
        &self.oid
    }

    /// Its DER encoding, tag and length included.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.encoding
    }
}

/// A text that is not an object identifier.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not an object identifier: write at most {max} numbers below 2^32 with dots between \
     them, such as 0.4.0.2023.1.1",
    max = crate::request::MAX_OID_ARCS
)]
pub struct NotAnOid(pub String);

impl FromStr for PolicyId {
    type Err = NotAnOid;

    fn from_str(text: &str) -> Result<Self, NotAnOid> {
        let not_an_oid = || NotAnOid(text.to_owned());
        let arcs: Vec<u32> =
            text.split('.').map(str::parse).collect::<Result<_, _>>().map_err(|_| not_an_oid())?;
        // X.660: the first arc is 0, 1 or 2; below 0 and 1 there are forty each. The first two are
        // encoded as one number, which here is one of 32 bits.
        if !(2..=crate::request::MAX_OID_ARCS).contains(&arcs.len()) || arcs[1] > u32::MAX - 80 {
            return Err(not_an_oid());
        }
        let oid = ObjectIdentifier::new(arcs).ok_or_else(not_an_oid)?;
        let encoding = rasn::der::encode(&oid).map_err(|_| not_an_oid())?;
        debug_assert_eq!(encoding[0], der::OBJECT_IDENTIFIER);
        Ok(Self { oid, encoding })
    }
}

impl fmt::Display for PolicyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.oid(), f)
    }
}

impl fmt::Debug for PolicyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PolicyId({self})")
    }
}

/// The policies of a unit: one by default, and the others that a request may name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policies {
    default: PolicyId,
    others: Vec<PolicyId>,
}

impl Policies {
    /// `default` is offered whether or not it stands among `others` again.
    #[must_use]
    pub fn new(default: PolicyId, mut others: Vec<PolicyId>) -> Self {
        others.retain(|policy| *policy != default);
        Self { default, others }
    }

    /// The policy of a request that names none.
    #[must_use]
    pub fn default_policy(&self) -> &PolicyId {
        &self.default
    }

    /// The policy with this identifier, when it is offered.
    #[must_use]
    pub fn find(&self, oid: &Oid) -> Option<&PolicyId> {
        self.iter().find(|policy| policy.oid() == oid)
    }

    /// All of them, the default first.
    pub fn iter(&self) -> impl Iterator<Item = &PolicyId> {
        std::iter::once(&self.default).chain(&self.others)
    }
}
