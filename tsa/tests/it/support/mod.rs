//! What the tests and the benchmark share: a clock that is set by hand, randomness with a seed, a
//! small hierarchy of CAs, a ledger in memory, requests, and the token as rasn would write it.

#![allow(dead_code, unused_imports, reason = "the benchmark uses a part of it")]

pub(crate) mod key;
#[path = "../../../../certs/tests/it/support/keys.rs"]
pub(crate) mod keys;
pub(crate) mod ledger;
pub(crate) mod reference;
pub(crate) mod request;
#[path = "../../../../certs/tests/it/support/softhsm.rs"]
pub(crate) mod softhsm;

/// For `keys`, which the tests of `certs` use under another name of the crate.
pub(crate) use ::certs;
pub(crate) use keys::Keys;

use certs::{
    CaProfile, CertificateAuthority, DistinguishedName, KeyKind, SigningKey, SoftwareKey,
    TsuCertificate, TsuProfile,
};
use chrono::{DateTime, TimeZone, Utc};
use marca_tsa::serial::{RandomNotAvailable, RandomSource};
use marca_tsa::time::{Instant, TimeNotAvailable, TimeSource};
use marca_tsa::{
    Accuracy, ChainPolicy, HashAlgorithm, Issuer, IssuerSettings, Policies, PolicyId, Tsu,
    TsuSettings, VerifyPolicy,
};
use rand::{TryCryptoRng, TryRng};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

/// 1 March 2026, noon.
pub(crate) fn noon() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 3, 1, 12, 0, 0).unwrap()
}

/// A token is made a day later, at an instant with milliseconds.
pub(crate) fn start_ms() -> i64 {
    noon().timestamp_millis() + 86_400_000 + 123
}

/// A clock that stands still until it is set, or fails when it is told to.
pub(crate) struct TestClock {
    unix_ms: AtomicI64,
    error_us: AtomicU64,
    lost: AtomicBool,
    /// Lost after so many readings more; negative never.
    readings_left: AtomicI64,
}

impl TestClock {
    pub(crate) fn at(unix_ms: i64) -> Arc<Self> {
        Arc::new(Self {
            unix_ms: AtomicI64::new(unix_ms),
            error_us: AtomicU64::new(0),
            lost: AtomicBool::new(false),
            readings_left: AtomicI64::new(-1),
        })
    }

    pub(crate) fn set(&self, unix_ms: i64) {
        self.unix_ms.store(unix_ms, Ordering::SeqCst);
    }

    pub(crate) fn err(&self, error_us: u64) {
        self.error_us.store(error_us, Ordering::SeqCst);
    }

    pub(crate) fn lose(&self, lost: bool) {
        self.lost.store(lost, Ordering::SeqCst);
    }

    pub(crate) fn lose_after(&self, readings: i64) {
        self.readings_left.store(readings, Ordering::SeqCst);
    }
}

impl TimeSource for TestClock {
    fn now(&self) -> Result<Instant, TimeNotAvailable> {
        let left = self.readings_left.load(Ordering::SeqCst);
        if left >= 0 {
            self.readings_left.store((left - 1).max(0), Ordering::SeqCst);
        }
        if left == 0 || self.lost.load(Ordering::SeqCst) {
            return Err(TimeNotAvailable { reason: "the test says so".to_owned() });
        }
        let unix_ms = self.unix_ms.load(Ordering::SeqCst);
        Ok(Instant { unix_ms, error_us: self.error_us.load(Ordering::SeqCst) })
    }
}

/// SplitMix64: repeatable, and good enough for tests.
pub(crate) struct SeededRandom {
    state: AtomicU64,
    broken: AtomicBool,
}

impl SeededRandom {
    pub(crate) fn new(seed: u64) -> Arc<Self> {
        Arc::new(Self { state: AtomicU64::new(seed), broken: AtomicBool::new(false) })
    }

    pub(crate) fn break_it(&self) {
        self.broken.store(true, Ordering::SeqCst);
    }

    pub(crate) fn next(&self) -> u64 {
        let mut z = self
            .state
            .fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed)
            .wrapping_add(0x9E37_79B9_7F4A_7C15);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

impl RandomSource for SeededRandom {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomNotAvailable> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(RandomNotAvailable { reason: "the test says so".to_owned() });
        }
        for chunk in buffer.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_be_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

struct CertificateRandom(Arc<SeededRandom>);

impl TryRng for CertificateRandom {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.0.next() as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.0.next())
    }

    fn try_fill_bytes(&mut self, buffer: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(buffer).unwrap();
        Ok(())
    }
}

impl TryCryptoRng for CertificateRandom {}

/// A root, an issuing CA, and certificates for units.
pub(crate) struct Authority {
    pub(crate) root: CertificateAuthority,
    pub(crate) issuing: CertificateAuthority,
}

