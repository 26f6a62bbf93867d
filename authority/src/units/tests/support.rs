//! A registry over a store in memory with a CA, key files, and a device that can be taken away.

use crate::units::*;
use crate::{Act, Authority, AuthorityCa, ResponderKey, Settings};
use certs::{
    CaProfile, CertificateAuthority, DistinguishedName, FileBackend, KeyBackend, KeyError, KeyKind,
    SignatureScheme, SigningKey, SoftwareKey,
};
use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use openssl::pkey::{PKey, Public};
use rand::SeedableRng;
use rand::rngs::StdRng;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use store::disk::{Disk, MemoryDisk};
use store::journal::Reader;
use store::{MemoryStore, Store};
use tempfile::TempDir;
use trail::{Query, Recorded, Trail};

pub(super) const POLICY: &str = "0.4.0.2023.1.1";

/// 1 March 2026, noon.
pub(super) fn noon() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 3, 1, 12, 0, 0).unwrap()
}

/// So many days later.
pub(super) fn day(days: i64) -> DateTime<Utc> {
    noon() + TimeDelta::days(days)
}

pub(super) fn by() -> Act {
    Act::new("admin", "test")
}

pub(super) fn software_key(kind: KeyKind) -> Arc<dyn SigningKey> {
    Arc::new(SoftwareKey::generate("test", kind).unwrap())
}

pub(super) fn name(common_name: &str) -> DistinguishedName {
    DistinguishedName::organization("IT", "Prova S.p.A.", common_name)
}

/// A root and an issuing CA.
#[derive(Clone)]
pub(super) struct Hierarchy {
    pub(super) root: CertificateAuthority,
    pub(super) issuing: CertificateAuthority,
}

impl Hierarchy {
    pub(super) fn new(prefix: &str) -> Self {
        let mut random = StdRng::seed_from_u64(7);
        let url = "https://tsa.example";
        let root = CertificateAuthority::create_root(
            &CaProfile::root(name(&format!("{prefix} Root"))),
            software_key(KeyKind::P256),
            url,
            noon(),
            &mut random,
        )
        .unwrap();
        let profile = CaProfile::issuing("issuing", name(&format!("{prefix} Issuing")));
        let key = software_key(KeyKind::P256);
        let issuing = root.create_issuing(&profile, key, noon(), &mut random).unwrap();
        Self { root, issuing }
    }
}

/// Key files that can be taken away: a device, as far as the registry can see.
#[derive(Debug)]
pub(super) struct Device {
    files: Arc<FileBackend>,
    lost: Arc<AtomicBool>,
}

#[derive(Debug)]
struct DeviceKey {
    files: Arc<FileBackend>,
    label: String,
    public: PKey<Public>,
    lost: Arc<AtomicBool>,
}

fn gone() -> KeyError {
    KeyError::Signing("the device is gone".to_owned())
}

impl Device {
    fn reached(&self) -> Result<&FileBackend, KeyError> {
        match self.lost.load(Ordering::SeqCst) {
            true => Err(gone()),
            false => Ok(&self.files),
        }
    }
}

impl KeyBackend for Device {
    fn generate(&self, label: &str, kind: KeyKind) -> Result<Arc<dyn SigningKey>, KeyError> {
        self.reached()?.generate(label, kind)
    }

    fn open(&self, label: &str) -> Result<Arc<dyn SigningKey>, KeyError> {
        self.reached()?.open(label)
    }

    fn contains(&self, label: &str) -> Result<bool, KeyError> {
        self.reached()?.contains(label)
    }

    fn open_known(
        &self,
        label: &str,
        public: PKey<Public>,
    ) -> Result<Arc<dyn SigningKey>, KeyError> {
        let (files, lost) = (Arc::clone(&self.files), Arc::clone(&self.lost));
        Ok(Arc::new(DeviceKey { files, label: label.to_owned(), public, lost }))
    }

    fn destroy(&self, label: &str) -> Result<(), KeyError> {
        self.reached()?.destroy(label)
    }
}

impl SigningKey for DeviceKey {
    fn kind(&self) -> KeyKind {
        KeyKind::of(&self.public).unwrap()
    }

    fn scheme(&self) -> SignatureScheme {
        self.kind().scheme()
    }

    fn public_key(&self) -> &PKey<Public> {
        &self.public
    }

    fn in_device(&self) -> bool {
        true
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        match self.lost.load(Ordering::SeqCst) {
            true => Err(gone()),
            false => self.files.open(&self.label)?.sign(message),
        }
    }
}

/// The registry with everything around it.
pub(super) struct Bench {
    pub(super) hierarchy: Hierarchy,
    pub(super) outside: Hierarchy,
    pub(super) store: Arc<MemoryStore>,
    disk: MemoryDisk,
    directory: Arc<TempDir>,
    pub(super) files: Arc<FileBackend>,
    pub(super) lost: Arc<AtomicBool>,
    pub(super) authority: Authority,
    pub(super) registry: UnitRegistry,
    starts: Arc<AtomicU64>,
}

impl Bench {
    pub(super) fn new() -> Self {
        let directory = Arc::new(tempfile::tempdir().unwrap());
        for place in ["keys", "device"] {
            std::fs::create_dir(directory.path().join(place)).unwrap();
        }
        let (hierarchy, outside) = (Hierarchy::new("Prova"), Hierarchy::new("Altra"));
        let starts = Arc::new(AtomicU64::new(0));
        Self::open(hierarchy, outside, MemoryDisk::new(), directory, starts)
    }

