//! How every certificate stands, in memory: what OCSP answers and revocation lists are made from.
//!
//! For each certificate there is its serial number, its CA and the count of its changes (24 bytes);
//! only those that are suspended or revoked have more, their entry of the list in DER included.
//! Certificates themselves stay on disk.

use crate::status::Status;
use crate::tables::SerialKey;
use certs::crl::EncodedEntry;
use parking_lot::RwLock;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// The standings of all certificates.
#[derive(Debug, Default)]
pub(crate) struct Standings(RwLock<Inside>);

#[derive(Debug, Default)]
struct Inside {
    known: HashMap<SerialKey, Known>,
    /// By the number of the CA.
    lists: BTreeMap<u16, List>,
}

/// A certificate that was issued.
#[derive(Clone, Copy, Debug)]
struct Known {
    ca: u16,
    /// The low half of the count of changes: tells a signed answer that it is old.
    version: u16,
}

// What a million certificates cost is this, a million times.
const _: () = assert!(size_of::<(SerialKey, Known)>() == 24);

/// What a CA has suspended and revoked.
#[derive(Debug, Default)]
struct List {
    /// Counts the changes since the start: tells which of them a revocation list has.
    changes: u64,
    listed: BTreeMap<SerialKey, Listed>,
}

/// A certificate that is suspended or revoked.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    pub(crate) certificate: u64,
    pub(crate) status: Status,
    pub(crate) entry: Arc<EncodedEntry>,
}

/// How one certificate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) ca: u16,
    pub(crate) version: u16,
    pub(crate) status: Status,
}

/// What a revocation list is made from.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) changes: u64,
    pub(crate) entries: Vec<Arc<EncodedEntry>>,
}

impl Standings {
    /// Room for so many more certificates.
    pub(crate) fn reserve(&self, more: usize) {
        self.0.write().known.reserve(more);
    }

    /// A new certificate, or one that is read at the start with what was done to it.
    pub(crate) fn insert(&self, key: SerialKey, ca: u16, changes: u32, listed: Option<Listed>) {
        let mut inside = self.0.write();
        if let Some(listed) = listed {
            inside.lists.entry(ca).or_default().listed.insert(key, listed);
        }
        inside.known.insert(key, Known { ca, version: version(changes) });
    }

    /// A certificate's status was changed. `listed` is `None` when it is good again. Returns the
    /// count of its CA's changes, this one included.
    pub(crate) fn change(
        &self,
        key: SerialKey,
        ca: u16,
        changes: u32,
        listed: Option<Listed>,
    ) -> u64 {
        let mut inside = self.0.write();
        inside.known.insert(key, Known { ca, version: version(changes) });
        let list = inside.lists.entry(ca).or_default();
        match listed {
            Some(listed) => list.listed.insert(key, listed),
            None => list.listed.remove(&key),
        };
        list.changes += 1;
        list.changes
    }

    /// How a certificate stands; `None` when nobody issued it.
    pub(crate) fn get(&self, key: SerialKey) -> Option<Standing> {
        let inside = self.0.read();
        let Known { ca, version } = *inside.known.get(&key)?;
        let listed = inside.lists.get(&ca).and_then(|list| list.listed.get(&key));
        let status = listed.map_or(Status::Good, |listed| listed.status);
        Some(Standing { ca, version, status })
    }

    /// The version of a certificate's status.
    pub(crate) fn version(&self, key: SerialKey) -> Option<u16> {
        self.0.read().known.get(&key).map(|known| known.version)
    }

    /// The count of a CA's changes since the start.
    pub(crate) fn changes(&self, ca: u16) -> u64 {
        self.0.read().lists.get(&ca).map_or(0, |list| list.changes)
    }

    /// Everything that a revocation list of the CA has to have, sorted.
    pub(crate) fn snapshot(&self, ca: u16) -> Snapshot {
        let inside = self.0.read();
        let Some(list) = inside.lists.get(&ca) else {
            return Snapshot { changes: 0, entries: Vec::new() };
        };
        let entries = list.listed.values().map(|listed| Arc::clone(&listed.entry)).collect();
        Snapshot { changes: list.changes, entries }
    }

    /// Those suspended and revoked certificates, of any CA, that `wanted` picks.
    pub(crate) fn pick<T>(
        &self,
        mut wanted: impl FnMut(u16, SerialKey, &Listed) -> Option<T>,
    ) -> Vec<T> {
        let inside = self.0.read();
        let mut picked = Vec::new();
        for (ca, list) in &inside.lists {
            for (key, listed) in &list.listed {
                picked.extend(wanted(*ca, *key, listed));
            }
        }
        picked
    }

    /// How many certificates there are.
    pub(crate) fn len(&self) -> usize {
        self.0.read().known.len()
    }
}

// A version returns after 65,536 changes of one certificate; the answers that it dates are kept
// for minutes.
fn version(changes: u32) -> u16 {
    (changes & 0xffff) as u16
}
