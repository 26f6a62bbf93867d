//! What the authority publishes, and how fast: certificates issued, OCSP answers, revocation
//! lists with many entries, a start, and the memory that it all takes.
//!
//! `cargo bench -p marca-authority --bench publish [-- CERTIFICATES [DIRECTORY]]`; without a
//! number 100,000 certificates, all revoked in the end. Keys are P-256, in memory; the store is on
//! the disk.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark prints, or fails")]

use certs::{
    CaProfile, CertificateAuthority, DistinguishedName, EndKind, EndProfile, FileBackend,
    KeyBackend, KeyKind, RevocationReason, Serial, SigningKey, SoftwareKey,
};
use chrono::{DateTime, Utc};
use marca_authority::{Act, Authority, AuthorityCa, ResponderKey, Settings};
use openssl::hash::MessageDigest;
use openssl::ocsp::{OcspCertId, OcspRequest};
use openssl::x509::X509;
use rand::SeedableRng;
use rand::rngs::StdRng;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use store::{DiskStore, Settings as StoreSettings, Store};
use tokio::task::JoinSet;

/// Requests that are under way at a time.
const UNDER_WAY: usize = 256;
/// Certificates that OCSP is asked about.
const ASKED: usize = 20_000;
/// Lists that are made at full length.
const LISTS: u32 = 20;

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with("--"));
    let certificates = arguments.next().map_or(100_000, |text| text.parse().unwrap());
    let home = tempfile::tempdir_in(arguments.next().unwrap_or_else(|| ".".to_owned())).unwrap();
    let site = Site::new(home.path());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();

    let (store, authority) = site.open();
    runtime.block_on(authority.tick(now()));
    let before = resident();
    let issued = measured("certificates issued", certificates, || {
        runtime.block_on(issue(&authority, certificates))
    });
    println!("memory for them                           {:>9} KiB", resident() - before);
    site.ask(&authority, &issued);
    let serials: Vec<Serial> = issued.iter().map(|issued| issued.0.clone()).collect();
    drop(issued);
    measured("certificates revoked, with their lists", certificates, || {
        runtime.block_on(revoke(&authority, serials));
    });
    let crl = authority.crl("issuing").unwrap();
    println!("lists made for them                       {:>9}", crl.number - 1);
    println!("entries of the list                       {:>9}", crl.entries);
    println!("length of the list                        {:>9} KiB", crl.der.len() / 1024);
    let begun = Instant::now();
    for _ in 0..LISTS {
        runtime.block_on(authority.publish_crl("issuing", &by(), now())).unwrap();
    }
    let each = begun.elapsed().as_secs_f64() * 1e3 / f64::from(LISTS);
    println!("a list of that length, signed and durable {each:>9.1} ms");
    println!("memory with all of them revoked           {:>9} KiB", resident() - before);
    drop(authority);
    store.close().unwrap();
    drop(store);
    let begun = Instant::now();
    let (store, authority) = site.open();
    let opened = begun.elapsed().as_secs_f64() * 1e3;
    println!("opening store and registry                {opened:>9.1} ms");
    assert_eq!(authority.certificates(), certificates + 1);
    store.close().unwrap();
}

/// What outlives a restart.
struct Site {
    directory: std::path::PathBuf,
    ca: CertificateAuthority,
    keys: Arc<dyn KeyBackend>,
}

impl Site {
    fn new(home: &Path) -> Self {
        let mut random = StdRng::seed_from_u64(1);
        let url = "http://ca.example";
        let root = CaProfile::root(machine("Root"));
        let root =
            CertificateAuthority::create_root(&root, key(), url, now(), &mut random).unwrap();
        let issuing = CaProfile::issuing("issuing", machine("Issuing"));
        let ca = root.create_issuing(&issuing, key(), now(), &mut random).unwrap();
        let (directory, keys) = (home.join("data"), home.join("keys"));
        std::fs::create_dir(&keys).unwrap();
        Self { directory, ca, keys: Arc::new(FileBackend::new(keys)) }
    }