fn name(common_name: &str) -> DistinguishedName {
    DistinguishedName::organization("IT", "Prova S.p.A.", common_name)
}

pub(crate) fn software_key(kind: KeyKind) -> Arc<dyn SigningKey> {
    Arc::new(SoftwareKey::generate("test", kind).unwrap())
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut random = CertificateRandom(SeededRandom::new(7));
        let url = "https://tsa.example";
        let root = CertificateAuthority::create_root(
            &CaProfile::root(name("Prova Root")),
            software_key(KeyKind::P256),
            url,
            noon(),
            &mut random,
        )
        .unwrap();
        let issuing = root
            .create_issuing(
                &CaProfile::issuing("tsa-ca", name("Prova Issuing")),
                software_key(KeyKind::P256),
                noon(),
                &mut random,
            )
            .unwrap();
        Self { root, issuing }
    }

    pub(crate) fn certificate(&self, key: &dyn SigningKey) -> TsuCertificate {
        self.certificate_from(key, noon())
    }

    /// A certificate that begins at `now`.
    pub(crate) fn certificate_from(
        &self,
        key: &dyn SigningKey,
        now: DateTime<Utc>,
    ) -> TsuCertificate {
        let profile = TsuProfile::new(
            name("Prova TSU 1"),
            vec![policy("1.3.6.1.4.1.99999.1").oid().to_owned()],
        );
        // Its serial number is another one for every key.
        let digest = openssl::sha::sha256(&key.public_key().public_key_to_der().unwrap());
        let seed = u64::from_be_bytes(digest[..8].try_into().unwrap());
        let mut random = CertificateRandom(SeededRandom::new(seed));
        let leaf = self.issuing.issue_tsu(&profile, key.public_key(), now, &mut random).unwrap();
        let (chain, roots) = ([self.issuing.certificate_der().to_vec()], [self.root_der()]);
        certs::check_tsu(&leaf, &chain, &roots, key.public_key(), now).unwrap()
    }

    pub(crate) fn root_der(&self) -> Vec<u8> {
        self.root.certificate_der().to_vec()
    }

    pub(crate) fn settings(&self, id: &str, key: Arc<dyn SigningKey>) -> TsuSettings {
        TsuSettings {
            id: id.to_owned(),
            certificate: self.certificate(&*key),
            key,
            policies: Policies::new(policy(DEFAULT_POLICY), vec![policy(OTHER_POLICY)]),
            accuracy: Accuracy::from_micros(500_000).unwrap(),
            hashes: HashAlgorithm::ALL.to_vec(),
            chain: ChainPolicy::LeafOnly,
            verify: VerifyPolicy::default(),
        }
    }

    pub(crate) fn unit(&self, id: &str, key: Arc<dyn SigningKey>) -> Tsu {
        Tsu::new(self.settings(id, key)).unwrap()
    }
}

/// The best-practice policy of EN 319 421.
pub(crate) const DEFAULT_POLICY: &str = "0.4.0.2023.1.1";
pub(crate) const OTHER_POLICY: &str = "1.3.6.1.4.1.99999.2";

pub(crate) fn policy(oid: &str) -> PolicyId {
    oid.parse().unwrap()
}

/// An issuer with one unit, `main`, and everything a test may turn.
pub(crate) struct Bench {
    pub(crate) authority: Authority,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) random: Arc<SeededRandom>,
    pub(crate) issuer: Issuer<ledger::MemoryLedger>,
}

impl Bench {
    pub(crate) fn new(stamps: u64) -> Self {
        Self::with_key(stamps, software_key(KeyKind::P256))
    }

    pub(crate) fn with_key(stamps: u64, key: Arc<dyn SigningKey>) -> Self {
        let authority = Authority::new();
        let unit = authority.unit("main", key);
        Self::with_units(stamps, authority, vec![unit])
    }

    pub(crate) fn with_units(stamps: u64, authority: Authority, units: Vec<Tsu>) -> Self {
        let clock = TestClock::at(start_ms());
        let random = SeededRandom::new(42);
        let ledger = ledger::MemoryLedger::with_stamps(stamps);
        let settings = IssuerSettings::new(random.clone());
        let issuer = Issuer::new(ledger, units, "main", clock.clone(), settings).unwrap();
        Self { authority, clock, random, issuer }
    }

    pub(crate) fn clock_seconds(&self) -> i64 {
        self.clock.now().unwrap().unix_ms / 1000
    }

    pub(crate) fn issue(&self, request: &[u8]) -> marca_tsa::Reply {
        block_on(self.issuer.issue(&(), None, request))
    }
}

/// Runs a future to its end on this thread.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}
