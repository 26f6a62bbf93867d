//! The records of the registry as they are stored.
//!
//! Every type here is **used in stored state**: fields are numbered, numbers are never reused,
//! and a new field is optional. `tests/golden.rs` holds the bytes of each. Instants are
//! milliseconds since the Unix epoch.

use crate::encoding::{damaged, instant};
use crate::status::{Change, Status};
use certs::RevocationReason;
use chrono::{DateTime, Utc};
use minicbor::{Decode, Encode};
use store::{StoreError, Table};

/// A CA. Used in stored state.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct AuthorityRecord {
    #[n(0)]
    pub(crate) id: String,
    /// SHA-256 of the public key (SubjectPublicKeyInfo): another key is another CA.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub(crate) key_hash: [u8; 32],
    /// How many certificates are registered.
    #[n(2)]
    pub(crate) issued: u64,
    /// The number of the newest revocation list; 0 when there was none.
    #[n(3)]
    pub(crate) crl_number: u64,
    /// thisUpdate of that list.
    #[n(4)]
    pub(crate) crl_at: Option<i64>,
    /// The certificate of the OCSP responder, by its number.
    #[n(5)]
    pub(crate) responder: Option<u64>,
    /// The generation of the responder's key: 1 is the first.
    #[n(6)]
    pub(crate) responder_key: u32,
}

/// The newest revocation list of a CA. Used in stored state.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct CrlRecord {
    #[n(0)]
    pub(crate) number: u64,
    #[n(1)]
    pub(crate) this_update: i64,
    #[n(2)]
    pub(crate) next_update: i64,
    /// How many certificates are on it.
    #[n(3)]
    pub(crate) entries: u64,
    #[n(4)]
    #[cbor(with = "minicbor::bytes")]
    pub(crate) der: Vec<u8>,
}

/// A certificate. Never changed, but for the erasure of its subject. Used in stored state.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct CertificateRecord {
    /// Without zeros in front.
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub(crate) serial: Vec<u8>,
    #[n(1)]
    pub(crate) ca: u16,
    #[n(2)]
    pub(crate) profile: String,
    /// The subject's name, for people.
    #[n(3)]
    pub(crate) subject: String,
    #[n(4)]
    pub(crate) not_before: i64,
    #[n(5)]
    pub(crate) not_after: i64,
    /// When it was registered.
    #[n(6)]
    pub(crate) at: i64,
    #[n(7)]
    pub(crate) actor: String,
    #[n(8)]
    pub(crate) reason: String,
    /// SHA-256 of its DER.
    #[n(9)]
    #[cbor(with = "minicbor::bytes")]
    pub(crate) fingerprint: [u8; 32],
    /// Made before the registry was there, or elsewhere with the CA's key.
    #[n(10)]
    pub(crate) imported: bool,
    /// When name and DER were taken out.
    #[n(11)]
    pub(crate) erased_at: Option<i64>,
}

impl CertificateRecord {
    /// What is left of it when its subject is erased.
    pub(crate) fn erased(self, at: i64) -> Self {
        Self { subject: String::new(), erased_at: Some(at), ..self }
    }
}

/// How a certificate stands. Small: it stays in the index. Used in stored state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct StandingRecord {
    #[n(0)]
    pub(crate) certificate: u64,
    #[n(1)]
    pub(crate) ca: u16,
    /// How many changes there were.
    #[n(2)]
    pub(crate) changes: u32,
    #[n(3)]
    pub(crate) state: State,
    /// Since when it is suspended, or the date of its revocation.
    #[n(4)]
    pub(crate) at: Option<i64>,
    #[n(5)]
    pub(crate) until: Option<i64>,
    /// CRLReason (RFC 5280 §5.3.1).
    #[n(6)]
    pub(crate) reason: Option<u8>,
    #[n(7)]
    pub(crate) invalidity: Option<i64>,
}

/// The kinds of a status. Used in stored state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub(crate) enum State {
    #[n(0)]
    Good,
    #[n(1)]
    Held,
    #[n(2)]
    Revoked,
}

/// A change of status, by whom and why. Never changed. Used in stored state.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct ChangeRecord {
    #[n(0)]
    pub(crate) kind: ChangeKind,
    #[n(1)]
    pub(crate) at: i64,
    #[n(2)]
    pub(crate) until: Option<i64>,
    /// CRLReason (RFC 5280 §5.3.1).
    #[n(3)]
    pub(crate) reason: Option<u8>,
    #[n(4)]
    pub(crate) invalidity: Option<i64>,
    #[n(5)]
    pub(crate) actor: String,
    /// Why, in words.
    #[n(6)]
    pub(crate) why: String,
}

