//! The registry: opening it, finding a CA in it, and the parts that every act needs.

use crate::answers::Answers;
use crate::encoding::{damaged, decode, encode};
use crate::model::{AuthorityCa, Crl, ResponderKey, Settings};
use crate::records::{AuthorityRecord, StandingRecord};
use crate::responder::Responding;
use crate::standing::{Listed, Standings};
use crate::status::Status;
use crate::tables::{AUTHORITY, STANDING, SerialKey, authority_key};
use crate::{AuthorityError, crl::Publishing};
use arc_swap::ArcSwapOption;
use certs::CertificateAuthority;
use certs::crl::{CrlEntry, EncodedEntry};
use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{CryptoRng, SeedableRng};
use std::collections::HashMap;
use std::fmt;
use std::ops::Bound;
use std::sync::Arc;
use store::{Order, Store, StoreError, Transaction};

/// How many rows are read at a time.
const BATCH: usize = 8_192;

/// The registry of issued certificates, and everything that it publishes. Cloning it gives another
/// handle to the same registry.
#[derive(Clone)]
pub struct Authority(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) cas: Vec<Arc<Ca>>,
    pub(crate) standings: Standings,
    pub(crate) answers: Answers,
    pub(crate) settings: Settings,
    random: Mutex<Box<dyn CryptoRng + Send>>,
}

/// A CA, its newest list and its responder.
pub(crate) struct Ca {
    /// Its number in the store.
    pub(crate) number: u16,
    pub(crate) authority: CertificateAuthority,
    pub(crate) key_hash: [u8; 32],
    pub(crate) responder_key: ResponderKey,
    pub(crate) crl: ArcSwapOption<Crl>,
    /// Held while a list is made: one at a time.
    pub(crate) publishing: tokio::sync::Mutex<Publishing>,
    pub(crate) responding: ArcSwapOption<Responding>,
    /// Held while a responder's certificate is renewed.
    pub(crate) renewing: tokio::sync::Mutex<()>,
}

impl Authority {
    /// Opens the registry in `store` with the CAs that the service has the keys of. Reads how
    /// every certificate stands; writes nothing.
    ///
    /// At the first start there is no revocation list and no OCSP responder yet: call
    /// [`Authority::tick`] once before the first request comes.
    ///
    /// # Errors
    /// [`AuthorityError`] when the settings make no sense, a CA is not the one whose certificates
    /// are registered under its id, or the registry cannot be read.
    pub fn open(
        store: Arc<dyn Store>,
        cas: Vec<AuthorityCa>,
        settings: Settings,
        random: impl CryptoRng + Send + 'static,
        now: DateTime<Utc>,
    ) -> Result<Self, AuthorityError> {
        settings.check()?;
        let cas = number_cas(&*store, cas)?;
        let standings = read_standings(&*store)?;
        let answers = Answers::new(settings.cached_answers);
        let random = Mutex::new(Box::new(random) as Box<dyn CryptoRng + Send>);
        let inner = Inner { store, cas, standings, answers, settings, random };
        for ca in &inner.cas {
            inner.resume_responder(ca, now)?;
            inner.resume_crl(ca, now)?;
        }
        Ok(Self(Arc::new(inner)))
    }

    /// The ids of the CAs.
    #[must_use]
    pub fn ca_ids(&self) -> Vec<String> {
        self.0.cas.iter().map(|ca| ca.id().to_owned()).collect()
    }

    /// A CA by its id.
    #[must_use]
    pub fn ca(&self, id: &str) -> Option<&CertificateAuthority> {
        self.0.cas.iter().map(|ca| &ca.authority).find(|ca| ca.id() == id)
    }

    /// How many certificates are registered.
    #[must_use]
    pub fn certificates(&self) -> usize {
        self.0.standings.len()
    }
}

impl Inner {
    pub(crate) fn find(&self, id: &str) -> Result<&Arc<Ca>, AuthorityError> {
        self.cas.iter().find(|ca| ca.id() == id).ok_or_else(|| {
            let known: Vec<_> = self.cas.iter().map(|ca| ca.id()).collect();
            AuthorityError::UnknownCa { ca: id.to_owned(), known: known.join(", ") }
        })
    }

    pub(crate) fn numbered(&self, number: u16) -> Option<&Arc<Ca>> {
        self.cas.iter().find(|ca| ca.number == number)
    }

    /// A generator of its own, so that nobody waits for another's signature.
    pub(crate) fn random(&self) -> StdRng {
        StdRng::from_rng(&mut **self.random.lock())
    }
}

impl Ca {
    pub(crate) fn id(&self) -> &str {
        self.authority.id()
    }

    /// The CA's record; the first act writes it.
    pub(crate) fn record(&self, tx: &dyn Transaction) -> Result<AuthorityRecord, StoreError> {
        let key = authority_key(self.number);
        match tx.get(AUTHORITY, &key)? {
            Some(bytes) => decode(AUTHORITY, &key, &bytes),
            None => Ok(AuthorityRecord::new(self.id(), self.key_hash)),
        }
    }