    fn open(
        hierarchy: Hierarchy,
        outside: Hierarchy,
        disk: MemoryDisk,
        directory: Arc<TempDir>,
        starts: Arc<AtomicU64>,
    ) -> Self {
        let (store, _) = MemoryStore::open(&disk, &store::Settings::small()).unwrap();
        let store = Arc::new(store);
        let shared = Arc::clone(&store) as Arc<dyn Store>;
        let ca = AuthorityCa { ca: hierarchy.issuing.clone(), responder: ResponderKey::Direct };
        // Another seed at each start, or the same serial numbers would come again.
        let random = StdRng::seed_from_u64(starts.fetch_add(1, Ordering::SeqCst));
        let authority =
            Authority::open(Arc::clone(&shared), vec![ca], Settings::default(), random, noon())
                .unwrap();
        let files = Arc::new(FileBackend::new(directory.path().join("keys")));
        let lost = Arc::new(AtomicBool::new(false));
        let device = Device {
            files: Arc::new(FileBackend::new(directory.path().join("device"))),
            lost: Arc::clone(&lost),
        };
        let keys = KeyStores {
            file: Arc::clone(&files) as Arc<dyn KeyBackend>,
            hsm: Some(Arc::new(device)),
        };
        let settings = RegistrySettings {
            ca: Some("issuing".to_owned()),
            subject: name(""),
            roots: vec![hierarchy.root.certificate_der().to_vec()],
        };
        let registry = UnitRegistry::open(shared, keys, Some(authority.clone()), settings).unwrap();
        Self {
            hierarchy,
            outside,
            store,
            disk,
            directory,
            files,
            lost,
            authority,
            registry,
            starts,
        }
    }

    /// Where a key is kept.
    pub(super) fn key_file(&self, label: &str) -> std::path::PathBuf {
        self.directory.path().join("keys").join(format!("{label}.key"))
    }

    /// The same registry of certificates, with the root among its CAs.
    pub(super) fn with_root(&self) -> Authority {
        let store = Arc::clone(&self.store) as Arc<dyn Store>;
        let responder = ResponderKey::Direct;
        let cas = [&self.hierarchy.issuing, &self.hierarchy.root];
        let cas = cas.map(|ca| AuthorityCa { ca: ca.clone(), responder: responder.clone() });
        let random = StdRng::seed_from_u64(self.starts.fetch_add(1, Ordering::SeqCst));
        Authority::open(store, cas.to_vec(), Settings::default(), random, noon()).unwrap()
    }

    /// Another registry of units over the same store.
    pub(super) fn registry_under(&self, authority: &Authority) -> UnitRegistry {
        let store = Arc::clone(&self.store) as Arc<dyn Store>;
        let keys = KeyStores { file: Arc::clone(&self.files) as Arc<dyn KeyBackend>, hsm: None };
        let settings = RegistrySettings {
            ca: Some("issuing".to_owned()),
            subject: name(""),
            roots: vec![self.hierarchy.root.certificate_der().to_vec()],
        };
        UnitRegistry::open(store, keys, Some(authority.clone()), settings).unwrap()
    }

    /// A kill and a restart: what is durable is found again, and nothing else.
    pub(super) fn restarted(self) -> Self {
        let Self {
            hierarchy, outside, disk, directory, starts, store, registry, authority, ..
        } = self;
        drop((registry, authority));
        store.close().unwrap();
        drop(store);
        Self::open(hierarchy, outside, disk, directory, starts)
    }

    /// What was told, as `action subject`.
    pub(super) fn told(&self) -> Vec<String> {
        let events = self.events();
        events.iter().map(|event| format!("{} {}", event.action, event.subject)).collect()
    }

    pub(super) fn events(&self) -> Vec<Recorded> {
        let trail = Trail::open(Arc::clone(&self.store) as Arc<dyn Store>).unwrap();
        let events = trail.page(&Query { limit: 1000, ..Query::default() }).unwrap().events;
        // What the CA tells of its own is not looked at here.
        let of_units = |event: &Recorded| event.subject.starts_with("unit ");
        events.into_iter().filter(of_units).collect()
    }

    /// The tables that each transaction of the journal has changed.
    pub(super) fn journal(&self) -> Vec<Vec<u8>> {
        let disk: Arc<dyn Disk> = Arc::new(self.store.disk().clone());
        let transactions = Reader::on(disk).unwrap().map(|transaction| transaction.unwrap());
        let tables = |operations: Vec<store::journal::Operation>| {
            operations.iter().map(|operation| operation.table).collect()
        };
        transactions.map(|transaction| tables(transaction.operations)).collect()
    }

    /// A unit that signs.
    pub(super) async fn active(&self, id: &str) -> Unit {
        self.registry.configure(unit(id), None, &by(), noon()).await.unwrap()
    }

    pub(super) fn state(&self, id: &str, generation: u32) -> State {
        let unit = self.registry.show(id).unwrap();
        unit.generations.iter().find(|one| one.number == generation).unwrap().state
    }
}

/// A unit with a key in a file, certified in here.
pub(super) fn unit(id: &str) -> UnitSettings {
    UnitSettings::new(id, KeyKind::P256, vec![POLICY.to_owned()])
}

/// A unit that is certified outside.
pub(super) fn outside(id: &str) -> UnitSettings {
    UnitSettings { certified_by: CertifiedBy::Outside, rollover: None, ..unit(id) }
}

/// A unit with its keys in the device.
pub(super) fn in_device(id: &str) -> UnitSettings {
    UnitSettings { key_store: KeyStore::Hsm, ..unit(id) }
}