/// The kinds of a change. Used in stored state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub(crate) enum ChangeKind {
    #[n(0)]
    Suspend,
    #[n(1)]
    Reactivate,
    #[n(2)]
    Revoke,
}

/// The counter of the registry. Used in stored state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(crate) struct GlobalRecord {
    /// How many certificates there are: the number of the newest one.
    #[n(0)]
    pub(crate) certificates: u64,
}

impl AuthorityRecord {
    pub(crate) fn new(id: &str, key_hash: [u8; 32]) -> Self {
        Self {
            id: id.to_owned(),
            key_hash,
            issued: 0,
            crl_number: 0,
            crl_at: None,
            responder: None,
            responder_key: 1,
        }
    }
}

impl StandingRecord {
    /// The record of a certificate that stands so after some changes.
    pub(crate) fn new(certificate: u64, ca: u16, changes: u32, status: Status) -> Self {
        let blank = Self {
            certificate,
            ca,
            changes,
            state: State::Good,
            at: None,
            until: None,
            reason: None,
            invalidity: None,
        };
        match status {
            Status::Good => blank,
            Status::Held { since, until } => Self {
                state: State::Held,
                at: Some(since.timestamp_millis()),
                until: until.as_ref().map(DateTime::timestamp_millis),
                ..blank
            },
            Status::Revoked { at, reason, invalidity } => Self {
                state: State::Revoked,
                at: Some(at.timestamp_millis()),
                reason: Some(reason.code()),
                invalidity: invalidity.as_ref().map(DateTime::timestamp_millis),
                ..blank
            },
        }
    }

    /// What the record says; fields that do not fit together are damage.
    pub(crate) fn status(&self, table: Table, key: &[u8]) -> Result<Status, StoreError> {
        let time = |ms: Option<i64>| ms.map(|ms| instant(table, key, ms)).transpose();
        let wrong = || damaged(table, key, "a status whose fields do not fit together");
        let (at, until, invalidity) = (time(self.at)?, time(self.until)?, time(self.invalidity)?);
        let reason = self.reason.map(|code| RevocationReason::from_code(code).ok_or_else(wrong));
        match (self.state, at, until, reason.transpose()?, invalidity) {
            (State::Good, None, None, None, None) => Ok(Status::Good),
            (State::Held, Some(since), until, None, None) => Ok(Status::Held { since, until }),
            (State::Revoked, Some(at), None, Some(reason), invalidity) => {
                Ok(Status::Revoked { at, reason, invalidity })
            }
            _ => Err(wrong()),
        }
    }
}

impl ChangeRecord {
    /// The record of a change that is made at `at`.
    pub(crate) fn new(change: Change, at: DateTime<Utc>, actor: &str, why: &str) -> Self {
        let (kind, until, reason, invalidity) = match change {
            Change::Suspend { until } => (ChangeKind::Suspend, until, None, None),
            Change::Reactivate => (ChangeKind::Reactivate, None, None, None),
            Change::Revoke { reason, invalidity } => {
                (ChangeKind::Revoke, None, Some(reason.code()), invalidity)
            }
        };
        Self {
            kind,
            at: at.timestamp_millis(),
            until: until.as_ref().map(DateTime::timestamp_millis),
            reason,
            invalidity: invalidity.as_ref().map(DateTime::timestamp_millis),
            actor: actor.to_owned(),
            why: why.to_owned(),
        }
    }

    /// The change and when it was made; fields that do not fit together are damage.
    pub(crate) fn change(
        &self,
        table: Table,
        key: &[u8],
    ) -> Result<(Change, DateTime<Utc>), StoreError> {
        let time = |ms: Option<i64>| ms.map(|ms| instant(table, key, ms)).transpose();
        let wrong = || damaged(table, key, "a change whose fields do not fit together");
        let (at, until, invalidity) =
            (instant(table, key, self.at)?, time(self.until)?, time(self.invalidity)?);
        let reason = self.reason.map(|code| RevocationReason::from_code(code).ok_or_else(wrong));
        let change = match (self.kind, until, reason.transpose()?, invalidity) {
            (ChangeKind::Suspend, until, None, None) => Change::Suspend { until },
            (ChangeKind::Reactivate, None, None, None) => Change::Reactivate,
            (ChangeKind::Revoke, None, Some(reason), invalidity) => {
                Change::Revoke { reason, invalidity }
            }
            _ => return Err(wrong()),
        };
        Ok((change, at))
    }
}