    pub(crate) fn put_record(&self, tx: &mut dyn Transaction, record: &AuthorityRecord) {
        tx.put(AUTHORITY, &authority_key(self.number), &encode(record));
    }

    /// As [`Ca::record`], outside a transaction.
    pub(crate) fn read_record(&self, store: &dyn Store) -> Result<AuthorityRecord, StoreError> {
        let key = authority_key(self.number);
        match store.get(AUTHORITY, &key)? {
            Some(bytes) => decode(AUTHORITY, &key, &bytes),
            None => Ok(AuthorityRecord::new(self.id(), self.key_hash)),
        }
    }
}

/// Runs `work` where it may block: a key may be slow, and a list long.
pub(crate) async fn blocking<T, W>(work: W) -> Result<T, AuthorityError>
where
    T: Send + 'static,
    W: FnOnce() -> T + Send + 'static,
{
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| AuthorityError::CutOff(error.to_string()))
}

/// A certificate's place on the list, if it has one.
pub(crate) fn listed(
    key: SerialKey,
    certificate: u64,
    status: Status,
) -> Result<Option<Listed>, AuthorityError> {
    let Some((revoked_at, reason)) = status.listed() else { return Ok(None) };
    let Some(serial) = key.serial() else {
        return Err(damaged(STANDING, &key.0, "zero is no serial number").into());
    };
    let invalidity = match status {
        Status::Revoked { invalidity, .. } => invalidity,
        Status::Good | Status::Held { .. } => None,
    };
    let entry = EncodedEntry::new(&CrlEntry { serial, revoked_at, reason, invalidity })?;
    Ok(Some(Listed { certificate, status, entry: Arc::new(entry) }))
}

/// Gives each CA the number that it has in the store, or the next free one.
fn number_cas(store: &dyn Store, cas: Vec<AuthorityCa>) -> Result<Vec<Arc<Ca>>, AuthorityError> {
    let rows =
        store.scan(AUTHORITY, Bound::Unbounded, Bound::Unbounded, Order::Ascending, usize::MAX)?;
    let mut known = HashMap::new();
    let mut next = 0;
    for (key, bytes) in rows {
        let number = <[u8; 2]>::try_from(key.as_slice())
            .map_err(|_| damaged(AUTHORITY, &key, "a malformed key"))?;
        let record: AuthorityRecord = decode(AUTHORITY, &key, &bytes)?;
        next = next.max(u16::from_be_bytes(number).saturating_add(1));
        known.insert(record.id.clone(), (u16::from_be_bytes(number), record));
    }
    let mut numbered: Vec<Arc<Ca>> = Vec::with_capacity(cas.len());
    for AuthorityCa { ca, responder } in cas {
        if numbered.iter().any(|other| other.id() == ca.id()) {
            return Err(AuthorityError::RepeatedCa { ca: ca.id().to_owned() });
        }
        let key_hash = key_hash(&ca)?;
        let (number, crl_number) = match known.get(ca.id()) {
            Some((_, record)) if record.key_hash != key_hash => {
                return Err(AuthorityError::OtherKey { ca: ca.id().to_owned() });
            }
            Some((number, record)) => (*number, record.crl_number),
            None => {
                next += 1;
                (next - 1, 0)
            }
        };
        numbered.push(Arc::new(Ca {
            number,
            authority: ca,
            key_hash,
            responder_key: responder,
            crl: ArcSwapOption::empty(),
            publishing: tokio::sync::Mutex::new(Publishing { covers: None, last: crl_number }),
            responding: ArcSwapOption::empty(),
            renewing: tokio::sync::Mutex::new(()),
        }));
    }
    Ok(numbered)
}

fn key_hash(ca: &CertificateAuthority) -> Result<[u8; 32], AuthorityError> {
    let der = ca.key().public_key().public_key_to_der().map_err(|error| {
        let (what, reason) = ("the public key of a CA", error.to_string());
        AuthorityError::Issue(certs::IssueError::Encoding { what, reason })
    })?;
    Ok(openssl::sha::sha256(&der))
}

/// Reads how every certificate stands.
fn read_standings(store: &dyn Store) -> Result<Standings, AuthorityError> {
    let standings = Standings::default();
    let mut bound = Bound::Unbounded;
    loop {
        let after = bound.as_ref().map(Vec::as_slice);
        let rows = store.scan(STANDING, after, Bound::Unbounded, Order::Ascending, BATCH)?;
        let is_last = rows.len() < BATCH;
        standings.reserve(rows.len());
        for (key, bytes) in rows {
            let wrong = || damaged(STANDING, &key, "a key of the wrong length");
            let serial = SerialKey(key.as_slice().try_into().map_err(|_| wrong())?);
            let record: StandingRecord = decode(STANDING, &key, &bytes)?;
            let status = record.status(STANDING, &key)?;
            let listed = listed(serial, record.certificate, status)?;
            standings.insert(serial, record.ca, record.changes, listed);
            bound = Bound::Excluded(key);
        }
        if is_last {
            return Ok(standings);
        }
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").field("cas", &self.ca_ids()).finish_non_exhaustive()
    }
}