    fn open(&self) -> (Arc<DiskStore>, Authority) {
        let (store, _) = DiskStore::open(&self.directory, &StoreSettings::default()).unwrap();
        let store = Arc::new(store);
        let responder = ResponderKey::Delegated {
            backend: self.keys.clone(),
            kind: KeyKind::P256,
            subject: machine("OCSP"),
        };
        let cas = vec![AuthorityCa { ca: self.ca.clone(), responder }];
        let (shared, random): (Arc<dyn Store>, _) = (store.clone(), StdRng::seed_from_u64(2));
        let settings = Settings { cached_answers: 4 * ASKED, ..Settings::default() };
        (store, Authority::open(shared, cas, settings, random, now()).unwrap())
    }

    /// Each certificate is asked about once, then again; on one thread, then on every core.
    fn ask(&self, authority: &Authority, issued: &[(Serial, Vec<u8>)]) {
        let issuer = X509::from_der(self.ca.certificate_der()).unwrap();
        let requests: Vec<Vec<u8>> = issued
            .iter()
            .take(2 * ASKED)
            .map(|(_, der)| {
                let subject = X509::from_der(der).unwrap();
                let id = OcspCertId::from_cert(MessageDigest::sha1(), &subject, &issuer).unwrap();
                let mut request = OcspRequest::new().unwrap();
                request.add_id(id).unwrap();
                request.to_der().unwrap()
            })
            .collect();
        let (first, second) = requests.split_at(requests.len() / 2);
        let ask = |requests: &[Vec<u8>]| {
            for request in requests {
                assert!(authority.ocsp(request, now()).caching.is_some());
            }
        };
        let cores = std::thread::available_parallelism().unwrap().get();
        let ask_on_all = |requests: &[Vec<u8>]| {
            std::thread::scope(|scope| {
                for part in requests.chunks(requests.len().div_ceil(cores)) {
                    scope.spawn(move || ask(part));
                }
            });
        };
        measured("OCSP answers signed, one thread", first.len(), || ask(first));
        measured("OCSP answers from memory, one thread", first.len(), || ask(first));
        measured("OCSP answers signed, every core", second.len(), || ask_on_all(second));
        measured("OCSP answers from memory, every core", second.len(), || ask_on_all(second));
    }
}

async fn issue(authority: &Authority, count: usize) -> Vec<(Serial, Vec<u8>)> {
    let profile = EndProfile::new(EndKind::TlsClient, Vec::new());
    let (subject, holder, mut tasks) = (machine("client"), key(), JoinSet::new());
    let mut issued = Vec::with_capacity(count);
    for _ in 0..count {
        if tasks.len() == UNDER_WAY {
            issued.push(tasks.join_next().await.unwrap().unwrap());
        }
        let (authority, profile, subject) = (authority.clone(), profile.clone(), subject.clone());
        let holder = holder.public_key().clone();
        tasks.spawn(async move {
            let by = by();
            let issued = authority.issue("issuing", &profile, &subject, &holder, &by, now());
            let issued = issued.await.unwrap();
            (issued.serial, issued.der)
        });
    }
    issued.extend(tasks.join_all().await);
    issued
}

async fn revoke(authority: &Authority, serials: Vec<Serial>) {
    let mut tasks = JoinSet::new();
    for serial in serials {
        if tasks.len() == UNDER_WAY {
            tasks.join_next().await.unwrap().unwrap();
        }
        let authority = authority.clone();
        tasks.spawn(async move {
            let reason = RevocationReason::KeyCompromise;
            authority.revoke(&serial, reason, None, &by(), now()).await.unwrap();
        });
    }
    tasks.join_all().await;
}

fn measured<T>(what: &str, count: usize, work: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let result = work();
    let rate = count as f64 / begun.elapsed().as_secs_f64();
    println!("{what:<40} {rate:>10.0}/s");
    result
}

fn key() -> Arc<dyn SigningKey> {
    Arc::new(SoftwareKey::generate("bench", KeyKind::P256).unwrap())
}

fn machine(name: &str) -> DistinguishedName {
    DistinguishedName::organization("IT", "Example", name)
}

fn by() -> Act {
    Act::new("bench", "")
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

/// The memory of this process, in KiB.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
